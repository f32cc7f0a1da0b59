#include "support/cgroup.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

using Places = std::vector<CgroupPlace>;

constexpr std::string_view systemd_mounts =
    "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

/// Version 1 has a hierarchy for each controller, or for several.
constexpr std::string_view old_mounts =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n";

TEST(CgroupPlaces, OfVersion2AreTheOwnGroupAndTheRoot) {
  EXPECT_EQ(cgroup_places(systemd_mounts, "0::/system.slice/slipway.service\n"),
            (Places{{2, "/sys/fs/cgroup/system.slice/slipway.service",
                     "/sys/fs/cgroup/system.slice/slipway.service"},
                    {2, "/sys/fs/cgroup", "/sys/fs/cgroup"}}));
}

TEST(CgroupPlaces, InAContainerTheRootIsItsOwnGroup) {
  EXPECT_EQ(cgroup_places(systemd_mounts, "0::/\n"),
            (Places{{2, "/sys/fs/cgroup", "/sys/fs/cgroup"}}));
}

TEST(CgroupPlaces, AMountMayShowAPartOfTheTree) {
  constexpr std::string_view mounts =
      "30 24 0:26 /docker/4f5a /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
  EXPECT_EQ(cgroup_places(mounts, "0::/docker/4f5a/inner\n").front(),
            (CgroupPlace{2, "/sys/fs/cgroup/inner", "/sys/fs/cgroup/inner"}));
  // What the mount does not show cannot be used.
  EXPECT_EQ(cgroup_places(mounts, "0::/elsewhere\n"),
            (Places{{2, "/sys/fs/cgroup", "/sys/fs/cgroup"}}));
}

TEST(CgroupPlaces, OfVersion1HaveAFolderForEachController) {
  EXPECT_EQ(cgroup_places(old_mounts, "8:pids:/a\n4:memory:/b/c\n1:cpu,cpuacct:/\n").front(),
            (CgroupPlace{1, "/sys/fs/cgroup/memory/b/c", "/sys/fs/cgroup/pids/a"}));
  EXPECT_EQ(cgroup_places(old_mounts, "").back(),
            (CgroupPlace{1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"}));
}

TEST(CgroupPlaces, Version2IsTriedBeforeVersion1) {
  std::string both(old_mounts);
  both.append("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  const Places places = cgroup_places(both, "4:memory:/\n0::/\n");
  ASSERT_GE(places.size(), 2U);
  EXPECT_EQ(places.front().version, 2U);
  EXPECT_EQ(places.back().version, 1U);
}

TEST(CgroupPlaces, WithoutControllersThereAreNone) {
  EXPECT_EQ(cgroup_places("", ""), Places{});
  EXPECT_EQ(cgroup_places("32 31 0:29 / /c rw - cgroup cgroup rw,cpu\n", "1:cpu:/\n"), Places{});
  EXPECT_EQ(cgroup_places("not a mount\n - \nx - y\n", ":::\n::"), Places{});
}

}  // namespace
}  // namespace slipway
