// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/issuer_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/tpm/testing/test_ca.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::crypto::testing::Der;
using ::constellation::crypto::testing::DerSequence;
using ::constellation::testing::CertificateSpec;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::MakeCertificate;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TestKey;
using ::constellation::testing::TestKeyType;

constexpr char kUrl[] = "http://x.storage.googleapis.com/a/ca.crt";
const Bytes kCaIssuers = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02};
const Bytes kOcsp = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01};

Bytes Description(const Bytes& method, std::string_view url,
                  uint8_t tag = 0x86) {
  return DerSequence({Der(0x06, method), Der(tag, AsBytes(url))});
}

absl::StatusOr<std::string> UrlOf(const Bytes& extension) {
  static const TestKey& key = *new TestKey(TestKeyType::kP256);
  CertificateSpec spec;
  if (!extension.empty()) {
    spec.extensions = {
        {.oid = "1.3.6.1.5.5.7.1.1", .critical = false, .value = extension}};
  }
  return IssuerUrlOfUnverified(
      *crypto::Certificate::FromDer(MakeCertificate(spec, key, key)));
}

TEST(IssuerUrlTest, FindsTheFirstUrlOfAnIssuer) {
  EXPECT_THAT(UrlOf(DerSequence({Description(kCaIssuers, kUrl)})),
              IsOkAndHolds(kUrl));
  EXPECT_THAT(UrlOf(DerSequence({Description(kOcsp, "http://ocsp"),
                                 Description(kCaIssuers, "dir", 0xa4),
                                 Description(kCaIssuers, kUrl),
                                 Description(kCaIssuers, "http://later")})),
              IsOkAndHolds(kUrl));
}

TEST(IssuerUrlTest, SaysWhenThereIsNone) {
  EXPECT_THAT(UrlOf({}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(UrlOf(DerSequence({})), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(UrlOf(DerSequence({Description(kOcsp, kUrl)})),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(IssuerUrlTest, RefusesOtherForms) {
  const Bytes good = DerSequence({Description(kCaIssuers, kUrl)});
  Bytes trailing = good;
  trailing.push_back(0);
  for (const Bytes& extension :
       {trailing, Bytes(good.begin(), good.end() - 1), Bytes{0x30},
        DerSequence({Description(kCaIssuers, "")}),
        DerSequence({Description(kCaIssuers, std::string(513, 'x'))}),
        DerSequence({Der(0x06, kCaIssuers)}),
        DerSequence({DerSequence({Der(0x06, kCaIssuers),
                                  Der(0x86, AsBytes(std::string_view(kUrl))),
                                  Der(0x05, {})})}),
        DerSequence({DerSequence({Der(0x06, kCaIssuers)})})}) {
    EXPECT_THAT(UrlOf(extension), StatusIs(absl::StatusCode::kInvalidArgument))
        << HexEncode(extension);
  }
}

}  // namespace
}  // namespace constellation::attestation
