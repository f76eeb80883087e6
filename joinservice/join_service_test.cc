// SPDX-License-Identifier: Apache-2.0
// The service over loopback gRPC, with TPMs in software.
#include "joinservice/join_service.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <thread>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "common/testing/status_matchers.h"
#include "crypto/random.h"
#include "joinservice/testing/join_caller.h"
#include "joinservice/testing/test_cluster.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::JoinCaller;
using testing::kDisk;
using ::testing::Not;
using testing::TestCluster;

v1::JoinRequest Request(const JoinDemand& demand) {
  v1::JoinRequest request;
  request.set_disk_uuid(demand.disk_uuid);
  request.set_node_name(demand.node_name);
  request.set_kubelet_csr(std::string(AsText(demand.kubelet_csr)));
  return request;
}

class JoinServiceTest : public ::testing::Test {
 protected:
  JoinServiceTest() { Serve({}); }
  ~JoinServiceTest() override { Stop(); }

  void Serve(const ServiceLimits& limits) {
    Stop();
    const crypto::TlsIdentity identity = crypto::CreateTlsIdentity().value();
    service_ = std::make_unique<JoinService>(identity, server_tpm_,
                                             cluster_.issuer, limits);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(
        "127.0.0.1:0", attestation::AttestedServerCredentials(identity), &port);
    builder.SetMaxReceiveMessageSize(attestation::kMaxMessageBytes);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    address_ = fmt::format("127.0.0.1:{}", port);
  }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now()));
    server_.reset();
  }
  JoinCaller Worker() {
    JoinCaller caller(address_);
    caller.attester = &cluster_.worker;
    caller.verify = [](const attestation::Evidence&, std::span<const uint8_t>) {
      return absl::OkStatus();
    };
    return caller;
  }
  static v1::JoinRequest GoodRequest() {
    return Request(TestCluster::Demand("worker-0"));
  }

  TestCluster cluster_;
  SoftwareTpm server_tpm_;
  std::unique_ptr<JoinService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(JoinServiceTest, IssuesJoinTickets) {
  ASSERT_OK_AND_ASSIGN(const v1::JoinTicket ticket,
                       Worker().Join(GoodRequest()));
  EXPECT_EQ(ticket.state_disk_key(), std::string(32, '6'));
  EXPECT_EQ(ticket.cluster_id(), std::string(32, '\xC1'));
  EXPECT_EQ(ticket.role(), "worker");
  EXPECT_EQ(ticket.kubelet_certificate(), "certificate of worker-0");
  EXPECT_EQ(ticket.cluster_ca(), cluster_.api.facts.cluster_ca_pem);
  EXPECT_EQ(ticket.kubelet_config(), cluster_.api.facts.kubelet_config);
  EXPECT_EQ(ticket.api_server_endpoint(), "10.0.0.2:6443");
  EXPECT_EQ(ticket.kubernetes_version(), "v1.20.2");
  EXPECT_EQ(ticket.time_scale(), 3U);
  EXPECT_THAT(ticket.attestation_policy(), HasSubstr("worker-0"));
  EXPECT_EQ(ticket.control_plane_files_size(), 0);
}

TEST_F(JoinServiceTest, IssuesControlPlaneTickets) {
  cluster_.WriteSharedFiles();
  JoinCaller caller(address_);
  caller.attester = &cluster_.control_plane;
  ASSERT_OK_AND_ASSIGN(
      const v1::JoinTicket ticket,
      caller.Join(Request(TestCluster::Demand("control-plane-1"))));
  EXPECT_EQ(ticket.bootstrap_token(), "abcdef.0123456789abcdef");
  EXPECT_THAT(ticket.ca_cert_hash(), ::testing::StartsWith("sha256:"));
  ASSERT_EQ(ticket.control_plane_files_size(), 8);
  EXPECT_EQ(ticket.control_plane_files(0).contents(), "contents of ca.crt");
}

TEST_F(JoinServiceTest, IssuesRejoinTickets) {
  v1::RejoinRequest request;
  request.set_disk_uuid(kDisk);
  ASSERT_OK_AND_ASSIGN(const v1::RejoinTicket ticket, Worker().Rejoin(request));
  EXPECT_EQ(ticket.state_disk_key(), std::string(32, '6'));
  EXPECT_EQ(ticket.cluster_id(), std::string(32, '\xC1'));
}

TEST_F(JoinServiceTest, ProvesItselfForThisConnection) {
  JoinCaller caller = Worker();
  attestation::Evidence seen;
  caller.verify = [&seen](const attestation::Evidence& evidence,
                          std::span<const uint8_t> user_data) -> absl::Status {
    seen = evidence;
    return user_data.size() == attestation::kUserDataSize
               ? absl::OkStatus()
               : absl::InternalError("no user data");
  };
  EXPECT_THAT(caller.Join(GoodRequest()), IsOk());
  EXPECT_FALSE(seen.tpm.attest.empty());
}

TEST_F(JoinServiceTest, TellsARefusedNodeWhichPcrAndWhy) {
  cluster_.worker.SetPcr(4, testing::Digest(0xEE));
  const auto refused =
      AllOf(HasSubstr("4"), HasSubstr(HexEncode(testing::Digest(0xEE))),
            HasSubstr(HexEncode(testing::Digest(4))));
  EXPECT_THAT(Worker().Join(GoodRequest()),
              StatusIs(absl::StatusCode::kPermissionDenied, refused));
  v1::RejoinRequest request;
  request.set_disk_uuid(kDisk);
  EXPECT_THAT(Worker().Rejoin(request),
              StatusIs(absl::StatusCode::kPermissionDenied, refused));
}

