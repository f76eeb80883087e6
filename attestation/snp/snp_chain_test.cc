// SPDX-License-Identifier: Apache-2.0
// One test per check of the chain: it fails when the check is removed.
#include "attestation/snp/snp_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "attestation/snp/testing/test_platform.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeEvidence;
using testing::TestSnpEvidence;
using testing::TestSnpKeys;
using testing::TestSnpPlatform;

namespace ct = crypto::testing;

const absl::Time kNow = absl::FromUnixSeconds(1788220800);  // 2026-09-01

// Names of the failed checks, in order. Chain and failure exclude each other.
std::vector<std::string> Failed(const SnpChainVerification& result) {
  std::vector<std::string> names;
  for (const SnpCheck& check : result.checks) {
    if (!check.passed) {
      names.emplace_back(ToString(check.id));
    }
  }
  EXPECT_EQ(result.chain != nullptr, names.empty());
  return names;
}

const SnpCheck& RowOf(const SnpChainVerification& result, SnpCheckId id) {
  for (const SnpCheck& check : result.checks) {
    if (check.id == id) {
      return check;
    }
  }
  ADD_FAILURE() << "no row " << ToString(id);
  return result.checks.at(0);
}

SnpChainVerification Check(const SnpVerificationInput& input) {
  return CheckSnpChain(input.endorsements, input.options, kNow);
}
SnpChainVerification Check(const TestSnpEvidence& evidence) {
  return Check(evidence.Input());
}

// The chain of a Milan VCEK after `change`.
SnpChainVerification CheckWith(
    const std::function<void(TestSnpPlatform&)>& change,
    SnpProduct product = SnpProduct::kMilan,
    SnpSigningKey kind = SnpSigningKey::kVcek) {
  TestSnpPlatform platform = TestSnpPlatform::Create(product, kind);
  change(platform);
  return Check(MakeEvidence(platform));
}

TEST(SnpChainTest, TellsWhatItVerified) {
  const TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kGenoa));
  const SnpChainVerification result = Check(evidence);
  ASSERT_THAT(Failed(result), IsEmpty());
  EXPECT_EQ(result.chain->facts().product, SnpProduct::kGenoa);
  EXPECT_EQ(result.chain->signer().der(), evidence.signer);
  EXPECT_EQ(result.chain->root_spki_sha256(), evidence.roots[0].spki_sha256);
  EXPECT_FALSE(result.chain->root_is_built_in());
  EXPECT_EQ(result.chain->signer_key().curve(), crypto::EcCurve::kP384);
}

// The root.

TEST(SnpChainTest, RejectsARootThatNobodyNamed) {
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.roots.clear();
  const SnpChainVerification result = Check(evidence);
  EXPECT_THAT(Failed(result), ElementsAre("ARK pinned", "chain product"));
  EXPECT_THAT(RowOf(result, SnpCheckId::kRootPinned).got,
              HasSubstr("trusted by nobody"));
}

TEST(SnpChainTest, RejectsARootOfAnotherProduct) {
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.roots[0].product = SnpProduct::kGenoa;
  const SnpChainVerification result = Check(evidence);
  EXPECT_THAT(Failed(result), ElementsAre("chain product"));
  EXPECT_EQ(RowOf(result, SnpCheckId::kChainProduct).got,
            "root key Genoa, ARK Milan, ASK Milan, signer Milan");
}

TEST(SnpChainTest, RejectsARootCertificateThatItsKeyDidNotSign) {
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.root.back() ^= 1U;
  EXPECT_THAT(Failed(Check(evidence)), ElementsAre("ARK signature"));
  // Unless these very octets are known.
  evidence.roots[0].certificate_sha256 = crypto::Sha256(evidence.root);
  EXPECT_THAT(Failed(Check(evidence)), IsEmpty());
}

TEST(SnpChainTest, RejectsARootWithoutItsRole) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.root.extensions.clear();
              })),
              ElementsAre("ARK certificate"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                // Path length 0: no CA below.
                platform.root.extensions[0].value = ct::DerSequence(
                    {ct::Der(1, Bytes{0xff}), ct::DerNumber(0)});
              })),
              ElementsAre("ARK certificate"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                // Key usage: digital signature.
                platform.root.extensions.push_back(
                    {.oid = {0x55, 0x1d, 0x0f},
                     .critical = true,
                     .value = ct::Der(3, Bytes{7, 0x80})});
                platform.crl.revoked.clear();
              })),
              ElementsAre("ARK certificate", "revocation list"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.root.subject = platform.root.issuer = "ARK-Milano";
                platform.intermediate.issuer = platform.root.subject;
                platform.crl.issuer = platform.root.subject;
              })),
              ElementsAre("ARK certificate", "chain product"));
}

