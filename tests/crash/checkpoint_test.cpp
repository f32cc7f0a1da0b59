// The metadata's journal, filled until there is a checkpoint while clients push: what it flushes, and in
// which order, is all needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

#include "tests/crash/explorer.hpp"
#include "tests/crash/recorder.hpp"
#include "tests/crash/run_testing.hpp"
#include "tests/crash/tree_folder.hpp"
#include "tests/storage/random_seed.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::crash {

namespace {

constexpr std::string_view data_file = "data/metadata/data.mdb";
constexpr std::string_view journal_file = "data/metadata/journal";
constexpr std::string_view journal_slot = "data/metadata/journal (written through at 0)";
constexpr std::string_view other_slot = "data/metadata/journal (written through at 262144)";

bool is_slot(const std::string& flush) { return flush == journal_slot || flush == other_slot; }
bool is_record(const std::string& flush) {
  return flush.starts_with(journal_file) && flush[journal_file.size()] == ' ' && !is_slot(flush);
}

/// What the journal has before its records.
std::string slots(const std::filesystem::path& folder) {
  std::string bytes(524'288, '\0');
  std::ifstream(folder / journal_file, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

/// Pushes blobs that are rows of 20,000 bytes: seven of them fill half of the journal's first 256 KiB.
class Pushes {
 public:
  /// Pushes until a checkpoint that was begun meanwhile is noted down, and some more.
  CallLog through_a_checkpoint() { return session(3, {}, true); }

  CallLog session(std::size_t count, const Tree& before = {}, bool until_a_checkpoint = false) {
    const auto folder = test::TemporaryFolder::in_memory();
    write_tree(before, folder.path(), random_);
    Recorder recorder(folder.path());
    {
      const auto stores = *open_stores(folder.path() / "data");
      BlobStore blobs(stores->metadata(), stores->objects(), world.clock());
      const auto registry = *open_registry(blobs, world.clock());
      const std::string opened = slots(folder.path());
      for (int i = 0; until_a_checkpoint && slots(folder.path()) == opened; ++i) {
        push(recorder, *registry);
        if (i == 1000) {
          ADD_FAILURE() << "there was no checkpoint";
          break;
        }
      }
      for (std::size_t i = 0; i < count; ++i) push(recorder, *registry);
    }
    return recorder.take();
  }

  World world{test::random_seed()};

 private:
  void push(Recorder& recorder, Registry& registry) {
    const RepositoryName& repository = world.repositories().front();
    const Content blob = make_content(world.seed() + 1000 + pushed_++, 20'000);
    const Fact fact{Fact::Kind::blob, repository.str(), blob.digest.to_string()};
    const std::uint64_t action = world.add({"put blob", {{fact, present}}});
    recorder.begin(action);
    EXPECT_TRUE(registry.put_blob(repository, blob.digest, blob.bytes).ok());
    recorder.succeed(action);
  }

  std::mt19937_64 random_{world.seed()};
  std::uint64_t pushed_ = 0;
};

std::size_t flushes_of_data(const CallLog& log) {
  std::size_t count = 0;
  Disk counting([&](const std::string& path) {
    count += path == data_file ? 1 : 0;
    return false;
  });
  for (const Entry& entry : log) counting.apply(entry);
  return count;
}

/// The first answers of the log aside: an opening is mutation_test's.
std::size_t after_the_opening(const CallLog& log) {
  const auto first = std::find_if(log.begin(), log.end(), [](const Entry& entry) {
    return entry.kind == Entry::Kind::succeed;
  });
  return static_cast<std::size_t>(first - log.begin());
}

ExploreOptions options_for(const CallLog& log, std::uint64_t seed) {
  return {.seed = seed, .states_at_a_point = 4, .few = 12, .first = after_the_opening(log)};
}

TEST(Checkpoints, KeepTheInvariants) {
  Pushes pushes;
  const CallLog log = pushes.through_a_checkpoint();
  ASSERT_GE(flushes_of_data(log), 2U) << "there was no checkpoint";
  EXPECT_EQ(shown(explore(pushes.world, log, options_for(log, pushes.world.seed())).violations), "");
}

/// Killed within its write to the journal, a process leaves a checkpoint that is found and not flushed;
/// what the next one appends counts only together with it.
TEST(Checkpoints, OneThatIsFoundAfterKillStays) {
  Pushes pushes;
  const CallLog whole = pushes.through_a_checkpoint();
  std::size_t killed = 0;
  for (std::size_t end = after_the_opening(whole); end < whole.size(); ++end) {
    constexpr std::uint64_t records_begin = 524'288;
    if (whole[end].kind != Entry::Kind::written_through || whole[end].offset >= records_begin)
      continue;
    ++killed;
    CallLog log(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(end));
    log.push_back({.kind = Entry::Kind::kill});
    Disk disk;
    for (const Entry& entry : log) disk.apply(entry);
    ExploreOptions options{.seed = pushes.world.seed(), .states_at_a_point = 16, .few = 16};
    options.first = log.size();
    for (Entry& entry : pushes.session(2, disk.present())) log.push_back(std::move(entry));
    EXPECT_EQ(shown(explore(pushes.world, log, options).violations), "");
  }
  EXPECT_GE(killed, 2U) << "one when the journal was half full, one at the end";
}

struct Mutation {
  const char* name;
  bool (*is_it)(const std::string& flush);

  friend void PrintTo(const Mutation& mutation, std::ostream* out) { *out << mutation.name; }
};

class LaterFlushes : public testing::TestWithParam<Mutation> {};

TEST_P(LaterFlushes, AreMissed) {
  Pushes pushes;
  const CallLog log = pushes.through_a_checkpoint();
  ExploreOptions options = options_for(log, pushes.world.seed());
  options.states_at_a_point = 12;
  options.write_back_every = 0;
  options.enough = 1;
  // The opening's, which the log begins with, are not left out.
  options.ignored = [is_it = GetParam().is_it, met = 0](const std::string& flush) mutable {
    return is_it(flush) && ++met > 1;
  };
  EXPECT_NE(shown(explore(pushes.world, log, options).violations), "");
}

INSTANTIATE_TEST_SUITE_P(
    Of, LaterFlushes,
    testing::Values(Mutation{"Data", [](const std::string& flush) { return flush == data_file; }},
                    Mutation{"Checkpoints", is_slot}, Mutation{"Records", is_record}),
    [](const auto& one) { return one.param.name; });

}  // namespace

}  // namespace slipway::crash
