#include "support/worker_assignment.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>

namespace slipway {
namespace {

constexpr std::string_view question = "?";
constexpr std::string_view answer = "!";
constexpr std::size_t longest_line = 4096;

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Without its line break; nullopt: the other end was closed, or sends what no line is.
std::optional<std::string> receive_line(int socket) {
  std::string line;
  while (line.size() < longest_line) {
    char next = 0;
    const ssize_t size = ::recv(socket, &next, 1, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    if (next == '\n') return line;
    line.push_back(next);
  }
  return std::nullopt;
}

std::string line_of(std::string_view text) { return std::string(text).append(1, '\n'); }

}  // namespace

bool answers(int worker, std::chrono::milliseconds patience) {
  if (!send_all(worker, line_of(question))) return false;
  pollfd watched{worker, POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&watched, 1, static_cast<int>(patience.count()))) < 0 && errno == EINTR) {
  }
  if (ready <= 0) return false;
  return receive_line(worker) == answer;
}

bool assign(int worker, const WorkerAssignment& assignment) {
  return send_all(worker, line_of(assignment.registration_token) + line_of(assignment.folder) +
                              line_of(assignment.server_url));
}

std::optional<WorkerAssignment> await_assignment(int starter) {
  std::optional<std::string> first = receive_line(starter);
  for (; first == question; first = receive_line(starter))
    if (!send_all(starter, line_of(answer))) return std::nullopt;
  std::optional<std::string> folder = first ? receive_line(starter) : std::nullopt;
  std::optional<std::string> url = folder ? receive_line(starter) : std::nullopt;
  if (!url) return std::nullopt;
  return WorkerAssignment{*std::move(first), *std::move(folder), *std::move(url)};
}

}  // namespace slipway
