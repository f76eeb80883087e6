// SPDX-License-Identifier: Apache-2.0
// What the platform does without a supervisor; with one: the tests of
// cloud/qemu.
#include "cli/cluster/qemu_platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "cloud/qemu/cluster_spec.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class QemuPlatformTest : public ::testing::Test {
 protected:
  constellation::testing::TempDir folder_;
  const std::string cluster_ = folder_.Join("cluster");
  QemuPlatform platform_{"/bin/false", cluster_};
};

TEST_F(QemuPlatformTest, NothingIsThere) {
  EXPECT_FALSE(platform_.Exists());
  EXPECT_THAT(platform_.OpenExisting(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(QemuPlatformTest, EveryCallNeedsASupervisor) {
  const auto not_connected = StatusIs(absl::StatusCode::kFailedPrecondition,
                                      "the supervisor is not connected");
  EXPECT_THAT(platform_.Status(), not_connected);
  EXPECT_THAT(platform_.AddNode({}), not_connected);
  EXPECT_THAT(platform_.StartNode("n"), not_connected);
  EXPECT_THAT(platform_.StopNode("n"), not_connected);
  EXPECT_THAT(platform_.Enroll("n"), not_connected);
  EXPECT_THAT(platform_.SetEnrolledTpms("[]"), not_connected);
  EXPECT_THAT(platform_.SetInitSecretHash(""), not_connected);
}

TEST_F(QemuPlatformTest, RemovesWhatAKilledCreationLeft) {
  ASSERT_THAT(MakeDirectories(cluster_ + "/nodes/n0"), IsOk());
  ASSERT_THAT(WriteFileAtomically(cluster_ + "/nodes/n0/disk", "x"), IsOk());
  EXPECT_FALSE(platform_.Exists());
  EXPECT_THAT(platform_.Remove(), IsOk());
  EXPECT_FALSE(FileExists(cluster_));
  EXPECT_THAT(platform_.Remove(), IsOk());
}

// A cluster whose supervisor cannot be asked may still have machines: its
// files must not go before them.
TEST_F(QemuPlatformTest, DamagedClusterIsNotRemoved) {
  ASSERT_THAT(MakeDirectories(cluster_), IsOk());
  ASSERT_THAT(WriteFileAtomically(cluster_ + "/cluster.json", "{"), IsOk());
  EXPECT_TRUE(platform_.Exists());
  EXPECT_THAT(platform_.Remove(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("remove that folder, then run")));
  EXPECT_TRUE(FileExists(cluster_ + "/cluster.json"));
}

// Nothing is damaged here: removing the folder by hand would be bad advice.
TEST_F(QemuPlatformTest, MovedClusterIsNotRemoved) {
  cloud::qemu::ClusterSpec spec;
  spec.name = "demo";
  spec.uid = "0a1b2c3d";
  spec.image_path = "/images/node.raw";
  spec.runtime_directory = "/elsewhere/run";
  spec.relay_program = "/bin/false";
  ASSERT_THAT(MakeDirectories(cluster_), IsOk());
  ASSERT_THAT(WriteFileAtomically(cluster_ + "/cluster.json",
                                  cloud::qemu::ClusterSpecToJson(spec)),
              IsOk());
  EXPECT_THAT(platform_.Remove(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("move it back"),
                             Not(HasSubstr("remove that folder, then run")))));
  EXPECT_TRUE(FileExists(cluster_ + "/cluster.json"));
}

TEST(OwnProgramTest, IsThisTest) {
  ASSERT_OK_AND_ASSIGN(const std::string program, OwnProgram());
  EXPECT_EQ(program.front(), '/');
  EXPECT_TRUE(std::filesystem::equivalent(program, "/proc/self/exe"));
}

}  // namespace
}  // namespace constellation::cli
