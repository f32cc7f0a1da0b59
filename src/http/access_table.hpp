// The access table: what each route of every handler needs, in one place.
//
// A handler's own table names functions; what may call them stands here. `access_of` joins both
// while compiling: a route without a row does not compile. HEAD needs what GET needs. Whoever adds
// a route adds its row here and its line in tests/http/access_table_test.cpp, which holds every
// kind of identity against every row.
//
// A path is the handler's prefix and the route's pattern; `{repository}` may have slashes.
//
// Thread safety: constants.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include <slipway/auth/access_policy.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

namespace access {

using Kind = AccessNeed::Kind;

inline constexpr AccessNeed everyone{Kind::everyone};
inline constexpr AccessNeed signature{Kind::signature};
inline constexpr AccessNeed invitation{Kind::invitation};
inline constexpr AccessNeed known{Kind::known};
inline constexpr AccessNeed worker{Kind::worker};
inline constexpr AccessNeed administrator{Kind::server, Action::admin};

/// Of /v2/, where --anonymous counts.
inline constexpr AccessNeed greeting{Kind::greeting, Action::pull, true};
inline constexpr AccessNeed catalog{Kind::list, Action::pull, true};
inline constexpr AccessNeed pull{Kind::repository, Action::pull, true};
inline constexpr AccessNeed push{Kind::repository, Action::push, true};
inline constexpr AccessNeed remove{Kind::repository, Action::delete_, true};

/// Of /api/v1/, where it does not.
inline constexpr AccessNeed repositories{Kind::list, Action::pull};
inline constexpr AccessNeed read_repository{Kind::repository, Action::pull, false, true};
inline constexpr AccessNeed build_in_repository{Kind::repository, Action::build};
inline constexpr AccessNeed builds{Kind::list, Action::build};
inline constexpr AccessNeed build{Kind::build, Action::build, false, true};

}  // namespace access

struct AccessRow {
  HttpMethod method;
  std::string_view path;
  AccessNeed need;
};

