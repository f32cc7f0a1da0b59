#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/transfer/image_fixture.hpp"
#include "transfer/layer_files.hpp"

namespace slipway::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Names of files below a folder.
std::set<std::string> files_below(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      names.insert(std::filesystem::relative(entry.path(), folder).string());
  return names;
}

class ImageExport : public ImageTest {
 protected:
  Result<ExportSummary> write(LayoutWriter& writer, const std::string& reference = "1",
                              bool referrers = false) {
    const RegistryClient client = registry();
    return export_image(client, *parse_reference(reference), writer, {referrers}, events_);
  }

  std::string as_tar(Compression compression = Compression::none,
                     const std::string& reference = "1", bool referrers = false) {
    std::string bytes;
    auto writer = write_layout_tar(
        [&bytes](std::span<const std::byte> more) -> Result<void> {
          bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
          return {};
        },
        compression);
    const auto written = write(**writer, reference, referrers);
    EXPECT_TRUE(written.ok()) << (written ? "" : written.error().message);
    return bytes;
  }

  const TemporaryFolder folder_;
};

TEST_F(ImageExport, AFolderIsAnOciLayout) {
  const SimpleImage image;
  ASSERT_TRUE(import(image.layout()).ok());
  const auto target = folder_.path() / "image";
  auto writer = write_layout_folder(target);
  ASSERT_TRUE(writer.ok());
  const auto written = write(**writer);
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(written->digest.to_string(), digest_text(image.manifest));
  EXPECT_EQ(files_below(target),
            (std::set<std::string>{blob_name(image.layer), blob_name(image.config),
                                   blob_name(image.manifest), "index.json", "oci-layout"}));
  EXPECT_EQ(read_bytes(target / "oci-layout"), layout_version);
  EXPECT_EQ(read_bytes(target / "index.json"),
            "{\"schemaVersion\":2,\"mediaType\":\"" + oci_index_type + "\",\"manifests\":[" +
                descriptor_json(oci_manifest_type, image.manifest, named("1")) + "]}");
  EXPECT_EQ(read_bytes(target / blob_name(image.layer)), image.layer);
}

TEST_F(ImageExport, TheSameBytesEachTimeAndBackAgain) {
  const SimpleImage image;
  ASSERT_TRUE(import(image.layout()).ok());
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    const std::string bytes = as_tar(compression);
    EXPECT_EQ(bytes, as_tar(compression));
    for (const bool once : {false, true}) {
      MemorySource source(bytes, once);
      const auto imported = import(source, {}, "again");
      ASSERT_TRUE(imported.ok()) << message_of(imported);
      EXPECT_EQ(imported->digest.to_string(), digest_text(image.manifest));
      EXPECT_EQ(tagged("again"), image.manifest);
    }
  }
}

TEST_F(ImageExport, ReferrersComeWhenTheyAreAskedFor) {
  const SimpleImage image;
  ASSERT_TRUE(import(image.layout()).ok());
  const std::string signature =
      image_json("{}", {"a signature"}, ",\"subject\":" + image.descriptor());
  Files files{blob("{}"), blob("a signature"), blob(signature)};
  files.emplace_back("index.json", index_json({descriptor_json(oci_manifest_type, signature)}));
  files.emplace_back("oci-layout", layout_version);
  ASSERT_TRUE(import(files, {}, digest_text(signature)).ok());
  EXPECT_THAT(as_tar(), testing::Not(HasSubstr("a signature")));
  MemorySource source(as_tar(Compression::none, "1", true));
  RegistryClient other = registry("app/copy");
  const auto imported = import_image(source, other, *parse_reference("1"), {}, events_);
  ASSERT_TRUE(imported.ok()) << message_of(imported);
  EXPECT_EQ(imported->digest.to_string(), digest_text(image.manifest));
  const auto referrers = other.referrers(digest_of(image.manifest));
  ASSERT_TRUE(referrers.ok());
  ASSERT_EQ(referrers->size(), 1U);
  EXPECT_EQ(referrers->front().digest.to_string(), digest_text(signature));
}

