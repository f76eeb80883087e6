// SPDX-License-Identifier: Apache-2.0
// One spoilt part per check, in collateral that is good otherwise.
#include "attestation/intel/collateral.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/test_keys.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::FailedChecks;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::FixOf;
using ::constellation::testing::GotOf;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestIdentity;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::kTestNotAfter;
using ::constellation::testing::kTestNotBefore;
using ::constellation::testing::Middle;
using ::constellation::testing::PemOf;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::Revoking;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SyntheticAnchors;
using ::constellation::testing::SyntheticCollateral;
using ::constellation::testing::VectorsFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Id = IntelCheckId;

const IntelSigner& Signer() {
  return IntelSigner::Get();
}

class CollateralTest : public ::testing::Test {
 protected:
  IntelCollateralVerification Check(absl::Time now = kSyntheticNow,
                                    absl::Duration grace = {}) const {
    auto result = CheckIntelCollateral(parts_, SyntheticAnchors(), now, grace);
    EXPECT_EQ(result.collateral.has_value(),
              FailedChecks(result.checks).empty());
    return result;
  }
  std::vector<Id> Failed(absl::Time now = kSyntheticNow) const {
    return FailedChecks(Check(now).checks);
  }
  Bytes ChainOf(bool platform) const {
    const std::string pem =
        PemOf(Signer().pck_ca(platform)) + PemOf(Signer().root());
    return {pem.begin(), pem.end()};
  }
  IntelCollateral parts_ = SyntheticCollateral(Signer().Make());
};

TEST_F(CollateralTest, AcceptsGoodOnesAndTellsTheirWindow) {
  const auto result = Check();
  ASSERT_TRUE(result.collateral.has_value());
  EXPECT_EQ(result.collateral->not_before(), kTestNotBefore);
  EXPECT_EQ(result.collateral->expires_at(), kTestNotAfter);
  EXPECT_EQ(result.collateral->evaluation_data_number(), 18U);
  EXPECT_EQ(result.checks.size(), 9U);
}

TEST_F(CollateralTest, EveryCheckHasARowAlsoIfThereIsNothing) {
  const auto good = Check();
  parts_ = {};
  const auto bad = Check();
  ASSERT_EQ(good.checks.size(), bad.checks.size());
  for (size_t i = 0; i < good.checks.size(); ++i) {
    EXPECT_EQ(good.checks[i].id, bad.checks[i].id);
    EXPECT_FALSE(bad.checks[i].passed);
  }
}

// A part that cannot be read fails its own rows and those that need it, the
// dates always; the others are judged all the same.
TEST_F(CollateralTest, EachPartThatCannotBeReadIsToldAlone) {
  const IntelCollateral good = parts_;
  const auto failed_with = [&](const auto& damage) {
    parts_ = good;
    damage(parts_);
    const auto result = Check();
    EXPECT_EQ(GotOf(result.checks, Id::kCollateralDates),
              "not available: a part is missing");
    return FailedChecks(result.checks);
  };
  EXPECT_THAT(
      failed_with([](IntelCollateral& all) { all.tcb_info.pop_back(); }),
      UnorderedElementsAre(Id::kTcbInfoFormat, Id::kTcbInfoSignature,
                           Id::kCollateralDates));
  EXPECT_THAT(failed_with([](IntelCollateral& all) {
                all.enclave_identity.pop_back();
              }),
              UnorderedElementsAre(Id::kEnclaveIdentityFormat,
                                   Id::kEnclaveIdentitySignature,
                                   Id::kCollateralDates));
  EXPECT_THAT(
      failed_with([](IntelCollateral& all) {
        all.tcb_signing_chain = "x";
        all.enclave_identity_chain.clear();
      }),
      UnorderedElementsAre(Id::kTcbSigningChain, Id::kTcbInfoSignature,
                           Id::kEnclaveIdentitySignature, Id::kRootCrl,
                           Id::kTcbSignerRevocation, Id::kCollateralDates));
  EXPECT_THAT(failed_with([](IntelCollateral& all) {
                all.enclave_identity_chain = all.tcb_signing_chain;
                all.tcb_signing_chain = "x";
              }),
              UnorderedElementsAre(Id::kTcbSigningChain, Id::kTcbInfoSignature,
                                   Id::kRootCrl, Id::kTcbSignerRevocation,
                                   Id::kCollateralDates));
  EXPECT_THAT(
      failed_with(
          [](IntelCollateral& all) { all.enclave_identity_chain = "x"; }),
      UnorderedElementsAre(Id::kTcbSigningChain, Id::kEnclaveIdentitySignature,
                           Id::kTcbSignerRevocation, Id::kCollateralDates));
  EXPECT_THAT(failed_with([](IntelCollateral& all) { all.root_crl = {1}; }),
              UnorderedElementsAre(Id::kRootCrl, Id::kTcbSignerRevocation,
                                   Id::kCollateralDates));
  EXPECT_THAT(failed_with([](IntelCollateral& all) { all.pck_crl = {1}; }),
              UnorderedElementsAre(Id::kPckCrl, Id::kCollateralDates));
}

