// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/crl_location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/tpm/testing/test_ca.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::crypto::testing::Der;
using ::constellation::crypto::testing::DerSequence;
using ::constellation::crypto::testing::Join;
using ::constellation::testing::CertificateSpec;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::MakeCertificate;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TestKey;
using ::constellation::testing::TestKeyType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kUrl[] = "http://x.storage.googleapis.com/a/crl.crl";
constexpr char kOther[] = "https://pki.goog/b.crl";
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
const Bytes kReasons = {0x81, 0x02, 0x01, 0x06};

Bytes Uri(std::string_view url) {
  return Der(0x86, AsBytes(url));
}
// fullName of a distribution point's name.
Bytes FullName(const Bytes& names) {
  return Der(0xa0, Der(0xa0, names));
}

crypto::Certificate With(const Bytes& extension) {
  static const TestKey& key = *new TestKey(TestKeyType::kP256);
  CertificateSpec spec;
  if (!extension.empty()) {
    spec.extensions = {
        {.oid = "2.5.29.31", .critical = false, .value = extension}};
  }
  return crypto::Certificate::FromDer(MakeCertificate(spec, key, key)).value();
}

absl::StatusOr<std::vector<std::string>> UrlsOf(const Bytes& extension) {
  return CrlUrlsOfUnverified(With(extension));
}
// One distribution point of these parts.
absl::StatusOr<std::vector<std::string>> UrlsOfPoint(
    const std::vector<Bytes>& parts) {
  return UrlsOf(DerSequence({DerSequence(parts)}));
}

TEST(CrlLocationTest, ReadsWhereListsArePublished) {
  EXPECT_THAT(UrlsOfPoint({FullName(Uri(kUrl))}),
              IsOkAndHolds(ElementsAre(kUrl)));
  EXPECT_THAT(UrlsOf(DerSequence({DerSequence({FullName(Uri(kUrl))}),
                                  DerSequence({FullName(Uri(kOther))})})),
              IsOkAndHolds(ElementsAre(kUrl, kOther)));
  EXPECT_THAT(UrlsOfPoint({FullName(Join({Uri(kUrl), Uri(kOther)}))}),
              IsOkAndHolds(ElementsAre(kUrl, kOther)));
}

TEST(CrlLocationTest, WithoutTheExtensionThereIsNoPlace) {
  EXPECT_THAT(UrlsOf({}), IsOkAndHolds(IsEmpty()));
  EXPECT_FALSE(NamesRevocationList(With({})));
  EXPECT_TRUE(NamesRevocationList(With(DerSequence({}))));
  EXPECT_THAT(UrlsOf(DerSequence({})), IsOkAndHolds(IsEmpty()));
}

// Lists of some reasons only, or of somebody else, do not say whether the
// certificate is revoked.
TEST(CrlLocationTest, PassesOverOtherListsThanCompleteOnes) {
  const Bytes issuer = Der(0xa2, Der(0xa4, Bytes{0x30, 0x00}));
  EXPECT_THAT(UrlsOfPoint({FullName(Uri(kUrl)), kReasons}),
              IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(UrlsOfPoint({FullName(Uri(kUrl)), issuer}),
              IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(UrlsOfPoint({issuer}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(UrlsOfPoint({Der(0xa0, Der(0xa1, Bytes{0x31, 0x00}))}),
              IsOkAndHolds(IsEmpty()));
  // Names that are no URLs.
  EXPECT_THAT(UrlsOfPoint({FullName(Der(0x82, AsBytes("pki.goog")))}),
              IsOkAndHolds(IsEmpty()));
}

TEST(CrlLocationTest, BoundsWhatItReturns) {
  Bytes names;
  for (int i = 0; i < 9; ++i) {
    names = Join({names, Uri(kUrl)});
  }
  EXPECT_THAT(UrlsOfPoint({FullName(names)}), IsOkAndHolds(SizeIs(4)));
  EXPECT_THAT(UrlsOfPoint({FullName(Uri(std::string(512, 'a')))}),
              IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(UrlsOfPoint({FullName(Uri(std::string(513, 'a')))}),
              StatusIs(kInvalid, HasSubstr("want 1 to 512 octets, got 513")));
  EXPECT_THAT(UrlsOfPoint({FullName(Uri(""))}), StatusIs(kInvalid));
}

// Parts behind, parts twice, parts of another type.
TEST(CrlLocationTest, RefusesOtherForms) {
  const Bytes name = FullName(Uri(kUrl));
  EXPECT_THAT(UrlsOfPoint({name, name}), StatusIs(kInvalid));
  EXPECT_THAT(UrlsOfPoint({kReasons, name}), StatusIs(kInvalid));
  EXPECT_THAT(UrlsOfPoint({Uri(kUrl)}), StatusIs(kInvalid));
  EXPECT_THAT(UrlsOfPoint({Der(0xa0, Uri(kUrl))}), StatusIs(kInvalid));
  EXPECT_THAT(UrlsOf(DerSequence({name})), StatusIs(kInvalid));
  EXPECT_THAT(UrlsOf(Bytes{0x31, 0x00}), StatusIs(kInvalid));
  EXPECT_THAT(UrlsOf(Join({DerSequence({}), Bytes{0x05, 0x00}})),
              StatusIs(kInvalid));
  EXPECT_THAT(UrlsOfPoint({FullName(Bytes{0x86, 0x05, 'h'})}),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::attestation
