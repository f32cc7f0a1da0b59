#include <slipway/storage/open_stores.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "tests/storage/blob_store_contract.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

namespace {

namespace fs = std::filesystem;

class FolderHarness final : public StoresHarness {
 public:
  Stores& stores() override { return *stores_; }
  void reopen() override {
    stores_.reset();
    open();
  }

  FolderHarness() { open(); }

 private:
  void open() {
    auto stores = open_stores(folder_.path());
    EXPECT_TRUE(succeeded(stores));
    stores_ = std::move(stores).value();
  }

  const TemporaryFolder folder_;
  std::unique_ptr<Stores> stores_;
};

std::unique_ptr<StoresHarness> make_folder_harness() {
  return std::make_unique<FolderHarness>();
}

/// Every path below a folder with its content.
std::map<std::string, std::string> all_files(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files[fs::relative(entry.path(), folder)] =
        entry.is_regular_file() ? read_file(entry.path()) : "a folder";
  return files;
}

TEST(OpenStores, MakesAFolderThatIsMissing) {
  const TemporaryFolder temporary;
  const fs::path folder = temporary.path() / "not" / "yet" / "there";
  ASSERT_TRUE(succeeded(open_stores(folder)));
  EXPECT_EQ(read_file(folder / "FORMAT"), "slipway data folder, format 4\n");
  for (const char* name : {"LOCK", "metadata/data.mdb", "blobs", "staging", "secret.key"})
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
}

TEST(OpenStores, TakesAnEmptyFolderAndAFreshFileSystem) {
  const TemporaryFolder temporary;
  fs::create_directory(temporary.path() / "lost+found");
  ASSERT_TRUE(succeeded(open_stores(temporary.path())));
  ASSERT_TRUE(succeeded(open_stores(temporary.path())));
}

// Statics are destroyed after the variables of the main thread.
TEST(OpenStores, AStaticCanHoldThemToTheEndOfTheProgram) {
  const TemporaryFolder temporary;
  const auto end_with_a_store_open = [&temporary] {
    static std::unique_ptr<Stores> kept = open_stores(temporary.path()).value();
    const auto put = [](WriteTransaction& transaction) { return transaction.put("key", "value"); };
    std::exit(kept->metadata().write(put).ok() ? 0 : 1);
  };
  EXPECT_EXIT(end_with_a_store_open(), testing::ExitedWithCode(0), "");
  const auto stores = open_stores(temporary.path()).value();
  EXPECT_EQ(stores->metadata().snapshot().value()->get("key").value(), "value");
}

TEST(OpenStores, FollowsALinkToTheFolder) {
  const TemporaryFolder temporary;
  fs::create_directory(temporary.path() / "real");
  fs::create_directory_symlink("real", temporary.path() / "link");
  ASSERT_TRUE(succeeded(open_stores(temporary.path() / "link")));
  EXPECT_TRUE(fs::exists(temporary.path() / "real" / "FORMAT"));
}

TEST(OpenStores, GoesOnWhereTheMakingOfAFolderWasInterrupted) {
  const TemporaryFolder temporary;
  ASSERT_TRUE(succeeded(open_stores(temporary.path())));
  fs::remove(temporary.path() / "FORMAT");
  write_file(temporary.path() / "FORMAT.new", "slipway data fol");
  fs::remove_all(temporary.path() / "staging");
  ASSERT_TRUE(succeeded(open_stores(temporary.path())));
  EXPECT_EQ(read_file(temporary.path() / "FORMAT"), "slipway data folder, format 4\n");
}

TEST(OpenStores, MakesAMetadataFileAgainOfWhichOnlyPartsReachedTheDisk) {
  for (const std::size_t size : {0, 100, 4096, 5000, 8192}) {
    const TemporaryFolder temporary;
    ASSERT_TRUE(succeeded(open_stores(temporary.path())));
    fs::remove(temporary.path() / "FORMAT");
    write_file(temporary.path() / "metadata" / "data.mdb", std::string(size, '\0'));
    const auto stores = open_stores(temporary.path());
    ASSERT_TRUE(succeeded(stores)) << size;
    EXPECT_TRUE(succeeded(write((*stores)->metadata(), "a", "1")));
  }
}

TEST(OpenStores, DoesNotTouchAMetadataFileThatMayHaveDataInIt) {
  const TemporaryFolder temporary;
  ASSERT_TRUE(succeeded(open_stores(temporary.path())));
  const fs::path file = temporary.path() / "metadata" / "data.mdb";
  write_file(file, std::string(8192, '\0'));
  EXPECT_TRUE(failed(open_stores(temporary.path()), ErrorCode::corrupt));
  fs::remove(temporary.path() / "FORMAT");
  write_file(file, std::string(200000, 'x'));
  EXPECT_TRUE(failed(open_stores(temporary.path()), ErrorCode::corrupt));
  EXPECT_EQ(read_file(file), std::string(200000, 'x'));
}

TEST(OpenStores, LeavesStrangersFoldersAsTheyAre) {
  struct Case {
    std::string file;
    std::string content;
    ErrorCode code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"index.json", "{}", ErrorCode::invalid_argument, "index.json"},
      {"FORMAT", "slipway data folder, format 5\n", ErrorCode::unsupported, "format 5"},
      {"FORMAT", "slipway data folder, format 10\n", ErrorCode::unsupported, "format 10"},
      {"FORMAT", "slipway data folder, format ", ErrorCode::invalid_argument, "damaged"},
      {"FORMAT", "slipway data folder, format 4", ErrorCode::invalid_argument, "damaged"},
      {"FORMAT", "something else\n", ErrorCode::invalid_argument, "another's"},
      {"FORMAT", "", ErrorCode::invalid_argument, "another's"},
      {"blobs/sha256/ab", "x", ErrorCode::invalid_argument, "not empty"},
  };
  for (const Case& c : cases) {
    const TemporaryFolder temporary;
    fs::create_directories((temporary.path() / c.file).parent_path());
    write_file(temporary.path() / c.file, c.content);
    const auto before = all_files(temporary.path());
    const auto refused = open_stores(temporary.path());
    ASSERT_TRUE(failed(refused, c.code)) << c.content;
    EXPECT_THAT(refused.error().message, testing::HasSubstr(c.says));
    EXPECT_THAT(refused.error().message, testing::HasSubstr(temporary.path().native()));
    EXPECT_EQ(all_files(temporary.path()), before);
  }
}

