#include "support/cgroup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(mark), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool among(std::string_view wanted, std::string_view list) {
  const auto parts = split(list, ',');
  return std::find(parts.begin(), parts.end(), wanted) != parts.end();
}

/// A mounted hierarchy: which of its groups the mount point shows, and where.
struct Hierarchy {
  std::string root;
  fs::path point;
};

/// proc(5), /proc/PID/mountinfo; `controller` of version 1, or empty: version 2.
std::optional<Hierarchy> mounted(std::string_view mountinfo, std::string_view controller) {
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto behind = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || behind.size() < 3) continue;
    const bool fits = controller.empty()
                          ? behind[0] == "cgroup2"
                          : behind[0] == "cgroup" && among(controller, behind[2]);
    if (fits) return Hierarchy{std::string(before[3]), fs::path(before[4])};
  }
  return std::nullopt;
}

/// cgroups(7), /proc/PID/cgroup: hierarchy, controllers, group. Of version 2 the first two are 0 and
/// nothing.
std::string group_of(std::string_view cgroups, std::string_view controller) {
  for (const std::string_view line : split(cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? line.starts_with("0::") : among(controller, controllers))
      return std::string(line.substr(second + 1));
  }
  return "/";
}

/// Where a group is seen; nullopt: the mount does not show it.
std::optional<fs::path> seen(const Hierarchy& hierarchy, const std::string& group) {
  if (group == hierarchy.root) return hierarchy.point;
  if (hierarchy.root == "/") return hierarchy.point / fs::path(group).relative_path();
  if (!group.starts_with(hierarchy.root + "/")) return std::nullopt;
  return hierarchy.point / group.substr(hierarchy.root.size() + 1);
}

/// One write, as the kernel takes a value.
Result<void> write_value(const fs::path& file, std::string_view value) {
  const int handle = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = handle >= 0 && ::write(handle, value.data(), value.size()) ==
                                          static_cast<ssize_t>(value.size());
  const int reason = errno;
  if (handle >= 0) ::close(handle);
  if (written) return {};
  return Error(ErrorCode::unsupported,
               file.string() + ": " + std::generic_category().message(reason));
}

std::string read_text(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::uint64_t number_in(const fs::path& file) {
  std::ifstream stream(file);
  std::uint64_t value = 0;
  stream >> value;
  return value;
}

/// Of a file with a name and a number a line.
std::uint64_t number_of(const fs::path& file, std::string_view wanted) {
  std::ifstream stream(file);
  std::string name;
  for (std::uint64_t value = 0; stream >> name >> value;)
    if (name == wanted) return value;
  return 0;
}

bool is_there(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error);
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return Error(ErrorCode::unsupported, folder.string() + ": " + error.message());
  return {};
}

Result<void> limit_v2(const CgroupPlace& parent, const fs::path& folder,
                      const CgroupLimits& limits) {
  if (!is_there(folder / "memory.max") || !is_there(folder / "pids.max"))
    SLIPWAY_CHECK(write_value(parent.memory / "cgroup.subtree_control", "+memory +pids"));
  if (limits.memory) {
    SLIPWAY_CHECK(write_value(folder / "memory.max", std::to_string(*limits.memory)));
    if (is_there(folder / "memory.swap.max"))
      SLIPWAY_CHECK(write_value(folder / "memory.swap.max", "0"));
  }
  if (!limits.processes) return {};
  return write_value(folder / "pids.max", std::to_string(*limits.processes));
}

Result<void> limit_v1(const CgroupPlace& folders, const CgroupLimits& limits) {
  if (limits.memory) {
    const std::string bytes = std::to_string(*limits.memory);
    SLIPWAY_CHECK(write_value(folders.memory / "memory.limit_in_bytes", bytes));
    const fs::path with_swap = folders.memory / "memory.memsw.limit_in_bytes";
    if (is_there(with_swap)) SLIPWAY_CHECK(write_value(with_swap, bytes));
  }
  if (!limits.processes) return {};
  return write_value(folders.processes / "pids.max", std::to_string(*limits.processes));
}

