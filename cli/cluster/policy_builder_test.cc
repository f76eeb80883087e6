// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/policy_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

// A state with one enrolled node and the measurements that a policy needs.
State Enrolled() {
  State state;
  state.infrastructure.uid = "01020304";
  for (const uint32_t index : {4U, 9U, 11U}) {
    state.infrastructure.qemu.measurements[index].expected =
        std::string(64, 'a');
  }
  StateNode node;
  node.name = "n0";
  node.role = kControlPlaneRole;
  node.ek_certificate_sha256 = std::string(64, 'b');
  node.ak_name = "000b" + std::string(64, 'c');
  state.infrastructure.qemu.nodes.push_back(node);
  return state;
}

TEST(PolicyBuilderTest, MeasurementsReadBackTheSame) {
  Measurements measurements;
  measurements[4].expected = std::string(64, 'a');
  ASSERT_OK_AND_ASSIGN(const attestation::Profile profile,
                       ProfileOf(measurements, "x"));
  EXPECT_EQ(profile.name, "x");
  EXPECT_EQ(MeasurementsOf(profile).at(4), measurements.at(4));
}

// What could be added to an image at boot goes into these registers.
TEST(PolicyBuilderTest, RegistersOfAdditionsMustBeZero) {
  ASSERT_OK_AND_ASSIGN(const attestation::Profile profile, ProfileOf({}, "x"));
  EXPECT_EQ(profile.pcrs.size(), 4U);
  for (const uint32_t index : {8U, 12U, 13U, 14U}) {
    ASSERT_TRUE(profile.pcrs.contains(index)) << index;
    EXPECT_EQ(HexEncode(profile.pcrs.at(index)), std::string(64, '0'));
  }
  Measurements measurements;
  measurements[12].expected = std::string(64, 'd');
  ASSERT_OK_AND_ASSIGN(const attestation::Profile other,
                       ProfileOf(measurements, "x"));
  EXPECT_EQ(HexEncode(other.pcrs.at(12)), std::string(64, 'd'));
}

TEST(PolicyBuilderTest, WarnOnlyIsNotDemanded) {
  Measurements measurements;
  measurements[4] = {.expected = std::string(64, 'a'), .warn_only = true};
  ASSERT_OK_AND_ASSIGN(const attestation::Profile profile,
                       ProfileOf(measurements, "x"));
  EXPECT_FALSE(profile.pcrs.contains(4));
}

TEST(PolicyBuilderTest, RefusesMeasurementOfAnotherLength) {
  Measurements measurements;
  measurements[4].expected = std::string(62, 'a');
  EXPECT_THAT(ProfileOf(measurements, "x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "measurement of PCR 4: want 32 octets, got 31"));
  measurements[4].expected = "zz";
  EXPECT_THAT(ProfileOf(measurements, "x"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PolicyBuilderTest, NodesWithoutPinsAreLeftOut) {
  State state = Enrolled();
  StateNode unpinned;
  unpinned.name = "n1";
  state.infrastructure.qemu.nodes.push_back(unpinned);
  unpinned.name = "n2";
  unpinned.ak_name = "000b" + std::string(64, 'c');  // half a pin
  state.infrastructure.qemu.nodes.push_back(unpinned);
  ASSERT_OK_AND_ASSIGN(const auto enrolled, EnrolledNodesOf(state));
  ASSERT_EQ(enrolled.size(), 1U);
  EXPECT_EQ(enrolled[0].node_name, "n0");
  EXPECT_EQ(enrolled[0].role, "control-plane");
  EXPECT_EQ(HexEncode(enrolled[0].tpm.ak_name), "000b" + std::string(64, 'c'));
}

TEST(PolicyBuilderTest, RefusesSpoiltPins) {
  State state = Enrolled();
  state.infrastructure.qemu.nodes[0].ak_name = "000b";
  EXPECT_THAT(EnrolledNodesOf(state),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "akName of n0: want 34 octets, got 2"));
  state = Enrolled();
  state.infrastructure.qemu.nodes[0].ek_certificate_sha256 = "00";
  EXPECT_THAT(EnrolledNodesOf(state),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "ekCertificateSHA256 of n0: want 32 octets, got 1"));
}

TEST(PolicyBuilderTest, PolicyNamesNodesAndProfile) {
  ASSERT_OK_AND_ASSIGN(const attestation::Policy policy,
                       BuildPolicy(Enrolled()));
  EXPECT_THAT(policy.ToJson(), HasSubstr("n0"));
  EXPECT_THAT(policy.ToJson(), HasSubstr("node-image"));
}

TEST(PolicyBuilderTest, NeedsInfrastructure) {
  State state = Enrolled();
  state.infrastructure.uid.clear();
  EXPECT_THAT(BuildPolicy(state),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("constellation apply")));
  state = Enrolled();
  state.infrastructure.qemu.measurements.clear();
  EXPECT_THAT(BuildPolicy(state),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

// A policy that demands nothing of the kernel would accept any.
TEST(PolicyBuilderTest, RefusesProfileWithoutRequiredRegister) {
  State state = Enrolled();
  state.infrastructure.qemu.measurements[9].warn_only = true;
  EXPECT_THAT(BuildPolicy(state),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("9")));
}

}  // namespace
}  // namespace constellation::cli
