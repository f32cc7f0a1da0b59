// Real programs as child processes, for tests: spawn, wait for what they print, ask them over HTTP.
//
// Nothing waits on time: a line of output, the end of a process, an answer. A program that says
// nothing hangs its test until ctest's guard ends it.
//
// The program under test is SLIPWAY_PROGRAM, or the variable SLIPWAY where that is not defined.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/http/transport.hpp>

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/temporary_folder.hpp"

extern char** environ;

namespace slipway::testing_program {

namespace fs = std::filesystem;

inline std::string program_path() {
#ifdef SLIPWAY_PROGRAM
  return SLIPWAY_PROGRAM;
#else
  const char* path = std::getenv("SLIPWAY");
  return path != nullptr ? path : "slipway";
#endif
}

using test::read_file;
using test::TemporaryFolder;
using test::write_file;

/// What a descriptor gave so far, read on a thread of its own so that no writer ever waits.
class OutputReader {
 public:
  explicit OutputReader(int descriptor)
      : descriptor_(descriptor), thread_([this] { read_all(); }) {}
  ~OutputReader() {
    thread_.join();
    ::close(descriptor_);
  }
  OutputReader(const OutputReader&) = delete;
  OutputReader& operator=(const OutputReader&) = delete;

  /// Waits until the text has come. False: the output ended without it.
  bool wait_for(std::string_view text) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || text_.find(text) != std::string::npos; });
    return text_.find(text) != std::string::npos;
  }

  /// All of it, once it has ended.
  std::string all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_; });
    return text_;
  }

  std::string so_far() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  void read_all() {
    std::array<char, 4096> buffer{};
    while (true) {
      const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      const std::lock_guard lock(mutex_);
      if (count > 0)
        text_.append(buffer.data(), static_cast<std::size_t>(count));
      else
        ended_ = true;
      changed_.notify_all();
      if (count <= 0) return;
    }
  }

  const int descriptor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;    // guarded by mutex_
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

/// A child process. What the test's own environment says of Slipway is not inherited.
class ChildProcess {
 public:
  ChildProcess(std::vector<std::string> arguments, const Environment& environment = {},
               const fs::path& folder = {}) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());

    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable)
      if (!std::string_view(*variable).starts_with("SLIPWAY")) variables.emplace_back(*variable);
    for (const auto& [name, value] : environment) {
      std::erase_if(variables, [&](const std::string& text) { return text.starts_with(name + "="); });
      variables.push_back(name + "=" + value);
    }
    const int error = ::posix_spawnp(&pid_, arguments.front().c_str(), &actions, nullptr,
                                     pointers(arguments).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    ::close(err[1]);
    output_ = std::make_unique<OutputReader>(out[0]);
    errors_ = std::make_unique<OutputReader>(err[0]);
    if (error != 0) throw std::runtime_error("cannot start " + arguments.front());
  }
  ~ChildProcess() {
    if (!status_) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void signal(int number) const { ::kill(pid_, number); }

  /// The exit status, or minus the signal that ended it.
  int wait() {
    if (status_) return *status_;
    int raw = 0;
    rusage used{};
    while (::wait4(pid_, &raw, 0, &used) < 0 && errno == EINTR) {
    }
    most_memory_ = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
    return *status_;
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Bytes that were resident at the most, once it has ended.
  [[nodiscard]] std::uint64_t most_memory() const { return most_memory_; }
  [[nodiscard]] OutputReader& output() { return *output_; }
  [[nodiscard]] OutputReader& errors() { return *errors_; }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  }

  pid_t pid_ = -1;
  std::optional<int> status_;
  std::uint64_t most_memory_ = 0;
  std::unique_ptr<OutputReader> output_;
  std::unique_ptr<OutputReader> errors_;
};

struct Ended {
  int status = 0;
  std::string output;
  std::string errors;
  std::uint64_t most_memory = 0;  // bytes
};

