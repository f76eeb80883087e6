// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/testing/user_errors.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

CloudError Decoded(int status, const json& body, bool read_only = false) {
  return ArmErrorOf(
      HttpResponse{
          .status = status,
          .headers = {{"x-ms-request-id", "r-1"}},
          .body = body.is_string() ? body.get<std::string>() : body.dump()},
      read_only);
}

json Error(const char* code, const char* message) {
  return {{"error", {{"code", code}, {"message", message}}}};
}

TEST(ArmErrorTest, KnowsAzuresWords) {
  EXPECT_EQ(Decoded(404, Error("ResourceNotFound", "x")).kind, Kind::kNotFound);
  EXPECT_EQ(Decoded(404, Error("ResourceGroupNotFound", "x")).kind,
            Kind::kWrongProject);
  EXPECT_EQ(Decoded(400, Error("InUseSubnetCannotBeDeleted", "x")).kind,
            Kind::kDependency);
  EXPECT_EQ(Decoded(409, Error("ZonalAllocationFailed", "x")).kind,
            Kind::kCapacity);
  EXPECT_EQ(Decoded(401, Error("ExpiredAuthenticationToken", "x")).kind,
            Kind::kExpiredToken);
  EXPECT_EQ(Decoded(409, Error("ScopeLocked", "x")).kind, Kind::kPermission);
  EXPECT_EQ(Decoded(429, Error("OperationNotAllowed", "slow")).kind,
            Kind::kThrottled);
  EXPECT_EQ(Decoded(400, Error("NobodyKnowsThis", "x")).kind, Kind::kInvalid);
  EXPECT_EQ(Decoded(409, "not json").kind, Kind::kConflict);
  EXPECT_EQ(Decoded(404, Error("ResourceNotFound", "x")).request_id, "r-1");
}

TEST(ArmErrorTest, NamesQuotaAndPermission) {
  const CloudError quota = Decoded(
      409, Error("OperationNotAllowed",
                 "Operation could not be completed as it results in exceeding "
                 "approved standardDCASv5Family Cores quota. Additional "
                 "Required: 12"));
  EXPECT_EQ(quota.kind, Kind::kQuota);
  EXPECT_EQ(quota.subject, "standardDCASv5Family Cores");
  const CloudError denied = Decoded(
      403, Error("AuthorizationFailed",
                 "The client 'x' does not have authorization to perform action "
                 "'Microsoft.Network/natGateways/write' over scope '/y'"));
  EXPECT_EQ(denied.kind, Kind::kPermission);
  EXPECT_EQ(denied.subject, "Microsoft.Network/natGateways/write");
}

// In the words of Resource Manager.
TEST(ArmErrorTest, ExplainsWhatUsersMeet) {
  const auto answer = [](int status, const char* code, const char* message) {
    return HttpResponse{.status = status, .body = Error(code, message).dump()};
  };
  cloud::testing::ExpectUserErrors(
      {{answer(409, "OperationNotAllowed",
               "Operation could not be completed as it results in exceeding "
               "approved Total Regional Cores quota. Additional details - "
               "Deployment Model: Resource Manager, Location: northeurope"),
        Kind::kQuota, "Total Regional Cores",
        "limit (Total Regional Cores) is reached: ask the cloud"},
       {answer(400, "PublicIPCountLimitReached",
               "Cannot create more than 10 public IP addresses for this "
               "subscription in this region."),
        Kind::kQuota, "PublicIPCountLimitReached",
        "limit (PublicIPCountLimitReached) is reached: ask the cloud"},
       {answer(409, "ResourceQuotaExceeded", "Too many of them."), Kind::kQuota,
        "ResourceQuotaExceeded", "is reached: ask the cloud"},
       {answer(409, "QuotaExceeded", "Some quota is exceeded."), Kind::kQuota,
        "", "limit is reached: ask the cloud"},
       {answer(409, "ZonalAllocationFailed",
               "Allocation failed. We do not have sufficient capacity for the "
               "requested VM size in this zone."),
        Kind::kCapacity, "", "choose another zone or instance type"},
       {answer(409, "SkuNotAvailable",
               "The requested VM size Standard_DC4as_v5 is currently not "
               "available in location northeurope."),
        Kind::kCapacity, "", "choose another zone or instance type"},
       {answer(403, "AuthorizationFailed",
               "The client 'x' with object id 'y' does not have authorization "
               "to perform action 'Microsoft.Network/natGateways/write' over "
               "scope '/z' or the scope is invalid."),
        Kind::kPermission, "Microsoft.Network/natGateways/write",
        "lacks a permission (Microsoft.Network/natGateways/write)"},
       {answer(403, "LinkedAuthorizationFailed",
               "The client 'x' has permission to perform action "
               "'Microsoft.Network/loadBalancers/write' on scope '/y'; "
               "however, it does not have permission to perform action(s) "
               "'Microsoft.Network/publicIPAddresses/join/action' on the "
               "linked scope(s) '/z'"),
        Kind::kPermission, "Microsoft.Network/publicIPAddresses/join/action",
        "lacks a permission (Microsoft.Network/publicIPAddresses/join"},
       {answer(400, "LocationNotAvailableForResourceType",
               "The provided location 'mars' is not available for resource "
               "type 'Microsoft.Network/natGateways'."),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {answer(400, "InvalidParameter",
               "The value Standard_X provided for the VM size is not valid."),
        Kind::kUnsupportedType, "", "`constellation config instance-types`"},
       {answer(409, "DnsRecordInUse", "DNS record demo is already used."),
        Kind::kNameTaken, "", "choose another `name`"},
       {answer(401, "ExpiredAuthenticationToken",
               "The access token expiry UTC time is earlier than now."),
        Kind::kExpiredToken, "", "log in again"},
       {answer(429, "SubscriptionRequestsThrottled",
               "Number of requests exceeded the limit."),
        Kind::kThrottled, "", "wait some minutes"},
       {answer(404, "SubscriptionNotFound",
               "The subscription 'x' could not be found."),
        Kind::kWrongProject, "", "check the config and the active login"},
       {answer(401, "InvalidAuthenticationTokenTenant",
               "The access token is from the wrong issuer."),
        Kind::kWrongProject, "", "check the config and the active login"}},
      [](const HttpResponse& one) {
        return ArmErrorOf(one, /*read_only=*/false);
      });
}

TEST(ArmErrorTest, FollowsDetailsToTheCause) {
  const json error = {
      {"code", "DeploymentFailed"},
      {"message", "see details"},
      {"details",
       json::array({{{"code", "Conflict?"},
                     {"message", "outer"},
                     {"details", json::array({{{"code", "AllocationFailed"},
                                               {"message", "no room"}}})}}})}};
  EXPECT_EQ(ArmErrorOfBody(error).kind, Kind::kCapacity);
  EXPECT_EQ(ArmErrorOfBody(error).message, "no room");
  EXPECT_EQ(ArmErrorOfBody(json(7)).kind, Kind::kLateFailure);
}

TEST(ArmErrorTest, ServerErrorsAreUnclearForWritesOnly) {
  EXPECT_EQ(Decoded(503, Error("BadRequest", "x")).kind, Kind::kUnclear);
  EXPECT_EQ(Decoded(503, Error("BadRequest", "x"), true).kind,
            Kind::kUnavailable);
}

}  // namespace
}  // namespace constellation::cloud::azure
