// SPDX-License-Identifier: Apache-2.0
// Composition: every variant's layers, bound to each other; one mutation per
// binding.
#include "attestation/policy/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::GceMachine;
using ::constellation::testing::IsOk;
using ::constellation::testing::kComposedNow;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

// Variants whose evidence has more than an enrolled TPM's quote.
std::vector<std::string> LayeredVariants() {
  std::vector<std::string> names;
  for (const std::string_view name : VariantNames()) {
    const Variant& variant = *FindVariant(name);
    if (variant.has_tpm && !variant.enrolled_only) {
      names.emplace_back(name);
    }
  }
  return names;
}

Appraisal AppraiseWith(const ComposedNode& node, const Evidence& evidence,
                       std::vector<Profile> profiles,
                       const AppraisalCollateral& collateral,
                       std::vector<EnrolledNode> enrolled = {}) {
  const absl::StatusOr<Policy> policy =
      Policy::Create(std::move(profiles), std::move(enrolled));
  EXPECT_THAT(policy, IsOk());
  return Appraise(evidence, node.user_data, ClusterState::None(), *policy,
                  collateral, kComposedNow);
}
Appraisal AppraiseIt(const ComposedNode& node, const Evidence& evidence) {
  return AppraiseWith(node, evidence, {node.Profile()}, node.Collateral());
}
Appraisal AppraiseIt(const ComposedNode& node, const Profile& profile) {
  return AppraiseWith(node, node.Evidence(), {profile}, node.Collateral());
}

std::set<std::string> Failed(const Appraisal& appraisal) {
  std::set<std::string> names;
  for (const CheckRow& row : appraisal.rows) {
    if (row.verdict == CheckVerdict::kFailed) {
      names.insert(row.layer + " " + row.name);
    }
  }
  return names;
}

std::string AdviceOf(const Appraisal& appraisal, const std::string& layer,
                     const std::string& name) {
  for (const CheckRow& row : appraisal.rows) {
    if (row.layer == layer && row.name == name) {
      return row.advice;
    }
  }
  return "no such row";
}

class EveryVariantTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Variants, EveryVariantTest,
                         ::testing::ValuesIn(LayeredVariants()),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(EveryVariantTest, AcceptsGoodEvidence) {
  ComposedNode node(GetParam());
  Profile profile = node.Profile();
  if (profile.snp.has_value() && !profile.aws.has_value()) {
    profile.snp->measurement_covers_image = true;
  }
  const Appraisal appraisal = AppraiseIt(node, profile);
  EXPECT_TRUE(appraisal.accepted) << appraisal.Failures();
  EXPECT_EQ(appraisal.profile, "image 1");
  // Its roots are the tests' own.
  EXPECT_EQ(appraisal.rests_on, "simulated");
  EXPECT_EQ(appraisal.tcb_report.size(), 4U);
  EXPECT_TRUE(appraisal.tcb_report[0].met);
}

TEST_P(EveryVariantTest, NeverPassesWithoutTheTestRoots) {
  const ComposedNode node(GetParam());
  Profile profile = node.Profile();
  if (profile.snp.has_value()) {
    profile.snp->policy.more_roots.clear();
  }
  if (profile.tdx.has_value()) {
    profile.tdx->policy.tcb.insecure_roots.clear();
  }
  if (profile.gcp.has_value()) {
    profile.gcp->insecure_roots.clear();
  }
  if (profile.aws.has_value()) {
    profile.aws->insecure_roots.clear();
  }
  EXPECT_FALSE(AppraiseIt(node, profile).accepted);
}

TEST_P(EveryVariantTest, RefusesAnotherQuoteNonce) {
  ComposedNode node(GetParam());
  node.quote_nonce = Bytes(32, 0x99);
  EXPECT_THAT(Failed(AppraiseIt(node, node.Evidence())),
              Contains("quote qualifying data"));
}

TEST_P(EveryVariantTest, RefusesEvidenceForAnotherChannel) {
  ComposedNode node(GetParam());
  const Evidence evidence = node.Evidence();
  node.user_data[0] ^= 1U;
  EXPECT_THAT(Failed(AppraiseIt(node, evidence)),
              Contains("quote qualifying data"));
}