// Signed, well-formed, and still not whole: what is missing would read as zero.
TEST_F(CollateralTest, SignedDocumentsMustBeWhole) {
  const auto without = [](std::string text, const std::string& name) {
    const std::string key = "\"" + name + "\":";
    const size_t at = text.find(key);
    EXPECT_NE(at, std::string::npos) << name;
    return text.replace(at, key.size(), "\"other\":");
  };
  const IntelCollateral good = parts_;
  for (const char* name : {"fmspc", "pceId", "tcbEvaluationDataNumber"}) {
    parts_ = good;
    parts_.tcb_info = Signer().SignCollateral(
        "tcbInfo", without(constellation::testing::TcbInfoText({}), name));
    const auto result = Check();
    EXPECT_THAT(FailedChecks(result.checks),
                UnorderedElementsAre(Id::kTcbInfoFormat, Id::kTcbInfoSignature,
                                     Id::kCollateralDates));
    EXPECT_THAT(GotOf(result.checks, Id::kTcbInfoFormat),
                HasSubstr(std::string(name) + " is missing"));
  }
  for (const char* name : {"mrsigner", "isvprodid", "nextUpdate"}) {
    parts_ = good;
    parts_.enclave_identity = Signer().SignCollateral(
        "enclaveIdentity",
        without(constellation::testing::IdentityText({}), name));
    const auto result = Check();
    EXPECT_THAT(FailedChecks(result.checks),
                UnorderedElementsAre(Id::kEnclaveIdentityFormat,
                                     Id::kEnclaveIdentitySignature,
                                     Id::kCollateralDates));
    EXPECT_THAT(GotOf(result.checks, Id::kEnclaveIdentityFormat),
                HasSubstr(std::string(name) + " is missing"));
  }
}

TEST_F(CollateralTest, TakesTheLowerEvaluationNumber) {
  IntelTestIdentity identity;
  identity.evaluation_number = 17;
  parts_.enclave_identity = Signer().MakeIdentity(identity);
  EXPECT_EQ(Check().collateral->evaluation_data_number(), 17U);
}

TEST_F(CollateralTest, RefusesChangedTcbInfo) {
  const size_t digit = parts_.tcb_info.find("\"pcesvn\":11") + 9;
  parts_.tcb_info[digit] = '2';
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kTcbInfoSignature));
  EXPECT_THAT(FixOf(result.checks, Id::kTcbInfoSignature),
              HasSubstr("fetch it again from Intel"));
}

TEST_F(CollateralTest, RefusesChangedIdentity) {
  const size_t digit = parts_.enclave_identity.find("\"isvprodid\":2") + 12;
  parts_.enclave_identity[digit] = '1';
  EXPECT_THAT(Failed(), ElementsAre(Id::kEnclaveIdentitySignature));
}

TEST_F(CollateralTest, SignatureIsOverTheTextNotTheMeaning) {
  const std::string inner = testing::TcbInfoText({});
  std::string spaced = inner;
  spaced.insert(1, " ");
  const std::string good = Signer().SignCollateral("tcbInfo", inner);
  parts_.tcb_info = good;
  parts_.tcb_info.replace(good.find(inner), inner.size(), spaced);
  EXPECT_THAT(Failed(), ElementsAre(Id::kTcbInfoSignature));
  // Signed as it stands, spaces are as good as none.
  parts_.tcb_info = "\r\n " + Signer().SignCollateral("tcbInfo", spaced) + "\n";
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(CollateralTest, RefusesSwappedDocuments) {
  std::swap(parts_.tcb_info, parts_.enclave_identity);
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), Contains(Id::kTcbInfoFormat));
  EXPECT_THAT(FirstFailure(result.checks, "collateral"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("unknown key \"enclaveIdentity\"")));
}

