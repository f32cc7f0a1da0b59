#include <string>

#include <gtest/gtest.h>

#include <slipway/build/scheduler.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::ApiFixture;
using test::exchange;
using test::read_available;
using test::Wakes;

constexpr std::string_view git_build =
    R"({"source":{"git":{"url":"https://git.example.com/x.git","ref":"refs/heads/main"}},)"
    R"("args":{"A":"1"},"tags":["one","two"],"priority":3})";

std::string id_of(const Answer& answer) {
  const auto json = answer.json();
  return std::string(json.root().find("id").text());
}

std::vector<std::string> ids_of(const Answer& answer) {
  const auto json = answer.json();
  std::vector<std::string> ids;
  for (const json::Value build : json.root().find("builds").elements())
    ids.emplace_back(build.find("id").text());
  return ids;
}

/// Reads as a server does, after each wake-up, until `expected` has come and, of the ends, the
/// stream's or its waiting for more.
BodyStream::State read_on_wakes(BodyStream& stream, Wakes& wakes, std::string_view expected) {
  std::string text;
  while (true) {
    BodyStream::State state{};
    text += read_available(stream, state);
    EXPECT_TRUE(expected.starts_with(text)) << text;
    if (text.size() >= expected.size() || state == BodyStream::State::end) return state;
    wakes.take();
  }
}

class BuildHandlerTest : public ApiFixture {
 protected:
  Answer upload(std::string_view target, std::string_view body, const std::string& secret,
                std::string_view type = "application/x-tar") {
    return exchange(*api_, "POST", target, body,
                    {{"Authorization", "Bearer " + secret}, {"Content-Type", std::string(type)}});
  }
  Result<std::uint64_t> write_log(const Registration& worker, std::uint64_t offset,
                                  std::string_view text) {
    return logs_.append(worker.build.id, offset, text,
                        queue_->guard({worker.build.id, worker.build.epoch}));
  }
};

TEST_F(BuildHandlerTest, NobodyWithoutATokenSeesAnythingWhateverV2IsOpenFor) {
  const AccessPolicy open(AnonymousAccess::push);
  const BuildHandlerParts parts{*metadata_,  *registry_, *queue_,      logs_,          triggers_,
                                deliveries_, notifications_, tokens_,  maintenance_,   authenticator_,
                                open,        clock_,         Log::none()};
  api_ = make_build_handler(parts, options_);
  for (const std::string path :
       {"/api/v1/builds", "/api/v1/repositories", "/api/v1/admin/tokens", "/api/v1/nothing"}) {
    const Answer answer = exchange(*api_, "GET", path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.code(), "unauthenticated");
    EXPECT_EQ(answer.response.field("WWW-Authenticate"), "Bearer realm=\"slipway\"");
    EXPECT_EQ(get(path, "slp_wrong").status, 401) << path;
  }
}

TEST_F(BuildHandlerTest, SubmitShowAndCancel) {
  const Answer submitted = post("/api/v1/repositories/app/web/builds", git_build, builder_);
  ASSERT_EQ(submitted.status, 202) << submitted.text;
  const std::string id = id_of(submitted);
  EXPECT_EQ(submitted.response.field("Location"), "/api/v1/builds/" + id);
  const Answer shown = get("/api/v1/builds/" + id, builder_);
  ASSERT_EQ(shown.status, 200);
  const auto json = shown.json();
  EXPECT_EQ(json.root().find("repository").text(), "app/web");
  EXPECT_EQ(json.root().find("args").find("A").text(), "1");
  EXPECT_EQ(json.root().find("tags").elements()[1].text(), "two");
  EXPECT_EQ(json.root().find("state").text(), "queued");

  EXPECT_EQ(post("/api/v1/builds/" + id + "/retry", "", builder_).status, 409);
  const Answer cancelled = post("/api/v1/builds/" + id + "/cancel", "", builder_);
  EXPECT_EQ(cancelled.status, 202);
  EXPECT_EQ(cancelled.json().root().find("state").text(), "cancelled");
  EXPECT_EQ(post("/api/v1/builds/" + id + "/cancel", "", builder_).status, 409);
  const Answer again = post("/api/v1/builds/" + id + "/retry", "", builder_);
  EXPECT_EQ(again.status, 202);
  EXPECT_NE(id_of(again), id);
  EXPECT_EQ(queue_->find(id_of(again))->request.args.at("A"), "1");
}

