// SPDX-License-Identifier: Apache-2.0
// Answers of vendors that are signed by somebody, but not by whom, or about
// what, was asked. Each row is refused for one reason only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/collateral/vendor_checks.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/snp_chain.h"
#include "attestation/snp/testing/test_platform.h"
#include "attestation/testing/intel_signer.h"
#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::MakeEvidence;
using ::constellation::attestation::testing::TestSnpEvidence;
using ::constellation::attestation::testing::TestSnpKeys;
using ::constellation::attestation::testing::TestSnpPlatform;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using crypto::testing::CaExtension;
using crypto::testing::MakeCertificate;
using crypto::testing::MakeCrl;
using crypto::testing::TestCertificate;
using crypto::testing::TestCrl;
using crypto::testing::TestKey;
using crypto::testing::TestScheme;
using ::testing::HasSubstr;

constexpr absl::Time kNow = absl::FromUnixSeconds(1767225600);  // 2026-01-01
constexpr TestScheme kEcdsa = TestScheme::kEcdsaSha256;

std::string PemOf(const Bytes& der) {
  return crypto::PemEncode("CERTIFICATE", der);
}

absl::Status Apply(const CollateralCheck& check, std::string_view content,
                   const std::string& chain = "") {
  return check({.content = Bytes(content.begin(), content.end()),
                .issuer_chain = chain},
               kNow)
      .status();
}
absl::Status Apply(const CollateralCheck& check, const Bytes& content,
                   const std::string& chain = "") {
  return Apply(check, AsText(content), chain);
}

// The last octet belongs to the signature.
Bytes Forged(Bytes der) {
  der.back() ^= 1U;
  return der;
}

class AmdRefusalsTest : public ::testing::Test {
 protected:
  // A certificate for `key` in the place of the ASK's or ARK's.
  Bytes Issue(TestCertificate fields, const TestKey& key,
              const TestKey& issuer) const {
    return MakeCertificate(fields, key, issuer, platform_.scheme);
  }
  SnpCollateral Chain() const {
    return {.signer = {},
            .intermediate = evidence_.intermediate,
            .root = evidence_.root,
            .crl = evidence_.crl};
  }

  const TestSnpPlatform platform_ = TestSnpPlatform::Create(SnpProduct::kMilan);
  const TestSnpKeys& keys_ = TestSnpKeys::Shared();
  const TestSnpEvidence evidence_ = MakeEvidence(platform_);
  const CollateralCheck chain_ =
      AmdCertChainCheck(SnpProduct::kMilan, evidence_.roots);
};

TEST_F(AmdRefusalsTest, ChainsAreTwoCertificatesUnderThePinnedKey) {
  const std::string ask = PemOf(evidence_.intermediate);
  const std::string ark = PemOf(evidence_.root);
  ASSERT_THAT(Apply(chain_, ask + ark), IsOk());
  EXPECT_THAT(Apply(chain_, ark), StatusIs(absl::StatusCode::kInvalidArgument,
                                           "want 2 certificates, got 1"));
  EXPECT_THAT(Apply(chain_, ask + ark + ark),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "want 2 certificates, got 3"));
  EXPECT_THAT(Apply(chain_, ark + ask),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("ARK of Milan: want a pinned key, got ")));
}

