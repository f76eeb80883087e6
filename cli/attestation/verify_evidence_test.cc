// SPDX-License-Identifier: Apache-2.0
// Evidence as Constellation's services send it, with collateral that is kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/policy/testing/composed_node.h"
#include "cli/attestation/verify_files.h"
#include "proto/attestation.pb.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestProduct;
using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<std::string> RowsWith(const FileReport& report,
                                  RowVerdict verdict) {
  std::vector<std::string> names;
  for (const FileUnit& unit : report.units) {
    for (const FileRow& row : unit.rows) {
      if (row.verdict == verdict) {
        names.push_back(row.layer + ": " + row.name);
      }
    }
  }
  return names;
}

// A member of some cluster.
ComposedNode Member(const std::string& variant) {
  ComposedNode node(variant);
  node.pcrs[15] = crypto::Sha256({});
  return node;
}

class VerifyEvidenceTest : public ::testing::Test {
 protected:
  explicit VerifyEvidenceTest(const std::string& variant = "qemu-sev-snp")
      : node_(Member(variant)),
        profile_(node_.Profile()),
        evidence_(node_.Evidence()) {
    if (profile_.snp.has_value()) {
      profile_.snp->measurement_covers_image = true;
    }
  }

  FileReport Verify() {
    const std::string serialised =
        attestation::EvidenceToProto(evidence_).SerializeAsString();
    set_.Add("evidence", AsBytes(serialised), true);
    const auto policy = attestation::Policy::Create({profile_}, {});
    EXPECT_TRUE(policy.ok()) << policy.status().ToString();
    return VerifyFiles(set_, {.now = kComposedNow,
                              .policy = &*policy,
                              .nonce = node_.user_data,
                              .insecure_roots = {}});
  }
  void Keep(const Bytes& list) { set_.Add("list", list, false); }

  static crypto::testing::TestCrl Expired() {
    crypto::testing::TestCrl list;
    list.next_update = kComposedNow - absl::Seconds(1);
    return list;
  }

  const SnpSigner& amd_ = SnpSigner::For(SnpTestProduct::kMilan);
  ComposedNode node_;
  attestation::Profile profile_;
  attestation::Evidence evidence_;
  EvidenceSet set_;
};

TEST_F(VerifyEvidenceTest, GoodEvidencePasses) {
  const FileReport report = Verify();
  EXPECT_EQ(report.verdict(), RowVerdict::kPassed) << RenderTable(report);
  EXPECT_THAT(RowsWith(report, RowVerdict::kInfo),
              Contains("snp: not revoked"));
}

// Nothing demands it, so it is as good as none.
TEST_F(VerifyEvidenceTest, AnOldKeptListIsLeftOut) {
  Keep(amd_.MakeCrl(Expired()));
  const FileReport report = Verify();
  EXPECT_EQ(report.verdict(), RowVerdict::kPassed) << RenderTable(report);
  EXPECT_THAT(RowsWith(report, RowVerdict::kInfo),
              Contains("snp: revocation list"));
}

TEST_F(VerifyEvidenceTest, AnOldKeptListIsNoRefusalWhereOneIsDemanded) {
  profile_.snp->policy.require_revocation_list = true;
  Keep(amd_.MakeCrl(Expired()));
  const FileReport report = Verify();
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked) << RenderTable(report);
  EXPECT_THAT(RowsWith(report, RowVerdict::kUnchecked),
              Contains("collateral: available"));
  EXPECT_THAT(RenderTable(report), HasSubstr("kept is not valid now"));
  Keep(amd_.MakeCrl());
  EXPECT_EQ(Verify().units[0].verdict(), RowVerdict::kPassed);
}

// Nobody vouches for the quote's key: no list would change that.
TEST_F(VerifyEvidenceTest, AnOldKeptListExcusesNothingElse) {
  profile_.snp->measurement_covers_image = false;
  Keep(amd_.MakeCrl(Expired()));
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
}

// What is wrong with the evidence itself is told all the same.
TEST_F(VerifyEvidenceTest, AnOldKeptListHidesNoForgery) {
  profile_.snp->policy.require_revocation_list = true;
  Keep(amd_.MakeCrl(Expired()));
  evidence_.hardware_report[0x90] ^= 1U;
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
}

TEST_F(VerifyEvidenceTest, WhatAnOldKeptListRevokedStaysRevoked) {
  crypto::testing::TestCrl list = Expired();
  const auto intermediate =
      crypto::Certificate::FromDer(evidence_.endorsements.at(1)).value();
  list.revoked = {
      Bytes(intermediate.serial().begin(), intermediate.serial().end())};
  Keep(amd_.MakeCrl(list));
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
}

TEST_F(VerifyEvidenceTest, AnOldListThatIsGivenIsRefused) {
  set_.Add("list", amd_.MakeCrl(Expired()), true);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
}

class VerifyTdxEvidenceTest : public VerifyEvidenceTest {
 protected:
  VerifyTdxEvidenceTest() : VerifyEvidenceTest("qemu-tdx") {
    set_.Add("root", IntelSigner::Get().root(), false);
  }

  void AddIntel(bool given) {
    const attestation::IntelCollateral intel = node_.Collateral().intel.at(0);
    set_.Add("tcb-info", AsBytes(intel.tcb_info), given);
    set_.Add("identity", AsBytes(intel.enclave_identity), given);
    set_.Add("chain", AsBytes(intel.tcb_signing_chain), given);
    set_.Add("pck-crl", intel.pck_crl, given);
    set_.Add("root-crl", intel.root_crl, given);
  }
};

TEST_F(VerifyTdxEvidenceTest, MissingCollateralIsNoRefusal) {
  const FileReport report = Verify();
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked) << RenderTable(report);
  AddIntel(false);
  EXPECT_EQ(Verify().units[0].verdict(), RowVerdict::kPassed)
      << RenderTable(Verify());
}

TEST_F(VerifyTdxEvidenceTest, OldKeptCollateralIsNoRefusal) {
  node_.tcb_info.next_update = kComposedNow - absl::Hours(1);
  AddIntel(false);
  const FileReport report = Verify();
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked) << RenderTable(report);
}

TEST_F(VerifyTdxEvidenceTest, OldCollateralThatIsGivenIsRefused) {
  node_.tcb_info.next_update = kComposedNow - absl::Hours(1);
  AddIntel(true);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
}

}  // namespace
}  // namespace constellation::cli
