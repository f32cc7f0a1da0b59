#include "tests/http/oci_fixture.hpp"

namespace slipway::test {
namespace {

using Texts = std::vector<std::string>;

class OciListTest : public OciTest {
 protected:
  /// A manifest with a subject; answers its JSON.
  std::string push_referrer(std::string_view repository, std::string_view subject,
                            std::string_view more) {
    push_blob(repository, "{}");
    std::string json = image_json(
        "{}", {}, ",\"subject\":" + descriptor_json(oci_manifest_type, subject) + std::string(more));
    const OciAnswer answer = put_manifest(repository, digest_text(json), json);
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.field("OCI-Subject"), digest_text(subject));
    return json;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, OciListTest,
                         ::testing::Values(StoreKind::memory, StoreKind::folder), store_name);

TEST_P(OciListTest, TagsAscendAndArePaged) {
  const std::string json = push_image("app/web", "b");
  for (const char* tag : {"a", "c", "B", "b-1", "b.1", "b_1"}) put_manifest("app/web", tag, json);
  const OciAnswer all = get("/v2/app/web/tags/list");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.field("Content-Type"), "application/json");
  EXPECT_EQ(all.json().root().find("name").text(), "app/web");
  EXPECT_EQ(all.list("tags"), (Texts{"B", "a", "b", "b-1", "b.1", "b_1", "c"}));
  EXPECT_EQ(all.field("Link"), "");

  const OciAnswer first = get("/v2/app/web/tags/list?n=3");
  EXPECT_EQ(first.list("tags"), (Texts{"B", "a", "b"}));
  EXPECT_EQ(first.field("Link"), "</v2/app/web/tags/list?last=b&n=3>; rel=\"next\"");
  const OciAnswer second = get("/v2/app/web/tags/list?last=b&n=3");
  EXPECT_EQ(second.list("tags"), (Texts{"b-1", "b.1", "b_1"}));
  const OciAnswer third = get("/v2/app/web/tags/list?last=b_1&n=3");
  EXPECT_EQ(third.list("tags"), (Texts{"c"}));
  EXPECT_EQ(third.field("Link"), "");
  EXPECT_EQ(get("/v2/app/web/tags/list?n=7").field("Link"), "");
}

TEST_P(OciListTest, LastMayBeGoneOrNeverHaveBeen) {
  const std::string json = push_image("app", "a");
  for (const char* tag : {"b", "c"}) put_manifest("app", tag, json);
  remove("/v2/app/manifests/b");
  EXPECT_EQ(get("/v2/app/tags/list?last=b").list("tags"), (Texts{"c"}));
  EXPECT_EQ(get("/v2/app/tags/list?last=a%20thing").list("tags"), (Texts{"c"}));
  EXPECT_EQ(get("/v2/app/tags/list?last=z").list("tags"), Texts());
  EXPECT_EQ(get("/v2/app/tags/list?last=" + std::string(600, 'b')).list("tags"), (Texts{"c"}));
}

TEST_P(OciListTest, NOfZeroIsEmptyAndNonsenseIs400) {
  push_image("app", "a");
  const OciAnswer none = get("/v2/app/tags/list?n=0");
  EXPECT_EQ(none.status, 200);
  EXPECT_EQ(none.list("tags"), Texts());
  EXPECT_EQ(none.field("Link"), "");
  for (const char* n : {"-1", "x", "1x", "99999999999999999999999"})
    EXPECT_EQ(get("/v2/app/tags/list?n=" + std::string(n)).code(), "PAGINATION_NUMBER_INVALID");
}

TEST_P(OciListTest, TagsOfAnUnknownRepositoryAre404) {
  const OciAnswer answer = get("/v2/no/such/tags/list");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.code(), "NAME_UNKNOWN");
  push_blob("app", "only a blob");
  EXPECT_EQ(get("/v2/app/tags/list").list("tags"), Texts());
}

TEST_P(OciListTest, TheCatalogIsPaged) {
  for (const char* name : {"b", "a/x", "a", "a-b"}) push_blob(name, "bytes");
  EXPECT_EQ(get("/v2/_catalog").list("repositories"), (Texts{"a", "a-b", "a/x", "b"}));
  const OciAnswer page = get("/v2/_catalog?n=3");
  EXPECT_EQ(page.list("repositories"), (Texts{"a", "a-b", "a/x"}));
  EXPECT_EQ(page.field("Link"), "</v2/_catalog?last=a%2Fx&n=3>; rel=\"next\"");
  EXPECT_EQ(get("/v2/_catalog?last=a%2Fx&n=3").list("repositories"), (Texts{"b"}));
  EXPECT_EQ(get("/v2/_catalog?n=0").list("repositories"), Texts());
}

