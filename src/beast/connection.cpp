#include "beast/connection.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include <boost/asio/error.hpp>

#include "http/problem.hpp"

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

// ---- heads ----

void Connection::next_request() {
  parser_.reset();
  state_ = State::head;
  thread_.now_waits(*this);
  set_deadline(thread_.server().options.idle_timeout);
}

void Connection::skip_empty_lines() noexcept {
  while (begin_ < end_ && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) ++begin_;
}

void Connection::begin_head() {
  head_begin_ = begin_;
  parser_.emplace(request_, fields_,
                  HeadLimits{.bytes = thread_.server().options.max_head_bytes});
}

bool Connection::advance_head() {
  if (turn_ >= longest_turn) return yield(), false;
  if (!parser_) {
    skip_empty_lines();  // RFC 9112 section 2.2
    if (begin_ == end_) return need_head_bytes();
    begin_head();
    set_deadline(thread_.server().options.head_timeout);
  }
  if (begin_ == end_) return need_head_bytes();
  switch (parser_->parse({buffer_.get() + begin_, end_ - begin_}, begin_)) {
    case HeadState::incomplete: return need_head_bytes();
    case HeadState::refused: refuse(parser_->refusal()); return true;
    case HeadState::complete: begin_request(); return true;
  }
  return true;
}

bool Connection::need_head_bytes() {
  if (reading_ != Reading::nothing) return false;
  const std::size_t capacity = thread_.server().options.max_head_bytes;
  if (!parser_) {
    begin_ = end_ = 0;
  } else if (end_ == capacity && head_begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + head_begin_, end_ - head_begin_);
    end_ -= head_begin_;
    begin_ = 0;
    begin_head();
    return true;
  } else if (end_ == capacity) {
    refuse({431, "the head is too large"});
    return true;
  }
  if (stash_ != nullptr) {
    if (const std::size_t size = read_stash(read_space()); size > 0) {
      end_ += size;
      return true;
    }
    stash_.reset();
  }
  if (peer_closed_ || (thread_.draining() && !parser_)) {
    close();
    return false;
  }
  if (!parser_) thread_.give_back_head(std::move(buffer_));
  begin_read(Reading::head);
  return false;
}

void Connection::begin_request() {
  thread_.now_works(*this);
  http_1_1_ = parser_->is_http_1_1();
  keep_alive_ = parser_->keep_alive();
  if (parser_->chunked())
    body_ = IncomingBody::chunked();
  else
    body_ = IncomingBody::of_length(request_.content_length.value_or(0));
  continue_owed_ = parser_->expects_continue() && request_.has_body && begin_ == end_;
  clear_deadline();
  ++turn_;
  dispatch();
}

void Connection::refuse(const Refusal& refusal) {
  request_.method = HttpMethod::other;
  request_.method_text = "?";
  request_.target = "?";
  started_ = thread_.server().clock.monotonic();
  route_ = "malformed";
  http_1_1_ = true;
  keep_alive_ = false;
  continue_owed_ = false;
  body_ = IncomingBody::until_close();  // whatever comes is not read as a request
  response_.clear();
  respond_with_problem(refusal.status,
                       Error(refusal.status == 408 ? ErrorCode::timed_out
                                                   : ErrorCode::invalid_argument,
                             std::string(refusal.detail)),
                       response_);
  begin_answer();
}

/// RFC 9110 section 15.5.9. One that has sent nothing of a request asks for no answer.
void Connection::refuse_late_head() {
  refuse({408, "the request's head did not arrive in time (limits.head_timeout)"});
  proceed();
  settle();
}

void Connection::refuse_late_body() {
  release_receiver();
  response_.clear();
  thread_.server().handler.refuse(
      request_,
      Error(ErrorCode::timed_out,
            "the request's body arrived too slowly (limits.stall_timeout, "
            "limits.min_bytes_per_second)"),
      response_);
  response_.close = true;
  begin_answer();
  proceed();
  settle();
}

void Connection::dispatch() {
  ServerContext& server = thread_.server();
  started_ = server.clock.monotonic();
  response_.clear();
  answered_ = false;
  HttpAction action;
  try {
    route_.assign(server.handler.route_name(request_));
    action = server.handler.handle(request_, response_);
  } catch (const std::exception& exception) {
    respond_to_exception(exception.what());
  } catch (...) {
    respond_to_exception("an exception of an unknown type");
  }
  if (auto* receive = std::get_if<HttpReceive>(&action)) return begin_body(std::move(*receive));
  auto* blocking = std::get_if<HttpBlocking>(&action);
  if (blocking == nullptr) return begin_answer();

  blocking_ = std::move(blocking->run);
  state_ = State::running;
  if (submit_job(Job::handler, BlockingPool::Admission::bounded)) return;
  blocking_ = nullptr;
  server.handler.refuse(request_, Error(ErrorCode::unavailable, "the server is busy; try again"),
                        response_);
  begin_answer();
}

}  // namespace slipway::beast
