// SPDX-License-Identifier: Apache-2.0
#include "crypto/internal/signed_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::crypto::internal {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::AlgorithmOf;
using testing::Der;
using testing::DerName;
using testing::DerNumber;
using testing::DerSequence;
using ::testing::HasSubstr;
using testing::Join;
using testing::TestKey;
using testing::TestScheme;
using Kind = SignatureScheme::Kind;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

const TestKey& EcKey() {
  static const auto* const kKey =
      new TestKey(TestKey::GenerateEc(EcCurve::kP256));
  return *kKey;
}
const TestKey& RsaKey() {
  static const auto* const kKey = new TestKey(TestKey::GenerateRsa());
  return *kKey;
}

const Bytes kTbs = DerSequence({DerNumber(42)});

Bytes BitString(const Bytes& octets) {
  return Der(kDerBitString, Join({{0}, octets}));
}
// kTbs signed by `key`.
Bytes Signed(const TestKey& key, TestScheme scheme) {
  return DerSequence(
      {kTbs, AlgorithmOf(scheme), BitString(key.Sign(scheme, kTbs))});
}
absl::Status VerifyWith(const Bytes& der, const TestKey& key) {
  const auto data = ParseSignedData(der, "thing");
  EXPECT_THAT(data, IsOk());
  return VerifySignedData(*data, key.Public(), "thing");
}

TEST(ParseSignedDataTest, GivesTheSignedOctets) {
  const Bytes der = Signed(EcKey(), TestScheme::kEcdsaSha256);
  ASSERT_OK_AND_ASSIGN(const SignedData data, ParseSignedData(der, "thing"));
  EXPECT_EQ(Bytes(data.tbs.begin(), data.tbs.end()), kTbs);
  EXPECT_EQ(Bytes(data.tbs_contents.begin(), data.tbs_contents.end()),
            DerNumber(42));
  EXPECT_EQ(Bytes(data.algorithm.begin(), data.algorithm.end()),
            AlgorithmOf(TestScheme::kEcdsaSha256));
}

TEST(ParseSignedDataTest, NothingMayFollow) {
  Bytes behind = Signed(EcKey(), TestScheme::kEcdsaSha256);
  behind.push_back(0);
  EXPECT_THAT(ParseSignedData(behind, "thing"),
              StatusIs(kInvalid, HasSubstr("thing")));
  const Bytes inside = DerSequence({kTbs, AlgorithmOf(TestScheme::kEcdsaSha256),
                                    BitString({1}), DerNumber(1)});
  EXPECT_THAT(ParseSignedData(inside, "thing"),
              StatusIs(kInvalid, HasSubstr("thing")));
}

TEST(ParseSignedDataTest, NothingMayBeMissing) {
  const Bytes algorithm = AlgorithmOf(TestScheme::kEcdsaSha256);
  for (const Bytes& bad :
       {Bytes(), DerSequence({}), DerSequence({kTbs}),
        DerSequence({kTbs, algorithm}),
        DerSequence({DerNumber(1), algorithm, BitString({1})}),
        DerSequence({kTbs, DerSequence({}), BitString({1})}),
        DerSequence({kTbs, algorithm, DerNumber(1)}),
        // Unused bits: no signature has them.
        DerSequence({kTbs, algorithm, Der(kDerBitString, Bytes{1, 2})})}) {
    EXPECT_THAT(ParseSignedData(bad, "thing"), StatusIs(kInvalid));
  }
}

TEST(VerifySignedDataTest, EverySchemeThatCounts) {
  for (const TestScheme scheme :
       {TestScheme::kEcdsaSha256, TestScheme::kEcdsaSha384,
        TestScheme::kEcdsaSha512}) {
    EXPECT_THAT(VerifyWith(Signed(EcKey(), scheme), EcKey()), IsOk());
  }
  for (const TestScheme scheme :
       {TestScheme::kPkcs1Sha256, TestScheme::kPkcs1Sha384,
        TestScheme::kPssSha256, TestScheme::kPssSha384,
        TestScheme::kPssSha384WithTrailer}) {
    EXPECT_THAT(VerifyWith(Signed(RsaKey(), scheme), RsaKey()), IsOk());
  }
}

TEST(VerifySignedDataTest, SchemesThatDoNotCount) {
  EXPECT_THAT(VerifyWith(Signed(RsaKey(), TestScheme::kPkcs1Sha1), RsaKey()),
              StatusIs(kUnauthenticated,
                       HasSubstr("thing: signature: signature algorithm: ")));
  EXPECT_THAT(
      VerifyWith(Signed(RsaKey(), TestScheme::kPssSha384ShortSalt), RsaKey()),
      StatusIs(kUnauthenticated, HasSubstr("PSS with a salt of 32 octets")));
}

