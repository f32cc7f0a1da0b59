// What BlobStore promises, as tests over any pair of stores.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/storage/object_testing.hpp"
#include "tests/storage/random_seed.hpp"
#include "tests/storage/store_testing.hpp"

namespace slipway::test {

/// The stores, and that they can be closed and opened again; where nothing is on disk, `reopen`
/// keeps them open.
class StoresHarness {
 public:
  virtual ~StoresHarness() = default;
  virtual Stores& stores() = 0;
  virtual void reopen() = 0;
};
using MakeStores = std::unique_ptr<StoresHarness> (*)();

inline constexpr std::size_t test_inline_limit = 100;

class BlobStoreContract : public testing::TestWithParam<MakeStores> {
 protected:
  BlobStoreContract() { open(); }

  BlobStore& blobs() { return *blobs_; }
  MetadataStore& metadata() { return harness_->stores().metadata(); }
  ObjectStore& objects() { return harness_->stores().objects(); }
  void reopen() {
    blobs_.reset();
    harness_->reopen();
    open();
  }

  std::unique_ptr<BlobWriter> writer(std::string_view bytes, std::string_view stage = "upload") {
    auto writer = blobs().begin(stage);
    EXPECT_TRUE(succeeded(writer->append(bytes_of(bytes))));
    return writer;
  }
  static BlobLink link_row(std::string key) {
    return [key](WriteTransaction& transaction, const BlobInfo& info) {
      return transaction.put(key, std::to_string(info.size));
    };
  }
  Timestamp lease_of(const Digest& digest) {
    Timestamp lease{};
    const auto kept = blobs().remove(digest, [&](WriteTransaction&, const BlobInfo&, Timestamp at) {
      lease = at;
      return Result<bool>(false);
    });
    EXPECT_TRUE(succeeded(kept));
    EXPECT_FALSE(kept.value_or(true));
    return lease;
  }
  static Result<bool> yes(WriteTransaction&, const BlobInfo&, Timestamp) { return true; }

  ManualClock clock_{Timestamp(std::chrono::sys_days(std::chrono::November / 24 / 2026))};

 private:
  void open() {
    blobs_ = std::make_unique<BlobStore>(metadata(), objects(), clock_,
                                         BlobStoreOptions{.inline_limit = test_inline_limit});
  }

  const std::unique_ptr<StoresHarness> harness_ = GetParam()();
  std::unique_ptr<BlobStore> blobs_;
};

TEST_P(BlobStoreContract, KnownBytesHaveTheirKnownDigest) {
  // FIPS 180-2, appendix B.1.
  const auto abc =
      Digest::parse("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto info = blobs().put("abc");
  ASSERT_TRUE(succeeded(info));
  EXPECT_EQ(info->digest, *abc);
  EXPECT_EQ(blobs().read(*abc, 10).value(), "abc");
}

TEST_P(BlobStoreContract, EverySizeAroundTheLimitComesBack) {
  std::mt19937_64 random(random_seed());
  std::size_t large = 0;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, test_inline_limit - 1, test_inline_limit,
        test_inline_limit + 1, 3 * test_inline_limit, std::size_t{1000003}}) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const Digest digest = digest_of(bytes);
    ASSERT_TRUE(failed(blobs().stat(digest), ErrorCode::not_found));

    const auto writer = blobs().begin("upload");
    for (std::size_t at = 0; at < size;) {
      const std::size_t count =
          std::min(size - at, static_cast<std::size_t>(random() % (size + 1)));
      ASSERT_TRUE(succeeded(writer->append(bytes_of(bytes).subspan(at, count))));
      at += count;
      ASSERT_EQ(writer->size(), at);
      if (random() % 3 == 0) {
        ASSERT_TRUE(succeeded(writer->persist()));
      }
    }
    Result<BlobInfo> info = Error(ErrorCode::internal, "not told");
    if (random() % 2 == 0)
      info = writer->commit(digest, link_row("link"));
    else  // nobody else writes, so it is told within the call
      writer->commit_then(digest, link_row("link"),
                          [&](Result<BlobInfo> told) { info = std::move(told); });
    ASSERT_TRUE(succeeded(info)) << size;
    EXPECT_EQ(info->size, size);
    EXPECT_EQ(read(metadata(), "link"), std::to_string(size));

