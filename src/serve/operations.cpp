#include "serve/operations.hpp"

#include <algorithm>
#include <string>

#include "json/object_reader.hpp"
#include "json/writer.hpp"
#include "serve/gc_operation.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// After a start, so that a server that is restarted often collects all the same.
constexpr std::chrono::minutes first_collection{1};

std::string to_json(const BackupProgress& backup, std::string_view folder) {
  json::Writer json;
  json.begin_object().member("folder", folder);
  json.key("metadata_bytes").number(backup.metadata_bytes);
  json.key("objects").number(backup.objects).key("object_bytes").number(backup.object_bytes);
  json.key("linked").number(backup.linked).key("missing").number(backup.missing);
  json.end_object();
  return json.take();
}

Result<std::string> run_backup(Stores& stores, const std::string& folder, OperationRun& run) {
  const auto watch = [&run](const BackupProgress& progress) -> Result<void> {
    run.count("metadata_bytes", progress.metadata_bytes);
    run.count("objects", progress.objects, progress.objects_total);
    run.count("object_bytes", progress.object_bytes);
    return run.check();
  };
  SLIPWAY_TRY(const BackupProgress backup, stores.back_up(folder, watch));
  return to_json(backup, folder);
}

/// Options: {"folder": "/var/backups/slipway-1"}, a path on the server's machine.
OperationMaker backup_operation(Stores& stores) {
  return [&stores](std::string_view text) -> Result<OperationWork> {
    SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
    std::string folder;
    json::ObjectReader object(document.root(), "");
    object.require("folder", folder);
    SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
    if (!folder.starts_with('/'))
      return Error(ErrorCode::invalid_argument,
                   slipway::format("folder: expected an absolute path on the server's machine, got "
                                   "\"{}\"",
                                   folder));
    return OperationWork(
        [&stores, folder](OperationRun& run) { return run_backup(stores, folder, run); });
  };
}

}  // namespace

Result<void> add_operations(Maintenance& maintenance, Engine& engine, GarbageCollector& collector,
                            const ScrubParts& parts, const RegistryConfiguration& configuration) {
  maintenance.add("gc", gc_operation(collector));
  maintenance.add("scrub", scrub_operation(parts));
  maintenance.add("background-scrub", scrub_operation(parts, true));
  maintenance.add("backup", backup_operation(engine.stores()));
  if (const auto interval = configuration.gc.interval)
    maintenance.repeat("gc", std::string(background_gc_options), *interval,
                       std::min<std::chrono::milliseconds>(*interval, first_collection));
  const ScrubConfiguration& slow_scrub = configuration.scrub;
  if (slow_scrub.bytes_per_second == 0) return {};
  SLIPWAY_TRY(const std::chrono::milliseconds first,
              scrub_due_in(engine.metadata(), engine.clock(), slow_scrub.interval));
  maintenance.repeat("background-scrub",
                     slipway::format(R"({{"rate":"{}B"}})", slow_scrub.bytes_per_second),
                     slow_scrub.interval, first);
  return {};
}

}  // namespace slipway
