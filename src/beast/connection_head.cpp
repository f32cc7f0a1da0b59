#include <cstring>
#include <exception>

#include "beast/connection.hpp"
#include "http/problem.hpp"

namespace slipway::beast {

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
