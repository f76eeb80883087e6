// SPDX-License-Identifier: Apache-2.0
// Real evidence of Azure's TDX machines, of a Google machine and of an Amazon
// machine with NitroTPM through the composition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/aws/nitro_document.h"
#include "attestation/gcp/instance_info.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/policy/layers.h"
#include "attestation/policy/tcb_report.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::LoadVectorQuote;
using ::constellation::testing::Middle;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorQuote;
using ::constellation::testing::VectorsFolder;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Failed(const LayerFindings& found) {
  std::vector<std::string> names;
  for (const CheckRow& row : found.rows) {
    if (row.verdict == CheckVerdict::kFailed) {
      names.push_back(row.layer + " " + row.name + ": " + row.got);
    }
  }
  return names;
}

std::string RestingOn(const Profile& profile, const LayerFindings& found) {
  return std::string(RestsOn({.variant = FindVariant(profile.variant),
                              .profile = &profile,
                              .layers = found,
                              .image_known = true}));
}

class CloudVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

// An Azure machine with TDX: paravisor, TD quote, vTPM quote.
struct AzureTdx {
  Bytes hcl = ReadVector("azure/tdx-userdata-hcl-report.bin");
  Bytes td_quote = ReadVector("tdx/quote-v4-azure-userdata.bin");
  VectorQuote quote =
      LoadVectorQuote(VectorEntry("azure/tdx-userdata-quote.attest.bin"));

  static Profile Accepting(const Bytes& td_quote) {
    Profile profile;
    profile.name = "azure";
    profile.variant = "azure-tdx";
    TdxPolicy& policy = profile.tdx.emplace().policy;
    policy.tcb.accepted_statuses = {TcbStatus::kUpToDate};
    policy.tcb.minimum_evaluation_data_number = 1;
    policy.mr_td = {ParseTdReportUnverified(
                        ParseIntelQuoteUnverified(td_quote).value().body)
                        .value()
                        .mr_td};
    profile.azure.emplace();
    profile.azure->policy.require_secure_boot = false;
    return profile;
  }
  LayerFindings Check(const Profile& profile) const {
    const auto set = FindIntelCollateral("tdx/collateral/90c06f-2026-02");
    AppraisalCollateral collateral;
    collateral.intel = {set->collateral};
    return CheckLayers(*FindVariant("azure-tdx"),
                       {.hardware_report = hcl,
                        .endorsements = {td_quote},
                        .quote = quote.View(),
                        .nonce = quote.nonce},
                       profile, collateral, Middle(*set->window));
  }
};

TEST_F(CloudVectorsTest, AzureTdxIsBoundFromCpuToQuote) {
  const AzureTdx machine;
  const Profile profile = AzureTdx::Accepting(machine.td_quote);
  const LayerFindings found = machine.Check(profile);
  EXPECT_THAT(Failed(found), IsEmpty());
  EXPECT_THAT(found.key_vouched_by, HasSubstr("Azure's paravisor"));
  EXPECT_FALSE(found.insecure_root);
  EXPECT_EQ(RestingOn(profile, found), "paravisor-rooted");
}

TEST_F(CloudVectorsTest, AzureTdxPiecesOfTwoMachinesAreRefused) {
  AzureTdx mixed;
  const Profile profile = AzureTdx::Accepting(mixed.td_quote);
  mixed.td_quote = ReadVector("tdx/quote-v4-azure.bin");
  EXPECT_THAT(Failed(mixed.Check(profile)), Not(IsEmpty()));
  EXPECT_THAT(mixed.Check(profile).key_vouched_by, IsEmpty());
  mixed = AzureTdx();
  mixed.hcl = ReadVector("azure/tdx-hcl-report.bin");
  EXPECT_THAT(mixed.Check(profile).key_vouched_by, IsEmpty());
  mixed = AzureTdx();
  mixed.quote = LoadVectorQuote(VectorEntry("azure/tdx-quote.attest.bin"));
  EXPECT_THAT(mixed.Check(profile).key_vouched_by, IsEmpty());
}

TEST_F(CloudVectorsTest, AzureTdxNeedsItsFirmware) {
  const AzureTdx machine;
  Profile profile = AzureTdx::Accepting(machine.td_quote);
  profile.tdx->policy.mr_td[0][0] ^= 1U;
  EXPECT_THAT(Failed(machine.Check(profile)), Contains(HasSubstr("tdx MRTD")));
}

