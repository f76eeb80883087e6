// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/snp_signer.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

const SnpSigner& Signer() {
  return SnpSigner::For(SnpTestProduct::kMilan);
}

crypto::Certificate Ark() {
  return *crypto::Certificate::FromDer(Signer().ark());
}

TEST(IsPemTextTest, TellsTextFromOctets) {
  const std::string pem = ToPem(Ark());
  EXPECT_TRUE(IsPemText(AsBytes(pem)));
  EXPECT_TRUE(IsPemText(AsBytes(pem + std::string(3, '\0'))));
  EXPECT_TRUE(IsPemText(AsBytes("a comment\r\n\t" + pem)));
  EXPECT_FALSE(IsPemText(AsBytes("\x01" + pem)));
  EXPECT_FALSE(IsPemText(AsBytes(pem + "\x7f")));
  EXPECT_FALSE(IsPemText(AsBytes(std::string(1, '\0') + pem)));
  EXPECT_FALSE(IsPemText(AsBytes("plain text")));
  EXPECT_FALSE(IsPemText({}));
  EXPECT_FALSE(IsPemText(Signer().ark()));
}

TEST(CertificatesOfTest, ReadsPem) {
  const std::string chain =
      Signer().ChainPem(::constellation::testing::SnpTestLeafKind::kVcek);
  ASSERT_OK_AND_ASSIGN(const auto list, CertificatesOf(AsBytes(chain)));
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].der(), Signer().ask());
  EXPECT_EQ(list[1].der(), Signer().ark());
}

TEST(CertificatesOfTest, ReadsDerOneBehindTheOther) {
  Bytes both = Signer().ask();
  both.insert(both.end(), Signer().ark().begin(), Signer().ark().end());
  ASSERT_OK_AND_ASSIGN(const auto list, CertificatesOf(both));
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].der(), Signer().ark());
}

TEST(CertificatesOfTest, RefusesWhatIsNone) {
  EXPECT_THAT(CertificatesOf({}), StatusIs(kInvalid, "no certificate"));
  EXPECT_THAT(CertificatesOf(AsBytes("hello")), StatusIs(kInvalid));
  Bytes cut = Signer().ark();
  cut.pop_back();
  EXPECT_THAT(CertificatesOf(cut),
              StatusIs(kInvalid, HasSubstr("certificate")));
  Bytes trailing = Signer().ark();
  trailing.push_back(0);
  EXPECT_THAT(CertificatesOf(trailing), StatusIs(kInvalid));
}

TEST(CertificatesOfTest, SixtyFourAreTheLimit) {
  Bytes many;
  std::string pem;
  for (size_t i = 0; i < kMaxCertificatesInFile; ++i) {
    many.insert(many.end(), Signer().ark().begin(), Signer().ark().end());
    pem += ToPem(Ark());
  }
  EXPECT_EQ(CertificatesOf(many)->size(), kMaxCertificatesInFile);
  EXPECT_EQ(CertificatesOf(AsBytes(pem))->size(), kMaxCertificatesInFile);
  many.insert(many.end(), Signer().ark().begin(), Signer().ark().end());
  EXPECT_THAT(CertificatesOf(many), StatusIs(kInvalid));
  pem += ToPem(Ark());
  EXPECT_THAT(CertificatesOf(AsBytes(pem)), StatusIs(kInvalid));
}

TEST(SpkiOfTest, ReadsPemAndPassesDerOn) {
  const Bytes spki = {1, 2, 3, 4};
  const std::string pem =
      "-----BEGIN PUBLIC KEY-----\r\nAQID\nBA==\n"
      "-----END PUBLIC KEY-----\n";
  EXPECT_EQ(*SpkiOf(AsBytes(pem)), spki);
  EXPECT_EQ(*SpkiOf(spki), spki);
}

TEST(SpkiOfTest, RefusesMalformedPem) {
  EXPECT_THAT(SpkiOf(AsBytes("-----BEGIN PUBLIC KEY-----\nAQID\n")),
              StatusIs(kInvalid, "public key: no end of the PEM block"));
  EXPECT_THAT(SpkiOf(AsBytes("-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC "
                             "KEY-----\n")),
              StatusIs(kInvalid));
}

TEST(ToPemTest, LinesHave64Characters) {
  const std::string pem = ToPem(Ark());
  EXPECT_THAT(pem, Not(HasSubstr(std::string(2, '\n'))));
  size_t begin = 0;
  for (size_t end = pem.find('\n'); end != std::string::npos;
       begin = end + 1, end = pem.find('\n', begin)) {
    EXPECT_LE(end - begin, 64U);
  }
  EXPECT_EQ(CertificatesOf(AsBytes(pem))->at(0).der(), Signer().ark());
}

}  // namespace
}  // namespace constellation::cli