TEST_F(BuildHandlerTest, WhyABuildWaitsAndTheQueueAreTold) {
  const std::string first = submit("app/web");
  const std::string second = submit("app/web");
  submit("secret/web");
  EXPECT_EQ(get("/api/v1/queue", builder_).status, 422) << "without a scheduler";
  EXPECT_EQ(get("/api/v1/builds/" + first + "/explain", builder_).status, 422);

  SchedulerOptions options;
  options.rules.tenants["app"] = {2, 0};
  const auto scheduler = *make_scheduler(*metadata_, *queue_, {}, clock_, options);
  BuildHandlerParts parts = parts_;
  parts.scheduler = scheduler.get();
  api_ = make_build_handler(parts, options_);
  const Answer told = get("/api/v1/builds/" + second + "/explain", builder_);
  ASSERT_EQ(told.status, 200) << told.text;
  const auto json = told.json();
  EXPECT_EQ(json.root().find("reason").text(), "tenant_cap");
  EXPECT_EQ(json.root().find("why").text(), "tenant app is at its cap of 0 running builds");
  EXPECT_EQ(json.root().find("starts").text(), "never, while the cap of tenant app is 0");
  EXPECT_EQ(json.root().find("position").as_int64(), 2);
  EXPECT_EQ(json.root().find("tenant").find("weight").as_int64(), 2);
  EXPECT_DOUBLE_EQ(json.root().find("tenant").find("share").as_double().value_or(0), 0.6667);
  EXPECT_EQ(json.root().find("repository").find("queued").as_int64(), 2);
  EXPECT_EQ(get("/api/v1/builds/" + second + "/explain", reader_).status, 404);

  const Answer shown = get("/api/v1/builds/" + second, builder_);
  const auto build = shown.json();
  EXPECT_EQ(build.root().find("queue").find("position").as_int64(), 2);
  EXPECT_EQ(build.root().find("queue").find("why").text(),
            "tenant app is at its cap of 0 running builds");

  const Answer seen = get("/api/v1/queue", builder_);
  ASSERT_EQ(seen.status, 200);
  const auto queue = seen.json();
  ASSERT_EQ(queue.root().find("tenants").size(), 1U) << "and nothing of the other tenant's";
  EXPECT_EQ(queue.root().find("tenants").elements()[0].find("queued").as_int64(), 2);
  EXPECT_EQ(get("/api/v1/queue", administrator_).json().root().find("tenants").size(), 2U);
  EXPECT_EQ(get("/api/v1/queue", reader_).json().root().find("tenants").size(), 0U);
}

TEST_F(BuildHandlerTest, TheApiHasFinishTimeDurationPositionAttemptBackendAndDigest) {
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
  const Digest digest = digest_of(manifest);
  ASSERT_TRUE(registry_
                  ->put_manifest(*RepositoryName::parse("app/web"), digest, manifest,
                                 "application/vnd.oci.image.index.v1+json")
                  .ok());
  const std::string id = submit("app/web");
  clock_.advance(std::chrono::milliseconds(250));
  const Registration worker = run(id);
  clock_.advance(std::chrono::seconds(7));
  ASSERT_TRUE(queue_->succeed({id, worker.build.epoch}, digest).ok());
  const auto build = get("/api/v1/builds/" + id, builder_).json();
  EXPECT_EQ(build.root().find("digest").text(), digest.to_string());
  EXPECT_EQ(build.root().find("times").find("queued").text(), "2026-11-24T09:05:03.007Z");
  EXPECT_EQ(build.root().find("times").find("leased").text(), "2026-11-24T09:05:03.257Z");
  EXPECT_EQ(build.root().find("times").find("finished").text(), "2026-11-24T09:05:10.257Z");
  const json::Value attempt = build.root().find("attempts").elements()[0];
  EXPECT_EQ(attempt.find("number").as_int64(), 1);
  EXPECT_EQ(attempt.find("backend").text(), "local");
  EXPECT_EQ(attempt.find("outcome").text(), "succeeded");
}

