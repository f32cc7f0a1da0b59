// Routes as data: which function answers which method and path.
//
// A pattern is segments between slashes. `{repository}` stands for one segment or several, since
// repository names contain slashes; it is at most once in a pattern, and what is behind it is
// matched from the path's right end. Any other `{...}` stands for one segment. Paths are decoded
// before they are split: `%2F` is the same as `/`.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

/// What each table's rows begin with.
struct RoutePattern {
  HttpMethod method = HttpMethod::other;
  std::string_view pattern;  // "repositories/{repository}/builds"
  std::string_view name;     // for metrics: "builds"
};

struct RouteMatch {
  std::size_t row = 0;
  std::vector<std::string> parameters;  // what stood for each {...}, in order
};

struct RouteLookup {
  std::optional<RouteMatch> match;
  std::string allow;  // when only the method is wrong: those that are right, for the Allow field
};

/// The first row that fits. `path` is encoded as sent, without the prefix that all rows share.
RouteLookup find_route(std::span<const RoutePattern> rows, HttpMethod method,
                       std::string_view path);

/// The name of the first row whose pattern fits, whatever its method; "none" without one.
std::string_view find_route_name(std::span<const RoutePattern> rows,
                                 std::string_view path) noexcept;

/// Fills the answer for a look-up without a match: 404, or 405 with Allow.
void respond_no_route(const RouteLookup& lookup, HttpResponse& response);

}  // namespace slipway
