// SPDX-License-Identifier: Apache-2.0
#include "crypto/p256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/testing/status_matchers.h"
#include "crypto/public_key.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/vectors.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Secret;
using testing::WithBitFlipped;

static_assert(!std::is_copy_constructible_v<P256PrivateKey>);

constexpr std::string_view kRequestLabel = "CERTIFICATE REQUEST";

Bytes RequestOf(std::string_view pem) {
  return PemDecode(kRequestLabel, pem).value();
}

TEST(P256PrivateKeyTest, GeneratesAP256Key) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key, P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const PublicKey public_key,
                       PublicKey::FromSpki(key.PublicSpki()));
  EXPECT_EQ(public_key.type(), KeyType::kEc);
  EXPECT_EQ(public_key.bits(), 256);
}

TEST(P256PrivateKeyTest, GeneratesAnotherKeyEachTime) {
  EXPECT_NE(P256PrivateKey::Generate().value().PublicSpki(),
            P256PrivateKey::Generate().value().PublicSpki());
}

TEST(P256PrivateKeyTest, ReadsPkcs8) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key,
                       P256PrivateKey::FromPem(Secret(testing::kLeafKeyPkcs8)));
  EXPECT_EQ(HexEncode(key.PublicSpki()), testing::kLeafSpkiHex);
}

TEST(P256PrivateKeyTest, ReadsSec1) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key,
                       P256PrivateKey::FromPem(Secret(testing::kLeafKeySec1)));
  EXPECT_EQ(HexEncode(key.PublicSpki()), testing::kLeafSpkiHex);
}

TEST(P256PrivateKeyTest, PemRoundTrip) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key, P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const SecretBytes pem, key.ToPem());
  EXPECT_TRUE(AsText(pem.Expose()).starts_with("-----BEGIN PRIVATE KEY-----"));
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey again,
                       P256PrivateKey::FromPem(pem));
  EXPECT_EQ(again.PublicSpki(), key.PublicSpki());
}

TEST(P256PrivateKeyTest, WritesTheSamePkcs8AsOthers) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key,
                       P256PrivateKey::FromPem(Secret(testing::kLeafKeySec1)));
  ASSERT_OK_AND_ASSIGN(const SecretBytes pem, key.ToPem());
  EXPECT_EQ(AsText(pem.Expose()), testing::kLeafKeyPkcs8);
}

// The scalar 1, which fills its field with zeros, and its point in both forms.
constexpr std::string_view kOne = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAGhRANCAARrF9Hy4SxCR/i85uVjpEDydwN9gS3r
M6D0oTlF2JjClk/jQuL+Gn+bjufrSnwPnhYrzjNXazFezsu2QGg3v1H1
-----END PRIVATE KEY-----
)";
constexpr std::string_view kOneCompressed = R"(-----BEGIN PRIVATE KEY-----
MGcCAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcETTBLAgEBBCAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAaEkAyIAA2sX0fLhLEJH+Lzm5WOkQPJ3A32BLesz
oPShOUXYmMKW
-----END PRIVATE KEY-----
)";

TEST(P256PrivateKeyTest, WritesKeysInFullWithTheWholePoint) {
  for (const std::string_view text : {kOne, kOneCompressed}) {
    ASSERT_OK_AND_ASSIGN(const P256PrivateKey key,
                         P256PrivateKey::FromPem(Secret(text)));
    ASSERT_OK_AND_ASSIGN(const SecretBytes pem, key.ToPem());
    EXPECT_EQ(AsText(pem.Expose()), kOne);
    EXPECT_EQ(key.PublicSpki().size(), 91);
    EXPECT_THAT(PublicKey::FromSpki(key.PublicSpki()), IsOk());
  }
}

