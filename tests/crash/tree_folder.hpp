// A Tree as a folder: written to try a state, read to compare with what a log says.
//
// Thread safety: any thread, on folders of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <random>

#include "tests/crash/disk.hpp"

namespace slipway::crash {

/// The folder must be there and empty. What is not known is filled with random bytes.
void write_tree(const Tree& tree, const std::filesystem::path& folder, std::mt19937_64& random);

Tree read_tree(const std::filesystem::path& folder);

/// Where they differ, for people; empty when they do not. Of what is unknown in `expected` only the
/// size is compared.
std::string difference(const Tree& expected, const Tree& actual);

}  // namespace slipway::crash
