// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/grpc_rejoin_source.h"

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/handshake.h"
#include "attestation/testing/fake_attester.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "proto/join.grpc.pb.h"

namespace constellation::disk_mapper {
namespace {

using attestation::testing::FakeAttester;
using attestation::testing::FakeVerifier;
using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr std::string_view kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

using ServerStream =
    grpc::ServerReaderWriter<v1::RejoinServerMessage, v1::RejoinClientMessage>;

// A JoinService whose dialogue after the attestation the test decides.
class TestJoinService final : public v1::JoinService::Service {
 public:
  using Dialogue = std::function<absl::Status(ServerStream&)>;

  TestJoinService() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0",
                             attestation::AttestedServerCredentials(identity_),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~TestJoinService() override {
    server_->Shutdown(absl::ToChronoTime(absl::Now() + absl::Seconds(1)));
  }

  grpc::Status IssueRejoinTicket(grpc::ServerContext* context,
                                 ServerStream* stream) override {
    absl::Status status = attestation::HandshakeAsServer(
        *context, identity_, *stream, context_name, &attester,
        FakeVerifier("node"));
    if (status.ok()) {
      status = dialogue(*stream);
    }
    return attestation::ToGrpcStatus(status);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::string context_name = "rejoin";
  FakeAttester attester{"service"};
  Dialogue dialogue;

 private:
  crypto::TlsIdentity identity_ = *crypto::CreateTlsIdentity();
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

absl::Status GiveTicket(ServerStream& stream) {
  v1::RejoinClientMessage ask;
  if (!stream.Read(&ask) || ask.request().disk_uuid() != kUuid) {
    return InvalidArgument("want a request for the disk");
  }
  v1::RejoinServerMessage answer;
  answer.mutable_ticket()->set_state_disk_key(std::string(32, 'k'));
  answer.mutable_ticket()->set_cluster_id(std::string(32, 'c'));
  answer.mutable_ticket()->set_node_name("worker-0");
  stream.Write(answer);
  return absl::OkStatus();
}

class GrpcRejoinSourceTest : public ::testing::Test {
 protected:
  absl::StatusOr<RejoinTicket> Request() {
    return source_.Request(service_.address(), std::string(kUuid));
  }

  FakeAttester attester_{"node"};
  GrpcRejoinSource source_{
      attester_,
      [](const attestation::Evidence& evidence,
         std::span<const uint8_t> user_data) -> absl::StatusOr<PeerProof> {
        RETURN_IF_ERROR(FakeVerifier("service")(evidence, user_data));
        return PeerProof{{1, 2, 3}, "control-plane"};
      },
      *crypto::CreateTlsIdentity(), absl::Seconds(20)};
  TestJoinService service_;
};

TEST_F(GrpcRejoinSourceTest, GetsATicketAfterMutualAttestation) {
  service_.dialogue = GiveTicket;
  ASSERT_OK_AND_ASSIGN(const RejoinTicket ticket, Request());
  EXPECT_EQ(AsText(ticket.state_disk_key.Expose()), std::string(32, 'k'));
  EXPECT_EQ(AsText(ticket.owner.cluster_id), std::string(32, 'c'));
  EXPECT_EQ(ticket.owner.node_name, "worker-0");
  EXPECT_EQ(ticket.peer.role, "control-plane");
  EXPECT_EQ(ticket.peer.cluster_pcr[2], 3);
}

TEST_F(GrpcRejoinSourceTest, RefusesAServiceThatCannotProveItself) {
  service_.dialogue = [](ServerStream&) -> absl::Status {
    ADD_FAILURE() << "the node went on";
    return absl::OkStatus();
  };
  service_.context_name = "join";  // evidence for another call
  EXPECT_THAT(Request(), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(GrpcRejoinSourceTest, PassesOnWhyItWasRefused) {
  service_.dialogue = [](ServerStream&) {
    return PermissionDenied("PCR4: expected aa, got bb");
  };
  EXPECT_THAT(Request(), StatusIs(absl::StatusCode::kPermissionDenied,
                                  HasSubstr("PCR4: expected aa")));
}

TEST_F(GrpcRejoinSourceTest, RefusesAnotherMessageInThePlaceOfTheTicket) {
  service_.dialogue = [](ServerStream& stream) {
    v1::RejoinClientMessage ask;
    stream.Read(&ask);
    stream.Write(v1::RejoinServerMessage());
    return absl::OkStatus();
  };
  EXPECT_THAT(Request(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(GrpcRejoinSourceTest, SaysThatNobodyIsThere) {
  EXPECT_THAT(source_.Request("127.0.0.1:1", std::string(kUuid)),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(GrpcRejoinSourceTest, StopEndsTheRequestUnderWay) {
  absl::Notification asked;
  service_.dialogue = [&asked](ServerStream& stream) {
    asked.Notify();
    v1::RejoinClientMessage ask;
    while (stream.Read(&ask)) {
    }
    absl::SleepFor(absl::Seconds(1));
    return absl::OkStatus();
  };
  std::thread stopper([&] {
    asked.WaitForNotification();
    source_.Stop();
  });
  EXPECT_FALSE(Request().ok());
  stopper.join();
  EXPECT_THAT(Request(), StatusIs(absl::StatusCode::kUnavailable,
                                  HasSubstr("not asked any more")));
}

}  // namespace
}  // namespace constellation::disk_mapper
