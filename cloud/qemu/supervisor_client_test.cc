// SPDX-License-Identifier: Apache-2.0
// What a client does without a supervisor; with one: supervisor_test.cc.
#include "cloud/qemu/supervisor_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class SupervisorClientTest : public ::testing::Test {
 protected:
  ClusterSpec Spec() const {
    ClusterSpec spec;
    spec.name = "c";
    spec.uid = "0a1b2c3d";
    spec.image_path = folder_.Join("absent.raw");
    return spec;
  }

  constellation::testing::TempDir folder_;
  const std::string cluster_ = folder_.Join("cluster");
};

TEST_F(SupervisorClientTest, EmptyFolderHoldsNoCluster) {
  EXPECT_FALSE(SupervisorClient::Exists(cluster_));
  EXPECT_FALSE(SupervisorClient::Exists(folder_.path()));
  EXPECT_THAT(SupervisorClient::Connect(folder_.path()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(SupervisorClient::StartExisting("/bin/false", folder_.path()),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SupervisorClientTest, DamagedDescriptionIsDataLoss) {
  ASSERT_THAT(MakeDirectories(cluster_), IsOk());
  ASSERT_THAT(WriteFileAtomically(cluster_ + "/cluster.json", "{"), IsOk());
  EXPECT_TRUE(SupervisorClient::Exists(cluster_));
  EXPECT_THAT(SupervisorClient::Connect(cluster_),
              StatusIs(absl::StatusCode::kDataLoss));
}

// Two supervisors of one cluster would fight over its disks.
TEST_F(SupervisorClientTest, SecondStartIsRefused) {
  ASSERT_THAT(MakeDirectories(cluster_), IsOk());
  ASSERT_THAT(WriteFileAtomically(cluster_ + "/cluster.json", "{}"), IsOk());
  EXPECT_THAT(
      SupervisorClient::Start("/bin/false", cluster_, Spec()),
      StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("holds a cluster")));
}

TEST_F(SupervisorClientTest, StartWithoutImageMakesNothing) {
  EXPECT_THAT(SupervisorClient::Start("/bin/false", cluster_, Spec()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(FileExists(cluster_));
}

}  // namespace
}  // namespace constellation::cloud::qemu
