// `slipway image`, against a real server and beside skopeo.

#include <slipway/support/hasher.hpp>

#include "json/value.hpp"
#include "tests/archive/tar_bytes.hpp"
#include "tests/program/harness.hpp"

namespace slipway::testing_program {
namespace {

using test::TarEntry;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

json::Document parse(const std::string& text) {
  auto document = json::Document::parse(text);
  if (!document) throw std::runtime_error("no JSON: " + text);
  return std::move(*document);
}

std::string text_of(const std::string& json, std::string_view member) {
  return std::string(parse(json).root().find(member).text());
}

/// An image's manifest's digest, as skopeo finds it at a transport's name.
std::string skopeo_digest(const std::string& name, const std::string& server = "") {
  std::vector<std::string> command{"skopeo", "inspect", "--format", "{{.Digest}}", name};
  if (!server.empty()) command.insert(command.end(), {"--tls-verify=false", "--creds", server});
  const Ended ended = run(command);
  EXPECT_EQ(ended.status, 0) << ended.errors;
  return ended.output.substr(0, ended.output.find('\n'));
}

/// Of a program that moves an image, however large that is. AddressSanitizer holds back what is freed.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t most_memory = std::uint64_t{450} << 20U;
#else
constexpr std::uint64_t most_memory = std::uint64_t{100} << 20U;
#endif

class Image : public testing::Test {
 protected:
  Image() {
    write_file(folder_ / "docker.tar", docker_archive());
  }

  static std::string docker_archive() {
    // The layer's digest by sha256sum.
    const std::string layer = test::tar(TarEntry{"etc/", '5', "", "", 0755},
                                        TarEntry{"etc/motd", '0', "hello\n"});
    const std::string config =
        R"({"architecture":"amd64","os":"linux","created":"2026-11-24T09:05:03Z",)"
        R"("config":{"Cmd":["sh"],"Labels":{"team":"infra"}},)"
        R"("history":[{"created_by":"COPY etc /etc"}],)"
        R"("rootfs":{"type":"layers","diff_ids":["sha256:)"
        "3c73f0b36a1d189245492580f5766c6b45272486818483f19733fb57219e3260\"]}}";
    return test::tar(TarEntry{"abc/layer.tar", '0', layer}, TarEntry{"c.json", '0', config},
                     TarEntry{"manifest.json", '0',
                              R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":["abc/layer.tar"]}])"});
  }

  Ended slipway(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "image");
    return run_slipway(std::move(arguments), server_.client(), folder_.path());
  }
  /// The digest that an import of the archive gave.
  std::string import() {
    const Ended ended = slipway({"import", "app/web:1", "docker.tar", "--output", "json"});
    EXPECT_EQ(ended.status, 0) << ended.errors;
    return ended.status == 0 ? text_of(ended.output, "digest") : "";
  }
  std::string on_server(const std::string& image) { return "docker://" + server_.host() + "/" + image; }
  std::string credentials() { return "me:" + server_.token(); }

  TemporaryFolder folder_;
  ServeProcess server_{folder_ / "data"};
};

TEST_F(Image, ComesOutAsSkopeoReadsItAndGoesInAgain) {
  const std::string digest = import();
  EXPECT_EQ(skopeo_digest(on_server("app/web:1"), credentials()), digest);
  const std::vector<std::pair<std::string, std::string>> forms{
      {"layout", "oci:"}, {"image.tar", "oci-archive:"}, {"image.tar.gz", ""}, {"image.tar.zst", ""}};
  for (const auto& [file, transport] : forms) {
    const Ended written = slipway({"export", "app/web:1", file});
    ASSERT_EQ(written.status, 0) << written.errors;
    EXPECT_THAT(written.output, HasSubstr(digest));
    if (!transport.empty()) {
      EXPECT_EQ(skopeo_digest(transport + (folder_ / file).string() + ":1"), digest);
    }
    const Ended again = slipway({"import", "copy/of:" + file, file, "--output", "json"});
    ASSERT_EQ(again.status, 0) << again.errors;
    EXPECT_EQ(text_of(again.output, "digest"), digest);
  }
  const std::string bytes = read_file(folder_ / "image.tar");
  ASSERT_EQ(slipway({"export", "app/web@" + digest, "by-digest.tar"}).status, 0);
  ASSERT_EQ(slipway({"export", "copy/of:layout", "-"}).status, 0);
  EXPECT_EQ(slipway({"export", "app/web:1", "-"}).output, bytes);
}

TEST_F(Image, WhatSkopeoWroteComesIn) {
  const std::string digest = import();
  const std::string archive = (folder_ / "skopeo.tar").string();
  for (const std::string& transport : {std::string("oci-archive:"), std::string("docker-archive:")}) {
    fs::remove(archive);
    const Ended copied = run({"skopeo", "copy", "--src-tls-verify=false", "--src-creds", credentials(),
                              on_server("app/web:1"), transport + archive + ":app:1"});
    ASSERT_EQ(copied.status, 0) << copied.errors;
    const Ended ended = slipway({"import", "from/skopeo:1", "skopeo.tar"});
    ASSERT_EQ(ended.status, 0) << ended.errors;
    EXPECT_EQ(slipway({"inspect", "from/skopeo:1", "--files"}).output.find("etc/motd") !=
                  std::string::npos,
              true);
  }
}

