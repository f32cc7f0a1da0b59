// push_floor: what a push of a large blob cannot cost less than, for compare.sh.
//
//   push_floor FOLDER --size BYTES --count N
//
// Measures, in turn and N times each:
//   - a plain write and fdatasync of the same bytes to a new file in FOLDER, in MB a second;
//   - a bare loop that receives the bytes from a loopback socket, hashes them and writes them to a
//     file: the CPU time of its thread, in nanoseconds a byte.
//
// Prints one line with the median of each.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <slipway/support/hasher.hpp>

namespace {

constexpr std::size_t piece_size = std::size_t{256} * 1024;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int new_file(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) fail("open");
  return file;
}

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0) fail("write");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

/// MB a second.
double plain_write(const std::filesystem::path& path, std::string_view bytes) {
  const int file = new_file(path);
  const double started = seconds_of(CLOCK_MONOTONIC);
  for (std::size_t at = 0; at < bytes.size(); at += piece_size)
    write_all(file, bytes.substr(at, piece_size));
  if (::fdatasync(file) != 0) fail("fdatasync");
  const double took = seconds_of(CLOCK_MONOTONIC) - started;
  ::close(file);
  std::filesystem::remove(path);
  return static_cast<double>(bytes.size()) / took / 1e6;
}

/// Both ends of a connection over loopback.
std::pair<int, int> loopback() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("listen");
  const int sender = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(sender, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("connect");
  const int receiver = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (receiver < 0) fail("accept");
  ::close(listener);
  return {sender, receiver};
}

/// Nanoseconds of CPU time a byte, of the thread that receives.
double bare_loop(const std::filesystem::path& path, std::string_view bytes) {
  const auto [sender, receiver] = loopback();
  std::jthread sending([sender = sender, bytes] {
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const ssize_t sent = ::send(sender, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) fail("send");
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    ::close(sender);
  });
  const int file = new_file(path);
  std::vector<char> buffer(piece_size);
  slipway::Hasher hasher;
  std::size_t received = 0;
  const double started = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  while (received < bytes.size()) {
    const ssize_t got = ::recv(receiver, buffer.data(), buffer.size(), 0);
    if (got <= 0) fail("recv");
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
    hasher.update(piece);
    write_all(file, piece);
    received += piece.size();
  }
  const slipway::Digest digest = hasher.finish();
  const double took = seconds_of(CLOCK_THREAD_CPUTIME_ID) - started;
  if (digest != slipway::digest_of(bytes)) fail("the digest is another");
  ::close(file);
  ::close(receiver);
  std::filesystem::remove(path);
  return took * 1e9 / static_cast<double>(bytes.size());
}

double median(std::vector<double> figures) {
  std::sort(figures.begin(), figures.end());
  return figures[figures.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || std::string_view(argv[2]) != "--size" || std::string_view(argv[4]) != "--count") {
    std::fputs("usage: push_floor FOLDER --size BYTES --count N\n", stderr);
    return 2;
  }
  const std::filesystem::path path = std::filesystem::path(argv[1]) / "push-floor";
  std::string bytes(std::stoul(argv[3]), '\0');
  std::mt19937_64 random(std::random_device{}());
  for (char& byte : bytes) byte = static_cast<char>(random());
  std::vector<double> rates;
  std::vector<double> costs;
  for (unsigned long i = 0; i < std::stoul(argv[5]); ++i) {
    rates.push_back(plain_write(path, bytes));
    costs.push_back(bare_loop(path, bytes));
  }
  std::printf("write_megabytes_per_second=%.1f loop_cpu_ns_per_byte=%.4f\n", median(rates),
              median(costs));
  return 0;
}
