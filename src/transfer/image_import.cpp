#include "transfer/image_import.hpp"

#include <slipway/support/hasher.hpp>

#include <map>
#include <optional>
#include <utility>

#include "image/image_layout.hpp"
#include "support/format.hpp"
#include "transfer/import_plan.hpp"
#include "transfer/layout_contents.hpp"

namespace slipway {
namespace {

using Presence = RegistryClient::Presence;

ByteSource source_of(std::string_view bytes) {
  return [bytes](std::span<std::byte> out) mutable -> Result<std::size_t> {
    const std::size_t count = bytes.copy(reinterpret_cast<char*>(out.data()), out.size());
    bytes.remove_prefix(count);
    return count;
  };
}

class Import {
 public:
  Import(LayoutSource& source, RegistryClient& registry, const Reference& target,
         const ImportOptions& options, TransferEvents& events)
      : source_(source),
        registry_(registry),
        target_(target),
        events_(events),
        choice_{options.ref,
                std::holds_alternative<Tag>(target) ? to_string(target) : std::string(),
                options.sparse} {}

  Result<ImportSummary> run();

 private:
  struct Sent {
    Digest digest;
    std::uint64_t size;
  };

  Result<void> read_twice();
  Result<void> read_once();
  Result<void> send_as_it_comes(const std::string& name, const LayoutFile& file,
                                const ByteSource& bytes);
  Result<void> send_documents();
  Result<bool> is_there(const Digest& digest, std::uint64_t size);
  Result<void> send(const std::string& name, const std::optional<Digest>& digest,
                    std::uint64_t size, const ByteSource& bytes);
  Result<void> check_target(const Digest& digest) const;
  Result<ImportSummary> put_manifests();
  Result<ImportSummary> put_docker_image();
  ByteSource counted(const ByteSource& bytes);
  ImportSummary summary(const Digest& digest, std::string_view media_type) const;

