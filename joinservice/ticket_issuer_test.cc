// SPDX-License-Identifier: Apache-2.0
#include "joinservice/ticket_issuer.h"

#include <unistd.h>

#include "common/files.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "crypto/x509.h"
#include "joinservice/testing/test_cluster.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using testing::Digest;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kDisk;
using ::testing::Not;
using ::testing::SizeIs;
using testing::TestCluster;

const Bytes kUserData(attestation::kUserDataSize, 7);

class TicketIssuerTest : public ::testing::Test {
 protected:
  absl::StatusOr<VerifiedNode> Admit(SoftwareTpm& tpm) {
    ASSIGN_OR_RETURN(const attestation::Evidence evidence,
                     tpm.Attest(kUserData));
    return cluster_.issuer.Admit(evidence, kUserData);
  }
  absl::StatusOr<JoinGrant> Join(const JoinDemand& demand) {
    ASSIGN_OR_RETURN(const VerifiedNode node, Admit(cluster_.worker));
    return cluster_.issuer.IssueJoin(node, demand);
  }
  // A demand whose certificate request says something else.
  static JoinDemand DemandWithCsr(std::string_view common_name,
                                  std::string_view organisation) {
    JoinDemand demand = TestCluster::Demand("worker-0");
    demand.kubelet_csr =
        crypto::CreateCsr(crypto::P256PrivateKey::Generate().value(),
                          common_name, organisation)
            .value();
    return demand;
  }

  TestCluster cluster_;
};

TEST_F(TicketIssuerTest, WorkerGetsItsTicket) {
  const JoinDemand demand = TestCluster::Demand("worker-0");
  ASSERT_OK_AND_ASSIGN(const JoinGrant grant, Join(demand));
  EXPECT_THAT(grant.state_disk_key.Expose(), AllOf(SizeIs(32), Each('6')));
  EXPECT_THAT(grant.cluster_id, AllOf(SizeIs(32), Each(0xC1)));
  EXPECT_EQ(grant.role, "worker");
  EXPECT_EQ(grant.kubelet_certificate_pem, "certificate of worker-0");
  EXPECT_EQ(grant.facts.api_server_endpoint, "10.0.0.2:6443");
  EXPECT_EQ(grant.facts.time_scale, 3U);
  EXPECT_EQ(grant.attestation_policy, cluster_.policies.Current()->ToJson());
  EXPECT_THAT(cluster_.api.signed_requests(), SizeIs(1));
}

TEST_F(TicketIssuerTest, WorkerGetsNothingOfTheControlPlane) {
  cluster_.WriteSharedFiles();
  ASSERT_OK_AND_ASSIGN(const JoinGrant grant,
                       Join(TestCluster::Demand("worker-0")));
  EXPECT_TRUE(grant.bootstrap_token.empty());
  EXPECT_THAT(grant.ca_cert_hash, IsEmpty());
  EXPECT_THAT(grant.control_plane_files, IsEmpty());
  EXPECT_EQ(cluster_.api.tokens(), 0);
}

TEST_F(TicketIssuerTest, ControlPlaneGetsTokenHashFiles) {
  cluster_.WriteSharedFiles();
  ASSERT_OK_AND_ASSIGN(const VerifiedNode node, Admit(cluster_.control_plane));
  ASSERT_OK_AND_ASSIGN(
      const JoinGrant grant,
      cluster_.issuer.IssueJoin(node, TestCluster::Demand("control-plane-1")));
  EXPECT_EQ(grant.role, "control-plane");
  EXPECT_EQ(AsText(grant.bootstrap_token.Expose()), "abcdef.0123456789abcdef");
  ASSERT_OK_AND_ASSIGN(
      const crypto::Certificate ca,
      crypto::Certificate::FromPem(cluster_.api.facts.cluster_ca_pem));
  EXPECT_EQ(grant.ca_cert_hash,
            "sha256:" + HexEncode(crypto::Sha256(ca.Spki())));
  ASSERT_THAT(grant.control_plane_files, SizeIs(8));
  for (const ControlPlaneFile& file : grant.control_plane_files) {
    EXPECT_EQ(AsText(file.contents.Expose()), "contents of " + file.name);
  }
}

TEST_F(TicketIssuerTest, ControlPlaneNeedsAllSharedFiles) {
  cluster_.WriteSharedFiles();
  ::unlink((cluster_.pki() + "/etcd/ca.key").c_str());
  ASSERT_OK_AND_ASSIGN(const VerifiedNode node, Admit(cluster_.control_plane));
  const JoinDemand demand = TestCluster::Demand("control-plane-1");
  EXPECT_THAT(cluster_.issuer.IssueJoin(node, demand),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("etcd/ca.key")));
  EXPECT_EQ(cluster_.api.tokens(), 0);
  ASSERT_THAT(WriteFileAtomically(cluster_.pki() + "/etcd/ca.key", ""), IsOk());
  EXPECT_THAT(
      cluster_.issuer.IssueJoin(node, demand),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("empty")));
}

TEST_F(TicketIssuerTest, RefusesAnotherImageAndNamesThePcr) {
  for (const uint32_t index : {4U, 8U, 9U, 11U, 12U, 13U, 14U}) {
    SoftwareTpm& tpm = cluster_.worker;
    testing::BootImage(tpm);
    tpm.SetPcr(index, Digest(0xEE));
    EXPECT_THAT(Admit(tpm), StatusIs(absl::StatusCode::kPermissionDenied,
                                     AllOf(HasSubstr(std::to_string(index)),
                                           HasSubstr(HexEncode(Digest(0xEE))))))
        << index;
  }
}

TEST_F(TicketIssuerTest, RefusesMembersOfAnyCluster) {
  cluster_.worker.SetPcr(15, Digest(1));
  EXPECT_THAT(Admit(cluster_.worker),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("15")));
}

