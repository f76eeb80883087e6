// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(CloudDefaultsTest, GeneratedFileListsAllThatIsMissing) {
  for (const CloudVariant& variant : testing::Clouds()) {
    SCOPED_TRACE(variant.variant);
    const std::string text =
        RenderConfig(DefaultCloudConfig(variant.provider, variant.variant));
    EXPECT_THAT(ParseConfig(text, "conf"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("image is missing"),
                               HasSubstr("allowedSources must list"),
                               HasSubstr("kubernetesVersion is missing"))));
    EXPECT_THAT(ParseConfig(text, "conf", {.draft = true}), IsOk());
  }
}

TEST(CloudDefaultsTest, StackitHasPresets) {
  const std::string text =
      RenderConfig(testing::FilledConfig("stackit", "openstack-sev-snp"));
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(text, "conf"));
  EXPECT_EQ(config.provider, "openstack");
  EXPECT_EQ(std::get<cloud::OpenStackSettings>(config.cloud).cloud, "stackit");
  EXPECT_THAT(
      ParseConfig(testing::Replaced(text, "m1a.4cd", "m1a.4dc"), "conf"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("did you mean m1a.4cd?")));
}

}  // namespace
}  // namespace constellation::cli
