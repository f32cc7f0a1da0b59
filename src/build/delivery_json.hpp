// The JSON form of deliveries: in the API, on the command line and in the store. docs/http.md.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <slipway/build/delivery_store.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

namespace json {
class Writer;
}

/// The members of one object that the caller begins and ends.
void write_members(json::Writer& out, const Delivery& delivery);

/// Errors: invalid_argument, too_large.
Result<Delivery> parse_delivery(std::string_view json);

}  // namespace slipway