inline constexpr std::array access_table{
    // The registry: oci_routes.cpp.
    AccessRow{HttpMethod::get, "/v2/", access::greeting},
    AccessRow{HttpMethod::get, "/v2/token", access::everyone},
    AccessRow{HttpMethod::post, "/v2/token", access::everyone},
    AccessRow{HttpMethod::get, "/v2/_catalog", access::catalog},
    AccessRow{HttpMethod::get, "/v2/{repository}/tags/list", access::pull},
    AccessRow{HttpMethod::get, "/v2/{repository}/referrers/{digest}", access::pull},
    AccessRow{HttpMethod::get, "/v2/{repository}/manifests/{reference}", access::pull},
    AccessRow{HttpMethod::put, "/v2/{repository}/manifests/{reference}", access::push},
    AccessRow{HttpMethod::delete_, "/v2/{repository}/manifests/{reference}", access::remove},
    AccessRow{HttpMethod::get, "/v2/{repository}/blobs/{digest}", access::pull},
    AccessRow{HttpMethod::delete_, "/v2/{repository}/blobs/{digest}", access::remove},
    AccessRow{HttpMethod::post, "/v2/{repository}/blobs/uploads/", access::push},
    AccessRow{HttpMethod::get, "/v2/{repository}/blobs/uploads/{upload}", access::push},
    AccessRow{HttpMethod::patch, "/v2/{repository}/blobs/uploads/{upload}", access::push},
    AccessRow{HttpMethod::put, "/v2/{repository}/blobs/uploads/{upload}", access::push},
    AccessRow{HttpMethod::delete_, "/v2/{repository}/blobs/uploads/{upload}", access::push},

    // Builds, triggers, repositories: build_handler.cpp.
    AccessRow{HttpMethod::get, "/api/v1/builds", access::builds},
    AccessRow{HttpMethod::get, "/api/v1/builds/{id}", access::build},
    AccessRow{HttpMethod::get, "/api/v1/builds/{id}/log", access::build},
    AccessRow{HttpMethod::get, "/api/v1/builds/{id}/events", access::build},
    AccessRow{HttpMethod::get, "/api/v1/events", access::builds},
    AccessRow{HttpMethod::get, "/api/v1/builds/{id}/explain", access::build},
    AccessRow{HttpMethod::get, "/api/v1/queue", access::builds},
    AccessRow{HttpMethod::post, "/api/v1/builds/{id}/cancel", access::build},
    AccessRow{HttpMethod::post, "/api/v1/builds/{id}/retry", access::build},
    AccessRow{HttpMethod::post, "/api/v1/repositories/{repository}/builds",
              access::build_in_repository},
    AccessRow{HttpMethod::post, "/api/v1/repositories/{repository}/contexts",
              access::build_in_repository},
    AccessRow{HttpMethod::post, "/api/v1/repositories/{repository}/triggers",
              access::build_in_repository},
    AccessRow{HttpMethod::get, "/api/v1/repositories/{repository}/triggers",
              access::build_in_repository},
    AccessRow{HttpMethod::get, "/api/v1/repositories/{repository}/triggers/{id}",
              access::build_in_repository},
    AccessRow{HttpMethod::delete_, "/api/v1/repositories/{repository}/triggers/{id}",
              access::build_in_repository},
    AccessRow{HttpMethod::post, "/api/v1/repositories/{repository}/triggers/{id}/resume",
              access::build_in_repository},
    AccessRow{HttpMethod::get, "/api/v1/repositories/{repository}/triggers/{id}/deliveries",
              access::build_in_repository},
    AccessRow{HttpMethod::get,
              "/api/v1/repositories/{repository}/triggers/{id}/deliveries/{delivery}",
              access::build_in_repository},
    AccessRow{HttpMethod::post,
              "/api/v1/repositories/{repository}/triggers/{id}/deliveries/{delivery}/replay",
              access::build_in_repository},
    AccessRow{HttpMethod::get, "/api/v1/repositories", access::repositories},
    AccessRow{HttpMethod::get, "/api/v1/repositories/{repository}/manifests/{reference}",
              access::read_repository},
    AccessRow{HttpMethod::get, "/api/v1/repositories/{repository}/tags", access::read_repository},

    // Administration: build_handler.cpp.
    AccessRow{HttpMethod::post, "/api/v1/admin/tokens", access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/tokens", access::administrator},
    AccessRow{HttpMethod::delete_, "/api/v1/admin/tokens/{id}", access::administrator},
    AccessRow{HttpMethod::post, "/api/v1/admin/notifications", access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/notifications", access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/notifications/{id}", access::administrator},
    AccessRow{HttpMethod::delete_, "/api/v1/admin/notifications/{id}", access::administrator},
    AccessRow{HttpMethod::post, "/api/v1/admin/notifications/{id}/ping", access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/notifications/{id}/deliveries",
              access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/notifications/{id}/deliveries/{delivery}",
              access::administrator},
    AccessRow{HttpMethod::post,
              "/api/v1/admin/notifications/{id}/deliveries/{delivery}/redeliver",
              access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/operations", access::administrator},
    AccessRow{HttpMethod::get, "/api/v1/admin/operations/{id}", access::administrator},
    AccessRow{HttpMethod::delete_, "/api/v1/admin/operations/{id}", access::administrator},
    AccessRow{HttpMethod::post, "/api/v1/admin/{kind}", access::administrator},

    // Workers: worker_handler.cpp.
    AccessRow{HttpMethod::post, "/worker/v1/register", access::invitation},
    AccessRow{HttpMethod::post, "/worker/v1/builds/{id}/heartbeat", access::worker},
    AccessRow{HttpMethod::post, "/worker/v1/builds/{id}/phase", access::worker},
    AccessRow{HttpMethod::post, "/worker/v1/builds/{id}/log", access::worker},
    AccessRow{HttpMethod::get, "/worker/v1/builds/{id}/context", access::worker},
    AccessRow{HttpMethod::post, "/worker/v1/builds/{id}/finish", access::worker},

    // Hooks: webhook_handler.cpp.
    AccessRow{HttpMethod::post, "/hooks/{trigger}", access::signature},

    // Operation: ops_handler.cpp.
    AccessRow{HttpMethod::get, "/healthz", access::everyone},
    AccessRow{HttpMethod::get, "/readyz", access::everyone},
    AccessRow{HttpMethod::get, "/metrics", access::everyone},
    AccessRow{HttpMethod::get, "/openapi.json", access::everyone},
};

/// The row of a method and path; nullopt without one. No pointer: g++ 12 compares none with nullptr
/// while compiling under UBSan.
constexpr std::optional<AccessRow> find_access_row(HttpMethod method, std::string_view prefix,
                                                   std::string_view pattern) noexcept {
  if (method == HttpMethod::head) method = HttpMethod::get;
  for (const AccessRow& row : access_table)
    if (row.method == method && row.path.size() == prefix.size() + pattern.size() &&
        row.path.starts_with(prefix) && row.path.ends_with(pattern))
      return row;
  return std::nullopt;
}

/// While compiling only: a route that the table does not know is a compiler's error here.
consteval AccessNeed access_of(HttpMethod method, std::string_view prefix,
                               std::string_view pattern) {
  const std::optional<AccessRow> row = find_access_row(method, prefix, pattern);
  if (!row) throw "this route has no row in access_table (src/http/access_table.hpp)";
  return row->need;
}

}  // namespace slipway
