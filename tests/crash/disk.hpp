// Disk: the recorded folder as a disk and the system have it, call after call.
//
// What a power cut may leave, as POSIX and Linux's journaling file systems have it:
//   - bytes and sizes of files: see FileVersions; fsync and fdatasync make them durable, and so does
//     a write through a descriptor opened with O_DSYNC for its own range
//   - each name in a folder is as it was at any moment since the folder's last fsync, whatever the
//     others are: made, renamed to, removed, or still there; fsync of a file does nothing for its name
//   - a rename loses nothing: the old name goes only when the new one is there; both may be
//   - a folder that is reached by no name takes all that is in it along
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/crash/call_log.hpp"
#include "tests/crash/chooser.hpp"
#include "tests/crash/file_versions.hpp"

namespace slipway::crash {

/// Files and folders by their paths, folders before what is in them.
struct TreeNode {
  bool is_folder = false;
  bool unknown = false;  // its content changed without a call; `bytes` only has its size
  std::string bytes;

  friend bool operator==(const TreeNode&, const TreeNode&) = default;
};
using Tree = std::map<std::string, TreeNode>;

class Disk {
 public:
  /// A flush of a path for which `ignored` answers true promises nothing, as one that somebody
  /// forgot to call. It is asked with " (written through at OFFSET)" behind the path for such writes.
  using IgnoredFlush = std::function<bool(const std::string& path)>;
  explicit Disk(IgnoredFlush ignored = {});

  /// The next call of the log.
  void apply(const Entry& entry);

  /// What the system does in the background: all that is not flushed is, or each name and each file
  /// with a chance of one half.
  void write_back(std::mt19937_64& random);

  /// What programs see now, and see again after kill -9.
  [[nodiscard]] Tree present() const;
  /// What could be found after a power cut now.
  [[nodiscard]] Tree power_cut(Chooser& chooser) const;
  /// How many states that could be, counting some twice; at most `limit`.
  [[nodiscard]] std::uint64_t count(std::uint64_t limit) const;

  /// Why the log cannot be followed: a call that is not modelled, or one on a name that is not there.
  [[nodiscard]] const std::optional<std::string>& problem() const noexcept { return problem_; }

 private:
  using Inode = std::size_t;
  static constexpr Inode none = 0;
  static constexpr Inode root = 1;

  struct NameVersion {
    std::uint64_t time = 0;
    Inode inode = none;
    bool renamed_away = false;
    Inode target_folder = none;  // of that rename
    std::string target{};
  };
  using Name = std::vector<NameVersion>;  // the first is flushed
  using Folder = std::map<std::string, Name>;
  struct File {
    FileVersions versions;
    bool unknown = false;
  };
  struct Place {
    Inode folder = none;
    std::string name;
  };
  struct Flush {
    std::uint64_t begun = 0;
    std::uint64_t handle = 0;
  };
  using Picks = std::map<Inode, std::map<std::string, std::size_t>>;

  Inode make(std::variant<File, Folder> content);
  [[nodiscard]] Inode find(const Place& place) const;
  static void settle(Name& name, std::uint64_t time);
  [[nodiscard]] std::optional<Place> place_of(const std::string& path) const;
  void change(const Place& place, NameVersion version);
  File* file_of(std::uint64_t handle);
  void fail(const Entry& entry);

  void apply_open(const Entry& entry);
  void apply_names(const Entry& entry);
  void apply_bytes(const Entry& entry);
  void apply_flush_end(const Entry& entry);

  [[nodiscard]] Picks pick_names(Chooser& chooser) const;
  void keep_renamed(Picks& picks) const;
  void add_folder(Tree& tree, const std::string& path, Inode folder, const Picks* picks,
                  Chooser* chooser) const;

  IgnoredFlush ignored_;
  std::vector<std::variant<File, Folder>> inodes_;
  std::map<std::uint64_t, Inode> handles_;
  std::map<std::uint64_t, std::string> handle_paths_;
  std::map<std::uint64_t, Flush> flushes_;
  std::uint64_t time_ = 0;
  std::optional<std::string> problem_;
};

}  // namespace slipway::crash
