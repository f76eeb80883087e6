// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/qemu_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/testing/status_matchers.h"

namespace constellation::cloud::qemu {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class QemuCommandTest : public ::testing::Test {
 protected:
  QemuCommandTest() {
    spec_.name = "demo";
    spec_.image_path = "/images/a,b.raw";
    spec_.memory_mib = 3072;
    spec_.vcpus = 2;
    spec_.relay_program = "/opt/o'neil/constellation";
    node_.name = "cp-1";
    node_.index = 1;
    node_.machine_id = "d58b4473-4e4b-48fe-836d-7319e288d5fd";
    node_.forwards = {{6443, 20001}, {9000, 20002}};
  }
  std::vector<std::string> Command(
      Accelerator accelerator = Accelerator::kEmulation) {
    return QemuCommand(spec_, node_, paths_, accelerator);
  }
  // The word after `option`; `nth` counts from 0.
  std::string After(const std::string& option, int nth = 0) {
    const auto argv = Command();
    for (size_t i = 0; i + 1 < argv.size(); ++i) {
      if (argv[i] == option && nth-- == 0) {
        return argv[i + 1];
      }
    }
    return "";
  }

  ClusterSpec spec_;
  NodeSpec node_;
  ClusterPaths paths_{"/ws dir/c", "/run/x"};
};

TEST_F(QemuCommandTest, AvoidsInstructionsThatCrashEmulatedKernels) {
  EXPECT_THAT(Command(), Contains("max,cx16=off,la57=off"));
  EXPECT_THAT(Command(), Contains("tcg,thread=multi"));
  EXPECT_THAT(Command(Accelerator::kKvm),
              AllOf(Contains("kvm"), Contains("host"),
                    Not(Contains(HasSubstr("cx16")))));
}

TEST_F(QemuCommandTest, ImageIsReadOnlyStateDiskIsNot) {
  const auto argv = Command();
  EXPECT_THAT(argv, Contains(AllOf(HasSubstr("node-name=image,read-only=on"),
                                   HasSubstr("/images/a,,b.raw"))));
  EXPECT_THAT(argv,
              Contains(AllOf(HasSubstr("node-name=state,read-only=off"),
                             HasSubstr("/ws dir/c/nodes/cp-1/state.raw"))));
  EXPECT_EQ(After("-device", 0),
            "virtio-blk-pci,drive=image,serial=image,bootindex=1");
  EXPECT_EQ(After("-device", 1), "virtio-blk-pci,drive=state,serial=state");
}

TEST_F(QemuCommandTest, NodesMayHaveAnImageOfTheirOwn) {
  node_.image_path = "/images/other.raw";
  EXPECT_THAT(Command(),
              Contains(HasSubstr("file.filename=/images/other.raw")));
  EXPECT_THAT(Command(), Not(Contains(HasSubstr("a,,b.raw"))));
}

TEST_F(QemuCommandTest, ForwardsFromLoopbackOnly) {
  EXPECT_THAT(After("-netdev"),
              AllOf(HasSubstr(",hostfwd=tcp:127.0.0.1:20001-:6443"),
                    HasSubstr(",hostfwd=tcp:127.0.0.1:20002-:9000")));
}

TEST_F(QemuCommandTest, GuestsAreShutInUnlessTold) {
  EXPECT_THAT(After("-netdev"), HasSubstr("restrict=on"));
  spec_.outbound_network = true;
  EXPECT_THAT(After("-netdev"), HasSubstr("restrict=off"));
}

TEST_F(QemuCommandTest, QuotesTheRelayForTheShellParser) {
  EXPECT_THAT(After("-netdev"),
              HasSubstr("guestfwd=tcp:10.0.2.100:80-cmd:"
                        "'/opt/o'\\''neil/constellation' qemu-relay "
                        "'/run/x/n1.meta'"));
}

TEST_F(QemuCommandTest, AddressesFollowTheIndex) {
  EXPECT_THAT(Command(), Contains(HasSubstr("mac=52:54:00:c0:00:01")));
  EXPECT_THAT(Command(), Contains(HasSubstr("mac=52:54:00:c1:00:01")));
  EXPECT_EQ(After("-netdev", 1), "vde,id=peers,sock=/run/x/vde");
}

TEST_F(QemuCommandTest, GuestRebootsStayInTheSameProcess) {
  EXPECT_THAT(Command(), Not(Contains("-no-reboot")));
  EXPECT_THAT(Command(), Contains("tpm-crb,tpmdev=tpm0"));
  EXPECT_EQ(After("-chardev", 0), "socket,id=tpm,path=/run/x/n1.tpm");
}

TEST_F(QemuCommandTest, TpmForEnrolmentIsStartedUp) {
  const NodePaths node_paths(paths_, node_);
  const auto argv = EnrollmentSwtpmCommand(node_paths);
  EXPECT_THAT(argv, Contains("startup-clear"));
  EXPECT_THAT(argv, Contains("type=unixio,path=/run/x/n1.tss"));
  EXPECT_THAT(argv, Contains("type=unixio,path=/run/x/n1.tss.ctrl"));
  EXPECT_THAT(argv, Not(Contains("--terminate")));
  EXPECT_THAT(SwtpmCommand(node_paths), Contains("--terminate"));
}

TEST(Quoting, KeepsWordsWhole) {
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("a'b"), "'a'\\''b'");
  EXPECT_EQ(EscapeCommas("a,b,,c"), "a,,b,,,,c");
}

}  // namespace
}  // namespace constellation::cloud::qemu
