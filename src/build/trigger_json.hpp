// The JSON form of triggers: in the API, on the command line and in the store. docs/http.md.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <slipway/build/trigger.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/sealer.hpp>

namespace slipway {

namespace json {
class Writer;
}

enum class TriggerSecret { hidden, shown };

/// One object; `hook_url` is left out when it is empty. The token for commit statuses is only in the
/// store's form, which has none.
void write_json(json::Writer& out, const Trigger& trigger, TriggerSecret secret,
                std::string_view hook_url = {});

/// What the store keeps, and back. Errors: invalid_argument.
std::string trigger_row(const Trigger& trigger);
Result<Trigger> parse_trigger_row(std::string_view json);

/// A trigger of the store. Errors: not_found, io, corrupt.
Result<Trigger> find_trigger(const ReadView& view, const Sealer& sealer, std::string_view id);

/// What a person asks for; members that nobody knows are mistakes.
/// Errors: invalid_argument (which member), too_large.
Result<TriggerRequest> parse_trigger_request(const RepositoryName& repository,
                                             std::string_view json);

}  // namespace slipway
