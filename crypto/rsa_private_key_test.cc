// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa_private_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/public_key.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/rsa_pem.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::MakeRsaPem;
using ::testing::Not;
using testing::RsaPemForm;
using testing::Secret;
using testing::WithBitFlipped;

// One key for all tests: making one takes a while.
const std::string& Pem() {
  static const std::string* const kPem = new std::string(MakeRsaPem());
  return *kPem;
}

RsaPrivateKey Key() {
  return RsaPrivateKey::FromPem(Secret(Pem())).value();
}

PublicKey PublicOf(const RsaPrivateKey& key) {
  return PublicKey::FromSpki(key.PublicSpki()).value();
}

const Bytes kMessage = {1, 2, 3};

void ExpectRefused(std::string_view pem, const std::string& why) {
  EXPECT_THAT(RsaPrivateKey::FromPem(Secret(pem)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(RsaPrivateKeyTest, MakesPkcs1SignaturesThatVerify) {
  const RsaPrivateKey key = Key();
  const PublicKey verifier = PublicOf(key);
  ASSERT_OK_AND_ASSIGN(const Bytes signature, key.SignPkcs1Sha256(kMessage));
  EXPECT_EQ(signature.size(), 256U);
  EXPECT_THAT(
      verifier.VerifyRsaPkcs1(HashAlgorithm::kSha256, kMessage, signature),
      IsOk());
  EXPECT_THAT(verifier.VerifyRsaPkcs1(HashAlgorithm::kSha256,
                                      WithBitFlipped(kMessage, 1), signature),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(verifier.VerifyRsaPkcs1(HashAlgorithm::kSha256, kMessage,
                                      WithBitFlipped(signature, 100)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  // Deterministic, and no PSS.
  EXPECT_EQ(key.SignPkcs1Sha256(kMessage).value(), signature);
  EXPECT_THAT(
      verifier.VerifyRsaPss(HashAlgorithm::kSha256, kMessage, signature),
      StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_OK_AND_ASSIGN(const Bytes of_nothing, key.SignPkcs1Sha256({}));
  EXPECT_THAT(verifier.VerifyRsaPkcs1(HashAlgorithm::kSha256, {}, of_nothing),
              IsOk());
}

TEST(RsaPrivateKeyTest, MakesPssSignaturesWithASaltOf32Octets) {
  const RsaPrivateKey key = Key();
  const PublicKey verifier = PublicOf(key);
  ASSERT_OK_AND_ASSIGN(const Bytes signature, key.SignPssSha256(kMessage));
  EXPECT_THAT(
      verifier.VerifyRsaPss(HashAlgorithm::kSha256, kMessage, signature, 32),
      IsOk());
  EXPECT_THAT(
      verifier.VerifyRsaPss(HashAlgorithm::kSha256, kMessage, signature, 20),
      StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(
      verifier.VerifyRsaPkcs1(HashAlgorithm::kSha256, kMessage, signature),
      StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_NE(key.SignPssSha256(kMessage).value(), signature);
}

TEST(RsaPrivateKeyTest, ReadsBothFormsAmongOtherBlocks) {
  const std::string pkcs1 = MakeRsaPem(3072, RsaPemForm::kPkcs1);
  ASSERT_THAT(pkcs1, HasSubstr("BEGIN RSA PRIVATE KEY"));
  ASSERT_OK_AND_ASSIGN(const RsaPrivateKey key,
                       RsaPrivateKey::FromPem(Secret(pkcs1)));
  EXPECT_EQ(key.bits(), 3072);
  const std::string bundle =
      "friendly name: x\n-----BEGIN CERTIFICATE-----\nAAAA\n"
      "-----END CERTIFICATE-----\n" +
      Pem() + "-----BEGIN CERTIFICATE-----\n";
  ASSERT_OK_AND_ASSIGN(const RsaPrivateKey second,
                       RsaPrivateKey::FromPem(Secret(bundle)));
  EXPECT_EQ(second.PublicSpki(), Key().PublicSpki());
}

TEST(RsaPrivateKeyTest, SaysWhatElseTheTextIs) {
  ExpectRefused("", "no PEM block found");
  ExpectRefused("{\"type\": \"service_account\"}", "no PEM block found");
  ExpectRefused(PemEncode("PUBLIC KEY", Key().PublicSpki()),
                "a block \"PUBLIC KEY\" instead");
  ExpectRefused("-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n",
                "a block \"EC PRIVATE KEY\" instead");
  ExpectRefused("-----BEGIN \x1b[31mX-----\n", "a block \"?[31mX\" instead");
  ExpectRefused(AsText(P256PrivateKey::Generate().value().ToPem()->Expose()),
                "it is of kind EC");
  ExpectRefused(MakeRsaPem(2048, RsaPemForm::kEncryptedPkcs8),
                "it is encrypted");
  ExpectRefused(MakeRsaPem(2048, RsaPemForm::kEncryptedPkcs1),
                "it is encrypted");
}

TEST(RsaPrivateKeyTest, RefusesKeysOfWrongSize) {
  ExpectRefused(MakeRsaPem(1024), "its modulus has 1024 bits");
  ExpectRefused(std::string(65 * 1024, 'x'), "at most 65536 are allowed");
}

TEST(RsaPrivateKeyTest, RefusesDamagedKeys) {
  ExpectRefused(Pem().substr(0, Pem().size() / 2), "damaged or cut short");
  std::string changed = Pem();
  changed[changed.size() / 2] = '*';
  ExpectRefused(changed, "damaged or cut short");
  ExpectRefused(testing::MakeInconsistentRsaPem(),
                "its numbers do not belong together");
}

TEST(RsaPrivateKeyTest, NeverQuotesTheKey) {
  const std::string secret = Pem().substr(100, 20);
  EXPECT_THAT(
      RsaPrivateKey::FromPem(Secret(Pem().substr(0, Pem().size() / 2))),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(Not(HasSubstr(secret)), HasSubstr("PRIVATE KEY"))));
}

}  // namespace
}  // namespace constellation::crypto