TEST(VerifySignedDataTest, OneBitRefuses) {
  Bytes der = Signed(EcKey(), TestScheme::kEcdsaSha256);
  der.back() ^= 1;
  EXPECT_THAT(VerifyWith(der, EcKey()),
              StatusIs(kUnauthenticated, HasSubstr("thing: signature: ")));
  der = DerSequence({DerSequence({DerNumber(43)}),
                     AlgorithmOf(TestScheme::kEcdsaSha256),
                     BitString(EcKey().Sign(TestScheme::kEcdsaSha256, kTbs))});
  EXPECT_THAT(VerifyWith(der, EcKey()), StatusIs(kUnauthenticated));
}

TEST(VerifySignedDataTest, OtherKeysRefuse) {
  const Bytes der = Signed(EcKey(), TestScheme::kEcdsaSha256);
  EXPECT_THAT(VerifyWith(der, TestKey::GenerateEc(EcCurve::kP256)),
              StatusIs(kUnauthenticated));
  EXPECT_THAT(VerifyWith(der, RsaKey()), StatusIs(kUnauthenticated));
  EXPECT_THAT(VerifyWith(Signed(RsaKey(), TestScheme::kPssSha384), EcKey()),
              StatusIs(kUnauthenticated));
}

// The structure says SHA-384, the signature is over SHA-256.
TEST(VerifySignedDataTest, AlgorithmIsNotAHint) {
  const Bytes der =
      DerSequence({kTbs, AlgorithmOf(TestScheme::kEcdsaSha384),
                   BitString(EcKey().Sign(TestScheme::kEcdsaSha256, kTbs))});
  EXPECT_THAT(VerifyWith(der, EcKey()), StatusIs(kUnauthenticated));
}

TEST(ParseSignatureSchemeTest, TellsKindAndHash) {
  const auto expect = [](TestScheme scheme, Kind kind, HashAlgorithm hash) {
    const auto parsed = ParseSignatureScheme(AlgorithmOf(scheme));
    ASSERT_THAT(parsed, IsOk());
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->hash, hash);
  };
  expect(TestScheme::kEcdsaSha384, Kind::kEcdsa, HashAlgorithm::kSha384);
  expect(TestScheme::kPkcs1Sha256, Kind::kRsaPkcs1, HashAlgorithm::kSha256);
  expect(TestScheme::kPssSha384, Kind::kRsaPss, HashAlgorithm::kSha384);
}

TEST(ParseSignatureSchemeTest, MalformedIsUnauthenticated) {
  for (const Bytes& bad :
       {Bytes(), DerSequence({}), DerSequence({DerNumber(1)}),
        // id-RSASSA-PSS without parameters: SHA-1 by default.
        DerSequence({Der(kDerOid, Bytes{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                        0x01, 0x01, 0x0a})}),
        // ecdsa-with-SHA256 with parameters.
        DerSequence({Der(kDerOid,
                         Bytes{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}),
                     Bytes{kDerNull, 0}})}) {
    EXPECT_THAT(ParseSignatureScheme(bad), StatusIs(kUnauthenticated));
  }
}

TEST(NameTest, FindsTheCommonName) {
  EXPECT_EQ(CommonNameOf(DerName("ARK-Milan")), "ARK-Milan");
  EXPECT_EQ(CommonNameOf(DerSequence({})), std::nullopt);
  EXPECT_EQ(CommonNameOf({}), std::nullopt);
  EXPECT_EQ(CommonNameOf(DerNumber(1)), std::nullopt);
}

TEST(NameTest, TextOrHex) {
  EXPECT_THAT(NameText(DerName("ARK-Milan")), HasSubstr("CN=ARK-Milan"));
  EXPECT_EQ(NameText(Bytes{0xab, 0x01}), "ab01");
}

TEST(NameTest, ChecksItsShape) {
  const Bytes name = DerName("x");
  EXPECT_THAT(CheckName(Bytes(name.begin() + 2, name.end()), "issuer"), IsOk());
  EXPECT_THAT(CheckName({}, "issuer"), IsOk());
  EXPECT_THAT(CheckName(DerNumber(1), "issuer"),
              StatusIs(kInvalid, HasSubstr("issuer")));
  // A set must hold an attribute.
  EXPECT_THAT(CheckName(Der(kDerSet, {}), "issuer"), StatusIs(kInvalid));
}

TEST(ReadTimeTest, ReadsBothForms) {
  for (const int64_t seconds : {int64_t{1577836800}, int64_t{2524608000}}) {
    const Bytes der = testing::DerTimeOf(absl::FromUnixSeconds(seconds));
    DerReader reader(der);
    ASSERT_OK_AND_ASSIGN(const absl::Time time, ReadTime(reader, "not after"));
    EXPECT_EQ(time, absl::FromUnixSeconds(seconds));
  }
  const Bytes number = DerNumber(1);
  DerReader reader(number);
  EXPECT_THAT(ReadTime(reader, "not after"),
              StatusIs(kInvalid, HasSubstr("not after")));
}

}  // namespace
}  // namespace constellation::crypto::internal
