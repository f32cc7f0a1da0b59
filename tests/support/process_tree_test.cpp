#include "support/process_tree.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slipway {
namespace {

TEST(ProcessTree, ANameMayHoldAnything) {
  // proc(5): pid (comm) state ppid pgrp session tty tpgid flags ... starttime is field 22.
  const auto info = parse_process_stat(
      "4711 (a) S 1 (x) R 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 90125 35 36\n");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->id, (ProcessId{4711, 90125}));
  EXPECT_EQ(info->state, 'R');
  EXPECT_EQ(info->parent, 17);
  EXPECT_EQ(info->session, 19);
  EXPECT_FALSE(parse_process_stat("").has_value());
  EXPECT_FALSE(parse_process_stat("1 (a) S 2 3 4 5").has_value());
  EXPECT_FALSE(parse_process_stat("x (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1").has_value());
}

TEST(ProcessTree, DescendantsAtAnyDepth) {
  const std::vector<ProcessInfo> all{{{1, 0}, 0, 1, 'S'},
                                     {{2, 0}, 1, 2, 'S'},
                                     {{3, 0}, 2, 2, 'S'},
                                     {{4, 0}, 3, 4, 'Z'},
                                     {{5, 0}, 1, 5, 'S'}};
  std::vector<pid_t> found;
  for (const ProcessInfo& process : descendants(2, all)) found.push_back(process.id.pid);
  EXPECT_EQ(found, (std::vector<pid_t>{3, 4}));
}

TEST(ProcessTree, ASignalNeedsTheStartTimeToo) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto info = process_info(child);
  ASSERT_TRUE(info.has_value());
  EXPECT_FALSE(send_signal({child, info->id.start_time + 1}, SIGKILL));
  EXPECT_TRUE(is_running(info->id));
  EXPECT_TRUE(send_signal(info->id, SIGKILL));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(is_running(info->id));
  EXPECT_FALSE(send_signal(info->id, SIGKILL));
}

}  // namespace
}  // namespace slipway
