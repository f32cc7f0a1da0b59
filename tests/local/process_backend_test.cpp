#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <slipway/build/local_backend.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "local/process_record.hpp"
#include "support/process_tree.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

using test::read_file;
using test::TemporaryFolder;
using test::write_file;

namespace fs = std::filesystem;

class Events {
 public:
  void listen_to(BuildBackend& backend) {
    backend.on_event([this](const BackendEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    });
  }
  /// The next event of this kind; those before it are dropped.
  BackendEvent next(BackendEvent::Kind kind) {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return !events_.empty(); });
      BackendEvent event = events_.front();
      events_.pop_front();
      if (event.kind == kind) return event;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<BackendEvent> events_;
};

/// A program in the worker's place, and a FIFO by which it says what it has to say.
class LocalBackend : public testing::Test {
 protected:
  LocalBackend() { EXPECT_EQ(::mkfifo(fifo_.c_str(), 0600), 0); }

  /// Whatever a failed test left.
  ~LocalBackend() override {
    for (const ProcessInfo& process : all_processes())
      if (process_variable(process.id.pid, "SLIPWAY_WORKER")
              .value_or("")
              .starts_with((folder_ / "workers").string()))
        send_signal(process.id, SIGKILL);
  }

  void program(const std::string& script) {
    write_file(program_, "#!/bin/sh\nFIFO=" + fifo_.string() + "\n" + script);
    fs::permissions(program_, fs::perms::owner_all);
  }

  std::unique_ptr<BuildBackend> make(unsigned slots = 2) {
    LocalBackendOptions options;
    options.slots = slots;
    options.folder = folder_ / "workers";
    options.program = program_;
    options.worker_arguments = {"--extra", "two words"};
    options.first_user = first_user_;
    options.hidden = folder_.path();
    auto made = make_local_backend(options);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return nullptr;
    }
    return *std::move(made);
  }

  static WorkerRequest request(std::string name) {
    return {std::move(name),         "01JDCZ0M4Y7W3Q6S8N2V5X9K1B", "app/web",
            "http://127.0.0.1:5000", "the-secret-token",           ""};
  }

  /// Blocks until the program has written a line.
  std::string line() const {
    std::ifstream stream(fifo_);
    std::string text;
    std::getline(stream, text);
    return text;
  }

  [[nodiscard]] ProcessId process_of(const std::string& worker) const {
    const auto record = read_process_record(folder_ / ("workers/" + worker + "/worker.json"));
    EXPECT_TRUE(record.has_value());
    return record ? record->process : ProcessId{};
  }

  [[nodiscard]] std::vector<pid_t> processes_of(const std::string& worker) const {
    std::vector<pid_t> found;
    for (const ProcessInfo& process : all_processes())
      if (process.state != 'Z' && process_variable(process.id.pid, "SLIPWAY_WORKER") ==
                                      (folder_ / ("workers/" + worker)).string())
        found.push_back(process.id.pid);
    return found;
  }

  TemporaryFolder folder_;
  const fs::path program_ = folder_ / "program";
  const fs::path fifo_ = folder_ / "fifo";
  Events events_;
  std::optional<std::uint32_t> first_user_;
};

