// Answers: their heads, and bodies of each kind.

#include <algorithm>
#include <exception>
#include <utility>

#include "beast/connection.hpp"
#include "beast/parts_sender.hpp"
#include "http/status.hpp"

namespace slipway::beast {
namespace {

/// What TLS puts into one record (RFC 8446 section 5.1).
constexpr std::size_t tls_record = std::size_t{16} * 1024;
/// Room for a chunk's size in front of its bytes: eight digits (leading zeros are allowed, RFC 9112
/// section 7.1) and a line break.
constexpr std::string_view chunk_prefix = "00000000\r\n";
constexpr std::string_view chunk_end_and_last = "\r\n0\r\n\r\n";
constexpr std::string_view chunk_end = chunk_end_and_last.substr(0, 2);
constexpr std::string_view last_chunk = chunk_end_and_last.substr(2);
constexpr std::size_t most_kept_stream_bytes = std::size_t{64} * 1024;
/// How much of a turn one piece of an object is.
constexpr unsigned piece_turn = 16;

void write_chunk_size(std::string& chunk, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 8; i-- > 0; size >>= 4U) chunk[i] = digits[size & 0xFU];
}

}  // namespace

bool Connection::sends_body() const noexcept {
  return request_.method != HttpMethod::head && !status_forbids_body(response_.status);
}

BodyLength Connection::answer_length() const {
  using Kind = BodyLength::Kind;
  const HttpResponse::Body& body = response_.body();
  if (response_.status < 200 || response_.status == 204) return {};
  if (!sends_body() && response_.content_length) return {Kind::known, *response_.content_length};
  if (std::holds_alternative<std::unique_ptr<BodyStream>>(body))
    return {http_1_1_ ? Kind::chunked : Kind::until_close, 0};
  if (const auto* object = std::get_if<ObjectBody>(&body))
    return {Kind::known, object->range.length};
  if (const auto* parts = std::get_if<ObjectPartsBody>(&body)) return {Kind::known, parts->size()};
  if (response_.status == 304) return {};
  return {Kind::known, response_.text().size()};
}

void Connection::begin_answer() {
  state_ = State::answer;
  credit_.renew();
  held_.release();
  length_ = answer_length();
  close_after_ = must_close() || length_.kind == BodyLength::Kind::until_close;
  auto field = ConnectionField::none;
  if (close_after_)
    field = ConnectionField::close;
  else if (!http_1_1_)
    field = ConnectionField::keep_alive;
  write_response_head(head_out_, response_, thread_.date(), length_, field);
  prepare_answer_body();
}

void Connection::prepare_answer_body() {
  HttpResponse::Body& body = response_.body();
  body_sent_ = true;
  stream_waits_ = false;
  out_ = {};
  if (sends_body()) {
    if (auto* object = std::get_if<ObjectBody>(&body)) {
      object_ = std::make_unique<ObjectSender>(std::move(*object), !channel_->prefers_one_piece());
      body_sent_ = false;
    } else if (auto* parts = std::get_if<ObjectPartsBody>(&body)) {
      object_ = std::make_unique<PartsSender>(std::move(*parts), !channel_->prefers_one_piece());
      body_sent_ = false;
    } else if (auto* stream = std::get_if<std::unique_ptr<BodyStream>>(&body)) {
      wake_ = std::make_shared<StreamWake>(thread_.context().get_executor(), [this] {
        stream_waits_ = false;
        turn_ = 0;
        proceed();
        settle();
      });
      (*stream)->on_ready([wake = wake_] { wake->call(); });
      body_sent_ = false;
    } else {
      const std::string_view text = response_.text();
      if (channel_->prefers_one_piece() && head_out_.size() + text.size() <= tls_record)
        head_out_.append(text);
      else
        out_[1] = asio::const_buffer(text.data(), text.size());
    }
  }
  out_[0] = asio::const_buffer(head_out_.data(), head_out_.size());
}

