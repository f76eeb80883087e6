// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(TpmHashTest, DigestsHaveTheirSize) {
  for (const uint16_t algorithm :
       {kTpmAlgSha1, kTpmAlgSha256, kTpmAlgSha384, kTpmAlgSha512}) {
    ASSERT_OK_AND_ASSIGN(const Bytes digest, TpmDigest(algorithm, {}));
    EXPECT_EQ(digest.size(), TpmDigestSize(algorithm));
  }
  EXPECT_EQ(TpmDigestSize(kTpmAlgSm3), 32U);
  EXPECT_EQ(TpmDigestSize(kTpmAlgRsa), std::nullopt);
  EXPECT_EQ(TpmDigestSize(0x0027), std::nullopt);  // SHA3-256
}

// FIPS 180-4, "abc".
TEST(TpmHashTest, DigestsAreTheStandards) {
  const auto abc = AsBytes("abc");
  EXPECT_EQ(HexEncode(*TpmDigest(kTpmAlgSha1, abc)),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(*TpmDigest(kTpmAlgSha256, abc)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(*TpmDigest(kTpmAlgSha384, abc)).substr(0, 16),
            "cb00753f45a35e8b");
  EXPECT_EQ(HexEncode(*TpmDigest(kTpmAlgSha512, abc)).substr(0, 16),
            "ddaf35a193617aba");
}

TEST(TpmHashTest, WhatCannotBeComputedIsRefused) {
  for (const uint16_t algorithm : {kTpmAlgSm3, kTpmAlgNull, kTpmAlgRsassa}) {
    EXPECT_THAT(TpmDigest(algorithm, {}),
                StatusIs(kInvalid, HasSubstr("want a SHA, got")));
  }
}

TEST(TpmHashTest, Sha2IsKnownByItsSize) {
  for (size_t size = 0; size < 70; ++size) {
    const auto algorithm = Sha2OfDigestSize(size);
    EXPECT_EQ(algorithm.has_value(), size == 32 || size == 48 || size == 64);
    if (algorithm.has_value()) {
      EXPECT_EQ(TpmDigestSize(*algorithm), size);
    }
  }
}

TEST(TpmHashTest, Sha1SignsNothing) {
  EXPECT_THAT(TpmSigningHash(kTpmAlgSha1),
              StatusIs(kInvalid, HasSubstr("sha512, got sha1")));
  EXPECT_THAT(TpmSigningHash(kTpmAlgSm3), StatusIs(kInvalid));
  EXPECT_EQ(*TpmSigningHash(kTpmAlgSha256), crypto::HashAlgorithm::kSha256);
  EXPECT_EQ(*TpmSigningHash(kTpmAlgSha384), crypto::HashAlgorithm::kSha384);
  EXPECT_EQ(*TpmSigningHash(kTpmAlgSha512), crypto::HashAlgorithm::kSha512);
}

}  // namespace
}  // namespace constellation::attestation
