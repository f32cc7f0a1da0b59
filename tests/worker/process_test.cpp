#include "worker/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "support/process_tree.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

ProcessSpec shell(std::string script) {
  ProcessSpec spec;
  spec.arguments = {"sh", "-c", std::move(script)};
  spec.environment = {{"PATH", "/usr/bin:/bin"}, {"MARK", "here"}};
  return spec;
}

std::size_t marked_processes(std::string_view mark) {
  std::size_t count = 0;
  for (const ProcessInfo& process : all_processes())
    count += process.state != 'Z' && process_variable(process.id.pid, "MARK") == mark ? 1U : 0U;
  return count;
}

TEST(RunProcess, OutputStatusFolderAndNothingInherited) {
  const test::TemporaryFolder folder;
  ::setenv("SLIPWAY_TEST_SECRET", "hidden", 1);
  ProcessSpec spec = shell(
      "pwd; env | cut -d= -f1 | sort | tr '\\n' ' '; readlink /proc/$$/fd/0; echo wrong >&2; exit "
      "3");
  spec.folder = folder.path();
  const auto run = run_and_capture(spec);
  ::unsetenv("SLIPWAY_TEST_SECRET");
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(run->end.cause, ProcessEnd::Cause::exited);
  EXPECT_EQ(run->end.status, 3);
  EXPECT_EQ(run->end.describe(), "exit status 3");
  EXPECT_FALSE(run->end.success());
  EXPECT_EQ(run->output, folder.path().string() + "\nMARK PATH PWD /dev/null\nwrong\n");
}

TEST(RunProcess, MuchOutputArrivesWhole) {
  std::size_t bytes = 0;
  ProcessSpec spec = shell("head -c 5000000 /dev/zero");
  spec.output = [&bytes](std::string_view more) { bytes += more.size(); };
  const auto end = run_process(spec);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->success());
  EXPECT_EQ(bytes, 5'000'000U);
}

TEST(RunProcess, CapturedOutputIsBoundedAndKeepsItsEnd) {
  const auto run =
      run_and_capture(shell("head -c 1000000 /dev/zero | tr '\\0' a; echo end"), {}, 1000);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->output.size(), 1000U);
  EXPECT_TRUE(run->output.ends_with("aend\n"));
}

TEST(RunProcess, Signals) {
  const auto run = run_and_capture(shell("kill -9 $$"));
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->end.describe(), "killed by signal 9");
}

TEST(RunProcess, ProgramsThatAreNotThere) {
  ProcessSpec spec = shell("");
  spec.arguments = {"slipway-no-such-program"};
  EXPECT_EQ(run_process(spec).error().code, ErrorCode::not_found);
  spec.arguments = {"/bin/sh", "-c", "true"};
  spec.folder = "/no/such/folder";
  EXPECT_EQ(run_process(spec).error().code, ErrorCode::not_found);
}

/// Twice forked, in a session of its own, deaf to SIGTERM: says so, then stays.
constexpr const char* daemon_script =
    "(setsid sh -c 'trap \"\" TERM HUP; (echo up; sleep 1000; true) & wait' &); sleep 1000; true";

TEST(RunProcess, WhatIsLeftOfTheFamilyEndsWithTheProgram) {
  // The program ends by itself once its daemon runs; the daemon holds the output open.
  ProcessSpec spec = shell(
      "mkfifo $FIFO; (setsid sh -c 'trap \"\" TERM; (echo up > $FIFO; sleep 1000; true) & wait' "
      "&); cat $FIFO");
  const test::TemporaryFolder folder;
  spec.environment.emplace_back("FIFO", (folder / "fifo").string());
  spec.environment[1].second = "left";
  const auto run = run_and_capture(spec);
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_TRUE(run->end.success());
  EXPECT_EQ(run->output, "up\n");
  EXPECT_EQ(marked_processes("left"), 0U);
}

TEST(RunProcess, StopEndsTheWholeFamilyAtOnce) {
  std::stop_source stop;
  ProcessSpec spec = shell(daemon_script);
  spec.environment[1].second = "stopped";
  spec.output = [&stop](std::string_view text) {
    if (text.find("up") != std::string_view::npos) stop.request_stop();
  };
  const auto end = run_process(spec, stop.get_token());
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->cause, ProcessEnd::Cause::stopped);
  EXPECT_EQ(marked_processes("stopped"), 0U);
  EXPECT_TRUE(descendants(::getpid(), all_processes()).empty()) << "all of it is reaped";
  EXPECT_EQ(run_process(spec, stop.get_token())->cause, ProcessEnd::Cause::stopped);
}

TEST(RunProcess, TimeoutEndsTheWholeFamily) {
  ProcessSpec spec = shell(daemon_script);
  spec.environment[1].second = "late";
  spec.timeout = std::chrono::milliseconds(100);
  const auto end = run_process(spec);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->cause, ProcessEnd::Cause::timed_out);
  EXPECT_EQ(marked_processes("late"), 0U);
}

TEST(RunProcess, AProgramThatNeverStopsWritingStillEnds) {
  ProcessSpec spec = shell("(setsid yes &); true");
  const auto end = run_process(spec);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->success());
}

TEST(LineSplitter, LinesFromAnyPieces) {
  std::vector<std::string> lines;
  LineSplitter splitter([&lines](std::string_view line) { lines.emplace_back(line); });
  for (const char* piece : {"a", "b\nc", "\n", "\n", "d\ne\nf"}) splitter.add(piece);
  splitter.finish();
  splitter.finish();
  EXPECT_EQ(lines, (std::vector<std::string>{"ab", "c", "", "d", "e", "f"}));
}

}  // namespace
}  // namespace slipway
