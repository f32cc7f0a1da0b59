#include "storage/topics.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

namespace {

struct Subscriber {
  explicit Subscriber(std::function<void()> function) : callback(std::move(function)) {}

  const std::function<void()> callback;
  bool due = false;  // guarded by State::mutex, as those below
  bool running = false;
  bool ended = false;
};

}  // namespace

struct Topics::State {
  std::mutex mutex;
  std::condition_variable changed;  // something is due, a callback returned, or the end
  std::multimap<std::string, std::shared_ptr<Subscriber>, std::less<>> subscribers;
  std::vector<std::shared_ptr<Subscriber>> due;
  bool stopping = false;
  bool started = false;
  std::thread::id teller_id;
  std::thread teller;  // started under mutex, joined by the destructor of Topics

  void tell() {
    std::unique_lock lock(mutex);
    teller_id = std::this_thread::get_id();
    while (true) {
      changed.wait(lock, [this] { return stopping || !due.empty(); });
      if (stopping) return;
      for (const auto& subscriber : std::exchange(due, {})) {
        subscriber->due = false;
        if (subscriber->ended || stopping) continue;
        subscriber->running = true;
        lock.unlock();
        try {
          subscriber->callback();
        } catch (...) {  // NOLINT(bugprone-empty-catch): a broken subscriber must not stop the rest
        }
        lock.lock();
        subscriber->running = false;
        changed.notify_all();
      }
    }
  }
};

namespace {

class TopicSubscription final : public Subscription {
 public:
  TopicSubscription(std::shared_ptr<Topics::State> state, std::string topic,
                    std::shared_ptr<Subscriber> subscriber)
      : state_(std::move(state)), topic_(std::move(topic)), subscriber_(std::move(subscriber)) {}

  ~TopicSubscription() override {
    std::unique_lock lock(state_->mutex);
    subscriber_->ended = true;
    const auto [begin, end] = state_->subscribers.equal_range(topic_);
    for (auto it = begin; it != end; ++it) {
      if (it->second != subscriber_) continue;
      state_->subscribers.erase(it);
      break;
    }
    const bool within_a_callback = std::this_thread::get_id() == state_->teller_id;
    if (!within_a_callback) state_->changed.wait(lock, [this] { return !subscriber_->running; });
  }

  TopicSubscription(const TopicSubscription&) = delete;
  TopicSubscription& operator=(const TopicSubscription&) = delete;

 private:
  const std::shared_ptr<Topics::State> state_;
  const std::string topic_;
  const std::shared_ptr<Subscriber> subscriber_;
};

}  // namespace

Topics::Topics() : state_(std::make_shared<State>()) {}

Topics::~Topics() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  if (state_->teller.joinable()) state_->teller.join();
}

std::unique_ptr<Subscription> Topics::subscribe(std::string_view topic,
                                                std::function<void()> callback) {
  auto subscriber = std::make_shared<Subscriber>(std::move(callback));
  {
    const std::lock_guard lock(state_->mutex);
    state_->subscribers.emplace(topic, subscriber);
    if (!std::exchange(state_->started, true))
      state_->teller = std::thread([state = state_.get()] { state->tell(); });
  }
  return std::make_unique<TopicSubscription>(state_, std::string(topic), std::move(subscriber));
}

void Topics::publish(std::span<const std::string> topics) {
  if (topics.empty()) return;
  const std::lock_guard lock(state_->mutex);
  for (const std::string& topic : topics) {
    const auto [begin, end] = state_->subscribers.equal_range(topic);
    for (auto it = begin; it != end; ++it) {
      if (std::exchange(it->second->due, true)) continue;
      state_->due.push_back(it->second);
    }
  }
  if (!state_->due.empty()) state_->changed.notify_all();
}

}  // namespace slipway
