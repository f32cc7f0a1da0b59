// Bodies of requests: from the peer, through two buffers, to the handler's receiver on the pool.

#include <algorithm>
#include <cstring>

#include "beast/connection.hpp"

namespace slipway::beast {
namespace {

/// Up to here a body is received whole, and one job takes it.
constexpr std::uint64_t small_body = std::uint64_t{64} * 1024;
/// What is read and dropped of a body that nobody wants, before its connection is given up.
constexpr std::uint64_t most_discarded = std::uint64_t{64} * 1024;
/// What one job receives by itself before others in the pool have their turn; and the first of a
/// body's, which shows whether the sender is that fast.
constexpr std::uint64_t longest_job = std::uint64_t{16} * 1024 * 1024;
constexpr std::uint64_t longest_first_job = std::uint64_t{1} * 1024 * 1024;

}  // namespace

void Connection::begin_body(HttpReceive receive) {
  state_ = State::body;
  receiver_ = std::move(receive.receiver);
  most_body_bytes_ = receive.max_bytes;
  held_whole_ = receive.held_whole;
  credit_.renew();
  body_taken_ = 0;
  body_error_.reset();
  admitted_ = false;
  filled_ = 0;
  job_received_ = 0;
  whole_body_first_ = request_.content_length && *request_.content_length <= small_body;
  if (request_.content_length.value_or(0) > most_body_bytes_)
    body_error_ = Error(ErrorCode::too_large,
                        "the request's body of " + std::to_string(*request_.content_length) +
                            " bytes is larger than the " + std::to_string(most_body_bytes_) +
                            " that are allowed here");
}

bool Connection::advance_body() {
  if (writing_) return false;  // "100 Continue"
  if (job_receives_) return false;
  if (!job_running_) {
    release_piece();
    if (answered_) {
      begin_answer();
      return true;
    }
  }
  if (!body_.done() && !body_error_) take_from_head_buffer();
  const bool complete = body_.done() || body_error_;
  if (!job_running_ && (complete || !piece_.empty() || (filled_ > 0 && !whole_body_first_))) {
    submit_piece();
    return true;
  }
  if (complete) return false;
  return read_body();
}

bool Connection::read_body() {
  if (reading_ != Reading::nothing) return false;
  if (filled_ > 0 && !whole_body_first_) {
    clear_deadline();  // it is the job that is waited for, not the peer
    return false;
  }
  if (peer_closed_) {
    close();
    return false;
  }
  if (std::exchange(continue_owed_, false)) {
    constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    out_[0] = asio::const_buffer(text.data(), text.size());
    if (!flush_out()) return false;
  }
  const std::span<char> space = body_space();
  if (const std::size_t size = read_stash(space); size > 0) {
    take_body_bytes(size, true);
    return true;
  }
  if (const auto size = channel_->read_now(space)) {
    thread_.metrics().received(*size);
    credit_.earn(*size);
    take_body_bytes(*size, false);
    return true;
  }
  if (filled_ == 0) release_filling();
  wait_for_body();
  begin_read(Reading::body);
  return false;
}

void Connection::wait_for_body() {
  credit_.begin_wait(thread_.server().clock.monotonic());
  set_deadline(credit_.left());
}

/// What came together with the head. A body that lies there completely is not copied.
void Connection::take_from_head_buffer() {
  if (begin_ == end_) return;
  std::span<char> bytes(buffer_.get() + begin_, end_ - begin_);
  const bool all = filled_ == 0 && !job_running_;
  if (!all) bytes = bytes.first(std::min(bytes.size(), body_space().size()));
  const ChunkedDecoder::Step step = body_.take(bytes);
  begin_ += step.consumed;
  body_taken_ += step.payload;
  check_body();
  if (held_whole_) hold(step.payload);
  const std::span<char> payload = bytes.first(step.payload);
  if (all && body_.done()) {
    piece_ = payload;
    return;
  }
  if (payload.empty()) return;
  std::memcpy(body_space().data(), payload.data(), payload.size());
  filled_ += payload.size();
}

void Connection::take_body_bytes(std::size_t size, bool from_stash) {
  char* const bytes = filling_.get() + filled_;
  const ChunkedDecoder::Step step = body_.take({bytes, size});
  const std::size_t rest = size - step.consumed;
  if (from_stash)
    stash_begin_ -= rest;
  else
    keep_rest({bytes + step.consumed, rest});
  if (state_ != State::body) return;  // the answer was decided without this
  filled_ += step.payload;
  body_taken_ += step.payload;
  check_body();
  if (held_whole_) hold(step.payload);
}

/// Small bodies always find room: what many of them take is bounded by the number of connections.
void Connection::hold(std::size_t bytes) {
  if (whole_body_first_ || body_error_ || held_.grow(bytes)) return;
  body_error_ = Error(ErrorCode::unavailable,
                      "the server holds as many bytes of requests as it may "
                      "(limits.max_body_memory); try again");
}

void Connection::check_body() {
  if (body_.malformed())
    body_error_ = Error(ErrorCode::invalid_argument, "the request's chunked body is malformed");
  else if (body_taken_ > most_body_bytes_)
    body_error_ = Error(ErrorCode::too_large, "the request's body is larger than the " +
                                                  std::to_string(most_body_bytes_) +
                                                  " bytes that are allowed here");
}

void Connection::release_filling() noexcept {
  Bytes memory = std::move(filling_);
  if (filling_capacity_ == IoThread::body_buffer_size) thread_.give_back(std::move(memory));
}

std::span<char> Connection::body_space() {
  if (filling_ == nullptr) {
    filling_capacity_ = IoThread::body_buffer_size;
    if (whole_body_first_) filling_capacity_ = static_cast<std::size_t>(*request_.content_length);
    filling_ = whole_body_first_ ? std::make_unique_for_overwrite<char[]>(filling_capacity_)
                                 : thread_.take_buffer();
  }
  std::size_t size = filling_capacity_ - filled_;
  if (const auto left = body_.left())
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, *left));
  return {filling_.get() + filled_, size};
}