TEST_P(OciListTest, ReferrersOfWhatIsNotHereAreAnEmptyIndex) {
  const OciAnswer answer = get("/v2/no/such/referrers/" + digest_text("x"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Content-Type"), oci_index_type);
  EXPECT_EQ(answer.body, "{\"schemaVersion\":2,\"mediaType\":\"" + oci_index_type +
                             "\",\"manifests\":[]}");
  EXPECT_EQ(get("/v2/no/such/referrers/latest").code(), "DIGEST_INVALID");
}

TEST_P(OciListTest, ReferrersTellTypeAndAnnotations) {
  const std::string subject = "the subject need not be here";
  const std::string typed = push_referrer(
      "app", subject,
      ",\"artifactType\":\"application/x.sbom\",\"annotations\":{\"by\":\"\\u00e9 \\\"q\\\"\"}");
  const std::string untyped = push_referrer("app", subject, "");

  const OciAnswer all = get("/v2/app/referrers/" + digest_text(subject));
  EXPECT_EQ(all.field("OCI-Filters-Applied"), "");
  const json::Document list = all.json();
  ASSERT_EQ(list.root().find("manifests").size(), 2U);
  for (const json::Value entry : list.root().find("manifests").elements()) {
    EXPECT_EQ(entry.find("mediaType").text(), oci_manifest_type);
    const bool is_typed = entry.find("digest").text() == digest_text(typed);
    EXPECT_EQ(entry.find("size").as_uint64(), (is_typed ? typed : untyped).size());
    EXPECT_EQ(entry.find("artifactType").text(),
              is_typed ? std::string_view("application/x.sbom") : oci_config_type);
    EXPECT_EQ(entry.find("annotations").find("by").text(), is_typed ? "é \"q\"" : "");
  }

  const OciAnswer filtered = get("/v2/app/referrers/" + digest_text(subject) +
                                 "?artifactType=application%2Fx.sbom");
  EXPECT_EQ(filtered.field("OCI-Filters-Applied"), "artifactType");
  const json::Document one = filtered.json();
  ASSERT_EQ(one.root().find("manifests").size(), 1U);

  EXPECT_EQ(remove("/v2/app/manifests/" + digest_text(typed)).status, 202);
  EXPECT_EQ(get("/v2/app/referrers/" + digest_text(subject))
                .json().root().find("manifests").size(), 1U);
}

TEST_P(OciListTest, ReferrersArePaged) {
  Texts pushed;
  for (int i = 0; i < 5; ++i)
    pushed.push_back(digest_text(push_referrer(
        "app", "subject", ",\"annotations\":{\"n\":\"" + std::to_string(i) + "\"}")));
  Texts found;
  std::string next = "/v2/app/referrers/" + digest_text("subject") + "?n=2";
  for (int page = 0; page < 3; ++page) {
    const OciAnswer answer = get(next);
    const json::Document list = answer.json();
    for (const json::Value entry : list.root().find("manifests").elements())
      found.emplace_back(entry.find("digest").text());
    const std::string link = answer.field("Link");
    EXPECT_EQ(link.empty(), page == 2);
    if (!link.empty()) next = link.substr(1, link.find('>') - 1);
  }
  std::sort(pushed.begin(), pushed.end());
  EXPECT_EQ(found, pushed);
}

TEST_P(OciListTest, AFilterStaysOnEveryPage) {
  Texts wanted;
  for (int i = 0; i < 6; ++i) {
    const std::string json = push_referrer(
        "app", "subject",
        ",\"artifactType\":\"application/x." + std::string(i % 2 == 0 ? "sbom" : "other") +
            "+json\",\"annotations\":{\"n\":\"" + std::to_string(i) + "\"}");
    if (i % 2 == 0) wanted.push_back(digest_text(json));
  }
  Texts found;
  std::string next =
      "/v2/app/referrers/" + digest_text("subject") + "?artifactType=application%2Fx.sbom%2Bjson&n=2";
  int pages = 0;
  while (!next.empty()) {
    const OciAnswer answer = get(next);
    EXPECT_EQ(answer.field("OCI-Filters-Applied"), "artifactType") << next;
    const json::Document list = answer.json();
    for (const json::Value entry : list.root().find("manifests").elements())
      found.emplace_back(entry.find("digest").text());
    const std::string link = answer.field("Link");
    next = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    ASSERT_LT(++pages, 4);
  }
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(pages, 2);
}

TEST_P(OciListTest, ReferrersThatDoNotFitInOneAnswerAreContinued) {
  const std::string filler(1'400'000, 'x');
  for (const char* name : {"a", "b", "c"})
    push_referrer("app", "subject",
                  ",\"annotations\":{\"" + std::string(name) + "\":\"" + filler + "\"}");
  const OciAnswer first = get("/v2/app/referrers/" + digest_text("subject"));
  EXPECT_EQ(first.json().root().find("manifests").size(), 2U);
  EXPECT_LE(first.body.size(), std::size_t{4} * 1024 * 1024);
  EXPECT_NE(first.field("Link"), "");
}

TEST_P(OciListTest, HeadOfListsHasTheirLength) {
  push_image("app", "a");
  for (const std::string& path : {std::string("/v2/app/tags/list"), std::string("/v2/_catalog"),
                                  "/v2/app/referrers/" + digest_text("x"), std::string("/v2/")}) {
    const OciAnswer got = get(path);
    const OciAnswer asked = head(path);
    EXPECT_EQ(asked.status, 200) << path;
    EXPECT_EQ(asked.body, "") << path;
    EXPECT_EQ(asked.length(), got.body.size()) << path;
  }
}

}  // namespace
}  // namespace slipway::test