TEST_P(EveryVariantTest, RefusesAnotherImage) {
  ComposedNode node(GetParam());
  const Profile profile = node.Profile();
  node.pcrs[12] = crypto::Sha256(AsBytes("command line"));
  EXPECT_THAT(Failed(AppraiseIt(node, profile)),
              IsSupersetOf({"pcr PCR12", "profile image"}));
}

TEST_P(EveryVariantTest, RefusesUnknownEndorsement) {
  const ComposedNode node(GetParam());
  Evidence evidence = node.Evidence();
  evidence.endorsements.push_back({0x7f, 1, 2});
  EXPECT_THAT(Failed(AppraiseIt(node, evidence)),
              Contains("evidence endorsements"));
}

TEST_P(EveryVariantTest, EveryFailureSaysWhatWasWanted) {
  const ComposedNode node(GetParam());
  Evidence evidence = node.Evidence();
  evidence.hardware_report.clear();
  evidence.endorsements.clear();
  const Appraisal appraisal = AppraiseIt(node, evidence);
  EXPECT_FALSE(appraisal.accepted);
  for (const CheckRow& row : appraisal.rows) {
    EXPECT_FALSE(row.expected.empty()) << row.layer << " " << row.name;
    EXPECT_FALSE(row.layer.empty());
  }
}

// No bit of a layer can change unnoticed. Octets behind a quote's signature
// section and padding are the only ones that nothing covers.
TEST_P(EveryVariantTest, RefusesFlippedBitsOfTheHardwareReport) {
  const ComposedNode node(GetParam());
  const Evidence good = node.Evidence();
  const AppraisalCollateral collateral = node.Collateral();
  const Profile profile = node.Profile();
  for (size_t i = 0; i < good.hardware_report.size(); i += 97) {
    Evidence evidence = good;
    evidence.hardware_report[i] ^= 0x10U;
    EXPECT_FALSE(AppraiseWith(node, evidence, {profile}, collateral).accepted)
        << i;
  }
}

// --- SEV-SNP ---

class SnpNodeTest : public ::testing::Test {
 protected:
  SnpNodeTest() : profile_(node_.Profile()) {
    profile_.snp->measurement_covers_image = true;
  }
  ComposedNode node_{"qemu-sev-snp"};
  Profile profile_;
};

TEST_F(SnpNodeTest, KeyNeedsSomebodyToVouchForIt) {
  profile_.snp->measurement_covers_image = false;
  const Appraisal appraisal = AppraiseIt(node_, profile_);
  EXPECT_THAT(Failed(appraisal), ElementsAre("tpm AK vouched for"));
  EXPECT_FALSE(appraisal.tcb_report[0].met);
  EXPECT_THAT(AdviceOf(appraisal, "tpm", "AK vouched for"),
              HasSubstr("measurementCoversImage"));
  // Its owner may.
  const Evidence evidence = node_.Evidence();
  const EnrolledNode enrolled{
      .node_name = "node-0",
      .role = std::string(kRoleWorker),
      .tpm = {.ek_certificate_sha256 = crypto::Sha256(Bytes()),
              .ak_name = NameOf(evidence.tpm.ak_public).value()}};
  const Appraisal with =
      AppraiseWith(node_, evidence, {profile_}, node_.Collateral(), {enrolled});
  EXPECT_TRUE(with.accepted) << with.Failures();
  EXPECT_EQ(with.node_name, "node-0");
}

TEST_F(SnpNodeTest, ReportOfAnotherKeyOrStateIsRefused) {
  node_.snp_report_data = Bytes(64, 0x31);
  const Appraisal appraisal = AppraiseIt(node_, profile_);
  EXPECT_THAT(Failed(appraisal),
              ElementsAre("snp report data", "tpm AK vouched for"));
}

TEST_F(SnpNodeTest, ReportMadeBeforeARegisterChangedIsRefused) {
  const Evidence before = node_.Evidence();
  node_.pcrs[15] = crypto::Sha256(AsBytes("extended"));
  Evidence after = node_.Evidence();
  after.hardware_report = before.hardware_report;
  after.endorsements = before.endorsements;
  EXPECT_THAT(
      Failed(AppraiseWith(node_, after, {profile_}, node_.Collateral())),
      IsSupersetOf({"snp report data", "quote qualifying data"}));
}