void Connection::submit_piece() {
  if (piece_.empty() && filled_ > 0) {
    piece_ = {filling_.get(), std::exchange(filled_, 0)};
    piece_memory_ = std::move(filling_);
    piece_capacity_ = filling_capacity_;
  }
  piece_is_last_ = body_.done();
  piece_error_ = body_error_;
  // Whoever sends faster than we take it is received on the job's thread: the bytes are hashed and
  // written where they are in the processor's cache, and nobody waits for another thread.
  job_receives_ = reading_ == Reading::nothing && piece_memory_ != nullptr &&
                  piece_capacity_ == IoThread::body_buffer_size && filled_ == 0 &&
                  begin_ == end_ && stash_ == nullptr;
  if (job_receives_ && job_received_ > 0) channel_->detach();
  most_job_bytes_ = job_received_ > 0 ? longest_job : longest_first_job;
  job_received_ = 0;
  const auto admission =
      admitted_ ? BlockingPool::Admission::always : BlockingPool::Admission::bounded;
  clear_deadline();
  if (submit_job(Job::piece, admission)) {
    admitted_ = true;
    return;
  }
  if (std::exchange(job_receives_, false)) channel_->attach();
  release_receiver();
  thread_.server().handler.refuse(
      request_, Error(ErrorCode::unavailable, "the server is busy; try again"), response_);
  answered_ = true;
}

/// False: the job goes on elsewhere, and ends there.
bool Connection::run_piece() {
  Result<void> taken;
  do {
    if (piece_error_)
      taken = *piece_error_;
    else if (!piece_.empty())
      taken = receiver_->append(std::as_bytes(piece_));
  } while (taken && !piece_is_last_ && job_receives_ && receive_piece());
  if (taken && !piece_is_last_) return true;
  if (taken) {
    receiver_->finish_then(response_, [this] {
      end_receiver();
      thread_.post([this] { on_job_done(); });
    });
    return false;
  }
  receiver_->fail(taken.error(), response_);
  end_receiver();
  return true;
}

void Connection::end_receiver() noexcept {
  receiver_.reset();
  answered_ = true;
}

/// The next piece, in the memory of the one before. False: none has come, or enough for one job.
bool Connection::receive_piece() {
  if (job_received_ >= most_job_bytes_) return false;
  std::size_t size = piece_capacity_;
  if (const auto left = body_.left())
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, *left));
  const auto received = channel_->read_now({piece_memory_.get(), size});
  if (!received) return false;
  job_received_ += *received;
  const ChunkedDecoder::Step step = body_.take({piece_memory_.get(), *received});
  keep_rest({piece_memory_.get() + step.consumed, *received - step.consumed});
  body_taken_ += step.payload;
  check_body();
  if (held_whole_) hold(step.payload);
  piece_ = {piece_memory_.get(), step.payload};
  piece_is_last_ = body_.done();
  piece_error_ = body_error_;
  return true;
}

/// What came behind the body: the next request.
void Connection::keep_rest(std::span<const char> bytes) {
  if (bytes.empty()) return;
  stash_ = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(stash_.get(), bytes.data(), bytes.size());
  stash_begin_ = 0;
  stash_end_ = bytes.size();
}

void Connection::release_piece() noexcept {
  piece_ = {};
  Bytes memory = std::move(piece_memory_);
  if (piece_capacity_ == IoThread::body_buffer_size) thread_.give_back(std::move(memory));
}

/// A receiver may have files to close and remove: not here.
void Connection::release_receiver() {
  held_.release();
  if (receiver_ == nullptr) return;
  thread_.server().pool.submit([receiver = receiver_.release()] { delete receiver; });
}

// ---- what nobody wants ----

bool Connection::must_close() const {
  if (!keep_alive_ || response_.close || thread_.draining() || peer_closed_) return true;
  if (body_.done()) return false;
  if (continue_owed_ || body_.malformed()) return true;
  const std::uint64_t buffered = end_ - begin_;
  return body_.left().value_or(0) > most_discarded + buffered;
}

bool Connection::advance_discard() {
  if (reading_ == Reading::body) return false;
  const ChunkedDecoder::Step step = body_.take({buffer_.get() + begin_, end_ - begin_});
  begin_ += step.consumed;
  if (body_.done()) {
    next_request();
    return true;
  }
  discard_budget_ += step.consumed;
  if (discard_budget_ > 2 * most_discarded || body_.malformed()) {
    start_linger();
    return false;
  }
  if (reading_ != Reading::nothing) return false;
  if (peer_closed_) {
    close();
    return false;
  }
  begin_ = end_ = 0;
  end_ = read_stash(read_space());
  if (end_ > 0) return true;
  wait_for_body();
  begin_read(Reading::head);
  return false;
}

}  // namespace slipway::beast
