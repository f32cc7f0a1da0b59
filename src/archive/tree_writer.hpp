// Making files under a folder by names that nobody vouches for.
//
// Every folder on the way is opened by itself and without following a symbolic link, so a link that
// an earlier entry made leads nowhere.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway::archive {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) noexcept : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.value_) { other.value_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  [[nodiscard]] int get() const noexcept { return value_; }

 private:
  int value_;
};

class TreeWriter {
 public:
  /// Errors: not_found, io.
  static Result<TreeWriter> open(const std::filesystem::path& folder);

  /// What is there already under the name is replaced, but for a folder that stays a folder.
  /// Errors of all: invalid_argument (the name), io.
  Result<Descriptor> create_file(std::string_view name, mode_t mode);
  Result<void> create_folder(std::string_view name, mode_t mode);
  Result<void> create_symlink(std::string_view name, const std::string& target);
  /// `target` is a name under the folder too, of a file that is there.
  Result<void> create_hard_link(std::string_view name, std::string_view target);

 private:
  explicit TreeWriter(Descriptor root) : root_(std::move(root)) {}

  struct Place {
    Descriptor parent;
    std::string leaf;  // empty: the folder itself
  };
  Result<Place> find_place(std::string_view name, bool make_parents);

  Descriptor root_;
};

/// The parts of a relative name, without "." and empty ones. Errors: invalid_argument (absolute,
/// "..", a NUL byte).
Result<std::vector<std::string>> split_entry_name(std::string_view name);

}  // namespace slipway::archive
