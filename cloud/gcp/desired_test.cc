// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/json_fields.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SmallRequest;

TEST(GcpDesiredTest, IsPureAndFormsAPlan) {
  const auto once = DesiredResources(SmallRequest()).value();
  const auto twice = DesiredResources(SmallRequest()).value();
  ASSERT_EQ(once.size(), twice.size());
  std::set<std::string> names;
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].desired, twice[i].desired);
    EXPECT_TRUE(names.insert(once[i].name).second) << once[i].name;
  }
  EXPECT_THAT(DependencyOrder(once), IsOk());
}

TEST(GcpDesiredTest, LetsNobodyInWhoIsNotNamed) {
  ClusterRequest request = SmallRequest();
  const auto text = [&request] {
    std::string all;
    const auto resources = DesiredResources(request).value();
    for (const Resource& resource : resources) {
      all += resource.name + " " + DumpJson(resource.desired) + "\n";
    }
    return all;
  };
  EXPECT_THAT(text(), Not(HasSubstr("0.0.0.0/0")));
  EXPECT_THAT(text(), HasSubstr("guard-kubernetes"));
  EXPECT_THAT(text(), Not(HasSubstr("serial-port-enable")));
  EXPECT_THAT(text(), Not(HasSubstr("4000")));
  // 25 ranges and the nodes' own fit into three rules of ten.
  request.allowed_sources.assign(25, "198.51.100.0/24");
  const auto many = DesiredResources(request).value();
  for (const Resource& resource : many) {
    if (resource.name == "sources") {
      EXPECT_EQ(resource.desired.at("body").at("rules").size(), 4U);
    }
  }
  request.allowed_sources = {"0.0.0.0/0"};
  EXPECT_THAT(text(), Not(HasSubstr("guard-")));
  request.debug = true;
  EXPECT_THAT(text(), AllOf(HasSubstr("serial-port-enable"),
                            HasSubstr("service-debugd")));
}

TEST(GcpDesiredTest, TellsNodesWhatTheyNeed) {
  const auto resources = DesiredResources(SmallRequest()).value();
  for (const Resource& resource : resources) {
    if (resource.kind != "gcp.instance-group") {
      continue;
    }
    const json& properties = resource.desired.at("template").at("properties");
    const std::string metadata = DumpJson(properties.at("metadata"));
    EXPECT_THAT(metadata, AllOf(HasSubstr("0a1b2c3d"),
                                HasSubstr("{ref:address:address}:6443"),
                                HasSubstr(std::string(64, 'a'))));
    EXPECT_EQ(properties.at("minCpuPlatform"), "AMD Milan");
    EXPECT_EQ(properties.at("disks").at(1).at("deviceName"), "state-disk");
    EXPECT_EQ(resource.desired.at("body").contains("statefulPolicy"),
              resource.name == "control-plane-default");
  }
}

// The resource called `name`.
Resource Named(const ClusterRequest& request, std::string_view name) {
  const auto resources = DesiredResources(request).value();
  for (const Resource& resource : resources) {
    if (resource.name == name) {
      return resource;
    }
  }
  ADD_FAILURE() << "no " << name;
  return {};
}

json BodyOf(const ClusterRequest& request, std::string_view name) {
  return Named(request, name).desired.value("body", json());
}

constexpr char kMark[] = "constellation-uid=0a1b2c3d constellation-name=";
constexpr char kNet[] =
    "projects/demo-project/global/networks/demo-0a1b2c3d-net";

TEST(GcpDesiredTest, BuildsANetworkOfItsOwn) {
  const ClusterRequest request = SmallRequest();
  EXPECT_EQ(BodyOf(request, "net"),
            json({{"name", "demo-0a1b2c3d-net"},
                  {"description", std::string(kMark) + "net"},
                  {"autoCreateSubnetworks", false},
                  {"mtu", 8896},
                  {"routingConfig", {{"routingMode", "REGIONAL"}}}}));
  EXPECT_EQ(BodyOf(request, "subnet"),
            json({{"name", "demo-0a1b2c3d-subnet"},
                  {"description", std::string(kMark) + "subnet"},
                  {"network", kNet},
                  {"ipCidrRange", "192.168.178.0/24"},
                  {"secondaryIpRanges",
                   json::array({{{"rangeName", "pods"},
                                 {"ipCidrRange", "10.10.0.0/16"}}})},
                  {"privateIpGoogleAccess", true}}));
  // Nodes have no address outside; all leave by one that is known.
  EXPECT_EQ(BodyOf(request, "router").at("nats").at(0),
            json({{"name", "nat"},
                  {"natIpAllocateOption", "MANUAL_ONLY"},
                  {"natIps",
                   json::array({"projects/demo-project/regions/europe-west3/"
                                "addresses/demo-0a1b2c3d-nat-address"})},
                  {"sourceSubnetworkIpRangesToNat",
                   "ALL_SUBNETWORKS_ALL_IP_RANGES"}}));
}

