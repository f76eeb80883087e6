// SPDX-License-Identifier: Apache-2.0
// What nodes see of a cluster that the provider made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "cloud/gcp/gcp_metadata.h"
#include "cloud/json_fields.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Puts the VM at `id` behind the metadata server.
void BecomeInstance(GcpWorld& world, const std::string& id) {
  const json instance = world.Dump().at(id);
  std::map<std::string, std::string> values = {
      {"project/project-id", "demo-project"}};
  json attributes = json::object();
  for (const json& item : instance.at("metadata").at("items")) {
    attributes[item.at("key").get<std::string>()] = item.at("value");
    values["instance/attributes/" + item.at("key").get<std::string>()] =
        item.at("value");
  }
  const json& interface = instance.at("networkInterfaces").at(0);
  values["instance/"] =
      DumpJson({{"name", instance.at("name")},
                {"zone", "projects/1234/zones/europe-west3-b"},
                {"attributes", attributes},
                {"networkInterfaces",
                 {{{"ip", interface.at("networkIP")},
                   {"subnetmask", "255.255.255.0"}}}}});
  world.server.Control("/_ctl", {{"metadata", values}});
}

TEST(GcpNodeTest, FindsItselfItsPeersAndTheEndpoint) {
  GcpWorld world;
  world.request.groups[1].count = 2;
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  const auto instances =
      world.provider->Instances(world.request.identity).value();
  ASSERT_THAT(instances, SizeIs(3));
  BecomeInstance(world, instances[0].id);
  GcpMetadataClient client({.transport = world.transport,
                            .clock = world.clock,
                            .metadata_root = world.server.url(),
                            .compute_root = world.server.url()});
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client.Self());
  EXPECT_EQ(self.name, instances[0].metadata.name);
  EXPECT_EQ(self.role, NodeRole::kControlPlane);
  EXPECT_EQ(self.uid, world.request.identity.uid);
  EXPECT_EQ(self.provider_id, instances[0].metadata.provider_id);
  EXPECT_EQ(self.cluster_ip, instances[0].metadata.cluster_ip);
  EXPECT_EQ(self.init_secret_sha256, world.request.init_secret_sha256);
  ASSERT_OK_AND_ASSIGN(const auto peers, client.Peers());
  EXPECT_THAT(peers, SizeIs(3));
  const auto infrastructure =
      world.provider->Infrastructure(world.request, made.outputs).value();
  EXPECT_THAT(client.Endpoint(),
              IsOkAndHolds(infrastructure.in_cluster_endpoint + ":6443"));
  // The one permission of the VMs' role is all that this takes.
  world.server.Control(
      "/_ctl", {{"compute", {{"permissions", {"compute.instances.list"}}}}});
  EXPECT_THAT(client.Peers(), IsOk());
  world.server.Control("/_ctl",
                       {{"compute", {{"permissions", json::array()}}}});
  EXPECT_THAT(client.Peers(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(world.Problems(), IsEmpty());
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
