// The routes of long operations, over a kind that goes on when the test lets it.

#include <gmock/gmock.h>

#include <semaphore>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::exchange;
using testing::HasSubstr;

class OperationRoutesTest : public test::ApiFixture {
 protected:
  OperationRoutesTest() {
    maintenance_.add("count", [this](std::string_view options) -> Result<OperationWork> {
      const auto parsed = json::Document::parse(options);
      if (!parsed || !parsed->root().is_object())
        return Error(ErrorCode::invalid_argument, "options: expected an object");
      return OperationWork([this](OperationRun& run) -> Result<std::string> {
        go_on_.acquire();
        SLIPWAY_CHECK(run.check());
        run.count("things", 3, 3);
        return std::string(R"({"things":3})");
      });
    });
  }
  ~OperationRoutesTest() override {
    go_on_.release(100);
    maintenance_.stop();  // its work uses what goes before it
  }

  Answer cancel(const std::string& id, const std::string& secret) {
    return exchange(*api_, "DELETE", "/api/v1/admin/operations/" + id, {}, bearer(secret));
  }
  std::string start() {
    return std::string(post("/api/v1/admin/count", "{}", administrator_).json().root().find("id").text());
  }

  std::counting_semaphore<> go_on_{0};
};

TEST_F(OperationRoutesTest, StartedShownAndListed) {
  const Answer started = post("/api/v1/admin/count", "{}", administrator_);
  ASSERT_EQ(started.status, 202) << started.text;
  const json::Document operation = started.json();
  const std::string id(operation.root().find("id").text());
  EXPECT_EQ(started.response.field("Location"), "/api/v1/admin/operations/" + id);
  EXPECT_EQ(operation.root().find("state").text(), "running");

  const Answer second = post("/api/v1/admin/count", "", administrator_);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.code(), "conflict");

  go_on_.release();
  ASSERT_TRUE(maintenance_.wait(id).ok());
  const json::Document shown = get("/api/v1/admin/operations/" + id, administrator_).json();
  EXPECT_EQ(shown.root().find("state").text(), "succeeded");
  EXPECT_EQ(shown.root().find("result").find("things").as_uint64(), 3U);
  EXPECT_EQ(shown.root().find("progress").find("things").find("total").as_uint64(), 3U);

  const json::Document all = get("/api/v1/admin/operations", administrator_).json();
  ASSERT_EQ(all.root().find("operations").size(), 1U);
  EXPECT_EQ(all.root().find("operations").elements()[0].find("id").text(), id);
}

TEST_F(OperationRoutesTest, AFollowedOperationIsALineWheneverItHasComeFurther) {
  const std::string id = start();
  const std::string target = "/api/v1/admin/operations/" + id + "?follow=true";
  const std::string authorization = "Bearer " + administrator_;
  const std::vector<HttpField> fields{{"Authorization", authorization}};
  HttpRequest request;
  request.method = HttpMethod::get;
  request.target = target;
  request.fields = fields;
  test::Wakes wakes;  // outlives the stream, which calls it from another thread
  HttpResponse response;
  serve_inline(*api_, request, {}, response);
  EXPECT_EQ(response.field("Content-Type"), "application/x-ndjson");
  auto& stream = *std::get<std::unique_ptr<BodyStream>>(response.body());
  stream.on_ready([&] { wakes.add(); });
  BodyStream::State state{};
  std::string text = test::read_available(stream, state);
  EXPECT_EQ(state, BodyStream::State::waiting);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr(R"("state":"running")"));

  go_on_.release();
  while (state != BodyStream::State::end) {
    wakes.take();
    text += test::read_available(stream, state);
  }
  const std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
  EXPECT_THAT(last, HasSubstr(R"("state":"succeeded")"));
  EXPECT_THAT(last, HasSubstr(R"("result":{"things":3})"));
}

TEST_F(OperationRoutesTest, OneThatHasEndedIsFollowedInOneLine) {
  go_on_.release();
  const std::string id = start();
  ASSERT_TRUE(maintenance_.wait(id).ok());
  const std::string text =
      get("/api/v1/admin/operations/" + id + "?follow=true", administrator_).text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(get("/api/v1/admin/operations/" + id + "?follow=1", administrator_).status, 400);
}

TEST_F(OperationRoutesTest, ACancelledOneEnds) {
  const std::string id = start();
  EXPECT_EQ(cancel(id, administrator_).status, 202);
  go_on_.release();
  ASSERT_TRUE(maintenance_.wait(id).ok());
  const json::Document shown = get("/api/v1/admin/operations/" + id, administrator_).json();
  EXPECT_EQ(shown.root().find("state").text(), "cancelled");
  EXPECT_EQ(shown.root().find("error").find("code").text(), "cancelled");
  EXPECT_EQ(cancel(id, administrator_).status, 409);
}

TEST_F(OperationRoutesTest, WhatIsNotThereIs404AndWhatIsWrongIs400) {
  EXPECT_EQ(post("/api/v1/admin/nothing", "{}", administrator_).status, 404);
  EXPECT_EQ(post("/api/v1/admin/count", "[]", administrator_).status, 400);
  EXPECT_EQ(get("/api/v1/admin/operations/01JDCZ0M4Y7W3Q6S8N2V5X9K1B", administrator_).status, 404);
  EXPECT_EQ(cancel("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", administrator_).status, 404);
  EXPECT_EQ(get("/api/v1/admin/count", administrator_).status, 405);
}

TEST_F(OperationRoutesTest, AdministratorsOnly) {
  const std::string id = start();
  for (const std::string& secret : {builder_, reader_}) {
    EXPECT_EQ(post("/api/v1/admin/count", "{}", secret).status, 403);
    EXPECT_EQ(get("/api/v1/admin/operations", secret).status, 403);
    EXPECT_EQ(get("/api/v1/admin/operations/" + id, secret).status, 403);
    EXPECT_EQ(cancel(id, secret).status, 403);
  }
}

}  // namespace
}  // namespace slipway
