#include "registry/tag_events.hpp"

#include <string>

#include "json/writer.hpp"
#include "notify/notices.hpp"
#include "registry/rows.hpp"

namespace slipway {
namespace {

json::Writer begin_data(const RepositoryName& repository, std::string_view tag,
                        const Digest& manifest) {
  json::Writer json;
  json.begin_object().member("repository", repository.str()).member("tag", tag);
  json.member("digest", manifest.to_string());
  return json;
}

}  // namespace

Result<void> announce_tag_pushed(WriteTransaction& transaction, const RepositoryName& repository,
                                 std::string_view tag, const Digest& manifest,
                                 const std::optional<Digest>& previous, Timestamp now) {
  notices::Happening happening{NotificationEvent::tag_pushed, repository.str(), tag, {}};
  happening.data = [&] {
    json::Writer json = begin_data(repository, tag, manifest);
    if (previous) json.member("previous_digest", previous->to_string());
    const auto row = transaction.get(rows::manifest(repository, manifest));
    if (row && *row) {
      if (const auto head = rows::decode_head(**row)) {
        json.member("media_type", head->media_type).key("size").number(head->size);
      }
    }
    json.end_object();
    return json.take();
  };
  return notices::announce(transaction, happening, now);
}

Result<void> announce_tag_deleted(WriteTransaction& transaction, const RepositoryName& repository,
                                  std::string_view tag, const Digest& manifest, Timestamp now) {
  notices::Happening happening{NotificationEvent::tag_deleted, repository.str(), tag, {}};
  happening.data = [&] { return begin_data(repository, tag, manifest).end_object().take(); };
  return notices::announce(transaction, happening, now);
}

}  // namespace slipway