TEST_F(CollateralTest, RefusesSignerOfAnUntrustedRoot) {
  const IntelSigner other;
  parts_.tcb_signing_chain = PemOf(other.tcb_signing());
  EXPECT_THAT(Failed(), Contains(Id::kTcbSigningChain));
  // Nor together with the root that is trusted.
  parts_.tcb_signing_chain += PemOf(Signer().root());
  const auto result = Check();
  EXPECT_THAT(GotOf(result.checks, Id::kTcbSigningChain),
              HasSubstr("not signed by the trusted root"));
  EXPECT_FALSE(result.collateral.has_value());
}

// Each document is good under a root that is trusted; together they are
// nobody's collateral.
TEST_F(CollateralTest, RefusesDocumentsOfTwoRoots) {
  const IntelSigner other;
  const auto anchors = IntelTrustAnchors::Create(
      std::vector{*crypto::Certificate::FromDer(Signer().root()),
                  *crypto::Certificate::FromDer(other.root())});
  ASSERT_TRUE(anchors.ok());
  parts_.enclave_identity_chain = PemOf(Signer().tcb_signing());
  EXPECT_TRUE(CheckIntelCollateral(parts_, *anchors, kSyntheticNow)
                  .collateral.has_value());
  parts_.enclave_identity = other.MakeIdentity();
  parts_.enclave_identity_chain = PemOf(other.tcb_signing());
  const auto result = CheckIntelCollateral(parts_, *anchors, kSyntheticNow);
  EXPECT_FALSE(result.collateral.has_value());
  EXPECT_THAT(GotOf(result.checks, Id::kTcbSigningChain),
              HasSubstr("the two documents end at different roots"));
}

TEST_F(CollateralTest, RefusesForeignRootInTheChain) {
  const IntelSigner other;
  parts_.tcb_signing_chain =
      PemOf(Signer().tcb_signing()) + PemOf(other.root());
  EXPECT_THAT(Failed(), Contains(Id::kTcbSigningChain));
}

// A PCK is issued by the same root, and must not speak for Intel.
TEST_F(CollateralTest, RefusesSignerWithAnotherName) {
  parts_.tcb_signing_chain = PemOf(Signer().MakePck());
  EXPECT_THAT(GotOf(Check().checks, Id::kTcbSigningChain),
              HasSubstr("want the common name \"Intel SGX TCB Signing\""));
}

