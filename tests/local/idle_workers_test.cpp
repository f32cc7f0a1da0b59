// Workers that the local backend starts ahead.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <slipway/build/local_backend.hpp>
#include <slipway/support/log.hpp>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <thread>

#include "local/process_record.hpp"
#include "support/process_tree.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using test::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A program in the worker's place, and a FIFO by which it says what build it has.
class IdleWorkers : public testing::Test, public Log {
 public:
  /// The backend says here that one waits.
  void write(LogLevel, std::string_view event, std::span<const LogField> fields) noexcept override {
    if (event != "worker waits for a build") return;
    const std::lock_guard lock(mutex_);
    waiting_.push_back(fields[1].value);
    changed_.notify_all();
  }

 protected:
  IdleWorkers() {
    EXPECT_EQ(::mkfifo(building_.c_str(), 0600), 0);
    program("read -r question; echo '!' >&0\n");
  }

  ~IdleWorkers() override {
    backend_.reset();
    for (const ProcessInfo& process : all_processes())
      if (process_variable(process.id.pid, "SLIPWAY_WORKER")
              .value_or("")
              .starts_with((folder_ / "workers").string()))
        send_signal(process.id, SIGKILL);
  }

  /// What one that waits does when it is asked; then it takes a build and tells of it. One that was
  /// started for a build tells of that.
  void program(const std::string& asked) {
    write_file(program_, "#!/bin/sh\ncd " + folder_.path().string() +
                             "\nif [ \"$2\" = --wait ]; then\n" + asked +
                             "read -r token && read -r folder && read -r url || exit 0\n"
                             "echo \"takes $$ $token $folder $url\" > building\nelse\n"
                             "echo \"fresh $$ $(cat \"$5\")\" > building\nfi\nexec sleep 100000\n");
    fs::permissions(program_, fs::perms::owner_all);
  }

  void open(unsigned slots = 2) {
    LocalBackendOptions options;
    options.slots = slots;
    options.warm = 1;
    options.folder = folder_ / "workers";
    options.program = program_;
    auto made = make_local_backend(options, *this);
    ASSERT_TRUE(made.ok()) << made.error().message;
    backend_ = *std::move(made);
    backend_->on_event([this](const BackendEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    });
  }

  static WorkerRequest request(std::string name) {
    return {std::move(name),         "01JDCZ0M4Y7W3Q6S8N2V5X9K1B", "app/web",
            "http://127.0.0.1:5000", "the-secret-token",           ""};
  }

  /// The words of the next line that a program wrote.
  std::vector<std::string> words() const {
    std::ifstream stream(building_);
    std::vector<std::string> found;
    for (std::string word; stream >> word;) found.push_back(word);
    return found;
  }

  /// The next one that waits.
  ProcessId idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !waiting_.empty(); });
    const auto record = read_process_record(folder_ / ("workers/" + waiting_.front()) / "worker.json");
    waiting_.pop_front();
    EXPECT_TRUE(record.has_value());
    return record ? record->process : ProcessId{};
  }

  BackendEvent exit_of_a_worker() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return !events_.empty(); });
      const BackendEvent event = events_.front();
      events_.pop_front();
      if (event.kind == BackendEvent::Kind::exited) return event;
    }
  }

  std::vector<std::string> folders() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_ / "workers"))
      found.push_back(entry.path().filename());
    return found;
  }

  TemporaryFolder folder_;
  const fs::path program_ = folder_ / "program";
  const fs::path building_ = folder_ / "building";
  std::unique_ptr<BuildBackend> backend_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<BackendEvent> events_;
  std::deque<std::string> waiting_;
};

