// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "cli/attestation/shown.h"
#include "cli/testing/shown_fields.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::StatusIs;
using testing::FieldOf;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

const SnpSigner& Signer() {
  return SnpSigner::For(SnpTestProduct::kMilan);
}

TEST(ShowCertificateTest, ShowsNamesDatesAndKey) {
  const Decoded decoded = ShowCertificates(Signer().ark());
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_THAT(FieldOf(decoded, "subject"), HasSubstr("ARK-Milan"));
  EXPECT_EQ(FieldOf(decoded, "issuer"), FieldOf(decoded, "subject"));
  EXPECT_EQ(FieldOf(decoded, "CA"), "yes");
  EXPECT_EQ(FieldOf(decoded, "key"), "RSA, 4096 bits");
  EXPECT_EQ(FieldOf(decoded, "SHA-256"),
            HexEncode(crypto::Sha256(Signer().ark())));
  EXPECT_EQ(FieldOf(decoded, "SHA-256 of the key"),
            HexEncode(Signer().ArkSpkiSha256()));
  EXPECT_EQ(FieldOf(decoded, "AMD product"), "absent");
  EXPECT_EQ(FieldOf(decoded, "Intel FMSPC"), "absent");
}

TEST(ShowCertificateTest, ShowsWhatAmdPutsIn) {
  const Decoded decoded = ShowCertificates(Signer().Make().leaf);
  EXPECT_EQ(FieldOf(decoded, "key"), "EC, 384 bits");
  EXPECT_EQ(FieldOf(decoded, "AMD product"), "Milan-B0");
  EXPECT_EQ(FieldOf(decoded, "AMD hardware ID"), HexEncode(Signer().chip_id()));
  EXPECT_THAT(FieldOf(decoded, "AMD TCB"), HasSubstr("219"));
  EXPECT_EQ(FieldOf(decoded, "not before"), "2020-01-01T00:00:00Z");
  EXPECT_EQ(FieldOf(decoded, "not after"), "2050-01-01T00:00:00Z");
  EXPECT_EQ(FieldOf(decoded, "CA"), "no");
}

TEST(ShowCertificateTest, ShowsAllOfAChain) {
  const std::string pem =
      Signer().ChainPem(constellation::testing::SnpTestLeafKind::kVcek);
  EXPECT_EQ(ShowCertificates(AsBytes(pem)).parts.size(), 2U);
}

TEST(ShowCertificateTest, MalformedOnesHaveNoParts) {
  Bytes cut = Signer().ark();
  cut.pop_back();
  EXPECT_THAT(ShowCertificates(cut).problem, StatusIs(kInvalid));
  EXPECT_TRUE(ShowCertificates(cut).parts.empty());
  Decoded decoded;
  AddCertificate("title", cut, decoded);
  EXPECT_THAT(decoded.problem, StatusIs(kInvalid));
  EXPECT_TRUE(decoded.parts.empty());
  EXPECT_THAT(ShowRevocationList({}).problem, StatusIs(kInvalid));
  EXPECT_THAT(ShowEcdsaSignature({}).problem, StatusIs(kInvalid));
}

TEST(ShowCertificateTest, ShowsRevocationLists) {
  const Decoded decoded = ShowRevocationList(Signer().Make().crl);
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "revoked certificates"), "0");
  EXPECT_THAT(FieldOf(decoded, "issuer"), HasSubstr("ARK-Milan"));
}

TEST(ShowCertificateTest, ShowsPublicKeys) {
  const auto key = crypto::testing::TestKey::GenerateEc(crypto::EcCurve::kP256);
  const Decoded decoded = ShowPublicKey(key.Spki());
  EXPECT_EQ(FieldOf(decoded, "key"), "EC, 256 bits");
  EXPECT_EQ(FieldOf(decoded, "SHA-256 of the key"),
            HexEncode(crypto::Sha256(key.Spki())));
  EXPECT_THAT(
      ShowPublicKey(AsBytes("-----BEGIN PUBLIC KEY-----\nAQID\n")).problem,
      StatusIs(kInvalid));
}

TEST(ShowJsonTest, ShowsLeavesByPath) {
  const Decoded decoded = ShowJson(AsBytes(
      R"({"a": {"b": [1, {"c": "x"}]}, "d": true, "e": {}, "f": null})"));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "a.b[0]"), "1");
  EXPECT_EQ(FieldOf(decoded, "a.b[1].c"), "x");
  EXPECT_EQ(FieldOf(decoded, "d"), "true");
  EXPECT_EQ(FieldOf(decoded, "e"), "{}");
  EXPECT_EQ(FieldOf(decoded, "f"), "null");
}

TEST(ShowJsonTest, BoundsDepthAndKeys) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) {
    deep += '[';
  }
  deep += std::string(100000, ']');
  const Decoded decoded = ShowJson(AsBytes(deep));
  ASSERT_THAT(decoded.problem, IsOk());
  ASSERT_EQ(decoded.parts.at(0).fields().size(), 1U);
  EXPECT_EQ(decoded.parts[0].fields()[0].value,
            "(nested deeper than is shown)");
  const std::string key(100, 'k');
  EXPECT_EQ(
      FieldOf(ShowJson(AsBytes("{\"" + key + "\": 1}")), std::string(64, 'k')),
      "1");
}

TEST(ShowJsonTest, RefusesWhatIsNone) {
  EXPECT_THAT(ShowJson(AsBytes("{")).problem,
              StatusIs(kInvalid, "malformed JSON"));
  const std::string large = "\"" + std::string(1U << 20U, 'x') + "\"";
  EXPECT_EQ(FieldOf(ShowJson(AsBytes(large)), "octets"),
            std::to_string(large.size()));
}

}  // namespace
}  // namespace constellation::cli