    EXPECT_EQ(blobs().stat(digest)->size, size);
    EXPECT_TRUE(blobs().read(digest, size).value() == bytes);
    if (size > 0) {
      EXPECT_TRUE(failed(blobs().read(digest, size - 1), ErrorCode::too_large));
    }
    const auto view = metadata().snapshot();
    const auto inline_bytes = blobs().inline_bytes(**view, digest).value();
    EXPECT_EQ(inline_bytes.has_value(), size <= test_inline_limit);
    if (inline_bytes) {
      EXPECT_TRUE(*inline_bytes == bytes);
    }
    if (size > test_inline_limit) ++large;
    EXPECT_EQ(all_objects(objects()).size(), large);
    EXPECT_TRUE(all_stages(objects()).empty());
  }
}

TEST_P(BlobStoreContract, PutTakesAnySize) {
  for (const std::size_t size : {std::size_t{0}, test_inline_limit, test_inline_limit + 1}) {
    const std::string bytes(size, 'p');
    const auto info = blobs().put(bytes);
    ASSERT_TRUE(succeeded(info));
    EXPECT_EQ(info->digest, digest_of(bytes));
    EXPECT_EQ(blobs().read(info->digest, size).value(), bytes);
    ASSERT_TRUE(succeeded(blobs().put(bytes)));
  }
  EXPECT_EQ(all_objects(objects()).size(), 1U);
  EXPECT_TRUE(all_stages(objects()).empty());
}

TEST_P(BlobStoreContract, AManifestIsAValueWhateverItsSizeUpTo4MiB) {
  const std::string bytes(4194304, 'm');
  const Digest digest = digest_of(bytes);
  ASSERT_TRUE(succeeded(metadata().write(
      [&](WriteTransaction& transaction) { return blobs().put(transaction, digest, bytes); })));
  EXPECT_TRUE(blobs().read(digest, bytes.size()).value() == bytes);
  EXPECT_TRUE(all_objects(objects()).empty());
  const std::string over = bytes + "m";
  EXPECT_TRUE(failed(metadata().write([&](WriteTransaction& transaction) {
    return blobs().put(transaction, digest_of(over), over);
  }),
                     ErrorCode::too_large));
}

TEST_P(BlobStoreContract, AnotherDigestIsRefusedAndTheBytesStay) {
  for (const std::size_t size : {test_inline_limit, test_inline_limit * 2}) {
    const std::string bytes(size, 'x');
    const auto upload = writer(bytes);
    EXPECT_TRUE(
        failed(upload->commit(digest_of("others"), link_row("link")), ErrorCode::digest_mismatch));
    EXPECT_EQ(read(metadata(), "link"), std::nullopt);
    ASSERT_TRUE(succeeded(upload->append(bytes_of("more"))));
    ASSERT_TRUE(failed(upload->commit(digest_of(bytes), {}), ErrorCode::digest_mismatch));
    ASSERT_TRUE(succeeded(upload->commit(digest_of(bytes + "more"), {})));
    EXPECT_EQ(blobs().read(digest_of(bytes + "more"), 1000).value(), bytes + "more");
    EXPECT_TRUE(failed(blobs().stat(digest_of(bytes)), ErrorCode::not_found));
  }
}

TEST_P(BlobStoreContract, ADiscardedUploadLeavesNothing) {
  const auto upload = writer(std::string(test_inline_limit * 2, 'x'));
  EXPECT_EQ(all_stages(objects()).size(), 1U);
  ASSERT_TRUE(succeeded(upload->discard()));
  EXPECT_TRUE(all_stages(objects()).empty());
  EXPECT_TRUE(failed(blobs().resume("upload"), ErrorCode::not_found));
}

TEST_P(BlobStoreContract, ASmallUploadTouchesNothingUntilItPersists) {
  const auto upload = writer("small");
  EXPECT_TRUE(all_stages(objects()).empty());
  ASSERT_TRUE(succeeded(upload->persist()));
  EXPECT_THAT(all_stages(objects()), testing::ElementsAre("upload"));
}

