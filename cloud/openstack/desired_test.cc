// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/desired.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "cloud/engine/cloud_error.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/bodies.h"
#include "cloud/openstack/check_online.h"
#include "cloud/openstack/image_upload.h"
#include "cloud/openstack/ipv4.h"
#include "cloud/openstack/names.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

ClusterRequest Request() {
  return {.identity = {.uid = "0a1b", .name = "demo", .cloud = "openstack"},
          .attestation_variant = "qemu-vtpm",
          .image = "img",
          .groups = {{.name = "control_plane_default",
                      .role = NodeRole::kControlPlane,
                      .zone = "z1",
                      .instance_type = "m1",
                      .count = 3},
                     {.name = "worker_default",
                      .instance_type = "m1",
                      .state_disk_type = "fast",
                      .count = 2}},
          .allowed_sources = {"198.51.100.7/32"},
          .init_secret_sha256 = std::string(64, 'b'),
          .settings = OpenStackSettings{.availability_zone = "z0",
                                        .floating_ip_pool_id = "ext"}};
}

const Resource* Named(const std::vector<Resource>& plan,
                      std::string_view name) {
  const auto found = std::ranges::find(plan, name, &Resource::name);
  return found == plan.end() ? nullptr : &*found;
}

TEST(DesiredTest, IsAPlanWithEveryNodeOnce) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(Request(), true));
  EXPECT_THAT(DependencyOrder(plan), IsOk());
  EXPECT_THAT(plan, SizeIs(7 + 2 * 5 + 4 + 1));
  EXPECT_NE(Named(plan, "node-control-plane-default-2"), nullptr);
  EXPECT_EQ(Named(plan, "node-control-plane-default-3"), nullptr);
  EXPECT_EQ(Named(plan, "node-worker-default-0")->desired["zone"], "z0");
  EXPECT_EQ(Named(plan, "node-control-plane-default-0")->desired["zone"], "z1");
}

// A server that is replaced takes what depends on it along: so nothing that
// nodes share may depend on one, and no server on another.
TEST(DesiredTest, NodesDoNotHangOnEachOther) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(Request(), true));
  for (const Resource& resource : plan) {
    if (resource.kind == kKindServer) {
      EXPECT_LE(resource.depends_on.size(), 2);
    }
    if (resource.kind != kKindDirectory) {
      EXPECT_THAT(resource.depends_on, Not(Contains(HasSubstr("node-"))))
          << resource.name;
    }
  }
}

TEST(DesiredTest, NodesGetNoSecretAndNoUserData) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(Request(), true));
  for (const Resource& resource : plan) {
    const std::string text = DumpJson(resource.desired);
    EXPECT_THAT(text, Not(HasSubstr("user_data")));
    EXPECT_THAT(text, Not(HasSubstr("password")));
  }
}

TEST(DesiredTest, OnlyTheEndpointsPortsAreOpenAndOnlyToTheSources) {
  ASSERT_OK_AND_ASSIGN(auto plan, DesiredResources(Request(), true));
  const auto rules = Named(plan, kSecurityRulesName)->desired["rules"];
  std::vector<int> ports;
  for (const json& rule : rules) {
    if (rule.contains("port")) {
      EXPECT_EQ(rule["source"], "198.51.100.7/32");
      ports.push_back(rule["port"]);
    } else {
      EXPECT_EQ(rule["source"], "192.168.178.0/24");
    }
  }
  EXPECT_THAT(ports, ::testing::UnorderedElementsAre(6443, 9000, 9999, 30081));
  const json listeners = Named(plan, kListenersName)->desired["listeners"];
  EXPECT_THAT(listeners, SizeIs(5));
  for (const json& listener : listeners) {
    EXPECT_EQ(listener["sources"].size(), listener["name"] == "join" ? 1 : 2);
  }
  ClusterRequest debug = Request();
  debug.debug = true;
  ASSERT_OK_AND_ASSIGN(plan, DesiredResources(debug, true));
  EXPECT_THAT(DumpJson(Named(plan, kSecurityRulesName)->desired),
              HasSubstr("4000"));
}