TEST(SnpChainTest, RejectsUnknownCriticalExtensionsAnywhere) {
  const ct::TestExtension unknown{
      .oid = {0x2a, 0x03}, .critical = true, .value = {}};
  EXPECT_THAT(Failed(CheckWith([&](TestSnpPlatform& platform) {
                platform.root.extensions.push_back(unknown);
              })),
              ElementsAre("ARK certificate"));
  EXPECT_THAT(Failed(CheckWith([&](TestSnpPlatform& platform) {
                platform.intermediate.extensions.push_back(unknown);
              })),
              ElementsAre("ASK certificate"));
  const SnpChainVerification result = CheckWith([&](TestSnpPlatform& platform) {
    platform.signer.extensions.push_back(unknown);
  });
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_THAT(RowOf(result, SnpCheckId::kSignerCertificate).got,
              HasSubstr("critical extension 1.2.3 is not understood"));
}

// One flaw each; the row tells it in words.
TEST(SnpChainTest, SaysWhatAnAuthorityLacks) {
  const auto usage = [](uint8_t bits) {
    return ct::TestExtension{.oid = {0x55, 0x1d, 0x0f},
                             .critical = true,
                             .value = ct::Der(3, Bytes{0, bits})};
  };
  struct Case {
    ct::TestCertificate TestSnpPlatform::*member;
    std::vector<ct::TestExtension> extensions;
    const char* got;
  };
  const ct::TestExtension no_ca{.oid = {0x55, 0x1d, 0x13},
                                .critical = true,
                                .value = ct::DerSequence({})};
  const ct::TestExtension no_path{
      .oid = {0x55, 0x1d, 0x13},
      .critical = true,
      .value = ct::DerSequence({ct::Der(1, Bytes{0xff}), ct::DerNumber(0)})};
  const auto root = &TestSnpPlatform::root;
  const auto ask = &TestSnpPlatform::intermediate;
  const Case cases[] = {
      {root, {}, "basic constraints do not say CA:TRUE"},
      {root, {no_ca}, "basic constraints do not say CA:TRUE"},
      {root, {no_path}, "its path length allows no CA below it"},
      {root,
       {ct::CaExtension(), usage(0x02)},  // lists only
       "its key usage does not allow certificates"},
      {ask, {}, "basic constraints do not say CA:TRUE"},
      {ask, {no_ca}, "basic constraints do not say CA:TRUE"},
      {ask, {no_path}, "as expected"},
      {ask,
       {ct::CaExtension(), usage(0x82)},
       "its key usage does not allow certificates"},
      {ask, {ct::CaExtension(), usage(0x04)}, "as expected"}};
  for (const Case& one : cases) {
    const SnpChainVerification result =
        CheckWith([&](TestSnpPlatform& platform) {
          (platform.*one.member).extensions = one.extensions;
        });
    const SnpCheckId id = one.member == root
                              ? SnpCheckId::kRootCertificate
                              : SnpCheckId::kIntermediateCertificate;
    EXPECT_EQ(RowOf(result, id).got, one.got);
    EXPECT_EQ(result.chain == nullptr,
              std::string_view(one.got) != "as expected")
        << one.got;
  }
}

// Certificates only: the list is nobody's then.
TEST(SnpChainTest, AListNeedsARootThatMaySignLists) {
  const SnpChainVerification result = CheckWith([](TestSnpPlatform& platform) {
    platform.root.extensions.push_back({.oid = {0x55, 0x1d, 0x0f},
                                        .critical = true,
                                        .value = ct::Der(3, Bytes{0, 0x04})});
  });
  EXPECT_THAT(Failed(result), ElementsAre("revocation list"));
  EXPECT_EQ(RowOf(result, SnpCheckId::kRevocationList).got,
            "the ARK's key usage does not allow lists");
  EXPECT_EQ(result.chain, nullptr);
}