TEST_F(CollateralTest, AcceptsEitherIssueOfTheSigner) {
  parts_.tcb_signing_chain =
      PemOf(Signer().root()) + PemOf(Signer().tcb_signing());
  EXPECT_THAT(Failed(), IsEmpty());
  parts_.tcb_signing_chain = PemOf(Signer().tcb_signing());
  EXPECT_THAT(Failed(), IsEmpty());
  parts_.enclave_identity_chain = PemOf(Signer().tcb_signing());
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(CollateralTest, RefusesForeignSignerOfTheIdentity) {
  const IntelSigner other;
  parts_.enclave_identity_chain =
      PemOf(other.tcb_signing()) + PemOf(other.root());
  parts_.enclave_identity = other.MakeIdentity();
  EXPECT_THAT(Failed(), Contains(Id::kTcbSigningChain));
}

TEST_F(CollateralTest, RefusesRootCrlOfAnotherKeyOrIssuer) {
  const IntelSigner other;
  parts_.root_crl = other.MakeRootCrl();
  EXPECT_THAT(Failed(), ElementsAre(Id::kRootCrl));
  parts_.root_crl = Signer().MakePckCrl();
  EXPECT_THAT(Failed(), ElementsAre(Id::kRootCrl));
}

TEST_F(CollateralTest, RefusesMissingCrls) {
  parts_.root_crl.clear();
  EXPECT_THAT(Failed(), Contains(Id::kRootCrl));
  parts_ = SyntheticCollateral(Signer().Make());
  parts_.pck_crl.clear();
  EXPECT_THAT(Failed(), Contains(Id::kPckCrl));
}

TEST_F(CollateralTest, ReadsCrlsAsHexAndPem) {
  const std::string hex = HexEncode(parts_.pck_crl) + "\n";
  parts_.pck_crl = Bytes(hex.begin(), hex.end());
  EXPECT_THAT(Failed(), IsEmpty());
  const std::string pem = "-----BEGIN X509 CRL-----\n" +
                          Base64Encode(parts_.root_crl) +
                          "\n-----END X509 CRL-----\n";
  parts_.root_crl = Bytes(pem.begin(), pem.end());
  EXPECT_THAT(Failed(), IsEmpty());
  parts_.root_crl = {'x', 'y'};
  EXPECT_THAT(GotOf(Check().checks, Id::kRootCrl),
              HasSubstr("want DER, PEM or hex"));
}

TEST_F(CollateralTest, ChecksPckCrlIfItsIssuerIsThere) {
  parts_.pck_crl_issuer_chain = ChainOf(true);
  const auto result = Check();
  ASSERT_TRUE(result.collateral.has_value());
  EXPECT_TRUE(result.collateral->pck_crl_signer().has_value());
  parts_.pck_crl_issuer_chain = ChainOf(false);
  EXPECT_THAT(GotOf(Check().checks, Id::kPckCrl),
              HasSubstr("no certificate of its issuer"));
  const IntelSigner other;
  parts_.pck_crl_issuer_chain = ChainOf(true);
  parts_.pck_crl = other.MakePckCrl();
  EXPECT_THAT(Failed(), ElementsAre(Id::kPckCrl));
  // A CA of an untrusted root proves nothing.
  const std::string foreign = PemOf(other.pck_ca(true));
  parts_.pck_crl_issuer_chain = Bytes(foreign.begin(), foreign.end());
  EXPECT_THAT(Failed(), ElementsAre(Id::kPckCrl));
}

TEST_F(CollateralTest, RefusesRevokedSigner) {
  parts_.root_crl = Signer().MakeRootCrl(Revoking({{4}}));
  EXPECT_THAT(Failed(), ElementsAre(Id::kTcbSignerRevocation));
}

// Each part alone is late, or early.
TEST_F(CollateralTest, RefusesEachPartOutOfDate) {
  const absl::Time past = kSyntheticNow - absl::Seconds(1);
  const absl::Time future = kSyntheticNow + absl::Seconds(1);
  const IntelCollateral good = parts_;
  IntelTestTcbInfo info;
  info.next_update = past;
  parts_.tcb_info = Signer().MakeTcbInfo(info);
  EXPECT_THAT(Failed(), ElementsAre(Id::kCollateralDates));
  info.next_update = kTestNotAfter;
  info.issue_date = future;
  parts_.tcb_info = Signer().MakeTcbInfo(info);
  EXPECT_THAT(Failed(), ElementsAre(Id::kCollateralDates));
  parts_ = good;
  IntelTestIdentity identity;
  identity.next_update = past;
  parts_.enclave_identity = Signer().MakeIdentity(identity);
  EXPECT_THAT(Failed(), ElementsAre(Id::kCollateralDates));
  parts_ = good;
  crypto::testing::TestCrl list;
  list.next_update = past;
  parts_.root_crl = Signer().MakeRootCrl(list);
  EXPECT_THAT(GotOf(Check().checks, Id::kCollateralDates),
              HasSubstr("root CRL: valid from"));
  parts_ = good;
  parts_.pck_crl = Signer().MakePckCrl(true, list);
  EXPECT_THAT(GotOf(Check().checks, Id::kCollateralDates),
              HasSubstr("PCK CRL: valid from"));
  list.next_update.reset();
  parts_.pck_crl = Signer().MakePckCrl(true, list);
  EXPECT_THAT(GotOf(Check().checks, Id::kCollateralDates),
              HasSubstr("PCK CRL: it names no end"));
  list = {};
  list.this_update = future;
  parts_.pck_crl = Signer().MakePckCrl(true, list);
  EXPECT_THAT(Failed(), ElementsAre(Id::kCollateralDates));
}

TEST_F(CollateralTest, RefusesSignerOutOfDate) {
  EXPECT_THAT(Failed(kTestNotAfter + absl::Seconds(1)),
              ElementsAre(Id::kCollateralDates));
  IntelTestTcbInfo info;
  info.next_update = kTestNotAfter + absl::Hours(48);
  parts_.tcb_info = Signer().MakeTcbInfo(info);
  // Grace covers the rest, but not the signing certificate.
  const auto result = Check(kTestNotAfter + absl::Seconds(1), absl::Hours(24));
  EXPECT_THAT(GotOf(result.checks, Id::kCollateralDates),
              HasSubstr("Intel SGX TCB Signing"));
}

TEST_F(CollateralTest, GraceIsNotGivenByDefault) {
  IntelTestTcbInfo info;
  info.next_update = kSyntheticNow - absl::Hours(1);
  parts_.tcb_info = Signer().MakeTcbInfo(info);
  EXPECT_FALSE(Check().collateral.has_value());
  EXPECT_TRUE(Check(kSyntheticNow, absl::Hours(1)).collateral.has_value());
  EXPECT_FALSE(Check(kSyntheticNow, absl::Minutes(59)).collateral.has_value());
}

TEST_F(CollateralTest, StatusFunctionGivesTheFirstFailure) {
  EXPECT_TRUE(
      VerifyIntelCollateral(parts_, SyntheticAnchors(), kSyntheticNow).ok());
  EXPECT_THAT(
      VerifyIntelCollateral(parts_, ProductionAnchors(), kSyntheticNow),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("Intel collateral: TCB signing chain: expected "
                         "\"Intel SGX TCB Signing\", issued by a trusted root, "
                         "got root ")));
}

