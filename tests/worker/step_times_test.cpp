#include "worker/step_times.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using namespace std::chrono_literals;

struct Came {
  std::chrono::milliseconds at;
  std::string bytes;
};

/// What becomes of it, with the build's end at `end`.
std::string timed(const std::vector<Came>& log, std::chrono::milliseconds end) {
  StepTimes times;
  std::string text;
  const auto out = [&](std::string_view bytes) { text.append(bytes); };
  for (const Came& came : log) times.pass(came.bytes, MonotonicTime(came.at), out);
  times.finish(MonotonicTime(end), out);
  return text;
}

TEST(StepTimes, AStepEndsWhereTheNextBeginsAndAtCommit) {
  EXPECT_EQ(timed({{1'000ms, "STEP 1/3: FROM docker.io/library/debian:12\n"},
                   {1'500ms, "Trying to pull docker.io/library/debian:12...\n"},
                   {4'210ms, "STEP 2/3: RUN make\nmake: all is well\n"},
                   {66'000ms, "\x1b[32mdone\x1b[0m\n"},
                   {249'210ms, "STEP 3/3: CMD [\"/bin/app\"]\nCOMMIT app/web\n"},
                   {251'000ms, "Getting image source signatures\n"}},
                  252'000ms),
            "STEP 1/3: FROM docker.io/library/debian:12\n"
            "Trying to pull docker.io/library/debian:12...\n"
            "==> STEP 1/3 took 3.21 s\n"
            "STEP 2/3: RUN make\n"
            "make: all is well\n"
            "\x1b[32mdone\x1b[0m\n"
            "==> STEP 2/3 took 4 min 05 s\n"
            "STEP 3/3: CMD [\"/bin/app\"]\n"
            "==> STEP 3/3 took 0.00 s\n"
            "COMMIT app/web\n"
            "Getting image source signatures\n");
}

TEST(StepTimes, StagesAreNamedAndAFailedStepEndsWithTheBuild) {
  EXPECT_EQ(timed({{0ms, "[1/2] STEP 1/1: FROM scratch AS one\n"},
                   {10ms, "[2/2] STEP 1/2: FROM scratch\n"},
                   {30ms, "[2/2] STEP 2/2: RUN false\n"},
                   {530ms, "Error: building at STEP \"RUN false\": exit status 1"}},
                  530ms),
            "[1/2] STEP 1/1: FROM scratch AS one\n"
            "==> [1/2] STEP 1/1 took 0.01 s\n"
            "[2/2] STEP 1/2: FROM scratch\n"
            "==> [2/2] STEP 1/2 took 0.02 s\n"
            "[2/2] STEP 2/2: RUN false\n"
            "Error: building at STEP \"RUN false\": exit status 1\n"
            "==> [2/2] STEP 2/2 took 0.50 s\n");
}

TEST(StepTimes, WhatIsNoStepStaysAsItIs) {
  for (const std::string log :
       {"", "\n", "S", "STEP", "STEP 1", "STEP 1/", "STEP 1/2", "STEP one: two\n", " STEP 1/2: x\n",
        "[", "[1/2", "[1/2]", "[1/2] \n", "[a/b] STEP 1/2: x\n", "COMMI\n", "C\nO\n", "STEPS 1/2: a\n",
        "a\r\nSTEP /2: b\n", "STEP 1234567/2: x\n", "\n\n\nno line end"})
    EXPECT_EQ(timed({{0ms, log}}, 1s), log) << log;
}

TEST(StepTimes, HoweverTheLogIsCut) {
  const std::string log =
      "fetching\n[1/1] STEP 1/2: FROM a\nCOMMUNITY\nSTEP x\n[1/1] STEP 2/2: RUN b\n[1/1] COMMIT c\nend";
  const std::string whole = timed({{0ms, log}}, 0ms);
  EXPECT_EQ(whole,
            "fetching\n[1/1] STEP 1/2: FROM a\nCOMMUNITY\nSTEP x\n"
            "==> [1/1] STEP 1/2 took 0.00 s\n[1/1] STEP 2/2: RUN b\n"
            "==> [1/1] STEP 2/2 took 0.00 s\n[1/1] COMMIT c\nend");
  for (std::size_t first = 0; first <= log.size(); ++first)
    for (std::size_t second = first; second <= log.size(); second += 7)
      EXPECT_EQ(timed({{0ms, log.substr(0, first)},
                       {0ms, log.substr(first, second - first)},
                       {0ms, log.substr(second)}},
                      0ms),
                whole)
          << first << " " << second;
}

}  // namespace
}  // namespace slipway