// What cannot be read fails its own row and all that need it; nothing is
// compared with nothing.
TEST(SnpChainTest, UnreadableCertificatesFailEveryRowThatNeedsThem) {
  const TestSnpEvidence good =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  TestSnpEvidence evidence = good;
  evidence.root.resize(evidence.root.size() - 1);
  SnpChainVerification result = Check(evidence);
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_THAT(Failed(result),
              ElementsAre("ARK certificate", "ARK pinned", "ARK signature",
                          "ASK signature", "certificate dates",
                          "revocation list", "not revoked", "chain product"));
  EXPECT_EQ(RowOf(result, SnpCheckId::kRootPinned).got,
            "not available: no ARK certificate");
  EXPECT_EQ(RowOf(result, SnpCheckId::kNotRevoked).got,
            "not available: no list, ARK or ASK");
  EXPECT_EQ(RowOf(result, SnpCheckId::kChainProduct).got,
            "root key unknown, ARK unknown, ASK Milan, signer Milan");
  evidence = good;
  evidence.intermediate.clear();
  result = Check(evidence);
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_THAT(Failed(result),
              ElementsAre("ASK certificate", "ASK signature",
                          "signer certificate signature", "certificate dates",
                          "not revoked", "chain product"));
  EXPECT_EQ(RowOf(result, SnpCheckId::kIntermediateSigned).got,
            "not available: no ASK or ARK certificate");
  evidence = good;
  evidence.signer = {0x30, 0x00};
  result = Check(evidence);
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_THAT(Failed(result),
              ElementsAre("signer certificate", "signer certificate signature",
                          "certificate dates", "chain product"));
  EXPECT_EQ(RowOf(result, SnpCheckId::kSignerSigned).got,
            "not available: no signer's or ASK certificate");
  EXPECT_EQ(RowOf(result, SnpCheckId::kCertificateDates).got,
            "a certificate is missing");
}

// The intermediate certificate.

TEST(SnpChainTest, RejectsAnIntermediateWithoutItsRole) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.intermediate.extensions.clear();
              })),
              ElementsAre("ASK certificate"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.intermediate.subject = "SEV-Milan-B0";
                platform.signer.issuer = platform.intermediate.subject;
              })),
              ElementsAre("ASK certificate", "chain product"));
}

TEST(SnpChainTest, RejectsAnIntermediateOfAnotherRoot) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.intermediate.issuer = "ARK-Genoa";
              })),
              ElementsAre("ASK signature"));
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.intermediate.back() ^= 1U;
  EXPECT_THAT(Failed(Check(evidence)), ElementsAre("ASK signature"));
}

TEST(SnpChainTest, AnAskIssuesNoVlekAndAnAsvkNoVcek) {
  EXPECT_THAT(Failed(CheckWith(
                  [](TestSnpPlatform& platform) {
                    platform.intermediate.subject = "SEV-Milan";
                    platform.signer.issuer = "SEV-Milan";
                  },
                  SnpProduct::kMilan, SnpSigningKey::kVlek)),
              ElementsAre("ASK certificate", "chain product"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.intermediate.subject = "SEV-VLEK-Milan";
                platform.signer.issuer = "SEV-VLEK-Milan";
              })),
              ElementsAre("ASK certificate", "chain product"));
}

TEST(SnpChainTest, TheRootIssuesNoSigners) {
  TestSnpPlatform platform = TestSnpPlatform::Create(SnpProduct::kMilan);
  TestSnpEvidence evidence = MakeEvidence(platform);
  evidence.intermediate = evidence.root;
  platform.signer.issuer = platform.root.subject;
  evidence.signer =
      ct::MakeCertificate(platform.signer, TestSnpKeys::Shared().signer,
                          TestSnpKeys::Shared().root, platform.scheme);
  EXPECT_THAT(Failed(Check(evidence)),
              ElementsAre("ASK certificate", "chain product"));
}

// The signer's certificate.

TEST(SnpChainTest, RejectsASignerOfAnotherIntermediate) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.signer.issuer = "SEV-Genoa";
              })),
              ElementsAre("signer certificate signature"));
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.signer.back() ^= 1U;
  EXPECT_THAT(Failed(Check(evidence)),
              ElementsAre("signer certificate signature"));
}

TEST(SnpChainTest, RejectsASignerThatIsACa) {
  const SnpChainVerification result = CheckWith([](TestSnpPlatform& platform) {
    platform.signer.extensions.push_back(ct::CaExtension());
  });
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_EQ(RowOf(result, SnpCheckId::kSignerCertificate).got, "it is a CA");
}

TEST(SnpChainTest, RejectsASignerOnAnotherCurve) {
  const SnpChainVerification result = CheckWith([](TestSnpPlatform& platform) {
    platform.signer.spki =
        ct::TestKey::GenerateEc(crypto::EcCurve::kP256).Spki();
  });
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_EQ(RowOf(result, SnpCheckId::kSignerCertificate).got,
            "its key is not on P-384");
}

TEST(SnpChainTest, RejectsASignerWithAnotherName) {
  const SnpChainVerification result = CheckWith(
      [](TestSnpPlatform& platform) { platform.signer.subject = "SEV-VCEX"; });
  EXPECT_EQ(result.chain, nullptr);
  EXPECT_THAT(RowOf(result, SnpCheckId::kSignerCertificate).got,
              HasSubstr("want common name SEV-VCEK or SEV-VLEK"));
}

// Dates and revocation.

