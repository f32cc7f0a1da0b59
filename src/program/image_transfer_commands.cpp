// `slipway image import` and `slipway image export`.
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "json/writer.hpp"
#include "program/api_client.hpp"
#include "program/image_commands.hpp"
#include "program/image_name.hpp"
#include "program/progress.hpp"
#include "transfer/image_export.hpp"
#include "transfer/image_import.hpp"

namespace slipway {
namespace {

/// Tells on standard error what moves.
class ShownTransfer final : public TransferEvents {
 public:
  explicit ShownTransfer(std::string moved) : progress_("image", std::move(moved)) {}

  void planned(std::uint64_t bytes) override { progress_.expect(bytes); }
  void moved(std::uint64_t bytes) override { progress_.add(bytes); }
  void done(std::string_view name, std::uint64_t size, Blob how) override {
    progress_.say(slipway::format("{} {} {}", name, readable_size(size), text_of(how)));
  }
  void end() { progress_.end(); }

 private:
  static std::string_view text_of(Blob how) {
    switch (how) {
      case Blob::sent: return "sent";
      case Blob::present: return "is there already";
      case Blob::mounted: return "mounted from another repository";
      case Blob::received: return "received";
    }
    return "";
  }

  Progress progress_;
};

// ---- import ----

struct ImportCommand {
  ClientOptions client;
  std::string image;
  std::string source;
  ImportOptions options;
};

std::string import_json(const RepositoryName& repository, const Reference& reference,
                        const ImportSummary& summary) {
  json::Writer json;
  json.begin_object().member("repository", repository.str());
  if (std::holds_alternative<Tag>(reference)) json.member("tag", to_string(reference));
  json.member("digest", summary.digest.to_string()).member("media_type", summary.media_type);
  json.key("manifests").number(summary.manifests);
  json.key("blobs_sent").number(summary.blobs_sent);
  json.key("bytes_sent").number(summary.bytes_sent);
  json.key("blobs_there").number(summary.blobs_there);
  json.end_object();
  return json.take();
}

ExitStatus run_import(const ImportCommand& command) {
  const auto name = parse_image_name(command.image);
  if (!name) return report_wrong_usage(name.error().message);
  return with_client(command.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    const Reference reference = name->reference_or_latest();
    SLIPWAY_TRY(const auto source, open_layout_source(command.source));
    RegistryClient registry = client.registry(name->repository);
    ShownTransfer events("sent");
    const auto summary = import_image(*source, registry, reference, command.options, events);
    events.end();
    if (!summary) return summary.error().in(command.source);
    if (command.client.json)
      print(import_json(name->repository, reference, *summary) + "\n");
    else
      print(slipway::format("{} imported\ndigest {}\nmanifests: {}, blobs sent: {} ({}), blobs that "
                            "were there: {}\n",
                            image_name(name->repository, reference), summary->digest.to_string(),
                            summary->manifests, summary->blobs_sent, readable_size(summary->bytes_sent),
                            summary->blobs_there));
    return ExitStatus::done;
  });
}

// ---- export ----

enum class Form { folder, tar, tar_gzip, tar_zstd };

std::optional<Form> parse_form(std::string_view text) {
  if (text == "folder") return Form::folder;
  if (text == "tar") return Form::tar;
  if (text == "tar.gz") return Form::tar_gzip;
  if (text == "tar.zst") return Form::tar_zstd;
  return std::nullopt;
}

Form form_of(std::string_view destination) {
  if (destination == "-" || destination.ends_with(".tar")) return Form::tar;
  if (destination.ends_with(".tar.gz") || destination.ends_with(".tgz")) return Form::tar_gzip;
  if (destination.ends_with(".tar.zst") || destination.ends_with(".tzst")) return Form::tar_zstd;
  return Form::folder;
}

struct ExportCommand {
  ClientOptions client;
  std::string image;
  std::string destination;
  std::optional<Form> form;
  ExportOptions options;
};

Result<void> write_to_standard_output(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error(ErrorCode::io, "standard output takes no more");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::unique_ptr<LayoutWriter>> open_destination(const ExportCommand& command, Form form) {
  if (form == Form::folder) return write_layout_folder(command.destination);
  Compression compression = Compression::none;
  if (form == Form::tar_gzip) compression = Compression::gzip;
  if (form == Form::tar_zstd) compression = Compression::zstd;
  if (command.destination == "-") return write_layout_tar(write_to_standard_output, compression);
  return write_layout_file(command.destination, compression);
}

std::string export_json(const RepositoryName& repository, const Reference& reference,
                        const ExportSummary& summary) {
  json::Writer json;
  json.begin_object().member("repository", repository.str());
  if (std::holds_alternative<Tag>(reference)) json.member("tag", to_string(reference));
  json.member("digest", summary.digest.to_string()).member("media_type", summary.media_type);
  json.key("manifests").number(summary.manifests);
  json.key("blobs").number(summary.blobs);
  json.key("bytes").number(summary.bytes);
  json.key("missing").number(summary.missing);
  json.end_object();
  return json.take();
}

std::string export_text(const RepositoryName& repository, const Reference& reference,
                        const ExportCommand& command, const ExportSummary& summary) {
  std::string text = slipway::format(
      "{} exported to {}\ndigest {}\nmanifests: {}, blobs: {} ({})\n",
      image_name(repository, reference), command.destination, summary.digest.to_string(),
      summary.manifests, summary.blobs, readable_size(summary.bytes));
  if (summary.missing > 0)
    text += slipway::format("manifests that an index names and the repository has not: {}; to import "
                            "it again takes --sparse\n",
                            summary.missing);
  return text;
}

ExitStatus run_export(const ExportCommand& command) {
  const auto name = parse_image_name(command.image);
  if (!name) return report_wrong_usage(name.error().message);
  const bool to_standard_output = command.destination == "-";
  const Form form = command.form.value_or(form_of(command.destination));
  if (to_standard_output && form == Form::folder)
    return report_wrong_usage("slipway image export: standard output takes a tar, not a folder");
  if (to_standard_output && ::isatty(STDOUT_FILENO) == 1)
    return report_wrong_usage("slipway image export: standard output is a terminal; redirect it");
  return with_client(command.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    const Reference reference = name->reference_or_latest();
    const RegistryClient registry = client.registry(name->repository);
    ShownTransfer events("received");
    SLIPWAY_TRY(const auto writer, open_destination(command, form));
    const auto summary = export_image(registry, reference, *writer, command.options, events);
    events.end();
    if (!summary) return summary.error();
    const std::string text = command.client.json
                                 ? export_json(name->repository, reference, *summary) + "\n"
                                 : export_text(name->repository, reference, command, *summary);
    // Standard output is the archive's when that goes there.
    if (!to_standard_output)
      print(text);
    else if (::write(STDERR_FILENO, text.data(), text.size()) < 0)
      return ExitStatus::done;  // nobody reads it
    return ExitStatus::done;
  });
}

}  // namespace

