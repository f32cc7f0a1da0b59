// The environment of what the worker runs: what programs need to work and to reach the network, and
// nothing else of the worker's own.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace slipway {

/// PATH, HOME, TMPDIR, proxies, certificate folders and the mark by which the backend finds all of
/// a worker's processes, as far as they are set; LC_ALL=C.
std::vector<std::pair<std::string, std::string>> child_environment();

/// Adds or replaces a variable.
void set_variable(std::vector<std::pair<std::string, std::string>>& environment,
                  const std::string& name, const std::string& value);

}  // namespace slipway