TEST_F(SnpNodeTest, FloorsSayCauseAndFix) {
  profile_.snp->policy.products[SnpProduct::kMilan].minimum.microcode = 220;
  const Appraisal appraisal = AppraiseIt(node_, profile_);
  EXPECT_THAT(
      Failed(appraisal),
      ElementsAre("snp committed TCB microcode", "snp current TCB microcode",
                  "snp launch TCB microcode", "snp reported TCB microcode",
                  "tpm AK vouched for"));
  EXPECT_EQ(AdviceOf(appraisal, "snp", "reported TCB microcode"),
            "reported TCB microcode 219 < 220: update the host's firmware or "
            "lower `minimumTCB.microcode` in profile image 1");
}

TEST_F(SnpNodeTest, DebugGuestIsRefused) {
  node_.snp.policy |= 1U << 19U;
  EXPECT_THAT(Failed(AppraiseIt(node_, profile_)),
              Contains("snp debugging allowed"));
}

TEST_F(SnpNodeTest, AnotherMeasurementIsRefused) {
  node_.snp.measurement[0] ^= 1U;
  EXPECT_THAT(Failed(AppraiseIt(node_, profile_)), Contains("snp measurement"));
}

TEST_F(SnpNodeTest, IdKeyVouchesForTheMeasurement) {
  node_.snp.id_key_digest.fill(0x1d);
  profile_.snp->measurement_covers_image = false;
  profile_.snp->policy.measurements.clear();
  profile_.snp->policy.id_key_digests = {node_.snp.id_key_digest};
  EXPECT_THAT(Failed(AppraiseIt(node_, profile_)),
              ElementsAre("tpm AK vouched for"));
  node_.snp.id_key_digest.fill(0x1e);
  EXPECT_THAT(Failed(AppraiseIt(node_, profile_)),
              Contains("snp ID key digest"));
}

TEST_F(SnpNodeTest, MissingCertificatesComeFromCollateral) {
  Evidence evidence = node_.Evidence();
  AppraisalCollateral collateral;
  for (const Bytes& der : evidence.endorsements) {
    collateral.certificates.push_back(
        crypto::Certificate::FromDer(der).value());
  }
  evidence.endorsements.clear();
  EXPECT_TRUE(AppraiseWith(node_, evidence, {profile_}, collateral).accepted);
  const Appraisal without = AppraiseWith(node_, evidence, {profile_}, {});
  EXPECT_FALSE(without.accepted);
  EXPECT_THAT(AdviceOf(without, "snp", "ARK certificate"), Not(IsEmpty()));
}

// A certificate of another level of the same chip does not hide the right one.
TEST_F(SnpNodeTest, FindsTheSignerThatFits) {
  const auto& amd = constellation::testing::SnpSigner::For(
      constellation::testing::SnpTestProduct::kMilan);
  constellation::testing::SnpTestLeaf old;
  old.tcb.microcode = 200;
  Evidence evidence = node_.Evidence();
  evidence.endorsements.insert(evidence.endorsements.begin(),
                               amd.MakeLeaf(old));
  EXPECT_TRUE(AppraiseWith(node_, evidence, {profile_}, {}).accepted);
  evidence.endorsements.erase(evidence.endorsements.begin() + 1);
  EXPECT_FALSE(AppraiseWith(node_, evidence, {profile_}, {}).accepted);
}

TEST_F(SnpNodeTest, RevocationListIsUsedAndDemanded) {
  const auto& amd = constellation::testing::SnpSigner::For(
      constellation::testing::SnpTestProduct::kMilan);
  profile_.snp->policy.require_revocation_list = true;
  EXPECT_FALSE(AppraiseIt(node_, profile_).accepted);
  AppraisalCollateral collateral = node_.Collateral();
  collateral.crls = {crypto::RevocationList::FromDer(amd.MakeCrl()).value()};
  EXPECT_TRUE(
      AppraiseWith(node_, node_.Evidence(), {profile_}, collateral).accepted);
}

