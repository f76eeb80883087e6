// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/online_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/http/testing/routed_transport.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::RoutedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kSub =
    "/subscriptions/" + std::string(testing::kSubscription);
const std::string kGroup = kSub + "/resourceGroups/rg";
const std::string kDefinition =
    kGroup + "/providers/Microsoft.Compute/galleries/g/images/os";
const std::string kSkus = "GET " + kSub + "/providers/Microsoft.Compute/skus";
const std::string kUsages =
    "GET " + kSub + "/providers/Microsoft.Compute/locations/northeurope/usages";
const std::string kSets =
    "GET " + kGroup + "/providers/Microsoft.Compute/virtualMachineScaleSets";

class OnlineCheckTest : public ::testing::Test {
 protected:
  // A subscription in which everything is as it must be.
  OnlineCheckTest() {
    On("GET " + kGroup, json::object());
    On("GET " +
           std::get<AzureSettings>(request_.settings).user_assigned_identity,
       json::object());
    On("GET " + request_.image, json::object());
    On("GET " + kDefinition, Definition("ConfidentialVmSupported"));
    for (const char* name : {"Microsoft.Network", "Microsoft.Compute"}) {
      On("GET " + kSub + "/providers/" + name,
         {{"registrationState", "Registered"}});
    }
    On(kSkus, List(json::array({sku_})));
    On(kSets, List(json::array()));
    On(kUsages, List(json::array({Usage("standardDCASv5Family", 30, 0),
                                  Usage("cores", 100, 0)})));
  }

  void On(const std::string& route, const json& body) {
    transport_.Reset(route);
    transport_.On(route, 200, body.dump());
  }
  static json List(json value) { return {{"value", std::move(value)}}; }
  static json Definition(const char* type) {
    return {{"properties",
             {{"features", {{{"name", "SecurityType"}, {"value", type}}}}}}};
  }
  static json Usage(const char* name, int limit, int used) {
    return {
        {"name", {{"value", name}}}, {"limit", limit}, {"currentValue", used}};
  }
  // One more scale set, with as many VMs; it shall have nine.
  void HasSet(const std::string& group, const char* uid, int vms) {
    const std::string id = kSets.substr(4) + "/" + group;
    sets_[group] = {
        {"id", id},
        {"tags",
         {{"constellation-uid", uid}, {"constellation-node-group", group}}},
        {"sku", {{"name", "standard_dc4as_v5"}, {"capacity", 9}}}};
    json sets = json::array();
    for (const auto& [name, set] : sets_.items()) {
      sets.push_back(set);
    }
    On(kSets, List(sets));
    json list = json::array();
    for (int i = 0; i < vms; ++i) {
      list.push_back(i == 0 ? json::object()
                            : json{{"sku", {{"name", "Standard_DC4as_v5"}}}});
    }
    On("GET " + id + "/virtualMachines", List(list));
  }
  absl::Status Check() { return CheckRequestOnline(client_, request_); }
  void ExpectFinding(std::string_view words) {
    EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr(std::string(words))));
  }

  ClusterRequest request_ = testing::SmallRequest();
  json sku_ = {{"resourceType", "virtualMachines"},
               {"name", "Standard_DC4as_v5"},
               {"family", "standardDCASv5Family"},
               {"capabilities",
                {{{"name", "vCPUs"}, {"value", "4"}},
                 {{"name", "ConfidentialComputingType"}, {"value", "SNP"}}}},
               {"locationInfo", {{{"zones", {"1", "2"}}}}},
               {"restrictions", json::array()}};
  json sets_ = json::object();
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  RoutedTransport transport_;
  testing::FixedTokens tokens_{"t"};
  ArmClient client_{transport_, tokens_, clock_, [] { return 0.5; }, {}};
};

TEST_F(OnlineCheckTest, AcceptsWhatCanWork) {
  EXPECT_THAT(Check(), IsOk());
  EXPECT_THAT(transport_.requests(kSkus).at(0).url,
              HasSubstr("&$filter=location%20eq%20%27northeurope%27"));
}

TEST_F(OnlineCheckTest, NamesWhatIsNotThere) {
  transport_.Reset("GET " + kGroup);
  transport_.On("GET " + kGroup, 404,
                R"({"error":{"code":"ResourceGroupNotFound","message":"x"}})");
  ExpectFinding("provider.azure.resourceGroup: there is no " + kGroup);
  transport_.Reset("GET " + request_.image);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument,
                                AllOf(HasSubstr("resourceGroup"),
                                      HasSubstr("image: there is no "))))
      << "all findings at once";
}

TEST_F(OnlineCheckTest, TheIdentityMustBeThere) {
  transport_.Reset(
      "GET " +
      std::get<AzureSettings>(request_.settings).user_assigned_identity);
  ExpectFinding("provider.azure.userAssignedIdentity: there is no ");
}

