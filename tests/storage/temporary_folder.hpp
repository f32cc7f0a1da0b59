// A new, empty folder that goes with the object.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace slipway::test {

class TemporaryFolder {
 public:
  TemporaryFolder() : TemporaryFolder(testing::TempDir()) {}

  /// Where flushing costs nothing, for tests that flush often and not for its own sake.
  static TemporaryFolder in_memory() {
    return std::filesystem::is_directory("/dev/shm") ? TemporaryFolder("/dev/shm/")
                                                     : TemporaryFolder();
  }

  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(const std::string& parent) {
    std::string pattern = parent + "slipway-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
    path_ = std::filesystem::canonical(pattern);
  }

  std::filesystem::path path_;
};

}  // namespace slipway::test