TEST_F(SnpNodeTest, ChoosesTheProfileWhoseLayersFit) {
  Profile other = profile_;
  other.name = "image 1 on newer hosts";
  other.snp->policy.products[SnpProduct::kMilan].minimum.microcode = 255;
  for (const std::vector<Profile>& profiles :
       {std::vector<Profile>{other, profile_},
        std::vector<Profile>{profile_, other}}) {
    const Appraisal appraisal =
        AppraiseWith(node_, node_.Evidence(), profiles, node_.Collateral());
    EXPECT_TRUE(appraisal.accepted) << appraisal.Failures();
    EXPECT_EQ(appraisal.profile, "image 1");
  }
}

// A cache makes nothing acceptable.
TEST_F(SnpNodeTest, CacheDoesNotTurnARefusalIntoAnAcceptance) {
  SnpChainCache cache(8);
  AppraisalCollateral collateral = node_.Collateral();
  collateral.snp_cache = &cache;
  const Evidence evidence = node_.Evidence();
  EXPECT_TRUE(AppraiseWith(node_, evidence, {profile_}, collateral).accepted);
  Profile strict = profile_;
  strict.snp->policy.more_roots.clear();
  EXPECT_FALSE(AppraiseWith(node_, evidence, {strict}, collateral).accepted);
}

// --- TDX ---

TEST(TdxNodeTest, QuoteOfAnotherKeyOrStateIsRefused) {
  ComposedNode node("qemu-tdx");
  node.snp_report_data = Bytes(64, 0x31);
  EXPECT_THAT(Failed(AppraiseIt(node, node.Evidence())),
              ElementsAre("tdx report data", "tpm AK vouched for"));
}

TEST(TdxNodeTest, NeedsCollateral) {
  const ComposedNode node("qemu-tdx");
  const Appraisal appraisal = AppraiseWith(
      node, node.Evidence(), {node.Profile()}, AppraisalCollateral());
  EXPECT_THAT(Failed(appraisal), Contains("collateral given"));
  EXPECT_THAT(AdviceOf(appraisal, "collateral", "given"),
              HasSubstr("constellation collateral fetch"));
}

TEST(TdxNodeTest, SkipsCollateralOfOtherPlatforms) {
  ComposedNode node("qemu-tdx");
  node.tcb_info.fmspc = {9, 9, 9, 9, 9, 9};
  AppraisalCollateral collateral = node.Collateral();
  const Profile profile = node.Profile();
  EXPECT_FALSE(
      AppraiseWith(node, node.Evidence(), {profile}, collateral).accepted);
  const AppraisalCollateral good = ComposedNode("qemu-tdx").Collateral();
  collateral.intel.push_back(good.intel[0]);
  EXPECT_TRUE(
      AppraiseWith(node, node.Evidence(), {profile}, collateral).accepted);
}

TEST(TdxNodeTest, OldCollateralIsRefused) {
  const ComposedNode node("qemu-tdx");
  Profile profile = node.Profile();
  profile.tdx->policy.tcb.minimum_evaluation_data_number = 19;
  EXPECT_THAT(
      Failed(AppraiseIt(node, profile)),
      ElementsAre("tdx TCB evaluation data number", "tpm AK vouched for"));
}

TEST(TdxNodeTest, WithoutRtmr1NobodyVouchesForTheKey) {
  const ComposedNode node("qemu-tdx");
  Profile profile = node.Profile();
  profile.tdx->policy.rtmr[1].clear();
  EXPECT_THAT(Failed(AppraiseIt(node, profile)),
              ElementsAre("tpm AK vouched for"));
}

// --- Azure ---

TEST(AzureNodeTest, ReportOfOtherRuntimeDataIsRefused) {
  for (const char* variant : {"azure-sev-snp", "azure-tdx"}) {
    ComposedNode node(variant);
    node.snp_report_data = Bytes(64, 0x31);
    EXPECT_THAT(Failed(AppraiseIt(node, node.Evidence())),
                IsSupersetOf({"tpm AK vouched for"}))
        << variant;
  }
}

// Runtime data of a genuine machine, quote of the attacker's TPM.
TEST(AzureNodeTest, QuoteOfAnotherKeyIsRefused) {
  const ComposedNode node("azure-sev-snp");
  Evidence evidence = node.Evidence();
  const ComposedNode attacker("gcp-sev-es");  // another key
  const Evidence foreign = attacker.Evidence();
  evidence.tpm = foreign.tpm;
  EXPECT_THAT(Failed(AppraiseIt(node, evidence)),
              IsSupersetOf({"azure quote key", "tpm AK vouched for"}));
}