TEST_F(LocalBackend, TheWorkerInheritsNothingAndIsToldNothingSecret) {
  program(
      "for a; do echo \"argument $a\"; done\nenv | sed 's/^/variable /'\n"
      "ls -l /proc/$$/fd | sed 's/^/open /'\necho \"input $(readlink /proc/$$/fd/0)\"\n"
      "echo \"session $(cut -d' ' -f6 /proc/$$/stat) $$\"\ncat \"$5\"\nexit 3\n");
  ::setenv("SLIPWAY_TEST_SECRET", "hidden", 1);
  // Not closed at exec by itself.
  const int leaked = ::open((folder_ / "listener").c_str(), O_RDWR | O_CREAT, 0600);
  auto backend = make();
  events_.listen_to(*backend);
  ASSERT_TRUE(backend->start(request("w-1")).ok());
  const BackendEvent end = events_.next(BackendEvent::Kind::exited);
  ::close(leaked);
  ::unsetenv("SLIPWAY_TEST_SECRET");
  EXPECT_EQ(end.worker, "w-1");
  EXPECT_EQ(end.detail, "exit status 3");
  events_.next(BackendEvent::Kind::room);

  const fs::path worker = folder_ / "workers/w-1";
  std::string text = read_file(worker / "output");
  const std::string arguments =
      "argument worker\nargument --server\nargument http://127.0.0.1:5000\nargument --token-file\n"
      "argument " +
      (worker / "token").string() + "\nargument --once\nargument --work-dir\nargument " +
      (worker / "work").string() + "\nargument --extra\nargument two words\n";
  EXPECT_EQ(text.substr(0, arguments.size()), arguments);
  std::set<std::string> names;
  std::string descriptors, input, session;
  std::istringstream lines(text.substr(arguments.size()));
  for (std::string one; std::getline(lines, one);) {
    if (one.starts_with("variable ")) names.insert(one.substr(9, one.find('=') - 9));
    if (one.starts_with("open ")) descriptors += one + "\n";
    if (one.starts_with("input ")) input = one;
    if (one.starts_with("session ")) session = one;
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"PATH", "HOME", "LANG", "TMPDIR", "SLIPWAY_WORKER", "PWD"}));
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(descriptors.find(" 0 -> /dev/null"), std::string::npos) << descriptors;
  for (const char* what : {"listener", "eventpoll", "eventfd", "pidfd"})
    EXPECT_EQ(descriptors.find(what), std::string::npos) << descriptors;
  EXPECT_EQ(input, "input /dev/null");
  const std::string pid = std::to_string(process_of("w-1").pid);
  EXPECT_EQ(session, "session " + pid + " " + pid);
  EXPECT_TRUE(text.ends_with("the-secret-token"));
  struct stat status {};
  ASSERT_EQ(::stat((worker / "token").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat(worker.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);

  const auto listed = backend->list();
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().name, "w-1");
  EXPECT_FALSE(listed->front().running);
}

TEST_F(LocalBackend, StartingAgainFindsTheOneThatIsThere) {
  program("echo ready > $FIFO\nexec sleep 1000\n");
  auto backend = make(1);
  ASSERT_TRUE(backend->start(request("same")).ok());
  EXPECT_EQ(line(), "ready");
  const ProcessId first = process_of("same");
  ASSERT_TRUE(backend->start(request("same")).ok());
  EXPECT_EQ(process_of("same"), first);
  EXPECT_EQ(processes_of("same"), std::vector<pid_t>{first.pid});
  ASSERT_TRUE(backend->stop("same").ok());
  EXPECT_FALSE(is_running(first));
}

TEST_F(LocalBackend, TwoServersThatStartTheSameWorkerGetOneProcess) {
  // One process for ever, that runs no other program: while one is exchanged for another, /proc
  // shows no environment.
  program("mkfifo $FIFO.$$\necho ready > $FIFO\nread nothing < $FIFO.$$\n");
  for (int round = 0; round < 20; ++round) {
    const std::string name = "race-" + std::to_string(round);
    auto one = make(), two = make();
    std::thread other([&] { EXPECT_TRUE(two->start(request(name)).ok()); });
    EXPECT_TRUE(one->start(request(name)).ok());
    other.join();
    EXPECT_EQ(line(), "ready");
    EXPECT_EQ(processes_of(name), std::vector<pid_t>{process_of(name).pid});
    ASSERT_TRUE(one->stop(name).ok());
    ASSERT_TRUE(two->stop(name).ok());
    EXPECT_TRUE(processes_of(name).empty());
  }
}

