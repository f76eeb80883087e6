// SPDX-License-Identifier: Apache-2.0
// The service as a process of its own, as in a cluster: a real API server with
// the rights that deploy/kubernetes grants, the real key service, software TPMs
// for the service's node and the joining node.
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "attestation/channel/transport/handshake.h"
#include "attestation/policy/appraisal.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/enrollment.h"
#include "attestation/tpm/tpm_attester.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/key_hierarchy.h"
#include "crypto/p256.h"
#include "crypto/x509.h"
#include "joinservice/testing/join_caller.h"
#include "kubernetes/kubeconfig.h"
#include "kubernetes/manifest.h"
#include "kubernetes/testing/api_server.h"
#include "kubernetes/testing/child_process.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using kubernetes::Json;
using kubernetes::testing::ApiServer;
using kubernetes::testing::ChildProcess;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kDisk[] = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
constexpr char kNode[] = "worker-0";
constexpr char kNextNode[] = "control-plane-1";

std::string Program(const std::string& name) {
  const char* build = std::getenv("CONSTELLATION_BINARY_DIR");
  return fmt::format("{}/bin/{}", build == nullptr ? "build/dev" : build, name);
}

std::string Manifest(const std::string& name) {
  const char* source = std::getenv("CONSTELLATION_SOURCE_DIR");
  return ReadFile(fmt::format("{}/deploy/kubernetes/{}",
                              source == nullptr ? "." : source, name))
      .value();
}

Json ConfigMap(const std::string& name, const Json& data) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", "kube-system"}}},
          {"data", data}};
}

// The registers that tell images apart, as the firmware would leave them.
absl::StatusOr<attestation::Profile> Boot(const std::string& tcti) {
  ASSIGN_OR_RETURN(const auto tpm, attestation::Tpm::Open(tcti));
  attestation::Profile profile;
  profile.name = "test image";
  profile.variant = attestation::kVariantQemuVtpm;
  for (const uint32_t index : {4U, 9U, 11U}) {
    crypto::Sha256Digest digest;
    digest.fill(static_cast<uint8_t>(index));
    RETURN_IF_ERROR(tpm->ExtendPcr(index, digest));
  }
  uint32_t mask = 0;
  for (const uint32_t index : attestation::kRequiredPcrs) mask |= 1U << index;
  ASSIGN_OR_RETURN(const auto pcrs, tpm->ReadPcrs(mask));
  for (const auto& pcr : pcrs) profile.pcrs[pcr.index] = pcr.sha256;
  return profile;
}

class ProcessesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_API_SERVER();
    ASSERT_OK_AND_ASSIGN(api_, ApiServer::Start());
    ASSERT_OK_AND_ASSIGN(admin_, api_->AdminClient());
    ASSERT_THAT(MakeDirectories(dir_.Join("a")), IsOk());
    ASSERT_THAT(MakeDirectories(dir_.Join("b")), IsOk());
    ASSERT_OK_AND_ASSIGN(service_tpm_, SwtpmProcess::Start(dir_.Join("a")));
    ASSERT_OK_AND_ASSIGN(node_tpm_, SwtpmProcess::Start(dir_.Join("b")));
    ASSERT_THAT(StartAll(), IsOk());
  }

  absl::Status StartAll() {
    RETURN_IF_ERROR(FillCluster());
    RETURN_IF_ERROR(StartKeyService());
    return StartJoinService();
  }

  // What bootstrapper and kubeadm leave behind.
  absl::Status FillCluster() {
    ASSIGN_OR_RETURN(profile_, Boot(node_tpm_->tcti()));
    ASSIGN_OR_RETURN(enrolled_, attestation::EnrollTpm(node_tpm_->tcti()));
    RETURN_IF_ERROR(SetPolicy(profile_, kNode, attestation::kRoleWorker));
    RETURN_IF_ERROR(
        admin_
            ->Apply(ConfigMap("constellation-cluster",
                              {{"apiServerEndpoint", "10.0.0.1:6443"},
                               {"kubernetesVersion", "v1.20.2"},
                               {"timeScale", "2"}}),
                    "test", true)
            .status());
    RETURN_IF_ERROR(admin_
                        ->Apply(ConfigMap("kubelet-config-1.20",
                                          {{"kubelet", "kind: Kubelet\n"}}),
                                "test", true)
                        .status());
    for (const char* manifest : {"10-keyservice.yaml", "20-joinservice.yaml",
                                 "30-verificationservice.yaml"}) {
      RETURN_IF_ERROR(
          kubernetes::ApplyManifest(*admin_, Manifest(manifest), "test"));
    }
    return absl::OkStatus();
  }

  absl::Status SetPolicy(const attestation::Profile& profile,
                         const std::string& node_name, std::string_view role) {
    ASSIGN_OR_RETURN(
        const attestation::Policy policy,
        attestation::Policy::Create(
            {profile}, {{node_name, std::string(role), enrolled_}}));
    return SetPolicyText(policy.ToJson());
  }
  absl::Status SetPolicyText(const std::string& text) {
    return admin_
        ->Apply(ConfigMap("join-config", {{"attestationConfig", text}}), "test",
                true)
        .status();
  }

  absl::Status StartKeyService() {
    RETURN_IF_ERROR(MakeDirectories(dir_.Join("secrets")));
    RETURN_IF_ERROR(
        WriteFileAtomically(dir_.Join("secrets/key"), std::string(32, 'k')));
    RETURN_IF_ERROR(
        WriteFileAtomically(dir_.Join("secrets/salt"), std::string(32, 's')));
    RETURN_IF_ERROR(WriteFileAtomically(dir_.Join("measurementSalt"),
                                        std::string(32, 'm')));
    RETURN_IF_ERROR(MakeDirectories(dir_.Join("keys")));
    ASSIGN_OR_RETURN(
        key_service_,
        ChildProcess::Start(
            {Program("keyservice"), "--master-secret-dir", dir_.Join("secrets"),
             "--measurement-salt", dir_.Join("measurementSalt"), "--socket",
             dir_.Join("keys/s")},
            dir_.Join("keyservice.log")));
    return absl::OkStatus();
  }

  absl::Status StartJoinService() {
    ASSIGN_OR_RETURN(
        const std::string kubeconfig,
        api_->ServiceAccountKubeconfig("kube-system", "joinservice"));
    RETURN_IF_ERROR(WriteFileAtomically(dir_.Join("kubeconfig"), kubeconfig));
    ASSIGN_OR_RETURN(const int port, kubernetes::testing::FreePort());
    address_ = fmt::format("127.0.0.1:{}", port);
    ASSIGN_OR_RETURN(
        join_service_,
        ChildProcess::Start(
            {Program("joinservice"), "--listen", address_,
             "--key-service-socket", dir_.Join("keys/s"), "--pki-folder",
             api_->pki_folder(), "--kubeconfig", dir_.Join("kubeconfig"),
             "--tcti", service_tpm_->tcti(), "--event-log", "/nowhere",
             "--variant", "qemu-vtpm", "--collateral-folder",
             dir_.Join("collateral")},
            dir_.Join("joinservice.log")));
    return absl::OkStatus();
  }

  // Asks as the node `name`, again as long as services are still starting:
  // longer than a loaded machine takes for that.
  absl::StatusOr<v1::JoinTicket> Join(
      const std::string& name, absl::Duration patience = absl::Minutes(2)) {
    ASSIGN_OR_RETURN(
        const auto attester,
        attestation::TpmAttester::Create(node_tpm_->tcti(), "qemu-vtpm", ""));
    v1::JoinRequest request;
    request.set_disk_uuid(kDisk);
    request.set_node_name(name);
    ASSIGN_OR_RETURN(
        const Bytes csr,
        crypto::CreateCsr(key_, "system:node:" + name, "system:nodes"));
    request.set_kubelet_csr(std::string(AsText(csr)));
    testing::JoinCaller caller(address_);
    caller.attester = attester.get();
    caller.verify = [](const attestation::Evidence&, std::span<const uint8_t>) {
      return absl::OkStatus();
    };
    const absl::Time deadline = absl::Now() + patience;
    absl::StatusOr<v1::JoinTicket> ticket = caller.Join(request);
    while (absl::IsUnavailable(ticket.status()) && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(100));
      ticket = caller.Join(request);
    }
    return ticket;
  }

  // The same until the answer is what a changed policy makes of it.
  absl::Status JoinUntil(const std::string& name, absl::StatusCode code) {
    absl::Status status;
    for (int i = 0; i < 100; ++i) {
      status = Join(name).status();
      if (status.code() == code) break;
      absl::SleepFor(absl::Milliseconds(100));
    }
    return status;
  }

  // For a kubeconfig without credentials yet.
  kubernetes::KubeconfigParameters Parameters() const {
    kubernetes::KubeconfigParameters p;
    p.cluster_name = p.user_name = p.context_name = "test";
    p.server = api_->server();
    p.ca_pem = api_->ca_pem();
    return p;
  }

  void WorkerGetsAnIdentity();
  void ChangedPolicyRefusesWithoutRestart();
  void BrokenPolicyChangesNothing();
  void ControlPlaneGetsWhatItNeeds();
  void NoTicketWithoutKeyService();
  void NoTicketForMembers();

  std::string Log() {
    return ReadFile(dir_.Join("joinservice.log")).value_or("");
  }

  const TempDir dir_;
  const crypto::P256PrivateKey key_ =
      crypto::P256PrivateKey::Generate().value();
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<kubernetes::Client> admin_;
  std::unique_ptr<SwtpmProcess> service_tpm_;
  std::unique_ptr<SwtpmProcess> node_tpm_;
  attestation::Profile profile_;
  attestation::EnrolledTpm enrolled_;
  std::unique_ptr<ChildProcess> key_service_;
  std::unique_ptr<ChildProcess> join_service_;
  std::string address_;
};

