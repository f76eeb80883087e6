// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/grpc_status.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace constellation::attestation {
namespace {

TEST(GrpcStatusTest, EveryCodeSurvivesTheRoundTrip) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const grpc::Status wire = ToGrpcStatus(status);
    EXPECT_EQ(static_cast<int>(wire.error_code()), code);
    EXPECT_EQ(wire.error_message(), "why");
    EXPECT_EQ(FromGrpcStatus(wire), status);
  }
}

TEST(GrpcStatusTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(GrpcStatusTest, DetailsStayBehind) {
  EXPECT_TRUE(ToGrpcStatus(Internal("x")).error_details().empty());
}

}  // namespace
}  // namespace constellation::attestation
