#include "worker/buildah_failure.hpp"

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

const std::filesystem::path data = std::filesystem::path(SLIPWAY_TEST_FOLDER) / "data/buildah";

/// Recorded runs of buildah 1.28.2: what it printed and its exit status.
struct Recording {
  const char* name;
  int status;
  FailureClass failure_class;
  const char* reason;
  std::size_t line;     // of its Dockerfile; 0: none
  const char* message;  // a part of it
};

constexpr auto user = FailureClass::user;
constexpr auto infrastructure = FailureClass::infrastructure;

const Recording recordings[] = {
    {"unknown_instruction", 125, user, "dockerfile_invalid", 2,
     "line 2: Unknown instruction: \"COPYY\""},
    {"copy_without_arguments", 125, user, "dockerfile_invalid", 2,
     "COPY requires at least one argument"},
    {"from_malformed", 125, user, "dockerfile_invalid", 0, "FROM requires either one argument"},
    {"empty", 125, user, "dockerfile_invalid", 0, "no contents"},
    {"no_from", 125, user, "dockerfile_invalid", 0, "no FROM statement found"},
    {"env_malformed", 125, user, "dockerfile_invalid", 0, "ENV must have two arguments"},
    {"copy_source_missing", 125, user, "copy_source_missing", 2, "COPY nothere /x: "},
    {"run_fails", 7, user, "step_failed", 3, ": exit status 7"},
    {"run_fails_over_two_lines", 3, user, "step_failed", 4,
     "RUN echo a &&     exit 3: exit status 3"},
    {"run_fails_in_stage", 5, user, "step_failed", 3, ": exit status 5"},
    {"run_program_missing", 1, user, "step_failed", 3, "RUN /nope: exit status 1"},
    {"run_killed", 1, user, "step_failed", 3, ": exit status 1"},
    {"run_says_no_space", 9, user, "step_failed", 3, ": exit status 9"},
    {"bad_mount", 125, user, "step_failed", 2, "invalid mount type"},
    {"unknown_user", 125, user, "step_failed", 4, "unknown user"},
    {"copy_from_unknown_stage", 125, user, "base_image_not_found", 2, "nostage"},
    {"unknown_target", 125, user, "target_not_found", 0, "nostage"},
    {"short_name", 125, user, "base_image_not_found", 1, "doesnotexist"},
    {"base_missing", 125, user, "base_image_not_found", 1, "manifest unknown"},
    {"base_noname", 125, user, "base_image_not_found", 1, "name unknown"},
    {"base_denied", 125, user, "base_image_denied", 1, "denied"},
    {"base_unauth", 125, user, "base_image_denied", 1, "unauthorized"},
    {"base_boom", 125, infrastructure, "registry_unreachable", 0, "500"},
    {"base_busy", 125, infrastructure, "registry_unreachable", 0, "503"},
    {"base_rate", 125, infrastructure, "registry_unreachable", 0, "pull rate limit"},
    {"registry_refuses_connection", 125, infrastructure, "registry_unreachable", 0,
     "connection refused"},
    {"registry_unknown_host", 125, infrastructure, "registry_unreachable", 0, "no such host"},
    {"add_unreachable_url", 125, user, "download_failed", 2, "connection refused"},
    {"cannot_start_itself", 1, infrastructure, "builder_failed", 0, "sealing memfd copy"},
    {"run_says_it_cannot_start", 1, user, "step_failed", 3, ": exit status 1"},
    {"run_fills_disk", 1, infrastructure, "no_space", 0, "no space left on device"},
    {"commit_fills_disk", 125, infrastructure, "no_space", 0, "no space left on device"},
};

TEST(BuildahFailure, OfEachRecordedRun) {
  for (const Recording& recording : recordings) {
    SCOPED_TRACE(recording.name);
    const std::string text = test::read_file(data / (std::string(recording.name) + ".out"));
    ASSERT_FALSE(text.empty());
    const auto dockerfile =
        read_dockerfile(test::read_file(data / (std::string(recording.name) + ".Dockerfile")));
    // In pieces, as a pipe gives them.
    BuildahOutput output;
    for (std::size_t at = 0; at < text.size(); at += 7)
      output.add(std::string_view(text).substr(at, 7));
    output.finish();
    const BuildahFailure failed =
        classify_buildah_failure(output, {ProcessEnd::Cause::exited, recording.status}, dockerfile);
    EXPECT_EQ(failed.failure.failure_class, recording.failure_class);
    EXPECT_EQ(failed.failure.reason, recording.reason);
    EXPECT_EQ(failed.line, recording.line);
    EXPECT_NE(failed.failure.message.find(recording.message), std::string::npos)
        << failed.failure.message;
    EXPECT_LT(failed.failure.message.size(), 1000U);
    const bool has_status =
        std::string_view(recording.message).find(": exit status") != std::string_view::npos;
    EXPECT_EQ(failed.failure.exit_code.has_value(), has_status);
    if (has_status) {
      EXPECT_EQ(failed.failure.exit_code.value_or(-1), recording.status);
    }
  }
}

