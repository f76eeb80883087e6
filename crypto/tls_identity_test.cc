// SPDX-License-Identifier: Apache-2.0
#include "crypto/tls_identity.h"

#include "common/testing/status_matchers.h"
#include "crypto/x509.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;

TEST(TlsIdentityTest, EachHasAKeyOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(const TlsIdentity one, CreateTlsIdentity());
  ASSERT_OK_AND_ASSIGN(const TlsIdentity two, CreateTlsIdentity());
  EXPECT_NE(one.spki_der, two.spki_der);
  EXPECT_THAT(SpkiOfCertificatePem(one.certificate_pem),
              IsOkAndHolds(one.spki_der));
}

TEST(TlsIdentityTest, RefusesWhatIsNoCertificate) {
  EXPECT_THAT(SpkiOfCertificatePem("garbage"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SpkiOfCertificatePem(std::string(16385, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CertificateTest, SignedByItselfAndByNobodyElse) {
  ASSERT_OK_AND_ASSIGN(const TlsIdentity one, CreateTlsIdentity());
  ASSERT_OK_AND_ASSIGN(const TlsIdentity two, CreateTlsIdentity());
  ASSERT_OK_AND_ASSIGN(const Certificate first,
                       Certificate::FromPem(one.certificate_pem));
  ASSERT_OK_AND_ASSIGN(const Certificate second,
                       Certificate::FromPem(two.certificate_pem));
  EXPECT_THAT(first.VerifySignedBy(first), IsOk());
  EXPECT_THAT(first.VerifySignedBy(second),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(first.Subject(), "CN=constellation");
  EXPECT_LT(*first.NotBefore(), *first.NotAfter());
  EXPECT_NE(first.Fingerprint(), second.Fingerprint());
}

TEST(CertificateTest, RefusesTrailingAndMissingOctets) {
  ASSERT_OK_AND_ASSIGN(const TlsIdentity one, CreateTlsIdentity());
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Certificate::FromPem(one.certificate_pem));
  Bytes longer = certificate.der();
  longer.push_back(0);
  EXPECT_THAT(Certificate::FromDer(longer).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  longer.resize(longer.size() - 2);
  EXPECT_THAT(Certificate::FromDer(longer).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::crypto
