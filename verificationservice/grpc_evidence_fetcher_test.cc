// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/grpc_evidence_fetcher.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "common/testing/status_matchers.h"
#include "common/unique_fd.h"
#include "crypto/tls_identity.h"
#include "proto/verification.grpc.pb.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::IsEmpty;

// A node's service that says what the test wants.
class Node final : public v1::VerificationService::Service {
 public:
  Node(const std::string& ip, int port, const crypto::TlsIdentity& identity) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(fmt::format("{}:{}", ip, port),
                             attestation::AttestedServerCredentials(identity),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Node() override { server_->Shutdown(absl::ToChronoTime(absl::Now())); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  grpc::Status GetEvidence(grpc::ServerContext* /*context*/,
                           const v1::GetEvidenceRequest* request,
                           v1::NodeEvidence* response) override {
    response->set_node_name(name + "/" + request->nonce());
    return status;
  }
  int port() const { return port_; }

  std::string name = "node";
  grpc::Status status;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A socket that takes connections and never says a word.
UniqueFd ListenInSilence(const char* ip, int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  ::inet_pton(AF_INET, ip, &address.sin_addr);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address)),
            0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

class GrpcEvidenceFetcherTest : public ::testing::Test {
 protected:
  const crypto::TlsIdentity identity_ = crypto::CreateTlsIdentity().value();
  Node first_{"127.0.0.1", 0, identity_};
  Node second_{"127.0.0.2", first_.port(), identity_};
  GrpcEvidenceFetcher fetcher_{identity_, first_.port(), absl::Seconds(2)};
};

TEST_F(GrpcEvidenceFetcherTest, AnswersKeepTheirOrder) {
  first_.name = "one";
  second_.name = "two";
  const auto answers =
      fetcher_.FetchAll({"127.0.0.2", "127.0.0.1", "127.0.0.2"}, "n");
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0]->node_name(), "two/n");
  EXPECT_EQ(answers[1]->node_name(), "one/n");
  EXPECT_EQ(answers[2]->node_name(), "two/n");
  EXPECT_THAT(fetcher_.FetchAll({}, "n"), IsEmpty());
}

TEST_F(GrpcEvidenceFetcherTest, OneNodesErrorIsItsOwn) {
  first_.status = {grpc::StatusCode::FAILED_PRECONDITION, "no TPM"};
  const auto answers = fetcher_.FetchAll({"127.0.0.1", "127.0.0.2"}, "n");
  EXPECT_THAT(answers[0],
              StatusIs(absl::StatusCode::kFailedPrecondition, "no TPM"));
  EXPECT_THAT(answers[1], IsOk());
}

TEST_F(GrpcEvidenceFetcherTest, AsksAllAtOnceWithinItsTime) {
  const UniqueFd silent_3 = ListenInSilence("127.0.0.3", first_.port());
  const UniqueFd silent_4 = ListenInSilence("127.0.0.4", first_.port());
  const absl::Time begin = absl::Now();
  const auto answers = fetcher_.FetchAll(
      {"127.0.0.1", "127.0.0.3", "127.0.0.4", "127.0.0.2"}, "n");
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_THAT(answers[0], IsOk());
  EXPECT_FALSE(answers[1].ok());
  EXPECT_FALSE(answers[2].ok());
  EXPECT_THAT(answers[3], IsOk());
}

// A hostile node must not fill this one's memory.
TEST_F(GrpcEvidenceFetcherTest, HugeAnswersAreRefused) {
  first_.name = std::string(size_t{1} << 20U, 'x');
  EXPECT_THAT(fetcher_.FetchAll({"127.0.0.1"}, "n").front(), IsOk());
  first_.name = std::string(size_t{2} << 20U, 'x');
  EXPECT_THAT(fetcher_.FetchAll({"127.0.0.1"}, "n").front(),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// Addresses come from kubelets: nothing is ever looked up in DNS.
TEST_F(GrpcEvidenceFetcherTest, NamesAreNotLookedUp) {
  EXPECT_FALSE(fetcher_.FetchAll({"localhost"}, "n").front().ok());
}

}  // namespace
}  // namespace constellation::verificationservice
