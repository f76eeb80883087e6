// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/engine/testing/user_errors.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

CloudError Decoded(int status, const std::string& reason,
                   const std::string& message) {
  const json body = {
      {"error",
       {{"code", status},
        {"message", message},
        {"errors", {{{"reason", reason}, {"domain", "global"}}}}}}};
  return GcpErrorOf({.status = status, .body = body.dump()},
                    /*read_only=*/false);
}

TEST(GcpErrorTest, KnowsGooglesWords) {
  struct Row {
    int status;
    const char* reason;
    const char* message;
    Kind kind;
    const char* subject;
  };
  const std::vector<Row> rows = {
      {403, "rateLimitExceeded", "slow down", Kind::kThrottled, ""},
      {403, "quotaExceeded", "Quota 'NETWORKS' exceeded. Limit: 5.0",
       Kind::kQuota, "NETWORKS"},
      {403, "forbidden",
       "Required 'compute.networks.create' permission for 'x'",
       Kind::kPermission, "compute.networks.create"},
      {403, "accessNotConfigured", "API has not been used", Kind::kPermission,
       ""},
      {401, "authError", "Invalid Credentials", Kind::kExpiredToken, ""},
      {401, "required", "Login Required", Kind::kBadCredentials, ""},
      {400, "required", "field is required", Kind::kInvalid, ""},
      {409, "alreadyExists", "The resource 'x' already exists",
       Kind::kNameTaken, "x"},
      {404, "notFound", "The resource 'projects/p/global/networks/n' was not",
       Kind::kNotFound, "projects/p/global/networks/n"},
      {404, "notFound", "The resource 'projects/p' was not found",
       Kind::kWrongProject, "projects/p"},
      {400, "resourceInUseByAnotherResource",
       "The network resource 'n' is already being used by 'f'",
       Kind::kDependency, "n"},
      {400, "resourceNotReady", "not ready", Kind::kConflict, ""},
      {412, "conditionNotMet", "fingerprint", Kind::kConflict, ""},
      {400, "invalid", "Invalid value for field", Kind::kInvalid, ""},
      {503, "backendError", "Backend Error", Kind::kUnclear, ""},
  };
  for (const Row& row : rows) {
    const CloudError error = Decoded(row.status, row.reason, row.message);
    EXPECT_EQ(error.kind, row.kind) << row.reason << " " << row.message;
    EXPECT_EQ(error.code, row.reason);
    EXPECT_EQ(error.message, row.message);
    EXPECT_EQ(error.subject, row.subject) << row.reason;
  }
}