TEST_F(ImageExport, AFailureLeavesNothing) {
  const SimpleImage image;
  ASSERT_TRUE(import(image.layout()).ok());
  transport_.before = [&](const std::string& call) -> Result<void> {
    if (call.find(digest_text(image.layer)) == std::string::npos) return {};
    return Error(ErrorCode::unavailable, "connection reset");
  };
  {
    auto folder = write_layout_folder(folder_.path() / "image");
    EXPECT_FALSE(write(**folder).ok());
    auto file = write_layout_file(folder_.path() / "image.tar", Compression::gzip);
    EXPECT_FALSE(write(**file).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(ImageExport, WhatIsThereIsNotOverwrittenByAFolder) {
  std::ofstream(folder_.path() / "file") << "mine";
  const auto writer = write_layout_folder(folder_.path());
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code, ErrorCode::already_exists);
  EXPECT_TRUE(write_layout_folder(folder_.path() / "new/").ok());
}

TEST_F(ImageExport, AnImageThatIsNotThere) {
  auto writer = write_layout_folder(folder_.path() / "image");
  const auto written = write(**writer, "none");
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, ErrorCode::not_found);
}

TEST_F(ImageExport, WhatAnIndexNamesAndIsNotHereIsCounted) {
  const SimpleImage here("here");
  const SimpleImage away("away");
  const std::string index = index_json({here.descriptor(), away.descriptor()});
  Files files = here.blobs();
  files.push_back(blob(index));
  files.emplace_back("index.json", index_json({descriptor_json(oci_index_type, index)}));
  files.emplace_back("oci-layout", layout_version);
  ASSERT_TRUE(import(files, {"", true}).ok());
  auto writer = write_layout_folder(folder_.path() / "image");
  const auto written = write(**writer);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->missing, 1U);
  EXPECT_EQ(written->manifests, 2U);
}

// ---- a layer's files ----

TEST_F(ImageExport, TheFilesOfALayerThroughRanges) {
  const SimpleImage image(tar(TarEntry{"bin/", '5', "", "", 0755}, TarEntry{"bin/sh", '0', "shell", "", 04755},
                              TarEntry{"bin/ash", '1', "", "bin/sh"},
                              TarEntry{"etc/mtab", '2', "", "/proc/mounts", 0777},
                              TarEntry{"etc/.wh.gone", '0'}, TarEntry{"dev/null", '3', "", "", 01666}));
  ASSERT_TRUE(import(image.layout()).ok());
  const RegistryClient client = registry();
  std::vector<std::string> lines;
  const auto listed = list_layer_files(
      client.blob_source(digest_of(image.layer)), [&](const slipway::TarEntry& entry) -> Result<void> {
        lines.push_back(mode_text(entry) + " " + std::to_string(entry.size) + " " + entry.name +
                        (entry.target.empty() ? "" : " -> " + entry.target));
        return {};
      });
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  EXPECT_THAT(lines, ElementsAre("drwxr-xr-x 0 bin/", "-rwsr-xr-x 5 bin/sh", "hrw-r--r-- 0 bin/ash -> bin/sh",
                                 "lrwxrwxrwx 0 etc/mtab -> /proc/mounts", "-rw-r--r-- 0 etc/.wh.gone",
                                 "?rw-rw-rwT 0 dev/null"));
}

TEST_F(ImageExport, ALayerThatIsNoTar) {
  const SimpleImage image("no tar at all");
  ASSERT_TRUE(import(image.layout()).ok());
  const RegistryClient client = registry();
  EXPECT_FALSE(list_layer_files(client.blob_source(digest_of(image.layer)),
                                [](const slipway::TarEntry&) { return Result<void>(); })
                   .ok());
}

}  // namespace
}  // namespace slipway::test
