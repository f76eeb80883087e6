// SPDX-License-Identifier: Apache-2.0
// Whether the verifiers take what the signers make: with the test root named,
// and never without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/collateral.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/snp/certificate_table.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "common/testing/status_matchers.h"

namespace constellation::testing {
namespace {

using attestation::IntelTrustAnchors;
using attestation::SnpProduct;

const absl::Time kNow = absl::FromUnixSeconds(1800000000);

crypto::testing::TestCrl Revoking(const Bytes& serial) {
  crypto::testing::TestCrl crl;
  crl.revoked = {serial};
  return crl;
}

// --- SEV-SNP ------------------------------------------------------------

SnpProduct ProductOf(SnpTestProduct product) {
  switch (product) {
    case SnpTestProduct::kMilan:
      return SnpProduct::kMilan;
    case SnpTestProduct::kGenoa:
      return SnpProduct::kGenoa;
    case SnpTestProduct::kTurin:
      break;
  }
  return SnpProduct::kTurin;
}

absl::Status VerifyEvidence(const SnpTestEvidence& evidence,
                            const std::vector<attestation::SnpRoot>& roots) {
  return attestation::VerifySnp(
             {.report = evidence.report,
              .endorsements = {.signer = evidence.leaf,
                               .intermediate = evidence.intermediate,
                               .root = evidence.ark,
                               .crl = evidence.crl},
              .options = {.more_roots = roots, .crl_required = true}},
             kNow)
      .status();
}

TEST(SignedEvidenceTest, SnpReportsVerifyOnlyWithTheRootNamed) {
  for (const auto product : {SnpTestProduct::kMilan, SnpTestProduct::kGenoa,
                             SnpTestProduct::kTurin}) {
    const SnpSigner& signer = SnpSigner::For(product);
    const std::vector<attestation::SnpRoot> named = {
        {.product = ProductOf(product),
         .spki_sha256 = signer.ArkSpkiSha256(),
         .certificate_sha256 = {}}};
    for (const uint32_t version : {2U, 3U, 5U}) {
      for (const auto kind : {SnpTestLeafKind::kVcek, SnpTestLeafKind::kVlek}) {
        SnpTestReport report;
        report.version = version;
        const SnpTestEvidence evidence = signer.Make(report, kind);
        EXPECT_THAT(VerifyEvidence(evidence, named), IsOk())
            << SnpTestProductName(product) << " version " << version;
        EXPECT_THAT(VerifyEvidence(evidence, {}),
                    StatusIs(absl::StatusCode::kUnauthenticated));
      }
    }
  }
}

TEST(SignedEvidenceTest, SpoiltSnpEvidenceIsRefused) {
  const SnpSigner& signer = SnpSigner::For(SnpTestProduct::kGenoa);
  const std::vector<attestation::SnpRoot> named = {
      {.product = SnpProduct::kGenoa,
       .spki_sha256 = signer.ArkSpkiSha256(),
       .certificate_sha256 = {}}};
  SnpTestReport report;
  SnpTestEvidence evidence = signer.Make(report);
  ASSERT_THAT(VerifyEvidence(evidence, named), IsOk());
  report.reported_tcb.microcode -= 1;  // the certificate keeps the old one
  evidence.report = signer.SignReport(report);
  EXPECT_FALSE(VerifyEvidence(evidence, named).ok());
  report = {};
  report.chip_id.emplace().fill(1);
  evidence.report = signer.SignReport(report);
  EXPECT_FALSE(VerifyEvidence(evidence, named).ok());
  evidence = signer.Make();
  evidence.crl = signer.MakeCrl(Revoking({2, 0, 1}));  // the ASK
  EXPECT_FALSE(VerifyEvidence(evidence, named).ok());
  SnpTestLeaf wrapped;
  wrapped.wrap_hw_id = true;
  evidence = signer.Make();
  evidence.leaf = signer.MakeLeaf(wrapped);
  EXPECT_THAT(VerifyEvidence(evidence, named), IsOk());
}

TEST(SignedEvidenceTest, TheCertificateTableParses) {
  const SnpTestEvidence evidence =
      SnpSigner::For(SnpTestProduct::kMilan).Make();
  EXPECT_THAT(attestation::SnpCertificateTableUnverified::Parse(
                  SnpCertificateTable({{kSnpVcekGuid, evidence.leaf},
                                       {kSnpAskGuid, evidence.intermediate},
                                       {kSnpArkGuid, evidence.ark}})),
              IsOk());
}

// --- Intel --------------------------------------------------------------

IntelTrustAnchors Anchors(bool with_test_root) {
  std::vector<crypto::Certificate> further;
  if (with_test_root) {
    further.push_back(
        crypto::Certificate::FromDer(IntelSigner::Get().root()).value());
  }
  return IntelTrustAnchors::Create(further).value();
}

attestation::IntelCollateral CollateralOf(const IntelTestEvidence& evidence) {
  return {.tcb_info = evidence.tcb_info,
          .enclave_identity = evidence.qe_identity,
          .tcb_signing_chain = evidence.tcb_signing_chain,
          .enclave_identity_chain = "",
          .pck_crl = evidence.pck_crl,
          .root_crl = evidence.root_crl,
          .pck_crl_issuer_chain = Bytes(evidence.pck_crl_chain.begin(),
                                        evidence.pck_crl_chain.end()),
          .pck_chain = {}};
}

absl::Status VerifyQuote(const IntelTestEvidence& evidence,
                         const IntelTrustAnchors& anchors) {
  const auto collateral =
      attestation::VerifyIntelCollateral(CollateralOf(evidence), anchors, kNow);
  if (!collateral.ok()) {
    return collateral.status();
  }
  attestation::IntelVerificationOptions options;
  options.now = kNow;
  const auto verified = attestation::VerifyIntelQuote(
      evidence.quote, *collateral, anchors, options);
  if (!verified.ok()) {
    return verified.status();
  }
  EXPECT_EQ(verified->tcb().status, attestation::TcbStatus::kUpToDate);
  return absl::OkStatus();
}

std::vector<IntelTestQuote> EveryKindOfQuote() {
  std::vector<IntelTestQuote> quotes(4);
  quotes[1].version = 5;
  quotes[2].version = 5;
  quotes[2].body = IntelTestBody::kTd15;
  quotes[3].version = 3;
  quotes[3].body = IntelTestBody::kSgx;
  return quotes;
}

TEST(SignedEvidenceTest, QuotesVerifyOnlyWithTheRootNamed) {
  const IntelTrustAnchors named = Anchors(true);
  const IntelTrustAnchors production = Anchors(false);
  for (const IntelTestQuote& quote : EveryKindOfQuote()) {
    for (const bool platform : {true, false}) {
      IntelTestPck pck;
      pck.platform_ca = platform;
      const IntelTestEvidence evidence = IntelSigner::Get().Make(quote, pck);
      EXPECT_THAT(VerifyQuote(evidence, named), IsOk()) << quote.version;
      EXPECT_FALSE(VerifyQuote(evidence, production).ok());
      const auto chain = attestation::CheckIntelQuoteChain(
          evidence.quote, production,
          {.now = kNow, .cache = nullptr, .pck_chain = {}});
      EXPECT_FALSE(chain.quote.has_value());
    }
  }
}

TEST(SignedEvidenceTest, SpoiltQuotesAreRefused) {
  const IntelTrustAnchors named = Anchors(true);
  IntelTestQuote quote;
  quote.qe_report_data.emplace();  // binds nothing
  EXPECT_FALSE(VerifyQuote(IntelSigner::Get().Make(quote), named).ok());
  IntelTestEvidence evidence = IntelSigner::Get().Make();
  evidence.pck_crl =
      IntelSigner::Get().MakePckCrl(true, Revoking(IntelTestPck{}.serial));
  EXPECT_FALSE(VerifyQuote(evidence, named).ok());
  evidence = IntelSigner::Get().Make();
  evidence.tcb_info =
      IntelSigner::Get().MakeTcbInfo({.fmspc = {9, 9, 9, 9, 9, 9}});
  EXPECT_FALSE(VerifyQuote(evidence, named).ok());
  evidence = IntelSigner().Make();  // another hierarchy
  EXPECT_FALSE(VerifyQuote(evidence, named).ok());
}

}  // namespace
}  // namespace constellation::testing
