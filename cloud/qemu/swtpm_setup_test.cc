// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/swtpm_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

// Stands for swtpm_setup.
class FakeSetup final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                    const CommandOptions& options) override {
    commands.push_back(argv);
    timeout = options.timeout;
    const auto state = std::ranges::find(argv, "--tpmstate");
    if (state != argv.end()) {
      EXPECT_THAT(WriteFileAtomically(*(state + 1) + "/tpm2-00.permall", "x"),
                  IsOk());
    }
    return result;
  }
  std::vector<std::vector<std::string>> commands;
  absl::Duration timeout;
  CommandResult result;
};

class SwtpmSetupTest : public ::testing::Test {
 protected:
  absl::Status Create() { return CreateTpm(setup_, ca_, state_); }

  constellation::testing::TempDir folder_;
  const std::string ca_ = folder_.Join("ca");
  const std::string state_ = folder_.Join("tpm");
  FakeSetup setup_;
};

TEST_F(SwtpmSetupTest, MakesATpmOfThisCluster) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_EQ(setup_.commands.size(), 1U);
  for (const char* flag : {"--tpm2", "--create-ek-cert", "--lock-nvram",
                           "--not-overwrite", "sha256"}) {
    EXPECT_THAT(setup_.commands[0], Contains(flag));
  }
  EXPECT_LT(setup_.timeout, absl::InfiniteDuration());
  EXPECT_TRUE(FileExists(state_ + "/tpm2-00.permall"));
  EXPECT_FALSE(FileExists(state_ + ".new"));
}

// Never the machine's CA: nothing must outlive the cluster.
TEST_F(SwtpmSetupTest, CaLiesInTheCluster) {
  ASSERT_THAT(Create(), IsOk());
  EXPECT_THAT(*ReadFile(ca_ + "/localca.conf"),
              HasSubstr("signingkey = " + ca_ + "/signkey.pem\n"));
  EXPECT_THAT(
      *ReadFile(ca_ + "/setup.conf"),
      HasSubstr("create_certs_tool_config = " + ca_ + "/localca.conf\n"));
  EXPECT_THAT(*ReadFile(ca_ + "/setup.conf"),
              HasSubstr("active_pcr_banks = sha256\n"));
  EXPECT_THAT(setup_.commands[0], Contains(ca_ + "/setup.conf"));
}

TEST_F(SwtpmSetupTest, TpmThatIsThereStays) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_THAT(Create(), IsOk());
  EXPECT_EQ(setup_.commands.size(), 1U);
}

TEST_F(SwtpmSetupTest, HalfATpmIsMadeAgain) {
  ASSERT_THAT(MakeDirectories(state_ + ".new"), IsOk());
  ASSERT_THAT(WriteFileAtomically(state_ + ".new/old", "x"), IsOk());
  ASSERT_THAT(Create(), IsOk());
  EXPECT_FALSE(FileExists(state_ + "/old"));
}

TEST_F(SwtpmSetupTest, FailureLeavesNoTpm) {
  setup_.result = {.exit_code = 1, .out = "", .err = "no entropy"};
  EXPECT_THAT(Create(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("create TPM: ")));
  EXPECT_THAT(Create(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no entropy")));
  EXPECT_FALSE(FileExists(state_));
  setup_.result = {};
  EXPECT_THAT(Create(), IsOk());
}

}  // namespace
}  // namespace constellation::cloud::qemu
