// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_TESTING_STATUS_MATCHERS_H_
#define CONSTELLATION_COMMON_TESTING_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::testing {

inline const absl::Status& ToStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& ToStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << ToStatus(arg).ToString();
  return ToStatus(arg).ok();
}

// StatusIs(code) or StatusIs(code, matcher of the message).
MATCHER_P2(StatusIs, code, message, "") {
  const absl::Status& status = ToStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message)(
             std::string(status.message().data(), status.message().size()));
}
inline auto StatusIs(absl::StatusCode code) {
  return StatusIs(code, ::testing::_);
}

MATCHER_P(IsOkAndHolds, value, "") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value, *arg, result_listener);
}

}  // namespace constellation::testing

// Fails the test at once unless `rexpr` is OK; assigns its value to `lhs`.
#define ASSERT_OK_AND_ASSIGN(lhs, rexpr) \
  CONSTELLATION_ASSERT_OK_AND_ASSIGN_(   \
      CONSTELLATION_TEST_CONCAT_(status_or_test_, __LINE__), lhs, rexpr)
#define CONSTELLATION_TEST_CONCAT_INNER_(a, b) a##b
#define CONSTELLATION_TEST_CONCAT_(a, b) CONSTELLATION_TEST_CONCAT_INNER_(a, b)
#define CONSTELLATION_ASSERT_OK_AND_ASSIGN_(result, lhs, rexpr) \
  auto result = (rexpr);                                        \
  ASSERT_THAT(result, ::constellation::testing::IsOk());        \
  lhs = *std::move(result)

#endif  // CONSTELLATION_COMMON_TESTING_STATUS_MATCHERS_H_
