// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/wireguard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bootstrapper/testing/fake_command_runner.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string KeyOf(uint8_t octet) {
  return Base64Encode(Bytes(32, octet));
}

TEST(WireGuardKeyTest, Is32OctetsButNotZero) {
  EXPECT_TRUE(IsWireGuardKey(KeyOf(1)));
  EXPECT_FALSE(IsWireGuardKey(KeyOf(0)));  // what "none" looks like
  EXPECT_FALSE(IsWireGuardKey(Base64Encode(Bytes(31, 1))));
  EXPECT_FALSE(IsWireGuardKey(Base64Encode(Bytes(33, 1))));
  EXPECT_FALSE(IsWireGuardKey(""));
  EXPECT_FALSE(IsWireGuardKey(KeyOf(1) + "\n"));
  EXPECT_FALSE(IsWireGuardKey("no base64 at all, but forty-four characters"));
}

class WireGuardTest : public ::testing::Test {
 protected:
  testing::FakeCommandRunner runner_;
  WireGuard mesh_{runner_};
};

TEST_F(WireGuardTest, KeepsInterfaceAndKeyThatAreThere) {
  runner_.OnOutput("wg show wg0 public-key", KeyOf(1) + "\n");
  ASSERT_OK_AND_ASSIGN(const std::string key, mesh_.SetUp("10.42.0.11"));
  EXPECT_EQ(key, KeyOf(1));
  EXPECT_FALSE(runner_.Ran("ip link add"));
  EXPECT_FALSE(runner_.Ran("wg set"));
  EXPECT_TRUE(runner_.Ran("ip address replace 10.42.0.11/32 dev wg0"));
  EXPECT_TRUE(runner_.Ran("ip link set dev wg0 up"));
}

TEST_F(WireGuardTest, MakesInterfaceAndKey) {
  int asked = 0;
  runner_.On("wg show wg0 public-key", [&asked] {
    return ++asked == 1 ? CommandResult{1, "", "No such device"}
                        : CommandResult{0, KeyOf(2) + "\n", ""};
  });
  ASSERT_OK_AND_ASSIGN(const std::string key, mesh_.SetUp("10.42.0.11"));
  EXPECT_EQ(key, KeyOf(2));
  EXPECT_TRUE(runner_.Ran("ip link add dev wg0 mtu 1420 type wireguard"));
  EXPECT_TRUE(
      runner_.Ran("wg set wg0 listen-port 51820 private-key /dev/stdin"));
}

// The private key is given on standard input: command lines are public.
TEST_F(WireGuardTest, PrivateKeyIsFreshAndHidden) {
  std::string keys[2];
  for (std::string& key : keys) {
    testing::FakeCommandRunner runner;
    int asked = 0;
    runner.On("wg show wg0 public-key", [&asked] {
      return ++asked == 1 ? CommandResult{0, "(none)\n", ""}
                          : CommandResult{0, KeyOf(2) + "\n", ""};
    });
    ASSERT_THAT(WireGuard(runner).SetUp("10.42.0.11"), IsOk());
    EXPECT_FALSE(runner.Ran("ip link add"));  // only the key was missing
    key = runner.InputOf("wg set");
    EXPECT_TRUE(IsWireGuardKey(key));
    for (const std::string& line : runner.lines()) {
      EXPECT_THAT(line, Not(HasSubstr(key)));
    }
  }
  EXPECT_NE(keys[0], keys[1]);
}

TEST_F(WireGuardTest, WantsOnePublicKey) {
  runner_.OnOutput("wg show wg0 public-key", "nonsense\n");
  EXPECT_THAT(mesh_.SetUp("10.42.0.11"),
              StatusIs(absl::StatusCode::kInternal,
                       "wg: want one public key of the interface"));
  EXPECT_FALSE(runner_.Ran("ip address"));
}