TEST_F(Image, IsListedInspectedAndDeleted) {
  const std::string digest = import();
  EXPECT_EQ(slipway({"list"}).output, "app/web\n");
  EXPECT_THAT(slipway({"list", "app/web"}).output,
              AllOf(HasSubstr("TAG"), HasSubstr(digest),
                    HasSubstr("application/vnd.oci.image.manifest.v1+json")));
  const json::Document tags = parse(slipway({"list", "app/web", "--output", "json"}).output);
  ASSERT_EQ(tags.root().find("tags").size(), 1U);
  const json::Value tag = tags.root().find("tags").elements()[0];
  EXPECT_EQ(tag.find("name").text(), "1");
  EXPECT_EQ(tag.find("digest").text(), digest);

  EXPECT_THAT(slipway({"inspect", "app/web:1"}).output,
              AllOf(HasSubstr(digest), HasSubstr("linux/amd64"), HasSubstr("team=infra"),
                    HasSubstr("COPY etc /etc")));
  const std::string json = slipway({"inspect", "app/web:1", "--output", "json"}).output;
  EXPECT_EQ(text_of(json, "digest"), digest);
  EXPECT_EQ(parse(json).root().find("config").find("os").text(), "linux");
  EXPECT_THAT(slipway({"inspect", "app/web:1", "--layer", "1"}).output,
              AllOf(HasSubstr("drwxr-xr-x"), HasSubstr("etc/motd")));
  const Ended files = slipway({"inspect", "app/web:1", "--files", "--output", "json"});
  const json::Document layers = parse(files.output);
  EXPECT_EQ(layers.root().find("layers").elements()[0].find("files").size(), 2U);
  EXPECT_THAT(slipway({"inspect", "app/web:1", "--layer", "2"}).errors, HasSubstr("\"2\""));

  EXPECT_THAT(slipway({"delete", "app/web:1"}).output, AllOf(HasSubstr("app/web:1"), HasSubstr(digest)));
  EXPECT_EQ(slipway({"inspect", "app/web:1"}).status, 1);
  EXPECT_EQ(slipway({"inspect", "app/web@" + digest}).status, 0);
  EXPECT_EQ(slipway({"delete", "app/web@" + digest}).status, 0);
  EXPECT_EQ(slipway({"delete", "app/web@" + digest}).status, 1);
}

TEST_F(Image, WhatIsWrongIsOneLine) {
  write_file(folder_ / "climbs.tar", test::tar(TarEntry{"../x", '0', "x"}));
  const Ended climbs = slipway({"import", "app/web:1", "climbs.tar"});
  EXPECT_EQ(climbs.status, 1);
  EXPECT_THAT(climbs.errors, AllOf(HasSubstr("climbs.tar"), HasSubstr("../x")));
  write_file(folder_ / "steers.tar", test::tar(TarEntry{"../\x1b[2J", '0', "x"}));
  EXPECT_THAT(slipway({"import", "app/web:1", "steers.tar"}).errors,
              AllOf(HasSubstr("../"), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(slipway({"list"}).output, "");
  EXPECT_EQ(slipway({"import", "app/web:1", "nothing"}).status, 1);
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"import", "App:1", "docker.tar"},
                                             {"import", "127.0.0.1:5000/app:1", "docker.tar"},
                                             {"import", "app:1"},
                                             {"export", "app:1", "x", "--format", "zip"},
                                             {"export", "app:1", "-", "--format", "folder"},
                                             {"delete", "app"}})
    EXPECT_EQ(slipway(wrong).status, 2) << wrong[0] << " " << wrong[1];
}

TEST_F(Image, ALargeOneTakesLittleMemory) {
  // A layer of 512 MiB of zeros, by sha256sum; its file is a hole.
  constexpr std::uint64_t size = std::uint64_t{512} << 20U;
  const std::string digest = "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767";
  fs::create_directories(folder_ / "layout/blobs/sha256");
  const fs::path layer = folder_ / "layout/blobs/sha256" / digest;
  write_file(layer, "");
  fs::resize_file(layer, size);
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:)"
      "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" R"(","size":2},)"
      R"("layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:)" +
      digest + R"(","size":)" + std::to_string(size) + "}]}";
  write_file(folder_ / "layout/blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
             "{}");
  const std::string manifest_digest = digest_of(manifest).hex();
  write_file(folder_ / "layout/blobs/sha256" / manifest_digest, manifest);
  write_file(folder_ / "layout/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  write_file(folder_ / "layout/index.json",
             R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
             R"("digest":"sha256:)" + manifest_digest + R"(","size":)" +
                 std::to_string(manifest.size()) + "}]}");
  const Ended imported = slipway({"import", "large/one:1", "layout"});
  EXPECT_EQ(imported.status, 0) << imported.errors;
  EXPECT_THAT(imported.output, HasSubstr(manifest_digest));
  EXPECT_LT(imported.most_memory, most_memory);
  const Ended exported = slipway({"export", "large/one:1", "copy.tar.zst"});
  EXPECT_EQ(exported.status, 0) << exported.errors;
  EXPECT_LT(exported.most_memory, most_memory);
  // A tar of zeros is smaller than what it unpacks to by more than 200, but not yet by 1 GiB.
  const Ended again = slipway({"import", "large/two:1", "copy.tar.zst"});
  EXPECT_EQ(again.status, 0) << again.errors;
  EXPECT_LT(again.most_memory, most_memory);
}

}  // namespace
}  // namespace slipway::testing_program
