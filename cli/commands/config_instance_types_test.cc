// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ConfigInstanceTypesTest : public testing::CommandTest {};

TEST_F(ConfigInstanceTypesTest, InstanceTypesAsTable) {
  ASSERT_EQ(Run({"config", "instance-types"}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(out_,
              AllOf(HasSubstr("m6a.xlarge"), HasSubstr("Standard_DC4es_v5"),
                    HasSubstr("n2d-standard-4"), HasSubstr("m1a.4cd")));
}

TEST_F(ConfigInstanceTypesTest, InstanceTypesOfOneVariantAsJson) {
  for (const char* word : {"gcp-tdx", "gcpTDX"}) {
    ASSERT_EQ(Run({"config", "instance-types", "-a", word, "-o", "json"}),
              ExitCode::kSuccess)
        << err_;
    const auto json = nlohmann::json::parse(out_);
    ASSERT_EQ(json.size(), 1U);
    EXPECT_EQ(json[0]["attestationVariant"], "gcp-tdx");
    EXPECT_EQ(json[0]["instanceTypes"][0], "c3-standard-4");
  }
}

TEST_F(ConfigInstanceTypesTest, InstanceTypesOfUnknownVariant) {
  EXPECT_EQ(Run({"config", "instance-types", "-a", "gcp-sev-snpp"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("did you mean gcp-sev-snp?"));
}

}  // namespace
}  // namespace constellation::cli
