// SPDX-License-Identifier: Apache-2.0
// One test per check: it fails when the check is removed.
#include "attestation/snp/verify_snp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "attestation/snp/testing/test_platform.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeEvidence;
using testing::TestSnpEvidence;
using testing::TestSnpPlatform;

namespace ct = crypto::testing;

const absl::Time kNow = absl::FromUnixSeconds(1788220800);  // 2026-09-01

// Names of the failed checks, in order.
std::vector<std::string> Failed(const SnpVerification& result) {
  std::vector<std::string> names;
  for (const SnpCheck& check : result.checks) {
    if (!check.passed) {
      names.emplace_back(ToString(check.id));
    }
  }
  return names;
}

const SnpCheck& RowOf(const SnpVerification& result, SnpCheckId id) {
  for (const SnpCheck& check : result.checks) {
    if (check.id == id) {
      return check;
    }
  }
  ADD_FAILURE() << "no row " << ToString(id);
  return result.checks.at(0);
}

// Evidence of a Milan VCEK after `change`.
SnpVerification CheckWith(const std::function<void(TestSnpPlatform&)>& change,
                          SnpProduct product = SnpProduct::kMilan,
                          SnpSigningKey kind = SnpSigningKey::kVcek) {
  TestSnpPlatform platform = TestSnpPlatform::Create(product, kind);
  change(platform);
  const TestSnpEvidence evidence = MakeEvidence(platform);
  return CheckSnp(evidence.Input(), kNow);
}

void Keep(TestSnpPlatform&) {}

TEST(VerifySnpTest, AcceptsEveryProductAndKindOfKey) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    for (const SnpSigningKey kind :
         {SnpSigningKey::kVcek, SnpSigningKey::kVlek}) {
      const SnpVerification result = CheckWith(Keep, product, kind);
      EXPECT_THAT(Failed(result), IsEmpty());
      ASSERT_TRUE(result.report.has_value());
      EXPECT_EQ(result.report->product(), product);
      EXPECT_EQ(result.report->signer(), kind);
      EXPECT_FALSE(result.report->chain().root_is_built_in());
    }
  }
}

TEST(VerifySnpTest, GivesWhatWasVerified) {
  const SnpVerification result = CheckWith(
      [](TestSnpPlatform& platform) {
        platform.report.current_tcb[0] = 2;
        platform.report.committed_tcb[1] = 9;
        platform.report.launch_tcb[7] = 1;
        platform.crl.number = 300;
      },
      SnpProduct::kTurin);
  ASSERT_TRUE(result.report.has_value());
  const VerifiedSnpReport& report = *result.report;
  EXPECT_EQ(
      report.reported_tcb(),
      (SnpTcb{
          .fmc = 1, .boot_loader = 4, .tee = 2, .snp = 24, .microcode = 219}));
  EXPECT_EQ(report.current_tcb().fmc, 2);
  EXPECT_EQ(report.committed_tcb().boot_loader, 9);
  EXPECT_EQ(report.launch_tcb().microcode, 1);
  EXPECT_EQ(report.chip_id(), Bytes(8, 0xc1));
  EXPECT_EQ(report.report().measurement[0], 0x3e);
  ASSERT_TRUE(report.chain().crl().has_value());
  EXPECT_THAT(report.chain().crl()->number, ElementsAre(1, 44));
  EXPECT_EQ(report.chain().facts().product_name, "Turin");
  EXPECT_EQ(report.chain().valid_from(), absl::FromUnixSeconds(1577836800));
  EXPECT_EQ(report.chain().valid_until(), absl::FromUnixSeconds(2524608000));
}

TEST(VerifySnpTest, AVlekNamesItsProviderAndNoChip) {
  const SnpVerification result =
      CheckWith(Keep, SnpProduct::kMilan, SnpSigningKey::kVlek);
  ASSERT_TRUE(result.report.has_value());
  EXPECT_EQ(result.report->chip_id(), std::nullopt);
  EXPECT_EQ(result.report->chain().facts().csp_id, "CN=provider.example");
}

