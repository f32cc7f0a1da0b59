// push_load: pushes blobs to a registry over several connections and tells how fast that went.
//
//   push_load HOST:PORT REPOSITORY --size BYTES --count N [--connections C] [--token TOKEN]
//
// Each push is what clients do: POST .../blobs/uploads/, then PUT to the Location that came back,
// with the whole blob and its digest (OCI distribution specification 1.1.1, "POST then PUT"). Every
// blob is new. One thread drives all connections with epoll, so that the load costs little of the
// machine that it shares with the server. Digests are computed before the clock starts.
//
// Prints one line: pushes a second, MB a second, and the latency of a push (both requests) in
// milliseconds. Exits 1 when any answer is not the expected 202 or 201.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/http/message.hpp>
#include <slipway/support/hasher.hpp>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "push_load: %s\n", what.c_str());
  std::exit(1);
}

struct Options {
  std::string host;
  std::uint16_t port = 0;
  std::string repository;
  std::size_t size = 4096;
  std::size_t count = 1000;
  std::size_t connections = 16;
  std::string token;
};

/// One blob: a prefix of its own before bytes that all share.
struct Blob {
  std::string prefix;
  std::string digest;
};

class Blobs {
 public:
  Blobs(std::size_t size, std::size_t count) {
    std::random_device entropy;
    std::mt19937_64 random((std::uint64_t{entropy()} << 32U) | entropy());
    tail_.resize(size - std::min(size, prefix_size));
    for (std::size_t i = 0; i < tail_.size(); i += 8) {
      const std::uint64_t word = random();
      std::memcpy(tail_.data() + i, &word, std::min<std::size_t>(8, tail_.size() - i));
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::string prefix(std::min(size, prefix_size), '\0');
      for (std::size_t at = 0; at < prefix.size(); at += 8) {
        const std::uint64_t word = random();
        std::memcpy(prefix.data() + at, &word, std::min<std::size_t>(8, prefix.size() - at));
      }
      slipway::Hasher hasher;
      hasher.update(prefix);
      hasher.update(tail_);
      blobs_.push_back({std::move(prefix), hasher.finish().to_string()});
    }
  }

  const Blob* next() { return given_ < blobs_.size() ? &blobs_[given_++] : nullptr; }
  [[nodiscard]] std::string_view tail() const { return tail_; }

 private:
  static constexpr std::size_t prefix_size = 32;
  std::string tail_;
  std::vector<Blob> blobs_;
  std::size_t given_ = 0;
};

/// One connection's endless round of POST and PUT, as a state machine over non-blocking calls.
class Pusher {
 public:
  Pusher(const Options& options, Blobs& blobs, std::vector<double>& latencies)
      : options_(options), blobs_(blobs), latencies_(latencies) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    if (::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1)
      fail(options.host + ": expected an IPv4 address");
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("connect: " + std::string(std::strerror(errno)));
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~Pusher() { ::close(fd_); }
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  /// False: no blob is left.
  bool begin() {
    blob_ = blobs_.next();
    if (blob_ == nullptr) return false;
    started_ = Clock::now();
    closing_ = false;
    send("POST /v2/" + options_.repository + "/blobs/uploads/ HTTP/1.1\r\nHost: " + options_.host +
         "\r\n" + authorization() + "Content-Length: 0\r\n\r\n");
    return true;
  }

