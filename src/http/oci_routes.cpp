#include "http/oci_routes.hpp"

#include <array>

namespace slipway {
namespace {

struct MethodNeed {
  HttpMethod method = HttpMethod::other;
  Action action = Action::admin;
};

constexpr std::size_t most_methods = 5;

struct RouteRow {
  OciRoute route;
  std::string_view name;
  std::string_view allow;
  std::array<MethodNeed, most_methods> needs;  // those left over need no method
};

constexpr MethodNeed get_pull{HttpMethod::get, Action::pull};
constexpr MethodNeed head_pull{HttpMethod::head, Action::pull};
constexpr MethodNeed delete_delete{HttpMethod::delete_, Action::delete_};
constexpr MethodNeed put_push{HttpMethod::put, Action::push};

constexpr std::array<RouteRow, 8> table{{
    {OciRoute::ping, "ping", "GET, HEAD", {get_pull, head_pull}},
    {OciRoute::catalog, "catalog", "GET, HEAD", {get_pull, head_pull}},
    {OciRoute::tags, "tags", "GET, HEAD", {get_pull, head_pull}},
    {OciRoute::referrers, "referrers", "GET, HEAD", {get_pull, head_pull}},
    {OciRoute::blob, "blob", "GET, HEAD, DELETE", {get_pull, head_pull, delete_delete}},
    {OciRoute::manifest,
     "manifest",
     "GET, HEAD, PUT, DELETE",
     {get_pull, head_pull, put_push, delete_delete}},
    {OciRoute::uploads, "uploads", "POST", {{{HttpMethod::post, Action::push}}}},
    {OciRoute::upload,
     "upload",
     "GET, HEAD, PATCH, PUT, DELETE",
     {{{HttpMethod::get, Action::push},
       {HttpMethod::head, Action::push},
       {HttpMethod::patch, Action::push},
       put_push,
       {HttpMethod::delete_, Action::push}}}},
}};

const RouteRow* row_of(OciRoute route) noexcept {
  for (const RouteRow& row : table)
    if (row.route == route) return &row;
  return nullptr;
}

/// Takes what is behind the last slash off the end of a path, with the slash.
std::string_view take_segment(std::string_view& path) noexcept {
  const std::size_t slash = path.rfind('/');
  const std::string_view segment = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  path.remove_suffix(slash == std::string_view::npos ? path.size() : segment.size() + 1);
  return segment;
}

OciTarget target(OciRoute route, std::string_view repository,
                 std::string_view reference = {}) noexcept {
  if (repository.empty()) return {};
  return {route, repository, reference};
}

}  // namespace

OciTarget match_oci_route(std::string_view path) noexcept {
  constexpr std::string_view root = "/v2";
  if (!path.starts_with(root)) return {};
  path.remove_prefix(root.size());
  if (path.empty() || path == "/") return {OciRoute::ping, {}, {}};
  if (!path.starts_with('/')) return {};
  path.remove_prefix(1);
  if (path == "_catalog") return {OciRoute::catalog, {}, {}};

  const std::string_view last = take_segment(path);
  const std::string_view before = take_segment(path);
  if (before == "manifests" && !last.empty()) return target(OciRoute::manifest, path, last);
  if (before == "referrers" && !last.empty()) return target(OciRoute::referrers, path, last);
  if (before == "tags" && last == "list") return target(OciRoute::tags, path);
  if (before == "blobs" && last == "uploads") return target(OciRoute::uploads, path);
  if (before == "blobs" && !last.empty()) return target(OciRoute::blob, path, last);
  if (before == "uploads" && take_segment(path) == "blobs")
    return last.empty() ? target(OciRoute::uploads, path) : target(OciRoute::upload, path, last);
  return {};
}

std::string_view oci_route_name(OciRoute route) noexcept {
  const RouteRow* row = row_of(route);
  return row != nullptr ? row->name : "none";
}

std::optional<Action> oci_action(OciRoute route, HttpMethod method) noexcept {
  const RouteRow* row = row_of(route);
  if (row == nullptr || method == HttpMethod::other) return std::nullopt;
  for (const MethodNeed& need : row->needs)
    if (need.method == method) return need.action;
  return std::nullopt;
}

std::string_view oci_allowed_methods(OciRoute route) noexcept {
  const RouteRow* row = row_of(route);
  return row != nullptr ? row->allow : "";
}

}  // namespace slipway
