// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/config/config.h"
#include "cli/testing/command_runner.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

class ConfigGenerateTest : public testing::CommandTest {
 protected:
  std::string ConfigPath() const {
    return workspace_.Join("constellation-conf.yaml");
  }
  absl::StatusOr<Config> Parsed() const {
    return ParseConfig(*ReadFile(ConfigPath()), "f", {.draft = true});
  }
};

TEST_F(ConfigGenerateTest, WritesWhatOtherCommandsAccept) {
  ASSERT_EQ(Run({"config", "generate", "qemu"}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(out_, HasSubstr("Wrote " + ConfigPath() + ".\n"));
  EXPECT_THAT(out_, HasSubstr("constellation apply"));
  EXPECT_THAT(ParseConfig(*ReadFile(ConfigPath()), "f"), IsOk());
}

TEST_F(ConfigGenerateTest, TakesOptionsOver) {
  ASSERT_EQ(Run({"config", "generate", "qemu", "--image", "/i.raw", "-k",
                 "v1.20.2", "-t", "team=blue", "-t", "url=a=b"}),
            ExitCode::kSuccess)
      << err_;
  ASSERT_OK_AND_ASSIGN(const Config config, Parsed());
  EXPECT_EQ(config.image, "/i.raw");
  EXPECT_EQ(config.kubernetes_version, "v1.20.2");
  EXPECT_EQ(config.tags.at("team"), "blue");
  EXPECT_EQ(config.tags.at("url"), "a=b");
}

TEST_F(ConfigGenerateTest, WritesForEveryProvider) {
  for (const char* provider : {"aws", "azure", "gcp", "openstack", "stackit"}) {
    ASSERT_EQ(Run({"config", "generate", provider}), ExitCode::kSuccess)
        << provider << err_;
    ASSERT_OK_AND_ASSIGN(const Config config, Parsed());
    EXPECT_TRUE(config.IsCloud()) << provider;
    EXPECT_THAT(out_, HasSubstr("fill in what is empty"));
    ASSERT_EQ(remove(ConfigPath().c_str()), 0);
  }
}

TEST_F(ConfigGenerateTest, KeepsFileThatIsThere) {
  Write("constellation-conf.yaml", "mine");
  EXPECT_EQ(Run({"config", "generate", "qemu"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("exists already; edit it, or remove it first"));
  EXPECT_EQ(*ReadFile(ConfigPath()), "mine");
}

TEST_F(ConfigGenerateTest, RefusesTagWithoutKey) {
  for (const char* tag : {"team", "=blue"}) {
    EXPECT_EQ(Run({"config", "generate", "qemu", "--tags", tag}),
              ExitCode::kUsage);
    EXPECT_THAT(err_, HasSubstr("--tags: want key=value, got"));
    EXPECT_FALSE(FileExists(ConfigPath()));
  }
}

TEST_F(ConfigGenerateTest, RefusesVariantOfAnotherProvider) {
  EXPECT_EQ(Run({"config", "generate", "azure", "-a", "gcp-tdx"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("--attestation: want one of "));
  EXPECT_THAT(err_, HasSubstr("azure-tdx"));
  EXPECT_FALSE(FileExists(ConfigPath()));
}

// A bad value must not end up in a file that no command accepts.
TEST_F(ConfigGenerateTest, RefusesVersionThatNoCommandWouldAccept) {
  EXPECT_EQ(Run({"config", "generate", "qemu", "-k", "newest"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("kubernetesVersion"));
  EXPECT_FALSE(FileExists(ConfigPath()));
}

TEST_F(ConfigGenerateTest, RefusesUnknownProvider) {
  EXPECT_EQ(Run({"config", "generate", "abacus"}), ExitCode::kUsage);
}

}  // namespace
}  // namespace constellation::cli
