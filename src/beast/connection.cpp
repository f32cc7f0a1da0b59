#include "beast/connection.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include <boost/asio/error.hpp>

namespace slipway::beast {

Connection::Connection(IoThread& thread, std::string peer, std::string client, bool secure)
    : thread_(thread),
      peer_(std::move(peer)),
      client_(std::move(client)),
      credit_(thread.server().options.stall_timeout,
              thread.server().options.min_bytes_per_second),
      held_(thread.server().body_memory) {
  request_.peer = peer_;
  request_.secure = secure;
}

Connection::~Connection() {
  release_piece();
  if (filling_capacity_ == IoThread::body_buffer_size) thread_.give_back(std::move(filling_));
  thread_.give_back_head(std::move(buffer_));
}

void Connection::start(std::unique_ptr<Channel> channel) {
  channel_ = std::move(channel);
  thread_.wheel().add(*this);
  if (channel_->handshake()) {
    ++pending_;
    set_deadline(thread_.server().options.head_timeout);
    return;
  }
  next_request();
  proceed();
}

void Connection::proceed() {
  for (bool more = true; more;) {
    switch (state_) {
      case State::head: more = advance_head(); break;
      case State::body: more = advance_body(); break;
      case State::answer: more = advance_answer(); break;
      case State::discard: more = advance_discard(); break;
      case State::handshake:
      case State::running:
      case State::linger:
      case State::closed: more = false; break;
    }
  }
}

void Connection::proceed_in_turn() {
  if (regular_) {
    proceed();
    return settle();
  }
  if (std::exchange(queued_, true)) return;
  ++pending_;
  thread_.queue_turn(*this);
}

void Connection::take_turn() {
  queued_ = false;
  --pending_;
  proceed();
  settle();
}

void Connection::settle() {
  if (state_ != State::closed || pending_ > 0) return;
  thread_.closed(*this);
  delete this;
}

void Connection::yield() {
  turn_ = 0;
  ++pending_;
  thread_.post([this] {
    --pending_;
    proceed();
    settle();
  });
}

void Connection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  thread_.now_works(*this);  // nobody's place can be had by ending it
  clear_deadline();
  release_answer();
  if (!job_running_) release_receiver();
  if (job_receives_)
    channel_->shut_down();  // and close it when the job is done
  else
    channel_->close();
}

void Connection::drain() {
  const bool idle = state_ == State::handshake || (state_ == State::head && !parser_) ||
                    state_ == State::discard || (state_ == State::answer && stream_waits_);
  if (idle) abort();
}

void Connection::abort() {
  close();
  settle();
}

void Connection::give_way() {
  thread_.metrics().cut(CutReason::crowded);
  abort();
}

void Connection::on_deadline() {
  if (state_ == State::answer && keep_alive_waits_) return send_keep_alive();
  if (state_ == State::answer && writing_ && has_read_on()) return;
  switch (state_) {
    case State::handshake: thread_.metrics().cut(CutReason::head); break;
    case State::head:
      thread_.metrics().cut(parser_ ? CutReason::head : CutReason::idle);
      if (parser_) return refuse_late_head();
      break;
    case State::body:
      thread_.metrics().cut(CutReason::body);
      if (!writing_ && !job_running_) return refuse_late_body();
      break;
    case State::discard: thread_.metrics().cut(CutReason::body); break;
    case State::answer: thread_.metrics().cut(CutReason::answer); break;
    case State::running:
    case State::linger:  // it was ended before
    case State::closed: break;
  }
  abort();
}

void Connection::on_handshake(const Failure& failure) {
  --pending_;
  if (failure) {
    if (state_ != State::closed && failure != asio::error::eof)
      thread_.server().log.debug("TLS handshake failed",
                                 {{"peer", peer_}, {"error", failure.message()}});
    close();
  } else if (state_ == State::handshake) {
    next_request();
    proceed();
  }
  settle();
}

void Connection::on_lingered() {
  --pending_;
  abort();
}

void Connection::on_read(const Failure& failure, std::size_t size) {
  --pending_;
  turn_ = 0;
  const Reading target = std::exchange(reading_, Reading::nothing);
  if (state_ == State::closed || state_ == State::linger) return settle();
  if (state_ == State::body || state_ == State::discard) {
    credit_.end_wait(thread_.server().clock.monotonic());
    credit_.earn(size);
  }
  if (failure)
    peer_closed_ = true;
  else if (target == Reading::head)
    end_ += size;
  else
    take_body_bytes(size, false);
  thread_.metrics().received(size);
  proceed_in_turn();
}

void Connection::begin_read(Reading target) {
  reading_ = target;
  ++pending_;
  channel_->read();
}

std::span<char> Connection::read_space() {
  if (state_ == State::linger || state_ == State::closed) {  // it is dropped
    thread_local std::array<char, 4096> nowhere;
    return nowhere;
  }
  if (reading_ == Reading::body) return body_space();
  if (buffer_ == nullptr) buffer_ = thread_.take_head_buffer();
  return {buffer_.get() + end_, thread_.server().options.max_head_bytes - end_};
}

std::size_t Connection::read_stash(std::span<char> space) noexcept {
  const std::size_t size = std::min(space.size(), stash_end_ - stash_begin_);
  if (size == 0) return 0;
  std::memcpy(space.data(), stash_.get() + stash_begin_, size);
  stash_begin_ += size;
  return size;
}

// ---- jobs ----

bool Connection::submit_job(Job job, BlockingPool::Admission admission) {
  job_ = job;
  job_running_ = thread_.server().pool.submit(*this, admission);
  if (job_running_) ++pending_;
  return job_running_;
}

void Connection::run() noexcept {
  try {
    switch (job_) {
      case Job::handler: std::exchange(blocking_, nullptr)(response_); break;
      case Job::piece:
        if (!run_piece()) return;  // what goes on with it posts; the connection may be gone
        break;
      case Job::warm: object_->warm(); break;
    }
  } catch (const std::exception& exception) {
    respond_to_exception(exception.what());
  } catch (...) {
    respond_to_exception("an exception of an unknown type");
  }
  thread_.post([this] { on_job_done(); });
}

void Connection::respond_to_exception(std::string_view what) {
  thread_.server().log.error("request handler threw an exception",
                             {{"route", route_},
                              {"method", std::string(request_.method_text)},
                              {"target", std::string(request_.target)},
                              {"error", std::string(what)}});
  response_.clear();
  thread_.server().handler.refuse(
      request_, Error(ErrorCode::internal, "the request could not be handled; the log says why"),
      response_);
  receiver_.reset();
  answered_ = true;
}

void Connection::on_job_done() {
  --pending_;
  job_running_ = false;
  turn_ = 0;
  if (std::exchange(job_receives_, false)) {
    channel_->attach();
    thread_.metrics().received(static_cast<std::size_t>(job_received_));
    credit_.earn(job_received_);
  }
  if (state_ == State::closed) {
    channel_->close();
    release_receiver();
    return settle();
  }
  if (state_ == State::running) begin_answer();
  proceed();
  settle();
}

}  // namespace slipway::beast
