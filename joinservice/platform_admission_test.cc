// SPDX-License-Identifier: Apache-2.0
// Nodes of every platform ask the real service over gRPC for tickets; their
// evidence is made below test roots, their vendors are on loopback.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/collateral/evidence_collateral.h"
#include "attestation/collateral/testing/test_vendor.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/policy/variants.h"
#include "common/testing/status_matchers.h"
#include "joinservice/join_service.h"
#include "joinservice/testing/join_caller.h"
#include "joinservice/testing/test_cluster.h"

namespace constellation::joinservice {
namespace {

using ::constellation::attestation::testing::TestVendor;
using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::JoinCaller;
using testing::kDisk;
using testing::TestCluster;

// A machine that makes evidence of its platform when it is asked.
class ComposedAttester final : public attestation::Attester {
 public:
  explicit ComposedAttester(const std::string& variant) : node(variant) {}

  absl::StatusOr<attestation::Evidence> Attest(
      std::span<const uint8_t> user_data) override {
    node.user_data.assign(user_data.begin(), user_data.end());
    attestation::Evidence evidence = node.Evidence();
    if (without_certificates) evidence.endorsements.clear();
    return evidence;
  }

  ComposedNode node;
  bool without_certificates = false;
};

// The profile that accepts the node, which its image vouches for if no cloud
// does.
attestation::Profile ProfileFor(const ComposedNode& node) {
  attestation::Profile profile = node.Profile();
  if (profile.snp.has_value() &&
      attestation::FindVariant(profile.variant)->cloud ==
          attestation::CloudLayer::kNone) {
    profile.snp->measurement_covers_image = true;
  }
  return profile;
}

class PlatformAdmissionTest : public ::testing::Test {
 protected:
  void Serve(attestation::Profile profile,
             std::vector<attestation::EnrolledNode> enrolled = {}) {
    Stop();
    auto policy =
        attestation::Policy::Create({std::move(profile)}, std::move(enrolled));
    ASSERT_THAT(policy, IsOk());
    cluster_.policies.Set(*std::move(policy));
    const crypto::TlsIdentity identity = crypto::CreateTlsIdentity().value();
    service_ = std::make_unique<JoinService>(identity, server_tpm_, issuer_);
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
  ~PlatformAdmissionTest() override { Stop(); }

  static v1::JoinRequest Request(const std::string& role = "worker") {
    const JoinDemand demand = TestCluster::Demand("worker-0");
    v1::JoinRequest request;
    request.set_disk_uuid(demand.disk_uuid);
    request.set_node_name(demand.node_name);
    request.set_kubelet_csr(std::string(AsText(demand.kubelet_csr)));
    request.set_role(role);
    return request;
  }
  absl::StatusOr<v1::JoinTicket> Join(
      attestation::Attester& attester,
      const v1::JoinRequest& request = Request()) {
    JoinCaller caller(address_);
    caller.attester = &attester;
    return caller.Join(request);
  }

  TestCluster cluster_;
  SoftwareTpm server_tpm_;
  TempDir folder_;
  FakeClock clock_{kComposedNow};
  TestVendor vendor_;
  attestation::CollateralService collateral_{
      {.folder = folder_.Join("cache"), .endpoints = vendor_.endpoints()},
      attestation::NodeFetcherOptions(),
      clock_};
  TicketIssuer issuer_{cluster_.policies, cluster_.keys, cluster_.api, clock_,
                       cluster_.pki(),    &collateral_};
  std::unique_ptr<JoinService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

// Platforms whose evidence needs nothing but what comes along or TestVendor
// publishes.
class EveryPlatformTest : public PlatformAdmissionTest,
                          public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Variants, EveryPlatformTest,
                         ::testing::Values("qemu-sev-snp", "openstack-sev-snp",
                                           "qemu-tdx", "openstack-tdx",
                                           "azure-sev-snp", "azure-tdx",
                                           "aws-nitro-tpm", "aws-sev-snp"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(EveryPlatformTest, IsAdmittedUnderAPolicyThatNamesTheTestRoot) {
  ComposedAttester node(GetParam());
  Serve(ProfileFor(node.node));
  ASSERT_OK_AND_ASSIGN(const v1::JoinTicket ticket, Join(node));
  EXPECT_EQ(ticket.role(), "worker");
  EXPECT_EQ(ticket.kubelet_certificate(), "certificate of worker-0");
  EXPECT_EQ(ticket.state_disk_key(), std::string(32, '6'));
}

TEST_P(EveryPlatformTest, IsRefusedWithoutTheTestRoot) {
  ComposedAttester node(GetParam());
  attestation::Profile profile = ProfileFor(node.node);
  if (profile.snp.has_value()) profile.snp->policy.more_roots.clear();
  if (profile.tdx.has_value()) profile.tdx->policy.tcb.insecure_roots.clear();
  if (profile.aws.has_value()) profile.aws->insecure_roots.clear();
  Serve(profile);
  EXPECT_THAT(Join(node), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(cluster_.api.signed_requests(), ::testing::IsEmpty());
}

TEST_P(EveryPlatformTest, IsRefusedOnAnotherImage) {
  ComposedAttester node(GetParam());
  Serve(ProfileFor(node.node));
  node.node.pcrs[11] = testing::Digest(0xEE);
  EXPECT_THAT(Join(node), StatusIs(absl::StatusCode::kPermissionDenied,
                                   HasSubstr("PCR11: expected")));
}

TEST_P(EveryPlatformTest, IsRefusedAsMemberOfACluster) {
  ComposedAttester node(GetParam());
  Serve(ProfileFor(node.node));
  node.node.pcrs[15] = testing::Digest(1);
  EXPECT_THAT(Join(node), StatusIs(absl::StatusCode::kPermissionDenied,
                                   HasSubstr("PCR15")));
}

TEST_P(EveryPlatformTest, IsRefusedWithEvidenceOfAnotherConnection) {
  ComposedAttester genuine(GetParam());
  Serve(ProfileFor(genuine.node));
  // Replays what was made for somebody else's nonce.
  class Replay final : public attestation::Attester {
   public:
    explicit Replay(attestation::Evidence evidence)
        : evidence_(std::move(evidence)) {}
    absl::StatusOr<attestation::Evidence> Attest(
        std::span<const uint8_t> /*user_data*/) override {
      return evidence_;
    }

   private:
    const attestation::Evidence evidence_;
  } replay(*genuine.Attest(Bytes(attestation::kUserDataSize, 9)));
  EXPECT_THAT(Join(replay), StatusIs(absl::StatusCode::kPermissionDenied,
                                     HasSubstr("qualifying data")));
}

TEST_F(PlatformAdmissionTest, NamesTheLaunchDigestThatDiffers) {
  ComposedAttester snp("qemu-sev-snp");
  attestation::Profile profile = ProfileFor(snp.node);
  profile.snp->policy.measurements[0].fill(0x11);
  Serve(profile);
  EXPECT_THAT(Join(snp), StatusIs(absl::StatusCode::kPermissionDenied,
                                  AllOf(HasSubstr("snp measurement: expected"),
                                        HasSubstr("1111"), HasSubstr("5a5a"))));
  ComposedAttester tdx("qemu-tdx");
  profile = ProfileFor(tdx.node);
  profile.tdx->policy.mr_td[0].fill(0x22);
  Serve(profile);
  EXPECT_THAT(Join(tdx), StatusIs(absl::StatusCode::kPermissionDenied,
                                  AllOf(HasSubstr("tdx MRTD: expected"),
                                        HasSubstr("2222"), HasSubstr("7d7d"))));
}

TEST_F(PlatformAdmissionTest, NamesTheFirmwareLevelThatIsTooLow) {
  ComposedAttester snp("qemu-sev-snp");
  attestation::Profile profile = ProfileFor(snp.node);
  profile.snp->policy.products.begin()->second.minimum.microcode = 220;
  Serve(profile);
  EXPECT_THAT(Join(snp), StatusIs(absl::StatusCode::kPermissionDenied,
                                  AllOf(HasSubstr("microcode"),
                                        HasSubstr("220"), HasSubstr("219"))));
}

TEST_F(PlatformAdmissionTest, FetchesCertificatesThatTheNodeDoesNotBring) {
  ComposedAttester node("qemu-sev-snp");
  node.without_certificates = true;
  Serve(ProfileFor(node.node));
  EXPECT_THAT(Join(node), IsOk());
  EXPECT_EQ(vendor_.RequestsFor("/vcek/v1/Milan/"), 3U);
}

TEST_F(PlatformAdmissionTest, AdmitsAKnownChipWhileTheVendorIsDown) {
  ComposedAttester node("qemu-sev-snp");
  Serve(ProfileFor(node.node));
  EXPECT_THAT(Join(node), IsOk());
  vendor_.set_status(503);
  node.without_certificates = true;
  EXPECT_THAT(Join(node), IsOk());
}

// Intel's documents are about the platform, not the machine: the first node
// that joins brings them for all that are like it.
TEST_F(PlatformAdmissionTest, AdmitsAKnownTdxPlatformWhileTheVendorIsDown) {
  ComposedAttester first("qemu-tdx");
  Serve(ProfileFor(first.node));
  EXPECT_THAT(Join(first), IsOk());
  const size_t asked = vendor_.requests();
  EXPECT_EQ(asked, 4U) << "TCB info, identity, two revocation lists";
  vendor_.set_status(503);
  ComposedAttester second("qemu-tdx");
  EXPECT_THAT(Join(second), IsOk());
  EXPECT_EQ(vendor_.requests(), asked);
}

TEST_F(PlatformAdmissionTest, ADeadVendorMeansTryAgain) {
  vendor_.set_status(503);
  ComposedAttester node("qemu-tdx");
  Serve(ProfileFor(node.node));
  EXPECT_THAT(Join(node), StatusIs(absl::StatusCode::kUnavailable,
                                   HasSubstr("collateral is missing")));
}

// A node that may never join is told so at once, not to try again.
TEST_F(PlatformAdmissionTest, ADeadVendorHidesNoOtherFault) {
  vendor_.set_status(503);
  ComposedAttester node("qemu-tdx");
  Serve(ProfileFor(node.node));
  node.node.pcrs[11] = testing::Digest(0xEE);
  EXPECT_THAT(Join(node), StatusIs(absl::StatusCode::kPermissionDenied,
                                   HasSubstr("PCR11: expected")));
}

TEST_F(PlatformAdmissionTest, GivesControlPlaneTicketsToWhoAsks) {
  cluster_.WriteSharedFiles();
  ComposedAttester node("azure-sev-snp");
  Serve(ProfileFor(node.node));
  ASSERT_OK_AND_ASSIGN(const v1::JoinTicket ticket,
                       Join(node, Request("control-plane")));
  EXPECT_EQ(ticket.role(), "control-plane");
  EXPECT_EQ(ticket.control_plane_files_size(), 8);
}

TEST_F(PlatformAdmissionTest, RefusesNamesAndRolesThatNobodyMayHave) {
  ComposedAttester node("azure-sev-snp");
  Serve(ProfileFor(node.node));
  for (const char* role : {"", "Worker", "admin", "worker\n"}) {
    EXPECT_THAT(Join(node, Request(role)),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         HasSubstr("role: this node is not enrolled")));
  }
  for (const std::string& name :
       {std::string(), std::string("a.b"), std::string("Worker"),
        std::string("-a"), std::string("a-"), std::string(64, 'a')}) {
    v1::JoinRequest request = Request();
    request.set_node_name(name);
    EXPECT_THAT(Join(node, request),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         HasSubstr("node_name: want")))
        << name;
  }
  v1::JoinRequest request = Request();
  request.set_node_name("worker-1");  // the certificate request says worker-0
  EXPECT_THAT(Join(node, request), StatusIs(absl::StatusCode::kPermissionDenied,
                                            HasSubstr("kubelet_csr")));
  EXPECT_THAT(cluster_.api.signed_requests(), ::testing::IsEmpty());
}

// An owner who enrols machines means these: a genuine one from elsewhere stays
// out.
TEST_F(PlatformAdmissionTest, AnEnrolmentExcludesAllOthers) {
  ComposedAttester node("azure-sev-snp");
  const SoftwareTpm somebody;
  Serve(ProfileFor(node.node), {{.node_name = "worker-0",
                                 .role = "worker",
                                 .tpm = somebody.enrolled()}});
  EXPECT_THAT(Join(node), StatusIs(absl::StatusCode::kPermissionDenied,
                                   HasSubstr("not enrolled")));
}

TEST_F(PlatformAdmissionTest, RejoinGivesTheNameThatTheNodeGoesBy) {
  ComposedAttester node("qemu-tdx");
  Serve(ProfileFor(node.node));
  JoinCaller caller(address_);
  caller.attester = &node;
  v1::RejoinRequest request;
  request.set_disk_uuid(kDisk);
  request.set_node_name("worker-7");
  ASSERT_OK_AND_ASSIGN(const v1::RejoinTicket ticket, caller.Rejoin(request));
  EXPECT_EQ(ticket.node_name(), "worker-7");
  EXPECT_EQ(ticket.state_disk_key(), std::string(32, '6'));
  request.set_node_name("../etc");
  EXPECT_THAT(caller.Rejoin(request),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace constellation::joinservice
