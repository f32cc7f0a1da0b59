// Sources that nobody should trust: each is refused with the entry's name, and nothing is visible.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "archive/tar_writer.hpp"
#include "tests/transfer/image_fixture.hpp"

namespace slipway::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class HostileImport : public ImageTest {
 protected:
  /// Refused from a file and from a pipe, with these words, and without anything to see.
  void expect_refused(const std::string& bytes, const std::vector<std::string>& words) {
    for (const bool once : {false, true}) {
      MemorySource source(bytes, once);
      const auto imported = import(source);
      for (const std::string& word : words) EXPECT_THAT(message_of(imported), HasSubstr(word));
      EXPECT_EQ(tagged(), "");
      EXPECT_EQ(transport_.count("PUT /v2/app/web/manifests/"), 0U);
    }
  }
  void expect_refused(const Files& files, const std::vector<std::string>& words) {
    expect_refused(tar_of(files), words);
  }

  /// The image's layout, with one file replaced.
  Files with(const std::string& name, const std::string& bytes) const {
    Files files = image_.layout();
    for (auto& file : files)
      if (file.first == name) file.second = bytes;
    return files;
  }
  Files without(const std::string& name) const {
    Files files = image_.layout();
    std::erase_if(files, [&](const auto& file) { return file.first == name; });
    return files;
  }

  const SimpleImage image_;
};

TEST_F(HostileImport, NamesAndLinksThatLeave) {
  const std::string rest = tar_of(image_.layout());
  expect_refused(tar_block(TarEntry{"../oci-layout", '0', "x"}) + rest, {"../oci-layout", "\"..\""});
  expect_refused(tar_block(TarEntry{"/oci-layout", '0', "x"}) + rest, {"/oci-layout", "absolute"});
  expect_refused(tar_block(TarEntry{"a/b", '2', "", "../../etc/passwd"}) + rest, {"a/b", "leaves"});
  expect_refused(tar_block(TarEntry{"a", '2', "", "/etc/passwd"}) + rest, {"\"a\"", "leaves"});
  expect_refused(tar_block(TarEntry{"a", '1', "", "../b"}) + rest, {"../b"});
}

TEST_F(HostileImport, DevicesAndFifos) {
  const std::string rest = tar_of(image_.layout());
  expect_refused(tar_block(TarEntry{"dev/null", '3'}) + rest, {"dev/null", "device"});
  expect_refused(tar_block(TarEntry{"pipe", '6'}) + rest, {"pipe", "FIFO"});
}

TEST_F(HostileImport, AFolderWithALinkThatLeavesOrAFifo) {
  const TemporaryFolder folder;
  for (const auto& [name, bytes] : image_.layout()) {
    std::filesystem::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name, std::ios::binary) << bytes;
  }
  const auto message = [&] {
    const auto source = open_layout_source(folder.path());
    return message_of(import(**source));
  };
  std::filesystem::create_symlink("/etc/passwd", folder.path() / "secret");
  EXPECT_THAT(message(), AllOf(HasSubstr("secret"), HasSubstr("leaves")));
  std::filesystem::remove(folder.path() / "secret");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(message(), HasSubstr("pipe"));
  std::filesystem::remove(folder.path() / "pipe");
  EXPECT_EQ(message(), "it was imported");
}

TEST_F(HostileImport, ANameThatComesTwice) {
  Files files = image_.layout();
  files.emplace_back("./index.json", index_json({}));
  expect_refused(files, {"index.json", "twice"});
}

TEST_F(HostileImport, BytesThatHaveNotTheirDigest) {
  expect_refused(with(blob_name(image_.layer), "the lever"),
                 {blob_name(image_.layer), digest_text("the lever")});
  std::string manifest = image_.manifest;
  manifest.replace(manifest.find("tar+gzip"), 8, "tar+zstd");
  expect_refused(with(blob_name(image_.manifest), manifest), {blob_name(image_.manifest), "digest"});
  EXPECT_FALSE(has_blob("the lever"));
}

TEST_F(HostileImport, MissingFilesAndWrongSizes) {
  expect_refused(without(blob_name(image_.layer)),
                 {blob_name(image_.layer), "missing", blob_name(image_.manifest)});
  expect_refused(without(blob_name(image_.config)), {blob_name(image_.config), "missing"});
  expect_refused(without(blob_name(image_.manifest)),
                 {blob_name(image_.manifest), "missing", "index.json"});
  expect_refused(without("index.json"), {"index.json", "missing"});
  expect_refused(without("oci-layout"), {"oci-layout", "missing"});
  expect_refused(Files{{"readme", "nothing here"}}, {"neither", "index.json", "manifest.json"});
  std::string wrong = index_json({image_.descriptor()});
  wrong.replace(wrong.find("\"size\":") + 7, 1, "9");
  expect_refused(with("index.json", wrong), {blob_name(image_.manifest), "index.json says 9"});
}

