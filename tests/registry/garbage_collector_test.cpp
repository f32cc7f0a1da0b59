#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <slipway/support/ulid.hpp>

#include "tests/registry/collection_world.hpp"
#include "tests/registry/store_damage.hpp"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;

class GarbageCollectorTest : public CollectionWorld {};

INSTANTIATE_TEST_SUITE_P(Over, GarbageCollectorTest, testing::Values(Place::memory, Place::disk),
                         place_name);

TEST_P(GarbageCollectorTest, WhatNothingNamesGoesOnceItsLeaseHasRunOut) {
  const auto before = keys();
  const Digest small = put("small");
  const Digest file = put(large("file"));
  clock_.advance(kept - tick);
  EXPECT_EQ(collect().links, 0U);
  EXPECT_TRUE(has_blob(small) && has_blob(file));

  clock_.advance(tick);
  const Collected collected = collect();
  EXPECT_EQ(collected.links, 2U);
  EXPECT_EQ(collected.blobs, 2U);
  EXPECT_EQ(collected.bytes, 5U + 101U);
  EXPECT_EQ(collected.repositories, 1U);
  EXPECT_EQ(collected.failures, 0U);
  EXPECT_FALSE(has_blob(small) || has_blob(file));
  EXPECT_TRUE(all_objects(objects_).empty());
  EXPECT_EQ(keys(), before);
}

TEST_P(GarbageCollectorTest, WhatAManifestNamesStaysAndLivesItsLeaseAfterTheManifest) {
  const auto before = keys();
  const Digest image = push_image("v1", large("layer"));
  clock_.advance(1000h);
  EXPECT_EQ(collect().links, 0U);
  EXPECT_TRUE(has_manifest("v1"));
  EXPECT_TRUE(remove("v1"));
  clock_.advance(1000h);
  collect();
  EXPECT_TRUE(has_manifest(image)) << "what a tag left stays until somebody deletes it";
  EXPECT_TRUE(has_blob(digest_of(large("layer"))));

  EXPECT_TRUE(remove(image.to_string()));
  collect();
  EXPECT_FALSE(has_bytes(image));
  EXPECT_TRUE(has_blob(digest_of(large("layer")))) << "who was told of it may still name it";
  clock_.advance(kept);
  const Collected collected = collect();
  EXPECT_EQ(collected.links, 2U);
  EXPECT_EQ(collected.blobs, 2U);
  EXPECT_EQ(keys(), before);
  EXPECT_TRUE(all_objects(objects_).empty());
}

TEST_P(GarbageCollectorTest, WhoWasToldThatABlobIsHereCanNameItWhileTheLeaseLasts) {
  put("{}");
  const Digest layer = put("layer");
  clock_.advance(due - tick);
  ASSERT_TRUE(registry_->lease_blob(name("app"), layer)->has_value()) << "young: no write";
  clock_.advance(promised);
  collect();
  ASSERT_TRUE(has_blob(layer)) << "a promise later";

  EXPECT_FALSE(registry_->lease_blob(name("app"), layer)->has_value()) << "old: to be renewed";
  ASSERT_TRUE(succeeded(registry_->renew_blob(name("app"), layer)));
  ASSERT_TRUE(succeeded(registry_->renew_blob(name("app"), digest_of("{}"))));
  for (int i = 0; i < 8; ++i) {
    clock_.advance(promised / 8);
    collect();
  }
  push("v1", image_json("layer"));
  clock_.advance(1000h);
  collect();
  EXPECT_TRUE(has_blob(layer));
}

TEST_P(GarbageCollectorTest, ABlobThatIsNamedIsLeasedWithoutAWrite) {
  const Digest image = push_image("v1", "layer");
  clock_.advance(1000h);
  const auto writes = metadata_.counts().writes;
  EXPECT_TRUE(registry_->lease_blob(name("app"), digest_of("layer"))->has_value());
  EXPECT_TRUE(registry_->lease_manifest(name("app"), reference("v1"))->has_value());
  EXPECT_TRUE(registry_->lease_manifest(name("app"), image)->has_value());
  EXPECT_EQ(metadata_.counts().writes, writes);

  EXPECT_TRUE(remove(image.to_string()));  // just after, by somebody else
  clock_.advance(promised);
  collect();
  push("v2", image_json("layer"));
}

