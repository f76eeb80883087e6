// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

TEST(RenderConfigTest, RenderedDefaultsReadBack) {
  for (Config config : {DefaultQemuConfig(), DefaultMiniConfig()}) {
    config.image = "/a path/with: colon.raw";
    config.tags["k"] = "v: 1";
    for (const uint32_t index : {4U, 9U, 11U}) {
      config.measurements[index].expected = std::string(64, 'b');
    }
    ASSERT_OK_AND_ASSIGN(const Config again,
                         ParseConfig(RenderConfig(config), "conf"));
    EXPECT_EQ(again.image, config.image);
    EXPECT_EQ(again.name, config.name);
    EXPECT_EQ(again.tags, config.tags);
    EXPECT_EQ(again.measurements, config.measurements);
    EXPECT_EQ(again.qemu.memory_mib, config.qemu.memory_mib);
    EXPECT_EQ(again.node_groups.at("worker_default").state_disk_size_gb,
              config.node_groups.at("worker_default").state_disk_size_gb);
  }
}

}  // namespace
}  // namespace constellation::cli
