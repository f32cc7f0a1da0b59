// The crash-point test can fail: where a flush is left out, or steps change places, it says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include <slipway/registry/garbage_collector.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

#include "tests/crash/effects.hpp"
#include "tests/crash/explorer.hpp"
#include "tests/crash/recorded_run.hpp"
#include "tests/crash/run_testing.hpp"
#include "tests/storage/random_seed.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::crash {

namespace {

using Kind = Entry::Kind;

struct Mutation {
  std::string name;
  Disk::IgnoredFlush ignored;
  std::vector<std::string_view> broken;  // invariants of which one must be

  friend void PrintTo(const Mutation& mutation, std::ostream* out) { *out << mutation.name; }
};

using Names = std::vector<std::string_view>;
const Names lost = {invariant::acknowledged, invariant::links};

const std::vector<Mutation> mutations = {
    {"LargeBlob", [](const std::string& path) { return path.starts_with("data/staging/"); },
     {invariant::links, invariant::digests, invariant::goes_on}},
    {"FolderOfABlob", [](const std::string& path) { return path.starts_with("data/blobs/"); }, lost},
    {"FolderOfFolders", [](const std::string& path) { return path == "data/blobs"; }, lost},
    {"Metadata", [](const std::string& path) { return path == "data/metadata/data.mdb"; },
     {invariant::all.begin(), invariant::all.end()}},
    {"Journal",
     [](const std::string& path) {
       return path.starts_with("data/metadata/journal (written through");
     },
     {invariant::acknowledged, invariant::opens, invariant::links}},
    {"MetadataFolder", [](const std::string& path) { return path == "data/metadata"; },
     {invariant::opens, invariant::acknowledged}},
    {"DataFolder", [](const std::string& path) { return path == "data"; },
     {invariant::opens, invariant::acknowledged}},
    {"FolderOfTheDataFolder", [](const std::string& path) { return path.empty(); },
     {invariant::acknowledged}},
    {"Format", [](const std::string& path) { return path == "data/FORMAT.new"; },
     {invariant::opens}},
};

bool breaks(const Violations& violations, const Names& invariants) {
  return std::any_of(violations.begin(), violations.end(), [&](const Violation& violation) {
    return std::find(invariants.begin(), invariants.end(), violation.invariant) !=
           invariants.end();
  });
}

ExploreOptions until_one_is_found(std::uint64_t seed) {
  ExploreOptions options;
  options.seed = seed;
  options.states_at_a_point = 12;
  options.write_back_every = 0;
  options.enough = 1;
  return options;
}

RunOptions one_session(unsigned actions) {
  return {.sessions = 1, .session = {.actions = actions}, .in_memory = true};
}

class LeftOut : public testing::TestWithParam<Mutation> {};

TEST_P(LeftOut, AFlushIsMissed) {
  const std::uint64_t seed = test::random_seed();
  const RecordedRun run = record_run(seed, one_session(8));
  ASSERT_EQ(shown(run.world->problems()), "");
  ExploreOptions options = until_one_is_found(seed);
  options.ignored = GetParam().ignored;
  const Exploration found = explore(*run.world, run.log, options);
  EXPECT_TRUE(breaks(found.violations, GetParam().broken)) << shown(found.violations);
}

INSTANTIATE_TEST_SUITE_P(Flushes, LeftOut, testing::ValuesIn(mutations),
                         [](const auto& one) { return one.param.name; });

TEST(Mutations, AnAnswerThatComesBeforeItsCommitIsFound) {
  const std::uint64_t seed = test::random_seed();
  RecordedRun run = record_run(seed, one_session(4));
  ASSERT_EQ(shown(run.world->problems()), "");
  for (auto entry = run.log.begin(); entry != run.log.end(); ++entry) {
    if (entry->kind != Kind::succeed || run.world->actions()[entry->number].what != "put blob")
      continue;
    const auto begin = std::find_if(run.log.begin(), entry, [&](const Entry& other) {
      return other.kind == Kind::begin && other.number == entry->number;
    });
    std::rotate(std::next(begin), entry, std::next(entry));
  }
  const Exploration found = explore(*run.world, run.log, until_one_is_found(seed));
  EXPECT_TRUE(breaks(found.violations, {invariant::acknowledged})) << shown(found.violations);
}

/// A large blob is pushed, nothing names it, and later the garbage collector runs. The last
/// action is its pass.
CallLog push_and_collect(World& world, const LeaseTerms& terms, std::chrono::minutes later) {
  const auto folder = test::TemporaryFolder::in_memory();
  Recorder recorder(folder.path());
  const auto stores = *open_stores(folder.path() / "data");
  BlobStore blobs(stores->metadata(), stores->objects(), world.clock(),
                  {.inline_limit = inline_limit});
  RegistryOptions options = registry_options();
  options.lease = terms;
  const auto registry = *open_registry(blobs, world.clock(), options);
  const auto collector = make_garbage_collector(blobs, *registry, world.clock());

  const RepositoryName& repository = world.repositories().front();
  const Content& blob = world.blobs().back();
  const std::uint64_t put = world.add({"put blob", effects_of_blob(repository, blob.digest)});
  recorder.begin(put);
  EXPECT_TRUE(registry->put_blob(repository, blob.digest, blob.bytes).ok());
  recorder.succeed(put);

  world.let_pass(later);
  const std::uint64_t collect = world.add({"collect", possible_removals(world)});
  recorder.begin(collect);
  EXPECT_EQ(collector->collect()->blobs, 1U);
  recorder.succeed(collect);
  return recorder.take();
}

TEST(Mutations, AFileThatGoesBeforeItsRowsIsFound) {
  World world(test::random_seed());
  CallLog log = push_and_collect(world, lease, std::chrono::minutes(90));
  EXPECT_EQ(shown(explore(world, log, until_one_is_found(world.seed())).violations), "");

  const auto removal = std::find_if(log.begin(), log.end(), [](const Entry& entry) {
    return entry.kind == Kind::remove && entry.path.starts_with("data/blobs/");
  });
  ASSERT_NE(removal, log.end());
  const auto begin = std::find_if(log.begin(), removal, [](const Entry& entry) {
    return entry.kind == Kind::begin && entry.number == 1;
  });
  std::rotate(begin, removal, std::next(removal));
  const Exploration found = explore(world, log, until_one_is_found(world.seed()));
  EXPECT_TRUE(breaks(found.violations, {invariant::links})) << shown(found.violations);
}

TEST(Mutations, ACollectorThatDoesNotWaitForLeasesIsFound) {
  World world(test::random_seed());
  const CallLog log = push_and_collect(world, LeaseTerms{std::chrono::minutes(0)}, {});
  const Exploration found = explore(world, log, until_one_is_found(world.seed()));
  EXPECT_TRUE(breaks(found.violations, {invariant::acknowledged})) << shown(found.violations);
}

}  // namespace

}  // namespace slipway::crash
