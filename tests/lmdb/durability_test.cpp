// What was acknowledged is there after the store was closed, and after its process was killed.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/lmdb/harness.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::test {

namespace {

TEST(LmdbDurability, WhatWasWrittenIsThereAfterReopening) {
  const TemporaryFolder folder;
  ASSERT_TRUE(succeeded(write(*open_lmdb(folder), "a", "1")));
  {
    const auto store = open_lmdb(folder);
    EXPECT_EQ(read(*store, "a"), "1");
    ASSERT_TRUE(succeeded(write(*store, "a", "2")));
    ASSERT_TRUE(succeeded(write(*store, "b", std::string(100000, 'b'))));
  }
  const auto store = open_lmdb(folder);
  EXPECT_EQ(read(*store, "a"), "2");
  EXPECT_EQ(read(*store, "b"), std::string(100000, 'b'));
}

std::string key_of(std::uint64_t number) {
  return "key " + std::to_string(number);
}
std::string value_of(std::uint64_t number) {
  return std::string(number * 131 % 9000, static_cast<char>('a' + number % 26));
}

/// The child: eight threads write in a loop and tell each number that was acknowledged.
[[noreturn]] void write_until_killed(const TemporaryFolder& folder, std::uint64_t first,
                                     int acknowledged) {
  const auto store = open_lmdb(folder);
  std::atomic<std::uint64_t> next{first};
  std::vector<std::jthread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&] {
      while (true) {
        const std::uint64_t number = next++;
        if (!write(*store, key_of(number), value_of(number))) _exit(1);
        if (::write(acknowledged, &number, sizeof number) != sizeof number) _exit(2);
      }
    });
  }
  writers.clear();
  _exit(3);
}

TEST(LmdbDurability, NoAcknowledgedWriteIsMissingAfterKill9) {
  std::mt19937_64 random(random_seed());
  const TemporaryFolder folder;
  std::vector<std::uint64_t> all;
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      write_until_killed(folder, static_cast<std::uint64_t>(round) * 1000000, ends[1]);
    }
    close(ends[1]);
    const std::size_t enough = all.size() + 1 + random() % 400;
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

    const auto store = open_lmdb(folder);
    for (const std::uint64_t acknowledged : all)
      ASSERT_TRUE(read(*store, key_of(acknowledged)) == value_of(acknowledged)) << acknowledged;
  }
  EXPECT_GT(all.size(), 5U);
}

}  // namespace

}  // namespace slipway::test
