// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::QuoteSigner;
using ::constellation::testing::SignerKind;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
const Bytes kMessage(50, 0x4d);

struct Signed {
  explicit Signed(SignerKind kind, uint16_t hash = kTpmAlgSha256)
      : signer(kind, hash),
        area(ParsePublicAreaUnverified(signer.Tpmt()).value()),
        key(KeyOfPublicArea(area).value()),
        signature(ParseSignatureUnverified(signer.SignTpmt(kMessage)).value()) {
  }
  const QuoteSigner signer;
  PublicAreaUnverified area;
  const crypto::PublicKey key;
  SignatureUnverified signature;
};

TEST(TpmSignatureTest, VerifiesEverySchemeAndHash) {
  for (const SignerKind kind : {SignerKind::kRsassa, SignerKind::kRsapss,
                                SignerKind::kP256, SignerKind::kP384}) {
    for (const uint16_t hash : {kTpmAlgSha256, kTpmAlgSha384, kTpmAlgSha512}) {
      const Signed made(kind, hash);
      EXPECT_THAT(VerifyTpmSignature(made.area, made.signature, kMessage),
                  IsOk())
          << AlgorithmName(hash);
      EXPECT_THAT(VerifyTpmSignature(made.key, made.signature, kMessage),
                  IsOk());
      EXPECT_THAT(VerifyTpmSignature(made.area, made.signature, Bytes(50)),
                  StatusIs(kUnauthenticated));
    }
  }
}

TEST(TpmSignatureTest, Sha1SignsNothing) {
  const Signed made(SignerKind::kRsassa, kTpmAlgSha1);
  EXPECT_THAT(VerifyTpmSignature(made.key, made.signature, kMessage),
              StatusIs(kInvalid, HasSubstr("want sha256, sha384 or sha512")));
}

// Else an RSA signature could be read as two numbers of a curve's.
TEST(TpmSignatureTest, SchemesBelongToTheirKindOfKey) {
  Signed rsa(SignerKind::kRsassa);
  rsa.signature.scheme = kTpmAlgEcdsa;
  EXPECT_THAT(VerifyTpmSignature(rsa.key, rsa.signature, kMessage),
              StatusIs(kInvalid, HasSubstr("ecdsa does not fit an rsa key")));
  Signed ecc(SignerKind::kP256);
  for (const uint16_t scheme : {kTpmAlgRsassa, kTpmAlgRsapss}) {
    ecc.signature.scheme = scheme;
    EXPECT_THAT(VerifyTpmSignature(ecc.key, ecc.signature, kMessage),
                StatusIs(kInvalid, HasSubstr("does not fit an ecc key")));
  }
}

TEST(TpmSignatureTest, OtherSchemesAreRefused) {
  Signed rsa(SignerKind::kRsassa);
  for (const uint16_t scheme : {kTpmAlgNull, kTpmAlgRsaes, kTpmAlgEcdaa}) {
    rsa.signature.scheme = scheme;
    EXPECT_THAT(VerifyTpmSignature(rsa.key, rsa.signature, kMessage),
                StatusIs(kInvalid, HasSubstr("want rsassa, rsapss or ecdsa")));
  }
}

// A signature does not choose its scheme: the key prescribes it.
TEST(TpmSignatureTest, TheKeysSchemeIsTheOnlyOne) {
  Signed made(SignerKind::kRsassa);
  made.area.scheme = kTpmAlgRsapss;
  EXPECT_THAT(CheckTpmScheme(made.area, made.signature),
              StatusIs(kInvalid, HasSubstr("want the key's rsapss/sha256, got "
                                           "rsassa/sha256")));
  EXPECT_THAT(VerifyTpmSignature(made.area, made.signature, kMessage),
              StatusIs(kInvalid));
  made.area.scheme = kTpmAlgRsassa;
  made.area.scheme_hash = kTpmAlgSha384;
  EXPECT_THAT(CheckTpmScheme(made.area, made.signature),
              StatusIs(kInvalid, HasSubstr("rsassa/sha384")));
  made.area.scheme_hash = kTpmAlgSha256;
  EXPECT_THAT(CheckTpmScheme(made.area, made.signature), IsOk());
}

// RSAPSS and RSASSA share key and form; only the padding tells them apart.
TEST(TpmSignatureTest, PaddingsAreNotMixedUp) {
  Signed made(SignerKind::kRsassa);
  made.signature.scheme = kTpmAlgRsapss;
  EXPECT_THAT(VerifyTpmSignature(made.key, made.signature, kMessage),
              StatusIs(kUnauthenticated));
}

}  // namespace
}  // namespace constellation::attestation
