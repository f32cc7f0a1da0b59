#include <gtest/gtest.h>

#include <stdexcept>

#include <slipway/http/handler.hpp>

namespace slipway {
namespace {

class FunctionHandler final : public HttpHandler {
 public:
  using Function = std::function<HttpAction(const HttpRequest&, HttpResponse&)>;

  explicit FunctionHandler(Function function, std::string_view name = "test")
      : function_(std::move(function)), name_(name) {}

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    return function_(request, response);
  }
  [[nodiscard]] std::string_view route_name(const HttpRequest&) const noexcept override {
    return name_;
  }

 private:
  Function function_;
  std::string_view name_;
};

FunctionHandler answering(std::string_view text) {
  return FunctionHandler(
      [text](const HttpRequest&, HttpResponse& response) -> HttpAction {
        response.bytes() = text;
        return HttpDone();
      },
      text);
}

HttpRequest get(std::string_view target) {
  HttpRequest request;
  request.method = HttpMethod::get;
  request.method_text = "GET";
  request.target = target;
  return request;
}

FunctionHandler receiving(std::uint64_t limit, std::uint64_t max_bytes = UINT64_MAX) {
  return FunctionHandler([=](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpReceive{receive_whole_body(
                           limit,
                           [](std::string&& body, HttpResponse& response) {
                             response.status = 201;
                             response.bytes() = "got " + body;
                           },
                           [](const Error& error, HttpResponse& response) {
                             respond_with_problem(error, response);
                           }),
                       max_bytes};
  });
}

TEST(ServeInlineTest, RunsWhatBlocks) {
  FunctionHandler handler([](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[](HttpResponse& response) { response.status = 202; }};
  });
  HttpResponse response;
  serve_inline(handler, get("/"), {}, response);
  EXPECT_EQ(response.status, 202);
}

TEST(ServeInlineTest, GivesTheBodyToTheReceiver) {
  auto handler = receiving(3);
  HttpResponse response;
  serve_inline(handler, get("/"), "abc", response);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.text(), "got abc");

  response.clear();
  serve_inline(handler, get("/"), "", response);
  EXPECT_EQ(response.text(), "got ");
}

TEST(ServeInlineTest, RefusesBodiesThatAreTooLarge) {
  HttpResponse response;
  auto by_receiver = receiving(3);
  serve_inline(by_receiver, get("/"), "abcd", response);
  EXPECT_EQ(response.status, 413);

  response.clear();
  auto by_action = receiving(100, 3);
  serve_inline(by_action, get("/"), "abcd", response);
  EXPECT_EQ(response.status, 413);
}

TEST(ServeInlineTest, AnExceptionIsAnAnswer) {
  FunctionHandler handler([](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.add("X-Half", "done");
    throw std::runtime_error("no \"luck\"");
  });
  HttpResponse response;
  serve_inline(handler, get("/"), {}, response);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.field("X-Half"), "");
  EXPECT_EQ(
      response.text(),
      R"({"title":"Internal Server Error","status":500,"detail":"no \"luck\"","code":"internal"})");
}

TEST(WholeBodyTest, JoinsPieces) {
  std::string got;
  const auto receiver = receive_whole_body(
      6, [&](std::string&& body, HttpResponse&) { got = std::move(body); },
      [](const Error&, HttpResponse&) {});
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  EXPECT_TRUE(receiver->append(bytes("abc")).ok());
  EXPECT_TRUE(receiver->append(bytes("def")).ok());
  const auto more = receiver->append(bytes("g"));
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::too_large);
  HttpResponse response;
  receiver->finish(response);
  EXPECT_EQ(got, "abcdef");
}

TEST(ProblemTest, SaysWhatWentWrong) {
  HttpResponse response;
  respond_with_problem(Error(ErrorCode::not_found, "there is no build\t\"x\\y\"\x01"), response);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(response.text().substr(0, 60),
            R"({"title":"Not Found","status":404,"detail":"there is no buil)");
  EXPECT_TRUE(response.text().ends_with(R"(,"code":"not_found"})")) << response.text();
  EXPECT_NE(response.text().find(R"(\"x\\y\"\u0001)"), std::string_view::npos) << response.text();
}

TEST(ProblemTest, SaysWhenToComeBack) {
  HttpResponse response;
  respond_with_problem(Error(ErrorCode::unavailable, "busy"), response);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.field("Retry-After"), "1");
}

TEST(ProblemTest, StatusOfEachCode) {
  EXPECT_EQ(http_status(ErrorCode::invalid_argument), 400);
  EXPECT_EQ(http_status(ErrorCode::unauthenticated), 401);
  EXPECT_EQ(http_status(ErrorCode::denied), 403);
  EXPECT_EQ(http_status(ErrorCode::conflict), 409);
  EXPECT_EQ(http_status(ErrorCode::range_mismatch), 416);
  EXPECT_EQ(http_status(ErrorCode::too_large), 413);
  EXPECT_EQ(http_status(ErrorCode::timed_out), 504);
  EXPECT_EQ(http_status(ErrorCode::io), 500);
}

TEST(HttpRouterTest, TheLongestPrefixWins) {
  auto all = answering("all"), api = answering("api"), oci = answering("oci"),
       health = answering("health");
  HttpRouter router;
  router.mount("/", all);
  router.mount("/v2/", oci);
  router.mount("/api/v1/", api);
  router.mount("/healthz", health);

  const auto route = [&](std::string_view target) {
    HttpResponse response;
    serve_inline(router, get(target), {}, response);
    EXPECT_EQ(router.route_name(get(target)), response.text());
    return std::string(response.text());
  };
  EXPECT_EQ(route("/v2/"), "oci");
  EXPECT_EQ(route("/v2"), "oci");
  EXPECT_EQ(route("/v2?n=1"), "oci");
  EXPECT_EQ(route("/v2/app/tags/list"), "oci");
  EXPECT_EQ(route("/v22"), "all");
  EXPECT_EQ(route("/api/v1/builds"), "api");
  EXPECT_EQ(route("/api/v10"), "all");
  EXPECT_EQ(route("/healthz"), "health");
  EXPECT_EQ(route("/healthzy"), "all");
  EXPECT_EQ(route("/"), "all");
  EXPECT_EQ(route("*"), "all");
}

TEST(HttpRouterTest, NothingIsMounted) {
  auto oci = answering("oci");
  HttpRouter router;
  router.mount("/v2/", oci);
  HttpResponse response;
  serve_inline(router, get("/other"), {}, response);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(router.route_name(get("/other")), "none");
}

}  // namespace
}  // namespace slipway
