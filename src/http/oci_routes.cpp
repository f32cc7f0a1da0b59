#include "http/oci_routes.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "http/access_table.hpp"

namespace slipway {
namespace {

struct RouteRow {
  OciRoute route;
  std::string_view name;
  std::string_view path;  // in the access table
};

constexpr std::array table{
    RouteRow{OciRoute::ping, "ping", "/v2/"},
    RouteRow{OciRoute::token, "token", "/v2/token"},
    RouteRow{OciRoute::catalog, "catalog", "/v2/_catalog"},
    RouteRow{OciRoute::tags, "tags", "/v2/{repository}/tags/list"},
    RouteRow{OciRoute::referrers, "referrers", "/v2/{repository}/referrers/{digest}"},
    RouteRow{OciRoute::blob, "blob", "/v2/{repository}/blobs/{digest}"},
    RouteRow{OciRoute::manifest, "manifest", "/v2/{repository}/manifests/{reference}"},
    RouteRow{OciRoute::uploads, "uploads", "/v2/{repository}/blobs/uploads/"},
    RouteRow{OciRoute::upload, "upload", "/v2/{repository}/blobs/uploads/{upload}"},
};

constexpr std::array methods{HttpMethod::get, HttpMethod::head,  HttpMethod::post,
                             HttpMethod::put, HttpMethod::patch, HttpMethod::delete_};

constexpr const RouteRow* row_of(OciRoute route) noexcept {
  for (const RouteRow& row : table)
    if (row.route == route) return &row;
  return nullptr;
}

/// Each route has a row, and each of its rows a place in the access table; and nothing of /v2/ is
/// there that no route is for.
consteval bool tables_agree() {
  for (int route = static_cast<int>(OciRoute::none) + 1; route <= static_cast<int>(OciRoute::referrers); ++route)
    if (row_of(static_cast<OciRoute>(route)) == nullptr) return false;
  std::size_t rows = 0;
  for (const RouteRow& row : table) {
    const std::size_t before = rows;
    for (const AccessRow& access : access_table)
      if (access.path == row.path) ++rows;
    if (rows == before) return false;
  }
  for (const AccessRow& access : access_table)
    if (access.path.starts_with("/v2/")) --rows;
  return rows == 0;
}
static_assert(tables_agree(), "access_table.hpp and the routes of /v2/ do not fit");

/// Looked up while compiling: needs[route][method].
using Needs = std::array<std::array<std::optional<AccessNeed>, methods.size()>, table.size()>;
consteval Needs join_tables() {
  Needs needs{};
  for (std::size_t row = 0; row < table.size(); ++row)
    for (std::size_t method = 0; method < methods.size(); ++method)
      if (const auto access = find_access_row(methods[method], "", table[row].path))
        needs[row][method] = access->need;
  return needs;
}
constexpr Needs needs = join_tables();

/// Takes what is behind the last slash off the end of a path, with the slash.
std::string_view take_segment(std::string_view& path) noexcept {
  // As rfind, which looks at one character after the other.
  const void* const slash = path.empty() ? nullptr : memrchr(path.data(), '/', path.size());
  if (slash == nullptr) return std::exchange(path, {});
  const auto at = static_cast<std::size_t>(static_cast<const char*>(slash) - path.data());
  const std::string_view segment = path.substr(at + 1);
  path = path.substr(0, at);
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
  if (path == "token") return {OciRoute::token, {}, {}};

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

const AccessNeed* oci_need(OciRoute route, HttpMethod method) noexcept {
  const RouteRow* row = row_of(route);
  if (row == nullptr) return nullptr;
  const auto& needs_of_row = needs[static_cast<std::size_t>(row - table.data())];
  for (std::size_t i = 0; i < methods.size(); ++i)
    if (methods[i] == method) return needs_of_row[i] ? &*needs_of_row[i] : nullptr;
  return nullptr;
}

std::string oci_allowed_methods(OciRoute route) {
  std::string allowed;
  for (const HttpMethod method : methods)
    if (oci_need(route, method) != nullptr)
      allowed.append(allowed.empty() ? "" : ", ").append(to_string(method));
  return allowed;
}

}  // namespace slipway
