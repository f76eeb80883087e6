// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/testing/user_errors.h"

namespace constellation::cloud::openstack {
namespace {

using ::testing::HasSubstr;

struct ErrorCase {
  int status;
  const char* body;
  CloudErrorKind kind;
  const char* text;
};

TEST(DecodeErrorTest, UnderstandsEveryServicesShape) {
  using Kind = CloudErrorKind;
  for (
      const ErrorCase& each : std::initializer_list<ErrorCase>{
          {401,
           R"({"error":{"code":401,"title":"Unauthorized","message":"no"}})",
           Kind::kBadCredentials, "no"},
          {403,
           R"({"forbidden":{"code":403,"message":"Quota exceeded for cores"}})",
           Kind::kQuota, "Quota exceeded for cores"},
          {403, R"({"forbidden":{"message":"Policy doesn't allow it"}})",
           Kind::kPermission, "Policy"},
          {409,
           R"({"NeutronError":{"type":"OverQuota","message":"Quota exceeded"}})",
           Kind::kQuota, "Quota"},
          {409, R"({"NeutronError":{"type":"SubnetInUse","message":"in use"}})",
           Kind::kDependency, "in use"},
          {404,
           R"({"NeutronError":{"type":"PortNotFound","message":"not found"}})",
           Kind::kNotFound, "not found"},
          {409,
           R"({"NeutronError":{"type":"ExternalIpAddressExhausted","message":"x"}})",
           Kind::kCapacity, "x"},
          {409, R"({"faultstring":"Load Balancer x is immutable"})",
           Kind::kConflict, "immutable"},
          {409,
           R"({"conflictingRequest":{"message":"in task_state deleting"}})",
           Kind::kConflict, "task_state"},
          {413, R"({"overLimit":{"code":413,"message":"VolumeLimitExceeded"}})",
           Kind::kQuota, "VolumeLimitExceeded"},
          {400,
           R"({"badRequest":{"message":"Volume status must be available"}})",
           Kind::kConflict, "must be"},
          {400, R"({"badRequest":{"message":"bad flavor"}})", Kind::kInvalid,
           "bad flavor"},
          {501, R"({"faultstring":"Provider 'ovn' does not support it"})",
           Kind::kInvalid, "does not support"},
          {404, "<html><head></head><body>No  image\n</body></html>",
           Kind::kNotFound, "No image"},
          {503, "", Kind::kUnclear, "HTTP status 503"},
          {429, "", Kind::kThrottled, "429"},
          {500, R"({"computeFault":"text"})", Kind::kUnclear, "500"},
          {500, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", Kind::kUnclear,
           "["}}) {
    const CloudError error =
        DecodeError({.status = each.status,
                     .headers = {{"x-compute-request-id", "req-1"}},
                     .body = each.body});
    EXPECT_EQ(CloudErrorKindName(error.kind), CloudErrorKindName(each.kind))
        << each.body;
    EXPECT_THAT(error.message, HasSubstr(each.text));
    EXPECT_EQ(error.request_id, "req-1");
  }
  const HttpResponse limited{.status = 413, .headers = {{"retry-after", "5"}}};
  EXPECT_EQ(DecodeError(limited).kind, CloudErrorKind::kThrottled);
  EXPECT_EQ(ClassifyAnswer(limited), AnswerClass::kThrottled);
}

constexpr char kZoneNotAvailable[] =
    R"({"badRequest":{"message":"The requested availability zone is not )"
    R"(available"}})";
constexpr char kFlavorNotFound[] =
    R"({"badRequest":{"message":"Flavor m1 could not be found."}})";
constexpr char kOldPassword[] =
    R"({"error":{"code":401,"title":"Unauthorized","message":"The password )"
    R"(is expired and needs to be changed"}})";

