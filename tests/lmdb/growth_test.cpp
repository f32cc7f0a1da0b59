// Room that is kept behind what LMDB uses of its file.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lmdb/growth.hpp"
#include "tests/lmdb/harness.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::test {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

void wait_for_size(const std::filesystem::path& path, std::uint64_t size) {
  while (std::filesystem::file_size(path) < size) std::this_thread::yield();
}

TEST(LmdbGrowth, AppendsZerosBehindWhatIsThere) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file";
  const std::string content(3 * mebibyte, 'x');
  std::ofstream(path) << content;
  lmdb::Growth growth(path, {.least_used = mebibyte, .step = 2 * mebibyte, .limit = 100 * mebibyte});
  growth.after_commit(3 * mebibyte);
  wait_for_size(path, 5 * mebibyte);
  std::ifstream file(path);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(bytes, content + std::string(2 * mebibyte, '\0'));

  growth.after_commit(3 * mebibyte + 4096);  // there is room enough
  growth.after_commit(4 * mebibyte);         // half of it is used
  wait_for_size(path, 6 * mebibyte);
  EXPECT_EQ(std::filesystem::file_size(path), 6 * mebibyte);
}

TEST(LmdbGrowth, LeavesASmallFileAndTheLimitAlone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file";
  std::ofstream(path) << std::string(4 * mebibyte, 'x');
  {
    lmdb::Growth growth(path, {.least_used = 8 * mebibyte, .limit = 100 * mebibyte});
    growth.after_commit(4 * mebibyte);
  }
  {
    lmdb::Growth growth(path, {.least_used = 1, .limit = 4 * mebibyte + 4096});
    growth.after_commit(4 * mebibyte);
  }
  EXPECT_EQ(std::filesystem::file_size(path), 4 * mebibyte);
}

TEST(LmdbGrowth, ManyWritersLoseNothingToIt) {
  std::mt19937_64 random(random_seed());
  const TemporaryFolder folder;
  std::map<std::string, std::string> all;
  for (int i = 0; i < 2000; ++i)
    all["key " + std::to_string(i)] = std::string(1 + random() % 20000, static_cast<char>(random()));
  {
    const auto store = open_lmdb(folder, {.growth_least_used = 1});
    std::vector<std::jthread> writers;
    for (std::size_t thread = 0; thread < 8; ++thread)
      writers.emplace_back([&, thread] {
        std::size_t number = 0;
        for (const auto& [key, value] : all) {
          if (number++ % 8 != thread) continue;
          EXPECT_TRUE(succeeded(write(*store, key, value)));
        }
      });
    writers.clear();
    wait_for_size(folder.path() / "data.mdb", 28 * mebibyte);
  }
  const auto store = open_lmdb(folder);
  for (const auto& [key, value] : all) ASSERT_TRUE(read(*store, key) == value) << key;
}

}  // namespace

}  // namespace slipway::test