TEST(VerifySnpTest, EveryRowIsThereEvenOfNothing) {
  const SnpVerification nothing = CheckSnp({}, kNow);
  const SnpVerification good = CheckWith(Keep);
  ASSERT_EQ(nothing.checks.size(), good.checks.size());
  EXPECT_EQ(good.checks.size(), 18U);
  for (size_t i = 0; i < good.checks.size(); ++i) {
    EXPECT_EQ(nothing.checks[i].id, good.checks[i].id);
    EXPECT_EQ(nothing.checks[i].id, static_cast<SnpCheckId>(i));
  }
  EXPECT_FALSE(nothing.report.has_value());
  // Nothing was demanded of a revocation list, and none was given.
  for (const SnpCheck& check : nothing.checks) {
    EXPECT_EQ(check.passed, check.id == SnpCheckId::kRevocationList ||
                                check.id == SnpCheckId::kNotRevoked)
        << ToString(check.id);
  }
}

TEST(VerifySnpTest, StatusNamesTheFirstFailure) {
  TestSnpPlatform platform = TestSnpPlatform::Create(SnpProduct::kMilan);
  platform.report.cpuid->family = 0x1b;
  const TestSnpEvidence evidence = MakeEvidence(platform);
  EXPECT_THAT(
      VerifySnp(evidence.Input(), kNow),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("SNP: processor: expected Milan, got unknown (family "
                         "0x1b, model 0x01, stepping 1)")));
  SnpVerificationInput input = evidence.Input();
  input.report = input.report.first(1183);
  EXPECT_THAT(VerifySnp(input, kNow),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 1184 octets, got 1183")));
}

// Report and certificate.

TEST(VerifySnpTest, ProductsMustAgree) {
  // A Genoa signer below Milan's authorities; the layout of levels is the same.
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.product = SnpProduct::kGenoa;
                platform.signer.extensions =
                    testing::SignerExtensions(platform);
                platform.report.cpuid->model = 0x11;
              })),
              ElementsAre("chain product"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.report.cpuid->model = 0x11;
              })),
              ElementsAre("processor"));
}

TEST(VerifySnpTest, Version2NamesNoProcessor) {
  const SnpVerification result = CheckWith([](TestSnpPlatform& platform) {
    platform.report.version = 2;
    platform.report.cpuid.reset();
  });
  EXPECT_THAT(Failed(result), IsEmpty());
}

TEST(VerifySnpTest, TheReportNamesItsKindOfKey) {
  for (const auto kind :
       {SnpSigningKey::kVlek, SnpSigningKey::kNone, SnpSigningKey{3}}) {
    EXPECT_THAT(Failed(CheckWith([kind](TestSnpPlatform& platform) {
                  platform.report.signing_key = kind;
                })),
                ElementsAre("signing key"));
  }
  EXPECT_THAT(Failed(CheckWith(
                  [](TestSnpPlatform& platform) {
                    platform.report.signing_key = SnpSigningKey::kVcek;
                  },
                  SnpProduct::kMilan, SnpSigningKey::kVlek)),
              ElementsAre("signing key"));
}

TEST(VerifySnpTest, OneSignatureAlgorithmIsKnown) {
  for (const uint32_t algorithm : {0U, 2U, 0x101U}) {
    EXPECT_THAT(Failed(CheckWith([algorithm](TestSnpPlatform& platform) {
                  platform.report.signature_algorithm = algorithm;
                })),
                ElementsAre("signature algorithm"));
  }
}

TEST(VerifySnpTest, EveryOctetOfTheReportedTcbCounts) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_THAT(Failed(CheckWith(
                      [i](TestSnpPlatform& platform) {
                        platform.report.reported_tcb[i] ^= 1U;
                      },
                      product)),
                  ElementsAre("TCB"))
          << i;
    }
  }
}

