// SPDX-License-Identifier: Apache-2.0
// The service over loopback gRPC, one per node of a small cluster, with TPMs in
// software.
#include "verificationservice/verification_service.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/verification_binding.h"
#include "attestation/testing/software_tpm.h"
#include "common/testing/status_matchers.h"
#include "crypto/random.h"
#include "crypto/tls_identity.h"
#include "verificationservice/grpc_evidence_fetcher.h"
#include "verificationservice/testing/fakes.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::testing::HasSubstr;

// One node: a service on an address of loopback.
class Node final {
 public:
  Node(const std::string& name, const std::string& ip, int port,
       NodeDirectory& directory, EvidenceFetcher& fetcher,
       const crypto::TlsIdentity& identity)
      : prover_(name,
                [] {
                  return absl::StatusOr<std::unique_ptr<attestation::Attester>>(
                      std::make_unique<SoftwareTpm>());
                }),
        service_(prover_, directory, fetcher) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(fmt::format("{}:{}", ip, port),
                             attestation::AttestedServerCredentials(identity),
                             &port_);
    builder.SetMaxReceiveMessageSize(4096);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~Node() { server_->Shutdown(absl::ToChronoTime(absl::Now())); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  int port() const { return port_; }

 private:
  NodeProver prover_;
  VerificationService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class VerificationServiceTest : public ::testing::Test {
 protected:
  VerificationServiceTest()
      : identity_(crypto::CreateTlsIdentity().value()),
        first_("node-1", "127.0.0.1", 0, directory_, relay_, identity_),
        fetcher_(identity_, first_.port(), absl::Seconds(2)),
        second_("node-2", "127.0.0.2", first_.port(), directory_, fetcher_,
                identity_) {
    // The first node's own relay uses the port that it has got.
    relay_.answer = [this](const std::string& ip) {
      return std::move(fetcher_.FetchAll({ip}, relay_.nonce).front());
    };
    directory_.nodes =
        std::vector<ListedNode>{{"node-1", "127.0.0.1"},
                                {"node-2", "127.0.0.2"},
                                {"node-3", "127.0.0.3"}};  // is not there
    const auto channel =
        grpc::CreateChannel(fmt::format("127.0.0.1:{}", first_.port()),
                            attestation::AttestedChannelCredentials(identity_));
    stub_ = v1::VerificationService::NewStub(channel);
  }

  const crypto::TlsIdentity identity_;
  testing::FakeNodeDirectory directory_;
  testing::FakeEvidenceFetcher relay_;
  Node first_;
  GrpcEvidenceFetcher fetcher_;
  Node second_;
  std::unique_ptr<v1::VerificationService::Stub> stub_;
  const std::string nonce_ = std::string(32, 'n');
};

TEST_F(VerificationServiceTest, GivesEvidence) {
  grpc::ClientContext context;
  v1::GetEvidenceRequest request;
  request.set_nonce(nonce_);
  v1::NodeEvidence answer;
  ASSERT_TRUE(stub_->GetEvidence(&context, request, &answer).ok());
  EXPECT_EQ(answer.node_name(), "node-1");
  EXPECT_THAT(attestation::EvidenceFromProto(answer.evidence()), IsOk());
}

TEST_F(VerificationServiceTest, RefusesOtherNonces) {
  for (const size_t size : {0U, 31U, 33U}) {
    grpc::ClientContext context;
    v1::GetEvidenceRequest request;
    request.set_nonce(std::string(size, 'n'));
    v1::NodeEvidence answer;
    EXPECT_EQ(stub_->GetEvidence(&context, request, &answer).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(VerificationServiceTest, ChallengesAllNodesAlsoThoseThatAreGone) {
  grpc::ClientContext context;
  v1::ChallengeClusterRequest request;
  request.set_nonce(nonce_);
  v1::ClusterEvidence cluster;
  const absl::Time begin = absl::Now();
  ASSERT_TRUE(stub_->ChallengeCluster(&context, request, &cluster).ok());
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  ASSERT_EQ(cluster.nodes_size(), 3);
  EXPECT_EQ(cluster.nodes(0).evidence().node_name(), "node-1");
  EXPECT_EQ(cluster.nodes(1).evidence().node_name(), "node-2");
  EXPECT_THAT(cluster.nodes(2).error(), HasSubstr("UNAVAILABLE"));
}

TEST_F(VerificationServiceTest, SurvivesOctetsThatAreNoMessage) {
  grpc::GenericStub stub(
      grpc::CreateChannel(fmt::format("127.0.0.1:{}", first_.port()),
                          attestation::AttestedChannelCredentials(identity_)));
  const auto send = [&](const char* method, const std::string& octets) {
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(octets);
    const grpc::ByteBuffer message(&slice, 1);
    grpc::ByteBuffer answer;
    grpc::Status status;
    const auto call = stub.PrepareUnaryCall(&context, method, message, &queue);
    call->StartCall();
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
    return status.error_code();
  };
  for (const char* method :
       {"/constellation.v1.VerificationService/GetEvidence",
        "/constellation.v1.VerificationService/ChallengeCluster"}) {
    for (int i = 0; i < 50; ++i) {
      const Bytes noise = crypto::RandomBytes(100);
      EXPECT_NE(send(method, std::string(AsText(noise))), grpc::OK);
    }
    EXPECT_NE(send(method, "\x0a\x20"), grpc::OK);  // 32 octets are missing
    EXPECT_EQ(send(method, std::string(5000, 'x')),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  grpc::ClientContext context;
  v1::GetEvidenceRequest request;
  request.set_nonce(nonce_);
  v1::NodeEvidence answer;
  EXPECT_TRUE(stub_->GetEvidence(&context, request, &answer).ok());
}

// Attests nothing before it may.
class WaitingAttester final : public attestation::Attester {
 public:
  WaitingAttester(absl::BlockingCounter& entered, absl::Notification& may_go)
      : entered_(entered), may_go_(may_go) {}
  absl::StatusOr<attestation::Evidence> Attest(
      std::span<const uint8_t> /*user_data*/) override {
    entered_.DecrementCount();
    may_go_.WaitForNotification();
    return attestation::Evidence{};
  }

 private:
  absl::BlockingCounter& entered_;
  absl::Notification& may_go_;
};

// Lists nothing before it may.
class WaitingDirectory final : public NodeDirectory {
 public:
  WaitingDirectory(absl::BlockingCounter& entered, absl::Notification& may_go)
      : entered_(entered), may_go_(may_go) {}
  absl::StatusOr<std::vector<ListedNode>> List() override {
    entered_.DecrementCount();
    may_go_.WaitForNotification();
    return std::vector<ListedNode>();
  }

 private:
  absl::BlockingCounter& entered_;
  absl::Notification& may_go_;
};

// So many at once, and no more: strangers must not queue up for the TPM.
TEST(BusyServiceTest, RefusesTheThirteenthProof) {
  constexpr int kProofs = 12;
  absl::BlockingCounter entered(kProofs);
  absl::Notification may_go;
  NodeProver prover("node-1", [&] {
    return absl::StatusOr<std::unique_ptr<attestation::Attester>>(
        std::make_unique<WaitingAttester>(entered, may_go));
  });
  testing::FakeNodeDirectory directory;
  testing::FakeEvidenceFetcher fetcher;
  VerificationService service(prover, directory, fetcher);
  v1::GetEvidenceRequest request;
  request.set_nonce(std::string(32, 'n'));
  std::vector<std::thread> callers;
  for (int i = 0; i < kProofs; ++i) {
    callers.emplace_back([&service, &request] {
      v1::NodeEvidence answer;
      EXPECT_TRUE(service.GetEvidence(nullptr, &request, &answer).ok());
    });
  }
  entered.Wait();
  v1::NodeEvidence answer;
  EXPECT_EQ(service.GetEvidence(nullptr, &request, &answer).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  may_go.Notify();
  for (std::thread& caller : callers) caller.join();
}

// A challenge makes every node of the cluster work.
TEST(BusyServiceTest, RefusesTheThirdChallenge) {
  constexpr int kChallenges = 2;
  absl::BlockingCounter entered(kChallenges);
  absl::Notification may_go;
  WaitingDirectory directory(entered, may_go);
  testing::FakeEvidenceFetcher fetcher;
  NodeProver prover("node-1", [] {
    return absl::StatusOr<std::unique_ptr<attestation::Attester>>(
        std::make_unique<SoftwareTpm>());
  });
  VerificationService service(prover, directory, fetcher);
  v1::ChallengeClusterRequest request;
  request.set_nonce(std::string(32, 'n'));
  std::vector<std::thread> callers;
  for (int i = 0; i < kChallenges; ++i) {
    callers.emplace_back([&service, &request] {
      v1::ClusterEvidence answer;
      EXPECT_TRUE(service.ChallengeCluster(nullptr, &request, &answer).ok());
    });
  }
  entered.Wait();
  v1::ClusterEvidence answer;
  EXPECT_EQ(service.ChallengeCluster(nullptr, &request, &answer).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  may_go.Notify();
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace constellation::verificationservice
