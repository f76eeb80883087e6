// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::testing::IsEmpty;

TEST(RenderCloudTest, EveryVariantReadsBack) {
  for (const CloudVariant& variant : testing::Clouds()) {
    SCOPED_TRACE(variant.variant);
    const Config config =
        testing::FilledConfig(variant.provider, variant.variant);
    const std::string text = RenderConfig(config);
    ASSERT_OK_AND_ASSIGN(const Config again, ParseConfig(text, "conf"));
    EXPECT_EQ(again.provider, variant.provider);
    EXPECT_EQ(again.attestation_variant, variant.variant);
    EXPECT_EQ(again.allowed_sources, config.allowed_sources);
    EXPECT_EQ(again.cloud.index(), config.cloud.index());
    EXPECT_EQ(again.node_groups.at("control_plane_default").initial_count, 3);
    EXPECT_EQ(again.node_groups.at("worker_default").instance_type,
              config.node_groups.at("worker_default").instance_type);
    EXPECT_EQ(again.node_groups.at("worker_default").state_disk_size_gb, 30);
    ASSERT_OK_AND_ASSIGN(const Config third,
                         ParseConfig(RenderConfig(again), "conf"));
    EXPECT_EQ(third.attestation_layers, again.attestation_layers);
    EXPECT_EQ(RenderConfig(third), RenderConfig(again));
    EXPECT_THAT(ConfigWarnings(again), IsEmpty());
  }
}

}  // namespace
}  // namespace constellation::cli