  /// Goes as far as it can; false when it has pushed its last blob.
  bool advance() {
    while (true) {
      if (!write()) return true;
      const std::optional<slipway::HttpField> answer = read();
      if (!answer) return true;
      if (!closing_) {
        close_upload(answer->name, answer->value);
        continue;
      }
      if (answer->name != "201") fail("PUT answered " + std::string(answer->name));
      latencies_.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - started_).count());
      if (!begin()) return false;
    }
  }

 private:
  [[nodiscard]] std::string authorization() const {
    return options_.token.empty() ? std::string()
                                  : "Authorization: Bearer " + options_.token + "\r\n";
  }

  void send(std::string head) {
    head_ = std::move(head);
    sent_ = 0;
  }

  void close_upload(std::string_view status, std::string_view location) {
    if (status != "202") fail("POST answered " + std::string(status));
    std::string target(location);
    if (const std::size_t scheme = target.find("://"); scheme != std::string::npos)
      target.erase(0, target.find('/', scheme + 3));
    target += target.find('?') == std::string::npos ? '?' : '&';
    closing_ = true;
    send("PUT " + target + "digest=" + blob_->digest + " HTTP/1.1\r\nHost: " + options_.host +
         "\r\n" + authorization() + "Content-Type: application/octet-stream\r\nContent-Length: " +
         std::to_string(options_.size) + "\r\n\r\n" + blob_->prefix);
  }

  /// True when all of the request has been sent.
  bool write() {
    const std::string_view tail = closing_ ? blobs_.tail() : std::string_view();
    while (sent_ < head_.size() + tail.size()) {
      iovec parts[2];
      int count = 0;
      if (sent_ < head_.size()) parts[count++] = {head_.data() + sent_, head_.size() - sent_};
      const std::size_t tail_sent = sent_ > head_.size() ? sent_ - head_.size() : 0;
      if (tail_sent < tail.size())
        parts[count++] = {const_cast<char*>(tail.data()) + tail_sent, tail.size() - tail_sent};
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = static_cast<std::size_t>(count);
      const ssize_t wrote = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return false;
      if (wrote < 0) fail("send: " + std::string(std::strerror(errno)));
      sent_ += static_cast<std::size_t>(wrote);
    }
    return true;
  }

  /// Status and Location of an answer that is whole; bodies of expected answers are empty.
  std::optional<slipway::HttpField> read() {
    char piece[4096];
    while (true) {
      const std::size_t end = in_.find("\r\n\r\n");
      if (end != std::string::npos) {
        answer_ = in_.substr(0, end);
        in_.erase(0, end + 4);
        return slipway::HttpField{std::string_view(answer_).substr(9, 3), location()};
      }
      const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
      if (got <= 0) fail("the server closed the connection");
      in_.append(piece, static_cast<std::size_t>(got));
    }
  }

  [[nodiscard]] std::string_view location() const {
    std::string_view rest = answer_;
    while (!rest.empty()) {
      const std::size_t end = rest.find("\r\n");
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos &&
          slipway::equal_ignoring_case(line.substr(0, colon), "location"))
        return line.substr(colon + 2);
    }
    return {};
  }

  const Options& options_;
  Blobs& blobs_;
  std::vector<double>& latencies_;
  int fd_ = -1;
  const Blob* blob_ = nullptr;
  Clock::time_point started_;
  bool closing_ = false;  // the request under way is the PUT
  std::string head_;
  std::size_t sent_ = 0;
  std::string in_;
  std::string answer_;
};

std::size_t parse_number(std::string_view name, std::string_view text) {
  std::size_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value == 0)
    fail(std::string(name) + ": expected a whole number above 0");
  return value;
}

Options parse_options(const std::vector<std::string_view>& words) {
  Options options;
  std::vector<std::string_view> positional;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("--")) {
      positional.push_back(words[i]);
      continue;
    }
    const std::string_view name = words[i];
    if (++i == words.size()) fail(std::string(name) + ": expected a value");
    if (name == "--size")
      options.size = parse_number(name, words[i]);
    else if (name == "--count")
      options.count = parse_number(name, words[i]);
    else if (name == "--connections")
      options.connections = parse_number(name, words[i]);
    else if (name == "--token")
      options.token = words[i];
    else
      fail(std::string(name) + ": unknown option");
  }
  const std::size_t colon = positional.size() == 2 ? positional[0].find(':') : std::string::npos;
  if (colon == std::string_view::npos) fail("expected HOST:PORT REPOSITORY");
  options.host = positional[0].substr(0, colon);
  options.port =
      static_cast<std::uint16_t>(parse_number("port", positional[0].substr(colon + 1)));
  options.repository = positional[1];
  return options;
}

void report(const Options& options, std::vector<double>& latencies, double seconds) {
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&latencies](double share) {
    const auto last = static_cast<double>(latencies.size() - 1);
    return latencies[static_cast<std::size_t>(share * last)];
  };
  const double pushes = static_cast<double>(latencies.size());
  std::printf("pushes_per_second=%.1f megabytes_per_second=%.1f p50_ms=%.2f p99_ms=%.2f\n",
              pushes / seconds, pushes * static_cast<double>(options.size) / seconds / 1e6,
              percentile(0.50), percentile(0.99));
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options({argv + 1, argv + argc});
  Blobs blobs(options.size, options.count);
  std::vector<double> latencies;
  latencies.reserve(options.count);

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Pusher>> pushers;
  for (std::size_t i = 0; i < std::min(options.connections, options.count); ++i) {
    pushers.push_back(std::make_unique<Pusher>(options, blobs, latencies));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = pushers.back().get();
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, pushers.back()->fd(), &event) != 0)
      fail("epoll_ctl: " + std::string(std::strerror(errno)));
  }

  const Clock::time_point started = Clock::now();
  std::size_t busy = 0;
  for (const auto& pusher : pushers)
    if (pusher->begin() && pusher->advance()) ++busy;
  while (busy > 0) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < ready; ++i)
      if (!static_cast<Pusher*>(events[i].data.ptr)->advance()) --busy;
  }
  report(options, latencies, std::chrono::duration<double>(Clock::now() - started).count());
  ::close(epoll);
  return 0;
}
