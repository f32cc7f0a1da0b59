#include "build/build_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <slipway/support/ulid.hpp>

#include "build/build_json.hpp"
#include "build/queue_rows.hpp"
#include "registry/rows.hpp"
#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

std::string record_key(std::string_view id) {
  return Key(key_space::build).text(id).str();
}

/// The row by which a build keeps its context; nullopt: it has none.
std::optional<std::string> hold_key(const Build& build) {
  const auto* context = std::get_if<ContextSource>(&build.request.source);
  if (context == nullptr) return std::nullopt;
  return rows::kept_by(context->held_by(build.request.repository), context->digest, build.id).str();
}

std::vector<BuildRow> derived_rows(const Build& build) {
  const std::string& repository = build.request.repository.str();
  const std::string_view state = to_string(build.state);
  std::vector<BuildRow> rows{
      {Key(key_space::build_by_state).text(state).text(build.id).str(), ""},
      {Key(key_space::build_by_repository).text(repository).text(build.id).str(), ""},
      {Key(key_space::build_by_repository_and_state)
           .text(repository)
           .text(state)
           .text(build.id)
           .str(),
       ""}};
  if (auto row = queue_row(build)) rows.push_back(std::move(*row));
  if (auto hold = hold_key(build)) rows.push_back({std::move(*hold), ""});
  return rows;
}

Result<void> replace_rows(WriteTransaction& transaction, const std::vector<BuildRow>& before,
                          const std::vector<BuildRow>& after) {
  const auto within = [](const std::vector<BuildRow>& rows, const BuildRow& row) {
    return std::find(rows.begin(), rows.end(), row) != rows.end();
  };
  for (const BuildRow& row : before)
    if (!within(after, row)) SLIPWAY_CHECK(transaction.erase(row.key));
  for (const BuildRow& row : after)
    if (!within(before, row)) SLIPWAY_CHECK(transaction.put(row.key, row.value));
  return {};
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
  if (const auto* context = std::get_if<ContextSource>(&build.request.source)) {
    const RepositoryName& repository = context->held_by(build.request.repository);
    SLIPWAY_TRY(const auto blob, rows::find_blob(transaction, repository, context->digest));
    if (!blob)
      return Error(ErrorCode::not_found,
                   slipway::format("the build's context {} is not in repository {}, or not any "
                                   "more; submit it again with its context",
                                   context->digest.to_string(), repository.str()));
  }
  SLIPWAY_CHECK(transaction.put(record_key(build.id), to_json(build)));
  SLIPWAY_CHECK(replace_rows(transaction, {}, derived_rows(build)));
  return count_in_queue(transaction, build, 1);
}

Result<void> replace_build(WriteTransaction& transaction, const Build& before, const Build& after) {
  SLIPWAY_CHECK(transaction.put(record_key(after.id), to_json(after)));
  SLIPWAY_CHECK(replace_rows(transaction, derived_rows(before), derived_rows(after)));
  if (counts_alike(before, after)) return {};
  // First, so that a count in between is not gone.
  SLIPWAY_CHECK(count_in_queue(transaction, after, 1));
  return count_in_queue(transaction, before, -1);
}

Result<void> release_context(WriteTransaction& transaction, const Build& build,
                             const LeaseTerms& lease, Timestamp now) {
  const auto hold = hold_key(build);
  if (!hold) return {};
  SLIPWAY_TRY(const bool held, transaction.erase(*hold));
  if (!held) return {};
  const auto& context = std::get<ContextSource>(build.request.source);
  return rows::renew(transaction, context.held_by(build.request.repository), context.digest, lease,
                     now);
}

Result<void> erase_build(WriteTransaction& transaction, const Build& build, const LeaseTerms& lease,
                         Timestamp now) {
  SLIPWAY_CHECK(release_context(transaction, build, lease, now));
  SLIPWAY_CHECK(replace_rows(transaction, derived_rows(build), {}));
  SLIPWAY_CHECK(transaction.erase(record_key(build.id)));
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
  BuildPage page;
  const auto take = [&](const Cursor& row) -> Result<bool> {
    page.more = page.builds.size() == limit;
    if (page.more) return false;
    SLIPWAY_TRY(Build build, load_build(view, key_space::text_part(row.key(), prefix.size())));
    page.builds.push_back(std::move(build));
    return true;
  };
  SLIPWAY_CHECK(each_row_backwards(view, prefix, filter.after, take));
  return page;
}

Result<std::vector<std::string>> builds_in_state(const ReadView& view, BuildState state) {
  const std::string prefix = Key(key_space::build_by_state).text(to_string(state)).str();
  std::vector<std::string> ids;
  SLIPWAY_CHECK(each_row(view, prefix, [&](const Cursor& row) -> Result<bool> {
    ids.emplace_back(key_space::text_part(row.key(), prefix.size()));
    return true;
  }));
  return ids;
}

Result<void> each_waiting_build(const ReadView& view,
                                const std::function<Result<bool>(const std::string&)>& visit) {
  const std::string prefix =
      Key(key_space::build_by_state).text(to_string(BuildState::queued)).str();
  return each_row(view, prefix, [&](const Cursor& row) {
    return visit(std::string(key_space::text_part(row.key(), prefix.size())));
  });
}

}  // namespace slipway