// In Google's words.
TEST(GcpErrorTest, ExplainsWhatUsersMeet) {
  const auto answer = [](int status, const char* reason, const char* message) {
    return HttpResponse{.status = status,
                        .body = json({{"error",
                                       {{"code", status},
                                        {"message", message},
                                        {"errors", {{{"reason", reason}}}}}}})
                                    .dump()};
  };
  cloud::testing::ExpectUserErrors(
      {{answer(403, "quotaExceeded",
               "Quota 'N2D_CPUS' exceeded. Limit: 24.0 in region "
               "europe-west3."),
        Kind::kQuota, "N2D_CPUS",
        "limit (N2D_CPUS) is reached: ask the cloud for a higher one"},
       {answer(503, "ZONE_RESOURCE_POOL_EXHAUSTED",
               "The zone 'projects/p/zones/europe-west3-b' does not have "
               "enough resources available to fulfill the request."),
        Kind::kCapacity, "projects/p/zones/europe-west3-b",
        "kind (projects/p/zones/europe-west3-b) at the moment: choose another"},
       {answer(403, "forbidden",
               "Required 'compute.networks.create' permission for "
               "'projects/p/global/networks/n'"),
        Kind::kPermission, "compute.networks.create",
        "lacks a permission (compute.networks.create)"},
       {answer(403, "forbidden",
               "Permission denied on 'locations/mars-west1' (or it may not "
               "exist)."),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {answer(400, "invalid",
               "Invalid value for field 'zone': 'mars-west1-a'. Unknown zone."),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {answer(400, "invalid",
               "Invalid value for field 'resource.machineType': "
               "'zones/z/machineTypes/n2d-huge'. Machine type with name "
               "'n2d-huge' does not exist in zone 'z'."),
        Kind::kUnsupportedType, "", "`constellation config instance-types`"},
       {answer(409, "alreadyExists",
               "The resource 'projects/p/global/networks/n' already exists"),
        Kind::kNameTaken, "projects/p/global/networks/n",
        "this name (projects/p/global/networks/n): choose another `name`"},
       {answer(401, "authError", "Request had invalid credentials."),
        Kind::kExpiredToken, "", "log in again"},
       {answer(403, "rateLimitExceeded", "Rate Limit Exceeded"),
        Kind::kThrottled, "", "wait some minutes"},
       {answer(404, "notFound", "The resource 'projects/nobody' was not found"),
        Kind::kWrongProject, "projects/nobody",
        "account (projects/nobody), or the caller cannot see it"}},
      [](const HttpResponse& one) {
        return GcpErrorOf(one, /*read_only=*/false);
      });
}

TEST(GcpErrorTest, GoesByStatusWithoutAWord) {
  const auto kind = [](int status, bool read_only) {
    return GcpErrorOf({.status = status, .body = "<html>"}, read_only).kind;
  };
  EXPECT_EQ(kind(500, false), Kind::kUnclear);
  EXPECT_EQ(kind(500, true), Kind::kUnavailable);
  EXPECT_EQ(kind(401, true), Kind::kExpiredToken);
  EXPECT_EQ(kind(404, true), Kind::kNotFound);
  EXPECT_EQ(kind(409, false), Kind::kConflict);
  EXPECT_EQ(kind(429, false), Kind::kThrottled);
  EXPECT_EQ(kind(418, false), Kind::kUnknown);
}

TEST(GcpErrorTest, ReadsErrorInfoBeforeOldReasons) {
  const CloudError error = GcpErrorOf(
      {.status = 403,
       .body = R"({"error":{"code":403,"message":"m","status":"X","details":[)"
               R"({"@type":"ErrorInfo","reason":"SERVICE_DISABLED"}]}})"},
      true);
  EXPECT_EQ(error.code, "SERVICE_DISABLED");
  EXPECT_EQ(error.kind, Kind::kPermission);
}

// IAM and Service Usage have no errors[]: a status, or an ErrorInfo.
TEST(GcpErrorTest, ReadsStatusesWithoutReasons) {
  const auto told = [](int status, const char* word, const char* message,
                       const char* reason = nullptr) {
    json error = {{"code", status}, {"status", word}, {"message", message}};
    if (reason != nullptr) {
      error["details"] = {{{"reason", reason}}};
    }
    return GcpErrorOf(
               {.status = status, .body = json({{"error", error}}).dump()},
               /*read_only=*/false)
        .kind;
  };
  EXPECT_EQ(told(409, "ALREADY_EXISTS", "Service account demo already exists"),
            Kind::kNameTaken);
  EXPECT_EQ(told(409, "ABORTED", "concurrent policy changes"), Kind::kConflict);
  EXPECT_EQ(told(429, "RESOURCE_EXHAUSTED",
                 "Maximum number of service accounts on project reached."),
            Kind::kQuota);
  EXPECT_EQ(told(429, "RESOURCE_EXHAUSTED", "slow down"), Kind::kThrottled);
  EXPECT_EQ(told(429, "RESOURCE_EXHAUSTED", "m", "RESOURCE_QUOTA_EXCEEDED"),
            Kind::kQuota);
  EXPECT_EQ(told(403, "PERMISSION_DENIED", "m", "CONSUMER_SUSPENDED"),
            Kind::kWrongProject);
  EXPECT_EQ(told(400, "INVALID_ARGUMENT", "m", "RESOURCE_PROJECT_INVALID"),
            Kind::kWrongProject);
  EXPECT_EQ(
      told(400, "FAILED_PRECONDITION", "m", "LOCATION_ORG_POLICY_VIOLATED"),
      Kind::kUnsupportedRegion);
  EXPECT_EQ(told(401, "UNAUTHENTICATED", "m", "CREDENTIALS_MISSING"),
            Kind::kBadCredentials);
}

TEST(GcpErrorTest, ReadsTokenEndpoints) {
  const auto decoded = [](const std::string& body) {
    return GcpErrorOf({.status = 400, .body = body}, true);
  };
  EXPECT_EQ(
      decoded(R"({"error":"invalid_grant","error_description":"d"})").kind,
      Kind::kExpiredToken);
  EXPECT_EQ(decoded(R"({"error":"invalid_client"})").kind,
            Kind::kBadCredentials);
  EXPECT_EQ(decoded(R"({"error":"something_new"})").kind,
            Kind::kBadCredentials);
  EXPECT_EQ(decoded(R"({"error":"invalid_grant",)"
                    R"("error_subtype":"invalid_rapt"})")
                .code,
            "rapt_required");
}

TEST(GcpErrorTest, ReadsOperations) {
  const auto failed = [](const json& error) {
    return json({{"name", "operation-1"},
                 {"error", {{"errors", json::array({error})}}}});
  };
  const json quota =
      failed({{"code", "QUOTA_EXCEEDED"},
              {"message", "Quota 'N2D_CPUS' exceeded."},
              {"errorDetails",
               {{{"quotaInfo",
                  {{"limitName", "N2D-CPUS-per-project-region"},
                   {"limit", 24.0},
                   {"dimensions", {{"region", "europe-west3"}}}}}}}}});
  EXPECT_TRUE(OperationFailed(quota));
  EXPECT_EQ(OperationErrorOf(quota).kind, Kind::kQuota);
  EXPECT_EQ(OperationErrorOf(quota).subject,
            "N2D-CPUS-per-project-region, limit 24, europe-west3");
  EXPECT_EQ(OperationErrorOf(quota).request_id, "operation-1");
  EXPECT_EQ(OperationErrorOf(
                failed({{"code", "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"},
                        {"message", "The zone 'z' does not have enough"}}))
                .kind,
            Kind::kCapacity);
  EXPECT_EQ(OperationErrorOf(failed({{"code", "INTERNAL_ERROR"}})).kind,
            Kind::kLateFailure);
  EXPECT_EQ(OperationErrorOf(
                failed({{"code", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"}}))
                .kind,
            Kind::kDependency);
  EXPECT_FALSE(OperationFailed({{"status", "DONE"}}));
  EXPECT_FALSE(OperationFailed(json::array()));
  EXPECT_FALSE(OperationErrorOf(json()).message.empty());
}

TEST(GcpErrorTest, BearsAnyBody) {
  for (const char* body :
       {"", "[]", R"({"error":7})", R"({"error":{"errors":7,"details":"x"}})",
        R"({"error":{"errors":[7,{"reason":7}],"details":[[]]}})",
        R"({"error":{"message":{}}})"}) {
    EXPECT_FALSE(
        GcpErrorOf({.status = 400, .body = body}, true).message.empty())
        << body;
  }
}

TEST(GcpErrorTest, CallsThrottlingWithStatus403ByItsName) {
  EXPECT_EQ(ClassifyGcpAnswer({.status = 403,
                               .body = R"({"error":{"errors":[{"reason":)"
                                       R"("userRateLimitExceeded"}]}})"}),
            AnswerClass::kThrottled);
  EXPECT_EQ(ClassifyGcpAnswer({.status = 403, .body = "{}"}),
            AnswerClass::kFinal);
  EXPECT_EQ(ClassifyGcpAnswer({.status = 503}), AnswerClass::kServerError);
}

}  // namespace
}  // namespace constellation::cloud::gcp
