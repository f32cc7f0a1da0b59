#include "local/local_object_store.hpp"

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/file.hpp"
#include "tests/storage/file_size_limit.hpp"
#include "tests/storage/object_store_contract.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

namespace {

namespace fs = std::filesystem;

std::unique_ptr<ObjectStore> open_store(const TemporaryFolder& folder) {
  auto store = open_local_object_store(folder.path());
  EXPECT_TRUE(succeeded(store));
  return std::move(store).value();
}

class LocalHarness final : public ObjectStoreHarness {
 public:
  ObjectStore& store() override { return *store_; }

 private:
  const TemporaryFolder folder_;
  const std::unique_ptr<ObjectStore> store_ = open_store(folder_);
};

std::unique_ptr<ObjectStoreHarness> make_local_harness() {
  return std::make_unique<LocalHarness>();
}

std::string file_content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LocalObjectStore, ObjectsLieInFoldersByTheirFirstTwoCharacters) {
  const TemporaryFolder folder;
  const auto store = open_store(folder);
  ASSERT_TRUE(succeeded(staged(*store, "upload", "bytes")->publish("sha256-abcdef")));
  EXPECT_EQ(file_content(folder.path() / "blobs/ab/sha256-abcdef"), "bytes");
  ASSERT_TRUE(succeeded(staged(*store, "upload", "bytes")->publish("a-..")));
  EXPECT_TRUE(fs::exists(folder.path() / "blobs/__/a-.."));
  staged(*store, "upload", "on their way");
  EXPECT_EQ(file_content(folder.path() / "staging/upload"), "on their way");
}

TEST(LocalObjectStore, StagesAndObjectsOutliveTheStore) {
  const TemporaryFolder folder;
  {
    const auto store = open_store(folder);
    staged(*store, "upload", "half ");
    ASSERT_TRUE(succeeded(staged(*store, "other", "whole")->publish("key")));
  }
  const auto store = open_store(folder);
  EXPECT_EQ(content_of(*store, "key"), "whole");
  const auto stage = store->open_stage("upload");
  ASSERT_TRUE(succeeded(stage));
  ASSERT_TRUE(succeeded((*stage)->append(bytes_of("and half"))));
  ASSERT_TRUE(succeeded((*stage)->publish("key-2")));
  EXPECT_EQ(content_of(*store, "key-2"), "half and half");
}

TEST(LocalObjectStore, AStageThatRanOutOfRoomKnowsWhatItHasAndGoesOn) {
  const TemporaryFolder folder;
  const auto store = open_store(folder);
  const std::string bytes(200000, 'x');
  auto stage = store->begin_stage("upload");
  ASSERT_TRUE(succeeded(stage));
  {
    const FileSizeLimit limit(100000);
    const auto refused = (*stage)->append(bytes_of(bytes));
    ASSERT_TRUE(failed(refused, ErrorCode::quota_exceeded));
    EXPECT_NE(refused.error().message.find("staging/upload"), std::string::npos);
    EXPECT_EQ((*stage)->size(), 100000U);
    EXPECT_EQ(fs::file_size(folder.path() / "staging/upload"), 100000U);
  }
  ASSERT_TRUE(succeeded((*stage)->append(bytes_of(bytes).subspan(100000))));
  ASSERT_TRUE(succeeded((*stage)->publish("key")));
  EXPECT_TRUE(content_of(*store, "key") == bytes);
}

TEST(LocalObjectStore, ADiskWithoutRoomIsAQuota) {
  const auto full = files::open_file("/dev/full", O_WRONLY);
  ASSERT_TRUE(succeeded(full));
  std::uint64_t offset = 0;
  const auto refused = files::write_at(*full, "/dev/full", offset, bytes_of("x"));
  ASSERT_TRUE(failed(refused, ErrorCode::quota_exceeded));
  EXPECT_EQ(refused.error().message, "cannot write /dev/full: No space left on device");
  EXPECT_EQ(offset, 0U);
}

TEST(LocalObjectStore, SymbolicLinksAreNotFollowed) {
  const TemporaryFolder folder;
  const auto store = open_store(folder);
  ASSERT_TRUE(succeeded(staged(*store, "upload", "bytes")->publish("key")));
  fs::create_symlink("/etc/passwd", folder.path() / "staging/link");
  fs::create_symlink("/etc/passwd", folder.path() / "blobs/ke/kelink");
  EXPECT_TRUE(failed(store->open_stage("link"), ErrorCode::io));
  EXPECT_TRUE(failed(store->begin_stage("link"), ErrorCode::already_exists));
  EXPECT_TRUE(failed(store->open("kelink"), ErrorCode::io));
}

TEST(LocalObjectStore, DescriptorsAreNotInherited) {
  const TemporaryFolder folder;
  const auto store = open_store(folder);
  const auto stage = staged(*store, "stage", "bytes");
  ASSERT_TRUE(succeeded(staged(*store, "upload", "bytes")->publish("key")));
  const auto object = store->open("key");
  int found = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = fs::read_symlink(entry.path(), gone);
    if (gone || !target.native().starts_with(folder.path().native())) continue;
    ++found;
    EXPECT_TRUE((fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC) != 0) << target;
  }
  EXPECT_EQ(found, 2);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Local, ObjectStoreContract, testing::Values(make_local_harness),
                         [](const auto&) { return "store"; });

}  // namespace slipway::test
