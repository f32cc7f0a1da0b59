// Readers of the parts that a build and a request for one have in common.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>

#include "json/object_reader.hpp"
#include "json/value.hpp"
#include "support/format.hpp"

namespace slipway {

using UnknownMembers = json::ObjectReader::Unknown;

/// A value of a closed set of words, through its parse function. Errors: invalid_argument.
template <class Out, class Parse>
json::ObjectReader::Read word_into(Out& out, Parse parse, std::string_view expected) {
  return [&out, parse, expected](json::Value value, const std::string& path) -> Result<void> {
    const auto text = value.as_string();
    const auto parsed = text ? parse(*text) : decltype(parse(std::string_view()))();
    if (!parsed)
      return text ? Error(ErrorCode::invalid_argument,
                          slipway::format("{}: expected {}, got \"{}\"", path, expected,
                                          text->substr(0, 64)))
                  : json::mistake(path, expected, value);
    out = *parsed;
    return {};
  };
}

/// Errors: invalid_argument (which member).
Result<GitSource> read_git_source(json::Value value, const std::string& path,
                                  UnknownMembers unknown);
Result<BuildSource> read_source(json::Value value, const std::string& path,
                                UnknownMembers unknown);
Result<Digest> read_digest(json::Value value, const std::string& path);
Result<CommitInfo> read_commit(json::Value value, const std::string& path, UnknownMembers unknown);

/// commit, context, dockerfile, target, args, labels, platforms, tags, format, priority, timeout.
void read_request_members(json::ObjectReader& reader, BuildRequest& request,
                          UnknownMembers unknown);

}  // namespace slipway
