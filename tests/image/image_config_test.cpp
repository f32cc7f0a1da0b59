#include <slipway/image/image_config.hpp>

#include <gtest/gtest.h>

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

// The example of the OCI image specification 1.1, "config.md".
constexpr std::string_view oci_example = R"({
  "created": "2015-10-31T22:22:56.015925234Z",
  "author": "Alyssa P. Hacker <alyspdev@example.com>",
  "architecture": "amd64",
  "os": "linux",
  "config": {
    "User": "alice",
    "ExposedPorts": {"8080/tcp": {}},
    "Env": [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "FOO=oci_is_a",
      "BAR=well_written_spec"
    ],
    "Entrypoint": ["/bin/my-app-binary"],
    "Cmd": ["--foreground", "--config", "/etc/my-app.d/default.cfg"],
    "Volumes": {"/var/log/my-app-logs": {}, "/var/job-result-data": {}},
    "WorkingDir": "/home/alice",
    "Labels": {
      "com.example.project.git.url": "https://example.com/project.git",
      "com.example.project.git.commit": "45a939b2999782a3f005621a8d0f29aa387e1d6b"
    }
  },
  "rootfs": {
    "diff_ids": [
      "sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1",
      "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    ],
    "type": "layers"
  },
  "history": [
    {
      "created": "2015-10-31T22:22:54.690851953Z",
      "created_by": "/bin/sh -c #(nop) ADD file:a3bc1e842b69636f9df5256c49c5374fb4eef1e281fe3f282c65fb853ee171c5 in /"
    },
    {
      "created": "2015-10-31T22:22:55.613815829Z",
      "created_by": "/bin/sh -c #(nop) CMD [\"sh\"]",
      "empty_layer": true
    }
  ]
})";

// What classic Docker adds: nulls for what is empty, and members of its daemon.
constexpr std::string_view docker_example = R"({
  "architecture": "arm64", "variant": "v8", "os": "linux", "docker_version": "20.10.7",
  "config": {"Hostname": "", "AttachStdin": false, "User": "", "ExposedPorts": null, "Env": null,
             "Cmd": ["/bin/sh", "-c", "#(nop) "], "Entrypoint": null, "Volumes": null,
             "Labels": null, "OnBuild": null, "Healthcheck": {"Test": ["NONE"]}},
  "container": "b1d2c9", "container_config": {"Cmd": ["sh"]}, "created": "0001-01-01T00:00:00Z",
  "rootfs": {"type": "layers", "diff_ids": null}, "history": null
})";

const std::string minimal =
    R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";

// `date -u -d 2015-10-31T22:22:56Z +%s` is 1446330176.
TEST(ImageConfig, ExampleOfTheOciSpecification) {
  const auto image = parse_image_config(oci_example);
  ASSERT_TRUE(image.ok()) << image.error().message;
  EXPECT_EQ(image->created, Timestamp(1'446'330'176'015ms));
  EXPECT_EQ(image->author, "Alyssa P. Hacker <alyspdev@example.com>");
  EXPECT_EQ(image->platform, (Platform{"linux", "amd64", "", "", {}}));
  EXPECT_EQ(image->config.user, "alice");
  EXPECT_EQ(image->config.exposed_ports, Texts{"8080/tcp"});
  EXPECT_EQ(image->config.environment[1], "FOO=oci_is_a");
  EXPECT_EQ(image->config.entrypoint, Texts{"/bin/my-app-binary"});
  EXPECT_EQ(image->config.command, (Texts{"--foreground", "--config", "/etc/my-app.d/default.cfg"}));
  EXPECT_EQ(image->config.volumes, (Texts{"/var/job-result-data", "/var/log/my-app-logs"}));
  EXPECT_EQ(image->config.working_directory, "/home/alice");
  EXPECT_EQ(image->config.labels.at("com.example.project.git.url"), "https://example.com/project.git");
  ASSERT_EQ(image->diff_ids.size(), 2U);
  EXPECT_EQ(image->diff_ids[1].hex(), "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
  ASSERT_EQ(image->history.size(), 2U);
  EXPECT_EQ(image->history[0].created, Timestamp(1'446'330'174'690ms));
  EXPECT_FALSE(image->history[0].empty_layer);
  EXPECT_EQ(image->history[1].created_by, R"(/bin/sh -c #(nop) CMD ["sh"])");
  EXPECT_TRUE(image->history[1].empty_layer);
}

TEST(ImageConfig, DockersNullsAndMembersOfItsOwn) {
  const auto image = parse_image_config(docker_example);
  ASSERT_TRUE(image.ok()) << image.error().message;
  EXPECT_EQ(image->platform, (Platform{"linux", "arm64", "v8", "", {}}));
  EXPECT_EQ(image->config.environment, Texts());
  EXPECT_EQ(image->config.command.size(), 3U);
  EXPECT_TRUE(image->diff_ids.empty());
  EXPECT_TRUE(image->history.empty());
}

TEST(ImageConfig, WhatIsWrittenReadsTheSame) {
  for (const std::string_view text : {oci_example, docker_example}) {
    const ImageConfig image = *parse_image_config(text);
    const auto again = parse_image_config(to_json(image));
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, image);
  }
}