TEST_F(TicketIssuerTest, RefusesUnknownTpms) {
  SoftwareTpm stranger;
  testing::BootImage(stranger);
  EXPECT_THAT(Admit(stranger), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(TicketIssuerTest, RefusesEvidenceForOtherData) {
  ASSERT_OK_AND_ASSIGN(const attestation::Evidence evidence,
                       cluster_.worker.Attest(kUserData));
  EXPECT_THAT(
      cluster_.issuer.Admit(evidence, Bytes(attestation::kUserDataSize, 8)),
      StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(TicketIssuerTest, RefusesProfilesOutOfTheirTime) {
  attestation::Profile profile = testing::TestProfile();
  profile.not_after = cluster_.clock.Now() + absl::Hours(1);
  cluster_.policies.Set(
      attestation::Policy::Create({profile}, cluster_.Enrolled()).value());
  EXPECT_THAT(Admit(cluster_.worker), IsOk());
  cluster_.clock.Advance(absl::Hours(2));
  EXPECT_THAT(Admit(cluster_.worker),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(TicketIssuerTest, NewPolicyCountsForTheNextNode) {
  EXPECT_THAT(Admit(cluster_.worker), IsOk());
  std::vector<attestation::EnrolledNode> without_worker = cluster_.Enrolled();
  without_worker.erase(without_worker.begin());
  cluster_.policies.Set(TestCluster::PolicyWith(without_worker));
  EXPECT_THAT(Admit(cluster_.worker),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(TicketIssuerWithoutPolicyTest, AdmitsNobody) {
  const testing::FixedPolicy none;
  testing::FakeKeySource keys;
  testing::FakeClusterApi api;
  FakeClock clock(absl::UnixEpoch());
  const TicketIssuer issuer(none, keys, api, clock, "/nowhere");
  SoftwareTpm tpm;
  ASSERT_OK_AND_ASSIGN(const attestation::Evidence evidence,
                       tpm.Attest(kUserData));
  EXPECT_THAT(issuer.Admit(evidence, kUserData),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TicketIssuerTest, RefusesDiskIdsThatAreNoUuid) {
  for (const std::string uuid :
       {"", "6FA459EA-ee8a-4ca4-894e-db77e160355e", "../measurement",
        "6fa459ea-ee8a-4ca4-894e-db77e160355e0", "x\n\"y"}) {
    JoinDemand demand = TestCluster::Demand("worker-0");
    demand.disk_uuid = uuid;
    EXPECT_THAT(Join(demand),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("disk_uuid"), Not(HasSubstr("\n")))));
    ASSERT_OK_AND_ASSIGN(const VerifiedNode node, Admit(cluster_.worker));
    EXPECT_THAT(cluster_.issuer.IssueRejoin(node, uuid, ""),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(TicketIssuerTest, RefusesAnotherNodesName) {
  EXPECT_THAT(Join(TestCluster::Demand("control-plane-1")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("want 'worker-0'"),
                             HasSubstr("got 'control-plane-1'"))));
}

TEST_F(TicketIssuerTest, RefusesCertificateRequestsForOthers) {
  EXPECT_THAT(
      Join(DemandWithCsr("system:node:worker-1", "system:nodes")),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("common name")));
  EXPECT_THAT(Join(DemandWithCsr("worker-0", "system:nodes")),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(
      Join(DemandWithCsr("system:node:worker-0", "system:masters")),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("organisation")));
  EXPECT_THAT(cluster_.api.signed_requests(), IsEmpty());
}

TEST_F(TicketIssuerTest, RefusesMalformedCertificateRequests) {
  JoinDemand demand = TestCluster::Demand("worker-0");
  demand.kubelet_csr.clear();
  EXPECT_THAT(Join(demand), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("kubelet_csr")));
  demand = TestCluster::Demand("worker-0");
  demand.kubelet_csr.resize(demand.kubelet_csr.size() / 2);
  EXPECT_THAT(Join(demand), StatusIs(absl::StatusCode::kInvalidArgument));
  demand = TestCluster::Demand("worker-0");
  demand.kubelet_csr.back() ^= 1U;  // its signature
  EXPECT_THAT(Join(demand), Not(IsOk()));
  EXPECT_THAT(cluster_.api.signed_requests(), IsEmpty());
}

TEST_F(TicketIssuerTest, KeyServiceDownIsUnavailableAndSignsNothing) {
  cluster_.keys.down = true;
  EXPECT_THAT(
      Join(TestCluster::Demand("worker-0")),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("key service")));
  EXPECT_THAT(cluster_.api.signed_requests(), IsEmpty());
}

TEST_F(TicketIssuerTest, ApiServerDownIsUnavailable) {
  cluster_.api.error = absl::UnavailableError("no connection");
  EXPECT_THAT(Join(TestCluster::Demand("worker-0")),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TicketIssuerTest, RejoinGivesKeyClusterIdAndEnrolledName) {
  cluster_.api.error = absl::UnavailableError("no connection");  // not needed
  ASSERT_OK_AND_ASSIGN(const VerifiedNode node, Admit(cluster_.worker));
  ASSERT_OK_AND_ASSIGN(const RejoinGrant grant,
                       cluster_.issuer.IssueRejoin(node, kDisk, ""));
  EXPECT_THAT(grant.state_disk_key.Expose(), AllOf(SizeIs(32), Each('6')));
  EXPECT_THAT(grant.cluster_id, AllOf(SizeIs(32), Each(0xC1)));
  EXPECT_EQ(grant.node_name, "worker-0");
  cluster_.keys.down = true;
  EXPECT_THAT(cluster_.issuer.IssueRejoin(node, kDisk, ""),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::joinservice
