// A followed log: what readers share, what a slow one costs, and that each gets every byte once.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

/// A store that counts what is read of it, and refuses to be read when it is told to.
class CountingStore final : public MetadataStore {
 public:
  explicit CountingStore(MetadataStore& inner) : inner_(inner) {}

  Result<std::unique_ptr<ReadView>> snapshot() override {
    ++snapshots;
    if (broken) return Error(ErrorCode::io, "the disk is gone");
    return inner_.snapshot();
  }
  Result<void> write(const Write& closure) override { return inner_.write(closure); }
  std::unique_ptr<Subscription> subscribe(std::string_view topic,
                                          std::function<void()> callback) override {
    return inner_.subscribe(topic, std::move(callback));
  }
  [[nodiscard]] bool reads_may_block() const noexcept override { return inner_.reads_may_block(); }
  [[nodiscard]] const Sealer& sealer() const noexcept override { return inner_.sealer(); }
  [[nodiscard]] Counts counts() const noexcept override { return inner_.counts(); }

  std::atomic<int> snapshots = 0;
  std::atomic<bool> broken = false;

 private:
  MetadataStore& inner_;
};

/// An open answer that follows a log, read by hand.
class Reader {
 public:
  Reader(HttpHandler& handler, const std::string& target, const std::string& secret) {
    const std::string authorization = "Bearer " + secret;
    const std::vector<HttpField> fields{{"Authorization", authorization}};
    HttpRequest request;
    request.method = HttpMethod::get;
    request.target = target;
    request.fields = fields;
    HttpResponse response;
    serve_inline(handler, request, {}, response);
    stream_ = std::move(std::get<std::unique_ptr<BodyStream>>(response.body()));
    stream_->on_ready([wakes = wakes_] { wakes->add(); });
  }

  /// One piece; its owner, when it is shared.
  std::shared_ptr<const std::string> read_piece() {
    std::string own;
    SharedBytes shared;
    state_ = stream_->next_shared(own, shared);
    EXPECT_TRUE(own.empty() || shared.bytes.empty());
    text_.append(own).append(shared.bytes);
    return shared.owner;
  }
  void read() {
    do read_piece();
    while (state_ == BodyStream::State::more);
  }
  void wait_for_wake() { wakes_->take(); }
  void read_after_wake() {
    wait_for_wake();
    read();
  }
  /// Reads whenever it is woken, until it has so many bytes.
  void read_until(std::size_t size) {
    for (read(); text_.size() < size; read_after_wake()) ASSERT_EQ(state_, BodyStream::State::waiting);
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] BodyStream::State state() const { return state_; }

 private:
  std::shared_ptr<test::Wakes> wakes_ = std::make_shared<test::Wakes>();
  std::unique_ptr<BodyStream> stream_;
  std::string text_;
  BodyStream::State state_ = BodyStream::State::more;
};

class LiveLogTest : public test::ApiFixture {
 protected:
  std::unique_ptr<Reader> follow(std::uint64_t offset = 0) {
    return std::make_unique<Reader>(*counted_api_,
                                    "/api/v1/builds/" + id_ + "/log?follow=true&offset=" +
                                        std::to_string(offset),
                                    builder_);
  }
  void append(const std::string& bytes) {
    ASSERT_TRUE(logs_.append(id_, log_.size(), bytes, {}).ok());
    log_ += bytes;
  }
  void end() {
    ASSERT_TRUE(queue_->cancel(id_, "requested").ok());
    if (!log_.empty() && !log_.ends_with('\n')) log_ += "\n";  // the server's line is one by itself
    log_ += "slipway: cancelled: requested\n";
  }

  /// How often the store is read for one chunk that so many follow.
  int reads_a_chunk(int count) {
    std::vector<std::unique_ptr<Reader>> readers;
    for (int i = 0; i < count; ++i) readers.push_back(follow(log_.size()));
    for (const auto& reader : readers) reader->read();
    const int before = store_.snapshots;
    const std::string chunk = "STEP 1/2: FROM scratch\n";
    append(chunk);
    for (const auto& reader : readers) {
      reader->read_after_wake();
      EXPECT_EQ(reader->text(), chunk);
      EXPECT_EQ(reader->state(), BodyStream::State::waiting);
    }
    return store_.snapshots - before;
  }

  const std::string id_ = submit("app/web");
  std::string log_;
  CountingStore store_{*metadata_};
  LogStore counted_logs_{store_, &blobs_};
  std::unique_ptr<BuildQueue> counted_queue_ = *open_build_queue(store_, *registry_, clock_);
  BuildHandlerParts counted_parts_{
      store_,  *registry_,   *counted_queue_, counted_logs_, triggers_, deliveries_, notifications_,
      tokens_, maintenance_, authenticator_,  policy_,       clock_,    Log::none()};
  std::unique_ptr<HttpHandler> counted_api_ = make_build_handler(counted_parts_, options_);
};