TEST(DesiredTest, ListsEveryMistake) {
  ClusterRequest request = Request();
  request.image = "";
  request.node_cidr = "10.0.0.1/24";
  request.allowed_sources = {"2001:db8::/32"};
  request.tags = {{"a/b", "c"}};
  request.groups[0].count = 0;
  request.groups[0].instance_type = "";
  request.groups[1].name = "worker_" + std::string(60, 'x');
  request.groups[1].state_disk_size_gb = 0;
  request.settings = OpenStackSettings{};
  const absl::Status status = DesiredResources(request, true).status();
  for (const char* mistake :
       {"image: missing", "node_cidr", "floatingIPPoolID", "IPv4 networks",
        "tags: \"a/b\"", "no control-plane node", "instanceType: missing",
        "no host name", "stateDiskSizeGB: want 1"}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr(mistake)));
  }
  request = Request();
  request.groups.push_back(request.groups[1]);
  request.groups[2].name = "worker-default";
  EXPECT_THAT(
      DesiredResources(request, true),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'_' and '-'")));
}

class BodiesTest : public ::testing::Test {
 protected:
  // Every dependency is there, its id is its name.
  absl::StatusOr<json> Body(const std::vector<Resource>& plan,
                            std::string_view name) {
    for (const Resource& resource : plan) {
      made_[resource.name] = {.id = "id-" + resource.name,
                              .attributes = {{"address", "192.168.178.70"}}};
    }
    const Resource& resource = *Named(plan, name);
    const DriverContext context{
        .cluster = request_.identity,
        .resource = resource,
        .known_id = "",
        .dependency = [this](std::string_view wanted) -> const Observed* {
          const auto found = made_.find(wanted);
          return found == made_.end() || hidden_ ? nullptr : &found->second;
        },
        .stop = {}};
    if (resource.kind == kKindServer) {
      return ServerBody(context, {.flavor_id = "f", .boot_volume_gb = 7});
    }
    if (resource.kind == kKindLoadBalancer) {
      return LoadBalancerBody(context);
    }
    return NetworkBody(context);
  }

  ClusterRequest request_ = Request();
  std::map<std::string, Observed, std::less<>> made_;
  bool hidden_ = false;
};

TEST_F(BodiesTest, MakesNetworksThatAreFoundAgain) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  ASSERT_OK_AND_ASSIGN(json body, Body(plan, kNetworkName));
  EXPECT_EQ(body, json::parse(R"({"network":{"name":"demo-0a1b-network",
      "description":"constellation-uid-0a1b"}})"));
  ASSERT_OK_AND_ASSIGN(body, Body(plan, kSubnetName));
  EXPECT_EQ(body["subnet"]["network_id"], "id-network");
  EXPECT_EQ(body["subnet"]["gateway_ip"], "192.168.178.1");
  EXPECT_EQ(
      body["subnet"]["allocation_pools"],
      json::parse(R"([{"start":"192.168.178.64","end":"192.168.178.254"}])"));
  ASSERT_OK_AND_ASSIGN(body, Body(plan, kRouterInterfaceName));
  EXPECT_EQ(body["port"]["fixed_ips"],
            json::parse(
                R"([{"subnet_id":"id-subnet","ip_address":"192.168.178.1"}])"));
  EXPECT_FALSE(body["port"].contains("security_groups"));
  ASSERT_OK_AND_ASSIGN(body, Body(plan, "port-worker-default-1"));
  EXPECT_EQ(body["port"]["security_groups"], json{"id-security-group"});
}

TEST_F(BodiesTest, MakesServersThatKnowThemselves) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  ASSERT_OK_AND_ASSIGN(json body, Body(plan, "node-control-plane-default-0"));
  EXPECT_EQ(body["os:scheduler_hints"]["group"], "id-control-planes");
  const json& server = body["server"];
  EXPECT_EQ(server["name"], "demo-0a1b-node-control-plane-default-0");
  EXPECT_EQ(server["networks"],
            json::parse(R"([{"port":"id-port-control-plane-default-0"}])"));
  EXPECT_EQ(server["metadata"]["constellation-node-ip"], "192.168.178.70");
  EXPECT_EQ(server["metadata"]["constellation-endpoint"],
            "192.168.178.10:6443");
  EXPECT_EQ(server["block_device_mapping_v2"][0]["volume_size"], 7);
  EXPECT_EQ(server["block_device_mapping_v2"][1]["tag"], "state-disk");
  EXPECT_FALSE(server["block_device_mapping_v2"][1].contains("volume_type"));
  EXPECT_EQ(server["tags"], json{"constellation-uid-0a1b"});
  ASSERT_OK_AND_ASSIGN(body, Body(plan, "node-worker-default-0"));
  EXPECT_FALSE(body.contains("os:scheduler_hints"));
  EXPECT_EQ(body["server"]["block_device_mapping_v2"][1]["volume_type"],
            "fast");
}