/// Runs a program to its end.
inline Ended run(const std::vector<std::string>& arguments, const Environment& environment = {},
                 const fs::path& folder = {}) {
  ChildProcess child(arguments, environment, folder);
  Ended ended;
  ended.status = child.wait();
  ended.output = child.output().all();
  ended.errors = child.errors().all();
  ended.most_memory = child.most_memory();
  return ended;
}

inline std::vector<std::string> slipway_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program_path());
  return arguments;
}

/// Runs `slipway` with these arguments to its end.
inline Ended run_slipway(std::vector<std::string> arguments, const Environment& environment = {},
                         const fs::path& folder = {}) {
  return run(slipway_command(std::move(arguments)), environment, folder);
}

/// `slipway serve` on a free port of loopback, answering once this is made.
class ServeProcess {
 public:
  explicit ServeProcess(fs::path data, std::vector<std::string> more = {},
                        const Environment& environment = {})
      : data_(std::move(data)), child_(arguments(data_, std::move(more)), environment) {
    if (!child_.output().wait_for("\n"))
      throw std::runtime_error("serve ended:\n" + child_.errors().all());
    const std::string line = child_.output().so_far();
    constexpr std::string_view before = "listening on ";
    if (!line.starts_with(before)) throw std::runtime_error("serve printed: " + line);
    url_ = line.substr(before.size(), line.find('\n') - before.size());
    token_ = read_file(data_ / "admin.token");
    while (!token_.empty() && token_.back() == '\n') token_.pop_back();
  }

  [[nodiscard]] ChildProcess& child() { return child_; }
  [[nodiscard]] const fs::path& data() const { return data_; }
  [[nodiscard]] const std::string& url() const { return url_; }    // "http://127.0.0.1:40112"
  [[nodiscard]] std::string host() const { return url_.substr(url_.find("://") + 3); }
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
  }
  [[nodiscard]] const std::string& token() const { return token_; }  // the administrator's
  [[nodiscard]] Environment client() const {
    return {{"SLIPWAY_URL", url_}, {"SLIPWAY_TOKEN", token_}};
  }

  /// SIGTERM, and the exit status.
  int stop() {
    child_.signal(SIGTERM);
    return child_.wait();
  }

 private:
  static std::vector<std::string> arguments(const fs::path& data, std::vector<std::string> more) {
    std::vector<std::string> all = slipway_command(
        {"serve", "--data", data.string(), "--listen", "127.0.0.1:0"});
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return all;
  }

  fs::path data_;
  ChildProcess child_;
  std::string url_;
  std::string token_;
};

struct Ask {
  HttpMethod method = HttpMethod::get;
  std::string token{};  // empty: without
  std::string body{};
  std::string content_type{};
  fs::path ca{};
  std::vector<std::pair<std::string, std::string>> fields{};
};

/// One request over a connection of its own. An answer of status 0 is an error, its text the body.
inline IncomingResponse ask(const std::string& url, const Ask& what = {}) {
  const auto failed = [](const Error& error) {
    IncomingResponse response;
    response.body = std::string(to_string(error.code)) + ": " + error.message;
    return response;
  };
  TransportOptions options;
  options.ca_file = what.ca;
  const auto transport = make_http_transport(options);
  if (!transport) return failed(transport.error());
  OutgoingRequest request;
  request.method = what.method;
  request.url = url;
  request.body = what.body;
  request.fields = what.fields;
  if (!what.token.empty()) request.fields.emplace_back("Authorization", "Bearer " + what.token);
  if (!what.content_type.empty()) request.fields.emplace_back("Content-Type", what.content_type);
  auto response = (*transport)->send(request);
  return response ? std::move(*response) : failed(response.error());
}

/// A connection on which a test writes bytes of its own.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  /// Bytes until the text has come or the peer has closed.
  [[nodiscard]] std::string receive_until(std::string_view text) const {
    std::string all;
    std::array<char, 4096> buffer{};
    while (all.find(text) == std::string::npos) {
      const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return all;
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace slipway::testing_program
