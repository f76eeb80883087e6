// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "attestation/azure/testing/azure_machine.h"
#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/testing/evidence_case.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::AzureMachine;
using ::constellation::testing::GceMachine;
using ::constellation::testing::SoftwareTpm;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string PcrJson(const std::map<uint32_t, Bytes>& values) {
  nlohmann::json json = {{"bank", "sha256"}};
  for (const auto& [index, value] : values) {
    json["pcrs"][std::to_string(index)] = HexEncode(value);
  }
  return json.dump();
}

// A quote of a TPM that nobody knows.
class BareQuoteTest : public testing::EvidenceCase {
 protected:
  BareQuoteTest() {
    tpm_.SetPcr(4, crypto::Sha256Digest{4});
    evidence_ = *tpm_.Attest(Bytes(64, 7));
    std::map<uint32_t, Bytes> values;
    for (const attestation::PcrValue& pcr : evidence_.tpm.pcrs) {
      values[pcr.index] = Bytes(pcr.sha256.begin(), pcr.sha256.end());
    }
    values_ = PcrJson(values);
    context_.nonce =
        attestation::ParseAttestUnverified(evidence_.tpm.attest)->extra_data;
  }
  void GiveAll() {
    Give("attest", evidence_.tpm.attest);
    Give("signature", evidence_.tpm.signature);
    Give("key", evidence_.tpm.ak_public);
    Give("values", AsBytes(values_));
  }
  FileUnit Verify() { return Only(VerifyTpmFiles(context_)); }

  SoftwareTpm tpm_;
  attestation::Evidence evidence_;
  std::string values_;
};

TEST_F(BareQuoteTest, FourFilesPassButForTheKeysOwner) {
  GiveAll();
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kPassed);
  EXPECT_THAT(Infos(unit), ElementsAre("TPM quote: key's owner"));
}

TEST_F(BareQuoteTest, EachSpoiltPartHasItsRow) {
  GiveAll();
  context_.nonce = Bytes(32, 1);
  EXPECT_THAT(Failed(Verify()), ElementsAre("TPM quote: qualifying data"));
  EvidenceSet set;
  evidence_.tpm.signature.back() ^= 1U;
  set.Add("attest", evidence_.tpm.attest, true);
  set.Add("signature", evidence_.tpm.signature, true);
  set.Add("key", evidence_.tpm.ak_public, true);
  set.Add("values", AsBytes(values_), true);
  const VerifyContext context{.set = set,
                              .now = context_.now,
                              .nonce = std::nullopt,
                              .insecure_roots = {}};
  EXPECT_THAT(Failed(Only(VerifyTpmFiles(context))),
              ElementsAre("TPM quote: signature"));
}

TEST_F(BareQuoteTest, WithoutANonceTheQuoteMayBeOld) {
  GiveAll();
  context_.nonce.reset();
  EXPECT_THAT(Infos(Verify()), Contains("TPM quote: nonce"));
}

TEST_F(BareQuoteTest, WhatIsMissingIsNotAFailure) {
  Give("attest", evidence_.tpm.attest);
  const FileUnit unit = Verify();
  EXPECT_THAT(Failed(unit), IsEmpty());
  EXPECT_EQ(Got(unit, "input"),
            "missing: signature\nmissing: attestation key\n"
            "missing: PCR values\n");
}

// A TPM in software makes a perfect quote: somebody has to vouch for the key.
TEST_F(BareQuoteTest, APolicyRefusesKeysThatNobodyVouchesFor) {
  GiveAll();
  profile_.name = "p";
  context_.profile = &profile_;
  EXPECT_THAT(Failed(Verify()), ElementsAre("TPM quote: key's owner"));
}

TEST_F(BareQuoteTest, RegistersOfThePolicyAreCompared) {
  GiveAll();
  profile_.name = "p";
  profile_.pcrs[4] = crypto::Sha256Digest{4};
  profile_.pcrs[9] = crypto::Sha256Digest{9};
  context_.profile = &profile_;
  EXPECT_THAT(Failed(Verify()), Contains("PCR policy: PCR9"));
  EXPECT_THAT(Failed(Verify()), Not(Contains("PCR policy: PCR4")));
  // A register that the quote does not cover is no match for zeros.
  profile_.pcrs = {{20, {}}};
  EXPECT_THAT(Got(Verify(), "PCR20"), HasSubstr("not quoted"));
}

