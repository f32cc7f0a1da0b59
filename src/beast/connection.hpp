// Connection: one client's requests, one after the other, as a state machine.
//
// `proceed` runs until something must be waited for: bytes from the peer, room to write, a job on
// the blocking pool, a stream's wake-up. Each of these ends in an event, which stores what came and
// proceeds. Requests that are pipelined wait in the buffer until the one before them was answered.
//
//   handshake → head → { running | body } → answer → discard → head → … → linger → closed
//
// Memory: while a request is read and answered one buffer of max_head_bytes (its texts refer to it),
// at most two of IoThread::body_buffer_size while a body arrives, and what an answer needs. One that
// waits for a request, or for more of a body, holds none of them (through TLS it does).
//
// Lifetime: the connection deletes itself once it is closed and nothing that refers to it is under
// way (`pending_`).
//
// Thread safety: everything on the connection's I/O thread, but `run`, which is a job on the pool
// and touches only what stands under "the job's".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/http/handler.hpp>

#include "beast/blocking_pool.hpp"
#include "beast/body_memory.hpp"
#include "beast/channel.hpp"
#include "beast/head_parser.hpp"
#include "beast/incoming_body.hpp"
#include "beast/io_thread.hpp"
#include "beast/object_sender.hpp"
#include "beast/peer_credit.hpp"
#include "beast/response_head.hpp"
#include "beast/stream_wake.hpp"
#include "beast/timer_wheel.hpp"

namespace slipway::beast {

class Connection final : public TimerWheel::Entry, public ChannelOwner, private BlockingJob {
 public:
  /// `client` is what of the peer's address counts for limits.
  Connection(IoThread& thread, std::string peer, std::string client, bool secure);
  ~Connection() override;

  void start(std::unique_ptr<Channel> channel);

  [[nodiscard]] const std::string& client() const noexcept { return client_; }
  /// Where the thread lists it.
  IoThread::Place place;

  /// Ends after the request that is being answered; at once when there is none, or when the answer
  /// only waits. May delete the connection.
  void drain();
  /// Ends now. May delete the connection.
  void abort();
  /// Ends because others need its place: it waits for a request. May delete the connection.
  void give_way();
  /// What IoThread::queue_turn promised. May delete the connection.
  void take_turn();

  std::span<char> read_space() override;
  void on_handshake(const Failure& failure) override;
  void on_read(const Failure& failure, std::size_t size) override;
  void on_written(const Failure& failure, std::size_t size) override;
  void on_lingered() override;
  void on_deadline() override;

 private:
  enum class State : std::uint8_t { handshake, head, running, body, answer, discard, linger, closed };
  enum class Reading : std::uint8_t { nothing, head, body };
  enum class Filled : std::uint8_t { ready, waiting, end, broken };
  enum class Job : std::uint8_t { handler, piece, warm };

  /// Requests, or pieces of an answer in their measure, before the thread's other connections have
  /// their turn.
  static constexpr unsigned longest_turn = 64;

  // ---- life cycle: connection.cpp ----
  void proceed();
  void proceed_in_turn();  // and settles
  void settle();  // deletes the connection when it is time; nothing may follow it
  void close();
  void set_deadline(std::chrono::nanoseconds timeout) { thread_.wheel().set(*this, timeout); }
  void clear_deadline() { thread_.wheel().clear(*this); }
  void begin_read(Reading target);
  std::size_t read_stash(std::span<char> space) noexcept;
  void on_job_done();
  void yield();

  // Each answers whether to go on: false means that an event will.
  // ---- heads: connection_head.cpp ----
  bool advance_head();
  bool need_head_bytes();
  void skip_empty_lines() noexcept;
  void begin_head();
  void begin_request();
  void next_request();
  void dispatch();
  void refuse(const Refusal& refusal);
  void refuse_late_head();
  void refuse_late_body();
  void respond_to_exception(std::string_view what);

  // ---- bodies of requests: connection_body.cpp ----
  void begin_body(HttpReceive receive);
  bool advance_body();
  bool read_body();
  void take_from_head_buffer();
  void take_body_bytes(std::size_t size, bool from_stash);
  void check_body();
  void wait_for_body();
  [[nodiscard]] std::span<char> body_space();
  void submit_piece();
  bool run_piece();
  void end_receiver() noexcept;
  bool receive_piece();
  void keep_rest(std::span<const char> bytes);
  void release_piece() noexcept;
  void release_filling() noexcept;
  void hold(std::size_t bytes);
  void release_receiver();
  bool advance_discard();

