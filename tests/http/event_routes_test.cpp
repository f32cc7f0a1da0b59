// Server-sent events: what comes, in which order, and to whom.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::exchange;
using test::Fields;

/// An open stream of events, read by hand.
class Events {
 public:
  Events(HttpHandler& handler, const std::string& target, const Fields& fields) {
    std::vector<HttpField> views;
    for (const auto& [name, value] : fields) views.push_back({name, value});
    HttpRequest request;
    request.method = HttpMethod::get;
    request.method_text = "GET";
    request.target = target;
    request.fields = views;
    serve_inline(handler, request, {}, response_);
    auto* body = std::get_if<std::unique_ptr<BodyStream>>(&response_.body());
    EXPECT_NE(body, nullptr) << response_.text();
    if (body == nullptr) return;
    stream_ = std::move(*body);
    stream_->on_ready([this] { wakes_.add(); });
  }
  ~Events() { stream_.reset(); }  // before what it wakes
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  /// "7 running" for each event that is there, a line each.
  std::string read() {
    std::string out;
    const std::string text = test::read_available(*stream_, state_);
    std::size_t at = 0;
    while ((at = text.find("id: ", at)) != text.npos) {
      const std::string id = text.substr(at + 4, text.find('\n', at) - at - 4);
      const std::size_t data = text.find("event: build\ndata: ", at);
      const std::size_t begin = data + 19;
      const auto json =
          json::Document::parse(text.substr(begin, text.find("\n\n", begin) - begin));
      EXPECT_TRUE(json.ok()) << text;
      if (!json) break;
      last_ = id;
      out.append(out.empty() ? "" : "\n")
          .append(json->root().find("repository").text())
          .append(" ")
          .append(json->root().find("state").text());
      at = begin;
    }
    return out;
  }
  /// Waits until a commit woke the stream.
  std::string read_after_wake() {
    wakes_.take();
    return read();
  }

  [[nodiscard]] std::string_view keep_alive() const { return stream_->keep_alive(); }
  [[nodiscard]] bool ended() const { return state_ == BodyStream::State::end; }
  [[nodiscard]] const std::string& last() const { return last_; }
  [[nodiscard]] const HttpResponse& response() const { return response_; }

 private:
  HttpResponse response_;
  test::Wakes wakes_;
  std::unique_ptr<BodyStream> stream_;
  BodyStream::State state_ = BodyStream::State::waiting;
  std::string last_;
};

class EventRoutesTest : public test::ApiFixture {
 protected:
  std::unique_ptr<Events> open(const std::string& target, const std::string& secret,
                               const std::string& last = "") {
    Fields fields = bearer(secret);
    if (!last.empty()) fields.emplace_back("Last-Event-ID", last);
    return std::make_unique<Events>(*api_, target, fields);
  }
};

TEST_F(EventRoutesTest, ABuildIsToldAsItIsAndWheneverItChangesUntilItEnds) {
  const std::string id = submit("app/web");
  const auto events = open("/api/v1/builds/" + id + "/events", builder_);
  EXPECT_EQ(events->response().field("Content-Type"), "text/event-stream");
  EXPECT_EQ(events->read(), "app/web queued");
  EXPECT_EQ(events->read(), "");
  run(id);
  EXPECT_EQ(events->read_after_wake(), "app/web running");
  ASSERT_TRUE(logs_.append(id, 0, "a line is no event\n", {}).ok());
  EXPECT_EQ(events->read_after_wake(), "");
  EXPECT_FALSE(events->ended());
  ASSERT_TRUE(queue_->cancel(id, "requested").ok());
  EXPECT_EQ(events->read_after_wake(), "app/web cancelled");
  EXPECT_TRUE(events->ended());
}

TEST_F(EventRoutesTest, WhoComesBackMissesNothingAndIsToldNothingTwice) {
  const std::string id = submit("app/web");
  const std::string path = "/api/v1/builds/" + id + "/events";
  auto events = open(path, builder_);
  events->read();
  const std::string last = events->last();
  events.reset();
  EXPECT_EQ(open(path, builder_, last)->read(), "");
  ASSERT_TRUE(queue_->cancel(id, "requested").ok());
  events = open(path, builder_, last);
  EXPECT_EQ(events->read(), "app/web cancelled");
  events = open(path, builder_, events->last());
  EXPECT_EQ(events->read(), "");
  EXPECT_TRUE(events->ended()) << "a build that has ended tells nothing more";
}

TEST_F(EventRoutesTest, AllBuildsFromNowOnOrFromAnId) {
  submit("app/old");
  auto events = open("/api/v1/events", builder_);
  EXPECT_EQ(events->read(), "");
  const std::string one = submit("app/one");
  EXPECT_EQ(events->read_after_wake(), "app/one queued");
  const std::string last = events->last();
  events.reset();
  submit("app/two");
  ASSERT_TRUE(queue_->cancel(one, "requested").ok());
  EXPECT_EQ(open("/api/v1/events", builder_, last)->read(), "app/two queued\napp/one cancelled");
  EXPECT_EQ(open("/api/v1/events?after=" + last, builder_)->read(),
            "app/two queued\napp/one cancelled");
  EXPECT_EQ(open("/api/v1/events", builder_, "0")->read(),
            "app/old queued\napp/two queued\napp/one cancelled");
}

TEST_F(EventRoutesTest, AKeepAliveIsACommentOnALineOfItsOwn) {
  const std::string id = submit("app/web");
  for (const std::string& path :
       {std::string("/api/v1/events"), "/api/v1/builds/" + id + "/events"})
    EXPECT_EQ(open(path, builder_)->keep_alive(), ": keep-alive\n\n") << path;
}

TEST_F(EventRoutesTest, OnlyWhatOneMaySee) {
  const std::string hidden = submit("secret/web");
  submit("app/web");
  EXPECT_EQ(open("/api/v1/events", builder_, "0")->read(), "app/web queued");
  EXPECT_EQ(open("/api/v1/events", administrator_, "0")->read(),
            "secret/web queued\napp/web queued");
  EXPECT_EQ(open("/api/v1/events", reader_, "0")->read(), "");
  EXPECT_EQ(get("/api/v1/builds/" + hidden + "/events", builder_).status, 404);
  EXPECT_EQ(exchange(*api_, "GET", "/api/v1/events").status, 401);
}

TEST_F(EventRoutesTest, AReaderThatIsSlowMeetsEachBuildOnceAndInPieces) {
  for (int i = 0; i < 300; ++i) submit("app/n" + std::to_string(i));
  const std::string id = submit("app/web");
  HttpRequest request;
  const auto events = open("/api/v1/events", builder_, "0");
  run(id);
  ASSERT_TRUE(queue_->cancel(id, "requested").ok());
  const std::string all = events->read();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 300);
  EXPECT_NE(all.find("app/web cancelled"), all.npos);
  EXPECT_EQ(all.find("app/web queued"), all.npos);
}

TEST_F(EventRoutesTest, AnIdThatIsNoneIsRefused) {
  Fields fields = bearer(builder_);
  fields.emplace_back("Last-Event-ID", "yesterday");
  const Answer answer = exchange(*api_, "GET", "/api/v1/events", {}, fields);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "invalid_argument");
}

}  // namespace
}  // namespace slipway