TEST_F(HostileImport, WhatIsMissingIsKnownBeforeAByteIsSent) {
  MemorySource source(tar_of(without(blob_name(image_.config))));
  EXPECT_FALSE(import(source).ok());
  EXPECT_TRUE(transport_.calls.empty());
}

TEST_F(HostileImport, DocumentsThatAreNone) {
  expect_refused(with("index.json", "{"), {"index.json", "malformed JSON"});
  expect_refused(with("index.json", std::string(100, '[')), {"index.json", "64 levels"});
  expect_refused(with("index.json", "[]"), {"index.json", "an object"});
  expect_refused(with("index.json", image_.manifest), {"index.json"});
  expect_refused(with("oci-layout", R"({"imageLayoutVersion":"2.0.0"})"), {"oci-layout", "2.0.0"});
  std::string huge = index_json({image_.descriptor()});
  huge.append((std::size_t{4} << 20U) + 1 - huge.size(), ' ');
  expect_refused(with("index.json", huge), {"index.json", "4194305 bytes"});
  expect_refused(Files{{"manifest.json", "{}"}}, {"manifest.json", "an array"});
  expect_refused(Files{{"manifest.json", "[]"}}, {"manifest.json", "no image"});
  expect_refused(Files{{"manifest.json", R"([{"Config":"a.json"}])"}}, {"a.json", "missing"});
  expect_refused(Files{{"a.json", "{}"}, {"manifest.json", R"([{"Config":"a.json"}])"}}, {"a.json"});
  expect_refused(Files{{"a.json", config_json({})},
                       {"manifest.json", R"([{"Config":"a.json","Layers":["l"]}])"}},
                 {"1 layers", "has 0"});
}

TEST_F(HostileImport, LinksInACircle) {
  expect_refused(tar(TarEntry{"a.json", '2', "", "b.json"}, TarEntry{"b.json", '2', "", "a.json"},
                     TarEntry{"manifest.json", '0', R"([{"Config":"a.json","Layers":[]}])"}),
                 {"a.json", "leads nowhere"});
}

TEST_F(HostileImport, IndexesNestedTooDeeply) {
  Files files = image_.blobs();
  std::string inner = index_json({image_.descriptor()});
  for (int level = 0; level < 9; ++level) {
    files.push_back(blob(inner));
    inner = index_json({descriptor_json(oci_index_type, inner)});
  }
  files.push_back(blob(inner));
  files.emplace_back("index.json", index_json({descriptor_json(oci_index_type, inner)}));
  files.emplace_back("oci-layout", layout_version);
  expect_refused(files, {"deeper than 8"});
}

TEST_F(HostileImport, CutShortAnywhere) {
  const std::string whole = tar_of(image_.layout());
  for (std::size_t size = 0; size + 1024 < whole.size(); size += 256) {
    MemorySource source(whole.substr(0, size), size % 512 == 0);
    EXPECT_FALSE(import(source).ok()) << size;
    EXPECT_EQ(tagged(), "");
  }
}

TEST_F(HostileImport, AFileThatIsCutShortWhereItIsPassedOver) {
  // The layer is larger than what is read of it while documents are looked for.
  const SimpleImage large(std::string(1'000'000, 'x'));
  const std::string bytes = tar_of(large.layout());
  const TemporaryFolder folder;
  const auto file = folder.path() / "image.tar";
  std::ofstream(file, std::ios::binary) << bytes.substr(0, 500'000);
  const auto source = open_layout_source(file);
  ASSERT_TRUE(source.ok());
  EXPECT_THAT(message_of(import(**source)), HasSubstr("runcated"));
}

TEST_F(HostileImport, TooManyEntries) {
  const TarEntry entry{"f", '5'};
  std::string bytes;
  for (std::uint64_t i = 0; i <= layout_limits.entries; ++i) bytes += tar_block(entry);
  expect_refused(bytes + std::string(1024, '\0'), {"65536 entries"});
}

TEST_F(HostileImport, ABombIsCutOff) {
  // 1.25 GiB of zeros that the compressor makes little of: more than 200 times its size.
  std::string packed;
  auto writer = TarWriter::open(
      [&packed](std::span<const std::byte> bytes) -> Result<void> {
        packed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
      },
      Compression::zstd);
  ASSERT_TRUE(writer.ok());
  slipway::TarEntry entry;
  entry.name = "zeros";
  entry.size = std::uint64_t{1280} << 20U;
  ASSERT_TRUE(writer->add(entry).ok());
  const std::vector<std::byte> zeros(std::size_t{1} << 20U);
  for (int i = 0; i < 1280; ++i) ASSERT_TRUE(writer->write(zeros).ok());
  ASSERT_TRUE(writer->finish().ok());
  ASSERT_LT(packed.size(), 3'000'000U);
  MemorySource source(packed);
  EXPECT_THAT(message_of(import(source)), HasSubstr("200 times"));
}

}  // namespace
}  // namespace slipway::test
