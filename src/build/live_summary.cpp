#include "build/live_summary.hpp"

#include "build/queue_rows.hpp"

namespace slipway {

namespace {

/// So many repositories without builds are remembered for those who keep a copy.
constexpr std::size_t most_gone = 1000;

std::string tenant_of(std::string_view repository) {
  return std::string(repository.substr(0, repository.find('/')));
}

const TenantSummary* find_tenant(const QueueSummary& summary, std::string_view name) {
  const auto found = summary.tenants.find(name);
  return found == summary.tenants.end() ? nullptr : &found->second;
}

}  // namespace

LiveSummary::Change::~Change() {
  const std::lock_guard lock(summary_.mutex_);
  for (const std::string& repository : repositories_) {
    summary_.changed_.insert(repository);
    const auto found = summary_.changing_.find(repository);
    if (--found->second == 0) summary_.changing_.erase(found);
  }
}

void LiveSummary::Change::touch(std::string_view repository) {
  if (repositories_.contains(repository)) return;
  const std::lock_guard lock(summary_.mutex_);
  ++summary_.changing_[std::string(repository)];
  repositories_.emplace(repository);
}

Result<void> LiveSummary::open() {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto repositories, active_repositories(*view));
  const std::lock_guard lock(mutex_);
  summary_.version = all_before_ = 1;
  for (const std::string& repository : repositories) SLIPWAY_CHECK(read_again(*view, repository));
  SLIPWAY_TRY(summary_.leased_by_backend, read_backend_counts(*view));
  return {};
}

Result<void> LiveSummary::refresh(QueueSummary& known) {
  const std::lock_guard lock(mutex_);
  SLIPWAY_CHECK(catch_up());
  if (known.version < all_before_)
    give_all(known);
  else
    give_newer(known);
  return {};
}

Result<std::vector<std::string>> LiveSummary::ripe(Timestamp now) {
  const std::lock_guard lock(mutex_);
  SLIPWAY_CHECK(catch_up());
  std::vector<std::string> tenants;
  for (const auto& [time, tenant] : ready_) {
    if (time > now) break;
    tenants.push_back(tenant);
  }
  return tenants;
}

Result<void> LiveSummary::catch_up() {
  if (changing_.empty() && changed_.empty()) return {};
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(summary_.leased_by_backend, read_backend_counts(*view));
  for (const auto& [repository, writes] : changing_)
    SLIPWAY_CHECK(read_again(*view, repository));
  while (!changed_.empty()) {
    SLIPWAY_CHECK(read_again(*view, *changed_.begin()));
    changed_.erase(changed_.begin());
  }
  return {};
}

Result<void> LiveSummary::read_again(const ReadView& view, const std::string& repository) {
  const std::string tenant = tenant_of(repository);
  SLIPWAY_TRY(RepositorySummary now, read_repository(view, repository));
  SLIPWAY_TRY(const auto next_ready, read_next_ready(view, tenant));
  const TenantSummary* before = find_tenant(summary_, tenant);
  if (before != nullptr && before->next_ready) ready_.erase({*before->next_ready, tenant});
  summary_.put(repository, std::move(now), next_ready);
  if (find_tenant(summary_, tenant) != nullptr && next_ready) ready_.insert({*next_ready, tenant});
  note_version(repository);
  return {};
}

void LiveSummary::note_version(const std::string& repository) {
  std::uint64_t& version = versions_[repository];
  if (version > 0) by_version_.erase(version);
  version = ++summary_.version;
  by_version_.emplace(version, repository);
  std::size_t active = 0;
  if (const TenantSummary* tenant = find_tenant(summary_, tenant_of(repository)))
    active = tenant->repositories.count(repository);
  if (active > 0) return;
  ++gone_;
  if (gone_ < most_gone) return;
  std::erase_if(versions_, [this](const auto& entry) {
    const TenantSummary* tenant = find_tenant(summary_, tenant_of(entry.first));
    if (tenant != nullptr && tenant->repositories.contains(entry.first)) return false;
    by_version_.erase(entry.second);
    return true;
  });
  gone_ = 0;
  all_before_ = summary_.version;
}

void LiveSummary::give_all(QueueSummary& known) const {
  std::set<std::string, std::less<>> names;
  for (const auto& [tenant, summary] : known.tenants) names.insert(tenant);
  known = summary_;
  for (const auto& [tenant, summary] : known.tenants) names.insert(tenant);
  known.changed.assign(names.begin(), names.end());
}

void LiveSummary::give_newer(QueueSummary& known) const {
  known.changed.clear();
  std::set<std::string, std::less<>> names;
  for (auto at = by_version_.upper_bound(known.version); at != by_version_.end(); ++at) {
    const std::string name = tenant_of(at->second);
    const TenantSummary* tenant = find_tenant(summary_, name);
    RepositorySummary now;
    if (tenant != nullptr)
      if (const auto found = tenant->repositories.find(at->second);
          found != tenant->repositories.end())
        now = found->second;
    known.put(at->second, std::move(now), tenant == nullptr ? std::nullopt : tenant->next_ready);
    names.insert(name);
  }
  known.version = summary_.version;
  known.leased_by_backend = summary_.leased_by_backend;
  known.changed.assign(names.begin(), names.end());
}

}  // namespace slipway