TEST_P(BlobStoreContract, WhatWasPersistedIsResumedLater) {
  const std::vector<std::vector<std::size_t>> uploads = {{0, 5},   {5, 6},   {60, 60},
                                                         {60, 40}, {200, 1}, {150, 150, 150}};
  for (const auto& pieces : uploads) {
    std::string bytes;
    ASSERT_TRUE(succeeded(blobs().begin("upload")->persist()));
    for (const std::size_t piece : pieces) {
      const auto upload = blobs().resume("upload");
      ASSERT_TRUE(succeeded(upload));
      EXPECT_EQ((*upload)->size(), bytes.size());
      const std::string more(piece, static_cast<char>('a' + bytes.size() % 26));
      ASSERT_TRUE(succeeded((*upload)->append(bytes_of(more))));
      ASSERT_TRUE(succeeded((*upload)->persist()));
      bytes += more;
      if (bytes.size() < test_inline_limit) {
        ASSERT_TRUE(succeeded((*upload)->append(bytes_of("x"))));  // small and never persisted
      }
      reopen();
    }
    const auto upload = blobs().resume("upload");
    ASSERT_TRUE(succeeded(upload));
    ASSERT_TRUE(succeeded((*upload)->commit(digest_of(bytes), {})));
    EXPECT_EQ(blobs().read(digest_of(bytes), 1000).value(), bytes);
    EXPECT_TRUE(all_stages(objects()).empty());
  }
}

TEST_P(BlobStoreContract, ASha512IsCheckedWhateverWasHashedOnTheWay) {
  for (const std::size_t size : {test_inline_limit, test_inline_limit * 3}) {
    const std::string bytes(size, '5');
    const Digest sha512 = digest_of(bytes, DigestAlgorithm::sha512);
    EXPECT_TRUE(
        failed(writer(bytes, "wrong")->commit(digest_of("others", DigestAlgorithm::sha512), {}),
               ErrorCode::digest_mismatch));
    ASSERT_TRUE(succeeded(writer(bytes)->commit(sha512, {})));
    EXPECT_EQ(blobs().read(sha512, size).value(), bytes);

    ASSERT_TRUE(succeeded(writer(bytes, "resumed")->persist()));
    const auto upload = blobs().resume("resumed", DigestAlgorithm::sha512);
    ASSERT_TRUE(succeeded(upload));
    ASSERT_TRUE(succeeded((*upload)->commit(sha512, {})));
  }
}

TEST_P(BlobStoreContract, ALinkThatFailsMakesNothingVisible) {
  for (const std::size_t size : {test_inline_limit, test_inline_limit * 2}) {
    const std::string bytes(size, 'l');
    const Digest digest = digest_of(bytes);
    const auto upload = writer(bytes);
    const auto refused =
        upload->commit(digest, [](WriteTransaction& transaction, const BlobInfo&) -> Result<void> {
          SLIPWAY_CHECK(transaction.put("link", "1"));
          return Error(ErrorCode::denied, "the worker was replaced");
        });
    ASSERT_TRUE(failed(refused, ErrorCode::denied));
    EXPECT_EQ(refused.error().message, "the worker was replaced");
    EXPECT_TRUE(failed(blobs().stat(digest), ErrorCode::not_found));
    EXPECT_TRUE(failed(blobs().open(digest), ErrorCode::not_found));
    EXPECT_EQ(read(metadata(), "link"), std::nullopt);

    ASSERT_TRUE(succeeded(upload->commit(digest, link_row("second"))));
    EXPECT_EQ(blobs().read(digest, size).value(), bytes);
    EXPECT_EQ(read(metadata(), "second"), std::to_string(size));
  }
}

