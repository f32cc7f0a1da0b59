// worker_load: what workers that heartbeat and log cost a server, and those who pull beside them.
//
//   worker_load workers [--workers N] [--seconds S] [--interval MS]
//   worker_load flood [--seconds S] [--lines N]
//
// The server is a process of its own: the one that `slipway serve` runs, in a program that embeds it
// and is itself the backend of its builds. It submits and leases them by the build queue's calls and
// hands their one-time tokens to the load, where a backend would start a worker. From there on the
// load speaks the workers' protocol over sockets, as `slipway worker` does: a registration, a
// heartbeat at the interval that the server asks for, chunks of a log with their offsets, each sent
// once the one before is acknowledged.
//
// `workers`: each of 1,000 sends a chunk of ten lines (640 bytes) a second. `flood`: one sends
// 100,000 lines of 64 bytes a second, in chunks of 64 KiB. Beside them one client asks for 200
// manifests a second, whose p99 is printed beside and without the load; the server's CPU, the
// flushes and the writes that they carried are of the time of the load. The load shares the machine
// with the server: what is printed as the server's is its process's alone.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <slipway/build/worker_protocol.hpp>
#include <slipway/support/log.hpp>

#include "prometheus/prometheus_metrics.hpp"
#include "serve/engine.hpp"
#include "serve/server.hpp"

namespace slipway {
namespace {

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t line_bytes = 64;  // with its line break
constexpr std::size_t lines_a_chunk = 10;
constexpr std::size_t flood_chunk = std::size_t{64} * 1024;
constexpr std::string_view manifest_path = "/v2/load/web/manifests/v1";
constexpr std::string_view empty_index =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "worker_load: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T get(Result<T> result) {
  if (!result) fail(result.error().message);
  return std::move(*result);
}

// ---- the server's process ----

/// Serves until `orders` is closed; each byte of it asks for what the store has counted so far.
[[noreturn]] void serve(const std::filesystem::path& folder, unsigned builds, int orders, int answers) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto metrics = make_prometheus_metrics();
  const auto engine = get(Engine::open(folder, {}, {}, Clock::system(), *metrics));
  Configuration configuration;
  configuration.listen.port = 0;
  configuration.anonymous = AnonymousAccess::push;
  configuration.builds.backends.clear();
  const auto server = get(start_server(*engine, configuration, Log::none(), *metrics));
  FILE* out = ::fdopen(answers, "w");
  std::fprintf(out, "%s\n", server->url().c_str());
  for (unsigned i = 0; i < builds; ++i) {
    const BuildRequest request(
        get(RepositoryName::parse("tenant" + std::to_string(i % 20) + "/app" + std::to_string(i))),
        GitSource{"https://git.example.com/app.git", "refs/heads/main", ""});
    const Build build = get(engine->queue().submit(request));
    const BuildLease lease = get(engine->queue().lease(build.id, "load"));
    std::fprintf(out, "%s\n", lease.registration_token.c_str());
  }
  std::fflush(out);
  for (char order = 0; ::read(orders, &order, 1) == 1;) {
    const MetadataStore::Counts counts = engine->metadata().counts();
    std::fprintf(out, "%llu %llu\n", static_cast<unsigned long long>(counts.commits),
                 static_cast<unsigned long long>(counts.writes));
    std::fflush(out);
  }
  std::_Exit(0);
}