  LayoutSource& source_;
  RegistryClient& registry_;
  const Reference& target_;
  TransferEvents& events_;
  const ImportChoice choice_;
  LayoutContents contents_;
  ImportPlan plan_;
  std::map<std::string, Sent, std::less<>> sent_;  // by file; what the registry has now
  std::uint64_t manifests_ = 0;
  std::uint64_t blobs_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t blobs_there_ = 0;
};

ByteSource Import::counted(const ByteSource& bytes) {
  return [this, &bytes](std::span<std::byte> out) -> Result<std::size_t> {
    auto got = bytes(out);
    if (got) events_.moved(*got);
    return got;
  };
}

Result<bool> Import::is_there(const Digest& digest, std::uint64_t size) {
  SLIPWAY_TRY(const Presence presence, registry_.find_blob(digest));
  if (presence == Presence::absent) return false;
  ++blobs_there_;
  events_.done(digest.to_string(), size,
               presence == Presence::mounted ? TransferEvents::Blob::mounted
                                             : TransferEvents::Blob::present);
  return true;
}

Result<void> Import::send(const std::string& name, const std::optional<Digest>& digest,
                          std::uint64_t size, const ByteSource& bytes) {
  Sent sent{digest.value_or(Digest(DigestAlgorithm::sha256, {})), size};
  if (digest) {
    SLIPWAY_CHECK(registry_.push_blob(*digest, size, counted(bytes)));
  } else {
    SLIPWAY_TRY(const RegistryClient::Pushed pushed, registry_.push_blob(counted(bytes)));
    sent = {pushed.digest, pushed.size};
  }
  ++blobs_sent_;
  bytes_sent_ += sent.size;
  events_.done(sent.digest.to_string(), sent.size, TransferEvents::Blob::sent);
  sent_.emplace(name, sent);
  return {};
}

/// Documents first: what is missing or does not fit is known before a byte is sent.
Result<void> Import::read_twice() {
  {
    SLIPWAY_TRY(const auto entries, source_.open());
    SLIPWAY_TRY(contents_, scan_layout(*entries));
  }
  SLIPWAY_TRY(plan_, plan_import(contents_, choice_));
  std::map<std::string, const ImportPlan::Blob*, std::less<>> wanted;
  std::uint64_t total = 0;
  for (const ImportPlan::Blob& blob : plan_.blobs) {
    if (blob.digest) {
      SLIPWAY_TRY(const bool there, is_there(*blob.digest, blob.size));
      if (there) {
        sent_.emplace(blob.file, Sent{*blob.digest, blob.size});
        continue;
      }
    }
    wanted.emplace(blob.file, &blob);
    total += blob.size;
  }
  if (plan_.docker) total += contents_.documents.at(plan_.docker->config).size();
  events_.planned(total);
  if (wanted.empty()) return {};

  SLIPWAY_TRY(const auto entries, source_.open());
  while (!wanted.empty()) {
    SLIPWAY_TRY(const std::optional<TarEntry> entry, entries->next());
    if (!entry)
      return Error(ErrorCode::conflict, quoted_entry(wanted.begin()->first) +
                                            " is gone: the source changed while it was read");
    const auto found = wanted.find(entry->name);
    if (found == wanted.end() || entry->type != TarEntry::Type::file) continue;
    const ImportPlan::Blob& blob = *found->second;
    auto sent = send(blob.file, blob.digest, blob.size,
                     [&](std::span<std::byte> out) { return entries->read(out); });
    if (!sent) return sent.error().in(quoted_entry(blob.file));
    wanted.erase(found);
  }
  return {};
}

/// Small files of Docker's archives that no image needs.
bool is_left_over(std::string_view name) {
  return name.ends_with("/VERSION") || name.ends_with("/json") || name == "repositories";
}

Result<void> Import::send_as_it_comes(const std::string& name, const LayoutFile& file,
                                      const ByteSource& bytes) {
  const auto digest = parse_layout_blob_path(name);
  if (!digest && is_left_over(name)) return {};
  if (digest) {
    SLIPWAY_TRY(const bool there, is_there(*digest, file.size));
    if (there) {
      sent_.emplace(name, Sent{*digest, file.size});
      return {};
    }
  }
  auto sent = send(name, digest, file.size, bytes);
  return sent ? Result<void>() : sent.error().in(quoted_entry(name));
}

/// Blobs that were kept because they could have been manifests.
Result<void> Import::send_documents() {
  for (const ImportPlan::Blob& blob : plan_.blobs) {
    const auto bytes = contents_.documents.find(blob.file);
    if (bytes == contents_.documents.end() || !blob.digest) continue;
    SLIPWAY_TRY(const bool there, is_there(*blob.digest, blob.size));
    if (there) continue;
    auto sent = send(blob.file, blob.digest, blob.size, source_of(bytes->second));
    if (!sent) return sent.error().in(quoted_entry(blob.file));
  }
  return {};
}

Result<void> Import::read_once() {
  SLIPWAY_TRY(const auto entries, source_.open());
  SLIPWAY_TRY(contents_, scan_layout(*entries, [this](const std::string& name,
                                                      const LayoutFile& file,
                                                      const ByteSource& bytes) {
                return send_as_it_comes(name, file, bytes);
              }));
  SLIPWAY_TRY(plan_, plan_import(contents_, choice_));
  return send_documents();
}

Result<void> Import::check_target(const Digest& digest) const {
  const Digest* wanted = std::get_if<Digest>(&target_);
  if (wanted == nullptr || *wanted == digest) return {};
  return Error(ErrorCode::digest_mismatch,
               slipway::format("the image is {}, not {}", digest.to_string(),
                               wanted->to_string()));
}

ImportSummary Import::summary(const Digest& digest, std::string_view media_type) const {
  return {digest, std::string(media_type), manifests_, blobs_sent_, bytes_sent_, blobs_there_};
}

Result<ImportSummary> Import::put_manifests() {
  const ImportPlan::Manifest& image = plan_.manifests.back();
  SLIPWAY_CHECK(check_target(image.digest));
  for (const ImportPlan::Manifest& manifest : plan_.manifests) {
    const bool last = &manifest == &image;
    SLIPWAY_CHECK(registry_.put_manifest(last ? target_ : Reference(manifest.digest),
                                         manifest.media_type,
                                         contents_.documents.at(manifest.file)));
    ++manifests_;
  }
  // A tag's digest is the registry's to compute: an image under another algorithm has two names.
  if (std::holds_alternative<Tag>(target_) && image.digest.algorithm() != DigestAlgorithm::sha256)
    SLIPWAY_CHECK(registry_.put_manifest(image.digest, image.media_type,
                                         contents_.documents.at(image.file)));
  return summary(image.digest, image.media_type);
}

Result<ImportSummary> Import::put_docker_image() {
  const ImportPlan::DockerImage& image = *plan_.docker;
  std::vector<SentLayer> layers;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const auto sent = sent_.find(image.layers[i]);
    if (sent == sent_.end())
      return Error(ErrorCode::invalid_argument, quoted_entry(image.layers[i]) + " is no layer");
    const Compression compression = contents_.files.find(image.layers[i])->second.compression;
    if (compression == Compression::none && sent->second.digest != image.diff_ids[i])
      return Error(ErrorCode::digest_mismatch,
                   slipway::format("{} has the digest {}; {} says {}",
                                   quoted_entry(image.layers[i]), sent->second.digest.to_string(),
                                   image.config, image.diff_ids[i].to_string()));
    layers.push_back({sent->second.digest, sent->second.size, compression});
  }
  const std::string& config = contents_.documents.at(image.config);
  const DockerManifest manifest = make_docker_manifest(config, layers);
  const Digest digest = digest_of(manifest.bytes);
  SLIPWAY_CHECK(check_target(digest));

  const Digest config_digest = digest_of(config);
  SLIPWAY_TRY(const bool there, is_there(config_digest, config.size()));
  if (!there) {
    SLIPWAY_CHECK(send(image.config, config_digest, config.size(), source_of(config)));
  }
  SLIPWAY_CHECK(registry_.put_manifest(target_, manifest.media_type, manifest.bytes));
  ++manifests_;
  return summary(digest, manifest.media_type);
}

Result<ImportSummary> Import::run() {
  SLIPWAY_CHECK(source_.repeatable() ? read_twice() : read_once());
  return plan_.docker ? put_docker_image() : put_manifests();
}

}  // namespace

Result<ImportSummary> import_image(LayoutSource& source, RegistryClient& registry,
                                   const Reference& target, const ImportOptions& options,
                                   TransferEvents& events) {
  return Import(source, registry, target, options, events).run();
}

}  // namespace slipway
