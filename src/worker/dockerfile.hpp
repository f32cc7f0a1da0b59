// What a Dockerfile's instructions are and where they stand, as far as the worker needs to know: to
// tell the line of a failing step, and whether the image needs Docker's format.
//
// Dockerfile reference: a line that ends in the escape character goes on in the next; comment lines
// vanish, in between too; `# escape=` in front of everything chooses the character; a here-document
// (<<EOF) belongs to its RUN, COPY or ADD. Nothing is expanded or checked: buildah does that.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct DockerfileInstruction {
  std::size_t line = 0;   // where it begins, from 1
  std::size_t stage = 0;  // from 1; 0: before the first FROM
  std::size_t step = 0;   // within its stage, from 1, as buildah counts
  std::string keyword;    // upper case
};

std::vector<DockerfileInstruction> read_dockerfile(std::string_view text);

/// HEALTHCHECK, ONBUILD or SHELL: what only Docker's format can hold. Empty: nothing of it.
std::string_view docker_only_instruction(const std::vector<DockerfileInstruction>& instructions);

}  // namespace slipway
