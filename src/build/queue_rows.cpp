#include "build/queue_rows.hpp"

#include <array>
#include <utility>

#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"

namespace slipway {

namespace {

using key_space::Key;
using key_space::text_part;

constexpr std::uint64_t middle_rank = std::uint64_t{1} << 63U;

std::uint64_t rank_of(const Build& build) {
  return middle_rank - static_cast<std::uint64_t>(std::int64_t{build.request.priority});
}

std::string waiting_key(const Build& build) {
  return Key(key_space::build_waiting)
      .text(build.request.repository.str())
      .number(rank_of(build))
      .text(build.id)
      .str();
}

std::string delayed_key(const Build& build) {
  return Key(key_space::build_delayed)
      .text(build.tenant())
      .number(static_cast<std::uint64_t>(build.not_before->time_since_epoch().count()))
      .text(build.id)
      .str();
}

/// Where the infrastructure failed the build last: it is tried again elsewhere, if it can be.
std::string_view backend_to_avoid(const Build& build) {
  for (auto attempt = build.attempts.rbegin(); attempt != build.attempts.rend(); ++attempt)
    if (attempt->outcome != AttemptOutcome::no_room)
      return build.failed_attempts > 0 ? std::string_view(attempt->backend) : std::string_view();
  return {};
}

/// Numbers of a row, which is gone when all of them are 0. Errors: corrupt, io.
template <std::size_t Size>
Result<std::array<std::uint64_t, Size>> read_counts(const ReadView& view, const std::string& key) {
  std::array<std::uint64_t, Size> counts{};
  SLIPWAY_TRY(const auto value, view.get(key));
  if (!value) return counts;
  if (value->size() != 8 * Size)
    return Error(ErrorCode::corrupt, "a row of counts of the build queue is malformed");
  for (std::size_t i = 0; i < Size; ++i) counts[i] = key_space::read_number(*value, 8 * i);
  return counts;
}

template <std::size_t Size>
Result<void> add_counts(WriteTransaction& transaction, const std::string& key,
                        const std::array<int, Size>& changes) {
  if (std::all_of(changes.begin(), changes.end(), [](int change) { return change == 0; }))
    return {};
  SLIPWAY_TRY(auto counts, read_counts<Size>(transaction, key));
  std::string value;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < Size; ++i) {
    const auto change = static_cast<std::uint64_t>(std::int64_t{changes[i]});
    if (changes[i] < 0 && counts[i] < static_cast<std::uint64_t>(-changes[i]))
      return Error(ErrorCode::corrupt, "a row of counts of the build queue is too small");
    counts[i] += change;
    sum += counts[i];
    key_space::append_number(value, counts[i]);
  }
  if (sum > 0) return transaction.put(key, value);
  SLIPWAY_CHECK(transaction.erase(key));
  return {};
}

std::string repository_key(std::string_view repository) {
  return Key(key_space::repository_counts).text(repository).str();
}

std::string backend_key(std::string_view backend) {
  return Key(key_space::backend_counts).text(backend).str();
}

/// Errors: io.
Result<std::vector<std::string>> active_repositories_of(const ReadView& view,
                                                        std::string_view tenant) {
  std::vector<std::string> repositories;
  for (const char end : {'\0', '/'}) {  // the tenant's own name is a repository's too
    const std::string prefix = std::string(key_space::repository_counts).append(tenant) + end;
    SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
      repositories.emplace_back(text_part(row.key(), key_space::repository_counts.size()));
      return true;
    }));
  }
  return repositories;
}

}  // namespace

std::optional<BuildRow> queue_row(const Build& build) {
  if (build.state != BuildState::queued) return std::nullopt;
  if (build.not_before) return BuildRow{delayed_key(build), ""};
  std::string value;
  if (!build.request.platforms.empty()) value.append(build.request.platforms.front());
  value.push_back('\0');
  value.append(backend_to_avoid(build));
  return BuildRow{waiting_key(build), std::move(value)};
}

Result<void> count_in_queue(WriteTransaction& transaction, const Build& build, int sign) {
  const bool leased = is_leased(build.state);
  const bool queued = build.state == BuildState::queued;
  SLIPWAY_CHECK(add_counts<2>(transaction, repository_key(build.request.repository.str()),
                              {queued ? sign : 0, leased ? sign : 0}));
  if (!leased) return {};
  return add_counts<1>(transaction, backend_key(build.attempts.back().backend), {sign});
}

