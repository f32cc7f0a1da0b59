// attack_load: how much slower honest clients are served while others attack.
//
//   attack_load HOST:PORT [--rounds N] [--seconds S] [--attackers N] [--at-once N] [--server PID]
//               [--same-priority]
//
// The server must let everyone push (`--anonymous push`). Honest clients are 16 connections that ask
// at a steady pace, 800 manifests and 80 pushes of 4 KiB a second in all, so that they leave the
// machine time and their latency tells how they are served. Beside them are, in turn, as many idle
// connections as attackers, and the attackers: silent ones, heads and bodies a byte at a time, floods
// of fields, lengths that lie, requests with two lengths, readers of a large blob that do not read,
// deep manifests. Each attacker acts twice a second, and comes again when it was cut off. They know
// nothing of each other: the times between their acts are exponentially distributed. With --at-once
// they agree on moments at which so many act together.
//
// Attackers have machines of their own. Here they share the cores with the server and with those
// who are measured, so they are a process that runs when nobody else wants to (SCHED_IDLE); how many
// acts a second it came to is printed, so that one sees that it was an attack. What the attack costs
// the server is not taken from it: its own work runs as ever. With --same-priority the attackers
// compete for the cores.
//
// Prints both p99 of each round and, last, the medians and their ratio. Exits 1 when an honest
// request was not answered as it should have been.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <slipway/support/hasher.hpp>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "attack_load: %s\n", what.c_str());
  std::exit(1);
}

sockaddr_in parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1)
    fail("expected HOST:PORT with an address such as 127.0.0.1:5000, got " + text);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  return address;
}

int connect_to(const sockaddr_in& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  ::close(socket);
  return -1;
}

std::string request(std::string_view method, std::string_view path, std::string_view fields,
                    std::string_view body) {
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: a\r\n").append(fields);
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  return text.append(body);
}

/// One connection that asks and waits for the answer. Comes again when it was closed between
/// requests, as clients do.
class HonestClient {
 public:
  explicit HonestClient(const sockaddr_in& address) : address_(address) {}
  ~HonestClient() { ::close(socket_); }
  HonestClient(const HonestClient&) = delete;
  HonestClient& operator=(const HonestClient&) = delete;

  /// The answer's status; 0: none came.
  int ask(const std::string& text) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (socket_ < 0) socket_ = connect_to(address_);
      if (const int status = exchange(text); status > 0) return status;
      ::close(std::exchange(socket_, -1));
    }
    return 0;
  }

 private:
  int exchange(const std::string& text) {
    if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size()))
      return 0;
    std::string answer;
    char buffer[16384];
    for (;;) {
      const std::size_t end = answer.find("\r\n\r\n");
      if (end != std::string::npos && answer.size() >= end + 4 + body_size(answer, end))
        return std::atoi(answer.c_str() + 9);
      const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
      if (size <= 0) return 0;
      answer.append(buffer, static_cast<std::size_t>(size));
    }
  }
  static std::size_t body_size(const std::string& answer, std::size_t end) {
    const std::size_t field = answer.find("Content-Length: ");
    if (field >= end) return 0;
    return static_cast<std::size_t>(std::strtoull(answer.c_str() + field + 16, nullptr, 10));
  }

  const sockaddr_in address_;
  int socket_ = -1;
};

struct Latencies {
  std::vector<double> reads;   // milliseconds
  std::vector<double> pushes;  // milliseconds
};

double p99(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 99 / 100);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

constexpr std::size_t honest_clients = 16;
constexpr std::string_view manifest_path = "/v2/app/web/manifests/v1";
constexpr std::string_view empty_index =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";

std::string push_of(std::string_view content) {
  return request("POST",
                 "/v2/app/web/blobs/uploads/?digest=" + slipway::digest_of(content).to_string(),
                 "", content);
}

/// What one honest connection does: each 20 ms a request, each eleventh a push.
void be_honest(const sockaddr_in& address, unsigned seed, std::chrono::seconds duration,
               Latencies& latencies, std::atomic<int>& wrong) {
  HonestClient client(address);
  std::mt19937_64 random(seed);
  const std::string read = request("GET", manifest_path, "", "");
  constexpr auto pace = 18ms;
  auto next = Clock::now() + std::chrono::microseconds(random() % 18000);
  const auto end = Clock::now() + duration;
  for (unsigned number = 0; next < end; ++number, next += pace) {
    const bool pushes = number % 11 == 10;
    std::string content;
    if (pushes) {
      content.resize(4096);
      for (char& c : content) c = static_cast<char>(random());
    }
    const std::string text = pushes ? push_of(content) : read;
    std::this_thread::sleep_until(next);
    const auto start = Clock::now();
    const int status = client.ask(text);
    const std::chrono::duration<double, std::milli> took = Clock::now() - start;
    if (status != (pushes ? 201 : 200)) ++wrong;
    (pushes ? latencies.pushes : latencies.reads).push_back(took.count());
  }
}

/// An attacker: what it sends first, and then each time.
struct Attack {
  std::string first;
  std::string then;
  bool reads = true;
};

