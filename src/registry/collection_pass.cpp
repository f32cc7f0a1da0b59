#include "registry/collection_pass.hpp"

#include <condition_variable>
#include <mutex>

namespace slipway {
namespace {

/// Rows that are read on one snapshot: under a millisecond of work when they are in memory.
constexpr std::size_t rows_a_snapshot = 1024;

/// Waits until `deadline` or until told to stop.
void rest_until(Clock& clock, MonotonicTime deadline, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable told;
  const std::stop_callback wake(stop, [&] {
    const std::lock_guard lock(mutex);
    told.notify_all();
  });
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && clock.monotonic() < deadline)
    clock.wait_until(told, lock, deadline);
}

}  // namespace

Result<void> CollectionPass::pause() {
  after_piece_();
  const MonotonicTime now = parts_.clock.monotonic();
  const unsigned load = std::clamp(parts_.options.load, 1U, 100U);
  const MonotonicTime rest = (now - piece_began_) * (100 - load) / load;
  if (rest.count() > 0) rest_until(parts_.clock, now + rest, stop_);
  piece_began_ = parts_.clock.monotonic();
  if (stop_.stop_requested()) return Error(ErrorCode::cancelled, "told to stop");
  return {};
}

void CollectionPass::note_failure(std::string_view what, const Error& error) {
  ++counts.failures;
  parts_.log.warning("garbage collection passed over",
                     {{"what", std::string(what)}, {"error", error.message}});
}

Result<void> CollectionPass::walk(std::string_view prefix, std::string& position,
                                  const Judge& judge, const Remove& remove) {
  if (position < prefix) position = prefix;
  bool more = true;
  while (more) {
    std::vector<std::string> garbage;
    SLIPWAY_TRY(more, read_piece(prefix, position, judge, garbage));
    if (!garbage.empty()) SLIPWAY_CHECK(remove(garbage));
    SLIPWAY_CHECK(pause());
  }
  return {};
}

/// True when there may be more rows.
Result<bool> CollectionPass::read_piece(std::string_view prefix, std::string& position,
                                        const Judge& judge, std::vector<std::string>& garbage) {
  SLIPWAY_TRY(const auto view, metadata().snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  SLIPWAY_TRY(bool found, cursor->seek(position));
  if (found && cursor->key() == position) {
    SLIPWAY_TRY(found, cursor->next());
  }
  for (std::size_t rows = 0; found && cursor->key().starts_with(prefix); ++rows) {
    if (rows == rows_a_snapshot || garbage.size() == parts_.options.batch) return true;
    position = cursor->key();
    ++counts.examined;
    auto goes = judge(*view, *cursor);
    if (goes && *goes) garbage.push_back(position);
    if (!goes && goes.error().code != ErrorCode::corrupt) return std::move(goes).error();
    if (!goes) note_failure("a row", goes.error());
    SLIPWAY_TRY(found, cursor->next());
  }
  return false;
}

}  // namespace slipway
