#include <algorithm>
#include <utility>

#include <slipway/build/trigger.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "build/build_json.hpp"
#include "build/commit_status.hpp"
#include "build/delivery_rows.hpp"
#include "build/git_url.hpp"
#include "build/status_outbox.hpp"
#include "build/trigger_health.hpp"
#include "build/trigger_json.hpp"
#include "build/trigger_templates.hpp"
#include "pattern/pattern.hpp"
#include "storage/key_space.hpp"
#include "storage/sealed_rows.hpp"
#include "support/url_parts.hpp"

namespace slipway {
namespace {

using key_space::Key;

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t most_paths = 100;
constexpr std::size_t most_tags = 20;

Error unknown_trigger(std::string_view id) {
  return Error(ErrorCode::not_found, "there is no trigger " + std::string(id.substr(0, 26)));
}

/// A mistake in one member, told by its name.
Result<void> in_member(Result<void> result, std::string_view member) {
  if (result) return result;
  return Error(ErrorCode::invalid_argument, result.error().in(member).message);
}

template <class T>
Result<void> without_value(const Result<T>& result) {
  return result ? Result<void>() : Result<void>(result.error());
}

Result<void> check_lists(const TriggerRequest& request) {
  if (request.paths.size() > most_paths)
    return Error(ErrorCode::invalid_argument, "paths: at most 100 globs");
  for (std::string_view glob : request.paths) {
    if (take_exclusion(glob) && glob.empty())
      return Error(ErrorCode::invalid_argument, "paths: \"!\" excludes nothing; name a path");
    SLIPWAY_CHECK(in_member(without_value(Pattern::compile_glob(glob)), "paths"));
  }
  if (request.tags.empty() || request.tags.size() > most_tags)
    return Error(ErrorCode::invalid_argument, "tags: from 1 to 20 templates");
  for (const std::string& tag_template : request.tags)
    SLIPWAY_CHECK(in_member(check_tag_template(tag_template), "tags"));
  return {};
}

/// It goes into a header field.
Result<void> check_status(const TriggerRequest& request) {
  constexpr std::size_t longest = 1000;
  const auto printable = [](const std::string& text) {
    return text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  };
  if (!printable(request.status_token))
    return Error(ErrorCode::invalid_argument,
                 "status.token: expected at most 1000 printable characters");
  if (!request.status_api.empty() &&
      (!printable(request.status_api) || !split_url(request.status_api) ||
       request.status_api.ends_with('/')))
    return Error(ErrorCode::invalid_argument,
                 "status.api: expected https:// and where the provider's API begins, without a "
                 "slash behind it, such as https://git.example.com/api/v1");
  if (request.status_token.empty()) return {};
  return in_member(without_value(usual_status_api(request.provider, request.git_url)), "status");
}

Result<void> check(const TriggerRequest& request) {
  SLIPWAY_CHECK(in_member(without_value(git_protocol(request.git_url)), "git.url"));
  SLIPWAY_CHECK(in_member(without_value(Pattern::compile(request.branches)), "branches"));
  SLIPWAY_CHECK(in_member(without_value(Pattern::compile(request.git_tags)), "git_tags"));
  if (request.branches.empty() && request.git_tags.empty())
    return Error(ErrorCode::invalid_argument,
                 "branches and git_tags are both empty: the trigger would build nothing");
  SLIPWAY_CHECK(check_lists(request));
  SLIPWAY_CHECK(check_status(request));
  // What its builds would be refused for, the trigger is.
  BuildRequest build(request.repository, GitSource{request.git_url, "refs/heads/main", {}});
  build.context = request.context;
  build.dockerfile = request.dockerfile;
  return check_build_request(build);
}

Error unreadable(std::string_view id, const Error& why) {
  return Error(ErrorCode::corrupt, "trigger " + std::string(id) + ": " + why.message);
}

Key key_in_repository(const RepositoryName& repository, std::string_view id) {
  return Key(key_space::trigger_by_repository).text(repository.str()).text(id);
}

}  // namespace

Result<Trigger> find_trigger(const ReadView& view, const Sealer& sealer, std::string_view id) {
  if (!is_ulid(id)) return unknown_trigger(id);
  SLIPWAY_TRY(const auto row, sealed_rows::get(view, sealer, Key(key_space::trigger).text(id)));
  if (!row) return unknown_trigger(id);
  auto trigger = parse_trigger_row(*row);
  if (!trigger) return unreadable(id, trigger.error());
  SLIPWAY_TRY(trigger->health, read_health(view, id));
  return trigger;
}

Result<Trigger> TriggerStore::create(const TriggerRequest& request) {
  SLIPWAY_CHECK(check(request));
  const Timestamp now = clock_.now();
  const Trigger trigger{make_ulid(now), request, random_hex(secret_bytes), now};
  const std::string row = trigger_row(trigger);
  std::string status_api = request.status_api;
  if (!request.status_token.empty() && status_api.empty()) {
    SLIPWAY_TRY(status_api, usual_status_api(request.provider, request.git_url));
  }
  const auto put = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(sealed_rows::put(transaction, metadata_.sealer(),
                                   Key(key_space::trigger).text(trigger.id), row));
    if (!request.status_token.empty())
      SLIPWAY_CHECK(want_statuses(transaction, trigger.id, status_api));
    return transaction.put(key_in_repository(request.repository, trigger.id), "");
  };
  SLIPWAY_CHECK(metadata_.write(put));
  return trigger;
}

Result<Trigger> TriggerStore::find(std::string_view id) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return find_trigger(*view, metadata_.sealer(), id);
}

Result<std::vector<Trigger>> TriggerStore::list(const RepositoryName& repository) const {
  const std::string beginning = Key(key_space::trigger_by_repository).text(repository.str()).str();
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  std::vector<Trigger> triggers;
  SLIPWAY_TRY(bool there, cursor->seek(beginning));
  while (there && cursor->key().starts_with(beginning)) {
    std::string_view id = cursor->key().substr(beginning.size());
    id.remove_suffix(1);  // the zero byte behind a text part
    SLIPWAY_TRY(Trigger trigger, find_trigger(*view, metadata_.sealer(), id));
    triggers.push_back(std::move(trigger));
    SLIPWAY_TRY(there, cursor->next());
  }
  return triggers;
}

Result<Trigger> TriggerStore::resume(std::string_view id) {
  SLIPWAY_TRY(Trigger trigger, find(id));
  SLIPWAY_CHECK(metadata_.write(
      [&](WriteTransaction& transaction) { return erase_health(transaction, id); }));
  trigger.health = {};
  return trigger;
}

Result<void> TriggerStore::remove(const RepositoryName& repository, std::string_view id) {
  if (!is_ulid(id)) return unknown_trigger(id);
  return metadata_.write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const bool there, transaction.erase(key_in_repository(repository, id)));
    if (!there) return unknown_trigger(id);
    SLIPWAY_CHECK(transaction.erase(Key(key_space::trigger).text(id)));
    SLIPWAY_CHECK(erase_health(transaction, id));
    SLIPWAY_CHECK(want_no_statuses(transaction, id));
    return erase_deliveries(transaction, id);
  });
}

}  // namespace slipway