TEST_F(JoinServiceTest, RefusesAMemberOfTheCluster) {
  cluster_.worker.SetPcr(15, testing::Digest(1));
  v1::RejoinRequest request;
  request.set_disk_uuid(kDisk);
  EXPECT_THAT(Worker().Rejoin(request),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(JoinServiceTest, RefusesAnUnknownTpm) {
  SoftwareTpm stranger;
  testing::BootImage(stranger);
  JoinCaller caller = Worker();
  caller.attester = &stranger;
  EXPECT_THAT(caller.Join(GoodRequest()),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(JoinServiceTest, RefusesEvidenceForTheOtherRpc) {
  JoinCaller caller = Worker();
  caller.context = "rejoin";
  EXPECT_THAT(caller.Join(GoodRequest()),
              StatusIs(absl::StatusCode::kPermissionDenied));
  caller.context = "join";
  EXPECT_THAT(caller.Rejoin({}), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(JoinServiceTest, RefusesANodeThatProvesNothing) {
  const crypto::TlsIdentity identity = crypto::CreateTlsIdentity().value();
  JoinCaller caller(address_);
  grpc::ClientContext context;
  const auto stream = caller.stub().IssueJoinTicket(&context);
  v1::JoinClientMessage message;
  message.mutable_attestation();
  EXPECT_TRUE(stream->Write(message));
  v1::JoinServerMessage answer;
  EXPECT_TRUE(stream->Read(&answer));  // the service's nonce
  EXPECT_TRUE(stream->Write(message));
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(JoinServiceTest, RefusesARequestBeforeTheAttestation) {
  JoinCaller caller(address_);
  grpc::ClientContext context;
  const auto stream = caller.stub().IssueJoinTicket(&context);
  v1::JoinClientMessage message;
  *message.mutable_request() = GoodRequest();
  EXPECT_TRUE(stream->Write(message));
  v1::JoinServerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(JoinServiceTest, RefusesConnectionsWithoutTls) {
  const auto stub = v1::JoinService::NewStub(
      grpc::CreateChannel(address_, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto stream = stub->IssueJoinTicket(&context);
  v1::JoinServerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// Sends raw octets as the first message of an RPC; returns what it came to.
grpc::StatusCode SendRaw(const std::string& address, const char* method,
                         const std::string& octets) {
  const crypto::TlsIdentity identity = crypto::CreateTlsIdentity().value();
  grpc::GenericStub stub(grpc::CreateChannel(
      address, attestation::AttestedChannelCredentials(identity)));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  const grpc::Slice slice(octets);
  const grpc::ByteBuffer message(&slice, 1);
  grpc::Status status;
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  call->Write(message, nullptr);
  queue.Next(&tag, &ok);
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status.error_code();
}

TEST_F(JoinServiceTest, SurvivesOctetsThatAreNoMessage) {
  v1::JoinClientMessage good;
  good.mutable_attestation()->set_nonce(std::string(32, 'n'));
  const std::string whole = good.SerializeAsString();
  for (const char* method :
       {"/constellation.v1.JoinService/IssueJoinTicket",
        "/constellation.v1.JoinService/IssueRejoinTicket"}) {
    for (size_t cut = 1; cut < whole.size(); cut += 3) {
      EXPECT_NE(SendRaw(address_, method, whole.substr(0, cut)),
                grpc::StatusCode::OK);
    }
    for (int i = 0; i < 30; ++i) {
      const Bytes noise = crypto::RandomBytes(200);
      EXPECT_NE(SendRaw(address_, method, std::string(AsText(noise))),
                grpc::StatusCode::OK);
    }
    EXPECT_EQ(SendRaw(address_, method, std::string(size_t{5} << 20U, 'x')),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_THAT(Worker().Join(GoodRequest()), IsOk());
}

TEST_F(JoinServiceTest, CutsOffWhoDawdles) {
  Serve({.max_calls = 16, .call_deadline = absl::Milliseconds(300)});
  JoinCaller caller(address_);
  grpc::ClientContext context;
  const absl::Time begin = absl::Now();
  const auto stream = caller.stub().IssueJoinTicket(&context);
  v1::JoinServerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(JoinServiceTest, LimitsCallsAtOnce) {
  Serve({.max_calls = 2, .call_deadline = absl::Seconds(60)});
  JoinCaller caller(address_);
  grpc::ClientContext contexts[2];
  std::vector<std::unique_ptr<
      grpc::ClientReaderWriter<v1::JoinClientMessage, v1::JoinServerMessage>>>
      streams;
  for (grpc::ClientContext& context : contexts) {
    streams.push_back(caller.stub().IssueJoinTicket(&context));
    v1::JoinClientMessage message;
    message.mutable_attestation();
    EXPECT_TRUE(streams.back()->Write(message));
    v1::JoinServerMessage answer;
    EXPECT_TRUE(streams.back()->Read(&answer));
  }
  EXPECT_THAT(Worker().Join(GoodRequest()),
              StatusIs(absl::StatusCode::kResourceExhausted));
  for (grpc::ClientContext& context : contexts) context.TryCancel();
  for (auto& stream : streams) EXPECT_FALSE(stream->Finish().ok());
  // The places are free again.
  absl::Status status;
  for (int i = 0; i < 100; ++i) {
    status = Worker().Join(GoodRequest()).status();
    if (status.ok()) break;
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_THAT(status, IsOk());
}

}  // namespace
}  // namespace constellation::joinservice