TEST(GcpDesiredTest, OpensNodesToTheirNetworkAndGooglesProxies) {
  ClusterRequest request = SmallRequest();
  EXPECT_EQ(BodyOf(request, "fw-nodes").at("sourceRanges"),
            json::array({"192.168.178.0/24"}));
  EXPECT_EQ(BodyOf(request, "fw-pods").at("sourceRanges"),
            json::array({"10.10.0.0/16"}));
  const json balancer = BodyOf(request, "fw-balancer");
  EXPECT_EQ(balancer.at("sourceRanges"),
            json::array({"130.211.0.0/22", "35.191.0.0/16"}));
  EXPECT_EQ(balancer.at("targetTags"),
            json::array({"demo-0a1b2c3d-control-plane"}));
  EXPECT_EQ(balancer.at("allowed"),
            json::array({{{"IPProtocol", "tcp"},
                          {"ports", json::array({"6443", "9000", "9999",
                                                 "30081", "30090"})}}}));
  request.internal_load_balancer = true;
  EXPECT_EQ(BodyOf(request, "fw-balancer").at("sourceRanges").at(2),
            "192.168.179.0/24");
}

TEST(GcpDesiredTest, DeniesEverybodyElse) {
  const ClusterRequest request = SmallRequest();
  const auto rule = [](int64_t priority, const char* action,
                       const json& ranges) {
    return json({{"priority", priority},
                 {"action", action},
                 {"match",
                  {{"versionedExpr", "SRC_IPS_V1"},
                   {"config", {{"srcIpRanges", ranges}}}}}});
  };
  EXPECT_EQ(BodyOf(request, "sources").at("rules"),
            json::array({rule(1000, "allow",
                              json::array({"203.0.113.7/32",
                                           "{ref:nat-address:address}/32"})),
                         rule(2147483647, "deny(403)", json::array({"*"}))}));
  // No port is open before the policy stands.
  const Resource opened = Named(request, "rule-kubernetes");
  EXPECT_THAT(opened.depends_on, ::testing::Contains("guard-kubernetes"));
  EXPECT_EQ(Named(request, "guard-kubernetes").desired,
            json({{"target",
                   "projects/demo-project/global/backendServices/"
                   "demo-0a1b2c3d-service-kubernetes"},
                  {"member", "securityPolicy"},
                  {"value",
                   "projects/demo-project/global/securityPolicies/"
                   "demo-0a1b2c3d-sources"}}));
}

TEST(GcpDesiredTest, LeadsEachPortToTheControlPlanes) {
  const ClusterRequest request = SmallRequest();
  const std::string global = "projects/demo-project/global/";
  EXPECT_EQ(
      BodyOf(request, "service-join"),
      json({{"name", "demo-0a1b2c3d-service-join"},
            {"description", std::string(kMark) + "service-join"},
            {"protocol", "TCP"},
            {"loadBalancingScheme", "EXTERNAL"},
            {"portName", "join"},
            {"timeoutSec", 240},
            {"healthChecks",
             json::array({global + "healthChecks/demo-0a1b2c3d-check-join"})},
            {"backends",
             json::array({{{"group",
                            "projects/demo-project/zones/europe-west3-b/"
                            "instanceGroups/"
                            "demo-0a1b2c3d-control-plane-default"},
                           {"balancingMode", "UTILIZATION"}}})},
            {"connectionDraining", {{"drainingTimeoutSec", 0}}}}));
  const json rule = BodyOf(request, "rule-join");
  EXPECT_EQ(rule.at("IPAddress"), global + "addresses/demo-0a1b2c3d-address");
  EXPECT_EQ(rule.at("portRange"), "30090");
  EXPECT_EQ(rule.at("target"),
            global + "targetTcpProxies/demo-0a1b2c3d-proxy-join");
  // The API server says whether it is ready; others only accept.
  EXPECT_EQ(BodyOf(request, "check-kubernetes").at("httpsHealthCheck"),
            json({{"port", 6443}, {"requestPath", "/readyz"}}));
  EXPECT_EQ(BodyOf(request, "check-join").at("tcpHealthCheck"),
            json({{"port", 30090}}));
}