TEST_F(IdleWorkers, OneTakesABuild) {
  open();
  const ProcessId process = idle();
  EXPECT_EQ(backend_->list()->size(), 0U) << "it is of no build";
  EXPECT_EQ(backend_->room().free, 2U) << "it takes no build's place";
  EXPECT_THAT(folders(), ElementsAre(StartsWith("idle-")));
  ASSERT_TRUE(backend_->start(request("w-1")).ok());
  const std::string folder = (folder_ / "workers/w-1").string();
  EXPECT_THAT(words(), ElementsAre("takes", std::to_string(process.pid), "the-secret-token", folder,
                                   "http://127.0.0.1:5000"));
  EXPECT_EQ(read_process_record(folder + "/worker.json")->process, process);
  EXPECT_EQ(backend_->list()->size(), 1U);
  EXPECT_EQ(backend_->list()->at(0).name, "w-1");
  EXPECT_EQ(backend_->room().free, 1U);
  EXPECT_NE(idle(), process) << "another one waits for the next";
  EXPECT_TRUE(backend_->stop("w-1").ok());
  EXPECT_FALSE(is_running(process));
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(IdleWorkers, ItsEndIsTheBuildsAsOfAnyOther) {
  open();
  const ProcessId process = idle();
  ASSERT_TRUE(backend_->start(request("w-1")).ok());
  (void)words();
  send_signal(process, SIGKILL);
  const BackendEvent end = exit_of_a_worker();
  EXPECT_EQ(end.worker, "w-1");
  EXPECT_EQ(end.detail, "killed by signal 9");
  (void)idle();
}

TEST_F(IdleWorkers, OneThatIsFrozenCostsABuildNothing) {
  open();
  const ProcessId process = idle();
  send_signal(process, SIGSTOP);
  std::thread starter([this] { EXPECT_TRUE(backend_->start(request("w-1")).ok()); });
  const auto said = words();
  starter.join();
  EXPECT_EQ(said.at(0), "fresh");
  EXPECT_EQ(said.at(2), "the-secret-token");
  EXPECT_FALSE(is_running(process)) << "it could still take the build";
  (void)idle();
}

TEST_F(IdleWorkers, OneThatDiesWhenItIsAskedCostsABuildNothing) {
  program("read -r question; exit 1\n");
  open();
  const ProcessId process = idle();
  std::thread starter([this] { EXPECT_TRUE(backend_->start(request("w-1")).ok()); });
  const auto said = words();
  starter.join();
  EXPECT_EQ(said.at(0), "fresh");
  EXPECT_FALSE(is_running(process));
  (void)idle();
}

TEST_F(IdleWorkers, OneThatEndsWhileItWaitsIsReplacedWithTheNextBuild) {
  open();
  send_signal(idle(), SIGKILL);
  while (!folders().empty()) ::poll(nullptr, 0, 1);  // nobody tells of it
  std::thread starter([this] { EXPECT_TRUE(backend_->start(request("w-1")).ok()); });
  EXPECT_EQ(words().at(0), "fresh");
  starter.join();
  (void)idle();
}

TEST_F(IdleWorkers, TheyEndWithTheBackend) {
  open();
  const ProcessId process = idle();
  backend_.reset();
  EXPECT_FALSE(is_running(process));
  EXPECT_THAT(folders(), ElementsAre());
}

TEST_F(IdleWorkers, WhatAnEarlierServerLeftIsEnded) {
  open();
  const ProcessId process = idle();
  auto earlier = std::move(backend_);
  open();
  EXPECT_FALSE(is_running(process));
  (void)idle();
  EXPECT_EQ(backend_->list()->size(), 0U);
  earlier.reset();
}

/// Killed between the folder's new name and the word to the worker.
TEST_F(IdleWorkers, OneThatWasNotToldOfItsBuildDoesNotRunAfterARestart) {
  open();
  const ProcessId process = idle();
  const std::string name = folders().at(0);
  fs::rename(folder_ / "workers" / name, folder_ / "workers/w-1");
  auto earlier = std::move(backend_);
  open();
  EXPECT_FALSE(is_running(process));
  ASSERT_EQ(backend_->list()->size(), 1U);
  EXPECT_EQ(backend_->list()->at(0).name, "w-1");
  EXPECT_FALSE(backend_->list()->at(0).running);
  (void)idle();
}

TEST_F(IdleWorkers, NoneWaitsWhereThereIsNoSlot) {
  open(1);
  const ProcessId process = idle();
  ASSERT_TRUE(backend_->start(request("w-1")).ok());
  (void)words();
  EXPECT_EQ(backend_->start(request("w-2")).error().code, ErrorCode::unavailable);
  EXPECT_THAT(folders(), ElementsAre("w-1"));
  ASSERT_TRUE(backend_->stop("w-1").ok());
  EXPECT_NE(idle(), process);
}

TEST_F(IdleWorkers, NothingSecretIsSaidBeforeThereIsABuild) {
  open();
  const ProcessId process = idle();
  ASSERT_TRUE(backend_->start(request("w-1")).ok());
  (void)words();
  const std::string proc = "/proc/" + std::to_string(process.pid);
  for (const char* file : {"/cmdline", "/environ"})
    EXPECT_THAT(test::read_file(proc + file), Not(HasSubstr("the-secret-token")));
  EXPECT_FALSE(fs::exists(folder_ / "workers/w-1/token"));
  (void)idle();
}

}  // namespace
}  // namespace slipway
