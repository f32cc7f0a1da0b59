#include "serve/gc_operation.hpp"

#include <string>
#include <utility>

#include "json/object_reader.hpp"
#include "json/value.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

std::string to_json(const Collected& collected) {
  json::Writer json;
  json.begin_object();
  json.key("tags_removed").number(collected.tags);
  json.key("manifests_removed").number(collected.manifests);
  json.key("blobs_unlinked").number(collected.links);
  json.key("blobs_removed").number(collected.blobs);
  json.key("bytes_removed").number(collected.bytes);
  json.key("repositories_removed").number(collected.repositories);
  json.key("uploads_removed").number(collected.uploads);
  json.key("orphans_removed").number(collected.orphans);
  json.key("failures").number(collected.failures);
  json.key("examined").number(collected.examined);
  json.end_object();
  return json.take();
}

Result<GarbageCollector::From> parse_options(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  bool resume = false;
  json::ObjectReader object(document.root(), "");
  object.read("resume", resume);
  SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
  return resume ? GarbageCollector::From::where_it_stopped : GarbageCollector::From::beginning;
}

}  // namespace

OperationMaker gc_operation(GarbageCollector& collector) {
  return [&collector](std::string_view options) -> Result<OperationWork> {
    SLIPWAY_TRY(const auto from, parse_options(options));
    return OperationWork([&collector, from](OperationRun& run) -> Result<std::string> {
      const auto tell = [&run](std::string_view, const Collected& so_far) {
        run.count("examined", so_far.examined);
        run.count("blobs_removed", so_far.blobs);
        run.count("bytes_removed", so_far.bytes);
      };
      SLIPWAY_TRY(const Collected collected, collector.collect(from, run.stop_token(), tell));
      return to_json(collected);
    });
  };
}

StoreGauges::StoreGauges(Registry& registry, Metrics& metrics)
    : registry_(registry),
      repositories_(metrics.gauge("slipway_repositories", "Repositories that there are.")),
      tags_(metrics.gauge("slipway_tags", "Tags that there are.")),
      manifests_(metrics.gauge("slipway_manifests",
                               "Manifests that there are, counted in each repository.")),
      blobs_(metrics.gauge("slipway_blobs", "Different contents stored, manifests among them.")),
      bytes_(metrics.gauge("slipway_stored_bytes", "Bytes of the contents stored.")) {}

void StoreGauges::refresh() {
  const auto totals = registry_.totals();
  if (!totals) return;  // the gauges stay as they were
  repositories_.set(static_cast<double>(totals->repositories));
  tags_.set(static_cast<double>(totals->tags));
  manifests_.set(static_cast<double>(totals->manifests));
  blobs_.set(static_cast<double>(totals->blobs));
  bytes_.set(static_cast<double>(totals->bytes));
}

}  // namespace slipway
