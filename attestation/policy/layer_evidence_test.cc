// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/layer_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "attestation/layer_binding.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/tpm/quote.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;

const Variant& VariantOf(std::string_view name) {
  return *FindVariant(name);
}

TEST(LayerEvidenceTest, BindsWhatTheNodeBound) {
  const ComposedNode node("qemu-sev-snp");
  const Evidence evidence = node.Evidence();
  const LayerEvidence made(evidence, node.user_data);
  const LayerEvidenceUnverified& view = made.view();
  EXPECT_EQ(view.hardware_report.data(), evidence.hardware_report.data());
  EXPECT_EQ(view.endorsements.size(), evidence.endorsements.size());
  EXPECT_EQ(view.quote.registers.size(), evidence.tpm.pcrs.size());
  EXPECT_EQ(view.quote.bank, kTpmAlgSha256);
  const auto nonce =
      QuoteQualifyingData(node.user_data, evidence.hardware_report);
  EXPECT_TRUE(std::ranges::equal(view.nonce, nonce));
  EXPECT_EQ(view.document_user_data, node.user_data);
  const auto data = HardwareReportData(NameOf(evidence.tpm.ak_public).value(),
                                       evidence.tpm.pcrs, node.user_data);
  EXPECT_EQ(view.report_data, *data);
}

// Left out they would not be compared: then any report would do.
TEST(LayerEvidenceTest, ReportDataAreNeverLeftOut) {
  const ComposedNode node("qemu-sev-snp");
  Evidence evidence = node.Evidence();
  evidence.tpm.ak_public.clear();
  EXPECT_EQ(LayerEvidence(evidence, node.user_data).view().report_data,
            ReportData{});
  evidence = node.Evidence();
  evidence.tpm.pcrs.push_back(evidence.tpm.pcrs[0]);
  EXPECT_EQ(LayerEvidence(evidence, node.user_data).view().report_data,
            ReportData{});
  evidence = node.Evidence();
  EXPECT_EQ(LayerEvidence(evidence, Bytes(63)).view().report_data,
            ReportData{});
}

TEST(IsReadEndorsementTest, CertificatesAreReadEverywhere) {
  for (const std::string_view name : VariantNames()) {
    EXPECT_TRUE(IsReadEndorsement(VariantOf(name), Bytes{0x30, 0x82})) << name;
    EXPECT_FALSE(IsReadEndorsement(VariantOf(name), Bytes{0x31, 0x82})) << name;
  }
}

TEST(IsReadEndorsementTest, QuotesAreEndorsementsOnAzureOnly) {
  for (const std::string_view name : VariantNames()) {
    for (const uint8_t version : {uint8_t{4}, uint8_t{5}}) {
      EXPECT_EQ(IsReadEndorsement(VariantOf(name), Bytes{version, 0}),
                name == "azure-tdx")
          << name;
      EXPECT_FALSE(IsReadEndorsement(VariantOf(name), Bytes{version, 1}));
    }
    EXPECT_FALSE(IsReadEndorsement(VariantOf(name), Bytes{3, 0})) << name;
  }
}

TEST(IsReadEndorsementTest, DocumentsAreNitroTpms) {
  for (const std::string_view name : VariantNames()) {
    for (const uint8_t first : {uint8_t{0xd2}, uint8_t{0x84}}) {
      EXPECT_EQ(IsReadEndorsement(VariantOf(name), Bytes{first, 0x44}),
                VariantOf(name).cloud == CloudLayer::kNitroTpm)
          << name;
    }
  }
}

TEST(IsReadEndorsementTest, LessThanTwoOctetsAreNothing) {
  EXPECT_FALSE(IsReadEndorsement(VariantOf("qemu-sev-snp"), Bytes{}));
  EXPECT_FALSE(IsReadEndorsement(VariantOf("qemu-sev-snp"), Bytes{0x30}));
}

}  // namespace
}  // namespace constellation::attestation