bool Connection::advance_answer() {
  for (;;) {
    if (writing_ || job_running_) return false;
    if (turn_ >= longest_turn) return yield(), false;
    if (body_is_out() && !body_sent_) {
      switch (fill_answer()) {
        case Filled::ready: break;
        case Filled::end: body_sent_ = true; break;
        case Filled::broken: close(); return false;
        case Filled::waiting:
          if (out_[0].size() > 0) break;  // the head at least
          if (stream_waits_ && peer_closed_)
            close();
          else if (stream_waits_)
            await_keep_alive();
          return false;
      }
    }
    if (!flush_out()) return false;
    if (body_sent_) {
      finish_answer();
      return true;
    }
  }
}

/// From when it was last sent something, however often the stream was asked in vain.
void Connection::await_keep_alive() {
  if (keep_alive_waits_ || stream().keep_alive().empty()) return;
  keep_alive_waits_ = true;
  set_deadline(thread_.server().options.stream_keep_alive);
}

void Connection::send_keep_alive() {
  keep_alive_waits_ = false;
  clear_deadline();
  turn_ = 0;
  const bool chunked = length_.kind == BodyLength::Kind::chunked;
  stream_bytes_ = chunked ? chunk_prefix : std::string_view();
  const std::size_t prefix = stream_bytes_.size();
  stream_bytes_.append(stream().keep_alive());
  frame_stream_bytes(prefix, false);
  proceed();
  settle();
}

BodyStream& Connection::stream() {
  return *std::get<std::unique_ptr<BodyStream>>(response_.body());
}

bool Connection::flush_out() {
  if (std::exchange(keep_alive_waits_, false)) clear_deadline();
  while (out_[0].size() > 0 || !body_is_out()) {
    Failure failure;
    const auto size = channel_->write(out_, failure);
    if (!size) {
      writing_ = true;
      ++pending_;
      wait_for_reader();
      return false;
    }
    if (failure) {
      close();
      return false;
    }
    consume_written(*size);
  }
  return true;
}

void Connection::wait_for_reader() {
  unacknowledged_ = channel_->unacknowledged();
  credit_.begin_wait(thread_.server().clock.monotonic());
  set_deadline(credit_.left());
}

/// The socket has room again only when a good part of what it holds has gone: until then, what the
/// peer has acknowledged tells that it reads.
bool Connection::has_read_on() {
  const std::size_t before = unacknowledged_;
  credit_.end_wait(thread_.server().clock.monotonic());
  const std::size_t now = channel_->unacknowledged();
  if (now < before) credit_.earn(before - now);
  if (credit_.left() == std::chrono::nanoseconds::zero()) return false;
  wait_for_reader();
  return true;
}

void Connection::consume_written(std::size_t size) noexcept {
  thread_.metrics().sent(size);
  for (asio::const_buffer& piece : out_) {
    const std::size_t gone = std::min(size, piece.size());
    piece += gone;
    size -= gone;
  }
}

void Connection::on_written(const Failure& failure, std::size_t size) {
  --pending_;
  writing_ = false;
  turn_ = 0;
  if (state_ == State::closed) return settle();
  clear_deadline();
  credit_.end_wait(thread_.server().clock.monotonic());
  credit_.earn(size);
  if (failure)
    close();
  else
    consume_written(size);
  proceed();
  settle();
}

Connection::Filled Connection::fill_answer() {
  return object_ != nullptr ? fill_from_object() : fill_from_stream();
}

Connection::Filled Connection::fill_from_object() {
  turn_ += piece_turn;
  switch (object_->next(out_[1])) {
    case PieceSender::Next::ready: return Filled::ready;
    case PieceSender::Next::end: return Filled::end;
    case PieceSender::Next::cold:
      // Admitted always: the answer's head may have gone out.
      if (submit_job(Job::warm, BlockingPool::Admission::always)) return Filled::waiting;
      return Filled::broken;
    case PieceSender::Next::broken:
      thread_.server().log.warning("stored object cannot be read",
                                   {{"target", std::string(request_.target)}});
      return Filled::broken;
  }
  return Filled::broken;
}