/// The server as the load sees it.
class ServerProcess {
 public:
  ServerProcess(const std::filesystem::path& folder, unsigned builds) {
    std::array<int, 2> orders{};
    std::array<int, 2> answers{};
    if (::pipe(orders.data()) != 0 || ::pipe(answers.data()) != 0) fail("pipe");
    process_ = ::fork();
    if (process_ == 0) {
      ::close(orders[1]);
      ::close(answers[0]);
      serve(folder, builds, orders[0], answers[1]);
    }
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = orders[1];
    answers_ = ::fdopen(answers[0], "r");
    const std::string url = line();
    port_ = static_cast<std::uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1));
    for (unsigned i = 0; i < builds; ++i) tokens_.push_back(line());
  }
  ~ServerProcess() {
    ::close(orders_);
    ::waitpid(process_, nullptr, 0);
    std::fclose(answers_);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::vector<std::string>& tokens() const noexcept { return tokens_; }

  struct Use {
    double user = 0;  // seconds
    double system = 0;
    std::uint64_t commits = 0;
    std::uint64_t writes = 0;
  };
  /// So far.
  Use use() {
    Use use;
    std::ifstream file("/proc/" + std::to_string(process_) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    long user = 0, system = 0;
    std::sscanf(text.c_str() + text.rfind(')') + 1,
                " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    use.user = static_cast<double>(user) / ticks;
    use.system = static_cast<double>(system) / ticks;
    if (::write(orders_, "?", 1) != 1) fail("the server has ended");
    unsigned long long commits = 0, writes = 0;
    std::sscanf(line().c_str(), "%llu %llu", &commits, &writes);
    use.commits = commits;
    use.writes = writes;
    return use;
  }

 private:
  std::string line() {
    std::array<char, 512> text{};
    if (std::fgets(text.data(), text.size(), answers_) == nullptr) fail("the server has ended");
    std::string out(text.data());
    out.pop_back();
    return out;
  }

  pid_t process_ = 0;
  int orders_ = -1;
  FILE* answers_ = nullptr;
  std::uint16_t port_ = 0;
  std::vector<std::string> tokens_;
};

// ---- requests ----

std::string request(std::string_view method, std::string_view target, std::string_view fields,
                    std::string_view body) {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: load\r\n").append(fields);
  if (method != "GET") text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  return text.append("\r\n").append(body);
}

/// A connection that asks one thing at a time.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail(std::string("connect: ") + std::strerror(errno));
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const noexcept { return socket_; }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) fail("the server closed a connection");
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  /// What has come; true once the answer is whole. Waits for something to come.
  bool receive() {
    std::array<char, 16384> piece;
    const ssize_t size = ::recv(socket_, piece.data(), piece.size(), 0);
    if (size <= 0) fail("the server closed a connection");
    in_.append(piece.data(), static_cast<std::size_t>(size));
    const std::size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t field = in_.find("Content-Length: ");
    std::size_t length = 0;
    if (field < end) std::from_chars(in_.data() + field + 16, in_.data() + end, length);
    return in_.size() >= end + 4 + length;
  }
  /// The body of the whole answer, which must have this status.
  std::string take(std::string_view status) {
    if (std::string_view(in_).substr(9, 3) != status) fail("an answer was " + in_);
    std::string body = in_.substr(in_.find("\r\n\r\n") + 4);
    in_.clear();
    return body;
  }
  std::string ask(std::string_view bytes, std::string_view status) {
    send(bytes);
    while (!receive()) {
    }
    return take(status);
  }

 private:
  const int socket_;
  std::string in_;
};

double p99(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 99 / 100);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double milliseconds_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

/// Pulls a manifest 200 times a second from a thread of its own, until it goes.
class Reader {
 public:
  explicit Reader(std::uint16_t port) : thread_([this, port] { run(port); }) {}
  /// p99 in milliseconds.
  double finish() {
    ending_ = true;
    thread_.join();
    return p99(took_);
  }

 private:
  void run(std::uint16_t port) {
    Connection connection(port);
    const std::string text = request("GET", manifest_path, "", "");
    for (auto next = Steady::now(); !ending_; next += 5ms) {
      std::this_thread::sleep_until(next);
      const auto start = Steady::now();
      connection.ask(text, "200");
      took_.push_back(milliseconds_since(start));
    }
  }

  std::atomic<bool> ending_{false};
  std::vector<double> took_;  // the thread's until it has ended
  std::thread thread_;
};

// ---- workers ----

