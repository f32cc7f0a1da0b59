// What may be found of a few actions, worked out by hand.
#include "tests/crash/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::crash {

namespace {

using Kind = Entry::Kind;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

using std::chrono::minutes;

const Fact tag{Fact::Kind::tag, "app", "latest"};
const Fact blob{Fact::Kind::blob, "app", "sha256:1"};
const Fact manifest{Fact::Kind::manifest, "app", "sha256:2"};

Action sets(const Value& value) {
  return {"set", {{tag, value}}};
}
/// As the deletion of a manifest does to its tags.
Action erases_if(const Value& value) {
  return {"erase", {{tag, "", value}}};
}
Action saw(const Value& value) {
  return {"look", {{tag, value}}, true};
}

Action pushes(const Fact& fact, minutes at = {}) {
  return {"push", {{fact, present}}, false, Timestamp(at)};
}
Action deletes(const Fact& fact) {
  return {"delete", {{fact, ""}}};
}
/// As the garbage collector may do to the blob, which is leased for ten minutes.
Action may_collect(minutes at) {
  return {"collect",
          {{blob, "", std::nullopt, Unless{minutes(10), {{manifest, present}}}}},
          false,
          Timestamp(at)};
}

/// "b0 s0": action 0 begins, and is acknowledged; "f0" it failed, "k" kill -9.
std::set<Value> allowed(const std::vector<Action>& actions, const std::string& log,
                        const Fact& fact = tag) {
  History history(actions);
  for (std::size_t at = 0; at < log.size(); at += 3) {
    Entry entry;
    if (at + 1 < log.size() && log[at + 1] != ' ')
      entry.number = static_cast<std::uint64_t>(log[at + 1] - '0');
    entry.kind = log[at] == 'b'   ? Kind::begin
                 : log[at] == 's' ? Kind::succeed
                 : log[at] == 'f' ? Kind::fail
                                  : Kind::kill;
    history.apply(entry);
  }
  return history.allowed(fact);
}

TEST(History, WhatHasNotBegunHasNotHappened) {
  EXPECT_THAT(allowed({sets("A")}, ""), ElementsAre(""));
}

TEST(History, WhatIsNotAnsweredMayHaveHappened) {
  EXPECT_THAT(allowed({sets("A")}, "b0"), UnorderedElementsAre("", "A"));
}

TEST(History, WhatIsAcknowledgedHasHappened) {
  EXPECT_THAT(allowed({sets("A")}, "b0 s0"), ElementsAre("A"));
}

TEST(History, WhatFailedHasNotHappened) {
  EXPECT_THAT(allowed({sets("A")}, "b0 f0"), ElementsAre(""));
}

TEST(History, ALaterActionReplacesAnEarlierOne) {
  EXPECT_THAT(allowed({sets("A"), sets("B")}, "b0 s0 b1"), UnorderedElementsAre("A", "B"));
  EXPECT_THAT(allowed({sets("A"), sets("B")}, "b0 s0 b1 s1"), ElementsAre("B"));
}

TEST(History, OfTwoAtATimeEitherMayBeTheLast) {
  EXPECT_THAT(allowed({sets("A"), sets("B")}, "b0 b1 s0 s1"), UnorderedElementsAre("A", "B"));
}

TEST(History, OneWithoutAnAnswerMayStillReplaceALaterOne) {
  EXPECT_THAT(allowed({sets("A"), sets("B")}, "b0 b1 s1"), UnorderedElementsAre("A", "B"));
}

TEST(History, AfterKillNothingOfBeforeHappensAnyMore) {
  EXPECT_THAT(allowed({sets("A"), sets("B")}, "b0 k  b1"), UnorderedElementsAre("", "A", "B"));
  EXPECT_THAT(allowed({sets("A"), sets("B")}, "b0 k  b1 s1"), ElementsAre("B"));
}

TEST(History, AConditionalActionSparesOtherValues) {
  EXPECT_THAT(allowed({sets("A"), erases_if("A")}, "b0 s0 b1 s1"), ElementsAre(""));
  EXPECT_THAT(allowed({sets("B"), erases_if("A")}, "b0 s0 b1 s1"), ElementsAre("B"));
  EXPECT_THAT(allowed({sets("A"), sets("B"), erases_if("A")}, "b0 s0 b1 s1 b2 s2"),
              ElementsAre("B"));
  EXPECT_THAT(allowed({sets("A"), sets("B"), erases_if("A")}, "b0 s0 b1 b2 s2 s1"),
              ElementsAre("B"));
  EXPECT_THAT(allowed({sets("A"), sets("B"), erases_if("A")}, "b0 b1 b2 s2 s1 s0"),
              UnorderedElementsAre("", "A", "B"));
}

TEST(History, WhatAReaderSawStays) {
  EXPECT_THAT(allowed({sets("A"), saw("A")}, "b0 b1 s1"), ElementsAre("A"));
  EXPECT_THAT(allowed({sets("A"), saw("A")}, "b0 b1"), UnorderedElementsAre("", "A"));
  EXPECT_THAT(allowed({sets("A"), saw("")}, "b0 b1 s1"), UnorderedElementsAre("", "A"));
}

TEST(History, WhatIsOnlyPossibleLeavesBoth) {
  EXPECT_THAT(allowed({pushes(blob), may_collect(minutes(10))}, "b0 s0 b1 s1", blob),
              UnorderedElementsAre("", present));
  EXPECT_THAT(allowed({pushes(blob), may_collect(minutes(10)), pushes(blob, minutes(10))},
                      "b0 s0 b1 s1 b2 s2", blob),
              ElementsAre(present));
  EXPECT_THAT(allowed({pushes(blob), may_collect(minutes(10))}, "b0 s0 b1 f1", blob),
              ElementsAre(present));
}

TEST(History, WhatIsLeasedStays) {
  EXPECT_THAT(allowed({pushes(blob), may_collect(minutes(9))}, "b0 s0 b1 s1", blob),
              ElementsAre(present));
  EXPECT_THAT(allowed({pushes(blob), may_collect(minutes(9))}, "b0 b1 s1 s0", blob),
              ElementsAre(present));
  EXPECT_THAT(allowed({pushes(blob), may_collect(minutes(9)), deletes(blob)}, "b0 s0 b1 s1 b2",
                      blob),
              UnorderedElementsAre("", present));
}

TEST(History, WhatIsHeldAllTheWhileStays) {
  const std::vector<Action> actions = {pushes(blob), pushes(manifest), may_collect(minutes(10)),
                                       deletes(manifest)};
  EXPECT_THAT(allowed(actions, "b0 s0 b1 s1 b2 s2 b3 s3", blob), ElementsAre(present));
  EXPECT_THAT(allowed(actions, "b0 s0 b1 s1 b2 b3 s2", blob), UnorderedElementsAre("", present));
  EXPECT_THAT(allowed(actions, "b0 s0 b1 s1 b3 s3 b2 s2", blob),
              UnorderedElementsAre("", present));
  EXPECT_THAT(allowed(actions, "b0 s0 b1 b2 s2 s1", blob), UnorderedElementsAre("", present));
}

/// What held it may itself have been collected first, although it has a lease again since.
TEST(History, WhatMayHaveGoneInBetweenHoldsNothing) {
  Action collects_manifest = may_collect(minutes(10));
  collects_manifest.effects = {{manifest, "", std::nullopt, Unless{minutes(10), {}}}};
  const std::vector<Action> actions = {pushes(blob), pushes(manifest), collects_manifest,
                                       may_collect(minutes(10)), pushes(manifest, minutes(10))};
  EXPECT_THAT(allowed(actions, "b0 s0 b1 s1 b2 s2 b3 s3 b4 s4", blob),
              UnorderedElementsAre("", present));
  EXPECT_THAT(allowed(actions, "b0 s0 b1 s1 b2 s2 b3 s3 b4 s4", manifest), ElementsAre(present));
  EXPECT_THAT(allowed(actions, "b0 s0 b4 s4 b2 s2 b3 s3", blob), ElementsAre(present));
}

}  // namespace

}  // namespace slipway::crash