TEST(AzureNodeTest, ClaimsAreCompared) {
  ComposedNode node("azure-sev-snp");
  node.azure_claims =
      R"("vm-configuration":{"secure-boot":false,"tpm-enabled":true})";
  EXPECT_THAT(Failed(AppraiseIt(node, node.Evidence())),
              ElementsAre("azure secure boot"));
  Profile profile = node.Profile();
  profile.azure->policy.require_secure_boot = false;
  EXPECT_TRUE(AppraiseIt(node, profile).accepted);
  profile.azure->policy.vm_ids = {"other"};
  EXPECT_THAT(Failed(AppraiseIt(node, profile)),
              ElementsAre("azure vmUniqueId"));
}

TEST(AzureNodeTest, UserDataAreComparedIfDemanded) {
  const ComposedNode node("azure-sev-snp");
  Profile profile = node.Profile();
  profile.azure->require_user_data = true;
  EXPECT_THAT(Failed(AppraiseIt(node, profile)),
              ElementsAre("azure user data"));
}

TEST(AzureNodeTest, TdReportOfTheOtherKindIsRefused) {
  const ComposedNode node("azure-sev-snp");
  Evidence evidence = node.Evidence();
  evidence.endorsements.push_back({4, 0, 2, 0});
  EXPECT_THAT(Failed(AppraiseIt(node, evidence)),
              Contains("evidence endorsements"));
}

// --- GCP ---

TEST(GcpNodeTest, MachineOfAnotherProjectIsRefused) {
  for (const char* variant : {"gcp-sev-es", "gcp-sev-snp", "gcp-tdx"}) {
    const ComposedNode node(variant);
    Profile profile = node.Profile();
    profile.gcp->policy.project_ids = {"mine"};
    EXPECT_THAT(Failed(AppraiseIt(node, profile)),
                ElementsAre("gcp project id"))
        << variant;
  }
}

TEST(GcpNodeTest, WithoutCertificateNobodyVouchesForTheKey) {
  const ComposedNode node("gcp-sev-es");
  Evidence evidence = node.Evidence();
  evidence.endorsements.clear();
  const Appraisal appraisal = AppraiseIt(node, evidence);
  EXPECT_THAT(Failed(appraisal),
              IsSupersetOf({"tpm AK vouched for", "gcp instance"}));
  EXPECT_THAT(AdviceOf(appraisal, "gcp", "instance"),
              HasSubstr("no certificate of the quote's key"));
}

// The lists of the collateral are Google's authorities' too.
TEST(GcpNodeTest, RevokedMachineIsRefused) {
  for (const char* variant : {"gcp-sev-es", "gcp-sev-snp", "gcp-tdx"}) {
    const ComposedNode node(variant);
    AppraisalCollateral collateral = node.Collateral();
    collateral.crls.push_back(GceMachine::Listed(false, {.revoked = {1}}));
    EXPECT_TRUE(
        AppraiseWith(node, node.Evidence(), {node.Profile()}, collateral)
            .accepted)
        << variant;
    collateral.crls.push_back(GceMachine::Listed(false, {.revoked = {7}}));
    EXPECT_THAT(
        Failed(
            AppraiseWith(node, node.Evidence(), {node.Profile()}, collateral)),
        IsSupersetOf({"gcp AK certificate: revocation", "gcp instance"}))
        << variant;
  }
}

// Never passed in silence: the row fails if the profile wants lists.
TEST(GcpNodeTest, ADemandedRevocationListMustBeThere) {
  const ComposedNode node("gcp-tdx");
  Profile profile = node.Profile();
  profile.gcp->require_revocation_list = true;
  AppraisalCollateral collateral = node.Collateral();
  collateral.crls.clear();
  EXPECT_THAT(
      Failed(AppraiseWith(node, node.Evidence(), {profile}, collateral)),
      IsSupersetOf({"gcp AK certificate: revocation", "gcp instance"}));
  collateral.crls.push_back(GceMachine::Listed(false, {}));
  EXPECT_TRUE(
      AppraiseWith(node, node.Evidence(), {profile}, collateral).accepted);
}