TEST_F(LocalBackend, SlotsAreRoom) {
  program("echo ready > $FIFO\nexec sleep 1000\n");
  auto backend = make(1);
  events_.listen_to(*backend);
  EXPECT_EQ(backend->room().free, 1U);
  EXPECT_EQ(backend->room().total, 1U);
  ASSERT_TRUE(backend->start(request("a")).ok());
  EXPECT_EQ(line(), "ready");
  EXPECT_EQ(backend->room().free, 0U);
  EXPECT_EQ(backend->room().why, "all 1 slots are in use");
  const auto refused = backend->start(request("b"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(fs::exists(folder_ / "workers/b"));
  ASSERT_TRUE(backend->stop("a").ok());
  events_.next(BackendEvent::Kind::room);
  EXPECT_EQ(backend->room().free, 1U);
  EXPECT_TRUE(backend->list()->empty());
  ASSERT_TRUE(backend->start(request("b")).ok());
  EXPECT_EQ(line(), "ready");
  ASSERT_TRUE(backend->stop("b").ok());
}

TEST_F(LocalBackend, StopEndsDescendantsThatWentToSessionsOfTheirOwn) {
  // Twice forked, a session of its own, deaf to SIGTERM.
  program(
      "trap '' TERM\n"
      "(setsid sh -c 'trap \"\" TERM; (echo daemon $$ > '$FIFO'; exec sleep 1000) & wait' &) \n"
      "wait\nexec sleep 1000\n");
  auto backend = make();
  ASSERT_TRUE(backend->start(request("tree")).ok());
  EXPECT_TRUE(line().starts_with("daemon "));
  EXPECT_GE(processes_of("tree").size(), 2U);
  const ProcessId leader = process_of("tree");
  ASSERT_TRUE(backend->stop("tree").ok());
  EXPECT_TRUE(processes_of("tree").empty());
  EXPECT_FALSE(is_running(leader));
  EXPECT_FALSE(fs::exists(folder_ / "workers/tree"));
  EXPECT_TRUE(backend->stop("tree").ok());
  EXPECT_TRUE(backend->stop("never-there").ok());
}

TEST_F(LocalBackend, StopFindsWhatAKilledWorkerLeft) {
  program("(setsid sh -c 'echo daemon $$ > '$FIFO'; sleep 1000; true' &)\nexec sleep 1000\n");
  auto backend = make();
  events_.listen_to(*backend);
  ASSERT_TRUE(backend->start(request("orphan")).ok());
  EXPECT_TRUE(line().starts_with("daemon "));
  ASSERT_TRUE(send_signal(process_of("orphan"), SIGKILL));
  EXPECT_EQ(events_.next(BackendEvent::Kind::exited).detail, "killed by signal 9");
  EXPECT_GE(processes_of("orphan").size(), 1U);
  ASSERT_TRUE(backend->stop("orphan").ok());
  EXPECT_TRUE(processes_of("orphan").empty());
}

TEST_F(LocalBackend, StopFindsWhatRunsInARootOfTheBuild) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for chroot";
  // As a RUN of a killed buildah: no mark in its environment, a session of its own, another root.
  program(
      "mkdir -p root/bin && cp /bin/busybox root/bin/ && mkfifo root/said\n"
      "(env -i setsid /usr/sbin/chroot root /bin/busybox sh -c 'echo up > /said; exec /bin/busybox "
      "sleep 1000' &)\n"
      "read word < root/said\necho $word > $FIFO\nexec sleep 1000\n");
  auto backend = make();
  events_.listen_to(*backend);
  ASSERT_TRUE(backend->start(request("chroot")).ok());
  EXPECT_EQ(line(), "up");
  const std::string root = (folder_ / "workers/chroot/work/root").string();
  const auto inside = [&] {
    std::size_t count = 0;
    for (const ProcessInfo& process : all_processes())
      count += process.state != 'Z' && process_root(process.id.pid) == root ? 1U : 0U;
    return count;
  };
  ASSERT_TRUE(send_signal(process_of("chroot"), SIGKILL));
  events_.next(BackendEvent::Kind::exited);
  EXPECT_EQ(inside(), 1U);
  ASSERT_TRUE(backend->stop("chroot").ok());
  EXPECT_EQ(inside(), 0U);
}

TEST_F(LocalBackend, AnotherServerAdoptsWhatRuns) {
  program("echo ready > $FIFO\nexec sleep 1000\n");
  auto first = make(1);
  ASSERT_TRUE(first->start(request("adopted")).ok());
  EXPECT_EQ(line(), "ready");
  const ProcessId process = process_of("adopted");
  first.reset();
  EXPECT_TRUE(is_running(process));

  auto second = make(1);
  events_.listen_to(*second);
  ASSERT_EQ(second->list()->size(), 1U);
  EXPECT_TRUE(second->list()->front().running);
  EXPECT_EQ(second->room().free, 0U);
  ASSERT_TRUE(second->start(request("adopted")).ok());
  EXPECT_EQ(process_of("adopted"), process);
  ASSERT_TRUE(send_signal(process, SIGKILL));
  EXPECT_EQ(events_.next(BackendEvent::Kind::exited).worker, "adopted");
  EXPECT_FALSE(second->list()->front().running);
  ASSERT_TRUE(second->stop("adopted").ok());
  EXPECT_TRUE(second->list()->empty());
}

TEST_F(LocalBackend, AdoptedProcessesOfAnotherParentAreWatchedToo) {
  program("echo ready > $FIFO\nexec sleep 1000\n");
  // A server that is killed while its worker runs.
  const pid_t server = ::fork();
  if (server == 0) {
    LocalBackendOptions options;
    options.folder = folder_ / "workers";
    options.program = program_;
    const auto backend = make_local_backend(options);
    const bool started = backend && (*backend)->start(request("left")).ok();
    ::kill(::getpid(), started ? SIGKILL : SIGTERM);
    ::_exit(1);
  }
  EXPECT_EQ(line(), "ready");
  int status = 0;
  ASSERT_EQ(::waitpid(server, &status, 0), server);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  auto backend = make();
  events_.listen_to(*backend);
  ASSERT_EQ(backend->list()->size(), 1U);
  EXPECT_TRUE(backend->list()->front().running);
  ASSERT_TRUE(send_signal(process_of("left"), SIGKILL));
  EXPECT_EQ(events_.next(BackendEvent::Kind::exited).detail, "ended");
  ASSERT_TRUE(backend->stop("left").ok());
}

TEST_F(LocalBackend, AWorkerThatEndedUnseenIsListedAndToldAgain) {
  program("exit 0\n");
  write_file(folder_ / "workers/ended/worker.json", "{\"pid\": " + std::to_string(::getpid()) +
                                                        ", \"start_time\": 1, \"boot_id\": \"" +
                                                        current_boot_id() + "\"}\n");
  fs::create_directories(folder_ / "workers/never-recorded");
  auto backend = make();
  events_.listen_to(*backend);
  const auto listed = *backend->list();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_FALSE(listed[0].running);
  EXPECT_FALSE(listed[1].running);
  EXPECT_EQ(backend->room().free, 2U);
  ASSERT_TRUE(backend->start(request("ended")).ok());
  EXPECT_EQ(events_.next(BackendEvent::Kind::exited).worker, "ended");
  ASSERT_TRUE(backend->stop("ended").ok());
  ASSERT_TRUE(backend->stop("never-recorded").ok());
  EXPECT_TRUE(backend->list()->empty());
}

TEST_F(LocalBackend, NumbersOfAnotherBootAreOtherProcesses) {
  program("exit 0\n");
  const auto self = process_info(::getpid());
  ASSERT_TRUE(self.has_value());
  write_file(folder_ / "workers/old/worker.json",
             "{\"pid\": " + std::to_string(self->id.pid) +
                 ", \"start_time\": " + std::to_string(self->id.start_time) +
                 ", \"boot_id\": \"00000000-0000-0000-0000-000000000000\"}\n");
  auto backend = make();
  EXPECT_FALSE(backend->list()->front().running);
  ASSERT_TRUE(backend->stop("old").ok());  // or this test ends here
}

TEST_F(LocalBackend, StopRemovesWhateverABuildLeft) {
  program(
      "mkdir locked && echo x > locked/x && chmod 000 locked\n"
      "ln -s " +
      (folder_ / "outside").string() +
      " way\n"
      "i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done; echo deep > file\n"
      "echo ready > $FIFO\nexec sleep 1000\n");
  write_file(folder_ / "outside/kept", "kept");
  auto backend = make();
  ASSERT_TRUE(backend->start(request("mess")).ok());
  EXPECT_EQ(line(), "ready");
  const fs::path mounted = folder_ / "workers/mess/work/a mount";
  fs::create_directories(mounted);
  if (::geteuid() == 0) {
    ASSERT_EQ(::mount((folder_ / "outside").c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr),
              0);
  }
  const auto stopped = backend->stop("mess");
  ASSERT_TRUE(stopped.ok()) << stopped.error().message;
  EXPECT_FALSE(fs::exists(folder_ / "workers/mess"));
  EXPECT_EQ(read_file(folder_ / "outside/kept"), "kept");
}

TEST_F(LocalBackend, WhatCannotBeStarted) {
  program("exit 0\n");
  auto backend = make();
  for (const std::string& name : {std::string(), std::string("../up"), std::string("Upper"),
                                  std::string("-x"), std::string(64, 'a')}) {
    const auto result = backend->start(request(name));
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
  }
  fs::remove(program_);
  const auto gone = backend->start(request("gone"));
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::invalid_argument) << gone.error().message;
  EXPECT_EQ(backend->room().free, 2U);
  program("echo ready > $FIFO\nexec sleep 1000\n");
  ASSERT_TRUE(backend->start(request("gone")).ok());  // nothing of the failed start is in the way
  EXPECT_EQ(line(), "ready");
  ASSERT_TRUE(backend->stop("gone").ok());

  LocalBackendOptions options;
  options.folder = folder_ / "workers";
  options.program = folder_ / "nothing";
  EXPECT_EQ(make_local_backend(options).error().code, ErrorCode::invalid_argument);
  options.program = program_;
  options.slots = 0;
  EXPECT_EQ(make_local_backend(options).error().code, ErrorCode::invalid_argument);
}

