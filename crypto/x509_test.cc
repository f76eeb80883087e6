// SPDX-License-Identifier: Apache-2.0
#include "crypto/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/time/time.h"
#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/vectors.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::WithBitFlipped;

class CertificateTest : public ::testing::Test {
 protected:
  const Certificate root_ = Certificate::FromPem(testing::kRootPem).value();
  const Certificate leaf_ = Certificate::FromPem(testing::kLeafPem).value();
};

TEST_F(CertificateTest, FingerprintIsThatOfTheDer) {
  EXPECT_EQ(HexEncode(leaf_.Fingerprint()),
            "6fb25d7eb93446ad7ac2355ff34de1cc18ed8262ac1760eec2020dddd"
            "fba39e2");
  EXPECT_EQ(HexEncode(root_.Fingerprint()),
            "f449f3fe48c1c049685a94acf0331ed212285ec354b220b1a006cfa28"
            "e52fc5e");
}

TEST_F(CertificateTest, KeepsItsDer) {
  EXPECT_EQ(PemEncode("CERTIFICATE", leaf_.der()), testing::kLeafPem);
}

TEST_F(CertificateTest, GivesItsKey) {
  EXPECT_EQ(HexEncode(leaf_.Spki()), testing::kLeafSpkiHex);
  EXPECT_EQ(leaf_.Key().value().bits(), 256);
  EXPECT_EQ(root_.Key().value().bits(), 384);
}

TEST_F(CertificateTest, GivesItsSubject) {
  EXPECT_EQ(leaf_.Subject(), "CN=leaf,O=Test");
}

TEST_F(CertificateTest, GivesItsDates) {
  EXPECT_EQ(leaf_.NotBefore().value(),
            absl::FromCivil(absl::CivilSecond(2026, 11, 21, 5, 27, 6),
                            absl::UTCTimeZone()));
  EXPECT_EQ(leaf_.NotAfter().value(),
            absl::FromCivil(absl::CivilSecond(2036, 11, 18, 5, 27, 6),
                            absl::UTCTimeZone()));
}

TEST_F(CertificateTest, VerifiesItsIssuer) {
  EXPECT_THAT(leaf_.VerifySignedBy(root_), IsOk());
  EXPECT_THAT(root_.VerifySignedBy(root_), IsOk());
}

TEST_F(CertificateTest, RejectsAnotherIssuer) {
  EXPECT_THAT(leaf_.VerifySignedBy(leaf_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("certificate: signature")));
  EXPECT_THAT(root_.VerifySignedBy(leaf_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(CertificateTest, RejectsEveryFlippedOctet) {
  for (size_t i = 0; i < leaf_.der().size(); ++i) {
    const absl::StatusOr<Certificate> spoilt =
        Certificate::FromDer(WithBitFlipped(leaf_.der(), i));
    if (spoilt.ok()) {
      EXPECT_THAT(spoilt->VerifySignedBy(root_),
                  StatusIs(absl::StatusCode::kUnauthenticated))
          << i;
    } else {
      EXPECT_THAT(spoilt, StatusIs(absl::StatusCode::kInvalidArgument)) << i;
    }
  }
}

TEST_F(CertificateTest, RejectsEveryTruncation) {
  const Bytes& der = leaf_.der();
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_THAT(Certificate::FromDer(std::span(der).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

TEST_F(CertificateTest, RejectsTrailingOctets) {
  Bytes der = leaf_.der();
  der.push_back(0);
  EXPECT_THAT(Certificate::FromDer(der),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CertificateTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(Certificate::FromDer(Bytes(16385)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 16384 octets, got 16385")));
}

TEST_F(CertificateTest, RejectsPemThatHoldsSomethingElse) {
  EXPECT_THAT(Certificate::FromPem(testing::kLeafKeyPkcs8),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Certificate::FromPem(PemEncode("CERTIFICATE", Bytes{1, 2, 3})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CertificateTest, CopiesShareTheirContents) {
  const Certificate copy = leaf_;
  EXPECT_EQ(copy.der(), leaf_.der());
  EXPECT_THAT(copy.VerifySignedBy(root_), IsOk());
}

}  // namespace
}  // namespace constellation::crypto