TEST(OpenStores, AFileIsNotAFolder) {
  const TemporaryFolder temporary;
  write_file(temporary.path() / "file", "x");
  EXPECT_TRUE(failed(open_stores(temporary.path() / "file"), ErrorCode::invalid_argument));
  EXPECT_FALSE(open_stores("").ok());
}

TEST(OpenStores, AFolderInUseIsRefusedAndItsOwnerNamed) {
  const TemporaryFolder temporary;
  std::array<int, 2> opened{};
  ASSERT_EQ(pipe(opened.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto stores = open_stores(temporary.path());
    const char answer = stores ? 'y' : 'n';
    if (::write(opened[1], &answer, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(opened[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto refused = open_stores(temporary.path());
  ASSERT_TRUE(failed(refused, ErrorCode::conflict));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("process " + std::to_string(child)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(succeeded(open_stores(temporary.path())));
  close(opened[0]);
  close(opened[1]);
}

TEST(OpenStores, AFolderIsOpenOnceInAProcessToo) {
  const TemporaryFolder temporary;
  auto stores = open_stores(temporary.path());
  ASSERT_TRUE(succeeded(stores));
  EXPECT_TRUE(failed(open_stores(temporary.path()), ErrorCode::conflict));
  stores->reset();
  EXPECT_TRUE(succeeded(open_stores(temporary.path())));
}

/// Of a number, so that the parent knows what the child wrote: every third is an object.
std::string blob_of(std::uint64_t number) {
  const std::size_t size = number % 3 == 0 ? 40000 + number % 5000 : number % 3000;
  std::string bytes = std::to_string(number) + "\n";
  return bytes.append(size, static_cast<char>('a' + number % 26));
}

[[noreturn]] void put_until_killed(const fs::path& folder, std::uint64_t first, int acknowledged) {
  const auto stores = open_stores(folder);
  if (!stores) _exit(1);
  BlobStore blobs((*stores)->metadata(), (*stores)->objects(), Clock::system());
  std::atomic<std::uint64_t> next{first};
  std::vector<std::jthread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      while (true) {
        const std::uint64_t number = next++;
        if (!blobs.put(blob_of(number))) _exit(2);
        if (::write(acknowledged, &number, sizeof number) != sizeof number) _exit(3);
      }
    });
  }
  writers.clear();
  _exit(4);
}

TEST(OpenStores, NoAcknowledgedBlobIsMissingAfterKill9) {
  std::mt19937_64 random(random_seed());
  const TemporaryFolder temporary;
  std::vector<std::uint64_t> all;
  for (int round = 0; round < 4; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      put_until_killed(temporary.path(), static_cast<std::uint64_t>(round) * 1000000, ends[1]);
    }
    close(ends[1]);
    const std::size_t enough = all.size() + 1 + random() % 100;
    std::uint64_t number = 0;
    bool killed = false;
    while (::read(ends[0], &number, sizeof number) == sizeof number) {
      all.push_back(number);
      if (all.size() >= enough && !std::exchange(killed, true)) kill(child, SIGKILL);
    }
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself, status " << status;

    const auto stores = open_stores(temporary.path());
    ASSERT_TRUE(succeeded(stores));
    BlobStore blobs((*stores)->metadata(), (*stores)->objects(), Clock::system());
    for (const std::uint64_t acknowledged : all) {
      const std::string bytes = blob_of(acknowledged);
      const auto read = blobs.read(digest_of(bytes), bytes.size());
      ASSERT_TRUE(succeeded(read)) << acknowledged;
      ASSERT_TRUE(*read == bytes) << acknowledged;
    }
  }
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Folder, BlobStoreContract, testing::Values(make_folder_harness),
                         [](const auto&) { return "stores"; });

}  // namespace slipway::test