std::vector<Attack> attacks(const std::string& large_blob) {
  const auto open_body = [](std::string_view length) {
    return "POST /v2/app/web/blobs/uploads/?digest=sha256:" + std::string(64, '0') +
           " HTTP/1.1\r\nHost: a\r\n" + std::string(length) + "\r\n\r\n";
  };
  const std::string deep = request("PUT", "/v2/app/web/manifests/deep",
                                   "Content-Type: application/vnd.oci.image.index.v1+json\r\n",
                                   std::string(50000, '['));
  std::string flood = "GET /v2/ HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 4000; ++i) flood.append("X-").append(std::to_string(i)).append(": y\r\n");
  const std::string smuggle = "0\r\n\r\nDELETE " + std::string(manifest_path) +
                              " HTTP/1.1\r\nHost: a\r\n\r\n";
  return {
      {"", "", true},
      {"GET /v2/ HTTP/1.1\r\nX: ", "y", true},
      {open_body("Content-Length: 1000000"), "x", true},
      {open_body("Transfer-Encoding: chunked"), "1\r\nx\r\n", true},
      {flood, "X: y\r\n", true},
      {open_body("Content-Length: 5\r\nTransfer-Encoding: chunked") + smuggle, "x", true},
      {open_body("Transfer-Encoding: chunked") + "fffffffffffffffff\r\n", "x", true},
      {"GET " + large_blob + " HTTP/1.1\r\nHost: a\r\n\r\n", "", false},
      {deep, deep, true},
      {"POST /hooks/01JDCZ0M4Y7W3Q6S8N2V5X9K1B HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000"
       "\r\n\r\n" + std::string(50000, 'x'),
       "y", true},
  };
}

struct Options {
  int rounds = 3;
  std::chrono::seconds duration{10};
  std::size_t others = 1000;
  std::size_t at_once = 1;  // attackers that act together
  bool same_priority = false;
  pid_t server = 0;
};

/// What the attackers' process tells: in memory that both have.
struct Tally {
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> acts{0};
  std::atomic<std::size_t> cut_off{0};
};

