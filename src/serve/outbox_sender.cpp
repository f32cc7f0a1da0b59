#include "serve/outbox_sender.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "support/wake_time.hpp"

namespace slipway {
namespace {

constexpr std::chrono::milliseconds longest_pause = std::chrono::hours(1);
/// With pauses of 1 s, 2 s and so on to an hour, and three quarters of each: about a day.
constexpr std::uint64_t most_attempts = 40;
/// After the outbox could not be read or written.
constexpr std::chrono::seconds pause_after_failure{5};

std::function<double()> at_random() {
  return [engine = std::mt19937_64(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

}  // namespace

OutboxSender::OutboxSender(OutboxSenderParts parts, OutboxSenderOptions options)
    : parts_(std::move(parts)), options_(std::move(options)) {
  if (!options_.jitter) options_.jitter = at_random();
}

void OutboxSender::run() {
  subscription_ = parts_.metadata.subscribe(outbox_topic, [this] {
    const std::lock_guard lock(mutex_);
    wake_ = true;
    woken_.notify_all();
  });
  loop_ = std::thread([this] { loop(stopping_.get_token()); });
}

void OutboxSender::stop() {
  subscription_.reset();
  stopping_.request_stop();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    woken_.notify_all();
    handed_.notify_all();
    threads.swap(threads_);
  }
  if (loop_.joinable()) loop_.join();
  for (std::thread& thread : threads) thread.join();
}

void OutboxSender::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto next = hand_out();
    if (!next) {
      parts_.log.error("outbox not sent", {{"why", next.error().message}});
      next = std::optional(parts_.clock.now() + pause_after_failure);
    }
    const MonotonicTime until = *next ? wake_time(parts_.clock, **next) : MonotonicTime::max();
    std::unique_lock lock(mutex_);
    while (!wake_ && !stop.stop_requested() && parts_.clock.monotonic() < until)
      parts_.clock.wait_until(woken_, lock, until);
    wake_ = false;
  }
}

Result<std::optional<Timestamp>> OutboxSender::send_due() {
  for (std::size_t handed_before = 0;;) {
    SLIPWAY_TRY(const auto next, hand_out());
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [this] { return out_.empty(); });
    if (handed_count_ == handed_before) return next;
    handed_before = handed_count_;
  }
}

std::size_t OutboxSender::room_of(const std::string& destination) const {
  const auto out = out_by_destination_.find(destination);
  const std::size_t taken = out == out_by_destination_.end() ? 0 : out->second;
  const std::size_t most = silent_.contains(destination) ? 1 : options_.of_one;
  return std::min(most - std::min(most, taken), options_.at_once - out_.size());
}

Result<std::optional<Timestamp>> OutboxSender::hand_out() {
  // What is out is asked for before the snapshot is taken: what has been carried since is settled in
  // it, so nothing is handed out a second time.
  std::set<std::string, std::less<>> out;
  std::string last;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return *std::exchange(failure_, std::nullopt);
    out = out_;
    last = last_served_;
  }
  SLIPWAY_TRY(const auto view, parts_.metadata.snapshot());
  SLIPWAY_TRY(auto destinations, outbox::destinations(*view));
  std::rotate(destinations.begin(),
              std::upper_bound(destinations.begin(), destinations.end(), last),
              destinations.end());
  const Timestamp now = parts_.clock.now();
  std::optional<Timestamp> next;
  for (const std::string& destination : destinations) {
    SLIPWAY_TRY(const auto waiting,
                outbox::waiting(*view, destination, options_.of_one * 2));
    const std::lock_guard lock(mutex_);
    std::size_t room = room_of(destination);
    for (const OutboxItem& item : waiting) {
      if (out.contains(item.id)) continue;
      if (room == 0) break;  // whoever ends wakes the loop
      if (item.due > now) {
        next = next ? std::min(*next, item.due) : item.due;
        break;
      }
      --room;
      out_.insert(item.id);
      ++out_by_destination_[destination];
      handed_out_.push_back(item);
      ++handed_count_;
      last_served_ = destination;
      start_thread();
      handed_.notify_one();
    }
  }
  return next;
}

/// Under the lock: one more, when all that there are have work.
void OutboxSender::start_thread() {
  if (idle_threads_ >= handed_out_.size() || threads_.size() >= options_.at_once) return;
  if (stopping_.stop_requested()) return;
  threads_.emplace_back([this] { work(); });
}

void OutboxSender::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_.stop_requested()) {
    if (handed_out_.empty()) {
      ++idle_threads_;
      handed_.wait(lock,
                   [this] { return !handed_out_.empty() || stopping_.stop_requested(); });
      --idle_threads_;
      continue;
    }
    const OutboxItem item = std::move(handed_out_.front());
    handed_out_.pop_front();
    lock.unlock();
    carry(item);
    lock.lock();
    out_.erase(item.id);
    if (--out_by_destination_[item.destination] == 0) out_by_destination_.erase(item.destination);
    wake_ = true;
    woken_.notify_all();
  }
}

void OutboxSender::carry(const OutboxItem& item) {
  const auto courier = parts_.couriers.find(item.kind);
  Result<Attempt> attempt = Attempt{};  // of a kind that a later version knows: it goes
  if (courier != parts_.couriers.end())
    attempt = courier->second->carry(item, stopping_.get_token());
  if (stopping_.stop_requested() && attempt && attempt->outcome != Attempt::Outcome::done) return;
  const Result<void> finished = attempt ? finish(item, *attempt) : attempt.error();
  const std::lock_guard lock(mutex_);
  if (!finished) failure_ = finished.error();
  if (attempt && attempt->silent)
    silent_.insert(item.destination);
  else
    silent_.erase(item.destination);
}

Result<void> OutboxSender::finish(const OutboxItem& item, const Attempt& attempt) {
  const bool again =
      attempt.outcome == Attempt::Outcome::failed && item.attempts + 1 < most_attempts;
  std::optional<Timestamp> next;
  if (again)
    next = parts_.clock.now() +
           std::max<std::chrono::milliseconds>(pause_after(item.attempts), attempt.wait);
  const auto write = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(next ? outbox::postpone(transaction, item, *next)
                       : outbox::settle(transaction, item));
    return attempt.record ? attempt.record(transaction) : Result<void>();
  };
  SLIPWAY_CHECK(parts_.metadata.write(write));
  if (attempt.outcome != Attempt::Outcome::done)
    parts_.log.warning(again ? "sending postponed" : "sending given up",
                       {{"what", item.kind == OutboxKind::status ? "commit status" : "notification"},
                        {"id", item.id},
                        {"to", item.destination},
                        {"why", attempt.why}});
  return {};
}

std::chrono::milliseconds OutboxSender::pause_after(std::uint64_t attempts) {
  const std::chrono::milliseconds whole = std::min<std::chrono::milliseconds>(
      std::chrono::seconds(std::uint64_t{1} << std::min<std::uint64_t>(attempts, 12)),
      longest_pause);
  const std::lock_guard lock(mutex_);
  return std::chrono::ceil<std::chrono::milliseconds>(whole * (1.0 - 0.5 * options_.jitter()));
}

}  // namespace slipway
