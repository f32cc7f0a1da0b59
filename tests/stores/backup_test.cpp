// Backups of data folders in use, and what is made of them.

#include <slipway/storage/backup.hpp>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <random>
#include <thread>

#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/storage/object_testing.hpp"
#include "tests/storage/random_seed.hpp"
#include "tests/storage/store_testing.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string object_name(const Digest& digest) {
  return "blobs/" + digest.hex().substr(0, 2) + "/sha256-" + digest.hex();
}

class BackupTest : public testing::Test {
 protected:
  Digest put(std::string_view bytes) {
    const auto info = blobs_.put(bytes);
    EXPECT_TRUE(succeeded(info));
    return info->digest;
  }
  Result<BackupProgress> back_up(const fs::path& folder, const BackupWatch& watch = {}) {
    return stores_->back_up(folder, watch);
  }
  static bool yes_it_goes(BlobStore& blobs, const Digest& digest) {
    return blobs
        .remove(digest, [](WriteTransaction&, const BlobInfo&, Timestamp) { return Result<bool>(true); })
        .value_or(false);
  }
  /// Restores and opens what a backup has, with the key, which is not in it.
  std::unique_ptr<Stores> restored(const fs::path& backup, const fs::path& data) const {
    {
      const auto restore = begin_restore(backup, data, StoreOptions(), {});
      EXPECT_TRUE(succeeded(restore));
      if (!restore) return nullptr;
      EXPECT_TRUE(succeeded((*restore)->finish()));
    }
    fs::copy_file(data_ / "secret.key", data / "secret.key");
    auto stores = open_stores(data);
    EXPECT_TRUE(succeeded(stores));
    return stores ? std::move(*stores) : nullptr;
  }

  const TemporaryFolder folder_;
  const fs::path data_ = folder_ / "data";
  const std::unique_ptr<Stores> stores_ = *open_stores(data_);
  BlobStore blobs_{stores_->metadata(), stores_->objects(), Clock::system(), {.inline_limit = 100}};
};

TEST_F(BackupTest, HasEverythingAndSharesLargeFiles) {
  const std::string large(5000, 'L');
  const Digest digest = put(large);
  const Digest small = put("small");
  ASSERT_TRUE(succeeded(write(stores_->metadata(), "zz", "a row")));
  staged(stores_->objects(), "upload", "on its way");

  const auto made = back_up(folder_ / "backup");
  ASSERT_TRUE(succeeded(made));
  EXPECT_EQ(made->objects, 1U);
  EXPECT_EQ(made->linked, 1U);
  EXPECT_EQ(made->missing, 0U);
  EXPECT_EQ(made->object_bytes, large.size());
  EXPECT_EQ(read_file(folder_ / "backup/BACKUP"),
            "slipway backup of data format 4\n1 objects of 5000 bytes\n");
  EXPECT_TRUE(fs::equivalent(data_ / object_name(digest), folder_ / "backup" / object_name(digest)));
  EXPECT_FALSE(fs::exists(folder_ / "backup/staging"));
  EXPECT_FALSE(fs::exists(folder_ / "backup/metadata/lock.mdb"));
  EXPECT_FALSE(fs::exists(data_ / "removed"));
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "backup/metadata/data.mdb").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U) << "it has keys in it";
  ASSERT_EQ(::stat((folder_ / "backup").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);

  ASSERT_TRUE(succeeded(write(stores_->metadata(), "zz", "changed")));
  ASSERT_TRUE(yes_it_goes(blobs_, digest));
  const auto again = restored(folder_ / "backup", folder_ / "new");
  ASSERT_NE(again, nullptr);
  BlobStore blobs(again->metadata(), again->objects(), Clock::system());
  EXPECT_EQ(read(again->metadata(), "zz"), "a row");
  EXPECT_EQ(blobs.read(small, 100).value(), "small");
  EXPECT_EQ(blobs.read(digest, 10000).value(), large);
  ASSERT_TRUE(succeeded(write(again->metadata(), "zz", "new life")));
  EXPECT_EQ(read(stores_->metadata(), "zz"), "changed") << "the metadata is a copy";
}

