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
using ::testing::HasSubstr;
using ::testing::Not;

TEST(UpdateConfigTest, ChangesOnlyTheNamedLines) {
  const std::string text =
      "# top\nname: demo\nprovider:\n  aws:\n    # by iam\n"
      "    zone: \"\"  # keep me\n    region: 'x # y' # and me\n";
  ASSERT_OK_AND_ASSIGN(
      const std::string updated,
      UpdateConfigText(text, {{"provider.aws.zone", "eu-west-1a"},
                              {"provider.aws.region", "a: b"}}));
  EXPECT_EQ(updated,
            "# top\nname: demo\nprovider:\n  aws:\n    # by iam\n"
            "    zone: eu-west-1a # keep me\n    region: \"a: b\" # and me\n");
}

TEST(UpdateConfigTest, RefusesWhatItCannotChange) {
  EXPECT_THAT(
      UpdateConfigText("name: demo\n", {{"provider.aws.zone", "a"}}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("provider.aws.zone")));
  EXPECT_THAT(
      UpdateConfigText("provider: {aws: {zone: b}}\n",
                       {{"provider.aws.zone", "a"}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("by hand")));
  EXPECT_THAT(UpdateConfigText("name: [a]\n", {{"name", "a"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(UpdateConfigTest, ReplacesMeasurementsWhateverTheirForm) {
  Measurements first;
  Measurements second;
  for (const uint32_t pcr : {4U, 9U, 11U}) {
    first[pcr].expected = std::string(64, 'a');
    second[pcr].expected = std::string(64, 'b');
  }
  const std::string text =
      RenderConfig(testing::FilledConfig("gcp", "gcp-sev-snp"));
  // From `{}` to a block, from a block to another one.
  ASSERT_OK_AND_ASSIGN(const std::string once, UpdateMeasurements(text, first));
  ASSERT_OK_AND_ASSIGN(const std::string twice,
                       UpdateMeasurements(once, second));
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(twice, "c"));
  EXPECT_EQ(config.measurements, second);
  EXPECT_EQ(config.attestation_layers,
            ParseConfig(text, "c")->attestation_layers);
  ASSERT_OK_AND_ASSIGN(const std::string back,
                       UpdateMeasurements(twice, first));
  EXPECT_EQ(back, once);
  EXPECT_THAT(UpdateMeasurements("name: a\n", first),
              StatusIs(absl::StatusCode::kNotFound));
}

// What every line of a generated file leads to.
TEST(UpdateConfigTest, FillsGeneratedFile) {
  const std::string text =
      RenderConfig(DefaultCloudConfig("aws", "aws-sev-snp"));
  ASSERT_OK_AND_ASSIGN(
      const std::string updated,
      UpdateConfigText(
          text, {{"image", "ami-0123456789abcdef0"},
                 {"kubernetesVersion", "v1.31.13"},
                 {"name", "demo"},
                 {"provider.aws.region", "eu-west-1"},
                 {"provider.aws.zone", "eu-west-1b"},
                 {"provider.aws.iamProfileControlPlane", "demo_cp"},
                 {"provider.aws.iamProfileWorkerNodes", "demo_worker"}}));
  EXPECT_THAT(ParseConfig(updated, "c"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("allowedSources")));
  EXPECT_THAT(ParseConfig(testing::Replaced(updated, "allowedSources: []",
                                            "allowedSources: [203.0.113.7/32]"),
                          "c"),
              IsOk());
  EXPECT_THAT(updated, Not(HasSubstr("zone: \"\"\n    iamProfile")));
}

}  // namespace
}  // namespace constellation::cli
