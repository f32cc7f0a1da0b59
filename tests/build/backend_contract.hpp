// The contract of BuildBackend: every implementation passes this suite.
//
//   struct MyBackendFactory {
//     // At most two workers at a time; a worker runs until it is stopped.
//     std::unique_ptr<BuildBackend> make();
//     // Another object over what the first left behind, as a new process would make it.
//     std::unique_ptr<BuildBackend> reopen(std::unique_ptr<BuildBackend> before);
//     // A running worker ends by itself.
//     void end(BuildBackend& backend, const std::string& worker);
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Mine, BackendContract, MyBackendFactory);
#pragma once

#include <slipway/build/backend.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/build/wait_for.hpp"

namespace slipway::test {

inline WorkerRequest worker_request(const std::string& name) {
  WorkerRequest request;
  request.name = name;
  request.build = "01JDCZ0M4Y7W3Q6S8N2V5X9K1B";
  request.repository = "app/web";
  request.server_url = "http://127.0.0.1:1";
  request.registration_token = "slpr_token";
  return request;
}

template <class Factory>
class BackendContract : public testing::Test {
 protected:
  using Events = std::vector<BackendEvent>;

  BackendContract() { listen(); }
  ~BackendContract() override {
    const std::vector<BackendWorker> workers = backend->list().value();
    for (const BackendWorker& worker : workers) EXPECT_TRUE(backend->stop(worker.name).ok());
    backend->on_event({});
  }

  void listen() {
    backend->on_event([this](const BackendEvent& event) {
      events.change([&event](Events& all) { all.push_back(event); });
    });
  }

  void wait_for(BackendEvent::Kind kind, const std::string& worker) {
    events.wait_until([&](const Events& all) {
      return std::any_of(all.begin(), all.end(), [&](const BackendEvent& event) {
        return event.kind == kind && (worker.empty() || event.worker == worker);
      });
    });
  }

  std::vector<std::string> running() {
    std::vector<std::string> names;
    const std::vector<BackendWorker> workers = backend->list().value();
    for (const BackendWorker& worker : workers)
      if (worker.running) names.push_back(worker.name);
    std::sort(names.begin(), names.end());
    return names;
  }

  Factory factory;
  Told<Events> events;
  std::unique_ptr<BuildBackend> backend = factory.make();
};

TYPED_TEST_SUITE_P(BackendContract);

TYPED_TEST_P(BackendContract, StartsAndStops) {
  EXPECT_FALSE(this->backend->name().empty());
  EXPECT_TRUE(this->running().empty());
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  EXPECT_EQ(this->running(), std::vector<std::string>{"slipway-a-1"});
  ASSERT_TRUE(this->backend->stop("slipway-a-1").ok());
  EXPECT_TRUE(this->backend->list()->empty()) << "a stopped worker is forgotten";
}

TYPED_TEST_P(BackendContract, StartingTwiceIsStartingOnce) {
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  EXPECT_EQ(this->backend->list()->size(), 1U);
}

TYPED_TEST_P(BackendContract, StoppingWhatIsNotThereIsNoError) {
  EXPECT_TRUE(this->backend->stop("slipway-nobody-1").ok());
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  EXPECT_TRUE(this->backend->stop("slipway-a-1").ok());
  EXPECT_TRUE(this->backend->stop("slipway-a-1").ok());
}

TYPED_TEST_P(BackendContract, TellsItsRoom) {
  const BackendRoom empty = this->backend->room();
  ASSERT_GE(empty.free, 2U);
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  ASSERT_TRUE(this->backend->start(worker_request("slipway-b-1")).ok());
  const BackendRoom full = this->backend->room();
  if (full.total != 2) GTEST_SKIP() << "this backend knows no limit";
  EXPECT_EQ(full.free, 0U);
  EXPECT_FALSE(full.why.empty());
  const auto refused = this->backend->start(worker_request("slipway-c-1"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok()) << "it is there";
  ASSERT_TRUE(this->backend->stop("slipway-a-1").ok());
  EXPECT_EQ(this->backend->room().free, 1U);
  EXPECT_TRUE(this->backend->start(worker_request("slipway-c-1")).ok());
}

TYPED_TEST_P(BackendContract, TellsWhenAWorkerEnds) {
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  this->factory.end(*this->backend, "slipway-a-1");
  this->wait_for(BackendEvent::Kind::exited, "slipway-a-1");
  EXPECT_TRUE(this->running().empty());
  ASSERT_TRUE(this->backend->stop("slipway-a-1").ok());
  EXPECT_TRUE(this->backend->list()->empty());
}

TYPED_TEST_P(BackendContract, FindsWhatAnEarlierProcessStarted) {
  ASSERT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  this->backend = this->factory.reopen(std::move(this->backend));
  this->listen();
  EXPECT_EQ(this->running(), std::vector<std::string>{"slipway-a-1"});
  EXPECT_TRUE(this->backend->start(worker_request("slipway-a-1")).ok());
  EXPECT_EQ(this->backend->list()->size(), 1U);
  this->factory.end(*this->backend, "slipway-a-1");
  this->wait_for(BackendEvent::Kind::exited, "slipway-a-1");
  ASSERT_TRUE(this->backend->stop("slipway-a-1").ok());
  EXPECT_TRUE(this->backend->list()->empty());
}

REGISTER_TYPED_TEST_SUITE_P(BackendContract, StartsAndStops, StartingTwiceIsStartingOnce,
                            StoppingWhatIsNotThereIsNoError, TellsItsRoom, TellsWhenAWorkerEnds,
                            FindsWhatAnEarlierProcessStarted);

}  // namespace slipway::test