CgroupPlace within(const CgroupPlace& place, std::string_view name) {
  return {place.version, place.memory / name, place.processes / name};
}

void remove_from(const CgroupPlace& place, std::string_view name) {
  const CgroupPlace folders = within(place, name);
  ::rmdir(folders.memory.c_str());
  if (folders.processes != folders.memory) ::rmdir(folders.processes.c_str());
}

std::vector<CgroupPlace> own_places() {
  return cgroup_places(read_text("/proc/self/mountinfo"), read_text("/proc/self/cgroup"));
}

}  // namespace

std::vector<CgroupPlace> cgroup_places(std::string_view mountinfo, std::string_view cgroups) {
  std::vector<CgroupPlace> places;
  const auto add = [&places](CgroupPlace place) {
    if (std::find(places.begin(), places.end(), place) == places.end())
      places.push_back(std::move(place));
  };
  if (const auto unified = mounted(mountinfo, "")) {
    if (const auto own = seen(*unified, group_of(cgroups, ""))) add({2, *own, *own});
    add({2, unified->point, unified->point});
  }
  const auto memory = mounted(mountinfo, "memory");
  const auto processes = mounted(mountinfo, "pids");
  if (!memory || !processes) return places;
  const auto own_memory = seen(*memory, group_of(cgroups, "memory"));
  const auto own_processes = seen(*processes, group_of(cgroups, "pids"));
  if (own_memory && own_processes) add({1, *own_memory, *own_processes});
  add({1, memory->point, processes->point});
  return places;
}

Result<CgroupPlace> find_cgroup_place() {
  const std::string name = "slipway-probe-" + std::to_string(::getpid());
  constexpr std::uint64_t some_memory = std::uint64_t{64} * 1024 * 1024;
  Error why(ErrorCode::unsupported, "no control groups are mounted");
  for (const CgroupPlace& place : own_places()) {
    const auto made = Cgroup::make(place, name, {some_memory, 64});
    remove_from(place, name);
    if (made) return place;
    why = made.error();
  }
  return why;
}

Result<Cgroup> Cgroup::make(const CgroupPlace& place, std::string_view name,
                            const CgroupLimits& limits) {
  const CgroupPlace folders = within(place, name);
  SLIPWAY_CHECK(make_folder(folders.memory));
  if (folders.processes != folders.memory) SLIPWAY_CHECK(make_folder(folders.processes));
  SLIPWAY_CHECK(place.version == 2 ? limit_v2(place, folders.memory, limits)
                                   : limit_v1(folders, limits));
  return Cgroup(folders);
}

std::vector<fs::path> Cgroup::entries() const {
  if (folders_.processes == folders_.memory) return {folders_.memory / "cgroup.procs"};
  return {folders_.memory / "cgroup.procs", folders_.processes / "cgroup.procs"};
}

CgroupUsage Cgroup::usage() const {
  constexpr std::uint64_t a_batch = std::uint64_t{1} << 20U;  // more than is charged at once
  const fs::path& folder = folders_.memory;
  if (folders_.version == 2)
    return {number_in(folder / "memory.peak"), number_of(folder / "memory.events", "oom_kill"),
            number_of(folder / "memory.events", "oom") > 0};
  return {number_in(folder / "memory.max_usage_in_bytes"),
          number_of(folder / "memory.oom_control", "oom_kill"),
          // Its counters of failures stay at 0 where memory and swap together have a limit too.
          number_in(folder / "memory.max_usage_in_bytes") + a_batch >=
              number_in(folder / "memory.limit_in_bytes")};
}

void remove_cgroup(std::string_view name) {
  for (const CgroupPlace& place : own_places()) remove_from(place, name);
}

}  // namespace slipway
