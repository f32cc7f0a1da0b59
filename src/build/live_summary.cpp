#include "build/live_summary.hpp"

#include "build/build_rows.hpp"

namespace slipway {

LiveSummary::Change::~Change() {
  const std::lock_guard lock(summary_.mutex_);
  for (const std::string& tenant : tenants_) {
    summary_.changed_.insert(tenant);
    const auto found = summary_.changing_.find(tenant);
    if (--found->second == 0) summary_.changing_.erase(found);
  }
}

void LiveSummary::Change::touch(std::string_view tenant) {
  if (tenants_.contains(tenant)) return;
  const std::lock_guard lock(summary_.mutex_);
  ++summary_.changing_[std::string(tenant)];
  tenants_.emplace(tenant);
}

Result<void> LiveSummary::open() {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto tenants, active_tenants(*view));
  const std::lock_guard lock(mutex_);
  for (const std::string& tenant : tenants) SLIPWAY_CHECK(refresh(*view, tenant));
  SLIPWAY_TRY(summary_.leased_by_backend, read_backend_counts(*view));
  return {};
}

Result<QueueSummary> LiveSummary::read() {
  const std::lock_guard lock(mutex_);
  if (changing_.empty() && changed_.empty()) return summary_;
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(summary_.leased_by_backend, read_backend_counts(*view));
  for (const auto& [tenant, writes] : changing_) SLIPWAY_CHECK(refresh(*view, tenant));
  while (!changed_.empty()) {
    SLIPWAY_CHECK(refresh(*view, *changed_.begin()));
    changed_.erase(changed_.begin());
  }
  return summary_;
}

Result<void> LiveSummary::refresh(const ReadView& view, const std::string& tenant) {
  SLIPWAY_TRY(TenantSummary read, read_tenant(view, tenant));
  if (read.queued == 0 && read.leased == 0)
    summary_.tenants.erase(tenant);
  else
    summary_.tenants.insert_or_assign(tenant, std::move(read));
  return {};
}

}  // namespace slipway
