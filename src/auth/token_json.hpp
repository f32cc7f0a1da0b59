// Tokens as the metadata store keeps them: one JSON object each.
//
//   {"id":"01J…","name":"ci","grants":[{"repositories":"app/*","actions":["pull","push"]}],
//    "created":"2026-11-24T09:05:03.007Z","expires":"…"}
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <slipway/auth/token.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

std::string token_to_json(const Token& token);

/// Errors: corrupt.
Result<Token> token_from_json(std::string_view json);

}  // namespace slipway