TEST(VerifySnpTest, OtherTcbsAreForThePolicy) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.report.current_tcb[7] = 255;
                platform.report.committed_tcb[7] = 1;
                platform.report.launch_tcb[7] = 0;
              })),
              IsEmpty());
}

TEST(VerifySnpTest, TheChipMustBeTheCertificates) {
  for (const SnpProduct product : {SnpProduct::kMilan, SnpProduct::kTurin}) {
    for (const size_t i : {0U, 7U, 8U, 63U}) {
      EXPECT_THAT(Failed(CheckWith(
                      [i](TestSnpPlatform& platform) {
                        platform.report.chip_id[i] ^= 1U;
                      },
                      product)),
                  ElementsAre("chip ID"))
          << i;
    }
  }
}

TEST(VerifySnpTest, AMaskedChipIsKnownByItsCertificate) {
  const SnpVerification result = CheckWith(
      [](TestSnpPlatform& platform) { platform.report.chip_id = {}; });
  ASSERT_TRUE(result.report.has_value());
  EXPECT_TRUE(result.report->report().chip_id_is_masked());
  EXPECT_EQ(result.report->chip_id(), Bytes(64, 0xc1));
  EXPECT_EQ(RowOf(result, SnpCheckId::kChipId).got,
            "masked by the host's owner; the VCEK names the chip");
  EXPECT_FALSE(RowOf(result, SnpCheckId::kChipId).checked);
}

// Rows that pass for want of something to compare say so to machines as well.
TEST(VerifySnpTest, TellsWhatItCompared) {
  for (const SnpCheck& check : CheckWith(Keep).checks) {
    EXPECT_TRUE(check.checked) << ToString(check.id);
  }
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.crl.clear();
  const SnpVerification unlisted = CheckSnp(evidence.Input(), kNow);
  ASSERT_TRUE(unlisted.report.has_value());
  EXPECT_FALSE(RowOf(unlisted, SnpCheckId::kNotRevoked).checked);
  EXPECT_FALSE(RowOf(unlisted, SnpCheckId::kRevocationList).checked);
  const SnpVerification old = CheckWith([](TestSnpPlatform& platform) {
    platform.report.version = 2;
    platform.report.cpuid.reset();
  });
  ASSERT_TRUE(old.report.has_value());
  EXPECT_FALSE(RowOf(old, SnpCheckId::kProcessor).checked);
  const SnpVerification vlek =
      CheckWith(Keep, SnpProduct::kMilan, SnpSigningKey::kVlek);
  ASSERT_TRUE(vlek.report.has_value());
  EXPECT_FALSE(RowOf(vlek, SnpCheckId::kChipId).checked);
}

TEST(VerifySnpTest, TheSignatureIsTheSigners) {
  TestSnpPlatform platform = TestSnpPlatform::Create(SnpProduct::kMilan);
  TestSnpEvidence evidence = MakeEvidence(platform);
  evidence.report =
      testing::SignReport(testing::EncodeReport(platform.report),
                          ct::TestKey::GenerateEc(crypto::EcCurve::kP384));
  EXPECT_THAT(Failed(CheckSnp(evidence.Input(), kNow)),
              ElementsAre("signature"));
  evidence.report = testing::EncodeReport(platform.report);  // r = s = 0
  EXPECT_THAT(Failed(CheckSnp(evidence.Input(), kNow)),
              ElementsAre("signature"));
}

// Facts are compared even if the chain is refused.
TEST(VerifySnpTest, ARefusedChainHidesNoOtherRow) {
  TestSnpPlatform platform = TestSnpPlatform::Create(SnpProduct::kMilan);
  platform.report.reported_tcb[7] ^= 1U;
  TestSnpEvidence evidence = MakeEvidence(platform);
  evidence.roots.clear();
  EXPECT_THAT(Failed(CheckSnp(evidence.Input(), kNow)),
              ElementsAre("ARK pinned", "chain product", "TCB"));
}

}  // namespace
}  // namespace constellation::attestation
