#include "build/wait_explanation_json.hpp"

#include "json/writer.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

void write_number(json::Writer& out, std::string_view name, std::size_t number) {
  out.key(name).number(std::uint64_t{number});
}

void write_cap(json::Writer& out, const std::optional<std::size_t>& cap) {
  if (cap) write_number(out, "max_running", *cap);
}

/// The members alone.
void write_tenant(json::Writer& out, const TenantStanding& tenant) {
  out.member("name", tenant.name);
  out.key("weight").raw(slipway::format("{:.6g}", tenant.weight));
  out.key("share").raw(slipway::format("{:.4g}", tenant.share));
  write_number(out, "queued", tenant.queued);
  write_number(out, "running", tenant.running);
  write_cap(out, tenant.max_running);
  write_number(out, "ahead", tenant.ahead);
}

void write_repository(json::Writer& out, const RepositoryStanding& repository) {
  out.begin_object().member("name", repository.name);
  write_number(out, "queued", repository.queued);
  write_number(out, "running", repository.running);
  write_cap(out, repository.max_running);
  out.end_object();
}

void write_backends(json::Writer& out, const std::vector<BackendStanding>& backends) {
  out.key("backends").begin_array();
  for (const BackendStanding& backend : backends) {
    out.begin_object().member("name", backend.name);
    write_number(out, "free", backend.free);
    if (backend.total > 0) write_number(out, "total", backend.total);
    write_number(out, "running", backend.running);
    write_cap(out, backend.max_running);
    out.member_if("why", backend.why);
    if (backend.tried_again) out.member("tried_again", to_rfc3339(*backend.tried_again));
    out.end_object();
  }
  out.end_array();
}

}  // namespace

std::string to_json(const WaitExplanation& explanation) {
  json::Writer out;
  out.begin_object().member("build", explanation.build);
  out.member("state", to_string(explanation.state));
  out.member("reason", to_string(explanation.reason)).member("why", explanation.why);
  out.member_if("starts", explanation.starts);
  if (explanation.earliest) out.member("earliest", to_rfc3339(*explanation.earliest));
  if (explanation.position) write_number(out, "position", *explanation.position);
  out.key("tenant").begin_object();
  write_tenant(out, explanation.tenant);
  out.end_object();
  write_repository(out.key("repository"), explanation.repository);
  write_backends(out, explanation.backends);
  out.end_object();
  return out.take();
}

std::string to_json(const QueueOverview& overview) {
  json::Writer out;
  out.begin_object().key("tenants").begin_array();
  for (const QueueOverview::Tenant& tenant : overview.tenants) {
    out.begin_object();
    write_tenant(out, tenant.standing);
    out.key("repositories").begin_array();
    for (const RepositoryStanding& repository : tenant.repositories)
      write_repository(out, repository);
    out.end_array().end_object();
  }
  out.end_array();
  write_backends(out, overview.backends);
  out.end_object();
  return out.take();
}

}  // namespace slipway
