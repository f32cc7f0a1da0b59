// EventStream: changes of builds as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), without a thread.
//
//   id: 4711
//   event: build
//   data: {"id":"01J…","state":"running",…}
//
// The data is the build as it is when the event goes out: what changed again meanwhile comes once.
// So a slow reader costs no memory.
//
// Thread safety: as BodyStream.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <slipway/build/build_queue.hpp>
#include <slipway/http/message.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// Whether the reader may see a build.
using MaySeeBuild = std::function<bool(const Build&)>;

/// All builds that change behind the number `after` and that the reader may see. It does not end.
/// All must outlive the stream.
std::unique_ptr<BodyStream> make_event_stream(MetadataStore& metadata, BuildQueue& queue,
                                              std::uint64_t after, MaySeeBuild may_see);

/// One build's: as it is now, unless that is the change `after`, and whenever it changes; ends once
/// it told of the build's end.
std::unique_ptr<BodyStream> make_build_event_stream(MetadataStore& metadata, BuildQueue& queue,
                                                    std::string build, std::uint64_t after);

}  // namespace slipway
