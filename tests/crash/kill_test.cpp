// A power cut some time after kill -9: what the next process reads and builds upon is flushed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/crash/explorer.hpp"
#include "tests/crash/recorder.hpp"
#include "tests/crash/run_testing.hpp"
#include "tests/crash/tree_folder.hpp"
#include "tests/storage/random_seed.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::crash {

namespace {

constexpr std::string_view index_type = "application/vnd.oci.image.index.v1+json";

Content index_of_nothing() {
  std::string json = R"({"schemaVersion":2,"mediaType":")" + std::string(index_type) +
                     R"(","manifests":[]})";
  const Digest digest = digest_of(json);
  return {std::move(json), digest};
}

/// The registry over a folder, as one process has it open.
struct Opened {
  Opened(World& world, const std::filesystem::path& data)
      : stores(*open_stores(data)),
        blobs(stores->metadata(), stores->objects(), world.clock()),
        registry(*open_registry(blobs, world.clock())) {}

  std::unique_ptr<Stores> stores;
  BlobStore blobs;
  std::unique_ptr<Registry> registry;
};

/// Puts one manifest with one tag, and perhaps one large blob, into registries over one folder, a
/// session after the other.
class OnePush {
 public:
  /// Opens the folder, pushes, and answers what was recorded. `before` is what earlier sessions left
  /// in the folder.
  CallLog session(bool with_blob, const Tree& before = {}) {
    const auto folder = test::TemporaryFolder::in_memory();
    write_tree(before, folder.path(), random_);
    Recorder recorder(folder.path());
    {
      const Opened opened(world, folder.path() / "data");
      if (with_blob) put_blob(recorder, *opened.registry);
      const auto commits = opened.stores->metadata().counts().commits;
      put_manifest(recorder, *opened.registry);
      wrote = opened.stores->metadata().counts().commits != commits;
    }
    return recorder.take();
  }

  /// What the files of a killed process are.
  static Tree killed(CallLog& log) {
    log.push_back({.kind = Entry::Kind::kill});
    Disk disk;
    for (const Entry& entry : log) disk.apply(entry);
    return disk.present();
  }

  World world{test::random_seed()};
  bool wrote = false;  // the last session's manifest

 private:
  void put_blob(Recorder& recorder, Registry& registry) {
    const Fact fact{Fact::Kind::blob, repository_.str(), blob_.digest.to_string()};
    const std::uint64_t action = world.add({"put blob", {{fact, present}}});
    recorder.begin(action);
    EXPECT_TRUE(registry.put_blob(repository_, blob_.digest, blob_.bytes).ok());
    recorder.succeed(action);
  }
  void put_manifest(Recorder& recorder, Registry& registry) {
    const Fact fact{Fact::Kind::tag, repository_.str(), tag_.str()};
    const std::uint64_t action = world.add({"put", {{fact, manifest_.digest.to_string()}}});
    recorder.begin(action);
    EXPECT_TRUE(registry.put_manifest(repository_, tag_, manifest_.bytes, index_type).ok());
    recorder.succeed(action);
  }

  const RepositoryName repository_ = world.repositories().front();
  const Tag tag_ = world.tags().front();
  const Content blob_ = make_content(world.seed(), 40000);
  const Content manifest_ = index_of_nothing();
  std::mt19937_64 random_{world.seed()};
};

void append(CallLog& log, CallLog more) {
  log.insert(log.end(), std::make_move_iterator(more.begin()),
             std::make_move_iterator(more.end()));
}

/// Killed within its write to the journal, a process leaves a commit that is found and not flushed.
/// Pushing the same again writes nothing, and is acknowledged all the same.
TEST(Kill, WhatIsFoundAfterKillStays) {
  OnePush one;
  CallLog log = one.session(false);
  for (const auto last : {Entry::Kind::succeed, Entry::Kind::written_through}) {
    while (log.back().kind != last) log.pop_back();
    log.pop_back();
  }
  append(log, one.session(false, OnePush::killed(log)));
  ASSERT_FALSE(one.wrote);
  const ExploreOptions options{.seed = one.world.seed(), .states_at_a_point = 16};
  EXPECT_EQ(shown(explore(one.world, log, options).violations), "");
}

/// Whoever goes on where another was killed flushes what that one had not come to.
TEST(Kill, APushThatWasKilledAnywhereIsRepeated) {
  OnePush one;
  const CallLog whole = one.session(true);
  for (auto end = whole.begin(); end != whole.end(); ++end) {
    CallLog log(whole.begin(), end);
    append(log, one.session(true, OnePush::killed(log)));
    const ExploreOptions options{
        .seed = one.world.seed(), .states_at_a_point = 16, .first = log.size()};
    ASSERT_EQ(shown(explore(one.world, log, options).violations), "")
        << "killed before " << describe(*end);
  }
}

}  // namespace

}  // namespace slipway::crash
