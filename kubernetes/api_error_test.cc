// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api_error.h"

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

TEST(ApiErrorTest, SuccessIsOk) {
  EXPECT_THAT(StatusOfAnswer(200, "", "GET /x"), IsOk());
  EXPECT_THAT(StatusOfAnswer(201, "{}", "POST /x"), IsOk());
}

TEST(ApiErrorTest, EveryStatusHasItsCode) {
  const std::pair<int, Code> cases[] = {
      {400, Code::kInvalidArgument},    {401, Code::kUnauthenticated},
      {403, Code::kPermissionDenied},   {404, Code::kNotFound},
      {405, Code::kInvalidArgument},    {409, Code::kAborted},
      {410, Code::kOutOfRange},         {413, Code::kInvalidArgument},
      {415, Code::kInvalidArgument},    {422, Code::kInvalidArgument},
      {429, Code::kResourceExhausted},  {500, Code::kUnavailable},
      {503, Code::kUnavailable},        {504, Code::kDeadlineExceeded},
      {302, Code::kFailedPrecondition}, {0, Code::kFailedPrecondition}};
  for (const auto& [http_status, code] : cases) {
    EXPECT_THAT(StatusOfAnswer(http_status, "", "GET /x"), StatusIs(code))
        << http_status;
  }
}

TEST(ApiErrorTest, ReasonDistinguishesExistingFromConflict) {
  EXPECT_THAT(
      StatusOfAnswer(
          409, R"({"kind":"Status","reason":"AlreadyExists","message":"m"})",
          "POST /x"),
      StatusIs(Code::kAlreadyExists,
               AllOf(HasSubstr("POST /x"), HasSubstr("409 AlreadyExists: m"))));
}

TEST(ApiErrorTest, QuotesNothingButStatusObjects) {
  EXPECT_THAT(StatusOfAnswer(500, "<html>secret</html>", "GET /x"),
              StatusIs(Code::kUnavailable, Not(HasSubstr("secret"))));
  EXPECT_THAT(
      StatusOfAnswer(500, R"({"kind":"Secret","message":"secret"})", "GET /x"),
      StatusIs(Code::kUnavailable, Not(HasSubstr("secret"))));
}

TEST(ApiErrorTest, CutsLongMessages) {
  const std::string body =
      R"({"kind":"Status","message":")" + std::string(100'000, 'm') + "\"}";
  EXPECT_LT(StatusOfAnswer(500, body, "GET /x").message().size(), 2000U);
}

}  // namespace
}  // namespace constellation::kubernetes