TEST_F(BuildHandlerTest, ASubmitMayAskToWait) {
  const Answer answer = post("/api/v1/repositories/app/web/builds",
                             R"({"source":{"git":{"url":"https://h/x"}},)"
                             R"("not_before":"2026-11-24T10:00:00Z"})",
                             builder_);
  ASSERT_EQ(answer.status, 202) << answer.text;
  EXPECT_EQ(answer.json().root().find("not_before").text(), "2026-11-24T10:00:00.000Z");
  EXPECT_EQ(post("/api/v1/repositories/app/web/builds",
                 R"({"source":{"git":{"url":"https://h/x"}},"not_before":"tomorrow"})", builder_)
                .status,
            400);
  const Answer context = upload(
      "/api/v1/repositories/app/web/builds?not-before=2026-11-24T10:00:00Z", "tar", builder_);
  ASSERT_EQ(context.status, 202) << context.text;
  EXPECT_EQ(context.json().root().find("not_before").text(), "2026-11-24T10:00:00.000Z");
}

TEST_F(BuildHandlerTest, ANameWithEncodedSlashesIsTheSame) {
  const Answer answer = post("/api/v1/repositories/app%2Fdeep%2Fweb/builds", git_build, builder_);
  ASSERT_EQ(answer.status, 202) << answer.text;
  EXPECT_EQ(queue_->find(id_of(answer))->request.repository.str(), "app/deep/web");
}

TEST_F(BuildHandlerTest, MistakesOfASubmitAreTold) {
  struct Row {
    std::string_view body;
    std::string_view told;
  };
  constexpr Row rows[] = {
      {"", ""},
      {"{", ""},
      {"{}", "source"},
      {R"({"source":{"git":{"url":"file:///etc"}}})", "protocol file is not allowed"},
      {R"({"source":{"git":{"url":"ext::sh -c x"}}})", "git URL"},
      {R"({"source":{"git":{"url":"https://h/x"}},"tags":["a b"]})", "a b"},
      {R"({"source":{"git":{"url":"https://h/x"}},"colour":"red"})", "colour"},
  };
  for (const Row& row : rows) {
    const Answer answer = post("/api/v1/repositories/app/web/builds", row.body, builder_);
    EXPECT_EQ(answer.status, 400) << row.body << answer.text;
    EXPECT_EQ(answer.code(), "invalid_argument");
    EXPECT_NE(answer.text.find(row.told), std::string::npos) << answer.text;
  }
  EXPECT_EQ(post("/api/v1/repositories/App/builds", git_build, administrator_).status, 400);
  EXPECT_EQ(upload("/api/v1/repositories/app/web/builds", "x", builder_, "text/plain").status, 400);
  EXPECT_TRUE(queue_->list({})->builds.empty());
}

TEST_F(BuildHandlerTest, WhoMayNotBuildMayNot) {
  EXPECT_EQ(post("/api/v1/repositories/other/web/builds", git_build, builder_).status, 403);
  EXPECT_EQ(post("/api/v1/repositories/app/web/builds", git_build, reader_).status, 403);
  EXPECT_EQ(upload("/api/v1/repositories/other/web/builds", "tar", builder_).status, 403);
  const std::string id = submit("other/web");
  for (const std::string& secret : {builder_, reader_}) {
    EXPECT_EQ(get("/api/v1/builds/" + id, secret).status, 404);
    EXPECT_EQ(get("/api/v1/builds/" + id + "/log", secret).status, 404);
    EXPECT_EQ(post("/api/v1/builds/" + id + "/cancel", "", secret).status, 404);
    EXPECT_TRUE(ids_of(get("/api/v1/builds", secret)).empty());
  }
  // What one may not see is told like what is not there.
  EXPECT_EQ(get("/api/v1/builds/01JDCZ0M4Y7W3Q6S8N2V5X9K1B", builder_).status, 404);
  EXPECT_EQ(get("/api/v1/builds/" + id, administrator_).status, 200);
}

TEST_F(BuildHandlerTest, AContextIsStreamedIntoTheRepository) {
  const std::string context(300'000, 'c');
  const Answer answer = upload(
      "/api/v1/repositories/app/web/builds?tag=one&tag=two&build-arg=A=b%3Dc&file=docker/File"
      "&target=final&platform=linux/amd64&format=docker&priority=-2&timeout=10m&context=sub",
      context, builder_, "application/gzip");
  ASSERT_EQ(answer.status, 202) << answer.text;
  const Build build = *queue_->find(id_of(answer));
  EXPECT_EQ(std::get<ContextSource>(build.request.source),
            (ContextSource{digest_of(context), "application/gzip"}));
  EXPECT_EQ(build.request.tags, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(build.request.args.at("A"), "b=c");
  EXPECT_EQ(build.request.dockerfile, "docker/File");
  EXPECT_EQ(build.request.target, "final");
  EXPECT_EQ(build.request.platforms, std::vector<std::string>{"linux/amd64"});
  EXPECT_EQ(build.request.format, ImageFormat::docker);
  EXPECT_EQ(build.request.priority, -2);
  EXPECT_EQ(build.request.timeout, std::chrono::minutes(10));
  EXPECT_EQ(build.request.context, "sub");
  const auto blob = registry_->stat_blob(build.request.repository, digest_of(context));
  ASSERT_TRUE(blob.ok());
  EXPECT_EQ(blob->size, context.size());
}

TEST_F(BuildHandlerTest, OptionsAreRefusedBeforeTheContextIsTaken) {
  for (const std::string_view query :
       {"tga=x", "build-arg=A", "build-arg==x", "priority=high", "timeout=10", "format=zip",
        "tag=a%20b", "file=../Dockerfile", "tag=%zz"}) {
    const Answer answer =
        upload("/api/v1/repositories/app/web/builds?" + std::string(query), "tar", builder_);
    EXPECT_EQ(answer.status, 400) << query << answer.text;
  }
  EXPECT_EQ(upload("/api/v1/repositories/app/web/builds", "", builder_).status, 400);
  options_.max_context_bytes = 10;
  api_ = make_build_handler(parts_, options_);
  EXPECT_EQ(upload("/api/v1/repositories/app/web/builds", "eleven byte", builder_).status, 413);
  EXPECT_EQ(upload("/api/v1/repositories/app/web/builds", "ten bytes.", builder_).status, 202);
  EXPECT_EQ(queue_->list({})->builds.size(), 1U);
}

TEST_F(BuildHandlerTest, AnUploadThatBreaksOffLeavesNothing) {
  test::Fields fields{{"Authorization", "Bearer " + builder_},
                      {"Content-Type", "application/x-tar"}};
  std::vector<HttpField> views{{fields[0].first, fields[0].second},
                               {fields[1].first, fields[1].second}};
  HttpRequest request;
  request.method = HttpMethod::post;
  request.target = "/api/v1/repositories/app/web/builds";
  request.fields = views;
  request.has_body = true;
  HttpResponse response;
  HttpAction action = api_->handle(request, response);
  auto& receive = std::get<HttpReceive>(action);
  const std::string half(200'000, 'h');
  ASSERT_TRUE(receive.receiver->append(std::as_bytes(std::span(half))).ok());
  receive.receiver.reset();
  std::size_t stages = 0;
  ASSERT_TRUE(objects_
                  ->for_each_stage([&](const ObjectStore::StageInfo&) {
                    ++stages;
                    return true;
                  })
                  .ok());
  EXPECT_EQ(stages, 0U);
  EXPECT_TRUE(queue_->list({})->builds.empty());
}

TEST_F(BuildHandlerTest, ListsAreNewestFirstFilteredAndPaged) {
  std::vector<std::string> newest_first;
  for (int i = 0; i < 5; ++i) {
    newest_first.insert(newest_first.begin(), submit("app/web"));
    submit("other/web");
  }
  EXPECT_EQ(ids_of(get("/api/v1/builds", builder_)), newest_first);
  EXPECT_EQ(ids_of(get("/api/v1/builds", administrator_)).size(), 10U);

  std::vector<std::string> paged;
  std::string target = "/api/v1/builds?limit=2";
  for (int pages = 0; pages < 10 && !target.empty(); ++pages) {
    const Answer page = get(target, builder_);
    const auto ids = ids_of(page);
    EXPECT_LE(ids.size(), 2U);
    paged.insert(paged.end(), ids.begin(), ids.end());
    const std::string link(page.response.field("Link"));
    target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  EXPECT_EQ(paged, newest_first);

  ASSERT_TRUE(queue_->cancel(newest_first[1], "requested").ok());
  EXPECT_EQ(ids_of(get("/api/v1/builds?state=cancelled", builder_)),
            std::vector<std::string>{newest_first[1]});
  EXPECT_EQ(ids_of(get("/api/v1/builds?repository=other/web", administrator_)).size(), 5U);
  EXPECT_TRUE(ids_of(get("/api/v1/builds?repository=other/web", builder_)).empty());
  EXPECT_EQ(get("/api/v1/builds?state=done", builder_).status, 400);
  EXPECT_EQ(get("/api/v1/builds?limit=0", builder_).status, 400);
  EXPECT_EQ(get("/api/v1/builds?limit=x", builder_).status, 400);
}

TEST_F(BuildHandlerTest, ALogFromAnOffset) {
  const std::string id = submit("app/web");
  const Registration worker = run(id);
  ASSERT_TRUE(write_log(worker, 0, "STEP 1\nSTEP 2\n").ok());
  const Answer all = get("/api/v1/builds/" + id + "/log", builder_);
  EXPECT_EQ(all.text, "STEP 1\nSTEP 2\n");
  EXPECT_EQ(all.response.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(get("/api/v1/builds/" + id + "/log?offset=7", builder_).text, "STEP 2\n");
  EXPECT_EQ(get("/api/v1/builds/" + id + "/log?offset=14", builder_).text, "");
  EXPECT_EQ(get("/api/v1/builds/" + id + "/log?offset=999", builder_).text, "");
  EXPECT_EQ(get("/api/v1/builds/" + id + "/log?offset=-1", builder_).status, 400);
  EXPECT_EQ(get("/api/v1/builds/" + id + "/log?follow=yes", builder_).status, 400);
}

TEST_F(BuildHandlerTest, AFollowedLogWaitsWithoutAThreadAndEndsWithTheBuild) {
  const std::string id = submit("app/web");
  const std::string target = "/api/v1/builds/" + id + "/log?follow=true";
  const std::string authorization = "Bearer " + builder_;
  const std::vector<HttpField> fields{{"Authorization", authorization}};
  HttpRequest request;
  request.method = HttpMethod::get;
  request.target = target;
  request.fields = fields;
  Wakes wakes;  // outlives the stream, which calls it from a thread of the store
  HttpResponse response;
  serve_inline(*api_, request, {}, response);
  auto& stream = *std::get<std::unique_ptr<BodyStream>>(response.body());
  stream.on_ready([&] { wakes.add(); });
  BodyStream::State state{};
  EXPECT_EQ(read_available(stream, state), "");  // queued: there is nothing yet
  EXPECT_EQ(state, BodyStream::State::waiting);

  const Registration worker = run(id);
  ASSERT_TRUE(write_log(worker, 0, "STEP 1\n").ok());
  EXPECT_EQ(read_on_wakes(stream, wakes, "STEP 1\n"), BodyStream::State::waiting);

  ASSERT_TRUE(write_log(worker, 7, "STEP 2\n").ok());
  // What came before the end is not lost.
  ASSERT_TRUE(queue_
                  ->fail({id, worker.build.epoch},
                         BuildFailure{FailureClass::user, "step_failed", "RUN", 1})
                  .ok());
  EXPECT_EQ(read_on_wakes(stream, wakes, "STEP 2\nslipway: failed: RUN\n"), BodyStream::State::end);
}

TEST_F(BuildHandlerTest, ACompressedLogReadsAsBeforeAndGoesOutAsGzipToWhoTakesIt) {
  const std::string id = submit("app/web");
  const std::string whole = std::string(100'000, 'x') + "\nslipway: cancelled: requested\n";
  ASSERT_TRUE(logs_.append(id, 0, std::string(100'000, 'x'), {}).ok());
  ASSERT_TRUE(queue_->cancel(id, "requested").ok());
  const std::string path = "/api/v1/builds/" + id + "/log";
  const auto with = [&](std::string_view target, std::string_view encodings) {
    test::Fields fields = bearer(builder_);
    fields.emplace_back("Accept-Encoding", std::string(encodings));
    return exchange(*api_, "GET", target, {}, fields);
  };
  EXPECT_EQ(with(path, "gzip").text, whole) << "not compressed yet";
  ASSERT_EQ(logs_.archive(id).value(), true);
  for (const std::string_view plain : {"", "br, zstd", "gzip;q=0", "gzip; q=0.0"}) {
    const Answer answer = with(path, plain);
    EXPECT_EQ(answer.text, whole) << plain;
    EXPECT_EQ(answer.response.field("Content-Encoding"), "");
    EXPECT_EQ(answer.response.field("Vary"), "Accept-Encoding");
  }
  for (const std::string_view gzip : {"gzip", "br, GZIP;q=0.5", "deflate,gzip"}) {
    const Answer answer = with(path, gzip);
    EXPECT_EQ(answer.response.field("Content-Encoding"), "gzip") << gzip;
    EXPECT_EQ(answer.text.substr(0, 3), "\x1f\x8b\x08");
    EXPECT_LT(answer.text.size(), 2000U);
  }
  EXPECT_EQ(with(path + "?offset=99990", "gzip").text, whole.substr(99'990));
  EXPECT_EQ(with(path + "?follow=true", "").text, whole);
}

TEST_F(BuildHandlerTest, ALogThatIsNotKeptAnyMoreSaysSo) {
  const std::string id = submit("app/web");
  ASSERT_TRUE(queue_->cancel(id, "requested").ok());
  ASSERT_TRUE(
      metadata_->write([&](WriteTransaction& transaction) { return logs_.remove(transaction, id); })
          .ok());
  const Answer answer = get("/api/v1/builds/" + id + "/log", builder_);
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.text.find("builds.retention.logs"), std::string::npos) << answer.text;
}

TEST_F(BuildHandlerTest, TriggersShowTheirSecretOnce) {
  const Answer created =
      post("/api/v1/repositories/app/web/triggers",
           R"({"provider":"github","git":{"url":"https://git.example.com/x.git"}})", builder_);
  ASSERT_EQ(created.status, 201) << created.text;
  const auto json = created.json();
  const std::string id(json.root().find("id").text());
  const std::string secret(json.root().find("secret").text());
  EXPECT_EQ(secret.size(), 64U);
  EXPECT_EQ(json.root().find("hook_url").text(), "https://registry.example.com/hooks/" + id);
  EXPECT_EQ(triggers_.find(id)->secret, secret);

  const Answer listed = get("/api/v1/repositories/app/web/triggers", builder_);
  EXPECT_EQ(listed.json().root().find("triggers").size(), 1U);
  EXPECT_EQ(listed.text.find(secret), std::string::npos);
  const std::string path = "/api/v1/repositories/app/web/triggers/" + id;
  const Answer shown = get(path, builder_);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.text.find(secret), std::string::npos);

  EXPECT_EQ(get("/api/v1/repositories/app/other/triggers/" + id, builder_).status, 404);
  EXPECT_EQ(get(path, reader_).status, 403);
  EXPECT_EQ(exchange(*api_, "DELETE", path, {}, bearer(reader_)).status, 403);
  EXPECT_EQ(exchange(*api_, "DELETE", path, {}, bearer(builder_)).status, 204);
  EXPECT_EQ(exchange(*api_, "DELETE", path, {}, bearer(builder_)).status, 404);
  EXPECT_EQ(get(path, builder_).status, 404);
}

TEST_F(BuildHandlerTest, ATriggersMistakesAreTold) {
  for (const std::string_view body :
       {R"({"provider":"github","git":{"url":"file:///x"}})",
        R"({"provider":"github","git":{"url":"https://h/x"},"branches":"("})", "{}"})
    EXPECT_EQ(post("/api/v1/repositories/app/web/triggers", body, builder_).status, 400) << body;
  EXPECT_TRUE(triggers_.list(*RepositoryName::parse("app/web"))->empty());
}

TEST_F(BuildHandlerTest, RepositoriesTagsAndManifests) {
  const std::string config = "{}";
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{)"
      R"("mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
      digest_of(config).to_string() + R"(","size":2},"layers":[]})";
  for (const std::string_view name : {"app/web", "app/worker", "other/web"}) {
    const auto repository = *RepositoryName::parse(name);
    ASSERT_TRUE(registry_->put_blob(repository, digest_of(config), config).ok());
    for (const std::string_view tag : {"v1", "v2", "latest"})
      ASSERT_TRUE(registry_
                      ->put_manifest(repository, Reference(*Tag::parse(tag)), manifest,
                                     "application/vnd.oci.image.manifest.v1+json")
                      .ok());
  }
  EXPECT_EQ(get("/api/v1/repositories", reader_).text,
            R"({"repositories":["app/web","app/worker"]})");
  EXPECT_EQ(get("/api/v1/repositories?prefix=o", administrator_).text,
            R"({"repositories":["other/web"]})");
  EXPECT_EQ(get("/api/v1/repositories?prefix=o", reader_).text, R"({"repositories":[]})");

  const Answer first = get("/api/v1/repositories/app/web/tags?limit=2", reader_);
  const auto json = first.json();
  EXPECT_EQ(json.root().find("repository").text(), "app/web");
  ASSERT_EQ(json.root().find("tags").size(), 2U);
  EXPECT_EQ(json.root().find("tags").elements()[0].find("name").text(), "latest");
  EXPECT_EQ(json.root().find("tags").elements()[0].find("digest").text(),
            digest_of(manifest).to_string());
  EXPECT_EQ(first.response.field("Link"),
            "</api/v1/repositories/app/web/tags?limit=2&after=v1>; rel=\"next\"");

  const Answer shown = get("/api/v1/repositories/app/web/manifests/v1", reader_);
  EXPECT_EQ(shown.text, manifest);
  EXPECT_EQ(shown.response.field("Content-Type"), "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(shown.response.field("Docker-Content-Digest"), digest_of(manifest).to_string());
  EXPECT_EQ(
      get("/api/v1/repositories/app%2Fweb/manifests/" + digest_of(manifest).to_string(), reader_)
          .status,
      200);
  EXPECT_EQ(get("/api/v1/repositories/app/web/manifests/nope", reader_).status, 404);
  EXPECT_EQ(get("/api/v1/repositories/other/web/tags", reader_).status, 404);
  EXPECT_EQ(get("/api/v1/repositories/other/web/manifests/v1", reader_).status, 404);
}

TEST_F(BuildHandlerTest, TokensAreForAdministrators) {
  const std::string_view request =
      R"({"name":"ci","grants":[{"repositories":"app/*","actions":["pull","push"]}],)"
      R"("expires":"2030-01-01T00:00:00Z"})";
  EXPECT_EQ(post("/api/v1/admin/tokens", request, builder_).status, 403);
  EXPECT_EQ(get("/api/v1/admin/tokens", builder_).status, 403);
  const Answer created = post("/api/v1/admin/tokens", request, administrator_);
  ASSERT_EQ(created.status, 201) << created.text;
  const auto json = created.json();
  const std::string id(json.root().find("id").text());
  const std::string secret(json.root().find("secret").text());
  EXPECT_TRUE(secret.starts_with("slp_"));
  EXPECT_EQ(json.root().find("expires").text(), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(get("/api/v1/repositories", secret).status, 200);

  const Answer listed = get("/api/v1/admin/tokens", administrator_);
  EXPECT_EQ(listed.json().root().find("tokens").size(), 4U);
  EXPECT_EQ(listed.text.find(secret), std::string::npos);

  const std::string path = "/api/v1/admin/tokens/" + id;
  EXPECT_EQ(exchange(*api_, "DELETE", path, {}, bearer(builder_)).status, 403);
  EXPECT_EQ(exchange(*api_, "DELETE", path, {}, bearer(administrator_)).status, 204);
  EXPECT_EQ(exchange(*api_, "DELETE", path, {}, bearer(administrator_)).status, 404);
  EXPECT_EQ(get("/api/v1/repositories", secret).status, 401);

  for (const std::string_view bad :
       {"{}", R"({"name":"x"})", R"({"name":"x","grants":[{"actions":["fly"]}]})",
        R"({"name":"x","grants":[{"actions":["pull"]}],"expires":"tomorrow"})"})
    EXPECT_EQ(post("/api/v1/admin/tokens", bad, administrator_).status, 400) << bad;
}

TEST_F(BuildHandlerTest, UnknownPathsAndMethods) {
  EXPECT_EQ(get("/api/v1/nothing", administrator_).status, 404);
  EXPECT_EQ(get("/api/v1/", administrator_).status, 404);
  const Answer wrong = exchange(*api_, "PUT", "/api/v1/builds", {}, bearer(administrator_));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.response.field("Allow"), "GET");
}

}  // namespace
}  // namespace slipway
