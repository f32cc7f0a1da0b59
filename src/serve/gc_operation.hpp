// Garbage collection as an operation of Maintenance, and what a store holds as gauges.
//
// Thread safety: any thread.
#pragma once

#include <slipway/registry/garbage_collector.hpp>
#include <slipway/registry/maintenance.hpp>

namespace slipway {

/// The kind "gc". Its options: {"resume": true} goes on where a pass was cut off; without that a pass
/// begins anew. Its result: what was removed, as numbers. The collector must outlive it.
OperationMaker gc_operation(GarbageCollector& collector);

/// The options of passes that nobody asked for.
inline constexpr std::string_view background_gc_options = R"({"resume":true})";

/// Sets the gauges of what the store holds; to be asked for before each scrape.
class StoreGauges {
 public:
  /// Both must outlive it.
  StoreGauges(Registry& registry, Metrics& metrics);

  void refresh();

 private:
  Registry& registry_;
  Gauge& repositories_;
  Gauge& tags_;
  Gauge& manifests_;
  Gauge& blobs_;
  Gauge& bytes_;
};

}  // namespace slipway
