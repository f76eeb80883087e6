// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_TESTING_USER_ERRORS_H_
#define CONSTELLATION_CLOUD_ENGINE_TESTING_USER_ERRORS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::testing {

// An answer that a user may meet, as the cloud words it.
struct UserError {
  HttpResponse answer;
  CloudErrorKind kind;
  std::string subject;    // what the error is about, as NextStep() names it
  std::string next_step;  // a part of it
};

// Each is recognised and explained; together they are everything that users of
// any cloud meet, but for `absent`, which this cloud cannot say.
inline void ExpectUserErrors(
    const std::vector<UserError>& errors,
    const std::function<CloudError(const HttpResponse&)>& decode,
    const std::set<CloudErrorKind>& absent = {}) {
  std::set<CloudErrorKind> missing = {
      CloudErrorKind::kQuota,           CloudErrorKind::kCapacity,
      CloudErrorKind::kPermission,      CloudErrorKind::kUnsupportedRegion,
      CloudErrorKind::kUnsupportedType, CloudErrorKind::kNameTaken,
      CloudErrorKind::kExpiredToken,    CloudErrorKind::kThrottled,
      CloudErrorKind::kWrongProject};
  for (const UserError& error : errors) {
    const CloudError told = decode(error.answer);
    EXPECT_EQ(CloudErrorKindName(told.kind), CloudErrorKindName(error.kind))
        << error.answer.body;
    EXPECT_EQ(told.subject, error.subject) << error.answer.body;
    EXPECT_THAT(NextStep(told), ::testing::HasSubstr(error.next_step));
    missing.erase(error.kind);
  }
  EXPECT_EQ(missing, absent);
}

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_ENGINE_TESTING_USER_ERRORS_H_