TEST_P(BlobStoreContract, AnObjectWithoutARowIsAnOrphan) {
  const std::string bytes(test_inline_limit + 1, 'o');
  const Digest digest = digest_of(bytes);
  const auto upload = writer(bytes);
  const auto refuse = [](WriteTransaction&, const BlobInfo&) -> Result<void> {
    return Error(ErrorCode::denied, "not yet");
  };
  ASSERT_TRUE(failed(upload->commit(digest, refuse), ErrorCode::denied));
  ASSERT_EQ(all_objects(objects()).size(), 1U);
  const std::string key = all_objects(objects()).front();
  EXPECT_TRUE(blobs().is_orphan(**metadata().snapshot(), key).value());
  EXPECT_EQ(blobs().remove_orphan(key).value(), bytes.size());
  EXPECT_EQ(blobs().remove_orphan(key).value(), std::nullopt);
  EXPECT_TRUE(failed(upload->commit(digest, link_row("late")), ErrorCode::unavailable))
      << "a row must not refer to what was collected";
  EXPECT_TRUE(failed(blobs().stat(digest), ErrorCode::not_found));

  ASSERT_TRUE(succeeded(writer(bytes, "again")->commit(digest, {})));
  EXPECT_FALSE(blobs().is_orphan(**metadata().snapshot(), key).value());
  EXPECT_EQ(blobs().remove_orphan(key).value(), std::nullopt);
  EXPECT_EQ(blobs().remove_orphan("not-a-digest").value(), std::nullopt);
  EXPECT_EQ(blobs().read(digest, 1000).value(), bytes);
}

TEST_P(BlobStoreContract, SeveralGoInOneTransaction) {
  std::vector<Digest> digests;
  for (const std::size_t size : {std::size_t{1}, test_inline_limit + 1, test_inline_limit + 2})
    digests.push_back(blobs().put(std::string(size, 's'))->digest);
  digests.push_back(digest_of("not here"));
  digests.push_back(digests.front());
  const auto all_but_the_last = [&](WriteTransaction&, const BlobInfo& info, Timestamp) {
    return Result<bool>(info.digest != digests[2]);
  };
  const auto before = metadata().counts().writes;
  const auto removed = blobs().remove(digests, all_but_the_last);
  ASSERT_TRUE(succeeded(removed));
  EXPECT_EQ(metadata().counts().writes, before + 1);
  EXPECT_EQ(removed->count, 2U);
  EXPECT_EQ(removed->bytes, 1 + test_inline_limit + 1);
  EXPECT_FALSE(removed->left_behind.has_value());
  EXPECT_EQ(all_objects(objects()).size(), 1U);
  EXPECT_TRUE(succeeded(blobs().stat(digests[2])));
}

TEST_P(BlobStoreContract, ABlobThatIsThereIsLinkedAndRenewedButNotWritten) {
  for (const std::size_t size : {test_inline_limit, test_inline_limit * 2}) {
    const std::string bytes(size, 't');
    const Digest digest = digest_of(bytes);
    ASSERT_TRUE(succeeded(writer(bytes, "first")->commit(digest, link_row("first"))));
    const std::size_t stored = all_objects(objects()).size();
    EXPECT_EQ(lease_of(digest), clock_.now());
    clock_.advance(std::chrono::hours(1));
    EXPECT_EQ(lease_of(digest), clock_.now() - std::chrono::hours(1));
    ASSERT_TRUE(succeeded(writer(bytes, "second")->commit(digest, link_row("second"))));
    EXPECT_EQ(lease_of(digest), clock_.now());
    EXPECT_EQ(read(metadata(), "second"), std::to_string(size));
    EXPECT_EQ(all_objects(objects()).size(), stored);
    EXPECT_TRUE(all_stages(objects()).empty());

    clock_.advance(std::chrono::milliseconds(1));
    ASSERT_TRUE(succeeded(metadata().write(
        [&](WriteTransaction& transaction) { return blobs().renew(transaction, digest); })));
    EXPECT_EQ(lease_of(digest), clock_.now());
  }
  EXPECT_TRUE(failed(metadata().write([&](WriteTransaction& transaction) {
    return blobs().renew(transaction, digest_of("missing"));
  }),
                     ErrorCode::not_found));
}