TEST_F(BackupTest, TheSecondSharesItsFilesToo) {
  const Digest digest = put(std::string(5000, 'L'));
  ASSERT_TRUE(succeeded(back_up(folder_ / "first")));
  ASSERT_TRUE(succeeded(back_up(folder_ / "second")));
  EXPECT_TRUE(fs::equivalent(folder_ / "first" / object_name(digest),
                             folder_ / "second" / object_name(digest)));
}

TEST_F(BackupTest, RefusesAFolderThatIsNoPlaceForIt) {
  write_file(folder_ / "full/file", "x");
  for (const fs::path& folder :
       {fs::path("relative"), data_, data_ / "backup", data_ / "blobs/../backup",
        folder_ / "full", folder_ / "full/file"}) {
    const auto refused = back_up(folder);
    EXPECT_TRUE(failed(refused, ErrorCode::invalid_argument)) << folder;
  }
  EXPECT_FALSE(fs::exists(data_ / "backup"));
  fs::create_directory(folder_ / "empty");
  EXPECT_TRUE(succeeded(back_up(folder_ / "empty")));
  EXPECT_TRUE(failed(make_memory_stores()->back_up(folder_ / "memory"), ErrorCode::unsupported));
}

TEST_F(BackupTest, OneThatIsStoppedLeavesAnEmptyFolder) {
  for (char c = 'a'; c <= 'e'; ++c) put(std::string(5000, c));
  const auto stopped = back_up(folder_ / "backup", [](const BackupProgress& progress) -> Result<void> {
    if (progress.objects < 3) return {};
    return Error(ErrorCode::cancelled, "enough");
  });
  EXPECT_TRUE(failed(stopped, ErrorCode::cancelled));
  EXPECT_TRUE(fs::is_empty(folder_ / "backup"));
  EXPECT_FALSE(fs::exists(data_ / "removed"));
  EXPECT_TRUE(succeeded(back_up(folder_ / "backup")));
}

/// The blob goes after the metadata was copied and before its object is.
TEST_F(BackupTest, WhatIsRemovedMeanwhileIsInItAllTheSame) {
  std::vector<Digest> digests;
  for (char c = 'a'; c <= 'e'; ++c) digests.push_back(put(std::string(5000, c)));
  bool removed = false;
  const auto made = back_up(folder_ / "backup", [&](const BackupProgress&) -> Result<void> {
    if (std::exchange(removed, true)) return {};
    for (const Digest& digest : digests) EXPECT_TRUE(yes_it_goes(blobs_, digest));
    EXPECT_TRUE(all_objects(stores_->objects()).empty());
    put(std::string(5000, 'c'));  // and one is there again
    return {};
  });
  ASSERT_TRUE(succeeded(made));
  EXPECT_EQ(made->objects, 5U);
  EXPECT_EQ(made->missing, 0U);
  EXPECT_FALSE(fs::exists(data_ / "removed"));
  EXPECT_EQ(all_objects(stores_->objects()).size(), 1U);
  const auto again = restored(folder_ / "backup", folder_ / "new");
  ASSERT_NE(again, nullptr);
  BlobStore blobs(again->metadata(), again->objects(), Clock::system());
  for (const Digest& digest : digests)
    EXPECT_EQ(blobs.check(digest)->state, BlobCheck::State::sound);
}

