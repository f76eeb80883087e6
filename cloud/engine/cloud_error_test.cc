// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/cloud_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/http/http_transport.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CloudErrorTest, SurvivesAnnotation) {
  const absl::Status status =
      Annotate(MakeCloudError({.kind = CloudErrorKind::kQuota,
                               .code = "VcpuLimitExceeded",
                               .message = "you have \"32\" \xff vCPUs",
                               .subject = "L-1216C47A",
                               .request_id = "r-1"}),
               "worker");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("worker: you have")));
  const CloudError error = CloudErrorOf(status);
  EXPECT_EQ(error.kind, CloudErrorKind::kQuota);
  EXPECT_EQ(error.code, "VcpuLimitExceeded");
  EXPECT_EQ(error.subject, "L-1216C47A");
  EXPECT_EQ(error.request_id, "r-1");
  EXPECT_THAT(NextStep(error), HasSubstr("limit (L-1216C47A) is reached"));
}

TEST(CloudErrorTest, EveryKindHasANameACodeAndANextStep) {
  for (int i = 0; i <= static_cast<int>(CloudErrorKind::kUnknown); ++i) {
    const auto kind = static_cast<CloudErrorKind>(i);
    const absl::Status status = MakeCloudError({.kind = kind, .message = "m"});
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(CloudErrorKindOf(status), kind) << i;
    const std::string step = NextStep(CloudErrorOf(status));
    EXPECT_TRUE(step.ends_with('.')) << step;
    EXPECT_THAT(step, Not(HasSubstr("{}")));
    EXPECT_EQ(CloudErrorKindName(kind) == "unknown",
              kind == CloudErrorKind::kUnknown);
  }
}

TEST(CloudErrorTest, TransportFailuresSayWhetherSomethingMayHaveHappened) {
  const auto kind = [](TransportError error) {
    return CloudErrorKindOf(MakeTransportError(error, "x"));
  };
  EXPECT_EQ(kind(TransportError::kDns), CloudErrorKind::kUnavailable);
  EXPECT_EQ(kind(TransportError::kRefused), CloudErrorKind::kUnavailable);
  EXPECT_EQ(kind(TransportError::kTls), CloudErrorKind::kBadCredentials);
  EXPECT_EQ(kind(TransportError::kTimeout), CloudErrorKind::kUnclear);
  EXPECT_EQ(kind(TransportError::kLost), CloudErrorKind::kUnclear);
  EXPECT_EQ(kind(TransportError::kTooLarge), CloudErrorKind::kUnclear);
  EXPECT_EQ(kind(TransportError::kCancelled), CloudErrorKind::kUnclear);
}

TEST(CloudErrorTest, PlainStatusesGoByTheirCode) {
  EXPECT_EQ(CloudErrorKindOf(NotFound("x")), CloudErrorKind::kNotFound);
  EXPECT_EQ(CloudErrorKindOf(Unavailable("x")), CloudErrorKind::kUnclear);
  EXPECT_EQ(CloudErrorKindOf(absl::CancelledError("x")),
            CloudErrorKind::kCancelled);
  EXPECT_EQ(CloudErrorKindOf(Internal("x")), CloudErrorKind::kUnknown);
}

TEST(CloudErrorTest, CodesMatchInWholeByPrefixAndBySuffix) {
  constexpr ErrorCodeRow kRows[] = {
      {"VcpuLimitExceeded", CloudErrorKind::kQuota},
      {"Invalid*", CloudErrorKind::kInvalid},
      {"*.NotFound", CloudErrorKind::kNotFound},
  };
  EXPECT_EQ(ClassifyErrorCode(kRows, "VcpuLimitExceeded"),
            CloudErrorKind::kQuota);
  EXPECT_EQ(ClassifyErrorCode(kRows, "VcpuLimitExceeded2"),
            CloudErrorKind::kUnknown);
  EXPECT_EQ(ClassifyErrorCode(kRows, "InvalidVpcID.NotFound"),
            CloudErrorKind::kInvalid);  // the first row wins
  EXPECT_EQ(ClassifyErrorCode(kRows, "Nat.NotFound"),
            CloudErrorKind::kNotFound);
  EXPECT_EQ(ClassifyErrorCode(kRows, ""), CloudErrorKind::kUnknown);
}

}  // namespace
}  // namespace constellation::cloud
