// SPDX-License-Identifier: Apache-2.0
// Which certificates and collateral a CPU's report is checked with. What the
// checks are is tested where they are made.
#include "attestation/policy/cpu_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "attestation/policy/testing/composed_node.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestLeaf;
using ::constellation::testing::SnpTestProduct;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

crypto::Certificate Parsed(const Bytes& der) {
  return crypto::Certificate::FromDer(der).value();
}

// "layer name" of the failed rows.
std::set<std::string> Failed(const std::vector<CheckRow>& rows) {
  std::set<std::string> names;
  for (const CheckRow& row : rows) {
    if (row.verdict == CheckVerdict::kFailed) {
      names.insert(row.layer + " " + row.name);
    }
  }
  return names;
}

class SnpLayerTest : public ::testing::Test {
 protected:
  SnpLayerTest() : policy_(node_.Profile().snp->policy) {
    made_ = amd_.Make(node_.snp);
    evidence_ = {Parsed(made_.leaf), Parsed(made_.intermediate),
                 Parsed(made_.ark)};
  }
  SnpLayer Check() const {
    return CheckSnpLayer(made_.report, policy_, std::nullopt,
                         {.evidence_certificates = evidence_,
                          .collateral = collateral_,
                          .now = kComposedNow});
  }

  const SnpSigner& amd_ = SnpSigner::For(SnpTestProduct::kMilan);
  const ComposedNode node_{"qemu-sev-snp"};
  SnpTestEvidence made_;
  SnpPolicy policy_;
  std::vector<crypto::Certificate> evidence_;
  AppraisalCollateral collateral_;
};

// "layer name" of the rows that say what was not checked.
std::set<std::string> Infos(const std::vector<CheckRow>& rows) {
  std::set<std::string> names;
  for (const CheckRow& row : rows) {
    if (row.verdict == CheckVerdict::kInfo) {
      names.insert(row.layer + " " + row.name);
    }
  }
  return names;
}

TEST_F(SnpLayerTest, WhatNothingDemandsIsNotCalledPassed) {
  EXPECT_THAT(Infos(Check().rows),
              ElementsAre("snp not revoked", "snp revocation list"));
  collateral_.crls = {crypto::RevocationList::FromDer(amd_.MakeCrl()).value()};
  EXPECT_THAT(Infos(Check().rows), IsEmpty());
}

TEST_F(SnpLayerTest, GivesTheReportThatPassed) {
  const SnpLayer layer = Check();
  EXPECT_THAT(Failed(layer.rows), IsEmpty());
  ASSERT_TRUE(layer.report.has_value());
  EXPECT_EQ(layer.report->report().measurement, node_.snp.measurement);
  for (const CheckRow& row : layer.rows) {
    EXPECT_EQ(row.layer, "snp");
  }
}

// The order does not matter, nor where they stand.
TEST_F(SnpLayerTest, CertificatesAreFoundAnywhere) {
  std::ranges::reverse(evidence_);
  EXPECT_TRUE(Check().report.has_value());
  std::swap(evidence_, collateral_.certificates);
  EXPECT_TRUE(Check().report.has_value());
}

TEST_F(SnpLayerTest, TheSignerIsTheOneOfChipAndLevels) {
  SnpTestLeaf other;
  other.tcb.microcode = 200;
  SnpTestLeaf stranger;
  stranger.hw_id = Bytes(64, 0x77);
  evidence_.insert(evidence_.begin(), {Parsed(amd_.MakeLeaf(stranger)),
                                       Parsed(amd_.MakeLeaf(other))});
  EXPECT_TRUE(Check().report.has_value());
  // Without the right one a wrong one still gives rows that say so.
  evidence_.erase(evidence_.begin() + 2);
  const SnpLayer layer = Check();
  EXPECT_FALSE(layer.report.has_value());
  EXPECT_THAT(Failed(layer.rows), Contains("snp chip ID"));
}