TEST(P256PrivateKeyTest, RejectsKeysOfOtherTypes) {
  for (const std::string_view pem :
       {testing::kP384KeyPem, testing::kEd25519KeyPem,
        testing::kRsaPrivateKeyPem}) {
    EXPECT_THAT(P256PrivateKey::FromPem(Secret(pem)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want a P-256 key in PEM")));
  }
}

TEST(P256PrivateKeyTest, RejectsEncryptedKeysWithoutAsking) {
  EXPECT_THAT(P256PrivateKey::FromPem(Secret(testing::kEncryptedKey)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(P256PrivateKeyTest, RejectsTextThatIsNotAKey) {
  for (const std::string_view text :
       {std::string_view(), std::string_view("key"), testing::kLeafPem,
        testing::kLeafKeyPkcs8.substr(0, 100)}) {
    EXPECT_THAT(P256PrivateKey::FromPem(Secret(text)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(P256PrivateKeyTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(P256PrivateKey::FromPem(SecretBytes(16385)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 16384 octets, got 16385")));
}

TEST(P256PrivateKeyTest, ErrorsDoNotRepeatTheKey) {
  const std::string spoilt = std::string(testing::kP384KeyPem);
  const absl::Status status = P256PrivateKey::FromPem(Secret(spoilt)).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               ::testing::Not(HasSubstr("MIG2"))));
}

class CsrTest : public ::testing::Test {
 protected:
  const P256PrivateKey key_ = P256PrivateKey::Generate().value();
  const Bytes csr_ =
      CreateCsr(key_, "system:node:node-1", "system:nodes").value();
};

TEST_F(CsrTest, SaysWhatItWasMadeFor) {
  ASSERT_OK_AND_ASSIGN(const CsrInfo info, VerifyCsr(csr_));
  EXPECT_EQ(info.common_name, "system:node:node-1");
  EXPECT_THAT(info.organisations, ElementsAre("system:nodes"));
  EXPECT_TRUE(info.is_p256);
  EXPECT_FALSE(info.has_extensions);
}

TEST_F(CsrTest, RejectsEveryFlippedOctet) {
  for (size_t i = 0; i < csr_.size(); ++i) {
    const absl::Status status = VerifyCsr(WithBitFlipped(csr_, i)).status();
    EXPECT_TRUE(status.code() == absl::StatusCode::kUnauthenticated ||
                status.code() == absl::StatusCode::kInvalidArgument)
        << i << ": " << status;
  }
}

TEST_F(CsrTest, RejectsAChangedName) {
  const std::string_view name = "node-1";
  Bytes changed = csr_;
  const auto found =
      std::search(changed.begin(), changed.end(), name.begin(), name.end());
  ASSERT_NE(found, changed.end());
  *(found + 5) = '2';
  EXPECT_THAT(VerifyCsr(changed), StatusIs(absl::StatusCode::kUnauthenticated,
                                           HasSubstr("signature")));
}

TEST_F(CsrTest, RejectsEveryTruncation) {
  for (size_t size = 0; size < csr_.size(); ++size) {
    EXPECT_THAT(VerifyCsr(std::span(csr_).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

TEST_F(CsrTest, RejectsTrailingOctets) {
  Bytes longer = csr_;
  longer.push_back(0);
  EXPECT_THAT(VerifyCsr(longer), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CsrTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(VerifyCsr(Bytes(8193)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 8192 octets, got 8193")));
}

TEST_F(CsrTest, CarriesUtf8Names) {
  ASSERT_OK_AND_ASSIGN(const Bytes csr, CreateCsr(key_, "kn\u00f6ten", "o"));
  EXPECT_EQ(VerifyCsr(csr).value().common_name, "kn\u00f6ten");
}

TEST_F(CsrTest, RejectsNamesX509CannotHold) {
  // RFC 5280 appendix A.1: ub-common-name is 64.
  EXPECT_THAT(CreateCsr(key_, std::string(64, 'a'), "o"), IsOk());
  EXPECT_THAT(
      CreateCsr(key_, std::string(65, 'a'), "o"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name field CN")));
  EXPECT_THAT(
      CreateCsr(key_, "a", std::string(65, 'o')),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name field O")));
}

TEST(VerifyCsrTest, ReportsExtensions) {
  ASSERT_OK_AND_ASSIGN(const CsrInfo info,
                       VerifyCsr(RequestOf(testing::kCsrWithExtension)));
  EXPECT_TRUE(info.has_extensions);
  EXPECT_EQ(info.common_name, "system:node:a");
}

TEST(VerifyCsrTest, ReportsAllOrganisations) {
  ASSERT_OK_AND_ASSIGN(const CsrInfo info,
                       VerifyCsr(RequestOf(testing::kCsrTwoOrganisations)));
  EXPECT_THAT(info.organisations, ElementsAre("x", "y"));
}

TEST(VerifyCsrTest, ReportsOtherCurves) {
  ASSERT_OK_AND_ASSIGN(const CsrInfo info,
                       VerifyCsr(RequestOf(testing::kCsrP384)));
  EXPECT_FALSE(info.is_p256);
}

TEST(VerifyCsrTest, RejectsTwoCommonNames) {
  EXPECT_THAT(VerifyCsr(RequestOf(testing::kCsrTwoCommonNames)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want one CN and O only")));
}

TEST(VerifyCsrTest, RejectsOtherNameFields) {
  EXPECT_THAT(VerifyCsr(RequestOf(testing::kCsrWithUnit)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want one CN and O only")));
}

TEST(PemTest, RoundTripOfEveryLength) {
  for (size_t size = 1; size < 200; ++size) {
    const Bytes octets = testing::Counting(7, size);
    ASSERT_OK_AND_ASSIGN(const Bytes again,
                         PemDecode("THING", PemEncode("THING", octets)));
    EXPECT_EQ(again, octets);
  }
}

// RFC 7468 section 2: 64 characters a line.
TEST(PemTest, WrapsLines) {
  EXPECT_EQ(PemEncode("X", Bytes(49)), "-----BEGIN X-----\n" +
                                           std::string(64, 'A') +
                                           "\nAA==\n-----END X-----\n");
  EXPECT_EQ(
      PemEncode("X", Bytes(48)),
      "-----BEGIN X-----\n" + std::string(64, 'A') + "\n-----END X-----\n");
}

TEST(PemTest, WritesWhatOthersWrite) {
  ASSERT_OK_AND_ASSIGN(const Bytes der,
                       PemDecode("CERTIFICATE", testing::kLeafPem));
  EXPECT_EQ(PemEncode("CERTIFICATE", der), testing::kLeafPem);
}

TEST(PemTest, TakesTheFirstBlockOfItsLabel) {
  const std::string text = "words\n" + PemEncode("A", Bytes{1}) +
                           PemEncode("B", Bytes{2}) + PemEncode("B", Bytes{3});
  EXPECT_THAT(PemDecode("B", text).value(), ElementsAre(2));
}

TEST(PemTest, AcceptsWindowsLineEnds) {
  EXPECT_THAT(PemDecode("A", "-----BEGIN A-----\r\nAQI=\r\n-----END A-----\r\n")
                  .value(),
              ElementsAre(1, 2));
}

TEST(PemTest, RejectsTextWithoutTheBlock) {
  for (const std::string_view text :
       {"", "AQI=", "-----BEGIN A-----", "-----BEGIN A-----\nAQI=\n",
        "-----END A-----\n-----BEGIN A-----\nAQI=\n",
        "-----BEGIN B-----\nAQI=\n-----END B-----\n"}) {
    EXPECT_THAT(PemDecode("A", text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want a block \"A\"")))
        << text;
  }
}

TEST(PemTest, RejectsBadBase64) {
  for (const std::string_view body : {"AQI", "AQ I=", "A*==", "Proc-Type: 4"}) {
    EXPECT_THAT(PemDecode("A", "-----BEGIN A-----\n" + std::string(body) +
                                   "\n-----END A-----\n"),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << body;
  }
}

}  // namespace
}  // namespace constellation::crypto
