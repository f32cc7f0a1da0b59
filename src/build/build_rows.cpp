#include "build/build_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <slipway/support/ulid.hpp>

#include "build/build_json.hpp"
#include "registry/rows.hpp"
#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

constexpr std::uint64_t middle_rank = std::uint64_t{1} << 63U;

std::string record_key(std::string_view id) {
  return Key(key_space::build).text(id).str();
}

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

struct Row {
  std::string key;
  std::string value;

  friend bool operator==(const Row&, const Row&) = default;
};

/// Where the infrastructure failed the build last: it is tried again elsewhere, if it can be.
std::string_view backend_to_avoid(const Build& build) {
  for (auto attempt = build.attempts.rbegin(); attempt != build.attempts.rend(); ++attempt)
    if (attempt->outcome != AttemptOutcome::no_room)
      return build.failed_attempts > 0 ? std::string_view(attempt->backend) : std::string_view();
  return {};
}

/// Where the build stands in the queue; none when it does not wait.
std::optional<Row> queue_row(const Build& build) {
  if (build.state != BuildState::queued) return std::nullopt;
  if (build.not_before) return Row{delayed_key(build), ""};
  std::string value;
  if (!build.request.platforms.empty()) value.append(build.request.platforms.front());
  value.push_back('\0');
  value.append(backend_to_avoid(build));
  return Row{waiting_key(build), std::move(value)};
}

/// The context of a build that has not ended: it has to stay.
const ContextSource* needed_context(const Build& build) {
  return is_final(build.state) ? nullptr : std::get_if<ContextSource>(&build.request.source);
}

std::vector<Row> derived_rows(const Build& build) {
  const std::string& repository = build.request.repository.str();
  const std::string_view state = to_string(build.state);
  std::vector<Row> rows{
      {Key(key_space::build_by_state).text(state).text(build.id).str(), ""},
      {Key(key_space::build_by_repository).text(repository).text(build.id).str(), ""},
      {Key(key_space::build_by_repository_and_state)
           .text(repository)
           .text(state)
           .text(build.id)
           .str(),
       ""}};
  if (auto row = queue_row(build)) rows.push_back(std::move(*row));
  if (const auto* source = needed_context(build))
    rows.push_back(
        {rows::kept_by(build.request.repository, source->digest, build.id).str(), ""});
  return rows;
}

Result<void> replace_rows(WriteTransaction& transaction, const std::vector<Row>& before,
                          const std::vector<Row>& after) {
  const auto within = [](const std::vector<Row>& rows, const Row& row) {
    return std::find(rows.begin(), rows.end(), row) != rows.end();
  };
  for (const Row& row : before)
    if (!within(after, row)) SLIPWAY_CHECK(transaction.erase(row.key));
  for (const Row& row : after)
    if (!within(before, row)) SLIPWAY_CHECK(transaction.put(row.key, row.value));
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

Result<void> count(WriteTransaction& transaction, const Build& build, int sign) {
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

/// A part of a key that is text, from `at` on.
std::string_view text_part(std::string_view key, std::size_t at) {
  return key.substr(at, key.find('\0', at) - at);
}

/// Calls `visit` for each row whose key begins with `prefix`, until it answers false.
Result<void> for_each_row(const ReadView& view, const std::string& prefix,
                          const std::function<bool(const Cursor&)>& visit) {
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek(prefix));
  while (found && cursor->key().starts_with(prefix) && visit(*cursor)) {
    SLIPWAY_TRY(found, cursor->next());
  }
  return {};
}

/// Errors: io.
Result<std::vector<std::string>> active_repositories_of(const ReadView& view,
                                                        std::string_view tenant) {
  std::vector<std::string> repositories;
  for (const char end : {'\0', '/'}) {  // the tenant's own name is a repository's too
    const std::string prefix = std::string(key_space::repository_counts).append(tenant) + end;
    SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
      repositories.emplace_back(text_part(row.key(), key_space::repository_counts.size()));
      return true;
    }));
  }
  return repositories;
}

std::string list_prefix(const BuildFilter& filter) {
  if (filter.repository.empty() && !filter.state) return Key(key_space::build).str();
  if (filter.repository.empty())
    return Key(key_space::build_by_state).text(to_string(*filter.state)).str();
  if (!filter.state) return Key(key_space::build_by_repository).text(filter.repository).str();
  return Key(key_space::build_by_repository_and_state)
      .text(filter.repository)
      .text(to_string(*filter.state))
      .str();
}

}  // namespace

Result<Build> load_build(const ReadView& view, std::string_view id) {
  if (!is_ulid(id))
    return Error(ErrorCode::not_found,
                 slipway::format("\"{}\" is not the id of a build", id.substr(0, 64)));
  SLIPWAY_TRY(const auto record, view.get(record_key(id)));
  if (!record) return Error(ErrorCode::not_found, slipway::format("there is no build {}", id));
  auto build = parse_build(*record);
  if (!build)
    return Error(ErrorCode::corrupt,
                 slipway::format("build {}: its record: {}", id, build.error().message));
  return build;
}

Result<void> insert_build(WriteTransaction& transaction, const Build& build) {
  if (const auto* context = needed_context(build)) {
    const RepositoryName& repository = build.request.repository;
    SLIPWAY_TRY(const auto blob, rows::find_blob(transaction, repository, context->digest));
    if (!blob)
      return Error(ErrorCode::not_found,
                   slipway::format("the build's context {} is not in repository {}, or not any "
                                   "more; submit it again with its context",
                                   context->digest.to_string(), repository.str()));
  }
  SLIPWAY_CHECK(transaction.put(record_key(build.id), to_json(build)));
  SLIPWAY_CHECK(replace_rows(transaction, {}, derived_rows(build)));
  return count(transaction, build, 1);
}

