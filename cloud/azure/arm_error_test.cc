// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/engine/cloud_error.h"

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
