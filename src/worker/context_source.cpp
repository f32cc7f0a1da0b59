#include "worker/context_source.hpp"

#include <slipway/support/hasher.hpp>

#include <fstream>
#include <memory>
#include <system_error>

namespace slipway {
namespace {

namespace fs = std::filesystem;

/// A download's file and its digest so far; made anew for each try.
struct Download {
  std::ofstream file;
  std::unique_ptr<Hasher> hasher;
};

Step<FetchedSource> as_failure(const Error& error, const std::stop_token& stop) {
  if (stop.stop_requested()) return Stopped{};
  return infrastructure_failure("context_unavailable",
                                "the build context cannot be fetched: " + error.message);
}

}  // namespace

Step<FetchedSource> fetch_context(const ContextFetch& fetch, ServerLink& link, const BuildLog& log,
                                  std::stop_token stop) {
  log("Fetching the build context " + fetch.source.digest.to_string() + "\n");
  const fs::path archive = fetch.scratch / "context";
  Download download;
  const auto request = [&] {
    download.file = std::ofstream(archive, std::ios::binary | std::ios::trunc);
    download.hasher = std::make_unique<Hasher>(fetch.source.digest.algorithm());
    OutgoingRequest get;
    get.url = fetch.url;
    get.fields = {{"Authorization", "Bearer " + fetch.token}};
    return get;
  };
  const auto take = [&](std::span<const std::byte> bytes) -> Result<void> {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    download.hasher->update(text);
    download.file.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!download.file)
      return Error(ErrorCode::corrupt, archive.string() + ": cannot be written (disk full?)");
    return {};
  };
  auto response = link.send(request, fetch.patience, stop, take);
  if (!response) return as_failure(response.error(), stop);
  if (response->status != 200)
    return as_failure(Error(ErrorCode::unavailable, "status " + std::to_string(response->status)),
                      stop);
  download.file.close();
  if (!download.file)
    return infrastructure_failure("no_space", archive.string() + ": cannot be written");
  if (download.hasher->finish() != fetch.source.digest)
    return infrastructure_failure("context_unavailable",
                                  "the build context that came is not the one that was uploaded");

  std::error_code error;
  fs::create_directories(fetch.folder, error);
  if (error)
    return infrastructure_failure("no_space", fetch.folder.string() + ": " + error.message());
  auto extracted = extract_tar_file(archive, fetch.folder, fetch.limits);
  fs::remove(archive, error);
  if (!extracted) {
    const bool machine = extracted.error().code == ErrorCode::io;
    return BuildFailure{machine ? FailureClass::infrastructure : FailureClass::user,
                        machine ? "no_space" : "context_invalid",
                        "build context: " + extracted.error().message, std::nullopt};
  }
  log("Unpacked " + std::to_string(extracted->entries) + " entries, " +
      std::to_string(extracted->bytes) + " bytes\n");
  return FetchedSource{fetch.folder, {}, {}};
}

}  // namespace slipway
