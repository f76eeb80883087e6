// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ConfigTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const Config config,
                       ParseConfig(testing::kGoodConfig, "conf"));
  EXPECT_EQ(config.image, "/images/node.raw");
  EXPECT_EQ(config.kubernetes_version, "v1.20.2");
  EXPECT_EQ(config.qemu.vcpus, 2);
  EXPECT_EQ(config.qemu.memory_mib, 3072);
  EXPECT_EQ(config.tags.at("team"), "blue");
  EXPECT_EQ(config.node_groups.at("worker_default").role, "worker");
  EXPECT_THAT(config.measurements, IsEmpty());
  EXPECT_THAT(ConfigWarnings(config), IsEmpty());
}

constexpr testing::BadConfig kBad[] = {
    {"NoVersion", "qemu", "version: v4\n", "", "version is missing"},
    {"OldVersion", "qemu", "version: v4", "version: v3",
     "line 1: version must be v4, not \"v3\""},
    {"VersionIsMap", "qemu", "version: v4", "version: {a: b}",
     "version must be text, not a map"},
    {"UnknownTop", "qemu", "serviceCIDR:", "serviceCidr:",
     "line 9: unknown key serviceCidr; did you mean serviceCIDR?"},
    {"NoName", "qemu", "name: constell\n", "", "name is missing"},
    {"NullName", "qemu", "name: constell\n", "name:\n", "name is missing"},
    {"LongName", "qemu", "name: constell",
     "name: aaaaaaaaaabbbbbbbbbbccccccccccdddddddd",
     "at most 37 characters long, not 38"},
    {"UpperName", "qemu", "name: constell", "name: Constell",
     "name must be lower-case"},
    {"ShortVersion", "qemu", "v1.20.2", "v1.20",
     "kubernetesVersion must be a full version"},
    {"HostBits", "qemu", "10.96.0.0/12", "10.97.0.0/12",
     "serviceCIDR must be an IPv4 network"},
    {"Overlap", "qemu", "10.244.0.0/16", "10.100.0.0/16", "overlaps"},
    {"ProviderText", "qemu", "tags: {team: blue}", "tags: blue",
     "tags must be a map"},
    {"TagList", "qemu", "tags: {team: blue}", "tags: {team: [blue]}",
     "tags.team must be text, not a list"},
    {"AwsLongName", "aws", "name: demo", "name: demonstration",
     "at most 10 characters long, not 13"},
    {"OwnTag", "aws", "team: blue", "constellation-uid: blue",
     "the program's own"}};

TEST(ConfigTest, RefusesEachSpoiltLineWithReason) {
  for (const testing::BadConfig& bad : kBad) {
    testing::ExpectRefused(bad);
  }
}

TEST(ConfigTest, ListsAllMistakesAtOnce) {
  std::string text = testing::Replaced(std::string(testing::kGoodConfig),
                                       "vcpus: 2", "vcpus: none");
  text.replace(text.find("role: worker"), 12, "rolle: worker");
  text.replace(text.find("name: constell"), 14, "name: A");
  const absl::Status status = ParseConfig(text, "conf.yaml").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("conf.yaml has 4 mistakes")));
  const std::string message(Message(status));
  EXPECT_LT(message.find("line 3: name"), message.find("line 15: "));
  EXPECT_LT(message.find("line 15: "), message.find("line 25: unknown key"));
}

TEST(ConfigTest, ListsAllMistakesOfACloudAtOnce) {
  std::string text = RenderConfig(testing::FilledConfig("aws", "aws-sev-snp"));
  text = testing::Replaced(text, "region: eu-west-1", "region: nowhere");
  text = testing::Replaced(text, "m6a.xlarge", "m6a.huge");
  text =
      testing::Replaced(text, "Sources: [203.0.113.7/32", "Sources: [anywhere");
  EXPECT_THAT(ParseConfig(text, "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("conf has 3 mistakes")));
}

TEST(ConfigTest, EmptyFileIsRefused) {
  EXPECT_THAT(ParseConfig("", "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("version is missing")));
  EXPECT_THAT(ParseConfig("- a\n", "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the file must be a map")));
}

TEST(ConfigTest, WarnsAboutEvenControlPlane) {
  Config config = DefaultQemuConfig();
  config.qemu.accelerator = "kvm";
  config.node_groups.at("control_plane_default").initial_count = 2;
  EXPECT_THAT(ConfigWarnings(config),
              ::testing::ElementsAre(HasSubstr("odd number")));
}

TEST(ConfigTest, WarnsOfSeveralControlPlanesInEmulation) {
  Config config = DefaultQemuConfig();
  NodeGroup& group = config.node_groups.at("control_plane_default");
  group.initial_count = 3;
  for (const char* accelerator : {"auto", "tcg"}) {
    config.qemu.accelerator = accelerator;
    EXPECT_THAT(ConfigWarnings(config),
                ::testing::ElementsAre(
                    AllOf(HasSubstr("3 control-plane nodes need KVM"),
                          HasSubstr("may stop answering"))));
  }
  config.qemu.accelerator = "kvm";
  EXPECT_THAT(ConfigWarnings(config), IsEmpty());
  config.qemu.accelerator = "tcg";
  group.initial_count = 2;
  EXPECT_THAT(ConfigWarnings(config),
              ::testing::ElementsAre(HasSubstr("odd number")));
  // Real machines of a cloud are fast enough.
  EXPECT_THAT(ConfigWarnings(testing::FilledConfig("gcp", "gcp-tdx")),
              IsEmpty());
}

TEST(ConfigTest, WarnsOfWholeInternetAndDebug) {
  Config config = testing::FilledConfig("gcp", "gcp-tdx");
  config.allowed_sources = {"0.0.0.0/0"};
  config.debug_cluster = true;
  EXPECT_THAT(ConfigWarnings(config),
              AllOf(Contains(HasSubstr("OPEN TO THE WHOLE INTERNET")),
                    Contains(HasSubstr("DON'T USE IN PRODUCTION"))));
}

}  // namespace
}  // namespace constellation::cli