TEST(GcpNodeTest, TechnologyIsTheVariants) {
  const ComposedNode node("gcp-sev-es");
  Evidence evidence = node.Evidence();
  const ComposedNode plain("gcp-sev-snp");
  evidence.tpm.event_log = plain.Evidence().tpm.event_log;
  EXPECT_FALSE(AppraiseIt(node, evidence).accepted);
}

// --- AWS ---

TEST(AwsNodeTest, DocumentForAnotherKeyIsRefused) {
  ComposedNode node("aws-nitro-tpm");
  node.document_key =
      constellation::testing::QuoteSigner(
          constellation::testing::SignerKind::kP256, kTpmAlgSha256)
          .Point();
  EXPECT_THAT(Failed(AppraiseIt(node, node.Evidence())),
              ElementsAre("aws quote public key", "tpm AK vouched for"));
}

TEST(AwsNodeTest, DocumentForAnotherQuoteIsRefused) {
  ComposedNode node("aws-nitro-tpm");
  node.document_nonce = Bytes(32, 0x99);
  EXPECT_THAT(Failed(AppraiseIt(node, node.Evidence())),
              IsSupersetOf({"aws document nonce", "tpm AK vouched for"}));
}

TEST(AwsNodeTest, OtherRegistersAreRefused) {
  ComposedNode node("aws-nitro-tpm");
  const Profile profile = node.Profile();
  node.nitro.pcrs[4][0] ^= 1U;
  EXPECT_THAT(Failed(AppraiseIt(node, profile)), ElementsAre("aws register"));
}

TEST(AwsNodeTest, OldDocumentIsRefused) {
  ComposedNode node("aws-nitro-tpm");
  Profile profile = node.Profile();
  profile.aws->max_age = absl::Seconds(30);
  node.nitro.timestamp -= absl::Seconds(40);
  EXPECT_FALSE(AppraiseIt(node, profile).accepted);
}

// The lists of the collateral are Amazon's authorities' too.
TEST(AwsNodeTest, RevokedHypervisorIsRefused) {
  const ComposedNode node("aws-nitro-tpm");
  AppraisalCollateral collateral = node.Collateral();
  const size_t issuer = node.nitro.specs.size() - 2;
  collateral.crls = {node.nitro.Listed(issuer, {.revoked = {1}})};
  EXPECT_TRUE(AppraiseWith(node, node.Evidence(), {node.Profile()}, collateral)
                  .accepted);
  collateral.crls = {node.nitro.Listed(issuer, {.revoked = {7}})};
  EXPECT_THAT(
      Failed(AppraiseWith(node, node.Evidence(), {node.Profile()}, collateral)),
      AllOf(Contains("aws document revocation"),
            Contains("tpm AK vouched for")));
}

TEST(AwsNodeTest, ADemandedRevocationListMustBeThere) {
  const ComposedNode node("aws-sev-snp");
  Profile profile = node.Profile();
  profile.aws->require_revocation_list = true;
  AppraisalCollateral collateral = node.Collateral();
  collateral.crls.clear();
  EXPECT_THAT(
      Failed(AppraiseWith(node, node.Evidence(), {profile}, collateral)),
      Contains("aws document revocation"));
  collateral.crls = {node.nitro.Listed(0, {})};
  EXPECT_TRUE(
      AppraiseWith(node, node.Evidence(), {profile}, collateral).accepted);
}

// What was revoked since an old list is not known.
TEST(AwsNodeTest, OldRevocationListIsRefused) {
  const ComposedNode node("aws-nitro-tpm");
  AppraisalCollateral collateral = node.Collateral();
  collateral.crls = {
      node.nitro.Listed(node.nitro.specs.size() - 2,
                        {.next_update = kComposedNow - absl::Seconds(1)})};
  EXPECT_THAT(
      Failed(AppraiseWith(node, node.Evidence(), {node.Profile()}, collateral)),
      Contains("aws document revocation"));
}

TEST(AwsNodeTest, MissingDocumentIsRefused) {
  const ComposedNode node("aws-nitro-tpm");
  Evidence evidence = node.Evidence();
  evidence.endorsements.clear();
  const Appraisal appraisal = AppraiseIt(node, evidence);
  EXPECT_THAT(Failed(appraisal),
              IsSupersetOf({"aws registers", "tpm AK vouched for"}));
}

}  // namespace
}  // namespace constellation::attestation