bool counts_alike(const Build& a, const Build& b) {
  return is_leased(a.state) == is_leased(b.state) &&
         (a.state == BuildState::queued) == (b.state == BuildState::queued);
}

Result<void> write_repository_counts(WriteTransaction& transaction, std::string_view repository,
                                     std::size_t queued, std::size_t leased) {
  std::string value;
  key_space::append_number(value, queued);
  key_space::append_number(value, leased);
  return transaction.put(repository_key(repository), value);
}

Result<RepositorySummary> read_repository(const ReadView& view, std::string_view repository) {
  RepositorySummary summary;
  SLIPWAY_TRY(const auto counts, read_counts<2>(view, repository_key(repository)));
  summary.queued = static_cast<std::size_t>(counts[0]);
  summary.leased = static_cast<std::size_t>(counts[1]);
  if (summary.queued == 0) return summary;

  const std::string waiting = Key(key_space::build_waiting).text(repository).str();
  SLIPWAY_CHECK(each_row(view, waiting, [&](const Cursor& row) -> Result<bool> {
    QueueHead head;
    const std::uint64_t rank = key_space::read_number(row.key(), waiting.size());
    head.priority = static_cast<int>(static_cast<std::int64_t>(middle_rank - rank));
    head.build = text_part(row.key(), waiting.size() + 8);
    head.repository = repository;
    head.platform = text_part(row.value(), 0);
    head.avoid = row.value().substr(head.platform.size() + 1);
    summary.heads.push_back(std::move(head));
    return summary.heads.size() < heads_kept;
  }));
  return summary;
}

Result<std::optional<Timestamp>> read_next_ready(const ReadView& view, std::string_view tenant) {
  std::optional<Timestamp> next;
  const std::string delayed = Key(key_space::build_delayed).text(tenant).str();
  SLIPWAY_CHECK(each_row(view, delayed, [&](const Cursor& row) -> Result<bool> {
    next = Timestamp(std::chrono::milliseconds(
        static_cast<std::int64_t>(key_space::read_number(row.key(), delayed.size()))));
    return false;
  }));
  return next;
}

Result<std::vector<std::string>> active_repositories(const ReadView& view) {
  const std::string prefix(key_space::repository_counts);
  std::vector<std::string> repositories;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    repositories.emplace_back(text_part(row.key(), prefix.size()));
    return true;
  }));
  return repositories;
}

Result<std::map<std::string, std::size_t, std::less<>>> read_backend_counts(const ReadView& view) {
  const std::string prefix(key_space::backend_counts);
  std::map<std::string, std::size_t, std::less<>> counts;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    if (row.value().size() == 8)
      counts.emplace(text_part(row.key(), prefix.size()), key_space::read_number(row.value()));
    return true;
  }));
  return counts;
}

Result<std::vector<std::string>> ripe_builds(const ReadView& view, std::string_view tenant,
                                             Timestamp now, std::size_t limit) {
  const std::string prefix = Key(key_space::build_delayed).text(tenant).str();
  const auto latest = static_cast<std::uint64_t>(now.time_since_epoch().count());
  std::vector<std::string> ids;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    if (ids.size() == limit || key_space::read_number(row.key(), prefix.size()) > latest)
      return false;
    ids.emplace_back(text_part(row.key(), prefix.size() + 8));
    return true;
  }));
  return ids;
}

Result<std::optional<std::size_t>> queue_position(const ReadView& view, const Build& build,
                                                  std::size_t limit) {
  if (build.state != BuildState::queued) return std::optional<std::size_t>();
  SLIPWAY_TRY(const auto repositories, active_repositories_of(view, build.tenant()));
  const std::uint64_t rank = rank_of(build);
  std::size_t before = 0;
  for (const std::string& repository : repositories) {
    const std::string prefix = Key(key_space::build_waiting).text(repository).str();
    SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
      if (before >= limit) return false;
      const std::uint64_t other = key_space::read_number(row.key(), prefix.size());
      const std::string_view id = text_part(row.key(), prefix.size() + 8);
      if (!build.not_before && (other > rank || (other == rank && id >= build.id))) return false;
      ++before;
      return true;
    }));
  }
  return std::optional<std::size_t>(before + 1);
}

}  // namespace slipway