/// Writers push and remove as fast as they can; each backup has all that its metadata refers to.
TEST_F(BackupTest, IsWholeWhilePushesAndRemovalsGoOn) {
  std::atomic<bool> done = false;
  const std::uint64_t seed = random_seed();
  std::vector<std::thread> writers;
  for (unsigned writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      std::mt19937_64 random(seed + writer);
      while (!done) {
        const std::string bytes(200, static_cast<char>(random() % 40));
        if (random() % 2 == 0)
          EXPECT_TRUE(succeeded(blobs_.put(bytes)));
        else
          (void)yes_it_goes(blobs_, digest_of(bytes));
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    const fs::path backup = folder_ / ("backup-" + std::to_string(round));
    const auto made = back_up(backup);
    ASSERT_TRUE(succeeded(made));
    EXPECT_EQ(made->missing, 0U);
    const auto restore = begin_restore(backup, folder_ / ("new-" + std::to_string(round)),
                                       StoreOptions(), {});
    ASSERT_TRUE(succeeded(restore));
    EXPECT_EQ((*restore)->progress().missing, 0U);
    Stores& stores = (*restore)->stores();
    BlobStore blobs(stores.metadata(), stores.objects(), Clock::system());
    const auto digests = blobs.digests(std::nullopt, 1000);
    ASSERT_TRUE(succeeded(digests));
    for (const Digest& digest : *digests)
      EXPECT_EQ(blobs.check(digest)->state, BlobCheck::State::sound);
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
}

TEST_F(BackupTest, WhatABackupLeftWhenItsProcessDiedIsForgotten) {
  ASSERT_TRUE(succeeded(open_stores(folder_ / "other")));
  write_file(folder_ / "other/removed/sha256-aa", "left behind");
  ASSERT_TRUE(succeeded(open_stores(folder_ / "other")));
  EXPECT_FALSE(fs::exists(folder_ / "other/removed"));
}

TEST_F(BackupTest, OnlyAWholeBackupIsRestoredAndOnlyIntoAnEmptyFolder) {
  put(std::string(5000, 'L'));
  ASSERT_TRUE(succeeded(back_up(folder_ / "backup")));
  const auto begin = [&](const fs::path& backup, const fs::path& data) {
    const auto restore = begin_restore(backup, data, StoreOptions(), {});
    return restore ? "" : restore.error().message;
  };
  EXPECT_THAT(begin(folder_ / "none", folder_ / "new"), HasSubstr("there is no folder"));
  EXPECT_THAT(begin(data_, folder_ / "new"), HasSubstr("is no backup"));
  write_file(folder_ / "full/file", "x");
  EXPECT_THAT(begin(folder_ / "backup", folder_ / "full"), HasSubstr("is not empty"));
  EXPECT_THAT(begin(folder_ / "backup", data_), HasSubstr("is not empty"));
  write_file(folder_ / "other/BACKUP", "slipway backup of data format 9\n");
  EXPECT_THAT(begin(folder_ / "other", folder_ / "new"), HasSubstr("another format"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

/// Whoever finds a backup finds no secrets: their key is kept elsewhere.
TEST_F(BackupTest, TheKeyIsNotInItAndMayBeThereBeforeTheRestore) {
  ASSERT_TRUE(succeeded(back_up(folder_ / "backup")));
  EXPECT_FALSE(fs::exists(folder_ / "backup/secret.key"));
  for (const char* name : {"without", "with"}) {
    const fs::path data = folder_ / name;
    fs::create_directory(data);
    const bool with_key = name == std::string("with");
    if (with_key) fs::copy_file(data_ / "secret.key", data / "secret.key");
    {
      const auto restore = begin_restore(folder_ / "backup", data, StoreOptions(), {});
      ASSERT_TRUE(succeeded(restore));
      ASSERT_TRUE(succeeded((*restore)->finish()));
    }
    const auto opened = open_stores(data);
    if (with_key)
      EXPECT_TRUE(succeeded(opened));
    else
      EXPECT_TRUE(failed(opened, ErrorCode::denied));
  }
}

TEST_F(BackupTest, AnInterruptedRestoreIsNoDataFolder) {
  put(std::string(5000, 'L'));
  ASSERT_TRUE(succeeded(back_up(folder_ / "backup")));
  { ASSERT_TRUE(succeeded(begin_restore(folder_ / "backup", folder_ / "new", StoreOptions(), {}))); }
  const auto refused = open_stores(folder_ / "new");
  ASSERT_TRUE(failed(refused, ErrorCode::invalid_argument));
  EXPECT_THAT(refused.error().message, HasSubstr("interrupted"));
}

}  // namespace
}  // namespace slipway::test
