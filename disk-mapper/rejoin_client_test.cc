// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/rejoin_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/tpm/cluster_pcr.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using cloud::NodeRole;
using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using testing::ClusterId;
using testing::DiskKey;
using ::testing::ElementsAre;
using testing::FakeMetadata;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

RejoinTicket GoodTicket(uint8_t key = 1) {
  RejoinTicket ticket;
  ticket.state_disk_key = DiskKey(key);
  ticket.owner = testing::Owner();
  ticket.peer.role = "control-plane";
  ticket.peer.cluster_pcr = attestation::ExpectedClusterPcr(ClusterId());
  return ticket;
}

class RejoinClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(node_.MakeOurs(), IsOk());
    node_.metadata.peers = {
        FakeMetadata::Node("cp-0", NodeRole::kControlPlane, "10.42.0.11"),
        FakeMetadata::Node("worker-0", NodeRole::kWorker, "10.42.0.21"),
        FakeMetadata::Node("cp-1", NodeRole::kControlPlane, "10.42.0.12"),
    };
  }
  absl::Status AskWith(testing::FakeTickets::Answer answer) {
    node_.tickets.set_answer(std::move(answer));
    return client_.AskAll();
  }

  testing::FakeNode node_;
  DiskUnlocker unlocker_{
      {node_.paths, node_.disk, node_.mounter, node_.mark, node_.status},
      std::string(testing::kDiskUuid)};
  RejoinClient client_{node_.metadata, node_.tickets, unlocker_, "worker-0"};
};

TEST_F(RejoinClientTest, OpensWithATicket) {
  EXPECT_THAT(AskWith([](auto&, const std::string& uuid) {
                EXPECT_EQ(uuid, testing::kDiskUuid);
                return GoodTicket();
              }),
              IsOk());
  EXPECT_TRUE(unlocker_.IsDecided());
  EXPECT_THAT(node_.tickets.asked(), ElementsAre("10.42.0.11:30090"));
}

TEST_F(RejoinClientTest, AsksTheNextControlPlaneNode) {
  EXPECT_THAT(AskWith([](const std::string& address,
                         auto&) -> absl::StatusOr<RejoinTicket> {
                if (address == "10.42.0.11:30090") {
                  return Unavailable("off");
                }
                return GoodTicket();
              }),
              IsOk());
  EXPECT_THAT(node_.tickets.asked(),
              ElementsAre("10.42.0.11:30090", "10.42.0.12:30090"));
}

TEST_F(RejoinClientTest, DoesNotAskItself) {
  RejoinClient client(node_.metadata, node_.tickets, unlocker_, "cp-0");
  client.AskAll().IgnoreError();
  EXPECT_THAT(node_.tickets.asked(), ElementsAre("10.42.0.12:30090"));
}

TEST_F(RejoinClientTest, SaysThatThereIsNobodyToAsk) {
  node_.metadata.peers.clear();
  EXPECT_THAT(client_.AskAll(), StatusIs(absl::StatusCode::kUnavailable,
                                         HasSubstr("no other control-plane")));
}

TEST_F(RejoinClientTest, PassesOnWhyItWasRefused) {
  EXPECT_THAT(AskWith([](auto&, auto&) -> absl::StatusOr<RejoinTicket> {
                return PermissionDenied("PCR4: expected aa, got bb");
              }),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("10.42.0.12:30090: PCR4: expected aa")));
  EXPECT_FALSE(unlocker_.IsDecided());
}

TEST_F(RejoinClientTest, RefusesATicketFromAWorker) {
  EXPECT_THAT(AskWith([](auto&, auto&) {
                RejoinTicket ticket = GoodTicket();
                ticket.peer.role = "worker";
                return ticket;
              }),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("control-plane")));
  EXPECT_THAT(node_.mapper.devices, IsEmpty());
}

TEST_F(RejoinClientTest, RefusesAGiverOfAnotherCluster) {
  EXPECT_THAT(AskWith([](auto&, auto&) {
                RejoinTicket ticket = GoodTicket();
                ticket.peer.cluster_pcr =
                    attestation::ExpectedClusterPcr(ClusterId(0xC2));
                return ticket;
              }),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("PCR15: expected")));
  EXPECT_THAT(node_.mapper.devices, IsEmpty());
}

TEST_F(RejoinClientTest, RefusesAGiverWithoutCluster) {
  EXPECT_THAT(AskWith([](auto&, auto&) {
                RejoinTicket ticket = GoodTicket();
                ticket.peer.cluster_pcr = {};
                return ticket;
              }),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(RejoinClientTest, TriesTheOthersAfterAWrongKey) {
  int asked = 0;
  EXPECT_THAT(AskWith([&asked](auto&, auto&) {
                return GoodTicket(++asked == 1 ? 2 : 1);
              }),
              IsOk());
  EXPECT_EQ(asked, 2);
}

TEST_F(RejoinClientTest, StopsAtADamagedDisk) {
  node_.mounter.mount_result = DataLoss("state disk damaged");
  EXPECT_THAT(AskWith([](auto&, auto&) { return GoodTicket(); }),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(node_.tickets.asked(), SizeIs(1));
  client_.Run([](const absl::Status&) { FAIL(); });  // returns at once
}

// A list of strangers cannot keep the real ones away: each gets its turn.
TEST_F(RejoinClientTest, AsksEachOfALongListInTurn) {
  node_.metadata.peers.clear();
  for (int i = 0; i < 40; ++i) {
    node_.metadata.peers.push_back(
        FakeMetadata::Node("cp-" + std::to_string(i), NodeRole::kControlPlane,
                           "10.42.1." + std::to_string(i)));
  }
  for (int round = 0; round < 3; ++round) {
    client_.AskAll().IgnoreError();
    EXPECT_THAT(node_.tickets.asked(), SizeIs((static_cast<size_t>(round) + 1) *
                                              RejoinClient::kMaxPeers));
  }
  const auto asked = node_.tickets.asked();
  EXPECT_THAT(std::set<std::string>(asked.begin(), asked.end()), SizeIs(40));
}

}  // namespace
}  // namespace constellation::disk_mapper