Connection::Filled Connection::fill_from_stream() {
  if (stream_waits_) return Filled::waiting;
  const bool chunked = length_.kind == BodyLength::Kind::chunked;
  stream_shared_ = {};
  stream_bytes_ = chunked ? chunk_prefix : std::string_view();
  const std::size_t prefix = stream_bytes_.size();
  auto state = BodyStream::State::end;
  try {
    state = stream().next_shared(stream_bytes_, stream_shared_);
  } catch (const std::exception& exception) {
    thread_.server().log.error("answer's stream threw an exception",
                               {{"route", route_}, {"error", exception.what()}});
    return Filled::broken;
  }
  if (state == BodyStream::State::broken) return Filled::broken;
  frame_stream_bytes(prefix, state == BodyStream::State::end);
  if (state == BodyStream::State::end) {
    body_sent_ = true;
  } else if (state == BodyStream::State::waiting) {
    stream_waits_ = true;
    watch_peer();
  } else {
    turn_ += piece_turn;
  }
  if (!body_is_out()) return Filled::ready;
  return body_sent_ ? Filled::end : Filled::waiting;
}

/// What the stream gave, behind `prefix` bytes that were left for a chunk's size (RFC 9112 section
/// 7.1). Shared bytes go out from where they are, between their chunk's size and its end.
void Connection::frame_stream_bytes(std::size_t prefix, bool last) {
  if (channel_->prefers_one_piece()) {
    stream_bytes_.append(stream_shared_.bytes);
    stream_shared_ = {};
  }
  const std::string_view shared = stream_shared_.bytes;
  const std::size_t size = stream_bytes_.size() - prefix + shared.size();
  std::string_view end;
  if (size == 0) {
    stream_bytes_.clear();
    if (prefix > 0 && last) end = last_chunk;
  } else if (prefix > 0) {
    write_chunk_size(stream_bytes_, size);
    end = last ? chunk_end_and_last : chunk_end;
  }
  if (shared.empty()) stream_bytes_.append(std::exchange(end, {}));
  out_[1] = asio::const_buffer(stream_bytes_.data(), stream_bytes_.size());
  out_[2] = asio::const_buffer(shared.data(), shared.size());
  out_[3] = asio::const_buffer(end.data(), end.size());
}

bool Connection::body_is_out() const noexcept {
  return out_[1].size() + out_[2].size() + out_[3].size() == 0;
}

/// While nothing is sent, only reading tells that the peer has gone. What it sends instead is the
/// next request.
void Connection::watch_peer() {
  const std::size_t capacity = thread_.server().options.max_head_bytes;
  if (reading_ != Reading::nothing || peer_closed_ || end_ == capacity || stash_ != nullptr) return;
  begin_read(Reading::head);
}

void Connection::finish_answer() {
  regular_ = response_.status < 400;
  const auto duration = thread_.server().clock.monotonic() - started_;
  thread_.metrics().count(route_, request_.method, response_.status, duration);
  log_request(duration);
  release_answer();
  if (!close_after_ && !peer_closed_ && !thread_.draining()) {
    discard_budget_ = 0;
    if (body_.done()) return next_request();
    state_ = State::discard;
    credit_.renew();
    wait_for_body();
    return;
  }
  if (peer_closed_ || (body_.done() && begin_ == end_ && !request_.secure))
    close();
  else
    start_linger();
}

void Connection::start_linger() {
  state_ = State::linger;
  set_deadline(thread_.server().options.head_timeout);
  ++pending_;
  channel_->linger();
}

void Connection::release_answer() noexcept {
  if (wake_ != nullptr) wake_->detach();
  wake_.reset();
  stream_waits_ = false;
  stream_shared_ = {};
  if (stream_bytes_.capacity() > most_kept_stream_bytes) stream_bytes_ = std::string();
  if (job_running_) return;  // it may be reading the object
  object_.reset();
  response_.clear();
}

void Connection::log_request(std::chrono::nanoseconds duration) {
  Log& log = thread_.server().log;
  if (!log.enabled(LogLevel::debug)) return;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(duration);
  log.debug("request", {{"method", std::string(request_.method_text)},
                        {"target", std::string(request_.target)},
                        {"status", std::to_string(response_.status)},
                        {"microseconds", std::to_string(micros.count())},
                        {"peer", peer_}});
}

}  // namespace slipway::beast
