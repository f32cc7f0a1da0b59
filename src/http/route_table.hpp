// Routes as data: which function answers which method and path.
//
// A pattern is segments between slashes. `{repository}` stands for one segment or several, since
// repository names contain slashes; it is at most once in a pattern, and what is behind it is
// matched from the path's right end. Any other `{...}` stands for one segment. Paths are decoded
// before they are split: `%2F` is the same as `/`.
//
// Thread safety: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/http/handler.hpp>
#include <slipway/http/message.hpp>

#include "http/access_table.hpp"

namespace slipway {

struct ApiCall;  // api.hpp
using RouteAnswer = HttpAction (*)(const std::shared_ptr<const ApiCall>&, HttpResponse&);

struct Route {
  HttpMethod method = HttpMethod::other;
  std::string_view pattern;  // "repositories/{repository}/builds"
  std::string_view name;     // for metrics: "builds"
  RouteAnswer answer = nullptr;
  AccessNeed need = {};  // of the access table: with_access fills it; without, nobody is let in
};

/// Joins a handler's routes with their rows of the access table, while compiling: a route without
/// a row is a compiler's error.
template <std::size_t Count>
consteval std::array<Route, Count> with_access(std::string_view prefix,
                                               std::array<Route, Count> routes) {
  for (Route& route : routes) route.need = access_of(route.method, prefix, route.pattern);
  return routes;
}

struct RouteMatch {
  const Route* route = nullptr;
  std::vector<std::string> parameters;  // what stood for each {...}, in order

  /// What stood for {repository}; empty when the pattern has none.
  [[nodiscard]] std::string_view repository() const noexcept;
};

struct RouteLookup {
  std::optional<RouteMatch> match;
  std::string allow;  // when only the method is wrong: those that are right, for the Allow field
};

/// The first route that fits. `path` is encoded as sent, without the prefix that all share.
RouteLookup find_route(std::span<const Route> routes, HttpMethod method, std::string_view path);

/// The name of the first whose pattern fits, whatever its method; "none" without one.
std::string_view find_route_name(std::span<const Route> routes, std::string_view path) noexcept;

/// The request's path behind a prefix; empty when it does not begin so.
std::string_view path_behind(const HttpRequest& request, std::string_view prefix) noexcept;

/// Fills the answer for a look-up without a match: 404, or 405 with Allow.
void respond_no_route(const RouteLookup& lookup, HttpResponse& response);

}  // namespace slipway
