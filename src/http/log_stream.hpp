// LogStream: a build's log as the body of an answer, live if wanted, without a thread.
//
// Thread safety: as BodyStream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/build/log_store.hpp>
#include <slipway/http/message.hpp>

#include "http/live_logs.hpp"

namespace slipway {

/// The bytes from `offset` on, to where the log ends now. `logs` must outlive the stream.
std::unique_ptr<BodyStream> make_log_stream(const LogStore& logs, std::string build,
                                            std::uint64_t offset);

/// The bytes from `offset` on, until the build has ended. What is new is shared with all others that
/// follow it through the same LiveLogs, which must outlive the stream.
std::unique_ptr<BodyStream> make_live_log_stream(LiveLogs& logs, std::string_view build,
                                                 std::uint64_t offset);

}  // namespace slipway
