// A server in memory, behind the transport: the worker's calls and a registry, with faults to
// order.
#pragma once

#include <slipway/build/worker_protocol.hpp>
#include <slipway/http/transport.hpp>
#include <slipway/support/hasher.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace slipway::test {

class FakeServer final : public HttpTransport {
 public:
  enum class Fault {
    none,
    refused,      // nothing arrives
    lost_answer,  // it is done, and nobody hears of it
    busy,         // 503
  };
  /// What happens to a call; asked for each, under the server's lock. `path` is from the host on.
  std::function<Fault(std::string_view method, std::string_view path)> fault =
      [](std::string_view, std::string_view) { return Fault::none; };
  /// Called after each answered call, without the lock.
  std::function<void(std::string_view path)> answered = [](std::string_view) {};

  FakeServer(Build build, std::vector<std::string> protocols) : instructions(std::move(build)) {
    instructions.token = "the-worker-token";
    instructions.registry = "registry.test:5000";
    instructions.timeout = std::chrono::hours(1);
    instructions.heartbeat_interval = std::chrono::seconds(5);
    instructions.git_protocols = std::move(protocols);
  }

  Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink& sink,
                                std::stop_token stop) override {
    if (stop.stop_requested()) return Error(ErrorCode::cancelled, "stopped");
    const std::string path = request.url.substr(request.url.find('/', request.url.find("://") + 3));
    const std::string method(to_string(request.method));
    IncomingResponse response;
    {
      const std::lock_guard lock(mutex);
      const Fault what = fault(method, path);
      if (what == Fault::refused) return Error(ErrorCode::unavailable, "connection refused");
      if (what == Fault::busy) {
        response.status = 503;
        return response;
      }
      std::string body = request.body;
      if (request.body_source) {
        std::vector<std::byte> piece(1000);
        while (true) {
          SLIPWAY_TRY(const std::size_t size, request.body_source(piece));
          if (size == 0) break;
          body.append(reinterpret_cast<const char*>(piece.data()), size);
        }
      }
      calls.push_back(method + " " + path.substr(0, path.find('?')));
      response = answer(method, path, body, request);
      changed.notify_all();
      if (what == Fault::lost_answer) return Error(ErrorCode::unavailable, "connection reset");
    }
    if (sink && response.status == 200) {
      SLIPWAY_CHECK(sink(std::as_bytes(std::span(response.body))));
      response.body.clear();
    }
    answered(path);
    return response;
  }

  std::size_t count(std::string_view call) const {
    std::size_t found = 0;
    for (const std::string& one : calls) found += one.starts_with(call) ? 1U : 0U;
    return found;
  }

  mutable std::mutex mutex;
  std::condition_variable changed;
  WorkerInstructions instructions;
  bool over = false;    // the attempt is
  std::string context;  // the uploaded one
  std::vector<std::string> calls;
  std::vector<std::string> nonces;
  std::vector<BuildPhase> phases;
  std::string commit;
  std::string log;
  std::vector<FinishCall> finished;
  std::map<std::string, std::string> blobs;      // digest: bytes
  std::map<std::string, std::string> manifests;  // reference: bytes
  std::map<std::string, std::string> manifest_types;
  int manifest_status = 201;
  int blob_status = 201;

 private:
  static IncomingResponse status(int code, std::string body = "{}") {
    IncomingResponse response;
    response.status = code;
    response.body = std::move(body);
    return response;
  }

  IncomingResponse answer(std::string_view method, std::string_view path, const std::string& body,
                          const OutgoingRequest& request) {
    if (path.starts_with("/worker/v1/register")) return register_worker(body);
    bool authorized = false;
    for (const auto& [name, value] : request.fields)
      authorized = authorized || (name == "Authorization" && value == "Bearer the-worker-token");
    if (!authorized) return status(401);
    if (path.starts_with("/v2/")) return registry(method, path, body, request);
    const std::string base = "/worker/v1/builds/" + instructions.build.id + "/";
    if (!path.starts_with(base)) return status(404);
    if (over) return status(409);
    const std::string_view call = path.substr(base.size());
    if (call == "heartbeat") return status(200);
    if (call == "phase") return take_phase(body);
    if (call.starts_with("log?offset="))
      return take_log(std::stoull(std::string(call.substr(11))), body);
    if (call == "context") return status(200, context);
    if (call == "finish") {
      finished.push_back(parse_finish_call(body).value());
      return status(200);
    }
    return status(404);
  }

  IncomingResponse register_worker(const std::string& body) {
    const RegisterCall call = parse_register_call(body).value();
    if (call.registration_token != "one-time") return status(401);
    if (!nonces.empty() && nonces.front() != call.nonce) return status(409);
    nonces.push_back(call.nonce);
    instructions.log_offset = log.size();
    return status(200, to_json(instructions));
  }

  IncomingResponse take_phase(const std::string& body) {
    const PhaseCall call = parse_phase_call(body).value();
    if (phases.empty() || phases.back() != call.phase) phases.push_back(call.phase);
    if (!call.commit.empty()) commit = call.commit;
    return status(200);
  }

  /// As LogStore::append promises it.
  IncomingResponse take_log(std::uint64_t offset, const std::string& bytes) {
    const auto size = [this] { return "{\"size\": " + std::to_string(log.size()) + "}"; };
    if (offset > log.size()) return status(416, size());
    const std::size_t known = log.size() - offset;
    if (known < bytes.size()) log.append(bytes.substr(known));
    return status(200, size());
  }

  IncomingResponse registry(std::string_view method, std::string_view path, const std::string& body,
                            const OutgoingRequest& request) {
    const std::string base = "/v2/" + instructions.build.request.repository.str() + "/";
    if (!path.starts_with(base)) return status(404);
    const std::string_view rest = path.substr(base.size());
    if (method == "HEAD")
      return status(blobs.contains(std::string(rest.substr(6))) ? 200 : 404, "");
    if (method == "POST") {
      IncomingResponse begun = status(202, "");
      begun.fields = {
          {"Location", base + "blobs/uploads/" + std::to_string(++uploads_) + "?state=x"}};
      return begun;
    }
    if (method != "PUT") return status(405);
    if (rest.starts_with("blobs/uploads/")) {
      const std::string digest(rest.substr(rest.find("digest=") + 7));
      if (digest_of(body).to_string() != digest) return status(400, "digest");
      if (blob_status != 201)
        return status(blob_status, R"({"errors": [{"code": "DENIED", "message": "full"}]})");
      blobs[digest] = body;
      return status(201, "");
    }
    const std::string reference(rest.substr(std::string_view("manifests/").size()));
    if (manifest_status != 201)
      return status(manifest_status, R"({"errors": [{"code": "DENIED", "message": "no"}]})");
    manifests[reference] = body;
    for (const auto& [name, value] : request.fields)
      if (name == "Content-Type") manifest_types[reference] = value;
    return status(201, "");
  }

  int uploads_ = 0;
};

/// Time that passes a thousand times as fast as everybody else's.
class HurriedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return Clock::system().now(); }
  [[nodiscard]] MonotonicTime monotonic() const override {
    return (Clock::system().monotonic() - begin_) * speed;
  }
  void wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                  MonotonicTime deadline) override {
    Clock::system().wait_until(condition, lock, begin_ + deadline / speed);
  }

 private:
  static constexpr int speed = 1000;
  const MonotonicTime begin_ = Clock::system().monotonic();
};

}  // namespace slipway::test