TEST_F(BareQuoteTest, LogsMustExplainEveryRegisterButImas) {
  GiveAll();
  Give("log",
       constellation::testing::EventLogBuilder({attestation::kTpmAlgSha256})
           .Add(4, 13, "another loader")
           .Add(10, 13, "grows while Linux runs")
           .bytes());
  EXPECT_THAT(Failed(Verify()), ElementsAre("event log: PCR4"));
}

// Azure: hardware report, runtime data with the vTPM's key, quote.
class HclTest : public testing::EvidenceCase {
 protected:
  void GiveAll() {
    Give("hcl", machine_.hcl_report);
    Give("attest", machine_.attest);
    Give("signature", machine_.signature);
    Give("values", AsBytes(PcrJson({{4, machine_.pcr}})));
    context_.nonce = machine_.nonce;
  }
  // The hardware report of the builder is not signed by any CPU: its rows are
  // for verify_snp_test.cc.
  std::set<std::string> FailedAbove(const FileUnit& unit) {
    std::set<std::string> failed = Failed(unit);
    std::erase_if(failed, [](const std::string& row) {
      return row.starts_with("SEV-SNP");
    });
    return failed;
  }
  FileUnit Verify() { return Only(VerifyTpmFiles(context_)); }

  AzureMachine machine_;
};

TEST_F(HclTest, TheLayersAreLinked) {
  GiveAll();
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.what, "Azure HCL report");
  EXPECT_THAT(FailedAbove(unit), IsEmpty());
  EXPECT_THAT(Rows(unit, RowVerdict::kPassed), Contains("Azure: quote key"));
}

TEST_F(HclTest, TheHardwareIsVerifiedAsWell) {
  GiveAll();
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
  EXPECT_THAT(Failed(Verify()), Contains(HasSubstr("SEV-SNP: ")));
}

TEST_F(HclTest, RuntimeDataOfAnotherMachineAreRefused) {
  machine_.hcl.report_data = Bytes(64, 0x55);
  machine_.Refresh();
  GiveAll();
  EXPECT_THAT(FailedAbove(Verify()), Contains("Azure: runtime data hash"));
}

TEST_F(HclTest, WithoutAQuoteTheBindingIsCheckedAlone) {
  Give("hcl", machine_.hcl_report);
  EXPECT_THAT(Rows(Verify(), RowVerdict::kPassed),
              Contains("Azure: runtime data hash"));
  profile_.name = "p";
  context_.profile = &profile_;
  EXPECT_THAT(Unchecked(Verify()), Contains("Azure: quote"));
}

TEST_F(HclTest, AnotherTpmsQuoteIsRefused) {
  GiveAll();
  EvidenceSet set;
  const SoftwareTpm stranger;
  set.Add("hcl", machine_.hcl_report, true);
  set.Add("attest", machine_.attest, true);
  set.Add("signature", stranger.Sign(machine_.attest), true);
  set.Add("values", AsBytes(PcrJson({{4, machine_.pcr}})), true);
  const VerifyContext context{.set = set,
                              .now = context_.now,
                              .nonce = machine_.nonce,
                              .insecure_roots = {}};
  EXPECT_THAT(FailedAbove(Only(VerifyTpmFiles(context))),
              Contains("TPM quote: signature"));
}

TEST_F(HclTest, AProfileWithoutDemandsRefuses) {
  GiveAll();
  profile_.name = "p";
  context_.profile = &profile_;
  EXPECT_THAT(FailedAbove(Verify()), ElementsAre("Azure: policy"));
  profile_.azure.emplace().policy.require_secure_boot = true;
  profile_.snp.emplace();
  EXPECT_THAT(FailedAbove(Verify()), IsEmpty());
  profile_.azure->policy.allow_console = false;
  EXPECT_THAT(FailedAbove(Verify()),
              ElementsAre("Azure policy: serial console"));
}

TEST_F(HclTest, ATrustDomainsReportNeedsItsQuote) {
  machine_.hcl.type = attestation::HclReportType::kTdx;
  machine_.Refresh();
  GiveAll();
  EXPECT_THAT(Unchecked(Verify()), Contains("TDX: quote"));
}

TEST_F(HclTest, WhatDoesNotParseIsRefused) {
  Bytes report = machine_.hcl_report;
  report.resize(40);
  Give("hcl", report);
  EXPECT_THAT(Failed(Verify()), ElementsAre("Azure: HCL report"));
}