TEST(BuildahFailure, AMachineThatRanOutOfSomethingIsNoFaultOfTheAuthors) {
  BuildahOutput output;
  output.add("STEP 2/2: RUN make\nsubprocess exited on killed\n"
             "Error: building at STEP \"RUN make\": exit status 1\n");
  output.finish();
  const ProcessEnd end{ProcessEnd::Cause::exited, 1};
  const auto reason = [&](Shortages shortages) {
    const BuildFailure failure = classify_buildah_failure(output, end, {}, shortages).failure;
    EXPECT_EQ(failure.failure_class == infrastructure, shortages.memory || shortages.disk);
    return failure.reason;
  };
  EXPECT_EQ(reason({}), "step_failed");
  EXPECT_EQ(reason({true, false}), "out_of_memory");
  EXPECT_EQ(reason({false, true}), "no_space");

  // At the build's own limit it is, and another try would end in the same way.
  const BuildFailure own =
      classify_buildah_failure(output, end, {}, {true, false, 512U << 20U}).failure;
  EXPECT_EQ(own.failure_class, user);
  EXPECT_EQ(own.reason, "out_of_memory");
  EXPECT_NE(own.message.find("512 MiB"), std::string::npos) << own.message;

  BuildahOutput missing;  // a mistake stays one
  missing.add("Error: building at STEP \"COPY nowhere /\": no such file or directory\n");
  missing.finish();
  EXPECT_EQ(classify_buildah_failure(missing, end, {}, {true, true}).failure.reason,
            "copy_source_missing");
}

TEST(BuildahFailure, AKilledBuilderIsNotTheUsersFault) {
  BuildahOutput output;
  output.add("STEP 1/1: FROM scratch\n");
  output.finish();
  const auto failed = classify_buildah_failure(output, {ProcessEnd::Cause::signalled, 9}, {});
  EXPECT_EQ(failed.failure.failure_class, FailureClass::infrastructure);
  EXPECT_EQ(failed.failure.reason, "builder_failed");
}

TEST(Dockerfile, LinesStagesAndSteps) {
  const auto instructions = read_dockerfile(
      "# syntax=docker/dockerfile:1\n"
      "ARG BASE=scratch\n"
      "\n"
      "from $BASE as one\n"
      "RUN a && \\\n"
      "    # between\n"
      "\n"
      "    b\n"
      "COPY <<EOF /etc/x\n"
      "FROM not an instruction\n"
      "EOF\n"
      "RUN cat <<-'END' | sh\n"
      "HEALTHCHECK none\n"
      "\tEND\n"
      "RUN wc -c <<< \"RUN\"\n"
      "FROM scratch\n"
      "  COPY --from=one /x /y\n");
  struct Expected {
    std::size_t line, stage, step;
    const char* keyword;
  };
  const Expected expected[] = {{2, 0, 0, "ARG"},   {4, 1, 1, "FROM"}, {5, 1, 2, "RUN"},
                               {9, 1, 3, "COPY"},  {12, 1, 4, "RUN"}, {15, 1, 5, "RUN"},
                               {16, 2, 1, "FROM"}, {17, 2, 2, "COPY"}};
  ASSERT_EQ(instructions.size(), std::size(expected));
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    EXPECT_EQ(instructions[i].line, expected[i].line) << i;
    EXPECT_EQ(instructions[i].stage, expected[i].stage) << i;
    EXPECT_EQ(instructions[i].step, expected[i].step) << i;
    EXPECT_EQ(instructions[i].keyword, expected[i].keyword) << i;
  }
  EXPECT_EQ(docker_only_instruction(instructions), "");
}

TEST(Dockerfile, AnotherEscapeCharacter) {
  const auto instructions =
      read_dockerfile("# escape=`\nFROM scratch\nRUN dir C:\\\nRUN a `\n b\nSHELL [\"x\"]\n");
  ASSERT_EQ(instructions.size(), 4U);
  EXPECT_EQ(instructions[2].line, 4U);
  EXPECT_EQ(instructions[3].line, 6U);
  EXPECT_EQ(docker_only_instruction(instructions), "SHELL");
}

TEST(Dockerfile, WhatOnlyDockersFormatHolds) {
  EXPECT_EQ(docker_only_instruction(read_dockerfile("FROM a\nhealthcheck CMD true\n")),
            "HEALTHCHECK");
  EXPECT_EQ(docker_only_instruction(read_dockerfile("FROM a\nONBUILD RUN x\n")), "ONBUILD");
  EXPECT_EQ(docker_only_instruction(read_dockerfile("FROM a\nRUN echo SHELL\n#SHELL\n")), "");
}

}  // namespace
}  // namespace slipway