// In the services' words. Names are taken nowhere: OpenStack goes by ids. A
// wrong project is not told from a wrong password (keystone's caution), and no
// region but the catalog's can be asked: see keystone.cc.
TEST(DecodeErrorTest, ExplainsWhatUsersMeet) {
  using Kind = CloudErrorKind;
  cloud::testing::ExpectUserErrors(
      {{{.status = 403,
         .body = R"({"forbidden":{"code":403,"message":"Quota exceeded for )"
                 R"(cores: Requested 4, but already used 20 of 20 cores"}})"},
        Kind::kQuota,
        "cores",
        "limit (cores) is reached: ask the cloud"},
       {{.status = 409,
         .body = R"({"NeutronError":{"type":"OverQuota","message":"Quota )"
                 R"(exceeded for resources: ['floatingip']."}})"},
        Kind::kQuota,
        "floatingip",
        "limit (floatingip) is reached"},
       {{.status = 413,
         .body = R"({"overLimit":{"message":"VolumeLimitExceeded: Maximum )"
                 R"(number of volumes allowed (10) exceeded for quota )"
                 R"('volumes'."}})"},
        Kind::kQuota,
        "volumes",
        "limit (volumes) is reached"},
       {{.status = 403,
         .body = R"({"faultcode":"Client","faultstring":"Quota has been met )"
                 R"(for resources: Load Balancer"})"},
        Kind::kQuota,
        "Load Balancer",
        "limit (Load Balancer) is reached"},
       {{.status = 404,
         .body = R"({"NeutronError":{"type":"AvailabilityZoneNotFound",)"
                 R"("message":"AvailabilityZone x could not be found."}})"},
        Kind::kUnsupportedRegion,
        "",
        "choose another region"},
       {{.status = 409,
         .body =
             R"({"NeutronError":{"type":"IpAddressGenerationFailure",)"
             R"("message":"No more IP addresses available on network n"}})"},
        Kind::kCapacity,
        "",
        "choose another zone or instance type"},
       {{.status = 403,
         .body = R"({"forbidden":{"message":"Policy doesn't allow )"
                 R"(os_compute_api:servers:create to be performed."}})"},
        Kind::kPermission,
        "os_compute_api:servers:create",
        "lacks a permission (os_compute_api:servers:create)"},
       {{.status = 403,
         .body = R"({"NeutronError":{"type":"PolicyNotAuthorized","message":)"
                 R"("(rule:create_network) is disallowed by policy"}})"},
        Kind::kPermission,
        "create_network",
        "lacks a permission (create_network)"},
       {{.status = 403,
         .body = R"({"error":{"message":"You are not authorized to perform )"
                 R"(the requested action: identity:list_projects."}})"},
        Kind::kPermission,
        "identity:list_projects",
        "lacks a permission (identity:list_projects)"},
       {{.status = 400, .body = kZoneNotAvailable},
        Kind::kUnsupportedRegion,
        "",
        "choose another region"},
       {{.status = 400, .body = kFlavorNotFound},
        Kind::kUnsupportedType,
        "",
        "`constellation config instance-types`"},
       {{.status = 401, .body = kOldPassword},
        Kind::kExpiredToken,
        "",
        "log in again"},
       {{.status = 429, .body = "slow"},
        Kind::kThrottled,
        "",
        "wait some minutes"}},
      DecodeError, {Kind::kNameTaken, Kind::kWrongProject});
}

TEST(DecodeErrorTest, HostilePagesAreQuotedBriefly) {
  const CloudError error =
      DecodeError({.status = 502,
                   .body = "<script>" + std::string(100'000, 'x') +
                           "</script> \x1b[2J\r\nno"});
  EXPECT_LE(error.message.size(), 300U);
  const CloudError text = DecodeError(
      {.status = 404, .body = "<h1>404</h1>\x1b[2J not\r\n\r\n here"});
  EXPECT_EQ(text.message, "404 [2J not here") << "no control characters";
}

TEST(ClassifyAnswerTest, TellsThrottlingFromAQuota) {
  EXPECT_NE(ClassifyAnswer({.status = 413}), AnswerClass::kThrottled);
  EXPECT_EQ(DecodeError({.status = 413}).kind, CloudErrorKind::kQuota);
  EXPECT_EQ(ClassifyAnswer({.status = 429}), AnswerClass::kThrottled);
}

}  // namespace
}  // namespace constellation::cloud::openstack