/// Attackers in a process of their own, so that the system can tell their time from that of those who
/// are measured.
class Attackers {
 public:
  /// All have connected when it returns. From a process with one thread.
  Attackers(const sockaddr_in& address, const Options& options, const std::vector<Attack>& kinds)
      : tally_(*new(shared_memory()) Tally), start_(Clock::now()) {
    process_ = ::fork();
    if (process_ < 0) fail("fork");
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      run(address, options, kinds);
      std::_Exit(0);
    }
    while (!tally_.ready) std::this_thread::sleep_for(1ms);
    start_ = Clock::now();
    acts_before_ = tally_.acts;
  }
  ~Attackers() {
    tally_.stop = true;
    ::waitpid(process_, nullptr, 0);
    ::munmap(&tally_, sizeof(Tally));
  }
  Attackers(const Attackers&) = delete;
  Attackers& operator=(const Attackers&) = delete;

  [[nodiscard]] pid_t process() const noexcept { return process_; }
  [[nodiscard]] std::size_t cut_off() const { return tally_.cut_off; }
  [[nodiscard]] double acts_a_second() const {
    const std::chrono::duration<double> took = Clock::now() - start_;
    return static_cast<double>(tally_.acts - acts_before_) / took.count();
  }

 private:
  static void* shared_memory() {
    void* const memory = ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return memory;
  }

  /// One after the other, all twice a second on average.
  void run(const sockaddr_in& address, const Options& options, const std::vector<Attack>& kinds) {
    const std::size_t count = options.others;
    std::vector<int> sockets(count, -1);
    for (std::size_t i = 0; i < count; ++i) act(address, kinds[i % kinds.size()], sockets[i]);
    const sched_param none{};
    if (!options.same_priority && ::sched_setscheduler(0, SCHED_IDLE, &none) != 0) fail("SCHED_IDLE");
    tally_.ready = true;
    std::mt19937_64 random(std::random_device{}());
    std::exponential_distribution<double> pause(2.0 * static_cast<double>(count) /
                                                static_cast<double>(options.at_once));  // seconds
    auto next = Clock::now();
    for (std::size_t i = 0; !tally_.stop; i = (i + 1) % count) {
      act(address, kinds[i % kinds.size()], sockets[i]);
      if (++tally_.acts % options.at_once > 0) continue;
      next += std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(pause(random)));
      std::this_thread::sleep_until(next);
    }
  }

  void act(const sockaddr_in& address, const Attack& attack, int& socket) {
    if (socket >= 0 && attack.reads && closed(socket)) {
      ++tally_.cut_off;
      ::close(std::exchange(socket, -1));
    }
    if (socket < 0) {
      socket = connect_to(address);
      send(socket, attack.first);
    } else {
      send(socket, attack.then);
    }
  }

  static bool closed(int socket) {
    char buffer[4096];
    ssize_t size = 0;
    while ((size = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
    }
    return size == 0 || errno != EAGAIN;
  }
  static void send(int socket, std::string_view bytes) {
    if (socket >= 0 && !bytes.empty())
      static_cast<void>(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }

  Tally& tally_;
  Clock::time_point start_;
  std::size_t acts_before_ = 0;
  pid_t process_ = -1;
};

/// Seconds of CPU that a process has taken; 0 when there is none.
double cpu_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream words(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string word;
  for (int i = 0; i < 11; ++i) words >> word;
  double user = 0, system = 0;
  words >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Measured {
  double reads = 0;
  double pushes = 0;
  std::size_t cut_off = 0;
  double acts = 0;           // a second
  double attackers_cpu = 0;  // of one core
  double server_cpu = 0;     // of one core
};

Measured measure(const sockaddr_in& address, const Options& options,
                 const std::vector<Attack>& kinds, std::atomic<int>& wrong) {
  Attackers attackers(address, options, kinds);
  std::vector<Latencies> each(honest_clients);
  const double server_before = cpu_of(options.server);
  const double attackers_before = cpu_of(attackers.process());
  {
    std::vector<std::jthread> threads;
    std::random_device seed;
    for (Latencies& latencies : each)
      threads.emplace_back([&, first = seed()] {
        be_honest(address, first, options.duration, latencies, wrong);
      });
  }
  Measured measured;
  const auto seconds = static_cast<double>(options.duration.count());
  measured.server_cpu = (cpu_of(options.server) - server_before) / seconds;
  measured.attackers_cpu = (cpu_of(attackers.process()) - attackers_before) / seconds;
  measured.acts = attackers.acts_a_second();
  measured.cut_off = attackers.cut_off();
  Latencies all;
  for (const Latencies& latencies : each) {
    all.reads.insert(all.reads.end(), latencies.reads.begin(), latencies.reads.end());
    all.pushes.insert(all.pushes.end(), latencies.pushes.begin(), latencies.pushes.end());
  }
  measured.reads = p99(all.reads);
  measured.pushes = p99(all.pushes);
  return measured;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) fail("expected HOST:PORT");
  const sockaddr_in address = parse_address(words[1]);
  Options options;
  for (int i = 2; i < count; ++i) {
    const std::string_view name = words[i];
    if (name == "--same-priority") {
      options.same_priority = true;
      continue;
    }
    const int value = i + 1 < count ? std::atoi(words[++i]) : 0;
    if (value <= 0) fail(std::string(name) + ": expected a number above 0");
    if (name == "--rounds") options.rounds = value;
    else if (name == "--seconds") options.duration = std::chrono::seconds(value);
    else if (name == "--attackers") options.others = static_cast<std::size_t>(value);
    else if (name == "--at-once") options.at_once = static_cast<std::size_t>(value);
    else if (name == "--server") options.server = value;
    else fail("unknown option " + std::string(name));
  }

  HonestClient client(address);
  const std::string large(16U << 20U, 'l');
  if (client.ask(request("PUT", manifest_path,
                         "Content-Type: application/vnd.oci.image.index.v1+json\r\n", empty_index)) != 201 ||
      client.ask(push_of(large)) != 201)
    fail("the server takes no pushes: is it run with --anonymous push?");
  const auto kinds = attacks("/v2/app/web/blobs/" + slipway::digest_of(large).to_string());
  const std::vector<Attack> idle{{"", "", true}};

  std::vector<double> quiet_reads, quiet_pushes, attacked_reads, attacked_pushes;
  std::atomic<int> wrong{0};
  for (int round = 0; round < options.rounds; ++round) {
    const Measured quiet = measure(address, options, idle, wrong);
    const Measured attacked = measure(address, options, kinds, wrong);
    std::printf("round %d: p99 of reads %.2f ms beside %zu idle, %.2f ms beside as many attackers; "
                "of pushes %.2f and %.2f ms\n",
                round + 1, quiet.reads, options.others, attacked.reads, quiet.pushes,
                attacked.pushes);
    std::printf("  attackers: %.0f acts a second, %zu were cut off, %.0f %% of a core; "
                "the server: %.0f %% beside idle, %.0f %% beside them\n",
                attacked.acts, attacked.cut_off, 100 * attacked.attackers_cpu,
                100 * quiet.server_cpu, 100 * attacked.server_cpu);
    std::fflush(stdout);
    quiet_reads.push_back(quiet.reads);
    quiet_pushes.push_back(quiet.pushes);
    attacked_reads.push_back(attacked.reads);
    attacked_pushes.push_back(attacked.pushes);
  }
  std::printf("p99 of reads: %.2f ms, attacked %.2f ms, ratio %.2f\n", median(quiet_reads),
              median(attacked_reads), median(attacked_reads) / median(quiet_reads));
  std::printf("p99 of pushes: %.2f ms, attacked %.2f ms, ratio %.2f\n", median(quiet_pushes),
              median(attacked_pushes), median(attacked_pushes) / median(quiet_pushes));
  if (wrong > 0) fail(std::to_string(wrong) + " honest requests were not answered rightly");
}