struct Worker {
  Worker(std::uint16_t port, const std::string& registration_token) : connection(port) {
    const RegisterCall call{registration_token, registration_token.substr(0, 32), "linux/amd64"};
    const WorkerInstructions instructions = get(parse_worker_instructions(
        connection.ask(request("POST", "/worker/v1/register", "", to_json(call)), "200")));
    path = "/worker/v1/builds/" + instructions.build.id;
    fields = "Authorization: Bearer " + instructions.token + "\r\n";
    offset = instructions.log_offset;
    heartbeat_interval = instructions.heartbeat_interval;
    connection.ask(request("POST", path + "/phase", fields,
                           to_json(PhaseCall{BuildPhase::building, ""})),
                   "200");
  }

  [[nodiscard]] std::string heartbeat() const {
    return request("POST", path + "/heartbeat", fields, "{}");
  }
  [[nodiscard]] std::string chunk(std::string_view bytes) {
    std::string text =
        request("POST", path + "/log?offset=" + std::to_string(offset), fields, bytes);
    offset += bytes.size();
    return text;
  }

  Connection connection;
  std::string path;
  std::string fields;
  std::uint64_t offset = 0;
  std::chrono::milliseconds heartbeat_interval{};
  // What is due while an answer is awaited waits behind it.
  std::vector<std::string> waiting;
  bool busy = false;
  Steady::time_point asked;
};

struct Due {
  Steady::time_point at;
  Worker* worker;
  bool heartbeat;

  bool operator<(const Due& other) const { return at > other.at; }
};

/// Heartbeats and logs of all workers, spread over their intervals, until it is over. Answers how
/// long each call took, in milliseconds.
std::vector<double> drive(const std::vector<std::unique_ptr<Worker>>& workers,
                          std::chrono::milliseconds interval, std::chrono::seconds duration) {
  const std::string chunk(line_bytes * lines_a_chunk - 1, 'x');
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::priority_queue<Due> due;
  const auto start = Steady::now();
  for (std::size_t i = 0; i < workers.size(); ++i) {
    Worker& worker = *workers[i];
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &worker;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, worker.connection.socket(), &event);
    const double part = static_cast<double>(i) / static_cast<double>(workers.size());
    const auto within = [&](std::chrono::milliseconds whole) {
      return std::chrono::duration_cast<Steady::duration>(whole * part);
    };
    due.push({start + within(interval), &worker, false});
    due.push({start + within(worker.heartbeat_interval), &worker, true});
  }
  std::vector<double> took;
  const auto begin_next = [&](Worker& worker) {
    if (worker.busy || worker.waiting.empty()) return;
    worker.busy = true;
    worker.asked = Steady::now();
    worker.connection.send(worker.waiting.front());
    worker.waiting.erase(worker.waiting.begin());
  };
  while (Steady::now() < start + duration) {
    while (due.top().at <= Steady::now()) {
      Due next = due.top();
      due.pop();
      Worker& worker = *next.worker;
      worker.waiting.push_back(next.heartbeat ? worker.heartbeat() : worker.chunk(chunk + "\n"));
      begin_next(worker);
      next.at += next.heartbeat ? worker.heartbeat_interval : interval;
      due.push(next);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due.top().at - Steady::now());
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()),
                                   std::max(0, static_cast<int>(left.count())));
    for (int i = 0; i < count; ++i) {
      Worker& worker = *static_cast<Worker*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!worker.connection.receive()) continue;
      worker.connection.take("200");
      worker.busy = false;
      took.push_back(milliseconds_since(worker.asked));
      begin_next(worker);
    }
  }
  ::close(epoll);
  return took;
}