TEST_P(GarbageCollectorTest, AManifestIsLeasedByItsDigest) {
  use_rules({{.untagged_after = 0ms}});
  const Digest image = push_image("", "layer");
  clock_.advance(due);
  EXPECT_FALSE(registry_->lease_manifest(name("app"), image)->has_value());
  EXPECT_EQ(registry_->renew_manifest(name("app"), image)->digest, image);
  EXPECT_TRUE(registry_->lease_manifest(name("app"), image)->has_value());
  clock_.advance(kept - tick);
  EXPECT_EQ(collect().manifests, 0U);
  push("all", index_json({image_json("layer")}), image_index_type);
  clock_.advance(1000h);
  collect();
  EXPECT_TRUE(has_manifest(image));
  EXPECT_EQ(registry_->renew_manifest(name("app"), digest_of("none")).error().code,
            ErrorCode::not_found);
}

TEST_P(GarbageCollectorTest, AMountBeginsALeaseOfItsOwn) {
  const Digest layer = put(large("layer"));
  clock_.advance(kept - tick);
  ASSERT_TRUE(succeeded(registry_->mount_blob(name("other"), name("app"), layer)));
  clock_.advance(tick);
  EXPECT_EQ(collect().links, 1U);
  EXPECT_FALSE(has_blob(layer));
  EXPECT_TRUE(has_blob(layer, "other"));
  clock_.advance(kept);
  collect();
  EXPECT_FALSE(has_bytes(layer));
}

TEST_P(GarbageCollectorTest, APushJustBeforeTheTransactionWins) {
  const Digest layer = put(large("layer"));
  put("{}");
  clock_.advance(kept);
  metadata_.before_next_write([&] { push("v1", image_json(large("layer"))); });
  EXPECT_EQ(collect().links, 0U);
  EXPECT_TRUE(has_blob(layer));
  EXPECT_TRUE(has_manifest("v1"));
}

TEST_P(GarbageCollectorTest, AMountJustBeforeTheTransactionWins) {
  const Digest layer = put(large("layer"));
  clock_.advance(kept);
  metadata_.before_next_write(
      [&] { ASSERT_TRUE(succeeded(registry_->mount_blob(name("other"), name("app"), layer))); });
  const Collected collected = collect();
  EXPECT_EQ(collected.links, 1U);
  EXPECT_EQ(collected.blobs, 0U);
  EXPECT_TRUE(has_blob(layer, "other"));
}

TEST_P(GarbageCollectorTest, ARenewalJustBeforeTheTransactionWins) {
  const Digest layer = put("layer");
  clock_.advance(kept);
  metadata_.before_next_write(
      [&] { ASSERT_TRUE(succeeded(registry_->renew_blob(name("app"), layer))); });
  EXPECT_EQ(collect().links, 0U);
  EXPECT_TRUE(has_blob(layer));
}

TEST_P(GarbageCollectorTest, TheSameBytesPushedJustBeforeTheTransactionStay) {
  const Digest blob = put("small");
  ASSERT_TRUE(succeeded(registry_->delete_blob(name("app"), blob)));
  clock_.advance(kept);
  metadata_.before_next_write([&] { put("small"); });
  EXPECT_EQ(collect().blobs, 0U);
  EXPECT_TRUE(has_blob(blob));
}

TEST_P(GarbageCollectorTest, TheSameBytesPushedWhileTheyGoAreThereInTheEnd) {
  const std::string bytes = large("file");
  const Digest blob = put(bytes);
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(succeeded(registry_->delete_blob(name("app"), blob)));
    clock_.advance(kept);
    std::thread pushing;
    metadata_.before_next_write([&] { pushing = std::thread([&] { put(bytes); }); });
    collect();
    pushing.join();
    EXPECT_TRUE(has_blob(blob));
    EXPECT_EQ(collect().orphans, 0U);
    EXPECT_TRUE(has_blob(blob));
  }
}

TEST_P(GarbageCollectorTest, AnObjectThatCouldNotBeRemovedIsAnOrphanUntilItCan) {
  const std::string bytes = large("file");
  const Digest blob = put(bytes);
  clock_.advance(kept);
  objects_.removes = false;
  const Collected first = collect();
  EXPECT_EQ(first.blobs, 1U);
  EXPECT_EQ(first.orphans, 0U);
  EXPECT_EQ(first.failures, 2U) << "as a content, and as an orphan";
  EXPECT_FALSE(has_blob(blob));

  objects_.removes = true;
  const Collected second = collect();
  EXPECT_EQ(second.orphans, 1U);
  EXPECT_EQ(second.bytes, bytes.size());
  EXPECT_EQ(second.failures, 0U);
  EXPECT_TRUE(all_objects(objects_).empty());
}