TEST(SnpChainTest, EveryCertificateMustBeValidNow) {
  const auto expire = [](ct::TestCertificate& certificate) {
    certificate.not_after = kNow - absl::Seconds(1);
  };
  const auto postpone = [](ct::TestCertificate& certificate) {
    certificate.not_before = kNow + absl::Seconds(1);
  };
  for (const auto member :
       {&TestSnpPlatform::root, &TestSnpPlatform::intermediate,
        &TestSnpPlatform::signer}) {
    EXPECT_THAT(Failed(CheckWith([&](TestSnpPlatform& platform) {
                  expire(platform.*member);
                })),
                ElementsAre("certificate dates"));
    EXPECT_THAT(Failed(CheckWith([&](TestSnpPlatform& platform) {
                  postpone(platform.*member);
                })),
                ElementsAre("certificate dates"));
  }
}

TEST(SnpChainTest, ARevokedIntermediateIsRefused) {
  const SnpChainVerification result = CheckWith([](TestSnpPlatform& platform) {
    platform.crl.revoked = {{2, 0, 1}, {2, 0, 2}};
  });
  EXPECT_THAT(Failed(result), ElementsAre("not revoked"));
  EXPECT_EQ(RowOf(result, SnpCheckId::kNotRevoked).got,
            "\"SEV-Milan\" with serial number 020002 is revoked");
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.crl.revoked = {{1}};  // the root
              })),
              ElementsAre("not revoked"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.crl.revoked = {{2, 0, 1}};
              })),
              IsEmpty());
}

TEST(SnpChainTest, ARevocationListMustBeTheRoots) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.crl.issuer = "ARK-Genoa";
              })),
              ElementsAre("revocation list"));
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.crl.back() ^= 1U;
  EXPECT_THAT(Failed(Check(evidence)), ElementsAre("revocation list"));
  evidence.crl.pop_back();
  EXPECT_THAT(Failed(Check(evidence)),
              ElementsAre("revocation list", "not revoked"));
}

TEST(SnpChainTest, ARevocationListMustBeValidNow) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.crl.next_update = kNow - absl::Seconds(1);
              })),
              ElementsAre("revocation list"));
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.crl.this_update = kNow + absl::Seconds(1);
              })),
              ElementsAre("revocation list"));
}

TEST(SnpChainTest, ARevocationListMayBeDemanded) {
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  SnpVerificationInput input = evidence.Input();
  input.options.crl_required = true;
  EXPECT_THAT(Failed(Check(input)), IsEmpty());
  input.endorsements.crl = {};
  EXPECT_THAT(Failed(Check(input)),
              ElementsAre("revocation list", "not revoked"));
  input.options.crl_required = false;
  const SnpChainVerification result = Check(input);
  EXPECT_THAT(Failed(result), IsEmpty());
  EXPECT_EQ(result.chain->crl(), std::nullopt);
}

TEST(SnpChainTest, AGenoaSignerBelowMilansAuthoritiesIsRefused) {
  EXPECT_THAT(Failed(CheckWith([](TestSnpPlatform& platform) {
                platform.product = SnpProduct::kGenoa;
                platform.signer.extensions =
                    testing::SignerExtensions(platform);
              })),
              ElementsAre("chain product"));
}

// Two entries with one key: which product it stands for must not depend on the
// last one who named it.
TEST(SnpChainTest, TheFirstRootThatFitsCounts) {
  TestSnpEvidence evidence =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  evidence.roots.push_back(evidence.roots[0]);
  evidence.roots[1].product = SnpProduct::kTurin;
  EXPECT_THAT(Failed(Check(evidence)), IsEmpty());
}

TEST(SelectSnpEndorsementsTest, TellsRolesApart) {
  const TestSnpEvidence vcek =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  const TestSnpEvidence vlek = MakeEvidence(
      TestSnpPlatform::Create(SnpProduct::kMilan, SnpSigningKey::kVlek));
  std::vector<crypto::Certificate> all;
  for (const Bytes* der : {&vlek.intermediate, &vcek.root, &vcek.intermediate,
                           &vlek.signer, &vcek.signer}) {
    all.push_back(crypto::Certificate::FromDer(*der).value());
  }
  const auto is = [](std::span<const uint8_t> found, const Bytes& wanted) {
    return std::ranges::equal(found, wanted);
  };
  const SnpEndorsements both = SelectSnpEndorsements(all);
  EXPECT_TRUE(is(both.signer, vcek.signer));
  EXPECT_TRUE(is(both.intermediate, vcek.intermediate));
  EXPECT_TRUE(is(both.root, vcek.root));
  all.pop_back();
  const SnpEndorsements without = SelectSnpEndorsements(all);
  EXPECT_TRUE(is(without.signer, vlek.signer));
  EXPECT_TRUE(is(without.intermediate, vlek.intermediate));
  EXPECT_TRUE(SelectSnpEndorsements({}).root.empty());
}

}  // namespace
}  // namespace constellation::attestation