/// One worker's log, at so many lines a second or as many as are taken. Answers how long each chunk took.
std::vector<double> flood(Worker& worker, std::uint64_t lines, std::chrono::seconds duration) {
  std::string chunk;
  for (std::size_t number = 0; chunk.size() < flood_chunk; ++number) {
    std::string line = "[" + std::to_string(number) + "] \x1b[32mcompiling\x1b[0m src/part/of/it.cpp ";
    line.resize(line_bytes - 1, '.');
    chunk.append(line).append("\n");
  }
  std::vector<double> took;
  const auto start = Steady::now();
  const auto pace = std::chrono::duration_cast<Steady::duration>(
      std::chrono::duration<double>(static_cast<double>(flood_chunk / line_bytes) / static_cast<double>(lines)));
  for (auto next = start; next < start + duration; next += pace) {
    std::this_thread::sleep_until(next);
    const auto asked = Steady::now();
    worker.connection.ask(worker.chunk(chunk), "200");
    took.push_back(milliseconds_since(asked));
  }
  return took;
}

struct Options {
  std::string mode;
  unsigned workers = 1000;
  std::uint64_t lines = 100'000;
  std::chrono::seconds duration{20};
  std::chrono::milliseconds interval{1000};
};

Options parse_options(int count, char** words) {
  Options options;
  if (count > 1) options.mode = words[1];
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    const unsigned long value = std::strtoul(words[i + 1], nullptr, 10);
    if (value == 0) fail(std::string(name) + ": expected a number above 0");
    if (name == "--workers") options.workers = static_cast<unsigned>(value);
    else if (name == "--seconds") options.duration = std::chrono::seconds(value);
    else if (name == "--interval") options.interval = std::chrono::milliseconds(value);
    else if (name == "--lines") options.lines = value;
    else fail(std::string(name) + ": there is no such option");
  }
  if (options.mode != "workers" && options.mode != "flood")
    fail("expected workers or flood, and --workers, --seconds, --interval (ms) or --lines");
  if (options.mode == "flood") options.workers = 1;
  return options;
}

void run(const Options& options, ServerProcess& server) {
  Connection setup(server.port());
  setup.ask(request("PUT", manifest_path,
                    "Content-Type: application/vnd.oci.image.index.v1+json\r\n", empty_index),
            "201");
  std::vector<std::unique_ptr<Worker>> workers;
  for (const std::string& token : server.tokens())
    workers.push_back(std::make_unique<Worker>(server.port(), token));
  Reader alone(server.port());
  std::this_thread::sleep_for(options.duration / 2);
  const double p99_alone = alone.finish();

  Reader beside(server.port());
  const ServerProcess::Use before = server.use();
  const auto start = Steady::now();
  std::vector<double> took = options.mode == "flood"
                                 ? flood(*workers.front(), options.lines, options.duration)
                                 : drive(workers, options.interval, options.duration);
  const double seconds = milliseconds_since(start) / 1000;
  const ServerProcess::Use after = server.use();
  const double p99_beside = beside.finish();

  const double user = (after.user - before.user) / seconds;
  const double system = (after.system - before.system) / seconds;
  const auto calls = static_cast<double>(took.size());
  if (options.mode == "flood")
    std::printf("1 worker, %.0f lines a second (%.1f MB/s), %.0f s\n",
                calls * (flood_chunk / line_bytes) / seconds, calls * flood_chunk / seconds / 1e6, seconds);
  else
    std::printf("%u workers, %.0f calls a second, %.0f s\n", options.workers, calls / seconds, seconds);
  std::printf("server          %.0f %% of a core (%.0f user, %.0f system)\n", (user + system) * 100,
              user * 100, system * 100);
  std::printf("flushes         %.0f a second for %.0f writes\n",
              static_cast<double>(after.commits - before.commits) / seconds,
              static_cast<double>(after.writes - before.writes) / seconds);
  std::printf("workers' calls  p99 %.2f ms\n", p99(took));
  std::printf("manifest GET    p99 %.2f ms beside, %.2f ms without\n", p99_beside, p99_alone);
}

}  // namespace
}  // namespace slipway

int main(int count, char** words) {
  using namespace slipway;
  const Options options = parse_options(count, words);
  const auto folder = std::filesystem::temp_directory_path() /
                      ("worker_load." + std::to_string(::getpid()));
  {
    ServerProcess server(folder, options.workers);
    run(options, server);
  }
  std::filesystem::remove_all(folder);
}
