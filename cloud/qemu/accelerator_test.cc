// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/accelerator.h"

#include <gtest/gtest.h>

#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

// QEMU as it would behave.
class FakeRunner final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                    const CommandOptions& options) override {
    ++runs;
    last_argv = argv;
    last_limit = options.timeout;
    return result;
  }

  absl::StatusOr<CommandResult> result;
  std::vector<std::string> last_argv;
  absl::Duration last_limit;
  int runs = 0;
};

class KvmProbeTest : public ::testing::Test {
 protected:
  KvmProbeTest() {
    options_.kvm_device = "/dev/null";  // can be opened
    options_.cache_file = dir_.Join("cache/kvm-probe.json");
    options_.qemu = "/bin/sh";  // something whose age can be read
  }
  AcceleratorChoice Probe() { return ProbeKvm(runner_, options_); }

  TempDir dir_;
  FakeRunner runner_;
  KvmProbeOptions options_;
};

TEST_F(KvmProbeTest, BelievesAGuestThatReportedBack) {
  runner_.result = CommandResult{85, "", ""};
  const AcceleratorChoice choice = Probe();
  EXPECT_EQ(choice.accelerator, Accelerator::kKvm);
  EXPECT_EQ(choice.TimeScale(), 1U);
  EXPECT_THAT(choice.Sentence(), HasSubstr("KVM"));
  EXPECT_EQ(runner_.last_limit, absl::Seconds(10));
  EXPECT_THAT(runner_.last_argv, ::testing::Contains("kvm"));
}

TEST_F(KvmProbeTest, ExplainsEveryFailure) {
  options_.cache_file = "";
  runner_.result = CommandResult{
      .exit_code = 134, .out = "", .err = "failed to set MSR 0x10a\nmore"};
  EXPECT_THAT(Probe().reason, HasSubstr("failed to set MSR 0x10a"));
  EXPECT_THAT(Probe().reason, Not(HasSubstr("more")));
  runner_.result = CommandResult{0, "", ""};
  EXPECT_THAT(Probe().reason, HasSubstr("exit code 0"));
  runner_.result = DeadlineExceeded("killed");
  EXPECT_THAT(Probe().reason, HasSubstr("did not run within 10s"));
  runner_.result = NotFound("no qemu");
  EXPECT_THAT(Probe().reason, HasSubstr("no qemu"));
  EXPECT_EQ(Probe().accelerator, Accelerator::kEmulation);
  EXPECT_EQ(Probe().TimeScale(), 10U);
  EXPECT_THAT(Probe().Sentence(), HasSubstr("emulation"));
}

TEST_F(KvmProbeTest, MissingDeviceNeedsNoGuest) {
  options_.kvm_device = dir_.Join("none");
  EXPECT_THAT(Probe().reason, HasSubstr("cannot open"));
  EXPECT_EQ(runner_.runs, 0);
}

TEST_F(KvmProbeTest, RemembersTheResultForThisBootAndProgram) {
  runner_.result = CommandResult{1, "", "broken"};
  Probe();
  runner_.result = CommandResult{85, "", ""};
  EXPECT_THAT(Probe().reason, HasSubstr("broken"));
  EXPECT_EQ(runner_.runs, 1);
  options_.qemu = "/bin/ls";
  EXPECT_EQ(Probe().accelerator, Accelerator::kKvm);
  EXPECT_EQ(runner_.runs, 2);
}

TEST_F(KvmProbeTest, IgnoresADamagedCache) {
  ASSERT_TRUE(MakeDirectories(dir_.Join("cache")).ok());
  ASSERT_TRUE(WriteFileAtomically(options_.cache_file, "{\"key\":1}").ok());
  runner_.result = CommandResult{85, "", ""};
  EXPECT_EQ(Probe().accelerator, Accelerator::kKvm);
}

TEST(ChooseAccelerator, TakesEmulationAtItsWord) {
  ASSERT_OK_AND_ASSIGN(const AcceleratorChoice choice,
                       ChooseAccelerator(Accelerator::kEmulation));
  EXPECT_EQ(choice.accelerator, Accelerator::kEmulation);
  EXPECT_THAT(choice.Sentence(), HasSubstr("as configured"));
}

}  // namespace
}  // namespace constellation::cloud::qemu
