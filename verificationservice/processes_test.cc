// SPDX-License-Identifier: Apache-2.0
// The service as a process of its own: a real API server with the rights that
// deploy/kubernetes grants, and a software TPM.
#include <fmt/format.h>
#include <grpcpp/create_channel.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/verification_binding.h"
#include "attestation/policy/appraisal.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/enrollment.h"
#include "attestation/tpm/tpm_device.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/tls_identity.h"
#include "kubernetes/manifest.h"
#include "kubernetes/testing/api_server.h"
#include "kubernetes/testing/child_process.h"
#include "proto/verification.grpc.pb.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using kubernetes::Json;
using kubernetes::testing::ApiServer;
using kubernetes::testing::ChildProcess;
using ::testing::HasSubstr;

// The service asks other nodes at this port: it is part of the protocol.
constexpr int kPort = 30081;

std::string FromEnvironment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

class ProcessesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_API_SERVER();
    ASSERT_OK_AND_ASSIGN(api_, ApiServer::Start());
    ASSERT_OK_AND_ASSIGN(admin_, api_->AdminClient());
    ASSERT_OK_AND_ASSIGN(tpm_, SwtpmProcess::Start(dir_.path()));
    ASSERT_THAT(Boot(), IsOk());
    ASSERT_THAT(AddNode("node-1", "127.0.0.1"), IsOk());
    ASSERT_THAT(AddNode("node-2", "127.0.0.2"), IsOk());  // nobody is there
    ASSERT_THAT(StartService(), IsOk());
    stub_ = v1::VerificationService::NewStub(
        grpc::CreateChannel(fmt::format("127.0.0.1:{}", kPort),
                            attestation::AttestedChannelCredentials(
                                crypto::CreateTlsIdentity().value())));
  }

  // What firmware and boot loader would do, and the policy that demands it.
  absl::Status Boot() {
    attestation::Profile profile;
    profile.name = "test image";
    profile.variant = attestation::kVariantQemuVtpm;
    {
      ASSIGN_OR_RETURN(const auto tpm, attestation::Tpm::Open(tpm_->tcti()));
      uint32_t mask = 0;
      for (const uint32_t index : attestation::kRequiredPcrs) {
        mask |= 1U << index;
      }
      for (const uint32_t index : {4U, 9U, 11U}) {
        RETURN_IF_ERROR(tpm->ExtendPcr(index, crypto::Sha256Digest{1}));
      }
      ASSIGN_OR_RETURN(const auto pcrs, tpm->ReadPcrs(mask));
      for (const auto& pcr : pcrs) profile.pcrs[pcr.index] = pcr.sha256;
    }
    ASSIGN_OR_RETURN(const auto enrolled, attestation::EnrollTpm(tpm_->tcti()));
    ASSIGN_OR_RETURN(
        policy_,
        attestation::Policy::Create(
            {profile},
            {{"node-1", std::string(attestation::kRoleWorker), enrolled}}));
    return absl::OkStatus();
  }

  absl::Status AddNode(const std::string& name, const std::string& ip) {
    RETURN_IF_ERROR(
        admin_
            ->Create("/api/v1/nodes", {{"apiVersion", "v1"},
                                       {"kind", "Node"},
                                       {"metadata", {{"name", name}}}})
            .status());
    const Json address = {{"type", "InternalIP"}, {"address", ip}};
    return admin_
        ->Patch(fmt::format("/api/v1/nodes/{}/status", name),
                kubernetes::PatchType::kMerge,
                {{"status", {{"addresses", Json::array({address})}}}})
        .status();
  }

  absl::Status StartService() {
    ASSIGN_OR_RETURN(
        const std::string manifest,
        ReadFile(FromEnvironment("CONSTELLATION_SOURCE_DIR", ".") +
                 "/deploy/kubernetes/30-verificationservice.yaml"));
    RETURN_IF_ERROR(kubernetes::ApplyManifest(*admin_, manifest, "test"));
    ASSIGN_OR_RETURN(
        const std::string kubeconfig,
        api_->ServiceAccountKubeconfig("kube-system", "verificationservice"));
    RETURN_IF_ERROR(WriteFileAtomically(dir_.Join("kubeconfig"), kubeconfig));
    ASSIGN_OR_RETURN(
        service_,
        ChildProcess::Start(
            {FromEnvironment("CONSTELLATION_BINARY_DIR", "build/dev") +
                 "/bin/verificationservice",
             "--listen", fmt::format("127.0.0.1:{}", kPort), "--node-name",
             "node-1", "--kubeconfig", dir_.Join("kubeconfig"), "--tcti",
             tpm_->tcti(), "--event-log", "/nowhere", "--variant", "qemu-vtpm"},
            dir_.Join("log")));
    return absl::OkStatus();
  }

  // Whether `answer` is what the policy demands of node-1.
  bool Accepts(const v1::NodeEvidence& answer, const std::string& nonce) {
    const auto evidence = attestation::EvidenceFromProto(answer.evidence());
    EXPECT_THAT(evidence, IsOk());
    const attestation::Appraisal appraisal = attestation::Appraise(
        *evidence,
        attestation::VerificationBinding(AsBytes(nonce), answer.node_name()),
        attestation::ClusterState::None(), *policy_, absl::Now());
    return appraisal.accepted && appraisal.node_name == answer.node_name();
  }

  const TempDir dir_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<kubernetes::Client> admin_;
  std::unique_ptr<SwtpmProcess> tpm_;
  std::optional<attestation::Policy> policy_;
  std::unique_ptr<ChildProcess> service_;
  std::unique_ptr<v1::VerificationService::Stub> stub_;
};

TEST_F(ProcessesTest, ProvesItsNodeRelaysToAll) {
  const std::string nonce(32, 'n');
  v1::GetEvidenceRequest request;
  request.set_nonce(nonce);
  v1::NodeEvidence evidence;
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  const grpc::Status status = stub_->GetEvidence(&context, request, &evidence);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(evidence.node_name(), "node-1");
  EXPECT_TRUE(Accepts(evidence, nonce));
  EXPECT_FALSE(Accepts(evidence, std::string(32, 'm')));

  v1::ChallengeClusterRequest challenge;
  challenge.set_nonce(nonce);
  v1::ClusterEvidence cluster;
  grpc::ClientContext challenge_context;
  const grpc::Status challenged =
      stub_->ChallengeCluster(&challenge_context, challenge, &cluster);
  ASSERT_TRUE(challenged.ok()) << challenged.error_message();
  ASSERT_EQ(cluster.nodes_size(), 2);
  EXPECT_EQ(cluster.nodes(0).node_name(), "node-1");
  EXPECT_TRUE(Accepts(cluster.nodes(0).evidence(), nonce));
  EXPECT_EQ(cluster.nodes(1).node_name(), "node-2");
  EXPECT_THAT(cluster.nodes(1).error(), HasSubstr("UNAVAILABLE"));

  // Without API server there is no list, but this node still proves itself.
  api_->StopApiServer();
  grpc::ClientContext third;
  EXPECT_EQ(stub_->ChallengeCluster(&third, challenge, &cluster).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext fourth;
  EXPECT_TRUE(stub_->GetEvidence(&fourth, request, &evidence).ok());
}

}  // namespace
}  // namespace constellation::verificationservice
