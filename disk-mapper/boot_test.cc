// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "attestation/testing/fake_attester.h"
#include "attestation/tpm/cluster_pcr.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using cloud::NodeRole;
using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using testing::ClusterId;
using ::testing::Contains;
using testing::DiskKey;
using ::testing::ElementsAre;
using testing::FakeMetadata;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string& HostName() {
  static std::string name;
  return name;
}
absl::Status RememberHostName(const std::string& name) {
  HostName() = name;
  return absl::OkStatus();
}

class BootTest : public ::testing::Test {
 protected:
  void SetUp() override {
    identity_ = *crypto::CreateTlsIdentity();
    node_.metadata.peers = {
        FakeMetadata::Node("cp-0", NodeRole::kControlPlane, "10.42.0.11")};
  }
  BootParts Parts() {
    return {node_.paths, node_.metadata, node_.runner,  node_.mounter,
            node_.mark,  attester_,      node_.tickets, node_.status,
            clock_,      identity_,      "127.0.0.1:0", &RememberHostName};
  }
  absl::Status Boot() {
    return BootFromDisk(Parts(), node_.disk, "/dev/vdb", node_.metadata.self);
  }

  testing::FakeNode node_;
  attestation::testing::FakeAttester attester_;
  FakeClock clock_{absl::UnixEpoch()};
  crypto::TlsIdentity identity_;
};

TEST_F(BootTest, DoesNothingWithABlankDisk) {
  EXPECT_THAT(Boot(), IsOk());
  EXPECT_EQ(node_.device.writes(), 0);
  EXPECT_THAT(node_.tickets.asked(), IsEmpty());
  EXPECT_THAT(node_.status.reports(),
              Contains(HasSubstr("inspect-disk done the state disk is blank")));
}

TEST_F(BootTest, LeavesAForeignDiskAlone) {
  node_.device.Flip(0);
  EXPECT_THAT(Boot(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("foreign disk: /dev/vdb")));
  EXPECT_EQ(node_.device.writes(), 0);
  EXPECT_THAT(node_.tickets.asked(), IsEmpty());
}

TEST_F(BootTest, OpensOurDiskWithARejoinTicket) {
  ASSERT_THAT(node_.MakeOurs(), IsOk());
  node_.tickets.set_answer([](auto&, auto&) {
    RejoinTicket ticket;
    ticket.state_disk_key = DiskKey();
    ticket.owner = testing::Owner();
    ticket.peer = {attestation::ExpectedClusterPcr(ClusterId()),
                   "control-plane"};
    return ticket;
  });
  EXPECT_THAT(Boot(), IsOk());
  EXPECT_EQ(node_.mark.marked, ClusterId());
  EXPECT_THAT(node_.status.reports().back(), HasSubstr("unlock done"));
  EXPECT_THAT(node_.status.reports(),
              Contains(HasSubstr("unlock waiting state disk 6ba7b810")));
}

TEST_F(BootTest, FailsForADamagedDisk) {
  ASSERT_THAT(node_.MakeOurs(), IsOk());
  node_.mounter.mount_result = DataLoss("state disk damaged: mount");
  node_.tickets.set_answer([](auto&, auto&) {
    RejoinTicket ticket;
    ticket.state_disk_key = DiskKey();
    ticket.owner = testing::Owner();
    ticket.peer = {attestation::ExpectedClusterPcr(ClusterId()),
                   "control-plane"};
    return ticket;
  });
  EXPECT_THAT(Boot(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
}

TEST_F(BootTest, RefusesIfPcr15IsSetBeforeTheDiskIsOpen) {
  ASSERT_THAT(node_.MakeOurs(), IsOk());
  node_.mark.marked = ClusterId();
  EXPECT_THAT(Boot(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("PCR15")));
  EXPECT_THAT(node_.tickets.asked(), IsEmpty());
}

TEST_F(BootTest, WaitsForTheMetadataAndTakesItsName) {
  node_.metadata.failures = 3;
  ASSERT_OK_AND_ASSIGN(const auto self, IntroduceNode(Parts()));
  EXPECT_EQ(self.name, "worker-0");
  EXPECT_EQ(HostName(), "worker-0");
  EXPECT_EQ(clock_.Now(), absl::UnixEpoch() + absl::Seconds(6));
  EXPECT_THAT(node_.runner.commands, IsEmpty());  // no address to set
}

TEST_F(BootTest, SetsTheAddressOnTheClusterNetwork) {
  node_.metadata.self.cluster_mac = "52:54:00:c1:00:15";
  ASSERT_THAT(IntroduceNode(Parts()), IsOk());
  EXPECT_EQ(*ReadFile(node_.paths.ClusterNetwork()),
            "[Match]\nMACAddress=52:54:00:c1:00:15\n\n[Network]\n"
            "Address=10.42.0.21/24\nLinkLocalAddressing=no\n"
            "IPv6AcceptRA=no\n\n[Route]\nDestination=0.0.0.0/0\nScope=link\n"
            "Metric=4096\nPreferredSource=10.42.0.21\n");
  EXPECT_THAT(node_.runner.commands,
              ElementsAre(ElementsAre("networkctl", "reload")));
}

TEST_F(BootTest, RefusesAddressesThatBreakTheSyntax) {
  for (const std::string mac :
       {"52:54:00:c1:00", "52-54-00-c1-00-15", "52:54:00:C1:00:15",
        "52:54:00:c1:00:1\n", "52:54:00:c1:00:15 "}) {
    node_.metadata.self.cluster_mac = mac;
    EXPECT_THAT(IntroduceNode(Parts()),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  node_.metadata.self.cluster_mac = "52:54:00:c1:00:15";
  node_.metadata.self.cluster_prefix_length = 33;
  EXPECT_THAT(IntroduceNode(Parts()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  node_.metadata.self.cluster_prefix_length = 24;
  node_.metadata.self.cluster_ip = "10.42.0.21\nGateway=1.2.3.4";
  EXPECT_THAT(IntroduceNode(Parts()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(node_.runner.commands, IsEmpty());
}

}  // namespace
}  // namespace constellation::disk_mapper