void ProcessesTest::WorkerGetsAnIdentity() {
  ASSERT_OK_AND_ASSIGN(const v1::JoinTicket ticket, Join(kNode));
  ASSERT_OK_AND_ASSIGN(const crypto::KeyHierarchy keys,
                       crypto::KeyHierarchy::Create(SecretBytes(Bytes(32, 'k')),
                                                    Bytes(32, 's')));
  EXPECT_EQ(ticket.state_disk_key(),
            AsText(keys.StateDiskKey(kDisk).value().Expose()));
  EXPECT_EQ(ticket.cluster_id(),
            AsText(keys.ClusterId(Bytes(32, 'm')).value()));
  EXPECT_EQ(ticket.cluster_ca(), api_->ca_pem());
  EXPECT_EQ(ticket.kubelet_config(), "kind: Kubelet\n");
  EXPECT_EQ(ticket.time_scale(), 2U);
  EXPECT_EQ(ticket.bootstrap_token(), "");
  kubernetes::KubeconfigParameters p = Parameters();
  p.client_certificate_pem = ticket.kubelet_certificate();
  ASSERT_OK_AND_ASSIGN(p.client_key_pem, key_.ToPem());
  ASSERT_OK_AND_ASSIGN(const auto kubelet,
                       kubernetes::Client::FromKubeconfig(
                           kubernetes::BuildKubeconfig(p).value()));
  EXPECT_THAT(
      kubelet->Create("/api/v1/nodes", {{"apiVersion", "v1"},
                                        {"kind", "Node"},
                                        {"metadata", {{"name", kNode}}}}),
      IsOk());
  EXPECT_THAT(Log(), HasSubstr("event=ticket decision=granted kind=join"));
}

void ProcessesTest::ChangedPolicyRefusesWithoutRestart() {
  attestation::Profile other = profile_;
  other.pcrs[4].fill(0xEE);
  ASSERT_THAT(SetPolicy(other, kNode, attestation::kRoleWorker), IsOk());
  EXPECT_THAT(
      JoinUntil(kNode, absl::StatusCode::kPermissionDenied),
      StatusIs(absl::StatusCode::kPermissionDenied,
               AllOf(HasSubstr("PCR4"), HasSubstr(HexEncode(other.pcrs[4])),
                     HasSubstr(HexEncode(profile_.pcrs[4])))));
}

void ProcessesTest::BrokenPolicyChangesNothing() {
  ASSERT_THAT(SetPolicyText("{\"version\": 1}"), IsOk());
  constexpr char kRefused[] = "event=policy-refused";
  for (int i = 0; i < 50 && Log().find(kRefused) == std::string::npos; ++i) {
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_THAT(Log(), HasSubstr(kRefused));
  EXPECT_THAT(Join(kNode), StatusIs(absl::StatusCode::kPermissionDenied));
}

void ProcessesTest::ControlPlaneGetsWhatItNeeds() {
  ASSERT_THAT(SetPolicy(profile_, kNextNode, attestation::kRoleControlPlane),
              IsOk());
  EXPECT_THAT(JoinUntil(kNextNode, absl::StatusCode::kOk), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::JoinTicket ticket, Join(kNextNode));
  EXPECT_EQ(ticket.role(), "control-plane");
  EXPECT_EQ(ticket.control_plane_files_size(), 8);
  kubernetes::KubeconfigParameters p = Parameters();
  p.token = SecretBytes(AsBytes(ticket.bootstrap_token()));
  ASSERT_OK_AND_ASSIGN(const auto kubeadm,
                       kubernetes::Client::FromKubeconfig(
                           kubernetes::BuildKubeconfig(p).value()));
  EXPECT_THAT(kubeadm->Get("/api/v1/nodes"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("system:bootstrap:")));
  EXPECT_THAT(Join(kNode), StatusIs(absl::StatusCode::kPermissionDenied,
                                    HasSubstr("node_name")));
}

void ProcessesTest::NoTicketWithoutKeyService() {
  key_service_.reset();
  const absl::Time begin = absl::Now();
  EXPECT_THAT(
      Join(kNextNode, absl::ZeroDuration()),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("key service")));
  EXPECT_LT(absl::Now() - begin, absl::Minutes(1));
  ASSERT_THAT(StartKeyService(), IsOk());
  EXPECT_THAT(JoinUntil(kNextNode, absl::StatusCode::kOk), IsOk());
}

void ProcessesTest::NoTicketForMembers() {
  {
    ASSERT_OK_AND_ASSIGN(const auto tpm,
                         attestation::Tpm::Open(node_tpm_->tcti()));
    ASSERT_THAT(tpm->ExtendPcr(15, crypto::Sha256Digest{1}), IsOk());
  }
  EXPECT_THAT(Join(kNextNode), StatusIs(absl::StatusCode::kPermissionDenied,
                                        HasSubstr("PCR15")));
}

// A cluster takes seconds to start, so these are chapters of one story.
TEST_F(ProcessesTest, LifeOfATicket) {
  WorkerGetsAnIdentity();
  ChangedPolicyRefusesWithoutRestart();
  BrokenPolicyChangesNothing();
  ControlPlaneGetsWhatItNeeds();
  NoTicketWithoutKeyService();
  NoTicketForMembers();
  join_service_->Stop(SIGTERM);
  EXPECT_THAT(Log(), HasSubstr("event=stopping"));
}

}  // namespace
}  // namespace constellation::joinservice
