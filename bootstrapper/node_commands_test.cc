// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrapper/testing/fake_command_runner.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NodeCommandsTest : public ::testing::Test {
 protected:
  testing::FakeCommandRunner runner_;
  NodeCommands commands_{runner_};
};

TEST_F(NodeCommandsTest, ReadsKubernetesVersion) {
  runner_.OnOutput("kubeadm version -o short", "v1.20.2\n");
  EXPECT_THAT(commands_.KubernetesVersion(), IsOkAndHolds("v1.20.2"));
  runner_.OnOutput("kubeadm version -o short", "garbage\n");
  EXPECT_THAT(commands_.KubernetesVersion(),
              StatusIs(absl::StatusCode::kInternal));
}

TEST_F(NodeCommandsTest, TheDiskKeyGoesToStandardInput) {
  const SecretBytes key = testing::Filled(0x41);
  ASSERT_THAT(commands_.FormatStateDisk("uuid", key), IsOk());
  EXPECT_EQ(runner_.InputOf("disk-mapper format"), std::string(32, 'A'));
  EXPECT_EQ(runner_.lines().front(), "disk-mapper format --uuid uuid");
}

TEST_F(NodeCommandsTest, KubeadmsFailureIsBounded) {
  runner_.FailOn("kubeadm", std::string(100'000, 'x') + "\nthe reason\n");
  runner_.OnOutput("journalctl", std::string(100'000, 'y') + "\nthe log\n");
  const absl::Status status = commands_.Kubeadm({"init"}, {}, absl::Minutes(1));
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInternal,
                       AllOf(HasSubstr("the reason"), HasSubstr("the log"))));
  EXPECT_LT(Message(status).size(), 4000U);
}

TEST_F(NodeCommandsTest, ATimeOutShowsKubeletsLog) {
  runner_.On("kubeadm", [] { return DeadlineExceeded("kubeadm: too slow"); });
  runner_.OnOutput("journalctl", "the log\n");
  EXPECT_THAT(
      commands_.Kubeadm({"init"}, {}, absl::Minutes(1)),
      StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("the log")));
}

TEST(TailTest, KeepsWholeLinesAndPrintableText) {
  EXPECT_EQ(Tail("one\ntwo\n", 100), "one\ntwo");
  EXPECT_EQ(Tail("one\ntwo\nthree\n", 9), "three");
  EXPECT_EQ(Tail("a\x1b[31mred\x07\n", 100), "a [31mred");
  EXPECT_THAT(Tail(std::string(50, 'x'), 10), std::string(10, 'x'));
  EXPECT_EQ(Tail("", 10), "");
}

}  // namespace
}  // namespace constellation::bootstrapper
