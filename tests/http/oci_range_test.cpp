// Several ranges of a blob in one request: RFC 9110 section 14.2, 14.6 and 15.3.7.2.
#include "tests/http/oci_fixture.hpp"

namespace slipway::test {
namespace {

struct RangePart {
  std::string type, content_range, bytes;
};

/// Takes a body apart by its boundary, strictly as RFC 2046 section 5.1.1 writes it.
std::vector<RangePart> parts_of(const OciAnswer& answer) {
  const std::string type = answer.field("Content-Type");
  const std::string_view start = "multipart/byteranges; boundary=";
  EXPECT_TRUE(type.starts_with(start)) << type;
  if (!type.starts_with(start)) return {};
  const std::string delimiter = "--" + type.substr(start.size());
  std::vector<RangePart> parts;
  std::string_view rest = answer.body;
  for (;;) {
    if (rest == delimiter + "--\r\n") return parts;
    EXPECT_TRUE(rest.starts_with(delimiter + "\r\n"));
    const std::size_t end_of_head = rest.find("\r\n\r\n");
    const std::size_t end = rest.find("\r\n" + delimiter);
    if (end_of_head == std::string_view::npos || end == std::string_view::npos) {
      ADD_FAILURE() << "malformed: " << rest.substr(0, 200);
      return parts;
    }
    HttpResponse head;  // its lines have the form of a part's
    for (std::string_view lines = rest.substr(delimiter.size() + 2,
                                              end_of_head + 2 - delimiter.size() - 2);
         !lines.empty(); lines.remove_prefix(lines.find("\r\n") + 2)) {
      const std::string_view line = lines.substr(0, lines.find("\r\n"));
      head.add(line.substr(0, line.find(": ")), line.substr(line.find(": ") + 2));
    }
    parts.push_back({std::string(head.field("Content-Type")),
                     std::string(head.field("Content-Range")),
                     std::string(rest.substr(end_of_head + 4, end - end_of_head - 4))});
    rest.remove_prefix(end + 2);
  }
}

/// A blob in the metadata store, and one that is a file.
class OciRangeTest : public OciTest {
 protected:
  std::vector<std::string> blobs() {
    std::string large(200'000, '\0');
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 % 251);
    return {large.substr(0, 10'000), large};
  }
  OciAnswer get_ranges(const std::string& bytes, std::string_view range, Fields more = {}) {
    more.emplace_back("Range", range);
    return get("/v2/app/blobs/" + push_blob("app", bytes), more);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, OciRangeTest,
                         ::testing::Values(StoreKind::memory, StoreKind::folder), store_name);

TEST_P(OciRangeTest, SeveralRangesAreAMultipartAnswer) {
  for (const std::string& bytes : blobs()) {
    const std::string size = std::to_string(bytes.size());
    const std::string last = std::to_string(bytes.size() - 1);
    const OciAnswer answer = get_ranges(bytes, "bytes=500-999, 0-0,-1, 2000-2001");
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.field("Content-Range"), "") << "it belongs to the parts";
    EXPECT_EQ(answer.field("ETag"), "\"" + digest_text(bytes) + "\"");
    EXPECT_EQ(answer.field("Docker-Content-Digest"), digest_text(bytes));
    EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
    const std::vector<RangePart> parts = parts_of(answer);
    ASSERT_EQ(parts.size(), 4U);
    for (const RangePart& part : parts) EXPECT_EQ(part.type, "application/octet-stream");
    EXPECT_EQ(parts[0].content_range, "bytes 500-999/" + size);
    EXPECT_EQ(parts[0].bytes, bytes.substr(500, 500));
    EXPECT_EQ(parts[1].content_range, "bytes 0-0/" + size);
    EXPECT_EQ(parts[1].bytes, bytes.substr(0, 1));
    EXPECT_EQ(parts[2].content_range, "bytes " + last + "-" + last + "/" + size);
    EXPECT_EQ(parts[2].bytes, bytes.substr(bytes.size() - 1));
    EXPECT_EQ(parts[3].content_range, "bytes 2000-2001/" + size);
    EXPECT_EQ(parts[3].bytes, bytes.substr(2000, 2));
  }
}

TEST_P(OciRangeTest, WhatLiesOutsideIsLeftOut) {
  for (const std::string& bytes : blobs()) {
    const std::vector<RangePart> parts =
        parts_of(get_ranges(bytes, "bytes=0-1,9999999-,4-5,7-6"));
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[1].bytes, bytes.substr(4, 2));
    const OciAnswer one = get_ranges(bytes, "bytes=9999999-,4-5");
    EXPECT_EQ(one.status, 206);
    EXPECT_EQ(one.field("Content-Type"), "application/octet-stream") << "one is no multipart";
    EXPECT_EQ(one.field("Content-Range"), "bytes 4-5/" + std::to_string(bytes.size()));
    EXPECT_EQ(one.body, bytes.substr(4, 2));
    const OciAnswer none = get_ranges(bytes, "bytes=9999999-,8888888-");
    EXPECT_EQ(none.status, 416);
    EXPECT_EQ(none.field("Content-Range"), "bytes */" + std::to_string(bytes.size()));
  }
}

TEST_P(OciRangeTest, OverlappingRangesAreSentOnce) {
  for (const std::string& bytes : blobs()) {
    const OciAnswer joined = get_ranges(bytes, "bytes=100-199,150-249,250-299");
    EXPECT_EQ(joined.field("Content-Range"), "bytes 100-299/" + std::to_string(bytes.size()));
    EXPECT_EQ(joined.body, bytes.substr(100, 200));
    const std::vector<RangePart> parts = parts_of(get_ranges(bytes, "bytes=5000-,0-9,5-14"));
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[0].bytes, bytes.substr(5000));
    EXPECT_EQ(parts[1].bytes, bytes.substr(0, 15));
  }
}

TEST_P(OciRangeTest, AFloodOfRangesAnswersLittleMoreThanTheWhole) {
  for (const std::string& bytes : blobs()) {
    std::string all = "bytes=0-";
    for (int i = 1; i < 128; ++i) all += ",0-";
    const OciAnswer same = get_ranges(bytes, all);
    EXPECT_EQ(same.status, 206);
    EXPECT_EQ(same.body, bytes);
    std::string apart = "bytes=0-0";
    for (int i = 1; i < 128; ++i) apart += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
    const OciAnswer tiny = get_ranges(bytes, apart);
    EXPECT_EQ(parts_of(tiny).size(), 128U);
    EXPECT_LT(tiny.body.size(), 128U * 200U);
    const OciAnswer more = get_ranges(bytes, apart + ",256-256");
    EXPECT_EQ(more.status, 200) << "too many: the whole, as RFC 9110 section 14.2 allows";
    EXPECT_EQ(more.body, bytes);
  }
}

TEST_P(OciRangeTest, ConditionsComeFirst) {
  for (const std::string& bytes : blobs()) {
    const std::string tag = "\"" + digest_text(bytes) + "\"";
    EXPECT_EQ(parts_of(get_ranges(bytes, "bytes=0-1,4-5", {{"If-Range", tag}})).size(), 2U);
    for (const std::string& other :
         {std::string("\"other\""), "W/" + tag, std::string("Tue, 24 Nov 2026 09:05:03 GMT")})
      EXPECT_EQ(get_ranges(bytes, "bytes=0-1,4-5", {{"If-Range", other}}).status, 200) << other;
    EXPECT_EQ(get_ranges(bytes, "bytes=0-1,4-5", {{"If-None-Match", tag}}).status, 304);
  }
}

TEST_P(OciRangeTest, HeadIsOfTheWhole) {  // RFC 9110 section 14.2: Range is for GET alone
  for (const std::string& bytes : blobs()) {
    const OciAnswer answer = head("/v2/app/blobs/" + push_blob("app", bytes),
                                  {{"Range", "bytes=0-1,4-5"}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.length(), bytes.size());
  }
}

TEST_P(OciRangeTest, EachAnswerHasABoundaryOfItsOwn) {
  const std::string bytes = blobs()[0];
  EXPECT_NE(get_ranges(bytes, "bytes=0-1,4-5").field("Content-Type"),
            get_ranges(bytes, "bytes=0-1,4-5").field("Content-Type"));
}

}  // namespace
}  // namespace slipway::test
