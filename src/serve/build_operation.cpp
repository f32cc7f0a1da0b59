#include "serve/build_operation.hpp"

#include <string>

#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

std::string to_json(const BuildsTidied& tidied) {
  json::Writer json;
  json.begin_object();
  json.key("logs_compressed").number(tidied.logs_compressed);
  json.key("logs_removed").number(tidied.logs_removed);
  json.key("contexts_released").number(tidied.contexts_released);
  json.key("builds_removed").number(tidied.builds_removed);
  json.key("deliveries_removed").number(tidied.deliveries_removed);
  json.key("notifications_removed").number(tidied.notifications_removed);
  json.key("failures").number(tidied.failures);
  json.end_object();
  return json.take();
}

}  // namespace

OperationMaker tidy_builds_operation(const BuildRetentionParts& parts,
                                     const BuildRetention& retention) {
  return [parts, retention](std::string_view options) -> Result<OperationWork> {
    SLIPWAY_TRY(const json::Document document, json::Document::parse(options));
    json::ObjectReader object(document.root(), "");
    SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
    return OperationWork([parts, retention](OperationRun& run) -> Result<std::string> {
      const auto after_piece = [&run](const BuildsTidied& tidied) {
        run.count("logs_compressed", tidied.logs_compressed);
        run.count("logs_removed", tidied.logs_removed);
        run.count("contexts_released", tidied.contexts_released);
        run.count("builds_removed", tidied.builds_removed);
        run.count("deliveries_removed", tidied.deliveries_removed);
        run.count("notifications_removed", tidied.notifications_removed);
        return run.check();
      };
      SLIPWAY_TRY(const BuildsTidied tidied, tidy_builds(parts, retention, after_piece));
      return to_json(tidied);
    });
  };
}

}  // namespace slipway