Result<void> replace_build(WriteTransaction& transaction, const Build& before, const Build& after,
                           const LeaseTerms& lease, Timestamp now) {
  SLIPWAY_CHECK(transaction.put(record_key(after.id), to_json(after)));
  SLIPWAY_CHECK(replace_rows(transaction, derived_rows(before), derived_rows(after)));
  const ContextSource* context = needed_context(before);
  if (context != nullptr && needed_context(after) == nullptr)
    SLIPWAY_CHECK(rows::renew(transaction, before.request.repository, context->digest, lease, now));
  if (counts_alike(before, after)) return {};
  SLIPWAY_CHECK(count(transaction, after, 1));  // first, so that a count in between is not gone
  return count(transaction, before, -1);
}

Result<void> erase_build(WriteTransaction& transaction, const Build& build) {
  SLIPWAY_CHECK(replace_rows(transaction, derived_rows(build), {}));
  SLIPWAY_CHECK(transaction.erase(record_key(build.id)));
  return {};
}

Result<void> write_queue_row(WriteTransaction& transaction, const Build& build) {
  const auto row = queue_row(build);
  if (!row) return {};
  return transaction.put(row->key, row->value);
}

Result<void> count_builds_again(WriteTransaction& transaction) {
  std::map<std::string, std::array<std::uint64_t, 2>> counts;
  for (const BuildState state : {BuildState::queued, BuildState::starting, BuildState::running}) {
    SLIPWAY_TRY(const auto ids, builds_in_state(transaction, state));
    for (const std::string& id : ids) {
      SLIPWAY_TRY(const Build build, load_build(transaction, id));
      ++counts[build.request.repository.str()][is_leased(state) ? 1 : 0];
    }
  }
  for (const auto& [repository, numbers] : counts) {
    std::string value;
    for (const std::uint64_t number : numbers) key_space::append_number(value, number);
    SLIPWAY_CHECK(transaction.put(repository_key(repository), value));
  }
  return {};
}

Result<BuildPage> list_builds(const ReadView& view, const BuildFilter& filter) {
  constexpr std::size_t most = 1000;
  if (!filter.after.empty() && !is_ulid(filter.after))
    return Error(
        ErrorCode::invalid_argument,
        slipway::format("after: \"{}\" is not the id of a build", filter.after.substr(0, 64)));
  if (!filter.repository.empty()) SLIPWAY_CHECK(RepositoryName::parse(filter.repository));
  const std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, most);
  const std::string prefix = list_prefix(filter);
  const std::string end = filter.after.empty() ? prefix + '\xFF' : prefix + filter.after;

  BuildPage page;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek_before(end));
  while (found && cursor->key().starts_with(prefix)) {
    if (page.builds.size() == limit) {
      page.more = true;
      break;
    }
    SLIPWAY_TRY(Build build, load_build(view, text_part(cursor->key(), prefix.size())));
    page.builds.push_back(std::move(build));
    SLIPWAY_TRY(found, cursor->previous());
  }
  return page;
}

Result<std::vector<std::string>> builds_in_state(const ReadView& view, BuildState state) {
  const std::string prefix = Key(key_space::build_by_state).text(to_string(state)).str();
  std::vector<std::string> ids;
  SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
    ids.emplace_back(text_part(row.key(), prefix.size()));
    return true;
  }));
  return ids;
}

Result<void> each_waiting_build(const ReadView& view,
                                const std::function<Result<bool>(const std::string&)>& visit) {
  const std::string prefix =
      Key(key_space::build_by_state).text(to_string(BuildState::queued)).str();
  Result<bool> more = true;
  SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
    more = visit(std::string(text_part(row.key(), prefix.size())));
    return more && *more;
  }));
  SLIPWAY_CHECK(more);
  return {};
}

Result<RepositorySummary> read_repository(const ReadView& view, std::string_view repository) {
  RepositorySummary summary;
  SLIPWAY_TRY(const auto counts, read_counts<2>(view, repository_key(repository)));
  summary.queued = static_cast<std::size_t>(counts[0]);
  summary.leased = static_cast<std::size_t>(counts[1]);
  if (summary.queued == 0) return summary;

  const std::string waiting = Key(key_space::build_waiting).text(repository).str();
  SLIPWAY_CHECK(for_each_row(view, waiting, [&](const Cursor& row) {
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
  SLIPWAY_CHECK(for_each_row(view, delayed, [&](const Cursor& row) {
    next = Timestamp(std::chrono::milliseconds(
        static_cast<std::int64_t>(key_space::read_number(row.key(), delayed.size()))));
    return false;
  }));
  return next;
}

Result<std::vector<std::string>> active_repositories(const ReadView& view) {
  const std::string prefix(key_space::repository_counts);
  std::vector<std::string> repositories;
  SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
    repositories.emplace_back(text_part(row.key(), prefix.size()));
    return true;
  }));
  return repositories;
}

Result<std::map<std::string, std::size_t, std::less<>>> read_backend_counts(const ReadView& view) {
  const std::string prefix(key_space::backend_counts);
  std::map<std::string, std::size_t, std::less<>> counts;
  SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
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
  SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
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
    SLIPWAY_CHECK(for_each_row(view, prefix, [&](const Cursor& row) {
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
