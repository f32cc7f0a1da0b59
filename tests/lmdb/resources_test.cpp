// What the store takes from its process: no descriptor that children inherit, no memory a snapshot.
#include <fcntl.h>

#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "tests/lmdb/harness.hpp"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

// Not inlined: g++ would see malloc behind new, and free behind delete, and call them mismatched.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace slipway::test {

namespace {

TEST(LmdbResources, ChildrenInheritNoDescriptor) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder);
  ASSERT_TRUE(succeeded(write(*store, "a", "1")));
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (gone || !target.native().starts_with(folder.path().native())) continue;
    ++found;
    const int flags = fcntl(std::stoi(entry.path().filename()), F_GETFD);
    EXPECT_TRUE((flags & FD_CLOEXEC) != 0) << target;
  }
  EXPECT_GE(found, 2);
}

TEST(LmdbResources, ASnapshotAllocatesNothingOnceOneWasTaken) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder);
  ASSERT_TRUE(succeeded(write(*store, "a", "1")));
  ASSERT_TRUE(succeeded(store->snapshot()));
  const std::size_t before = allocations;
  bool found = true;
  for (int i = 0; i < 1000; ++i) {
    const auto view = store->snapshot();
    found = found && (*view)->get("a").value() == "1";
  }
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(found);
}

TEST(LmdbResources, WritersAtTheSameTimeShareFlushes) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder);
  const auto before = store->counts();
  constexpr int threads = 16;
  constexpr int writes = 50;
  {
    std::vector<std::jthread> writers;
    for (int thread = 0; thread < threads; ++thread) {
      writers.emplace_back([&, thread] {
        for (int i = 0; i < writes; ++i)
          EXPECT_TRUE(succeeded(write(*store, std::to_string(thread * writes + i), "x")));
      });
    }
  }
  const auto after = store->counts();
  EXPECT_EQ(after.writes - before.writes, threads * writes);
  EXPECT_LT(after.commits - before.commits, threads * writes / 2);
}

TEST(LmdbResources, AWriteThatChangesNothingFlushesNothing) {
  const TemporaryFolder folder;
  const auto store = open_lmdb(folder);
  ASSERT_TRUE(succeeded(write(*store, "a", "1")));
  const auto before = store->counts();
  ASSERT_TRUE(succeeded(store->write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.erase("missing"));
    return {};
  })));
  EXPECT_EQ(store->counts().commits, before.commits);
}

}  // namespace

}  // namespace slipway::test
