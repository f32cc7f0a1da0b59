#include "worker/log_sender.hpp"

#include <algorithm>

#include "json/value.hpp"

namespace slipway {
namespace {

/// {"size": N}
std::optional<std::uint64_t> size_of(const IncomingResponse& response) {
  const auto document = json::Document::parse(response.body);
  if (!document) return std::nullopt;
  return document->root().find("size").as_uint64();
}

}  // namespace

LogSender::LogSender(ServerLink& link, LogSenderOptions options, std::function<void()> over)
    : link_(link),
      options_(std::move(options)),
      over_(std::move(over)),
      offset_(options_.offset),
      thread_([this] { run(stop_.get_token()); }) {}

LogSender::~LogSender() {
  stop_.request_stop();
  thread_.join();
}

void LogSender::append(std::string_view bytes) {
  bool cut_here = false;
  {
    const std::lock_guard lock(mutex_);
    if (cut_) return;
    const std::uint64_t room = options_.most_bytes - appended_;
    cut_here = cut_ = bytes.size() > room;
    bytes = bytes.substr(0, cut_ ? static_cast<std::size_t>(room) : bytes.size());
    appended_ += bytes.size();
  }
  add(bytes, options_.work);
  if (cut_here) add("\n[the log is too long: the rest of it is left out]\n", options_.work);
}

void LogSender::note(std::string_view line) {
  add(std::string(line).append(1, '\n'), {});
}

void LogSender::add(std::string_view bytes, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  while (!bytes.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait(
        lock, [&] { return ended_ || stop.stop_requested() || buffer_.size() < options_.buffer; });
    if (ended_ || stop.stop_requested()) return;
    const std::size_t size = std::min(bytes.size(), options_.buffer - buffer_.size());
    buffer_.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    changed_.notify_all();
  }
}

bool LogSender::flush(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  flushing_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return ended_ || stop.stop_requested() || buffer_.empty(); });
  flushing_ = false;
  return buffer_.empty();
}

void LogSender::run(const std::stop_token& stop) {
  const std::stop_callback end(options_.over, [this] { stop_.request_stop(); });
  const std::stop_callback wake(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  while (true) {
    std::string chunk;
    std::uint64_t offset = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop.stop_requested() || !buffer_.empty(); });
      const MonotonicTime full_by = link_.clock().monotonic() + options_.batch;
      while (!stop.stop_requested() && !flushing_ && buffer_.size() < options_.chunk &&
             link_.clock().monotonic() < full_by)
        link_.clock().wait_until(changed_, lock, full_by);
      if (stop.stop_requested()) break;
      chunk = buffer_.substr(0, options_.chunk);
      offset = offset_;
    }
    if (!send_chunk(offset, chunk, stop)) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool LogSender::send_chunk(std::uint64_t offset, const std::string& chunk,
                           const std::stop_token& stop) {
  const auto response = link_.send(
      [&] {
        OutgoingRequest request;
        request.method = HttpMethod::post;
        request.url = options_.url + "?offset=" + std::to_string(offset);
        request.fields = {{"Authorization", "Bearer " + options_.token},
                          {"Content-Type", "application/octet-stream"}};
        request.body = chunk;
        return request;
      },
      options_.patience, stop);
  if (!response) return false;
  if (means_over(response->status)) {
    over_();
    return false;
  }
  const auto size = size_of(*response);
  if (!size || (response->status != 200 && response->status != 416)) {
    // The server cannot take it and never will: the build is worth more than this piece of its log.
    acknowledged(offset, chunk.size(), offset + chunk.size());
    return true;
  }
  acknowledged(offset, chunk.size(), *size);
  return true;
}

void LogSender::acknowledged(std::uint64_t offset, std::size_t sent, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t known = offset + buffer_.size();
  if (size < offset || size > known) {
    // Not what this worker sent: somebody else wrote, or the server lost what it acknowledged.
    // The chunk follows where the server's log ends.
    offset_ = size;
    if (size > known) buffer_.erase(0, sent);
  } else {
    buffer_.erase(0, static_cast<std::size_t>(size - offset));
    offset_ = size;
  }
  changed_.notify_all();
}

}  // namespace slipway
