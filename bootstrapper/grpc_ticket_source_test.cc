// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/grpc_ticket_source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "attestation/policy/policy.h"
#include "attestation/same_image.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/cluster_pcr.h"
#include "bootstrapper/testing/fake_metadata.h"
#include "bootstrapper/testing/ticket_fixtures.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "proto/join.grpc.pb.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

using ServerStream =
    grpc::ServerReaderWriter<v1::JoinServerMessage, v1::JoinClientMessage>;

crypto::Sha256Digest MeasuredAs(uint32_t index) {
  crypto::Sha256Digest digest{};
  if (index == 4 || index == 9 || index == 11) {
    digest.fill(static_cast<uint8_t>(index));
  }
  return digest;
}

void Boot(SoftwareTpm& tpm) {
  for (const uint32_t index : attestation::kRequiredPcrs) {
    tpm.SetPcr(index, MeasuredAs(index));
  }
}

// A JoinService that gives everybody `ticket` once its own proof is made.
class FakeJoinService final : public v1::JoinService::Service {
 public:
  grpc::Status IssueJoinTicket(grpc::ServerContext* context,
                               ServerStream* stream) override {
    return attestation::ToGrpcStatus(Serve(*context, *stream));
  }

  crypto::TlsIdentity identity = *crypto::CreateTlsIdentity();
  attestation::Attester* attester = nullptr;
  std::string channel_context = "join";
  absl::Status refusal;
  v1::JoinTicket ticket;
  v1::JoinRequest request;
  bool got_request = false;
  bool got_evidence = false;
  absl::Status verdict;  // on the node's evidence

 private:
  absl::Status Serve(grpc::ServerContext& context, ServerStream& stream) {
    RETURN_IF_ERROR(attestation::HandshakeAsServer(
        context, identity, stream, channel_context, attester,
        [this](const attestation::Evidence&, std::span<const uint8_t>) {
          got_evidence = true;
          return verdict;
        }));
    v1::JoinClientMessage message;
    got_request = stream.Read(&message) && message.has_request();
    request = message.request();
    RETURN_IF_ERROR(refusal);
    v1::JoinServerMessage answer;
    *answer.mutable_ticket() = ticket;
    stream.Write(answer);
    return absl::OkStatus();
  }
};

class GrpcTicketSourceTest : public ::testing::Test {
 protected:
  GrpcTicketSourceTest() {
    Boot(own_tpm_);
    Boot(peer_tpm_);
    peer_tpm_.SetPcr(15, attestation::ExpectedClusterPcr(Bytes(32, 6)));
    service_.attester = &peer_tpm_;
    service_.ticket.set_state_disk_key(std::string(32, 5));
    service_.ticket.set_cluster_id(std::string(32, 6));
    service_.ticket.set_role("worker");
    service_.ticket.set_kubelet_certificate("CERTIFICATE");
    service_.ticket.set_cluster_ca("CA");
    service_.ticket.set_kubelet_config("kind: KubeletConfiguration\n");
    service_.ticket.set_api_server_endpoint("10.42.0.11:6443");
    service_.ticket.set_kubernetes_version("v1.20.2");
    service_.ticket.set_time_scale(10);
    Enrol(peer_tpm_);
    int port = 0;
    grpc::ServerBuilder builder;
    builder
        .AddListeningPort(
            "127.0.0.1:0",
            attestation::AttestedServerCredentials(service_.identity), &port)
        .RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = fmt::format("127.0.0.1:{}", port);
  }
  ~GrpcTicketSourceTest() override { server_->Shutdown(); }

  void Enrol(const SoftwareTpm& tpm) {
    const std::vector<attestation::EnrolledNode> nodes = {
        {"control-plane-0", "control-plane", tpm.enrolled()}};
    metadata_.enrolled = attestation::EnrolledNodesToJson(nodes);
  }

  absl::StatusOr<IssuedTicket> Ask() {
    attestation::Evidence own;
    own.variant = "qemu-vtpm";
    for (const uint32_t index : attestation::kRequiredPcrs) {
      own.tpm.pcrs.push_back({index, MeasuredAs(index)});
    }
    const attestation::PeerVerifier verifier(
        own, [this] { return metadata_.EnrolledTpms(); }, Clock::System(),
        nullptr);
    GrpcTicketSource source(
        own_tpm_,
        [&verifier](const attestation::Evidence& evidence,
                    std::span<const uint8_t> user_data) {
          return verifier.Verify(evidence, user_data);
        },
        *crypto::CreateTlsIdentity(), absl::Seconds(30));
    return source.Request(address_, {"uuid", "worker-0", Bytes{1, 2, 3}});
  }

  // The service may learn who refused it: evidence is no secret.
  void ExpectNoRequestWasSent() {
    server_->Shutdown();
    EXPECT_FALSE(service_.got_request);
  }