TEST_F(BodiesTest, MakesBalancersInSteps) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  ASSERT_OK_AND_ASSIGN(const json body, Body(plan, kLoadBalancerName));
  EXPECT_EQ(body["loadbalancer"]["vip_address"], "192.168.178.10");
  EXPECT_FALSE(body["loadbalancer"].contains("listeners"));
  const json wanted = Named(plan, kListenersName)->desired["listeners"][0];
  json listener = ListenerBody(wanted, "lb", true)["listener"];
  EXPECT_EQ(listener["protocol_port"], 6443);
  EXPECT_THAT(listener["allowed_cidrs"], SizeIs(2));
  EXPECT_EQ(listener["timeout_client_data"], 3600000);
  listener = ListenerBody(wanted, "lb", false)["listener"];
  EXPECT_FALSE(listener.contains("allowed_cidrs"));
  EXPECT_EQ(PoolBody("a", "l", "ROUND_ROBIN")["pool"]["listener_id"], "l");
  EXPECT_EQ(MonitorBody("a", "p")["healthmonitor"]["type"], "TCP");
}

TEST_F(BodiesTest, WaitsForDependenciesThatAreNotThere) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  hidden_ = true;
  for (const std::string_view name :
       {kSubnetName, kRouterInterfaceName, kLoadBalancerName,
        std::string_view("port-worker-default-0"),
        std::string_view("node-worker-default-0")}) {
    EXPECT_EQ(CloudErrorKindOf(Body(plan, name).status()),
              CloudErrorKind::kNotFound)
        << name;
  }
}

TEST(ImageBodyTest, SaysWhatTheVariantNeeds) {
  json body = ImageBody({.name = "n", .attestation_variant = "qemu-vtpm"},
                        (uint64_t{2} << 30U) + 1);
  EXPECT_EQ(body["min_disk"], 3);
  EXPECT_EQ(body["hw_firmware_type"], "uefi");
  EXPECT_EQ(body["hw_tpm_model"], "tpm-crb");
  EXPECT_FALSE(body.contains("hw_mem_encryption"));
  body = ImageBody({.name = "n", .attestation_variant = "gcp-sev-snp"}, 1);
  EXPECT_EQ(body["hw_mem_encryption_model"], "amd-sev-snp");
  body = ImageBody({.name = "n", .attestation_variant = "qemu-tdx"}, 1);
  EXPECT_EQ(body["hw_mem_encryption_model"], "intel-tdx");
  EXPECT_FALSE(body.contains("hw_tpm_model"));
}

TEST(ConfidentialTechnologyTest, ReadsExtraSpecs) {
  const std::map<std::string, json> cases = {
      {"amd-sev-snp", {{"hw:mem_encryption_model", "amd-sev-snp"}}},
      {"amd-sev", {{"trait:HW_CPU_X86_AMD_SEV", "required"}}},
      {"amd-sev-es", {{"trait:CUSTOM_AMD_SEV_ES", "required"}}},
      {"intel-tdx", {{"trait:HW_CPU_X86_INTEL_TDX", "required"}}},
      {"memory-encryption", {{"hw:mem_encryption", "true"}}},
      {"", {{"trait:HW_CPU_X86_AMD_SEV", "forbidden"}}}};
  for (const auto& [technology, specs] : cases) {
    EXPECT_EQ(ConfidentialTechnology(specs), technology) << DumpJson(specs);
  }
  EXPECT_EQ(ConfidentialTechnology(json()), "");
}

TEST(Ipv4Test, ReadsWholeAddressesAndNetworksOnly) {
  EXPECT_EQ(ParseIpv4("192.168.178.10"), 0xc0a8b20aU);
  EXPECT_EQ(Ipv4Text(0xc0a8b20aU), "192.168.178.10");
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ", "::1"}) {
    EXPECT_FALSE(ParseIpv4(text)) << text;
  }
  EXPECT_EQ(ParseIpv4Network("10.0.0.0/8")->size(), uint64_t{1} << 24U);
  EXPECT_EQ(ParseIpv4Network("0.0.0.0/0")->size(), uint64_t{1} << 32U);
  for (const char* text : {"10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",
                           "10.0.0.0/08", "10.0.0.0/8x"}) {
    EXPECT_FALSE(ParseIpv4Network(text)) << text;
  }
}

}  // namespace
}  // namespace constellation::cloud::openstack
