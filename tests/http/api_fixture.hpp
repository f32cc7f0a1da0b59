// The whole engine over stores in memory behind the handlers of the build system, without a socket.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <slipway/auth/token.hpp>
#include <slipway/build/build_queue.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/build/worker_tokens.hpp>
#include <slipway/http/build_handler.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/registry/maintenance.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>

#include "json/value.hpp"

namespace slipway::test {

struct Answer {
  int status = 0;
  std::string text;
  HttpResponse response;

  [[nodiscard]] json::Document json() const {
    auto document = json::Document::parse(text);
    EXPECT_TRUE(document.ok()) << text;
    return document ? std::move(*document) : *json::Document::parse("{}");
  }
  /// The code of a problem+json; empty for another answer.
  [[nodiscard]] std::string code() const {
    if (response.field("Content-Type") != "application/problem+json") return "";
    const json::Document problem = json();
    EXPECT_EQ(problem.root().find("status").as_int64(), status);
    return std::string(problem.root().find("code").text());
  }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

/// What a stream gives until it waits or ends.
inline std::string read_available(BodyStream& stream, BodyStream::State& state) {
  std::string text;
  while ((state = stream.next(text)) == BodyStream::State::more) {
  }
  return text;
}

/// Wake-ups, which come from a thread of the store.
class Wakes {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    came_.notify_all();
  }
  void take() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return count_ > 0; });
    count_ = 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  int count_ = 0;  // guarded by mutex_
};

inline std::string body_of(HttpResponse& response) {
  if (auto* stream = std::get_if<std::unique_ptr<BodyStream>>(&response.body())) {
    (*stream)->on_ready([] {});
    BodyStream::State state{};
    return read_available(**stream, state);
  }
  if (auto* object = std::get_if<ObjectBody>(&response.body())) {
    std::string bytes(object->range.length, '\0');
    const auto count = object->object->read_at(
        object->range.offset, std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    EXPECT_TRUE(count.ok() && *count == bytes.size());
    return bytes;
  }
  return std::string(response.text());
}

inline Answer exchange(HttpHandler& handler, std::string_view method, std::string_view target,
                       std::string_view body = {}, const Fields& fields = {}) {
  std::vector<HttpField> views;
  for (const auto& [name, value] : fields) views.push_back({name, value});
  HttpRequest request;
  request.method = parse_http_method(method);
  request.method_text = method;
  request.target = target;
  request.fields = views;
  request.has_body = !body.empty();
  if (request.has_body) request.content_length = body.size();
  request.peer = "127.0.0.1:40112";
  Answer answer;
  serve_inline(handler, request, body, answer.response);
  answer.status = answer.response.status;
  answer.text = body_of(answer.response);
  return answer;
}

class ApiFixture : public ::testing::Test {
 protected:
  ApiFixture() {
    administrator_ = token("administrator", {Grant{"**", Actions::all()}});
    builder_ = token("builder", {Grant{"app/**", {Action::pull, Action::push, Action::build}}});
    reader_ = token("reader", {Grant{"app/**", {Action::pull}}});
  }

  std::string token(std::string_view name, std::vector<Grant> grants) {
    const auto created = tokens_.create(name, std::move(grants));
    EXPECT_TRUE(created.ok());
    return created ? created->secret : "";
  }

  static Fields bearer(const std::string& secret) {
    return {{"Authorization", "Bearer " + secret}};
  }
  static Fields json_as(const std::string& secret) {
    return {{"Authorization", "Bearer " + secret}, {"Content-Type", "application/json"}};
  }

  Answer get(std::string_view target, const std::string& secret) {
    return exchange(*api_, "GET", target, {}, bearer(secret));
  }
  Answer post(std::string_view target, std::string_view body, const std::string& secret) {
    return exchange(*api_, "POST", target, body, json_as(secret));
  }

  /// A queued build's id.
  std::string submit(std::string_view repository, std::string_view ref = "refs/heads/main") {
    BuildRequest request(*RepositoryName::parse(repository),
                         GitSource{"https://git.example.com/pager.git", std::string(ref), ""});
    const auto build = queue_->submit(request);
    EXPECT_TRUE(build.ok()) << (build.ok() ? "" : build.error().message);
    return build ? build->id : "";
  }

  /// A build that a worker has registered for, and the worker's token.
  Registration run(const std::string& id) {
    const auto lease = queue_->lease(id, "local");
    EXPECT_TRUE(lease.ok());
    auto registration =
        queue_->register_worker(lease->registration_token, "nonce-0123456789abcdef");
    EXPECT_TRUE(registration.ok());
    return std::move(*registration);
  }

  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  std::unique_ptr<ObjectStore> objects_ = make_memory_object_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  BlobStore blobs_{*metadata_, *objects_, clock_};
  std::unique_ptr<Registry> registry_ = *open_registry(blobs_, clock_);
  std::unique_ptr<BuildQueue> queue_ = *open_build_queue(*metadata_, *registry_, clock_);
  LogStore logs_{*metadata_, &blobs_};
  TriggerStore triggers_{*metadata_, clock_};
  DeliveryStore deliveries_{*metadata_};
  NotificationStore notifications_{*metadata_, clock_};
  TokenStore tokens_{*metadata_, clock_};
  std::unique_ptr<WorkerTokens> worker_tokens_ = *WorkerTokens::open(*metadata_);
  Authenticator authenticator_{{&tokens_, worker_tokens_.get()}};
  AccessPolicy policy_{AnonymousAccess::none};
  Maintenance maintenance_{clock_};
  BuildHandlerParts parts_{*metadata_, *registry_,   *queue_,     logs_,          triggers_,
                           deliveries_, notifications_, tokens_,  maintenance_,   authenticator_,
                           policy_,     clock_,         Log::none()};
  BuildHandlerOptions options_{.public_url = "https://registry.example.com"};
  std::unique_ptr<HttpHandler> api_ = make_build_handler(parts_, options_);
  std::unique_ptr<HttpHandler> hooks_ = make_webhook_handler(parts_, options_);
  std::unique_ptr<HttpHandler> workers_ = make_worker_handler(parts_, options_);

  std::string administrator_;
  std::string builder_;
  std::string reader_;
};

}  // namespace slipway::test
