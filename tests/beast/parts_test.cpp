// The parts by themselves: chunked coding, timer wheel, blocking pool.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <vector>

#include "beast/blocking_pool.hpp"
#include "beast/chunked.hpp"
#include "beast/timer_wheel.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway::beast {
namespace {

using namespace std::chrono_literals;
using slipway::testing::Event;

struct Decoded {
  std::string content;
  std::size_t consumed = 0;
  bool done = false;
  bool malformed = false;
};

Decoded decode(const std::string& coded, std::size_t step) {
  ChunkedDecoder decoder;
  Decoded out;
  for (std::size_t at = 0; at < coded.size() && !decoder.done(); at += step) {
    std::string piece = coded.substr(at, step);
    const auto result = decoder.decode(piece);
    out.content.append(piece, 0, result.payload);
    out.consumed += result.consumed;
    if (decoder.malformed()) break;
  }
  out.done = decoder.done();
  out.malformed = decoder.malformed();
  return out;
}

TEST(ChunkedTest, TheSameInPiecesOfAnySize) {
  const std::string coded = "4\r\nWiki\r\n7;a=\"b\"\r\npedia i\r\nB\r\nn \r\nchunks.\r\n000\r\nX: y\r\n\r\n";
  for (std::size_t step = 1; step <= coded.size() + 5; ++step) {
    const Decoded decoded = decode(coded + "rest!", step);
    EXPECT_EQ(decoded.content, "Wikipedia in \r\nchunks.") << step;
    EXPECT_TRUE(decoded.done);
    EXPECT_EQ(decoded.consumed, coded.size()) << step;
  }
}

TEST(ChunkedTest, RefusesWhatIsMalformed) {
  const std::string malformed[] = {"\r\n",       "x\r\n",         "3 3\r\nabc\r\n",
                                   "-1\r\n",     "0x3\r\nabc",    "3\nabc\r\n",
                                   "3\rabc",     "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n",
                                   "3\r\nabc\rx", "0\r\n\rx",     "0\r\nX: y\rz",
                                   "0\r\nX\n",   "1;a\nb",        "8000000000000000\r\n",
                                   "fffffffffffffffff\r\n", ";x\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n"};
  for (const std::string& coded : malformed) {
    EXPECT_TRUE(decode(coded, 1).malformed) << coded;
    EXPECT_TRUE(decode(coded, 100).malformed) << coded;
  }
  EXPECT_FALSE(decode("7fffffffffffffff\r\nabc", 100).malformed) << "large, but a number";
  EXPECT_TRUE(decode("1;" + std::string(20'000, 'x'), 100).malformed);
  EXPECT_TRUE(decode("0\r\n" + std::string(20'000, 'x'), 100).malformed);
}

TEST(ChunkedTest, AnyBytesAreDecodedOrRefused) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string alphabet = "0123aF;\r\n \t:x";
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 40, ' ');
    for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
    const Decoded whole = decode(bytes, 100);
    const Decoded single = decode(bytes, 1);
    ASSERT_EQ(whole.malformed, single.malformed) << bytes;
    ASSERT_EQ(whole.done, single.done) << bytes;
    if (!whole.malformed) {
      ASSERT_EQ(whole.content, single.content) << bytes;
      ASSERT_EQ(whole.consumed, single.consumed) << bytes;
    }
  }
}

struct Timed final : TimerWheel::Entry {
  int fired = 0;
  bool delete_itself = false;
  void on_deadline() override {
    ++fired;
    if (delete_itself) delete this;
  }
};

TEST(TimerWheelTest, FiresOnceAndNeverEarly) {
  for (const auto timeout : {10s, 11s, 30s, 75s, 1000s}) {
    TimerWheel wheel(10s, 0s);
    Timed entry;
    wheel.add(entry);
    wheel.set(entry, timeout);
    for (MonotonicTime now = 0s; now <= 2000s; now += 100ms) {
      wheel.advance(now);
      if (now < timeout) {
        ASSERT_EQ(entry.fired, 0) << now.count();
      }
      if (now >= timeout + 3 * wheel.tick()) {
        ASSERT_EQ(entry.fired, 1) << now.count();
      }
    }
  }
}

TEST(TimerWheelTest, AShorterDeadlineThatIsSetLaterIsMet) {
  TimerWheel wheel(10s, 0s);
  Timed entry;
  wheel.add(entry);
  wheel.set(entry, 1000s);
  MonotonicTime now = 0s;
  for (; now < 500s; now += 100ms) wheel.advance(now);
  wheel.set(entry, 10s);
  for (; now < 510s; now += 100ms) wheel.advance(now);
  EXPECT_EQ(entry.fired, 0);
  for (; now < 512s; now += 100ms) wheel.advance(now);
  EXPECT_EQ(entry.fired, 1);
}

TEST(TimerWheelTest, ALeapOfTimeFiresEverythingDue) {
  TimerWheel wheel(10s, 0s);
  std::vector<std::unique_ptr<Timed>> entries;
  for (int i = 0; i < 100; ++i) {
    entries.push_back(std::make_unique<Timed>());
    wheel.add(*entries.back());
    wheel.set(*entries.back(), std::chrono::seconds(10 + i));
  }
  wheel.advance(60s);
  wheel.advance(75s);
  int fired = 0;
  for (const auto& entry : entries) fired += entry->fired;
  EXPECT_GE(fired, 62);
  EXPECT_LE(fired, 66);
  wheel.advance(100'000s);
  for (const auto& entry : entries) EXPECT_EQ(entry->fired, 1);
}

TEST(TimerWheelTest, EntriesMayLeaveAtAnyTime) {
  TimerWheel wheel(10s, 0s);
  auto leaving = std::make_unique<Timed>();
  Timed cleared;
  auto* const deleting = new Timed;
  deleting->delete_itself = true;
  for (Timed* entry : {leaving.get(), &cleared, deleting}) {
    wheel.add(*entry);
    wheel.set(*entry, 10s);
  }
  leaving.reset();
  wheel.clear(cleared);
  for (MonotonicTime now = 0s; now < 100s; now += 1s) wheel.advance(now);
  EXPECT_EQ(cleared.fired, 0);
}

TEST(BlockingPoolTest, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    BlockingPool pool(3, 10);
    for (int i = 0; i < 1000; ++i) pool.submit([&] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

TEST(BlockingPoolTest, NewWorkIsRefusedWhenTheQueueIsFull) {
  struct Job final : BlockingJob {
    Event* begun = nullptr;
    Event* go_on = nullptr;
    void run() noexcept override {
      if (begun != nullptr) begun->set();
      if (go_on != nullptr) go_on->wait();
    }
  };
  Event begun, go_on;
  Job running, waiting, refused, admitted;
  running.begun = &begun;
  running.go_on = &go_on;
  BlockingPool pool(1, 1);
  ASSERT_TRUE(pool.submit(running, BlockingPool::Admission::bounded));
  begun.wait();
  EXPECT_TRUE(pool.submit(waiting, BlockingPool::Admission::bounded));
  EXPECT_FALSE(pool.submit(refused, BlockingPool::Admission::bounded));
  EXPECT_TRUE(pool.submit(admitted, BlockingPool::Admission::always));
  go_on.set();
}

}  // namespace
}  // namespace slipway::beast
