#include "tests/crash/tree_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace slipway::crash {

namespace fs = std::filesystem;

namespace {

void write_file(const fs::path& path, const std::string& bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  std::size_t done = 0;
  while (file >= 0 && done < bytes.size()) {
    const ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  if (file < 0 || done < bytes.size()) throw std::runtime_error("cannot write " + path.native());
  close(file);
}

}  // namespace

void write_tree(const Tree& tree, const fs::path& folder, std::mt19937_64& random) {
  for (const auto& [path, node] : tree) {
    if (node.is_folder) {
      fs::create_directory(folder / path);
      continue;
    }
    std::string bytes = node.bytes;
    if (node.unknown)
      for (char& byte : bytes) byte = static_cast<char>(random());
    write_file(folder / path, bytes);
  }
}

Tree read_tree(const fs::path& folder) {
  Tree tree;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    TreeNode& node = tree[entry.path().lexically_relative(folder)];
    node.is_folder = entry.is_directory();
    if (node.is_folder) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    node.bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  return tree;
}

std::string difference(const Tree& expected, const Tree& actual) {
  for (const auto& [path, node] : expected) {
    const auto found = actual.find(path);
    if (found == actual.end()) return path + " is missing";
    if (found->second.is_folder != node.is_folder) return path + " is of another kind";
    if (found->second.bytes.size() != node.bytes.size())
      return path + " has " + std::to_string(found->second.bytes.size()) + " bytes, not " +
             std::to_string(node.bytes.size());
    if (!node.unknown && found->second.bytes != node.bytes) return path + " has other bytes";
  }
  for (const auto& [path, node] : actual)
    if (!expected.contains(path)) return path + " should not be there";
  return {};
}

}  // namespace slipway::crash
