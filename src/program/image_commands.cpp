#include "program/image_commands.hpp"

#include "program/api_client.hpp"
#include "program/image_name.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

struct DeleteOptions {
  ClientOptions client;
  std::string image;
};

ExitStatus remove(const DeleteOptions& options) {
  const auto name = parse_image_name(options.image);
  if (!name) return report_wrong_usage(name.error().message);
  if (!name->reference)
    return report_wrong_usage(slipway::format(
        "slipway image delete: expected REPO:TAG or REPO@DIGEST, got \"{}\"", options.image));
  return with_client(options.client, [&](const ApiClient& client) -> Result<ExitStatus> {
    const RegistryClient registry = client.registry(name->repository);
    const Reference& reference = *name->reference;
    const bool tag = std::holds_alternative<Tag>(reference);
    SLIPWAY_TRY(const Digest digest, registry.resolve(reference));
    SLIPWAY_CHECK(registry.delete_manifest(reference));
    if (options.client.json) {
      json::Writer json;
      json.begin_object().member("repository", name->repository.str());
      json.member("deleted", tag ? "tag" : "manifest");
      if (tag) json.member("tag", to_string(reference));
      json.member("digest", digest.to_string()).end_object();
      print(json.str() + "\n");
    } else if (tag) {
      print(slipway::format("tag {} deleted; it was {}, which stays\n",
                            image_name(name->repository, reference), digest.to_string()));
    } else {
      print(slipway::format("manifest {} deleted, with all tags that named it\n",
                            image_name(name->repository, reference)));
    }
    return ExitStatus::done;
  });
}

}  // namespace

void add_image_delete_command(CLI::App& group, Command& command) {
  const auto [app, options] =
      add_command(group, "delete", "Delete a tag, or a manifest with its tags", command, remove);
  app->add_option("IMAGE", options->image, "REPO:TAG or REPO@DIGEST")->required();
  add_client_options(*app, options->client);
}

void add_image_commands(CLI::App& parent, Command& command) {
  CLI::App& group = *parent.add_subcommand("image", "What the registry holds, in and out");
  group.require_subcommand(1);
  add_image_import_command(group, command);
  add_image_export_command(group, command);
  add_image_list_command(group, command);
  add_image_inspect_command(group, command);
  add_image_delete_command(group, command);
}

}  // namespace slipway
