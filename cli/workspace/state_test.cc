// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/state.h"

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

State FullState() {
  State state;
  state.infrastructure.uid = "0a1b2c3d";
  state.infrastructure.name = "constell";
  state.infrastructure.cluster_endpoint = "127.0.0.1";
  state.infrastructure.in_cluster_endpoint = "10.42.0.11";
  state.infrastructure.init_secret = std::string(64, 'a');
  state.infrastructure.ip_cidr_node = "10.42.0.0/24";
  state.infrastructure.api_server_cert_sans = {"127.0.0.1", "localhost"};
  state.infrastructure.qemu.image = "/images/constellation.raw";
  for (const uint32_t pcr : {4U, 9U, 11U}) {
    state.infrastructure.qemu.measurements[pcr] = {std::string(64, 'b'), false};
  }
  StateNode node;
  node.name = "constell-control-plane-0";
  node.role = "control-plane";
  node.ek_certificate_sha256 = std::string(64, 'c');
  node.ak_name = "000b" + std::string(64, 'd');
  node.ports = {
      .init = 1001, .recovery = 1002, .api_server = 1003, .verification = 1004};
  state.infrastructure.qemu.nodes = {node};
  state.cluster_values.cluster_id = std::string(64, 'e');
  state.cluster_values.measurement_salt = std::string(64, 'f');
  return state;
}

std::string Changed(const std::string& from, const std::string& to) {
  std::string text = RenderState(FullState());
  const size_t position = text.find(from);
  EXPECT_NE(position, std::string::npos) << from << " in\n" << text;
  return text.replace(position, from.size(), to);
}

TEST(StateTest, ComesBackTheSame) {
  const std::string text = RenderState(FullState());
  ASSERT_OK_AND_ASSIGN(const State state, ParseState(text, "state"));
  EXPECT_EQ(RenderState(state), text);
  EXPECT_TRUE(state.IsInitialized());
  ASSERT_NE(state.FindNode("constell-control-plane-0"), nullptr);
  EXPECT_EQ(state.FindNode("constell-control-plane-0")->ports.verification,
            1004);
}

TEST(StateTest, EmptyStateComesBackTheSame) {
  const std::string text = RenderState(State{});
  ASSERT_OK_AND_ASSIGN(const State state, ParseState(text, "state"));
  EXPECT_FALSE(state.HasInfrastructure());
}

State CloudClusterState() {
  State state = FullState();
  state.infrastructure.qemu = {};
  state.infrastructure.cluster_endpoint = "demo-0a1b2c3d.elb.example.com";
  state.infrastructure.cloud = {
      .provider = "azure",
      .details = {{"resourceGroup", "demo"}, {"attestationURL", ""}},
      .attestation_profile = R"({"name": "node-image", "variant": "x"})",
      .enrolled_tpms = R"([{"nodeName": "a"}])",
      .first_node_ak = std::string(64, 'a')};
  return state;
}

TEST(StateTest, CloudComesBackTheSame) {
  const std::string text = RenderState(CloudClusterState());
  ASSERT_OK_AND_ASSIGN(const State state, ParseState(text, "state"));
  EXPECT_EQ(RenderState(state), text);
  EXPECT_TRUE(state.IsCloud());
  EXPECT_EQ(state.infrastructure.cloud.details.at("resourceGroup"), "demo");
  EXPECT_EQ(state.infrastructure.cloud.attestation_profile,
            CloudClusterState().infrastructure.cloud.attestation_profile);
  EXPECT_EQ(state.infrastructure.cloud.enrolled_tpms,
            CloudClusterState().infrastructure.cloud.enrolled_tpms);
}

TEST(StateTest, RefusesTwoCloudsAndPartsOfOne) {
  const std::string text = RenderState(CloudClusterState());
  const auto changed = [&text](const std::string& from, const std::string& to) {
    std::string other = text;
    EXPECT_NE(other.find(from), std::string::npos) << from;
    return other.replace(other.find(from), from.size(), to);
  };
  EXPECT_THAT(ParseState(changed("  azure:", "  gcp: {}\n  azure:"), "state"),
              StatusIs(kInvalid, HasSubstr("is there beside azure")));
  EXPECT_THAT(
      ParseState(changed("firstNodeAK: \"a", "firstNodeAK: \""), "state"),
      StatusIs(kInvalid, HasSubstr("64 hex digits")));
  EXPECT_THAT(
      ParseState("version: v1\ninfrastructure: {attestationProfile: x}\n",
                 "state"),
      StatusIs(kInvalid, HasSubstr("no block of one")));
}

TEST(StateTest, RefusesUnknownKeysAndWrongTypes) {
  EXPECT_THAT(
      ParseState(Changed("clusterID:", "clusterIDs:"), "state").status(),
      StatusIs(kInvalid, HasSubstr("clusterIDs")));
  EXPECT_THAT(
      ParseState(Changed("version: v1", "version: v9"), "state").status(),
      StatusIs(kInvalid, HasSubstr("version")));
  EXPECT_THAT(ParseState(Changed("1004", "70000"), "state").status(),
              StatusIs(kInvalid));
  EXPECT_THAT(ParseState("infrastructure: [", "state").status(),
              StatusIs(kInvalid));
}

TEST(StateTest, RefusesPartsThatDoNotFit) {
  State state = FullState();
  state.cluster_values.measurement_salt.clear();
  EXPECT_THAT(ParseState(RenderState(state), "state").status(),
              StatusIs(kInvalid));
  state = FullState();
  state.infrastructure.qemu.nodes.push_back(state.infrastructure.qemu.nodes[0]);
  EXPECT_THAT(ParseState(RenderState(state), "state").status(),
              StatusIs(kInvalid));
  state = FullState();
  state.cluster_values.cluster_id = "short";
  EXPECT_THAT(ParseState(RenderState(state), "state").status(),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::cli