TEST_F(OnlineCheckTest, TheImageMustAllowTheSecurityType) {
  On("GET " + kDefinition, Definition("TrustedLaunchSupported"));
  ExpectFinding("azure-sev-snp needs an image whose definition");
  request_.attestation_variant = "azure-trustedlaunch";
  EXPECT_THAT(Check(), IsOk());
  On("GET " + kDefinition, json::object());
  ExpectFinding("this one has \"\"");
}

TEST_F(OnlineCheckTest, SharedImagesAreNotLookedAt) {
  transport_.Reset("GET " + request_.image);
  request_.image = "/communityGalleries/c/images/os/versions/1.0.0";
  EXPECT_THAT(Check(), IsOk());
}

TEST_F(OnlineCheckTest, ProvidersMustBeRegistered) {
  On("GET " + kSub + "/providers/Microsoft.Network",
     {{"registrationState", "NotRegistered"}});
  ExpectFinding("az provider register --namespace Microsoft.Network");
}

TEST_F(OnlineCheckTest, TheSizeMustBeOfferedThere) {
  On(kSkus, List(json::array()));
  ExpectFinding(
      "nodeGroups.worker_default.instanceType: northeurope has no "
      "Standard_DC4as_v5");
  sku_["resourceType"] = "disks";
  On(kSkus, List(json::array({sku_})));
  ExpectFinding("northeurope has no");
}

TEST_F(OnlineCheckTest, TheSizeMustDoWhatTheVariantNeeds) {
  request_.attestation_variant = "azure-tdx";
  ExpectFinding("azure-tdx needs TDX, Standard_DC4as_v5 has SNP");
  sku_["capabilities"].erase(1);
  On(kSkus, List(json::array({sku_})));
  ExpectFinding("has none of it");
}

TEST_F(OnlineCheckTest, TheSizeMustBeAllowed) {
  sku_["restrictions"] = {{{"reasonCode", "NotAvailableForSubscription"}}};
  On(kSkus, List(json::array({sku_})));
  ExpectFinding("(NotAvailableForSubscription)");
}

TEST_F(OnlineCheckTest, TheSizeMustBeInTheZone) {
  request_.groups[1].zone = "3";
  ExpectFinding(
      "nodeGroups.worker_default.zone: Standard_DC4as_v5 is in zones "
      "[\"1\",\"2\"]");
}

TEST_F(OnlineCheckTest, TheQuotaMustSuffice) {
  On(kUsages, List(json::array({Usage("standardDCASv5Family", 30, 11)})));
  ExpectFinding(
      "quota: 20 cores more of standardDCASv5Family are wanted in northeurope, "
      "19 are left of 30");
  On(kUsages, List(json::array({Usage("cores", 19, 0)})));
  ExpectFinding("quota: 20 cores more of all families are wanted");
}

// A run that goes on: of three control planes two have been made.
TEST_F(OnlineCheckTest, WhatTheClusterHasIsNotNeededAgain) {
  On(kUsages, List(json::array({Usage("standardDCASv5Family", 30, 18),
                                Usage("cores", 30, 18)})));
  HasSet("control_plane_default", "0a1b2c3d", 2);
  EXPECT_THAT(Check(), IsOk()) << "12 cores more, 12 are left";
  On(kUsages, List(json::array({Usage("standardDCASv5Family", 30, 19)})));
  ExpectFinding("quota: 12 cores more of standardDCASv5Family are wanted");
  On(kUsages, List(json::array({Usage("cores", 30, 19)})));
  ExpectFinding("quota: 12 cores more of all families are wanted");
  HasSet("control_plane_default", "other", 2);
  ExpectFinding("quota: 20 cores more");
}

TEST_F(OnlineCheckTest, AGroupGrowsByWhatIsNew) {
  request_.groups[1].count = 4;
  On(kUsages, List(json::array({Usage("standardDCASv5Family", 28, 20)})));
  HasSet("control_plane_default", "0a1b2c3d", 3);
  HasSet("worker_default", "0a1b2c3d", 2);
  EXPECT_THAT(Check(), IsOk()) << "8 cores more, 8 are left";
  On(kUsages, List(json::array({Usage("standardDCASv5Family", 27, 20)})));
  ExpectFinding("quota: 8 cores more");
}

// Limits can be lowered below what is in use.
TEST_F(OnlineCheckTest, AFinishedClusterNeedsNoQuota) {
  On(kUsages, List(json::array({Usage("standardDCASv5Family", 4, 20),
                                Usage("cores", 4, 20)})));
  HasSet("control_plane_default", "0a1b2c3d", 3);
  HasSet("worker_default", "0a1b2c3d", 2);
  EXPECT_THAT(Check(), IsOk());
}

TEST_F(OnlineCheckTest, TellsErrorsOfTheQuestionsThemselves) {
  transport_.Reset(kUsages);
  transport_.On(kUsages, 403,
                R"({"error":{"code":"AuthorizationFailed","message":"no"}})");
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace constellation::cloud::azure
