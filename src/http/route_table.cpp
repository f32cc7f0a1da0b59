#include "http/route_table.hpp"

#include <algorithm>

#include "http/problem.hpp"

namespace slipway {
namespace {

constexpr std::string_view many_segments = "{repository}";

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

std::string join(std::span<const std::string_view> segments) {
  std::string text(segments.front());
  for (const std::string_view segment : segments.subspan(1)) text.append("/").append(segment);
  return text;
}

std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              std::span<const std::string_view> segments) {
  const std::vector<std::string_view> wanted = split(pattern);
  if (segments.size() < wanted.size()) return std::nullopt;
  std::size_t surplus = segments.size() - wanted.size();  // of the {repository}

  std::vector<std::string> parameters;
  std::size_t at = 0;
  for (const std::string_view want : wanted) {
    if (want == many_segments) {
      parameters.push_back(join(segments.subspan(at, surplus + 1)));
      at += surplus + 1;
      surplus = 0;
      continue;
    }
    if (want.starts_with('{'))
      parameters.emplace_back(segments[at]);
    else if (want != segments[at])
      return std::nullopt;
    ++at;
  }
  if (at != segments.size()) return std::nullopt;
  if (std::any_of(parameters.begin(), parameters.end(),
                  [](const std::string& value) { return value.empty(); }))
    return std::nullopt;
  return parameters;
}

}  // namespace

std::string_view RouteMatch::repository() const noexcept {
  const std::string_view pattern = route->pattern;
  const std::size_t place = pattern.find(many_segments);
  if (place == std::string_view::npos) return {};
  const auto before = pattern.substr(0, place);
  return parameters[static_cast<std::size_t>(std::count(before.begin(), before.end(), '{'))];
}

RouteLookup find_route(std::span<const Route> routes, HttpMethod method, std::string_view path) {
  RouteLookup lookup;
  const auto decoded = percent_decode(path);
  if (!decoded) return lookup;
  const auto segments = split(*decoded);
  for (const Route& route : routes) {
    auto parameters = match(route.pattern, segments);
    if (!parameters) continue;
    if (route.method == method) {
      lookup.match = RouteMatch{&route, std::move(*parameters)};
      return lookup;
    }
    if (!lookup.allow.empty()) lookup.allow.append(", ");
    lookup.allow.append(to_string(route.method));
  }
  return lookup;
}

std::string_view find_route_name(std::span<const Route> routes, std::string_view path) noexcept {
  const auto decoded = percent_decode(path);
  if (!decoded) return "none";
  const auto segments = split(*decoded);
  for (const Route& route : routes)
    if (match(route.pattern, segments)) return route.name;
  return "none";
}

std::string_view path_behind(const HttpRequest& request, std::string_view prefix) noexcept {
  const std::string_view path = request.path();
  return path.starts_with(prefix) ? path.substr(prefix.size()) : std::string_view();
}

void respond_no_route(const RouteLookup& lookup, HttpResponse& response) {
  if (lookup.allow.empty())
    return respond_with_problem(Error(ErrorCode::not_found, "there is nothing at this path"),
                                response);
  response.add("Allow", lookup.allow);
  respond_with_problem(
      405, Error(ErrorCode::unsupported, "this path takes " + lookup.allow + " only"), response);
}

}  // namespace slipway
