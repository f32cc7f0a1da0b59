#include "program/build_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program/table.hpp"
#include "support/readable_duration.hpp"

namespace slipway {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

const Timestamp start = *parse_rfc3339("2026-11-24T09:05:03.000Z");

Build a_build() {
  return Build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B",
               BuildRequest(*RepositoryName::parse("app/web"),
                            GitSource{"https://example.com/web", "refs/heads/main", ""}));
}

BuildTimes full_times() {
  BuildTimes times;
  times.queued = start;
  times.leased = start + milliseconds(1'000);
  times.started = start + milliseconds(1'500);
  times.registered = start + milliseconds(2'000);
  times.fetched = start + milliseconds(3'000);
  times.built = start + milliseconds(7'000);
  times.pushed = start + milliseconds(9'000);
  times.finished = start + milliseconds(10'000);
  return times;
}

TEST(Waterfall, EachStepStandsWhereItWasOnFortyColumns) {
  EXPECT_EQ(waterfall(full_times()),
            "  waiting          1.00 s  |====\n"
            "  starting         1.00 s  |    ====\n"
            "  fetching         1.00 s  |        ====\n"
            "  building         4.00 s  |            ================\n"
            "  pushing          2.00 s  |                            ========\n"
            "  finishing        1.00 s  |                                    ====\n");
}

TEST(Waterfall, ABuildThatEndedWithinAStepEndsThere) {
  BuildTimes times = full_times();
  times.built.reset();
  times.pushed.reset();
  EXPECT_EQ(waterfall(times),
            "  waiting          1.00 s  |====\n"
            "  starting         1.00 s  |    ====\n"
            "  fetching         1.00 s  |        ====\n"
            "  building         7.00 s  |            ============================\n");
}

TEST(Waterfall, AStepThatTookNothingIsStillSeen) {
  BuildTimes times = full_times();
  times.pushed = times.finished;
  EXPECT_THAT(waterfall(times),
              HasSubstr("  finishing        0.00 s  |" + std::string(39, ' ') + "=\n"));
}

TEST(Waterfall, ABuildThatHasNotEndedHasNone) {
  BuildTimes times = full_times();
  times.finished.reset();
  EXPECT_EQ(waterfall(times), "");
  EXPECT_EQ(waterfall(BuildTimes()), "");
}

TEST(Waterfall, AClockThatWentBackBreaksNothing) {
  BuildTimes times = full_times();
  times.fetched = start - milliseconds(60'000);
  times.built = start + milliseconds(60'000);
  const std::string text = waterfall(times);
  EXPECT_THAT(text, HasSubstr("building"));
  for (std::size_t at = 0, end = 0; at < text.size(); at = end + 1) {
    end = text.find('\n', at);
    EXPECT_LE(end - at, 28 + 40 + 1U);
  }
}

TEST(ReadableDuration, GrowsCoarser) {
  EXPECT_EQ(readable_duration(milliseconds(0)), "0.00 s");
  EXPECT_EQ(readable_duration(milliseconds(-5)), "0.00 s");
  EXPECT_EQ(readable_duration(milliseconds(50)), "0.05 s");
  EXPECT_EQ(readable_duration(milliseconds(12'300)), "12.3 s");
  EXPECT_EQ(readable_duration(milliseconds(245'000)), "4 min 05 s");
  EXPECT_EQ(readable_duration(milliseconds(3'900'000)), "1 h 05 min");
}

TEST(BuildOutcome, EndsWithTheLineThatPulls) {
  Build build = a_build();
  build.state = BuildState::succeeded;
  build.times = full_times();
  const std::string digest = "sha256:" + std::string(64, 'a');
  build.digest = *Digest::parse(digest);
  const std::string text = build_outcome(build, "http://127.0.0.1:5000");
  EXPECT_THAT(text, HasSubstr("build 01JDCZ0M4Y7W3Q6S8N2V5X9K1B succeeded after 10.0 s\n"));
  EXPECT_THAT(text, HasSubstr("digest " + digest + "\n"));
  EXPECT_TRUE(text.ends_with("pull it: skopeo copy --src-tls-verify=false --src-creds "
                             "me:$SLIPWAY_TOKEN docker://127.0.0.1:5000/app/web@" +
                             digest + " dir:image\n"))
      << text;
  EXPECT_THAT(build_outcome(build, "https://registry.example.com"),
              HasSubstr("skopeo copy --src-creds me:$SLIPWAY_TOKEN "
                        "docker://registry.example.com/app/web@"));
}

TEST(BuildOutcome, SaysWhyItFailedOnOneLine) {
  Build build = a_build();
  build.state = BuildState::failed;
  build.failure = BuildFailure{FailureClass::user, "step_failed", "RUN make:\nexit status 2", 2};
  const std::string text = build_outcome(build, "http://127.0.0.1:5000");
  EXPECT_THAT(text, HasSubstr("step_failed (user): RUN make: exit status 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("pull it")));
}

TEST(BuildDetails, TellWhatIsKnownAndSteerNoTerminal) {
  Build build = a_build();
  CommitInfo commit;
  commit.id = "9f3c1d0a5b";
  commit.message = "Fix\x1b[2J the pager";
  commit.author = Person{"Ada", "ada@example.com", "ada", ""};
  build.request.commit = commit;
  build.request.tags = {"latest", "main"};
  const std::string text = build_details(build);
  EXPECT_THAT(text, HasSubstr("state       queued\n"));
  EXPECT_THAT(text, HasSubstr("source      https://example.com/web 9f3c1d0\n"));
  EXPECT_THAT(text, HasSubstr("commit      9f3c1d0a5b Fix [2J the pager\n"));
  EXPECT_THAT(text, HasSubstr("author      Ada <ada@example.com>\n"));
  EXPECT_THAT(text, HasSubstr("tags        latest, main\n"));
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table{"ID", "NAME"};
  table.add({"1", "one"});
  table.add({"100", ""});
  table.add({"ä", "two\nlines"});
  EXPECT_EQ(table.text(),
            "ID   NAME\n"
            "1    one\n"
            "100\n"
            "ä    two lines\n");
}

}  // namespace
}  // namespace slipway
