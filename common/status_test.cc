// SPDX-License-Identifier: Apache-2.0
#include "common/status.h"

#include <cerrno>

#include "common/status_macros.h"
#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

TEST(StatusTest, AnnotateKeepsCodeAndPutsContextFirst) {
  EXPECT_THAT(Annotate(NotFound("gone"), "outer"),
              StatusIs(absl::StatusCode::kNotFound, "outer: gone"));
}

TEST(StatusTest, AnnotateKeepsPayloads) {
  absl::Status status = NotFound("gone");
  status.SetPayload("type", absl::Cord("x"));
  EXPECT_EQ(Annotate(status, "outer").GetPayload("type"), absl::Cord("x"));
}

TEST(StatusTest, AnnotateLeavesOkAlone) {
  EXPECT_THAT(Annotate(absl::OkStatus(), "outer"), IsOk());
}

TEST(StatusTest, ErrnoBecomesCode) {
  EXPECT_THAT(ErrnoStatus(ENOENT, "open", "/x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("open /x: ")));
  EXPECT_THAT(ErrnoStatus(EILSEQ, "read", "/x"),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ErrnoStatus(ECONNREFUSED, "connect", "x"),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(StatusTest, MacrosReturnTheError) {
  const auto half = [](int n) -> absl::StatusOr<int> {
    if (n % 2 != 0) {
      return InvalidArgument("odd");
    }
    return n / 2;
  };
  const auto quarter = [&half](int n) -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const int first, half(n));
    RETURN_IF_ERROR(half(first).status());
    return half(first);
  };
  EXPECT_THAT(quarter(8), constellation::testing::IsOkAndHolds(2));
  EXPECT_THAT(quarter(6), StatusIs(absl::StatusCode::kInvalidArgument, "odd"));
}

}  // namespace
}  // namespace constellation