  // ---- answers: connection_answer.cpp ----
  void begin_answer();
  [[nodiscard]] BodyLength answer_length() const;
  [[nodiscard]] bool sends_body() const noexcept;
  [[nodiscard]] bool must_close() const;
  void prepare_answer_body();
  bool advance_answer();
  bool flush_out();
  void wait_for_reader();
  bool has_read_on();
  Filled fill_answer();
  Filled fill_from_object();
  Filled fill_from_stream();
  void frame_stream_bytes(std::size_t prefix, bool last);
  [[nodiscard]] bool body_is_out() const noexcept;
  void await_keep_alive();
  void send_keep_alive();
  BodyStream& stream();
  void watch_peer();
  void consume_written(std::size_t size) noexcept;
  void finish_answer();
  void start_linger();
  void release_answer() noexcept;
  void log_request(std::chrono::nanoseconds duration);

  void run() noexcept override;
  bool submit_job(Job job, BlockingPool::Admission admission);

  IoThread& thread_;
  const std::string peer_;
  const std::string client_;
  std::unique_ptr<Channel> channel_;
  State state_ = State::handshake;
  unsigned pending_ = 0;  // operations, jobs and posts that will call back
  unsigned turn_ = 0;  // how much was done without going back to the event loop
  bool regular_ = false;  // its last answer was no refusal; else it is a stranger
  bool queued_ = false;   // for its turn among strangers
  PeerCredit credit_;

  // What was read: [begin_, end_) of the buffer is not used yet; then the stash.
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Bytes stash_;
  std::size_t stash_begin_ = 0;
  std::size_t stash_end_ = 0;
  Reading reading_ = Reading::nothing;
  bool peer_closed_ = false;

  // The request.
  std::optional<RequestHeadParser> parser_;
  std::size_t head_begin_ = 0;
  HttpRequest request_;
  std::vector<HttpField> fields_;
  IncomingBody body_;
  bool continue_owed_ = false;  // the client waits for "100 Continue"
  bool keep_alive_ = false;
  bool http_1_1_ = true;
  std::string route_;
  MonotonicTime started_{};

  // Its body, while it arrives: the piece that is being filled.
  bool whole_body_first_ = false;  // it is small: one job takes all of it
  bool admitted_ = false;          // its first piece is past the pool's limit
  std::uint64_t body_taken_ = 0;
  std::uint64_t most_body_bytes_ = 0;
  bool held_whole_ = false;  // its receiver keeps all of it until it is complete
  BodyMemory::Share held_;
  std::optional<Error> body_error_;
  std::uint64_t discard_budget_ = 0;
  Bytes filling_;
  std::size_t filling_capacity_ = 0;
  std::size_t filled_ = 0;

  // The answer.
  std::string head_out_;
  Gather out_;
  bool writing_ = false;
  std::size_t unacknowledged_ = 0;  // when the peer was last waited for
  bool body_sent_ = false;  // nothing follows what is in out_
  bool close_after_ = false;
  BodyLength length_;
  std::unique_ptr<PieceSender> object_;
  std::shared_ptr<StreamWake> wake_;
  bool stream_waits_ = false;
  bool keep_alive_waits_ = false;  // the deadline is its
  std::string stream_bytes_;
  SharedBytes stream_shared_;  // that are being sent

  // The job's, while job_running_; the I/O thread's else.
  Job job_ = Job::handler;
  HttpResponse response_;
  std::function<void(HttpResponse&)> blocking_;
  std::unique_ptr<BodyReceiver> receiver_;
  std::span<char> piece_;
  std::optional<Error> piece_error_;
  bool piece_is_last_ = false;
  bool answered_ = false;  // the receiver filled the response

  bool job_running_ = false;
  // While job_receives_, all that stands under the request's body and the stash is the job's too.
  bool job_receives_ = false;
  std::uint64_t job_received_ = 0;  // bytes, of the last job
  std::uint64_t most_job_bytes_ = 0;
  Bytes piece_memory_;
  std::size_t piece_capacity_ = 0;
};

}  // namespace slipway::beast