  SoftwareTpm own_tpm_;
  SoftwareTpm peer_tpm_;
  testing::FakeMetadata metadata_;
  FakeJoinService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(GrpcTicketSourceTest, GetsATicketFromAGenuinePeer) {
  ASSERT_OK_AND_ASSIGN(const IssuedTicket issued, Ask());
  EXPECT_EQ(service_.request.disk_uuid(), "uuid");
  EXPECT_EQ(service_.request.node_name(), "worker-0");
  EXPECT_EQ(service_.request.kubelet_csr(), "\x01\x02\x03");
  EXPECT_TRUE(service_.got_evidence);
  EXPECT_EQ(issued.peer.role, "control-plane");
  EXPECT_THAT(ValidateTicket(issued, testing::WorkerNode()), IsOk());
}

TEST_F(GrpcTicketSourceTest, TheTicketsClusterMustBeThePeers) {
  service_.ticket.set_cluster_id(std::string(32, 7));
  ASSERT_OK_AND_ASSIGN(const IssuedTicket issued, Ask());
  EXPECT_THAT(
      ValidateTicket(issued, testing::WorkerNode()),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("PCR15")));
}

TEST_F(GrpcTicketSourceTest, RefusesAPeerThatCannotProveItself) {
  service_.attester = nullptr;
  EXPECT_THAT(Ask(), ::testing::Not(IsOk()));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, RefusesAnotherImage) {
  peer_tpm_.ExtendPcr(11, {1});
  EXPECT_THAT(
      Ask(), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("PCR11")));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, RefusesAChangedCommandLine) {
  peer_tpm_.ExtendPcr(12, {1});
  EXPECT_THAT(
      Ask(), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("PCR12")));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, RefusesAPeerOutsideOfAnyCluster) {
  peer_tpm_.SetPcr(15, {});
  EXPECT_THAT(
      Ask(), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("PCR15")));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, RefusesATpmThatIsNotEnrolled) {
  const SoftwareTpm stranger;
  Enrol(stranger);
  EXPECT_THAT(Ask(), StatusIs(absl::StatusCode::kPermissionDenied));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, RefusesWithoutAListOfEnrolledTpms) {
  metadata_.enrolled = Unavailable("metadata gone");
  EXPECT_THAT(Ask(), StatusIs(absl::StatusCode::kUnavailable));
  metadata_.enrolled = std::string("{}");
  EXPECT_THAT(Ask(), StatusIs(absl::StatusCode::kInvalidArgument));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, RefusesProofMadeForAnotherCall) {
  service_.channel_context = "rejoin";
  EXPECT_THAT(Ask(), StatusIs(absl::StatusCode::kPermissionDenied));
  ExpectNoRequestWasSent();
}

TEST_F(GrpcTicketSourceTest, PassesTheServicesReasonOn) {
  service_.refusal = PermissionDenied("PCR4: expected aa, got bb");
  EXPECT_THAT(Ask(), StatusIs(absl::StatusCode::kPermissionDenied,
                              HasSubstr("PCR4: expected aa, got bb")));
}

// The service ends the stream while this side goes on to its request.
TEST_F(GrpcTicketSourceTest, SurvivesARefusalOfItsEvidence) {
  for (const absl::Status& verdict :
       {Unavailable("no valid attestation policy has been read yet"),
        PermissionDenied("PCR9: expected aa, got bb")}) {
    service_.verdict = verdict;
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(Ask(), StatusIs(verdict.code(),
                                  HasSubstr(std::string(Message(verdict)))));
    }
  }
  EXPECT_FALSE(service_.got_request);
}

TEST_F(GrpcTicketSourceTest, AnAbsentServiceIsUnavailable) {
  server_->Shutdown();
  EXPECT_THAT(Ask(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(TakeTicketTest, LeavesNoSecretBehind) {
  v1::JoinTicket proto;
  proto.set_state_disk_key(std::string(32, 5));
  proto.set_bootstrap_token("abcdef.0123456789abcdef");
  v1::ControlPlaneFile& file = *proto.add_control_plane_files();
  file.set_name("ca.key");
  file.set_contents("private");
  const JoinTicket ticket = TakeTicket(proto);
  EXPECT_TRUE(ticket.state_disk_key.EqualsConstantTime(testing::Filled(5)));
  EXPECT_EQ(AsText(ticket.control_plane_files.at(0).contents.Expose()),
            "private");
  EXPECT_EQ(proto.state_disk_key(), std::string(32, '\0'));
  EXPECT_EQ(proto.bootstrap_token(), std::string(23, '\0'));
  EXPECT_EQ(proto.control_plane_files(0).contents(), std::string(7, '\0'));
}

}  // namespace
}  // namespace constellation::bootstrapper