TEST(ImageConfig, CanonicalJson) {
  EXPECT_EQ(to_json(*parse_image_config(minimal)), minimal);
  ImageConfig image;
  image.created = Timestamp(0ms);
  image.platform = {"windows", "amd64", "", "10.0.20348.1", {}};
  image.config.exposed_ports = {"53/udp", "80"};
  image.config.labels = {{"b", "2"}, {"a", "1"}};
  image.config.stop_signal = "SIGTERM";
  image.history = {{std::nullopt, "COPY . .", "", "", true}};
  EXPECT_EQ(to_json(image),
            R"({"created":"1970-01-01T00:00:00.000Z","architecture":"amd64","os":"windows",)"
            R"("os.version":"10.0.20348.1",)"
            R"("config":{"ExposedPorts":{"53/udp":{},"80":{}},"Labels":{"a":"1","b":"2"},)"
            R"("StopSignal":"SIGTERM"},"rootfs":{"type":"layers","diff_ids":[]},)"
            R"("history":[{"created_by":"COPY . .","empty_layer":true}]})");
}

TEST(ImageConfig, MistakesNameTheField) {
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]}})";
  const std::string start = R"({"architecture":"amd64","os":"linux",)";
  const std::pair<std::string, std::string_view> mistakes[] = {
      {"7", "the document: expected an object, got a number"},
      {R"({"os":"linux",)" + rootfs, "architecture: is missing"},
      {R"({"architecture":"amd64",)" + rootfs, "os: is missing"},
      {R"({"architecture":"amd64","os":"linux"})", "rootfs: is missing"},
      {start + R"("rootfs":{"diff_ids":[]}})", "rootfs.type: is missing"},
      {start + R"("rootfs":{"type":"tree"}})", "rootfs.type: expected \"layers\", got \"tree\""},
      {start + R"("rootfs":{"type":"layers","diff_ids":[3]}})",
       "rootfs.diff_ids[0]: expected a digest, got a number"},
      {start + R"("created":"yesterday",)" + rootfs,
       "created: expected a time of RFC 3339, got \"yesterday\""},
      {start + R"("config":{"Env":"A=b"},)" + rootfs,
       "config.Env: expected an array, got \"A=b\""},
      {start + R"("config":{"ExposedPorts":["80"]},)" + rootfs,
       "config.ExposedPorts: expected an object, got an array"},
      {start + R"("history":[{},{"empty_layer":1}],)" + rootfs,
       "history[1].empty_layer: expected true or false, got a number"},
  };
  for (const auto& [text, message] : mistakes) {
    const auto image = parse_image_config(text);
    ASSERT_FALSE(image.ok()) << text;
    EXPECT_EQ(image.error(), Error(ErrorCode::invalid_argument, std::string(message)));
  }
  const auto image =
      parse_image_config(start + R"("rootfs":{"type":"layers","diff_ids":["sha256:12"]}})");
  ASSERT_FALSE(image.ok());
  EXPECT_TRUE(image.error().message.starts_with("rootfs.diff_ids[0]: digest \"sha256:12\""));
}

TEST(ImageConfig, LimitsHold) {
  const auto image = parse_image_config(std::string(max_image_config_bytes + 1, ' '));
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace slipway
