// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/bodies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cloud/azure/testing/azure_requests.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using ::testing::SizeIs;
using testing::SmallRequest;

TEST(BodiesTest, OnlyTheConfiguredSourcesGetIn) {
  ClusterRequest request = SmallRequest();
  request.allowed_sources = {"203.0.113.7/32", "198.51.100.0/24"};
  const json body = SecurityGroupBody(request, {});
  std::set<int> priorities;
  ASSERT_THAT(body["properties"]["securityRules"], SizeIs(5));
  for (const json& rule : body["properties"]["securityRules"]) {
    EXPECT_EQ(rule["properties"]["sourceAddressPrefixes"],
              json({"203.0.113.7/32", "198.51.100.0/24"}));
    EXPECT_FALSE(rule["properties"].contains("sourceAddressPrefix"));
    EXPECT_TRUE(
        priorities.insert(rule["properties"]["priority"].get<int>()).second);
  }
  request.debug = true;
  EXPECT_THAT(SecurityGroupBody(request, {})["properties"]["securityRules"],
              SizeIs(6));
}

TEST(BodiesTest, SecurityProfileFollowsTheVariant) {
  ClusterRequest request = SmallRequest();
  const auto profile = [&] {
    return ScaleSetBody(request, request.groups[0],
                        {})["properties"]["virtualMachineProfile"];
  };
  json confidential = profile();
  EXPECT_EQ(confidential["securityProfile"]["securityType"], "ConfidentialVM");
  EXPECT_EQ(confidential["storageProfile"]["osDisk"]["managedDisk"]
                        ["securityProfile"]["securityEncryptionType"],
            "VMGuestStateOnly");
  EXPECT_EQ(confidential["securityProfile"]["uefiSettings"],
            json({{"secureBootEnabled", false}, {"vTpmEnabled", true}}));
  request.attestation_variant = "azure-tdx";
  EXPECT_EQ(profile(), confidential) << "the size decides";
  request.attestation_variant = "azure-trustedlaunch";
  EXPECT_EQ(profile()["securityProfile"]["securityType"], "TrustedLaunch");
  EXPECT_FALSE(profile()["storageProfile"]["osDisk"]["managedDisk"].contains(
      "securityProfile"));
}

TEST(BodiesTest, EveryPasswordIsAnother) {
  const ClusterRequest request = SmallRequest();
  json a = ScaleSetBody(request, request.groups[0], {});
  EXPECT_EQ(a.dump().find("adminPassword"), std::string::npos);
  json b = a;
  CompleteScaleSet(a);
  CompleteScaleSet(b);
  EXPECT_NE(a, b);
}

TEST(BodiesTest, ImagesHaveFourForms) {
  ClusterRequest request = SmallRequest();
  const auto reference = [&](const std::string& image) {
    request.image = image;
    return ScaleSetBody(request, request.groups[0], {});
  };
  const auto image_of = [](const json& body) {
    return body["properties"]["virtualMachineProfile"]["storageProfile"]
               ["imageReference"];
  };
  EXPECT_EQ(image_of(reference("/communityGalleries/c/images/i/versions/1")),
            json({{"communityGalleryImageId",
                   "/communityGalleries/c/images/i/versions/1"}}));
  EXPECT_EQ(image_of(reference("/sharedGalleries/s/images/i/versions/1")),
            json({{"sharedGalleryImageId",
                   "/sharedGalleries/s/images/i/versions/1"}}));
  EXPECT_EQ(image_of(reference("/subscriptions/x")),
            json({{"id", "/subscriptions/x"}}));
  const json market = reference("p:o:s:1.0.0");
  EXPECT_EQ(image_of(market), json({{"publisher", "p"},
                                    {"offer", "o"},
                                    {"sku", "s"},
                                    {"version", "1.0.0"}}));
  EXPECT_EQ(market["plan"],
            json({{"publisher", "p"}, {"product", "o"}, {"name", "s"}}));
}

TEST(BodiesTest, OnlyControlPlanesAreBehindTheBalancer) {
  const ClusterRequest request = SmallRequest();
  const auto ip_of = [&](size_t group) {
    return ScaleSetBody(
        request, request.groups[group],
        {})["properties"]["virtualMachineProfile"]["networkProfile"]
           ["networkInterfaceConfigurations"][0]["properties"]
           ["ipConfigurations"][0]["properties"];
  };
  EXPECT_EQ(ip_of(0)["loadBalancerBackendAddressPools"][0]["id"],
            NamesOf(request).BackendPool());
  EXPECT_FALSE(ip_of(1).contains("loadBalancerBackendAddressPools"));
  EXPECT_FALSE(ip_of(0).contains("publicIPAddressConfiguration"));
}

TEST(BodiesTest, NodesGetOutThroughTheGatewayOnly) {
  const ClusterRequest request = SmallRequest();
  const json subnet =
      NetworkBody(request, {})["properties"]["subnets"][0]["properties"];
  EXPECT_EQ(subnet["defaultOutboundAccess"], false);
  EXPECT_EQ(subnet["natGateway"]["id"], NamesOf(request).NatGateway());
  for (const json& rule :
       BalancerBody(request, {})["properties"]["loadBalancingRules"]) {
    EXPECT_EQ(rule["properties"]["disableOutboundSnat"], true);
  }
}

TEST(BodiesTest, AddressesAreZonalWhereGroupsAre) {
  ClusterRequest request = SmallRequest();
  EXPECT_EQ(PublicIpBody(request, {}, true)["zones"], json({"1", "2", "3"}));
  for (NodeGroupRequest& group : request.groups) {
    group.zone.clear();
  }
  EXPECT_FALSE(PublicIpBody(request, {}, true).contains("zones"));
  EXPECT_FALSE(ScaleSetBody(request, request.groups[0], {}).contains("zones"));
}

TEST(BodiesTest, NoAgentAndNoExtensionsInNodes) {
  const ClusterRequest request = SmallRequest();
  const json os =
      ScaleSetBody(request, request.groups[0],
                   {})["properties"]["virtualMachineProfile"]["osProfile"];
  EXPECT_EQ(os["allowExtensionOperations"], false);
  EXPECT_EQ(os["linuxConfiguration"]["provisionVMAgent"], false);
}

}  // namespace
}  // namespace constellation::cloud::azure
