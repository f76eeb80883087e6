// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/explained_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::Status Expired() {
  return MakeCloudError({.kind = CloudErrorKind::kExpiredToken,
                         .code = "ExpiredToken",
                         .message = "too old"});
}

// Answers everything with one error, or with nothing in particular.
class OneErrorProvider final : public Provider {
 public:
  explicit OneErrorProvider(absl::Status error) : error_(std::move(error)) {}
  std::string_view Name() const override { return "one"; }
  absl::StatusOr<std::string> Scope() override { return Text("scope"); }
  absl::Status CheckOnline(const ClusterRequest& /*request*/) override {
    return error_;
  }
  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& /*request*/) override {
    return error_.ok()
               ? absl::StatusOr<std::vector<Resource>>(std::vector<Resource>(2))
               : error_;
  }
  const DriverRegistry& Drivers() override { return drivers_; }
  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& /*request*/,
      const std::map<std::string, Observed>& /*outputs*/) override {
    return error_.ok()
               ? absl::StatusOr<ClusterInfrastructure>(ClusterInfrastructure())
               : error_;
  }
  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& /*cluster*/) override {
    return error_.ok() ? absl::StatusOr<std::vector<ClusterInstance>>(
                             std::vector<ClusterInstance>(3))
                       : error_;
  }
  absl::Status ReplaceInstance(const ClusterIdentity& /*cluster*/,
                               std::string_view /*instance_id*/) override {
    return error_;
  }
  absl::StatusOr<std::string> ConsoleLog(const ClusterIdentity& /*cluster*/,
                                         std::string_view id) override {
    return Text(id);
  }
  absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload,
      const ProviderProgress& /*progress*/) override {
    return Text(upload.name);
  }

 private:
  absl::StatusOr<std::string> Text(std::string_view text) const {
    return error_.ok() ? absl::StatusOr<std::string>(std::string(text))
                       : error_;
  }

  const absl::Status error_;
  const DriverRegistry drivers_;
};

TEST(WithNextStepTest, AddsItOnce) {
  const absl::Status once = WithNextStep(Expired());
  EXPECT_THAT(once, StatusIs(absl::StatusCode::kUnauthenticated,
                             AllOf(StartsWith("too old (ExpiredToken)\n  "),
                                   HasSubstr("log in again"))));
  EXPECT_EQ(CloudErrorKindOf(once), CloudErrorKind::kExpiredToken);
  EXPECT_EQ(Message(WithNextStep(Annotate(once, "context"))),
            "context: " + std::string(Message(once)));
}

TEST(WithNextStepTest, LeavesOtherErrorsAlone) {
  EXPECT_THAT(WithNextStep(absl::OkStatus()), IsOk());
  EXPECT_EQ(Message(WithNextStep(InvalidArgument("region: want a region"))),
            "region: want a region");
}

TEST(ExplainedProviderTest, EveryCallIsExplained) {
  const auto provider =
      MakeExplainedProvider(std::make_unique<OneErrorProvider>(Expired()));
  EXPECT_EQ(provider->Name(), "one");
  for (const absl::Status& status :
       {provider->Scope().status(), provider->CheckOnline({}),
        provider->Desired({}).status(),
        provider->Infrastructure({}, {}).status(),
        provider->Instances({}).status(), provider->ReplaceInstance({}, "i"),
        provider->ConsoleLog({}, "i").status(),
        provider->UploadImage({}, {}).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated,
                                 HasSubstr("log in again")));
  }
}

TEST(ExplainedProviderTest, AnswersPassUnchanged) {
  const auto provider = MakeExplainedProvider(
      std::make_unique<OneErrorProvider>(absl::OkStatus()));
  EXPECT_EQ(*provider->Scope(), "scope");
  EXPECT_THAT(provider->CheckOnline({}), IsOk());
  EXPECT_EQ(provider->Desired({})->size(), 2U);
  EXPECT_THAT(provider->Infrastructure({}, {}), IsOk());
  EXPECT_EQ(provider->Instances({})->size(), 3U);
  EXPECT_THAT(provider->ReplaceInstance({}, "i"), IsOk());
  EXPECT_EQ(*provider->ConsoleLog({}, "i-1"), "i-1");
  EXPECT_EQ(*provider->UploadImage({.name = "n"}, {}), "n");
  EXPECT_EQ(&provider->Drivers(), &provider->Drivers());
}

}  // namespace
}  // namespace constellation::cloud
