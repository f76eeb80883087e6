// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/pck_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "attestation/intel/quote.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/test_keys.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestPck;
using ::constellation::testing::IsOk;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::kTestNotAfter;
using ::constellation::testing::PemOf;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SyntheticAnchors;
using ::testing::HasSubstr;

const IntelSigner& Signer() {
  return IntelSigner::Get();
}

crypto::Certificate Parse(const Bytes& der) {
  return crypto::Certificate::FromDer(der).value();
}

// Leaf, CA, root of the test hierarchy.
PckChainUnverified GoodChain(const IntelTestPck& pck = {}) {
  return {.leaf = Parse(Signer().MakePck(pck)),
          .ca = Parse(Signer().pck_ca(pck.platform_ca)),
          .root = Parse(Signer().root())};
}

Bytes Text(const std::string& text) {
  return {text.begin(), text.end()};
}

void ExpectRefused(const PckChainUnverified& chain, const char* why) {
  EXPECT_THAT(VerifyPckChain(chain, SyntheticAnchors()),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(why)));
}

TEST(PckChainTest, VerifiesBothCas) {
  for (const bool platform : {true, false}) {
    IntelTestPck pck;
    pck.platform_ca = platform;
    ASSERT_OK_AND_ASSIGN(const auto chain,
                         VerifyPckChain(GoodChain(pck), SyntheticAnchors()));
    EXPECT_EQ(chain->extension().fmspc, pck.fmspc);
    EXPECT_EQ(chain->NotAfter(), kTestNotAfter);
    EXPECT_FALSE(chain->root().is_intel);
    EXPECT_THAT(chain->CheckDatesAt(kSyntheticNow), IsOk());
    EXPECT_THAT(chain->CheckDatesAt(kTestNotAfter + absl::Seconds(1)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
}

TEST(PckChainTest, RootIsOptionalButNeverWrong) {
  PckChainUnverified chain = GoodChain();
  chain.root.reset();
  EXPECT_THAT(VerifyPckChain(chain, SyntheticAnchors()), IsOk());
  const IntelSigner other;
  chain.root = Parse(other.root());
  ExpectRefused(chain, "is not trusted");
}

TEST(PckChainTest, LeafMustBeSignedByTheCa) {
  const IntelSigner other;
  PckChainUnverified chain = GoodChain();
  chain.leaf = Parse(other.MakePck());
  ExpectRefused(chain, "not signed by its CA");
}

TEST(PckChainTest, CaMustBeSignedByTheRoot) {
  const IntelSigner other;
  PckChainUnverified chain = GoodChain();
  chain.ca = Parse(other.pck_ca(true));
  chain.leaf = Parse(other.MakePck());
  ExpectRefused(chain, "not signed by the trusted root");
}

// A CA of the right name and key, issued by a PCK of the same hierarchy.
TEST(PckChainTest, CaMustBeIssuedByTheRootItself) {
  crypto::testing::TestCertificate fields;
  fields.subject = "Intel SGX PCK Platform CA";
  fields.issuer = "Intel SGX PCK Certificate";
  fields.extensions = {crypto::testing::CaExtension()};
  PckChainUnverified chain = GoodChain();
  chain.ca = Parse(crypto::testing::MakeCertificate(
      fields, Signer().pck_key(), Signer().pck_key(),
      crypto::testing::TestScheme::kEcdsaSha256));
  ExpectRefused(chain, "which is no trusted root");
}

TEST(PckChainTest, NamesMustBeIntels) {
  IntelTestPck pck;
  pck.subject = "Intel SGX PCK Certificat";
  ExpectRefused(GoodChain(pck), "want the common name");
  crypto::testing::TestCertificate fields;
  fields.subject = "Some CA";
  fields.issuer = Parse(Signer().root()).SubjectCommonName().value();
  fields.extensions = {crypto::testing::CaExtension()};
  PckChainUnverified chain = GoodChain();
  chain.ca = Parse(crypto::testing::MakeCertificate(
      fields, Signer().pck_key(), Signer().root_key(),
      crypto::testing::TestScheme::kEcdsaSha256));
  ExpectRefused(chain, "want the common name \"Intel SGX PCK Platform CA\"");
}

TEST(PckChainTest, CaMustBeAllowedToSignCertificates) {
  crypto::testing::TestCertificate fields;
  fields.subject = "Intel SGX PCK Platform CA";
  fields.issuer = Parse(Signer().root()).SubjectCommonName().value();
  // Key usage digitalSignature only.
  fields.extensions = {crypto::testing::CaExtension(),
                       {.oid = {0x55, 0x1d, 0x0f},
                        .critical = true,
                        .value = {0x03, 0x02, 0x07, 0x80}}};
  PckChainUnverified chain = GoodChain();
  chain.ca = Parse(crypto::testing::MakeCertificate(
      fields, Signer().pck_key(), Signer().root_key(),
      crypto::testing::TestScheme::kEcdsaSha256));
  ExpectRefused(chain, "may not sign certificates");
}

TEST(PckChainTest, LeafMustHaveTheExtension) {
  for (const uint32_t arc : {1U, 2U, 3U, 4U, 5U}) {
    IntelTestPck pck;
    pck.omitted = {arc};
    EXPECT_THAT(
        VerifyPckChain(GoodChain(pck), SyntheticAnchors()),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is missing")));
  }
}

TEST(PckChainTest, SortsByRole) {
  const Bytes pem = Text(PemOf(Signer().root()) + PemOf(Signer().MakePck()) +
                         PemOf(Signer().pck_ca(true)));
  ASSERT_OK_AND_ASSIGN(const auto chain,
                       ParsePckChainUnverified(kPckCertificateChain, pem, {}));
  EXPECT_EQ(chain.ca.der(), Signer().pck_ca(true));
  EXPECT_EQ(chain.root->der(), Signer().root());
  EXPECT_FALSE(chain.leaf.is_ca());
}

TEST(PckChainTest, RefusesOtherNumbersOfCertificates) {
  const auto refuses = [](const std::string& pem, const char* why) {
    EXPECT_THAT(ParsePckChainUnverified(kPckCertificateChain, Text(pem), {}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  const std::string leaf = PemOf(Signer().MakePck());
  const std::string ca = PemOf(Signer().pck_ca(true));
  const std::string root = PemOf(Signer().root());
  refuses(leaf + root, "it has no CA certificate");
  refuses(ca + root, "it has no leaf certificate");
  refuses(leaf + ca + PemOf(Signer().pck_ca(false)), "want one CA");
  const IntelSigner other;
  refuses(leaf + ca + root + PemOf(other.root()), "want one root");
  refuses(leaf + ca + root + root + root, "");
  refuses("", "");
  refuses("-----BEGIN CERTIFICATE-----\n", "");
}

// A damaged block must not pass for a comment.
TEST(PckChainTest, RefusesTextBetweenCertificates) {
  const std::string good = Signer().PckChainPem();
  EXPECT_THAT(ParseCertificatesUnverified(Text("\r\n" + good + "\n\n")),
              IsOk());
  for (const std::string& bad :
       {"subject=x\n" + good, good + "x", good + "-----BEGIN CERT-----\n"}) {
    EXPECT_THAT(ParseCertificatesUnverified(Text(bad)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("got something else")));
  }
  EXPECT_THAT(
      ParseCertificatesUnverified(Text(good.substr(0, good.size() - 5))),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got the end")));
}

TEST(PckChainTest, OtherTypesTakeTheChainFromElsewhere) {
  const Bytes further = Text(Signer().PckChainPem());
  for (uint16_t type = 1; type <= 3; ++type) {
    EXPECT_THAT(ParsePckChainUnverified(type, Bytes(34), further), IsOk());
    EXPECT_THAT(ParsePckChainUnverified(type, Bytes(34), {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("give it with the collateral")));
  }
  // Type 5 does not: what the quote says counts.
  EXPECT_FALSE(
      ParsePckChainUnverified(kPckCertificateChain, Bytes(34), further).ok());
  const Bytes leaf = Signer().MakePck();
  ASSERT_OK_AND_ASSIGN(
      const auto chain,
      ParsePckChainUnverified(kPckLeafCertificate, leaf, further));
  EXPECT_EQ(chain.leaf.der(), leaf);
}

TEST(PckChainTest, DerAndPemAreBounded) {
  EXPECT_FALSE(ParseCertificatesUnverified(Bytes(32769, 0x30)).ok());
  const Bytes root = Signer().root();
  EXPECT_EQ(ParseCertificatesUnverified(
                crypto::testing::Join({root, root, root, root}))
                ->size(),
            4U);
  EXPECT_FALSE(ParseCertificatesUnverified(
                   crypto::testing::Join({root, root, root, root, root}))
                   .ok());
  EXPECT_FALSE(
      ParseCertificatesUnverified(crypto::testing::Join({root, {0x00}})).ok());
  EXPECT_FALSE(ParseCrlUnverified(Bytes((size_t{1} << 21U) + 1)).ok());
}

TEST(PckChainTest, CrlMustBeOfThatIssuerAndKey) {
  const auto ca = Parse(Signer().pck_ca(true));
  const auto list =
      crypto::RevocationList::FromDer(Signer().MakePckCrl(true)).value();
  EXPECT_THAT(VerifyCrl(list, ca.subject_name(), ca.Key().value()), IsOk());
  const auto other = Parse(Signer().pck_ca(false));
  EXPECT_THAT(VerifyCrl(list, other.subject_name(), ca.Key().value()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("of another issuer")));
  EXPECT_THAT(VerifyCrl(list, ca.subject_name(), other.Key().value()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("not signed by its issuer")));
}

// Verification shares collateral, anchors and cache among threads.
TEST(PckChainTest, ManyThreadsShareEverything) {
  const auto evidence = Signer().Make();
  const auto collateral =
      CheckIntelCollateral(testing::SyntheticCollateral(evidence),
                           SyntheticAnchors(), kSyntheticNow)
          .collateral.value();
  IntelVerificationCache cache(2);
  std::vector<testing::IntelTestEvidence> all;
  for (uint8_t i = 1; i <= 4; ++i) {
    IntelTestPck pck;
    pck.serial = {i};
    all.push_back(Signer().Make({}, pck));
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (size_t round = 0; round < 25; ++round) {
        const Bytes& quote = all[(i + round) % all.size()].quote;
        EXPECT_TRUE(CheckIntelQuote(quote, collateral, SyntheticAnchors(),
                                    {.now = kSyntheticNow, .cache = &cache})
                        .quote.has_value());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(IntelCheckTest, EveryIdHasAName) {
  for (int i = 0; i <= static_cast<int>(IntelCheckId::kIsvSvn); ++i) {
    EXPECT_NE(ToString(static_cast<IntelCheckId>(i)), "unknown") << i;
  }
}

TEST(IntelCheckTest, FirstFailureNamesWhatToDo) {
  IntelCheckList rows;
  rows.Add(IntelCheckId::kMrTd, true, "a", "a", "never shown");
  EXPECT_THAT(FirstFailure(rows.Take(), "quote"), IsOk());
  rows.Add(IntelCheckId::kRtmr0, false, "a", "b", "do this");
  rows.Add(IntelCheckId::kRtmr1, false, "c", "d");
  EXPECT_FALSE(rows.AllPassed());
  const auto taken = rows.Take();
  EXPECT_THAT(FirstFailure(taken, "quote"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       "quote: RTMR0: expected a, got b; do this"));
}

}  // namespace
}  // namespace constellation::attestation
