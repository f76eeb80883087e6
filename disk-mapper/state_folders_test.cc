// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// A mounter whose Unmount() fails for some.
class BusyMounter final : public Mounter {
 public:
  absl::Status MountState(const std::string&, const std::string&) override {
    return absl::OkStatus();
  }
  absl::Status Bind(const std::string&, const std::string&) override {
    return absl::OkStatus();
  }
  absl::Status Unmount(const std::string& target) override {
    asked.push_back(target);
    return target.ends_with("kubelet") ? Unavailable("busy: " + target)
                                       : absl::OkStatus();
  }
  bool IsMountPoint(const std::string&) override { return true; }
  std::vector<std::string> asked;
};

class StateFoldersTest : public ::testing::Test {
 protected:
  unsigned ModeOf(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777U;
  }

  testing::FakeNode node_;
};

TEST_F(StateFoldersTest, MountsTheDevice) {
  ASSERT_THAT(MountState(node_.mounter, node_.paths, "/dev/mapper/state"),
              IsOk());
  EXPECT_EQ(node_.mounter.last_device, "/dev/mapper/state");
  EXPECT_TRUE(node_.mounter.IsMountPoint(node_.paths.State()));
}

TEST_F(StateFoldersTest, DamageIsPassedOn) {
  node_.mounter.mount_result = DataLoss("bad superblock");
  EXPECT_THAT(MountState(node_.mounter, node_.paths, "/dev/x"),
              StatusIs(absl::StatusCode::kDataLoss, "bad superblock"));
}

TEST_F(StateFoldersTest, ShowsEveryFolderWhereProgramsLook) {
  ASSERT_THAT(BindStateFolders(node_.mounter, node_.paths), IsOk());
  const std::string& root = node_.paths.root;
  const std::string state = node_.paths.State();
  EXPECT_THAT(node_.mounter.binds, SizeIs(6));
  for (const auto& [on_disk, shown_at] :
       {std::pair("/kubelet", "/var/lib/kubelet"),
        std::pair("/containerd", "/var/lib/containerd"),
        std::pair("/etcd", "/var/lib/etcd"),
        std::pair("/kubernetes", "/etc/kubernetes"),
        std::pair("/cni", "/etc/cni/net.d"),
        std::pair("/log", "/var/log/pods")}) {
    EXPECT_THAT(node_.mounter.binds,
                Contains(Pair(state + on_disk, root + shown_at)));
  }
}

// etcd's and kubelet's data are for root alone.
TEST_F(StateFoldersTest, FoldersWithSecretsArePrivate) {
  ASSERT_THAT(BindStateFolders(node_.mounter, node_.paths), IsOk());
  const std::string state = node_.paths.State();
  EXPECT_EQ(ModeOf(state + "/etcd"), 0700U);
  EXPECT_EQ(ModeOf(state + "/kubelet"), 0700U);
  EXPECT_EQ(ModeOf(state + "/containerd"), 0700U);
  EXPECT_EQ(ModeOf(state + "/kubernetes"), 0755U);
}

TEST_F(StateFoldersTest, BoundOnesStayAsTheyAre) {
  node_.mounter.mounted.insert(node_.paths.root + "/var/lib/etcd");
  ASSERT_THAT(BindStateFolders(node_.mounter, node_.paths), IsOk());
  EXPECT_THAT(node_.mounter.binds, SizeIs(5));
  ASSERT_THAT(BindStateFolders(node_.mounter, node_.paths), IsOk());
  EXPECT_THAT(node_.mounter.binds, SizeIs(5));
}

TEST_F(StateFoldersTest, FailureToBindEndsIt) {
  node_.mounter.bind_result = Internal("no");
  EXPECT_THAT(BindStateFolders(node_.mounter, node_.paths),
              StatusIs(absl::StatusCode::kInternal, "no"));
}

TEST_F(StateFoldersTest, UnmountUndoesBoth) {
  ASSERT_THAT(MountState(node_.mounter, node_.paths, "/dev/x"), IsOk());
  ASSERT_THAT(BindStateFolders(node_.mounter, node_.paths), IsOk());
  ASSERT_THAT(UnmountState(node_.mounter, node_.paths), IsOk());
  EXPECT_THAT(node_.mounter.mounted, IsEmpty());
  EXPECT_THAT(UnmountState(node_.mounter, node_.paths), IsOk());
}

TEST_F(StateFoldersTest, UnmountGoesOnAfterAFailureAndTellsIt) {
  BusyMounter busy;
  EXPECT_THAT(UnmountState(busy, node_.paths),
              StatusIs(absl::StatusCode::kUnavailable,
                       "busy: " + node_.paths.root + "/var/lib/kubelet"));
  ASSERT_THAT(busy.asked, SizeIs(7));
  EXPECT_EQ(busy.asked.back(), node_.paths.State());  // behind those inside it
}

}  // namespace
}  // namespace constellation::disk_mapper