TEST(GcpDesiredTest, InternalBalancersStayInTheRegion) {
  ClusterRequest request = SmallRequest();
  request.internal_load_balancer = true;
  const std::string region = "projects/demo-project/regions/europe-west3";
  for (const char* name : {"address", "check-join", "service-join",
                           "proxy-join", "rule-join", "proxy-subnet"}) {
    EXPECT_TRUE(Named(request, name)
                    .desired.at("parent")
                    .get<std::string>()
                    .starts_with(region + "/"))
        << name;
  }
  EXPECT_EQ(BodyOf(request, "address").at("addressType"), "INTERNAL");
  EXPECT_EQ(BodyOf(request, "proxy-subnet").at("purpose"),
            "REGIONAL_MANAGED_PROXY");
  const json rule = BodyOf(request, "rule-join");
  EXPECT_EQ(rule.at("loadBalancingScheme"), "INTERNAL_MANAGED");
  EXPECT_EQ(rule.at("network"), kNet);
  EXPECT_EQ(rule.at("subnetwork"),
            region + "/subnetworks/demo-0a1b2c3d-lb-subnet");
  EXPECT_EQ(
      BodyOf(request, "service-join").at("backends").at(0).at("capacityScaler"),
      1.0);
  const auto resources = DesiredResources(request).value();
  for (const Resource& resource : resources) {
    EXPECT_NE(resource.name, "sources");  // nobody outside to be filtered
  }
  EXPECT_THAT(DependencyOrder(resources), IsOk());
}

TEST(GcpDesiredTest, MachinesAreConfidential) {
  ClusterRequest request = SmallRequest();
  request.tags = {{"team", "x"}};
  const json properties =
      Named(request, "worker-default").desired.at("template").at("properties");
  EXPECT_EQ(properties.at("machineType"), "n2d-standard-4");
  EXPECT_EQ(properties.at("confidentialInstanceConfig"),
            json({{"enableConfidentialCompute", true},
                  {"confidentialInstanceType", "SEV_SNP"}}));
  EXPECT_EQ(
      properties.at("scheduling"),
      json({{"onHostMaintenance", "TERMINATE"}, {"automaticRestart", true}}));
  EXPECT_EQ(properties.at("shieldedInstanceConfig"),
            json({{"enableSecureBoot", false},
                  {"enableVtpm", true},
                  {"enableIntegrityMonitoring", true}}));
  EXPECT_EQ(properties.at("labels"),
            json({{"team", "x"},
                  {"constellation-uid", "0a1b2c3d"},
                  {"constellation-role", "worker"},
                  {"constellation-node-group", "worker-default"}}));
  EXPECT_EQ(properties.at("tags").at("items"),
            json::array({"demo-0a1b2c3d-node"}));
  EXPECT_EQ(
      properties.at("disks").at(0).at("initializeParams").at("sourceImage"),
      "projects/images/global/images/node-1");
  EXPECT_EQ(properties.at("networkInterfaces").at(0).contains("accessConfigs"),
            false);
  EXPECT_EQ(properties.at("serviceAccounts").at(0).at("email"),
            "vm@demo-project.iam.gserviceaccount.com");
  request.attestation_variant = "gcp-tdx";
  for (NodeGroupRequest& group : request.groups) {
    group.instance_type = "c3-standard-4";
    group.zone = "europe-west3-c";
  }
  const Resource tdx = Named(request, "worker-default");
  EXPECT_EQ(tdx.desired.at("template")
                .at("properties")
                .at("confidentialInstanceConfig")
                .at("confidentialInstanceType"),
            "TDX");
  EXPECT_FALSE(
      tdx.desired.at("template").at("properties").contains("minCpuPlatform"));
  EXPECT_EQ(tdx.desired.at("parent"),
            "projects/demo-project/zones/europe-west3-c/"
            "instanceGroupManagers");
}

TEST(GcpDesiredTest, KnowsWhichMachinesCanDoIt) {
  const Confidentiality* const snp = ConfidentialityOf("gcp-sev-snp");
  ASSERT_NE(snp, nullptr);
  EXPECT_TRUE(SupportsMachine(*snp, "n2d-standard-4"));
  for (const char* type : {"n2d-", "n2d", "c3-standard-4", "n2d-standard/4",
                           "N2D-standard-4", "xn2d-standard-4", ""}) {
    EXPECT_FALSE(SupportsMachine(*snp, type)) << type;
  }
  const Confidentiality* const tdx = ConfidentialityOf("gcp-tdx");
  ASSERT_NE(tdx, nullptr);
  EXPECT_TRUE(SupportsMachine(*tdx, "a3-highgpu-1g"));
  EXPECT_FALSE(SupportsMachine(*tdx, "a3-highgpu-1gx"));
  EXPECT_EQ(ConfidentialityOf("aws-sev-snp"), nullptr);
  EXPECT_EQ(ConfidentialityOf(""), nullptr);
}

}  // namespace
}  // namespace constellation::cloud::gcp
