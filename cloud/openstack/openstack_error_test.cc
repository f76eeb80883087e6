// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "cloud/engine/cloud_error.h"

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