TEST_P(BlobStoreContract, ManyMayCommitTheSameBytesAtOnce) {
  for (const std::size_t size : {test_inline_limit, test_inline_limit * 2}) {
    const std::string bytes(size, 'c');
    const Digest digest = digest_of(bytes);
    std::atomic<int> wrong{0};
    {
      std::vector<std::jthread> threads;
      for (int thread = 0; thread < 16; ++thread) {
        threads.emplace_back([&, thread] {
          const std::string name = "upload-" + std::to_string(thread);
          if (!writer(bytes, name)->commit(digest, link_row(name)) || !blobs().open(digest))
            ++wrong;
        });
      }
    }
    EXPECT_EQ(wrong, 0);
    for (int thread = 0; thread < 16; ++thread)
      EXPECT_EQ(read(metadata(), "upload-" + std::to_string(thread)), std::to_string(size));
    EXPECT_EQ(blobs().read(digest, size).value(), bytes);
  }
  EXPECT_EQ(all_objects(objects()).size(), 1U);
  EXPECT_TRUE(all_stages(objects()).empty());
}

TEST_P(BlobStoreContract, ARemovedBlobIsGoneAndMayComeBack) {
  const auto keys_before = all_keys(**metadata().snapshot());  // a folder has its seal
  for (const std::size_t size : {test_inline_limit, test_inline_limit * 2}) {
    const std::string bytes(size, 'r');
    const Digest digest = blobs().put(bytes)->digest;
    const auto open = blobs().open(digest);
    ASSERT_TRUE(succeeded(open));
    EXPECT_TRUE(failed(blobs().remove(digest,
                                      [](WriteTransaction&, const BlobInfo&, Timestamp) {
                                        return Result<bool>(Error(ErrorCode::conflict, "no"));
                                      }),
                       ErrorCode::conflict));
    EXPECT_TRUE(succeeded(blobs().stat(digest)));

    EXPECT_TRUE(blobs().remove(digest, yes).value());
    EXPECT_FALSE(blobs().remove(digest, yes).value());
    EXPECT_TRUE(failed(blobs().open(digest), ErrorCode::not_found));
    EXPECT_TRUE(all_objects(objects()).empty());
    if (const auto* object = std::get_if<std::shared_ptr<const Object>>(&open->content)) {
      EXPECT_EQ(content_of(**object), bytes);
    }

    ASSERT_TRUE(succeeded(blobs().put(bytes)));
    EXPECT_EQ(blobs().read(digest, size).value(), bytes);
    EXPECT_TRUE(blobs().remove(digest, yes).value());
  }
  const auto view = metadata().snapshot();
  EXPECT_EQ(all_keys(**view), keys_before);
}

TEST_P(BlobStoreContract, RemovingAndCommittingTheSameBytesNeverLeavesALinkToNothing) {
  const std::string bytes(test_inline_limit * 2, 'g');
  const Digest digest = digest_of(bytes);
  std::atomic<int> wrong{0};
  const auto sound = [&] {
    const auto read = blobs().read(digest, bytes.size());
    return read ? *read == bytes : read.error().code == ErrorCode::not_found;
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 40; ++i) {
          const std::string name = std::to_string(thread) + "-" + std::to_string(i);
          if (thread % 3 == 0 && !blobs().remove(digest, yes)) ++wrong;
          if (thread % 3 == 1 && !writer(bytes, name)->commit(digest, {})) ++wrong;
          if (!sound()) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  ASSERT_TRUE(succeeded(writer(bytes)->commit(digest, {})));
  EXPECT_EQ(blobs().read(digest, bytes.size()).value(), bytes);
}

TEST_P(BlobStoreContract, AnObjectThatVanishedIsCorruption) {
  const Digest digest = blobs().put(std::string(test_inline_limit * 2, 'v'))->digest;
  ASSERT_TRUE(objects().remove(all_objects(objects()).front()).value());
  EXPECT_TRUE(failed(blobs().open(digest), ErrorCode::corrupt));
  EXPECT_TRUE(succeeded(blobs().stat(digest)));
}

TEST_P(BlobStoreContract, AnObjectOfAnotherSizeIsCorruption) {
  const Digest digest = blobs().put(std::string(test_inline_limit * 2, 'v'))->digest;
  const std::string key = all_objects(objects()).front();
  ASSERT_TRUE(objects().remove(key).value());
  ASSERT_TRUE(succeeded(staged(objects(), "forged", "short")->publish(key)));
  EXPECT_TRUE(failed(blobs().open(digest), ErrorCode::corrupt));
}

}  // namespace slipway::test
