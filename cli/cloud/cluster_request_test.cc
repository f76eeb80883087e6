// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cluster_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Field;

class ClusterRequestTest : public ::testing::Test {
 protected:
  ClusterRequestTest() {
    state_.infrastructure.init_secret = std::string(64, '7');
    identity_.uid = "0a1b2c3d";
    identity_.scope = "project";
  }
  absl::StatusOr<cloud::ClusterRequest> Request() const {
    return ClusterRequestOf(config_, state_, identity_);
  }

  Config config_ = testing::FilledConfig("gcp", "gcp-tdx");
  State state_;
  cloud::ClusterIdentity identity_;
};

TEST_F(ClusterRequestTest, CarriesWhatTheConfigSays) {
  config_.internal_load_balancer = true;
  config_.custom_endpoint = "api.example.com";
  config_.enrolled_tpms = "[1]";
  ASSERT_OK_AND_ASSIGN(const cloud::ClusterRequest request, Request());
  EXPECT_EQ(request.identity.uid, "0a1b2c3d");
  EXPECT_EQ(request.attestation_variant, "gcp-tdx");
  EXPECT_EQ(request.image, config_.image);
  EXPECT_EQ(request.allowed_sources, config_.allowed_sources);
  EXPECT_EQ(request.tags, config_.tags);
  EXPECT_EQ(request.enrolled_tpms, "[1]");
  EXPECT_EQ(request.custom_endpoint, "api.example.com");
  EXPECT_TRUE(request.internal_load_balancer);
  EXPECT_FALSE(request.debug);
  EXPECT_EQ(std::get<cloud::GcpSettings>(request.settings).project,
            "demo-project");
}

// The cloud may know the hash, never the secret.
TEST_F(ClusterRequestTest, OnlyTheHashOfTheInitSecretGoesOut) {
  ASSERT_OK_AND_ASSIGN(const cloud::ClusterRequest request, Request());
  EXPECT_EQ(request.init_secret_sha256,
            HexEncode(crypto::Sha256(Bytes(32, 0x77))));
  state_.infrastructure.init_secret = "no hex";
  EXPECT_THAT(Request(), StatusIs(absl::StatusCode::kInvalidArgument));
}

// A group that is empty today must be the same one when it grows.
TEST_F(ClusterRequestTest, ControlPlanesComeFirstAndEmptyGroupsStay) {
  NodeGroup empty = config_.node_groups.at("worker_default");
  empty.initial_count = 0;
  empty.zone = "europe-west3-a";
  config_.node_groups["a_workers"] = empty;
  ASSERT_OK_AND_ASSIGN(const cloud::ClusterRequest request, Request());
  EXPECT_THAT(
      request.groups,
      ElementsAre(
          Field(&cloud::NodeGroupRequest::name, "control_plane_default"),
          Field(&cloud::NodeGroupRequest::name, "a_workers"),
          Field(&cloud::NodeGroupRequest::name, "worker_default")));
  EXPECT_EQ(request.groups[0].role, cloud::NodeRole::kControlPlane);
  EXPECT_EQ(request.groups[1].role, cloud::NodeRole::kWorker);
  EXPECT_EQ(request.groups[1].count, 0);
  EXPECT_EQ(request.groups[1].zone, "europe-west3-a");
  EXPECT_EQ(request.groups[2].instance_type, "c3-standard-4");
  EXPECT_EQ(request.groups[2].state_disk_size_gb, 30);
}

}  // namespace
}  // namespace constellation::cli
