#include "notify/notification_filter.hpp"

#include <utility>

#include <slipway/auth/access_policy.hpp>

#include "notify/outbox.hpp"
#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"

namespace slipway {
namespace {

using key_space::Key;

Key filter_key(std::string_view notification) {
  return std::move(Key(key_space::notification_filter).text(notification));
}

constexpr std::uint64_t bit_of(NotificationEvent event) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(event);
}

}  // namespace

bool NotificationFilter::wants(NotificationEvent event, std::string_view repository) const noexcept {
  return (events & bit_of(event)) != 0 && matches_repository(repositories, repository);
}

Result<void> put_filter(WriteTransaction& transaction, const Notification& notification) {
  std::uint64_t events = 0;
  for (const NotificationEvent event : notification.request.events) events |= bit_of(event);
  std::string row;
  key_space::append_number(row, events);
  row.append(outbox::destination_of(notification.request.url)).push_back('\0');
  row.append(notification.request.repositories);
  return transaction.put(filter_key(notification.id), row);
}

Result<void> erase_filter(WriteTransaction& transaction, std::string_view notification) {
  SLIPWAY_CHECK(transaction.erase(filter_key(notification)));
  return {};
}

Result<std::vector<NotificationFilter>> notification_filters(const ReadView& view) {
  constexpr std::string_view prefix = key_space::notification_filter;
  std::vector<NotificationFilter> filters;
  const auto take = [&](const Cursor& found) -> Result<bool> {
    const std::string_view row = found.value();
    const std::size_t end = row.find('\0', 8);
    if (end == row.npos)
      return Error(ErrorCode::corrupt, "a notification's filter is malformed");
    filters.push_back({std::string(key_space::text_part(found.key(), prefix.size())),
                       key_space::read_number(row), std::string(row.substr(8, end - 8)),
                       std::string(row.substr(end + 1))});
    return true;
  };
  SLIPWAY_CHECK(each_row(view, prefix, take));
  return filters;
}

}  // namespace slipway