TEST_F(WireGuardTest, FailureOfAStepIsTold) {
  runner_.OnOutput("wg show wg0 public-key", KeyOf(1));
  runner_.FailOn("ip address replace", "no memory");
  EXPECT_THAT(mesh_.SetUp("10.42.0.11"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no memory")));
}

TEST_F(WireGuardTest, AddsPeersWithTheirNetworksOnly) {
  runner_.OnOutput("ip rule show", "1000: x\n");
  ASSERT_THAT(mesh_.SetPeers({{KeyOf(1), {"10.42.0.12", "10.244.1.0/24"}}}),
              IsOk());
  EXPECT_THAT(runner_.lines(),
              Contains("wg set wg0 peer " + KeyOf(1) +
                       " endpoint 10.42.0.12:51820 allowed-ips "
                       "10.244.1.0/24,10.42.0.12/32"));
  EXPECT_THAT(runner_.lines(),
              Contains("ip route replace 10.244.1.0/24 dev wg0 scope link "
                       "table main"));
  EXPECT_THAT(runner_.lines(),
              Contains("ip route replace 10.42.0.12 dev wg0 scope link table "
                       "51820"));
}

// A node that left must not be able to send as anybody.
TEST_F(WireGuardTest, RemovesPeersAndRoutesThatAreNotWanted) {
  runner_.OnOutput("wg show wg0 peers", KeyOf(1) + "\n" + KeyOf(9) + "\n");
  runner_.OnOutput("ip -4 route show table main",
                   "10.244.1.0/24 proto static\n10.244.9.0/24\n");
  runner_.OnOutput("ip -4 route show table 51820", "10.42.0.19\n");
  runner_.OnOutput("ip rule show", "1000: x\n");
  ASSERT_THAT(mesh_.SetPeers({{KeyOf(1), {"10.42.0.12", "10.244.1.0/24"}}}),
              IsOk());
  EXPECT_TRUE(
      runner_.Ran("wg set wg0 peer " + KeyOf(9) + " remove peer " + KeyOf(1)));
  EXPECT_THAT(runner_.lines(),
              Contains("ip route del 10.244.9.0/24 dev wg0 table main"));
  EXPECT_THAT(runner_.lines(),
              Contains("ip route del 10.42.0.19 dev wg0 table 51820"));
  EXPECT_THAT(runner_.lines(),
              Not(Contains("ip route del 10.244.1.0/24 dev wg0 table main")));
}

TEST_F(WireGuardTest, NoPeersAndNoneThereIsQuiet) {
  runner_.OnOutput("ip rule show", "1000: x\n");
  ASSERT_THAT(mesh_.SetPeers({}), IsOk());
  EXPECT_FALSE(runner_.Ran("wg set"));
  EXPECT_FALSE(runner_.Ran("ip route replace"));
}

// To ip a table without routes does not exist.
TEST_F(WireGuardTest, EmptyTableIsNoError) {
  runner_.FailOn("ip -4 route show", "FIB table does not exist");
  runner_.OnOutput("ip rule show", "1000: x\n");
  EXPECT_THAT(mesh_.SetPeers({{KeyOf(1), {"10.42.0.12", "10.244.1.0/24"}}}),
              IsOk());
}

TEST_F(WireGuardTest, RuleForKubeletsIsAddedOnce) {
  ASSERT_THAT(mesh_.SetPeers({}), IsOk());
  EXPECT_TRUE(
      runner_.Ran("ip rule add priority 1000 ipproto tcp dport 10250 "
                  "lookup 51820"));
  testing::FakeCommandRunner later;
  later.OnOutput("ip rule show", "1000: from all dport 10250\n");
  ASSERT_THAT(WireGuard(later).SetPeers({}), IsOk());
  EXPECT_FALSE(later.Ran("ip rule add"));
}

TEST_F(WireGuardTest, FailedQuestionsChangeNothing) {
  runner_.FailOn("wg show wg0 peers", "gone");
  EXPECT_THAT(mesh_.SetPeers({{KeyOf(1), {"10.42.0.12", "10.244.1.0/24"}}}),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(runner_.lines(), ElementsAre(StartsWith("wg show")));
}

}  // namespace
}  // namespace constellation::bootstrapper