// The pin is of the key: the certificate around it must be its owner's.
TEST_F(AmdRefusalsTest, EveryCertificateOfAChainIsSigned) {
  const std::string ark = PemOf(evidence_.root);
  EXPECT_THAT(Apply(chain_, PemOf(Forged(evidence_.intermediate)) + ark),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Apply(chain_, PemOf(evidence_.intermediate) +
                                PemOf(Forged(evidence_.root))),
              StatusIs(absl::StatusCode::kUnauthenticated));
  const Bytes by_ask =
      Issue(platform_.intermediate, keys_.signer, keys_.intermediate);
  EXPECT_THAT(Apply(chain_, PemOf(by_ask) + ark),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(AmdRefusalsTest, ListsAreOfTheRootInNameAndKey) {
  const CollateralCheck check = AmdCrlCheck(evidence_.root);
  ASSERT_THAT(Apply(check, evidence_.crl), IsOk());
  TestCrl fields = platform_.crl;
  EXPECT_THAT(
      Apply(check, MakeCrl(fields, keys_.intermediate, platform_.scheme)),
      StatusIs(absl::StatusCode::kUnauthenticated));
  fields.issuer = "somebody";
  EXPECT_THAT(Apply(check, MakeCrl(fields, keys_.root, platform_.scheme)),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want a list of ")));
  EXPECT_THAT(Apply(check, evidence_.root),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(AmdRefusalsTest, VceksAreOfTheProductAndHaveAChip) {
  const auto facts = CheckSnpChain(evidence_.Input().endorsements,
                                   {.more_roots = evidence_.roots}, kNow)
                         .chain->facts();
  const SnpTcb tcb = DecodeSnpTcb(facts.tcb, SnpProduct::kMilan);
  const auto check = [&](SnpProduct product, const TestSnpEvidence& evidence) {
    SnpCollateral chain = Chain();
    chain.intermediate = evidence.intermediate;
    chain.root = evidence.root;
    chain.crl = evidence.crl;
    std::vector<SnpRoot> roots = evidence.roots;
    return Apply(VcekCheck(product, *facts.hardware_id, tcb, chain, roots),
                 evidence.signer);
  };
  ASSERT_THAT(check(SnpProduct::kMilan, evidence_), IsOk());
  constexpr char kOther[] = "want the VCEK of this chip, got another's";
  // The same levels mean the same numbers for both.
  EXPECT_THAT(check(SnpProduct::kGenoa, evidence_),
              StatusIs(absl::StatusCode::kUnauthenticated, kOther));
  const TestSnpEvidence vlek = MakeEvidence(
      TestSnpPlatform::Create(SnpProduct::kMilan, SnpSigningKey::kVlek));
  EXPECT_THAT(check(SnpProduct::kMilan, vlek),
              StatusIs(absl::StatusCode::kUnauthenticated, kOther));
}

class IntelRefusalsTest : public ::testing::Test {
 protected:
  // A CA of PCKs with a key of its own, which the test root signed.
  Bytes Ca(std::vector<crypto::testing::TestExtension> extensions,
           const TestKey& issuer) const {
    TestCertificate fields;
    fields.subject = kPlatform;
    fields.issuer = "Intel SGX Root CA INSECURE TEST";
    fields.extensions = std::move(extensions);
    return MakeCertificate(fields, key_, issuer, kEcdsa);
  }
  // A list of that CA.
  Bytes List() const {
    TestCrl fields;
    fields.issuer = kPlatform;
    return MakeCrl(fields, key_, kEcdsa);
  }
  std::string Signing() const {
    return PemOf(signer_.tcb_signing()) + PemOf(signer_.root());
  }

  static constexpr char kPlatform[] = "Intel SGX PCK Platform CA";
  const IntelSigner& signer_ = IntelSigner::Get();
  const IntelSigner impostor_;
  const IntelTrustAnchors anchors_ =
      IntelTrustAnchors::Create(
          std::vector{*crypto::Certificate::FromDer(signer_.root())})
          .value();
  const TestKey key_ = TestKey::GenerateEc(crypto::EcCurve::kP256);
  const Bytes fmspc_ = {0x00, 0x60, 0x6a, 0, 0, 0};
};

TEST_F(IntelRefusalsTest, TcbInfoIsOfThePlatformThatWasAsked) {
  const std::string text = signer_.MakeTcbInfo();
  const auto check = [&](IntelTee tee, const Bytes& fmspc) {
    return Apply(TcbInfoCheck(anchors_, tee, fmspc), text, Signing());
  };
  ASSERT_THAT(check(IntelTee::kTdx, fmspc_), IsOk());
  EXPECT_THAT(check(IntelTee::kSgx, fmspc_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       "want TCB info of SGX 00606a000000, got that of TDX "
                       "00606a000000"));
  for (size_t i = 0; i < fmspc_.size(); ++i) {
    Bytes other = fmspc_;
    other[i] ^= 0x80U;
    EXPECT_THAT(check(IntelTee::kTdx, other),
                StatusIs(absl::StatusCode::kUnauthenticated,
                         HasSubstr("got that of TDX 00606a000000")))
        << i;
  }
  EXPECT_THAT(Apply(TcbInfoCheck(anchors_, IntelTee::kTdx, fmspc_),
                    impostor_.MakeTcbInfo(), Signing()),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(IntelRefusalsTest, IdentityIsOfTheEnclaveThatWasAsked) {
  const std::string text = signer_.MakeIdentity();
  ASSERT_THAT(Apply(QeIdentityCheck(anchors_, IntelTee::kTdx), text, Signing()),
              IsOk());
  EXPECT_THAT(Apply(QeIdentityCheck(anchors_, IntelTee::kSgx), text, Signing()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       "want identity of QE, got that of TD_QE"));
  EXPECT_THAT(Apply(QeIdentityCheck(anchors_, IntelTee::kTdx),
                    impostor_.MakeIdentity(), Signing()),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(IntelRefusalsTest, RootListsAreOfATrustedRoot) {
  const CollateralCheck check = IntelRootCrlCheck(anchors_);
  ASSERT_THAT(Apply(check, signer_.MakeRootCrl()), IsOk());
  EXPECT_THAT(Apply(check, signer_.MakePckCrl()),
              StatusIs(absl::StatusCode::kUnauthenticated, "no trusted root"));
  // The right name, another key.
  EXPECT_THAT(Apply(check, impostor_.MakeRootCrl()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       ::testing::Not(HasSubstr("no trusted root"))));
}

TEST_F(IntelRefusalsTest, PckListsAreOfTheCaThatWasAsked) {
  const Bytes list = signer_.MakePckCrl();
  const std::string chain = PemOf(signer_.pck_ca(true)) + PemOf(signer_.root());
  ASSERT_THAT(Apply(PckCrlCheck(anchors_, PckCa::kPlatform), list, chain),
              IsOk());
  EXPECT_THAT(Apply(PckCrlCheck(anchors_, PckCa::kProcessor), list, chain),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want a list of Intel SGX PCK Processor CA, "
                                 "got one of ")));
  EXPECT_THAT(Apply(PckCrlCheck(anchors_, PckCa::kPlatform), list,
                    PemOf(signer_.root())),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("issuer chain: want the certificate of ")));
  EXPECT_THAT(
      Apply(PckCrlCheck(anchors_, PckCa::kPlatform), Forged(list), chain),
      StatusIs(absl::StatusCode::kUnauthenticated));
}

// The issuer's certificate comes with the answer: name and key alone do not
// make it a CA of Intel's.
TEST_F(IntelRefusalsTest, TheCaOfAListIsChecked) {
  const CollateralCheck check = PckCrlCheck(anchors_, PckCa::kPlatform);
  const TestKey& root = signer_.root_key();
  ASSERT_THAT(Apply(check, List(), PemOf(Ca({CaExtension()}, root))), IsOk());
  EXPECT_THAT(Apply(check, List(), PemOf(Ca({}, root))),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want a list of ")))
      << "no CA";
  EXPECT_THAT(
      Apply(check, List(),
            PemOf(Ca({CaExtension(),
                      {.oid = {0x2a, 0x03}, .critical = true, .value = {5, 0}}},
                     root))),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("critical extension 1.2.3 is not understood")));
  EXPECT_THAT(
      Apply(check, List(), PemOf(Ca({CaExtension()}, impostor_.root_key()))),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("not signed by the trusted root")));
}

// Root, an authority below it and a leaf.
class GoogleRefusalsTest : public ::testing::Test {
 protected:
  static Bytes Make(const char* subject, const char* issuer, const TestKey& key,
                    const TestKey& issuer_key, bool ca) {
    TestCertificate fields;
    fields.subject = subject;
    fields.issuer = issuer;
    if (ca) {
      fields.extensions = {CaExtension()};
    }
    return MakeCertificate(fields, key, issuer_key, kEcdsa);
  }
  CollateralCheck Check() const {
    return GoogleChainCheck(
        {crypto::Certificate::FromDer(root_)->SpkiFingerprint()},
        *crypto::Certificate::FromDer(leaf_));
  }

  const TestKey root_key_ = TestKey::GenerateEc(crypto::EcCurve::kP256);
  const TestKey ca_key_ = TestKey::GenerateEc(crypto::EcCurve::kP256);
  const TestKey leaf_key_ = TestKey::GenerateEc(crypto::EcCurve::kP256);
  const Bytes root_ = Make("root", "root", root_key_, root_key_, true);
  const Bytes ca_ = Make("ca", "root", ca_key_, root_key_, true);
  const Bytes leaf_ = Make("leaf", "ca", leaf_key_, ca_key_, false);
};

TEST_F(GoogleRefusalsTest, EveryLinkIsSignedUpToAPinnedRoot) {
  ASSERT_THAT(Apply(Check(), PemOf(ca_) + PemOf(root_)), IsOk());
  constexpr char kEnd[] = "want a chain that ends at a pinned root";
  EXPECT_THAT(Apply(Check(), PemOf(ca_)),
              StatusIs(absl::StatusCode::kUnauthenticated, kEnd));
  EXPECT_THAT(Apply(Check(), PemOf(root_) + PemOf(ca_)),
              StatusIs(absl::StatusCode::kUnauthenticated, kEnd));
  EXPECT_THAT(Apply(Check(), PemOf(root_)),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "the leaf is not the root's";
  EXPECT_THAT(Apply(Check(), PemOf(Forged(ca_)) + PemOf(root_)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Apply(Check(), PemOf(ca_) + PemOf(Forged(root_))),
              StatusIs(absl::StatusCode::kUnauthenticated));
  const Bytes other = Make("ca", "root", leaf_key_, root_key_, true);
  EXPECT_THAT(Apply(Check(), PemOf(other) + PemOf(root_)),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(GoogleRefusalsTest, OnlyAuthoritiesSign) {
  const Bytes no_ca = Make("ca", "root", ca_key_, root_key_, false);
  EXPECT_THAT(Apply(Check(), PemOf(no_ca) + PemOf(root_)),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       "want certificates of authorities"));
}

}  // namespace
}  // namespace constellation::attestation