// A Google machine; its evidence has no event log, so the technology cannot be
// compared.
struct Google {
  Google() {
    chain = crypto::Certificate::ListFromPem(
                AsText(ReadVector("gcp/vtpm-2026-amd-ak-chain.pem")), 4)
                .value();
  }
  Profile Accepting() const {
    Profile profile;
    profile.name = "gcp";
    profile.variant = "gcp-sev-es";
    profile.gcp.emplace();
    profile.gcp->policy.project_ids = {
        GceInstanceOfUnverified(chain[0]).value().project_id};
    return profile;
  }
  LayerFindings Check(const Profile& profile) const {
    AppraisalCollateral collateral;
    collateral.certificates.assign(chain.begin() + 1, chain.end());
    const Bytes leaf(chain[0].der().begin(), chain[0].der().end());
    return CheckLayers(
        *FindVariant("gcp-sev-es"),
        {.endorsements = {leaf}, .quote = quote.View(), .nonce = quote.nonce},
        profile, collateral, chain[0].NotBefore().value() + absl::Hours(1));
  }

  std::vector<crypto::Certificate> chain;
  VectorQuote quote =
      LoadVectorQuote(VectorEntry("gcp/vtpm-2026-amd.attest.bin"));
};

TEST_F(CloudVectorsTest, GooglesCertificateVouchesForTheQuote) {
  const Google machine;
  const LayerFindings found = machine.Check(machine.Accepting());
  for (const std::string& failed : Failed(found)) {
    EXPECT_THAT(failed, ::testing::AnyOf(HasSubstr("gcp event log"),
                                         HasSubstr("gcp technology")));
  }
  EXPECT_THAT(found.key_vouched_by, HasSubstr("Google's certificate"));
  EXPECT_FALSE(found.insecure_root);
}

TEST_F(CloudVectorsTest, GooglesCertificateIsOfOneProjectAndOneKey) {
  Google machine;
  Profile profile = machine.Accepting();
  profile.gcp->policy.project_ids = {"another"};
  EXPECT_THAT(Failed(machine.Check(profile)),
              Contains(HasSubstr("gcp project id")));
  profile = machine.Accepting();
  machine.quote.attest.back() ^= 1U;
  EXPECT_THAT(machine.Check(profile).key_vouched_by, IsEmpty());
  // Without the intermediates nothing leads to a root.
  machine = Google();
  machine.chain.erase(machine.chain.begin() + 1, machine.chain.end());
  EXPECT_THAT(machine.Check(profile).key_vouched_by, IsEmpty());
}

// An Amazon machine with NitroTPM.
struct Amazon {
  Bytes document = ReadVector("nitro/nitrotpm-2026-02.cose");
  VectorQuote quote = LoadVectorQuote(VectorEntry("nitro/nitrotpm.attest.bin"));

  Profile Accepting() const {
    const CoseSign1Unverified cose = ParseCoseSign1Unverified(document).value();
    const NitroDocumentUnverified parsed =
        ParseNitroDocumentUnverified(cose.payload).value();
    Profile profile;
    profile.name = "aws";
    profile.variant = "aws-nitro-tpm";
    profile.aws.emplace();
    for (const uint32_t index : kRequiredPcrs) {
      crypto::Sha384Digest& value =
          profile.aws->policy.pcrs[index].emplace_back();
      std::ranges::copy(parsed.pcr(index), value.begin());
    }
    return profile;
  }
  LayerFindings Check(const Profile& profile) const {
    return CheckLayers(*FindVariant("aws-nitro-tpm"),
                       {.endorsements = {document},
                        .quote = quote.View(),
                        .nonce = quote.nonce},
                       profile, {}, absl::FromUnixSeconds(1770113530));
  }
};

TEST_F(CloudVectorsTest, NitroTpmsDocumentVouchesForTheQuote) {
  const Amazon machine;
  const Profile profile = machine.Accepting();
  const LayerFindings found = machine.Check(profile);
  EXPECT_THAT(Failed(found), IsEmpty());
  EXPECT_THAT(found.key_vouched_by, Not(IsEmpty()));
  EXPECT_EQ(RestingOn(profile, found), "hypervisor-trusting");
}

TEST_F(CloudVectorsTest, NitroTpmRefusesWhatWasChanged) {
  Amazon machine;
  Profile profile = machine.Accepting();
  profile.aws->policy.pcrs[4][0][0] ^= 1U;
  EXPECT_THAT(Failed(machine.Check(profile)), Not(IsEmpty()));
  profile = machine.Accepting();
  machine.document = ReadVector("nitro/derived-nitrotpm-pcr4-bitflip.cose");
  EXPECT_THAT(machine.Check(profile).key_vouched_by, IsEmpty());
  machine = Amazon();
  machine.quote = LoadVectorQuote(VectorEntry("gcp/vtpm-2026-amd.attest.bin"));
  EXPECT_THAT(Failed(machine.Check(profile)), Not(IsEmpty()));
}

}  // namespace
}  // namespace constellation::attestation