TEST(ProcessRecord, ReadsItsOwnFormAndNoOther) {
  const auto record =
      parse_process_record("{\"pid\": 12, \"start_time\": 34, \"boot_id\": \"a-b\"}\n");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(*record, (ProcessRecord{{12, 34}, "a-b"}));
  for (const char* text :
       {"", "{}", "{\"pid\": 12}", "{\"pid\": -1, \"start_time\": 3, \"boot_id\": \"a\"}",
        "{\"pid\": 1x, \"start_time\": 3, \"boot_id\": \"a\"}",
        "{\"pid\": 1, \"start_time\": 3, \"boot_id\": a}"})
    EXPECT_FALSE(parse_process_record(text).has_value()) << text;
}

TEST_F(LocalBackend, WorkersHaveUsersOfTheirOwnAlsoAfterARestart) {
  first_user_ = 3'000'000;
  program("echo \"$*\" >$FIFO\nexec sleep 1000\n");
  const auto users = [this] {
    const std::string arguments = line();
    const std::size_t at = arguments.find("--users ");
    EXPECT_NE(at, std::string::npos) << arguments;
    EXPECT_NE(arguments.find("--hide " + folder_.path().string()), std::string::npos);
    return std::stoul(arguments.substr(at + 8));
  };
  auto backend = make(3);
  ASSERT_TRUE(backend->start(request("one")).ok());
  EXPECT_EQ(users(), 3'000'000U);
  ASSERT_TRUE(backend->start(request("two")).ok());
  EXPECT_EQ(users(), 3'065'536U);
  backend = make(3);
  ASSERT_TRUE(backend->start(request("three")).ok());
  EXPECT_EQ(users(), 3'131'072U) << "not those of one that an earlier server started";
  ASSERT_TRUE(backend->stop("one").ok());
  ASSERT_TRUE(backend->start(request("four")).ok());
  EXPECT_EQ(users(), 3'000'000U) << "nobody has them any more";
  for (const char* worker : {"two", "three", "four"}) EXPECT_TRUE(backend->stop(worker).ok());
}

}  // namespace
}  // namespace slipway