TEST_F(LiveLogTest, AChunkIsReadFromTheStoreAsOftenForHundredsAsForOne) {
  const int for_one = reads_a_chunk(1);
  EXPECT_EQ(reads_a_chunk(300), for_one);
  EXPECT_LE(for_one, 3);
}

TEST_F(LiveLogTest, WhoStandsAtTheSamePlaceGetsTheSameBytesInMemory) {
  const auto one = follow();
  const auto two = follow();
  one->read();
  two->read();
  append("a line\n");
  one->wait_for_wake();
  const auto shared = one->read_piece();
  ASSERT_NE(shared, nullptr);
  EXPECT_EQ(two->read_piece(), shared);
  EXPECT_EQ(one->text(), log_);
  EXPECT_EQ(two->text(), log_);
}

TEST_F(LiveLogTest, AReaderThatStandsStillHoldsNoMoreThanTheBound) {
  const auto slow = follow();
  const auto fast = follow();
  fast->read();
  std::vector<std::pair<std::weak_ptr<const std::string>, std::size_t>> pieces;
  while (log_.size() < 4'000'000) {
    append(std::string(50'000, static_cast<char>('a' + log_.size() % 26)));
    fast->wait_for_wake();
    do {
      const std::size_t before = fast->text().size();
      const auto piece = fast->read_piece();
      if (piece != nullptr) pieces.emplace_back(piece, fast->text().size() - before);
    } while (fast->state() == BodyStream::State::more);
  }
  std::size_t held = 0;
  for (const auto& [piece, size] : pieces)
    if (!piece.expired()) held += size;
  EXPECT_LE(held, 512U * 1024);
  EXPECT_TRUE(fast->text() == log_);
  slow->read();
  EXPECT_TRUE(slow->text() == log_);
  held = 0;
  for (const auto& [piece, size] : pieces)
    if (!piece.expired()) held += size;
  EXPECT_EQ(held, 0U) << "everyone has passed them";
}

TEST_F(LiveLogTest, AnOffsetBehindTheEndWaitsUntilTheLogGetsThere) {
  append("0123456789");
  const auto late = follow(15);
  const auto other = follow();
  late->read();
  other->read();
  append("0123");
  other->read_until(14);
  late->read_after_wake();
  EXPECT_EQ(late->text(), "");
  append("4567");
  late->read_until(3);
  EXPECT_EQ(late->text(), "567");
  end();
  late->read_until(log_.size() - 15);
  EXPECT_EQ(late->text(), log_.substr(15));
  EXPECT_EQ(late->state(), BodyStream::State::end);
}

TEST_F(LiveLogTest, AStoreThatCannotBeReadCutsTheAnswerAndEndsNone) {
  append("a line\n");
  const auto waits = follow();
  waits->read();
  const auto begins = follow();
  append("another\n");
  store_.broken = true;
  waits->read_after_wake();
  EXPECT_EQ(waits->state(), BodyStream::State::broken);
  begins->read();
  EXPECT_EQ(begins->state(), BodyStream::State::broken);
  store_.broken = false;
  const auto again = follow(7);
  again->read();
  EXPECT_EQ(again->text(), "another\n");
}

TEST_F(LiveLogTest, ACompressedLogIsFollowedToItsEnd) {
  append(std::string(200'000, 'x') + "\n");
  end();
  ASSERT_TRUE(logs_.archive(id_).value());
  for (const std::uint64_t offset : {0U, 1U, 65'536U, 199'999U}) {
    const auto reader = follow(offset);
    reader->read();
    EXPECT_EQ(reader->text(), log_.substr(offset));
    EXPECT_EQ(reader->state(), BodyStream::State::end);
  }
}

TEST_F(LiveLogTest, ReadersOfAnyPaceAndPlaceGetEachByteOnce) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  std::vector<std::pair<std::unique_ptr<Reader>, std::uint64_t>> readers;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t act = below(10);
    if (act < 3) {
      append(std::string(1 + below(act == 0 ? 100'000 : 300), static_cast<char>('a' + below(26))));
    } else if (act == 3 && readers.size() < 40) {
      const std::uint64_t offset = below(log_.size() + 100);
      readers.emplace_back(follow(offset), offset);
    } else if (act == 4 && readers.size() > 20) {
      readers.erase(readers.begin() + static_cast<std::ptrdiff_t>(below(readers.size())));
    } else if (!readers.empty()) {
      readers[below(readers.size())].first->read_piece();
    }
  }
  end();
  for (const auto& [reader, offset] : readers) {
    const std::string expected = offset < log_.size() ? log_.substr(offset) : "";
    reader->read_until(expected.size());
    EXPECT_TRUE(reader->text() == expected) << "from " << offset;
  }
}

}  // namespace
}  // namespace slipway