void add_image_import_command(CLI::App& group, Command& command) {
  const auto [app, options] = add_command(
      group, "import", "Take in an OCI layout or what docker save wrote", command, run_import);
  app->add_option("IMAGE", options->image, "REPO:TAG, or REPO@DIGEST to check the digest")
      ->required();
  app->add_option("SOURCE", options->source,
                  "A folder, a tar (plain, gzip or zstd), or - for standard input")
      ->required();
  app->add_option("--ref", options->options.ref,
                  "Which of several images in the source: its name there, or its digest")
      ->type_name("NAME");
  app->add_flag("--sparse", options->options.sparse,
                "An index may name images that are not in the source");
  add_client_options(*app, options->client);
}

void add_image_export_command(CLI::App& group, Command& command) {
  const auto [app, options] =
      add_command(group, "export", "Write an image as an OCI layout", command, run_export);
  app->add_option("IMAGE", options->image, "REPO:TAG or REPO@DIGEST")->required();
  app->add_option("DESTINATION", options->destination,
                  "A new folder, a file *.tar, *.tar.gz or *.tar.zst, or - for standard output")
      ->required();
  add_parsed(*app, "--format",
             {"folder|tar|tar.gz|tar.zst", "folder, tar, tar.gz or tar.zst"}, parse_form,
             options->form, "What to write (default as the destination's name says)");
  app->add_flag("--referrers", options->options.referrers,
                "With what refers to the image: signatures, attestations");
  add_client_options(*app, options->client);
}

}  // namespace slipway