TEST_P(GarbageCollectorTest, ACrashBetweenRowsAndObjectLeavesNothingThatIsWrong) {
  const std::string bytes = large("file");
  const Digest blob = put(bytes);
  clock_.advance(kept);
  objects_.removes = false;
  collect();
  objects_.removes = true;
  reopen();
  put(bytes);  // over the object that was left
  EXPECT_EQ(collect().orphans, 0U);
  EXPECT_TRUE(has_blob(blob));
  EXPECT_EQ(all_objects(objects_).size(), 1U);
}

TEST_P(GarbageCollectorTest, AnObjectBetweenItsPublishingAndItsRowIsNoOrphan) {
  const std::string bytes = large("file");
  std::thread collecting;
  metadata_.before_next_write([&] {
    EXPECT_EQ(all_objects(objects_).size(), 1U);
    collecting = std::thread([&] { EXPECT_EQ(collect().orphans, 0U); });
  });
  const Digest blob = put(bytes);
  collecting.join();
  EXPECT_TRUE(has_blob(blob));
}

TEST_P(GarbageCollectorTest, WhatExpiredUploadsLeftGoes) {
  const auto before = keys();
  const auto upload = registry_->begin_upload(name("app"));
  const auto write = [&] { return registry_->write_upload(name("app"), upload); };
  ASSERT_TRUE(succeeded((*write())->append(bytes_of(large("forgotten")))));
  const auto ended = registry_->begin_upload(name("app"));
  ASSERT_TRUE(succeeded((*registry_->write_upload(name("app"), ended))->commit(digest_of(""))));
  const auto busy = registry_->begin_upload(name("app"));
  const auto writer = *registry_->write_upload(name("app"), busy);
  ASSERT_TRUE(succeeded(writer->append(bytes_of(large("on its way")))));
  EXPECT_EQ(all_stages(objects_).size(), 2U);
  EXPECT_EQ(collect().uploads, 0U);

  clock_.advance(24h * 7);
  EXPECT_EQ(collect().uploads, 2U) << "a stage and a row";
  EXPECT_EQ(all_stages(objects_).size(), 1U) << "what is being written is left alone";
  EXPECT_TRUE(succeeded(writer->commit(digest_of(large("on its way")))));
  clock_.advance(24h * 8);
  collect();
  EXPECT_EQ(keys(), before);
}

TEST_P(GarbageCollectorTest, WhatAKilledProcessWasReceivingGoesAtTheNextStart) {
  auto killed = blobs_->begin("blob-" + make_ulid(clock_.now()));
  ASSERT_TRUE(succeeded(killed->append(bytes_of(large("cut off")))));
  EXPECT_EQ(all_stages(objects_).size(), 1U);
  clock_.advance(1s);
  reopen();
  EXPECT_TRUE(all_stages(objects_).empty());
}

TEST_P(GarbageCollectorTest, ARepositoryIsForgottenWhenItIsEmptyAndNotNew) {
  put("blob");
  ASSERT_TRUE(succeeded(registry_->delete_blob(name("app"), digest_of("blob"))));
  collect();
  EXPECT_TRUE(registry_->tags(name("app"), "", 10).ok());
  clock_.advance(kept);
  EXPECT_EQ(collect().repositories, 1U);
  EXPECT_EQ(registry_->tags(name("app"), "", 10).error().code, ErrorCode::not_found);
  push_image("v1", "layer");
  clock_.advance(kept);
  EXPECT_EQ(collect().repositories, 0U);
}

TEST_P(GarbageCollectorTest, MuchGarbageGoesInSmallTransactions) {
  const auto before = keys();
  for (int i = 0; i < 500; ++i) put("blob " + std::to_string(i));
  clock_.advance(kept);
  metadata_.take_most_erased();
  EXPECT_EQ(collect().blobs, 500U);
  EXPECT_LE(metadata_.take_most_erased(), 2 * GarbageCollectorOptions().batch);
  EXPECT_EQ(keys(), before);
}

TEST_P(GarbageCollectorTest, OneThatIsToldToStopGoesOnLater) {
  const auto before = keys();
  for (int i = 0; i < 500; ++i) put("blob " + std::to_string(i));
  clock_.advance(kept);
  std::stop_source stop;
  std::uint64_t reached = 0;
  const auto stop_soon = [&](std::string_view step, const Collected& so_far) {
    EXPECT_EQ(step, "links");
    reached = so_far.links;
    stop.request_stop();
  };
  const auto stopped =
      collector_->collect(GarbageCollector::From::beginning, stop.get_token(), stop_soon);
  EXPECT_TRUE(failed(stopped, ErrorCode::cancelled));
  EXPECT_GT(reached, 0U);

  reopen();
  const auto rest = collector_->collect(GarbageCollector::From::where_it_stopped);
  ASSERT_TRUE(succeeded(rest));
  EXPECT_EQ(rest->links, 500 - reached);
  EXPECT_EQ(rest->blobs, 500U);
  EXPECT_EQ(keys(), before);
  EXPECT_EQ(collector_->collect(GarbageCollector::From::where_it_stopped)->links, 0U);
}

