#include <gtest/gtest.h>

#include <slipway/http/message.hpp>

namespace slipway {
namespace {

TEST(HttpMethodTest, IsCaseSensitive) {
  EXPECT_EQ(parse_http_method("DELETE"), HttpMethod::delete_);
  EXPECT_EQ(parse_http_method("delete"), HttpMethod::other);
  EXPECT_EQ(parse_http_method(""), HttpMethod::other);
  for (const char* name : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    EXPECT_EQ(to_string(parse_http_method(name)), name);
  EXPECT_EQ(to_string(HttpMethod::other), "?");
}

TEST(HttpRequestTest, SplitsItsTarget) {
  HttpRequest request;
  request.target = "/v2/app/web/tags/list?n=3&last=a?b";
  EXPECT_EQ(request.path(), "/v2/app/web/tags/list");
  EXPECT_EQ(request.query(), "n=3&last=a?b");
  request.target = "/v2/";
  EXPECT_EQ(request.path(), "/v2/");
  EXPECT_EQ(request.query(), "");
  request.target = "/v2/?";
  EXPECT_EQ(request.query(), "");
}

TEST(HttpRequestTest, FindsTheFirstFieldWithoutRegardToCase) {
  const HttpField fields[] = {{"Content-Type", "text/plain"}, {"ACCEPT", "a"}, {"accept", "b"}};
  HttpRequest request;
  request.fields = fields;
  EXPECT_EQ(request.field("content-type"), "text/plain");
  EXPECT_EQ(request.field("Accept"), "a");
  EXPECT_EQ(request.field("Accept-Encoding"), "");
  EXPECT_EQ(request.field("Accep"), "");
}

TEST(EqualIgnoringCaseTest, FoldsLettersOnly) {
  EXPECT_TRUE(equal_ignoring_case("BeArEr", "bearer"));
  EXPECT_FALSE(equal_ignoring_case("bearer", "bearer "));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));  // these differ in the bit that folds letters
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
}

TEST(PercentTest, Decodes) {
  EXPECT_EQ(percent_decode("app%2Fweb"), "app/web");
  EXPECT_EQ(percent_decode("app%2fweb"), "app/web");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("%25%32%46"), "%2F") << "decoded once, not twice";
  EXPECT_EQ(percent_decode("%C3%A9"), "\xC3\xA9");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentTest, RefusesWhatIsMalformed) {
  for (const char* text : {"%", "%2", "a%2", "%zz", "%2g", "%+1", "%-1", "%00", "a%00b"})
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  EXPECT_EQ(percent_decode(std::string_view("a\0b", 3)), std::nullopt);
}

TEST(PercentTest, Encodes) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("app/web:1 &\xC3\xA9"), "app%2Fweb%3A1%20%26%C3%A9");
  EXPECT_EQ(percent_encode("app/web:1", "/:"), "app/web:1");
}

TEST(PercentTest, DecodingUndoesEncodingOfEveryByte) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

std::vector<std::pair<std::string, std::string>> pairs(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto parameters = parse_query(query);
  if (!parameters) return {{"malformed", ""}};
  for (const QueryParameter& each : *parameters) out.emplace_back(each.name, each.value);
  return out;
}

TEST(QueryTest, Parses) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(pairs(""), Pairs());
  EXPECT_EQ(pairs("tag=a&tag=b"), (Pairs{{"tag", "a"}, {"tag", "b"}}));
  EXPECT_EQ(pairs("build-arg=K%3DV+W&follow"), (Pairs{{"build-arg", "K=V W"}, {"follow", ""}}));
  EXPECT_EQ(pairs("a=b=c&&d="), (Pairs{{"a", "b=c"}, {"d", ""}}));
  EXPECT_EQ(pairs("a=%2"), (Pairs{{"malformed", ""}}));
}

TEST(QueryTest, CountsItsParameters) {
  EXPECT_TRUE(parse_query("a&b&c", 3).has_value());
  EXPECT_FALSE(parse_query("a&b&c", 2).has_value());
}

TEST(QueryTest, FindsOneParameter) {
  EXPECT_EQ(query_parameter("mount=sha256%3Aab&from=app%2Fweb", "from"), "app/web");
  EXPECT_EQ(query_parameter("a=1&a=2", "a"), "1");
  EXPECT_EQ(query_parameter("%61=1", "a"), "1");
  EXPECT_EQ(query_parameter("a=%zz", "a"), std::nullopt);
  EXPECT_EQ(query_parameter("b=%zz&a=1", "a"), "1");
  EXPECT_EQ(query_parameter("ab=1", "a"), std::nullopt);
}

TEST(HttpResponseTest, WritesFields) {
  HttpResponse response;
  response.add("Location", "/v2/app/blobs/uploads/1");
  response.add("X-Large", UINT64_MAX);
  EXPECT_EQ(response.head(),
            "Location: /v2/app/blobs/uploads/1\r\nX-Large: 18446744073709551615\r\n");
  EXPECT_EQ(response.field("location"), "/v2/app/blobs/uploads/1");
  EXPECT_EQ(response.field("x-large"), "18446744073709551615");
  EXPECT_EQ(response.field("X"), "");
}

TEST(HttpResponseTest, CannotBeSplit) {
  HttpResponse response;
  response.add("Location", "/a\r\nSet-Cookie: b");
  response.add("Location", "/a\nb");
  response.add("Location", "/a\rb");
  response.add("Location", std::string_view("/a\0b", 4));
  response.add("Loca\r\ntion", "/a");
  response.add("", "/a");
  EXPECT_EQ(response.head(), "");
}

TEST(HttpResponseTest, CannotBeSplitAtAnyPlace) {
  for (const char c : {'\r', '\n', '\0'}) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string value(40, static_cast<char>(0xff));
      value[at] = c;
      HttpResponse response;
      response.add("Location", value);
      EXPECT_EQ(response.head(), "") << at;
    }
  }
  HttpResponse response;
  response.add("A", "0123456\t89\x01\x80 é");  // none of them ends a line
  EXPECT_EQ(response.head(), "A: 0123456\t89\x01\x80 é\r\n");
}

TEST(HttpResponseTest, KeepsTheMemoryOfABody) {
  HttpResponse response;
  response.bytes().assign(10'000, 'x');
  const char* const memory = response.text().data();
  response.status = 404;
  response.content_length = 7;
  response.close = true;
  response.add("A", "b");
  response.clear();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.head(), "");
  EXPECT_EQ(response.text(), "");
  EXPECT_FALSE(response.content_length.has_value());
  EXPECT_FALSE(response.close);
  EXPECT_TRUE(response.bytes().empty());
  EXPECT_EQ(response.bytes().assign(10'000, 'y').data(), memory);
}

TEST(HttpResponseTest, BodyOfAnotherKindHasNoText) {
  HttpResponse response;
  response.bytes() = "text";
  response.body() = ObjectBody{};
  EXPECT_EQ(response.text(), "");
  response.bytes().append("new");
  EXPECT_EQ(response.text(), "new");
}

}  // namespace
}  // namespace slipway
