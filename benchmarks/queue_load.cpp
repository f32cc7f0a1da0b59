// The load of queue_compare.sh: durable submit, lease and finish of jobs of 1 KB by some clients,
// against this library's build queue in this process, or against Redis or beanstalkd on loopback.
//
//   queue_load slipway|redis|beanstalkd FOLDER|PORT CLIENTS SECONDS
//
// Prints one line: jobs a second. A job of Redis is XADD, XREADGROUP, XACK with XDEL; of beanstalkd
// put, reserve, delete; of Slipway submit, lease, registration and end of a build, where one thread
// leases for all clients, as the scheduler does.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/scheduling_policy.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

namespace slipway {
namespace {

constexpr std::size_t job_size = 1024;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "queue_load: " << what << "\n";
  std::exit(1);
}

/// One job of one client from its submit to its end.
using Job = std::function<void()>;

/// Runs jobs in as many threads as there are, and answers how many a second.
double measure(std::vector<Job> clients, std::chrono::milliseconds duration) {
  std::atomic<bool> measuring{false};
  std::atomic<bool> ending{false};
  std::atomic<std::uint64_t> done{0};
  std::vector<std::thread> threads;
  for (Job& job : clients)
    threads.emplace_back([&] {
      while (!ending.load(std::memory_order_relaxed)) {
        job();
        if (measuring.load(std::memory_order_relaxed)) ++done;
      }
    });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // warm
  measuring = true;
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(duration);
  measuring = false;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const auto count = static_cast<double>(done.load());
  ending = true;
  for (std::thread& thread : threads) thread.join();
  return count / took.count();
}

// ---- peers ----

/// A connection that reads replies line by line.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      fail("cannot connect to port " + std::to_string(port));
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) fail("the server closed the connection");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Without its CR LF.
  std::string line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) receive();
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return text;
  }
  /// With its CR LF.
  std::string bytes(std::size_t size) {
    while (buffer_.size() < size + 2) receive();
    std::string text = buffer_.substr(0, size);
    buffer_.erase(0, size + 2);
    return text;
  }

 private:
  void receive() {
    std::array<char, 16384> piece{};
    const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
    if (got <= 0) fail("the server closed the connection");
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
  }

  const int socket_;
  std::string buffer_;
};

