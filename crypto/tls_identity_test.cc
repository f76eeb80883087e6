// SPDX-License-Identifier: Apache-2.0
#include "crypto/tls_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <string>

#include "common/secret_bytes.h"
#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/public_key.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/vectors.h"
#include "crypto/x509.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::Secret;

class TlsIdentityTest : public ::testing::Test {
 protected:
  const TlsIdentity identity_ = CreateTlsIdentity().value();
};

TEST_F(TlsIdentityTest, CertificateHoldsTheKey) {
  ASSERT_OK_AND_ASSIGN(const Bytes spki,
                       SpkiOfCertificatePem(identity_.certificate_pem));
  EXPECT_EQ(spki, identity_.spki_der);
}

TEST_F(TlsIdentityTest, PrivateKeyFits) {
  ASSERT_OK_AND_ASSIGN(
      const P256PrivateKey key,
      P256PrivateKey::FromPem(Secret(identity_.private_key_pem)));
  EXPECT_EQ(key.PublicSpki(), identity_.spki_der);
}

TEST_F(TlsIdentityTest, KeyIsP256) {
  ASSERT_OK_AND_ASSIGN(const PublicKey key,
                       PublicKey::FromSpki(identity_.spki_der));
  EXPECT_EQ(key.type(), KeyType::kEc);
  EXPECT_EQ(key.bits(), 256);
}

TEST_F(TlsIdentityTest, CertificateIsSelfSigned) {
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Certificate::FromPem(identity_.certificate_pem));
  EXPECT_THAT(certificate.VerifySignedBy(certificate), IsOk());
  EXPECT_EQ(certificate.Subject(), "CN=constellation");
}

// RFC 5280 section 4.1.2.2: positive, at most 20 octets.
TEST_F(TlsIdentityTest, SerialNumberIsRandomAndPositive) {
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Certificate::FromPem(identity_.certificate_pem));
  const Certificate other =
      Certificate::FromPem(CreateTlsIdentity()->certificate_pem).value();
  ASSERT_EQ(certificate.serial().size(), 16);
  EXPECT_FALSE(std::ranges::equal(certificate.serial().subspan(1),
                                  other.serial().subspan(1)));
  for (int i = 0; i < 32; ++i) {  // 2^-32 that a wrong sign stays unseen
    const Certificate next =
        Certificate::FromPem(CreateTlsIdentity()->certificate_pem).value();
    EXPECT_EQ(next.serial().front() & 0xc0U, 0x40U);
  }
}

// Not by our own reader, which shares code with the writer.
TEST_F(TlsIdentityTest, OpenSslReadsTheCertificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(identity_.certificate_pem.data(), -1), BIO_free_all);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_get_version(certificate.get()), X509_VERSION_3);
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())),
            1);
  EXPECT_EQ(X509_NAME_cmp(X509_get_subject_name(certificate.get()),
                          X509_get_issuer_name(certificate.get())),
            0);
  unsigned char* der = nullptr;  // written by OpenSSL from what it understood
  const int size = i2d_re_X509_tbs(certificate.get(), &der);
  ASSERT_GT(size, 0);
  const Bytes again(der, der + size);
  OPENSSL_free(der);
  const Bytes read = Certificate::FromPem(identity_.certificate_pem)->der();
  EXPECT_NE(std::search(read.begin(), read.end(), again.begin(), again.end()),
            read.end());
}

// Nodes have no believable clock when they boot.
TEST_F(TlsIdentityTest, CertificateIsValidAtAnyTime) {
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Certificate::FromPem(identity_.certificate_pem));
  EXPECT_EQ(certificate.NotBefore().value(), absl::UnixEpoch());
  EXPECT_EQ(absl::FormatTime("%Y-%m-%d", certificate.NotAfter().value(),
                             absl::UTCTimeZone()),
            "9999-12-31");
}

TEST_F(TlsIdentityTest, EachIsFresh) {
  const TlsIdentity other = CreateTlsIdentity().value();
  EXPECT_NE(other.spki_der, identity_.spki_der);
  EXPECT_NE(other.private_key_pem, identity_.private_key_pem);
  EXPECT_NE(other.certificate_pem, identity_.certificate_pem);
}

TEST(SpkiOfCertificatePemTest, ReadsACertificateMadeElsewhere) {
  EXPECT_EQ(HexEncode(SpkiOfCertificatePem(testing::kLeafPem).value()),
            testing::kLeafSpkiHex);
}

TEST(SpkiOfCertificatePemTest, TakesTheFirstOfAChain) {
  const std::string chain =
      std::string(testing::kLeafPem) + std::string(testing::kRootPem);
  EXPECT_EQ(HexEncode(SpkiOfCertificatePem(chain).value()),
            testing::kLeafSpkiHex);
}

TEST(SpkiOfCertificatePemTest, RejectsTextWithoutACertificate) {
  EXPECT_THAT(SpkiOfCertificatePem(""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SpkiOfCertificatePem(testing::kLeafKeyPkcs8),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SpkiOfCertificatePemTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(SpkiOfCertificatePem(std::string(16385, '\n')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 16384 octets, got 16385")));
}

}  // namespace
}  // namespace constellation::crypto
