// Topics: who wants to be told of which topic, and the thread that tells them.
//
// What a MetadataStore's subscribe and notify stand on. Callbacks run one at a time on a thread of
// their own, so that they hold up no commit and a writer may hold a lock that a callback takes. The
// thread starts with the first subscription. What is published while a callback runs is told once.
//
// Thread safety: any thread. A Subscription may outlive the Topics; it is then never called.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <slipway/storage/metadata_store.hpp>

namespace slipway {

class Topics {
 public:
  Topics();
  /// Waits for the callback that runs; what was published and not yet told is dropped.
  /// REQUIRES: not called from a callback.
  ~Topics();
  Topics(const Topics&) = delete;
  Topics& operator=(const Topics&) = delete;

  std::unique_ptr<Subscription> subscribe(std::string_view topic, std::function<void()> callback);

  /// Has the subscribers of the topics told, soon; once also where a topic is named twice.
  void publish(std::span<const std::string> topics);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace slipway