TEST_P(GarbageCollectorTest, OnePassAtATime) {
  put("blob");
  const auto again = [&](std::string_view, const Collected&) {
    std::thread([&] { EXPECT_TRUE(failed(collector_->collect(), ErrorCode::conflict)); }).join();
  };
  EXPECT_TRUE(succeeded(collector_->collect(GarbageCollector::From::beginning, {}, again)));
}

TEST_P(GarbageCollectorTest, AMalformedRowIsPassedOver) {
  put("a");
  put("b");
  ASSERT_TRUE(succeeded(
      write(metadata_, key_space::Key(key_space::blob_link).text("app").text("bad").str(), "x")));
  clock_.advance(kept);
  const Collected collected = collect();
  EXPECT_EQ(collected.links, 2U);
  EXPECT_EQ(collected.failures, 1U);
}

/// A machine's clock that is set forward.
class LeapingClock final : public Clock {
 public:
  explicit LeapingClock(ManualClock& clock) : clock_(clock) {}
  std::chrono::milliseconds leap{0};

  [[nodiscard]] Timestamp now() const override { return clock_.now() + leap; }
  [[nodiscard]] MonotonicTime monotonic() const override { return clock_.monotonic(); }
  void wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                  MonotonicTime deadline) override {
    clock_.wait_until(condition, lock, deadline);
  }

 private:
  ManualClock& clock_;
};

TEST_P(GarbageCollectorTest, ABlobInQuarantineIsMissedAsLongAsSomebodyHoldsIt) {
  const std::string layer = large("of an image");
  const Digest image = push_image("v1", layer);
  for (const Digest& damaged : {digest_of(layer), put("nobody names it")}) {
    flip_a_bit(*blobs_, damaged);
    ASSERT_TRUE((*blobs_->quarantine(damaged)).has_value());
  }
  clock_.advance(kept);
  collect();
  ASSERT_EQ(blobs_->quarantined()->size(), 1U);
  EXPECT_EQ(blobs_->quarantined()->front().digest, digest_of(layer));

  EXPECT_TRUE(remove(image.to_string()));
  clock_.advance(kept);
  const std::string kept_as = blobs_->quarantined()->front().kept_as;
  collect();
  EXPECT_EQ(blobs_->quarantined()->size(), 0U);
  EXPECT_NE(bytes_aside(*blobs_, kept_as), layer) << "what was set aside stays for people";
}

TEST_P(GarbageCollectorTest, AClockThatLeapsForwardEndsNoLease) {
  put("blob");
  LeapingClock leaping(clock_);
  GarbageCollectorOptions options;
  options.load = 100;
  const auto collector = make_garbage_collector(*blobs_, *registry_, leaping, options);
  leaping.leap = 1000h;
  EXPECT_EQ(collector->collect()->links, 0U);
  clock_.advance(kept);
  EXPECT_EQ(collector->collect()->links, 1U);
}

TEST_P(GarbageCollectorTest, TotalsAreExactAllAlong) {
  const auto totals = [&] {
    const RegistryTotals now = *registry_->totals();
    return std::vector<std::uint64_t>{now.repositories, now.tags, now.manifests, now.blobs,
                                      now.bytes};
  };
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{0, 0, 0, 0, 0}));
  const Digest image = push_image("v1", "layer");
  const std::uint64_t size = image_json("layer").size();
  push_image("v2", "layer");
  push_image("v2", "layer", "other");
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{2, 3, 2, 3, size + 7}));
  push_image("v2", large("another"));
  const std::uint64_t both = size + image_json(large("another")).size();
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{2, 3, 3, 5, both + 7 + 101}));
  EXPECT_TRUE(remove("v2"));
  EXPECT_TRUE(remove(image.to_string()));
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{2, 1, 2, 5, both + 7 + 101}));

  // A store of a version that did not count.
  ASSERT_TRUE(succeeded(metadata_.write([&](WriteTransaction& transaction) -> Result<void> {
    for (const std::string& key : keys())
      if (key.starts_with(key_space::total)) SLIPWAY_CHECK(transaction.erase(key));
    return {};
  })));
  reopen();
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{2, 1, 2, 5, both + 7 + 101}));

  EXPECT_TRUE(remove(digest_of(image_json(large("another"))).to_string()));
  EXPECT_TRUE(remove(image.to_string(), "other"));
  clock_.advance(kept);
  collect();
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace slipway::test