TEST(CollateralVectorsTest, HaveTheVerdictOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int valid = 0;
  int invalid = 0;
  for (const auto& set : testing::AllIntelCollateral()) {
    for (const char* const file : {"/tcbinfo.json", "/qe-identity.json"}) {
      SCOPED_TRACE(set.name + file);
      const auto verdict =
          testing::VectorEntry(set.name + file)["verdict"].get<std::string>();
      const absl::Time now = set.window.has_value()
                                 ? Middle(*set.window)
                                 : absl::FromUnixSeconds(1700000000);
      const auto result =
          CheckIntelCollateral(set.collateral, ProductionAnchors(), now);
      const auto failed = FailedChecks(result.checks);
      const Id id = std::string(file) == "/tcbinfo.json"
                        ? Id::kTcbInfoSignature
                        : Id::kEnclaveIdentitySignature;
      const bool good = std::ranges::find(failed, id) == failed.end();
      EXPECT_EQ(good, verdict == "valid signature") << verdict;
      (good ? valid : invalid) += 1;
    }
  }
  EXPECT_GT(valid, 20);
  SUCCEED() << invalid;
}

// The set of Intel's documentation, whose signature is made up, lacks a CRL:
// its documents alone.
TEST(CollateralVectorsTest, RefusesDocumentsWithInvalidSignature) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int tried = 0;
  for (const auto& entry : testing::VectorEntries("")) {
    const auto path = entry["path"].get<std::string>();
    if (!path.ends_with(".json") ||
        entry["verdict"].get<std::string>() != "INVALID signature") {
      continue;
    }
    const bool tcb = path.ends_with("tcbinfo.json");
    IntelCollateral parts =
        FindIntelCollateral("tdx/collateral/90c06f-2025-02-relaunch")
            ->collateral;
    (tcb ? parts.tcb_info : parts.enclave_identity) =
        testing::ReadTextVector(path);
    const auto result = CheckIntelCollateral(parts, ProductionAnchors(),
                                             absl::FromUnixSeconds(1650000000));
    EXPECT_THAT(
        FailedChecks(result.checks),
        Contains(tcb ? Id::kTcbInfoSignature : Id::kEnclaveIdentitySignature))
        << path;
    EXPECT_FALSE(result.collateral.has_value());
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

TEST(TrustAnchorsTest, PinsIntelsRoot) {
  const auto& roots = ProductionAnchors().roots();
  ASSERT_EQ(roots.size(), 1U);
  EXPECT_TRUE(roots[0].is_intel);
  EXPECT_EQ(HexEncode(roots[0].certificate.SpkiFingerprint()),
            "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e");
  EXPECT_EQ(HexEncode(roots[0].certificate.Fingerprint()),
            "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
}

TEST(TrustAnchorsTest, RefusesFurtherRootsThatAreNone) {
  const auto leaf =
      crypto::Certificate::FromDer(Signer().tcb_signing()).value();
  EXPECT_THAT(
      IntelTrustAnchors::Create({&leaf, 1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want a CA")));
  const auto ca = crypto::Certificate::FromDer(Signer().pck_ca(true)).value();
  EXPECT_THAT(IntelTrustAnchors::Create({&ca, 1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did not sign itself")));
}

TEST(TrustAnchorsTest, AcceptsReissuedRootWithTheSameKeyOnly) {
  crypto::testing::TestCertificate fields;
  fields.subject = "Another Root";
  fields.issuer = "Another Root";
  fields.extensions = {crypto::testing::CaExtension()};
  const auto reissued =
      crypto::Certificate::FromDer(
          crypto::testing::MakeCertificate(
              fields, Signer().root_key(), Signer().root_key(),
              crypto::testing::TestScheme::kEcdsaSha256))
          .value();
  EXPECT_THAT(SyntheticAnchors().CheckIsRoot(reissued), testing::IsOk());
  // The same key, but in a certificate that somebody else signed.
  const auto forged = crypto::Certificate::FromDer(
                          crypto::testing::MakeCertificate(
                              fields, Signer().root_key(), Signer().pck_key(),
                              crypto::testing::TestScheme::kEcdsaSha256))
                          .value();
  EXPECT_THAT(SyntheticAnchors().CheckIsRoot(forged),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace constellation::attestation
