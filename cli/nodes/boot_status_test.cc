// SPDX-License-Identifier: Apache-2.0
#include "cli/nodes/boot_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(BootStatusTest, ReadsHonestStatus) {
  const auto status = ParseBootStatus(
      R"({"component":"bootstrapper","phase":"kubeadm-init","state":"running",
          "elapsedMs":63000,"message":""})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->Describe(), "bootstrapper kubeadm-init (1m03s)");
  EXPECT_FALSE(status->IsFailed());
  EXPECT_FALSE(status->WaitsForKey());
}

TEST(BootStatusTest, KnowsWhoWaitsForKey) {
  EXPECT_TRUE(
      ParseBootStatus(R"({"component":"disk-mapper","state":"waiting"})")
          ->WaitsForKey());
  EXPECT_FALSE(
      ParseBootStatus(R"({"component":"bootstrapper","state":"waiting"})")
          ->WaitsForKey());
}

TEST(BootStatusTest, HostileTextIsNoStatusOrHarmless) {
  for (const char* bad : {"", "{", "[]", "7", "null", "\xFF"}) {
    EXPECT_FALSE(ParseBootStatus(bad)) << bad;
  }
  const auto status = ParseBootStatus(
      R"({"component":5,"phase":[],"elapsedMs":-3,"message":"\u001b[2J"})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->component, "");
  EXPECT_EQ(status->elapsed, absl::ZeroDuration());
  EXPECT_THAT(status->Describe(), Not(HasSubstr("\x1b")));
  EXPECT_TRUE(ParseBootStatus(R"({"elapsedMs":18446744073709551615})"));
  const auto lengthy =
      ParseBootStatus(R"({"message":")" + std::string(100000, 'x') + R"("})");
  EXPECT_LT(lengthy->Describe().size(), 4200U);
}

}  // namespace
}  // namespace constellation::cli