// Google: the AK certificate names the instance.
class GceTest : public testing::EvidenceCase {
 protected:
  GceTest() {
    context_.now = machine_.Trust().now;
    for (const crypto::Certificate& authority : machine_.candidates) {
      Give("authority", authority.der());
    }
    Trust(machine_.candidates.front().der());
    Give("ak", machine_.leaf_der);
    Give("attest", machine_.attest);
    Give("signature", machine_.signature);
    Give("values",
         AsBytes(PcrJson({{0, machine_.pcr0}, {10, machine_.pcr10}})));
    Give("log", machine_.event_log);
    context_.nonce = machine_.nonce;
  }
  void UsePolicy() {
    profile_.name = "p";
    attestation::GcpProfile& gcp = profile_.gcp.emplace();
    gcp.policy.any_technology = true;
    gcp.policy.project_ids = {machine_.instance.project_id};
    gcp.insecure_roots = machine_.Trust().roots;
    context_.insecure_roots.clear();
    context_.profile = &profile_;
  }
  FileUnit Verify() { return Only(VerifyTpmFiles(context_)); }

  GceMachine machine_;
};

TEST_F(GceTest, AGoodMachinePasses) {
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kPassed);
  EXPECT_THAT(Rows(unit, RowVerdict::kPassed), Contains("Google: quote key"));
}

TEST_F(GceTest, RootsOfStrangersAreRefused) {
  context_.insecure_roots.clear();
  EXPECT_THAT(Failed(Verify()), Contains("Google: AK certificate"));
}

TEST_F(GceTest, ThePolicyIsHeldAgainstTheInstance) {
  UsePolicy();
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  profile_.gcp->policy.project_ids = {"another-project"};
  EXPECT_THAT(Failed(Verify()), ElementsAre("Google policy: project id"));
}

TEST_F(GceTest, AProfileWithoutDemandsRefuses) {
  UsePolicy();
  Trust(machine_.candidates.front().der());
  profile_.gcp.reset();
  EXPECT_THAT(Failed(Verify()), ElementsAre("Google: policy"));
}

// Also without a policy: what the files or the folder have of lists counts.
TEST_F(GceTest, RevokedMachinesAreRefused) {
  Keep("list", GceMachine::Listed(false, {.revoked = {8}}).der());
  EXPECT_THAT(Failed(Verify()), IsEmpty());
  Keep("list", GceMachine::Listed(false, {.revoked = {7}}).der());
  EXPECT_THAT(Failed(Verify()), Contains("AK certificate: revocation"));
}

TEST_F(GceTest, RevokedAuthoritiesAreRefused) {
  Give("list", GceMachine::Listed(true, {.revoked = {7}}).der());
  EXPECT_THAT(Failed(Verify()), Contains("AK certificate: revocation"));
}

// Lists that are kept may be old, or of an authority with the same name.
TEST_F(GceTest, OtherKeptListsAreLeftOut) {
  const constellation::testing::TestKey stranger(
      constellation::testing::TestKeyType::kP256);
  Keep("list", GceMachine::Listed(
                   false, {.next_update = context_.now - absl::Seconds(1)})
                   .der());
  Keep("list", MakeCrl({.issuer = "intermediate", .revoked = {7}}, stranger));
  EXPECT_THAT(Failed(Verify()), IsEmpty());
  EXPECT_THAT(Got(Verify(), "revocation"),
              HasSubstr("not checked: no list is given"));
  UsePolicy();
  profile_.gcp->require_revocation_list = true;
  EXPECT_THAT(Failed(Verify()), Contains("AK certificate: revocation"));
  Keep("list", GceMachine::Listed(false, {}).der());
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

TEST_F(GceTest, AnOldListThatIsGivenIsRefused) {
  Give("list", GceMachine::Listed(
                   false, {.next_update = context_.now - absl::Seconds(1)})
                   .der());
  EXPECT_THAT(Failed(Verify()), Contains("AK certificate: revocation"));
}

// Two quotes and one HCL report: the second quote stands alone.
TEST_F(HclTest, FurtherQuotesAreUnitsOfTheirOwn) {
  GiveAll();
  SoftwareTpm other;
  Give("other attest", other.Attest(Bytes(64, 1))->tpm.attest);
  const std::vector<FileUnit> units = VerifyTpmFiles(context_);
  ASSERT_THAT(units, SizeIs(2));
  EXPECT_EQ(units[1].what, "TPM quote");
}

}  // namespace
}  // namespace constellation::cli