std::size_t number_of(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class RedisClient {
 public:
  RedisClient(std::uint16_t port, std::string name) : connection_(port), name_(std::move(name)) {}

  void make_group() {
    call({"XGROUP", "CREATE", "jobs", "workers", "$", "MKSTREAM"});
  }
  void job() {
    call({"XADD", "jobs", "*", "job", std::string(job_size, 'x')});
    const auto read = call({"XREADGROUP", "GROUP", "workers", name_, "COUNT", "1", "BLOCK", "1000",
                            "STREAMS", "jobs", ">"});
    if (read.size() < 2) return;
    const std::string& id = read[1];
    // One flush for both, as a transaction.
    command({"MULTI"});
    command({"XACK", "jobs", "workers", id});
    command({"XDEL", "jobs", id});
    command({"EXEC"});
    connection_.send(std::exchange(pending_, {}));
    for (int i = 0; i < 4; ++i) reply();
  }

 private:
  void command(const std::vector<std::string>& words) {
    pending_ += "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words)
      pending_ += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  std::vector<std::string> call(const std::vector<std::string>& words) {
    command(words);
    connection_.send(std::exchange(pending_, {}));
    return reply();
  }
  /// The texts of it, in their order.
  std::vector<std::string> reply() {
    std::vector<std::string> texts;
    read_into(texts);
    return texts;
  }
  void read_into(std::vector<std::string>& texts) {
    const std::string head = connection_.line();
    if (head.starts_with('-') && head.find("BUSYGROUP") == std::string::npos) fail(head);
    if (head.starts_with('$')) {
      if (head != "$-1") texts.push_back(connection_.bytes(number_of(head.substr(1))));
    } else if (head.starts_with('*') && head != "*-1") {
      for (std::size_t i = number_of(head.substr(1)); i > 0; --i) read_into(texts);
    }
  }

  Connection connection_;
  const std::string name_;
  std::string pending_;
};

class BeanstalkdClient {
 public:
  explicit BeanstalkdClient(std::uint16_t port) : connection_(port) {}

  void job() {
    connection_.send("put 0 0 60 " + std::to_string(job_size) + "\r\n" +
                     std::string(job_size, 'x') + "\r\n");
    if (!connection_.line().starts_with("INSERTED")) fail("put was refused");
    connection_.send("reserve\r\n");
    const std::string reserved = connection_.line();  // RESERVED <id> <bytes>
    const std::size_t space = reserved.find(' ', 9);
    const std::string id = reserved.substr(9, space - 9);
    connection_.bytes(number_of(std::string_view(reserved).substr(space + 1)));
    connection_.send("delete " + id + "\r\n");
    if (connection_.line() != "DELETED") fail("delete was refused");
  }

 private:
  Connection connection_;
};

// ---- this library ----

BuildRequest job_request() {
  BuildRequest request(RepositoryName::parse("tenant/app").value(),
                       GitSource{"https://git.example.com/a.git", "refs/heads/main", ""});
  request.args["PADDING"] = std::string(job_size - 300, 'x');  // the record is 1 KB in all
  return request;
}

/// The queue, and one thread that leases what clients take.
class SlipwayQueue {
 public:
  explicit SlipwayQueue(const std::filesystem::path& folder)
      : stores_(open_stores(folder).value()),
        blobs_(stores_->metadata(), stores_->objects(), Clock::system()),
        registry_(open_registry(blobs_, Clock::system()).value()),
        queue_(open_build_queue(stores_->metadata(), *registry_, Clock::system()).value()) {
    subscription_ = stores_->metadata().subscribe("queue", [this] { wake(); });
    leaser_ = std::thread([this] { lease_all(); });
  }
  ~SlipwayQueue() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    leaser_.join();
  }
  SlipwayQueue(const SlipwayQueue&) = delete;
  SlipwayQueue& operator=(const SlipwayQueue&) = delete;

  void job() {
    if (!queue_->submit(request_)) fail("submit was refused");
    const BuildLease lease = take();
    const WorkerCredential attempt{lease.build.id, lease.build.epoch};
    if (!queue_->register_worker(lease.registration_token, "0123456789abcdef") ||
        !queue_->fail(attempt, {FailureClass::user, "step_failed", "", 1}))
      fail("a build was not ended");
  }

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  BuildLease take() {
    std::unique_lock lock(mutex_);
    leased_.wait(lock, [this] { return !leases_.empty(); });
    BuildLease lease = std::move(leases_.front());
    leases_.pop_front();
    return lease;
  }
  void lease_all() {
    SchedulingState state;
    while (true) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return woken_ || ending_; });
        if (ending_) return;
        woken_ = false;
      }
      while (lease_some(state)) {
      }
    }
  }
  bool lease_some(SchedulingState& state) {
    state.backends = {{"local", {1000, 1000, ""}, true, {}}};
    if (!queue_->refresh(state.queue)) fail("the queue was not read");
    rank(state, {});
    std::vector<LeaseOrder> orders;
    while (const auto choice = choose_next(state, {})) {
      assume(state, {}, *choice);
      orders.push_back({choice->build, choice->backend});
    }
    if (orders.empty()) return false;
    auto leases = queue_->lease(orders);
    if (!leases) fail("nothing was leased");
    const std::lock_guard lock(mutex_);
    for (Result<BuildLease>& lease : *leases)
      if (lease) leases_.push_back(std::move(*lease));
    leased_.notify_all();
    return true;
  }

  const BuildRequest request_ = job_request();
  std::unique_ptr<Stores> stores_;
  BlobStore blobs_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<BuildQueue> queue_;
  std::unique_ptr<Subscription> subscription_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable leased_;
  std::deque<BuildLease> leases_;
  bool woken_ = false;
  bool ending_ = false;
  std::thread leaser_;
};

double run(const std::string& kind, const std::string& where, unsigned clients,
           std::chrono::milliseconds duration) {
  std::vector<Job> jobs;
  if (kind == "slipway") {
    SlipwayQueue queue(where);
    for (unsigned i = 0; i < clients; ++i) jobs.emplace_back([&queue] { queue.job(); });
    return measure(std::move(jobs), duration);
  }
  const auto port = static_cast<std::uint16_t>(number_of(where));
  for (unsigned i = 0; i < clients; ++i) {
    if (kind == "redis") {
      auto client = std::make_shared<RedisClient>(port, "client" + std::to_string(i));
      client->make_group();
      jobs.emplace_back([client] { client->job(); });
    } else if (kind == "beanstalkd") {
      auto client = std::make_shared<BeanstalkdClient>(port);
      jobs.emplace_back([client] { client->job(); });
    } else {
      fail("expected slipway, redis or beanstalkd, got " + kind);
    }
  }
  return measure(std::move(jobs), duration);
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: queue_load slipway|redis|beanstalkd FOLDER|PORT CLIENTS SECONDS\n";
    return 2;
  }
  const auto clients = static_cast<unsigned>(std::atoi(argv[3]));
  const auto seconds = std::chrono::seconds(std::atoi(argv[4]));
  std::cout << slipway::run(argv[1], argv[2], clients, seconds) << std::endl;
  return 0;
}
