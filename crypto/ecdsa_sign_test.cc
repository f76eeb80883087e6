// SPDX-License-Identifier: Apache-2.0
#include "crypto/ecdsa_sign.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "crypto/der.h"
#include "crypto/public_key.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

class EcdsaSignTest : public ::testing::Test {
 protected:
  // Whether `signature` is `key`'s over `message`.
  static absl::Status Verify(const P256PrivateKey& key, const Bytes& signature,
                             std::span<const uint8_t> message) {
    const EcdsaSignature parts = ParseEcdsaSignature(signature).value();
    return PublicKey::FromSpki(key.PublicSpki())
        .value()
        .VerifyEcdsa(HashAlgorithm::kSha256, message, parts.r, parts.s);
  }

  const P256PrivateKey key_ = P256PrivateKey::Generate().value();
  const Bytes message_ = {1, 2, 3};
};

TEST_F(EcdsaSignTest, MakesWhatTheKeyVerifies) {
  for (int i = 0; i < 64; ++i) {  // lengths of DER integers vary
    ASSERT_OK_AND_ASSIGN(const Bytes signature,
                         SignEcdsaSha256(key_, message_));
    EXPECT_LE(signature.size(), 72U);
    EXPECT_THAT(Verify(key_, signature, message_), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const Bytes of_nothing, SignEcdsaSha256(key_, {}));
  EXPECT_THAT(Verify(key_, of_nothing, {}), IsOk());
}

TEST_F(EcdsaSignTest, IsOfThisMessageAndKeyOnly) {
  ASSERT_OK_AND_ASSIGN(const Bytes signature, SignEcdsaSha256(key_, message_));
  const Bytes other = {1, 2, 4};
  EXPECT_THAT(Verify(key_, signature, other),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Verify(P256PrivateKey::Generate().value(), signature, message_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace constellation::crypto