TEST_F(SnpLayerTest, AGapEndsTheChain) {
  evidence_.pop_back();
  const std::set<std::string> failed = Failed(Check().rows);
  EXPECT_THAT(failed, Contains("snp ARK certificate"));
  EXPECT_THAT(failed, Not(Contains("snp ASK certificate")));
  EXPECT_THAT(failed, Contains("snp policy"));
}

// The list is looked for by its issuer; one of another root is none.
TEST_F(SnpLayerTest, TheRevocationListIsTheRoots) {
  policy_.require_revocation_list = true;
  const auto& genoa = SnpSigner::For(SnpTestProduct::kGenoa);
  collateral_.crls = {crypto::RevocationList::FromDer(genoa.MakeCrl()).value()};
  EXPECT_THAT(Failed(Check().rows), Contains("snp revocation list"));
  collateral_.crls.push_back(
      crypto::RevocationList::FromDer(amd_.MakeCrl()).value());
  EXPECT_TRUE(Check().report.has_value());
  crypto::testing::TestCrl revoking;
  const crypto::Certificate intermediate = Parsed(made_.intermediate);
  revoking.revoked = {
      Bytes(intermediate.serial().begin(), intermediate.serial().end())};
  collateral_.crls.back() =
      crypto::RevocationList::FromDer(amd_.MakeCrl(revoking)).value();
  EXPECT_THAT(Failed(Check().rows), Contains("snp not revoked"));
}

// Fields of a report that did not verify are not held against the policy.
TEST_F(SnpLayerTest, ThePolicyIsAskedAboutGenuineReportsOnly) {
  made_.report[0x90] ^= 1U;  // the measurement
  const SnpLayer layer = Check();
  EXPECT_THAT(Failed(layer.rows), ElementsAre("snp policy", "snp signature"));
  EXPECT_FALSE(layer.report.has_value());
}

TEST_F(SnpLayerTest, ARefusedReportIsNotHandedOn) {
  policy_.minimum_guest_svn = 9;
  const SnpLayer layer = Check();
  EXPECT_THAT(Failed(layer.rows), ElementsAre("snp guest SVN"));
  EXPECT_FALSE(layer.report.has_value());
}

class TdxLayerTest : public ::testing::Test {
 protected:
  TdxLayerTest()
      : policy_(node_.Profile().tdx->policy),
        quote_(IntelSigner::Get().MakeQuote(node_.tdx)),
        collateral_(node_.Collateral()) {}
  TdxLayer Check(const std::optional<ReportData>& data = std::nullopt) const {
    return CheckTdxLayer(quote_, policy_, data,
                         {.evidence_certificates = none_,
                          .collateral = collateral_,
                          .now = kComposedNow});
  }
  // Collateral of another platform.
  IntelCollateral Foreign() const {
    ComposedNode other("qemu-tdx");
    other.tcb_info.fmspc = {9, 9, 9, 9, 9, 9};
    return other.Collateral().intel[0];
  }

  const ComposedNode node_{"qemu-tdx"};
  TdxPolicy policy_;
  const Bytes quote_;
  AppraisalCollateral collateral_;
  const std::vector<crypto::Certificate> none_;
};

TEST_F(TdxLayerTest, GivesTheQuoteThatPassed) {
  const TdxLayer layer = Check();
  EXPECT_THAT(Failed(layer.rows), IsEmpty());
  ASSERT_TRUE(layer.quote.has_value());
  EXPECT_EQ(layer.quote->report().mr_td, node_.tdx.td.mr_td);
}

TEST_F(TdxLayerTest, ReportDataAreComparedIfGiven) {
  EXPECT_TRUE(Check(node_.tdx.td.report_data).quote.has_value());
  ReportData other = node_.tdx.td.report_data;
  other[63] ^= 1U;
  EXPECT_THAT(Failed(Check(other).rows), ElementsAre("tdx report data"));
}

