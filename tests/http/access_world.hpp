// The whole server without a socket, and everyone who may ask it something.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/auth/bearer_tokens.hpp>
#include <slipway/core/hex.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/http/ops_handler.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/metrics.hpp>

#include "tests/http/api_fixture.hpp"

namespace slipway::test {

/// Who asks, in the order of the columns below.
enum class Who {
  anonymous_none, anonymous_pull, anonymous_push,
  app_pull, app_push, app_delete, app_build, app_admin,            // a token for app/**
  other_pull, other_push, other_delete, other_build, other_admin,  // a token for other/**
  expired, revoked,
  worker, replaced_worker, worker_of_another_build,
  administrator,
};

/// The whole server without a socket, with an image and a running build in app/web.
class World : public ApiFixture {
 public:
  explicit World(AnonymousAccess anonymous = AnonymousAccess::none, std::string url = {})
      : open_(anonymous), url_(std::move(url)) {
    router_.mount("/v2/", *oci_);
    router_.mount("/api/v1/", *open_api_);
    router_.mount("/hooks/", *open_hooks_);
    router_.mount("/worker/v1/", *open_workers_);
    router_.mount("/", *ops_);
    const RepositoryName repository = *RepositoryName::parse("app/web");
    const std::string config = "{}";
    digest_ = digest_of(config).to_string();
    EXPECT_TRUE(registry_->put_blob(repository, digest_of(config), config).ok());
    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{)"
        R"("mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + digest_ +
        R"(","size":2},"layers":[]})";
    EXPECT_TRUE(registry_
                    ->put_manifest(repository, *parse_reference("latest"), manifest,
                                   "application/vnd.oci.image.manifest.v1+json")
                    .ok());
    TriggerRequest request(repository);
    request.git_url = "https://git.example.com/pager.git";
    auto made = triggers_.create(request);
    EXPECT_TRUE(made.ok());
    trigger_ = std::move(*made);
    build_ = submit("app/web");
  }

  void TestBody() override {}

  HttpRouter& router() { return router_; }
  TokenStore& tokens() { return tokens_; }
  ManualClock& clock() { return clock_; }
  BuildQueue& queue() { return *queue_; }
  [[nodiscard]] const std::string& build() const { return build_; }
  [[nodiscard]] const std::string& digest() const { return digest_; }
  std::string queue_build(std::string_view repository) { return submit(repository); }
  void put_blob(std::string_view repository, std::string_view bytes) {
    EXPECT_TRUE(
        registry_->put_blob(*RepositoryName::parse(repository), digest_of(bytes), bytes).ok());
  }
  using ApiFixture::run;
  using ApiFixture::token;

  /// The secret of one of these; empty for anonymous.
  std::string secret_of(Who who) {
    if (who <= Who::anonymous_push) return "";
    if (who <= Who::other_admin) {
      constexpr std::array actions{Action::pull, Action::push, Action::delete_, Action::build,
                                   Action::admin};
      const int index = static_cast<int>(who) - static_cast<int>(Who::app_pull);
      return token("one", {{index < 5 ? "app/**" : "other/**",
                            {actions[static_cast<std::size_t>(index) % actions.size()]}}});
    }
    if (who == Who::expired) {
      const auto made = tokens_.create("old", {{"**", Actions::all()}}, clock_.now() + std::chrono::hours(1));
      clock_.advance(std::chrono::hours(1));
      return made->secret;
    }
    if (who == Who::revoked) {
      const auto made = tokens_.create("lost", {{"**", Actions::all()}});
      EXPECT_TRUE(tokens_.revoke(made->token.id).ok());
      return made->secret;
    }
    if (who == Who::worker) return run(build_).token;
    if (who == Who::worker_of_another_build) {
      run(build_);
      return run(submit("app/api")).token;
    }
    if (who == Who::replaced_worker) {
      Registration old = run(build_);
      const BuildFailure lost{FailureClass::infrastructure, "lost", "the node is gone", {}};
      EXPECT_TRUE(queue_->fail({build_, 1}, lost).ok());
      clock_.advance(std::chrono::minutes(10));
      run(build_);
      return old.token;
    }
    return administrator_;
  }

  [[nodiscard]] std::string target(std::string_view path) const {
    const bool of_trigger = path.find("triggers/") != path.npos;
    const std::map<std::string, std::string, std::less<>> values{
        {"{repository}", "app/web"}, {"{digest}", digest_},   {"{reference}", "latest"},
        {"{upload}", "nonsense"},    {"{trigger}", trigger_.id},
        {"{kind}", "scrub"},           {"{delivery}", trigger_.id},
        {"{id}", of_trigger ? trigger_.id : build_}};
    std::string text(path);
    for (const auto& [name, value] : values)
      if (const std::size_t at = text.find(name); at != text.npos)
        text.replace(at, name.size(), value);
    EXPECT_EQ(text.find('{'), text.npos) << path;
    return text;
  }

  Answer ask(std::string_view method, std::string_view path, const std::string& secret) {
    const std::string body = method == "POST" || method == "PUT" ? "{}" : "";
    Fields fields{{"Content-Type", "application/json"}};
    if (!secret.empty()) fields.emplace_back("Authorization", "Bearer " + secret);
    if (path.starts_with("/hooks/"))
      fields.emplace_back("X-Hub-Signature-256",
                          "sha256=" + to_hex(hmac_sha256(trigger_.secret, body)));
    return exchange(router_, method, target(path), body, fields);
  }

 private:
  const AccessPolicy open_;
  const std::string url_;
  std::unique_ptr<BearerTokens> bearers_ =
      *BearerTokens::open(*metadata_, clock_, {&tokens_, worker_tokens_.get()});
  Authenticator all_{{&tokens_, worker_tokens_.get(), bearers_.get()}};
  BuildHandlerParts open_parts_{*metadata_,  *registry_, *queue_,      logs_, triggers_,
                                deliveries_, notifications_, tokens_,  maintenance_, all_, open_,
                                clock_,      Log::none()};
  std::unique_ptr<HttpHandler> oci_ =
      make_oci_handler(*registry_, all_, open_, {.bearer_tokens = bearers_.get(), .url = url_});
  std::unique_ptr<HttpHandler> open_api_ = make_build_handler(open_parts_, options_);
  std::unique_ptr<HttpHandler> open_hooks_ = make_webhook_handler(open_parts_, options_);
  std::unique_ptr<HttpHandler> open_workers_ = make_worker_handler(open_parts_, options_);
  std::unique_ptr<HttpHandler> ops_ =
      make_ops_handler(Metrics::none(), [] { return Result<void>(); });
  HttpRouter router_;
  std::string digest_;
  Trigger trigger_{{}, TriggerRequest(*RepositoryName::parse("app/web")), {}, {}};
  std::string build_;
};

}  // namespace slipway::test
