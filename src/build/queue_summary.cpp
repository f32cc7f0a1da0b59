#include <slipway/build/queue_summary.hpp>

#include <utility>

namespace slipway {

void QueueSummary::put(std::string_view repository, RepositorySummary&& now,
                       std::optional<Timestamp> next_ready) {
  const std::string name(repository.substr(0, repository.find('/')));
  TenantSummary& tenant = tenants[name];
  RepositorySummary& known = tenant.repositories[std::string(repository)];
  tenant.queued += now.queued - known.queued;
  tenant.leased += now.leased - known.leased;
  for (const QueueHead& head : known.heads) tenant.front.erase(head);
  tenant.front.insert(now.heads.begin(), now.heads.end());
  tenant.next_ready = next_ready;
  known = std::move(now);
  if (known.queued > 0 || known.leased > 0) return;
  tenant.repositories.erase(std::string(repository));
  if (tenant.repositories.empty()) tenants.erase(name);
}

}  // namespace slipway