// Never accepted, but what the quote says of itself is shown.
TEST_F(TdxLayerTest, WithoutCollateralNothingIsAccepted) {
  collateral_.intel.clear();
  collateral_.certificates.push_back(Parsed(IntelSigner::Get().root()));
  const TdxLayer layer = Check();
  EXPECT_FALSE(layer.quote.has_value());
  EXPECT_THAT(Failed(layer.rows), ElementsAre("collateral given"));
  EXPECT_GT(layer.rows.size(), 5U);
}

TEST_F(TdxLayerTest, TheFirstThatSuitsIsTaken) {
  collateral_.intel.insert(collateral_.intel.begin(), Foreign());
  EXPECT_TRUE(Check().quote.has_value());
}

// Else the owner would be told about the wrong platform.
TEST_F(TdxLayerTest, TheRowsAreThoseOfTheClosest) {
  policy_.tcb.minimum_evaluation_data_number = 19;  // 18 is there
  for (const bool first : {true, false}) {
    collateral_ = node_.Collateral();
    collateral_.intel.insert(
        first ? collateral_.intel.begin() : collateral_.intel.end(), Foreign());
    const TdxLayer layer = Check();
    EXPECT_FALSE(layer.quote.has_value());
    EXPECT_THAT(Failed(layer.rows),
                ElementsAre("tdx TCB evaluation data number"))
        << first;
  }
}

// Each costs signatures, and a bundle may be hostile.
TEST_F(TdxLayerTest, OnlySoManyAreTried) {
  const IntelCollateral good = collateral_.intel[0];
  collateral_.intel.assign(15, Foreign());
  collateral_.intel.push_back(good);
  EXPECT_TRUE(Check().quote.has_value());
  collateral_.intel.insert(collateral_.intel.begin(), Foreign());
  EXPECT_FALSE(Check().quote.has_value());
}

TEST_F(TdxLayerTest, VerifiedCollateralComesFirst) {
  const std::vector<crypto::Certificate> roots = {
      Parsed(IntelSigner::Get().root())};
  const IntelTrustAnchors anchors = IntelTrustAnchors::Create(roots).value();
  collateral_.verified_intel.push_back(
      VerifyIntelCollateral(collateral_.intel[0], anchors, kComposedNow,
                            absl::ZeroDuration())
          .value());
  collateral_.intel.clear();
  // The root's certificate then comes with the certificates.
  collateral_.certificates.push_back(Parsed(IntelSigner::Get().root()));
  EXPECT_TRUE(Check().quote.has_value());
}

// A test root counts only if the policy names its key.
TEST_F(TdxLayerTest, RootsAreThePolicys) {
  policy_.tcb.insecure_roots.clear();
  const TdxLayer layer = Check();
  EXPECT_FALSE(layer.quote.has_value());
  EXPECT_THAT(Failed(layer.rows), Contains("tdx PCK chain"));
  policy_.tcb.insecure_roots = {crypto::Sha256(Bytes{1}),
                                IntelSigner::Get().RootSpkiSha256()};
  EXPECT_TRUE(Check().quote.has_value());
}

// One that is named but did not issue itself is no root at all.
TEST_F(TdxLayerTest, OnlySelfIssuedCertificatesAreRoots) {
  const crypto::Certificate ca = Parsed(IntelSigner::Get().pck_ca(true));
  policy_.tcb.insecure_roots = {ca.SpkiFingerprint()};
  collateral_.certificates.push_back(ca);
  EXPECT_THAT(Failed(Check().rows), Contains("tdx PCK chain"));
}

TEST_F(TdxLayerTest, WhatIsNoQuoteIsRefused) {
  const Bytes octets(100, 4);
  const TdxLayer layer = CheckTdxLayer(octets, policy_, std::nullopt,
                                       {.evidence_certificates = none_,
                                        .collateral = collateral_,
                                        .now = kComposedNow});
  EXPECT_FALSE(layer.quote.has_value());
  EXPECT_THAT(Failed(layer.rows), Contains("tdx quote format"));
}

}  // namespace
}  // namespace constellation::attestation
