// SPDX-License-Identifier: Apache-2.0
#include "crypto/key_hierarchy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/testing/status_matchers.h"
#include "crypto/testing/octets.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::Counting;
using ::testing::HasSubstr;
using testing::Secret;
using testing::WithBitFlipped;

static_assert(!std::is_copy_constructible_v<KeyHierarchy>);

constexpr std::string_view kUuid = "01234567-89ab-cdef-0123-456789abcdef";

const Bytes kKey = Counting(0, 32);
const Bytes kSalt = Counting(100, 32);
const Bytes kMeasurementSalt = Counting(200, 32);

KeyHierarchy Keys(const Bytes& key = kKey, const Bytes& salt = kSalt) {
  return KeyHierarchy::Create(Secret(key), salt).value();
}

std::string HexOf(const absl::StatusOr<SecretBytes>& secret) {
  return HexEncode(secret.value().Expose());
}

// The four values were computed by another HKDF implementation from
// "constellation/v1/<purpose>/<id>". They must never change: they are the keys
// of disks that exist.
TEST(KeyHierarchyVectorTest, StateDiskKey) {
  EXPECT_EQ(HexOf(Keys().StateDiskKey(kUuid)),
            "63e4b34c95f5023851675df20ea3a703"
            "2faac32c0c3030db7549761735a3368c");
}

TEST(KeyHierarchyVectorTest, VolumeKey) {
  EXPECT_EQ(HexOf(Keys().VolumeKey("pvc-1")),
            "b7c05cd58ecb59abcd3d48eae8f6902f"
            "68f5874745e1b691cca6084cc4f5cde9");
}

TEST(KeyHierarchyVectorTest, ClusterId) {
  EXPECT_EQ(HexEncode(Keys().ClusterId(kMeasurementSalt).value()),
            "0a68e13e8830a57965d7fcd8294a11a8"
            "23fc5f9c9e78844f72198a737341bd80");
}

TEST(KeyHierarchyVectorTest, JoinLogKeyIsTheSeedsPublicKey) {
  const Bytes seed = testing::Hex(
      "df121cda89db0135addacce2db5dbd4c"
      "9e8e5c99d060a6fba6c3539dfec8c22d");
  EXPECT_EQ(Keys().JoinLogSigner().value().public_key(),
            Ed25519Signer::FromSeed(Secret(seed)).value().public_key());
}

TEST(KeyHierarchyTest, RepeatsItself) {
  EXPECT_EQ(HexOf(Keys().StateDiskKey(kUuid)),
            HexOf(Keys().StateDiskKey(kUuid)));
  EXPECT_EQ(Keys().ClusterId(kMeasurementSalt).value(),
            Keys().ClusterId(kMeasurementSalt).value());
}

TEST(KeyHierarchyTest, EveryPurposeAndIdHasItsOwnKey) {
  const KeyHierarchy keys = Keys();
  const std::set<std::string> distinct{
      HexOf(keys.StateDiskKey(kUuid)),
      HexOf(keys.StateDiskKey("01234567-89ab-cdef-0123-456789abcdee")),
      HexOf(keys.VolumeKey(kUuid)),  // the same id for another purpose
      HexOf(keys.VolumeKey("a")),
      HexOf(keys.VolumeKey("A")),
      HexEncode(keys.ClusterId(kMeasurementSalt).value()),
      HexEncode(keys.JoinLogSigner().value().public_key())};
  EXPECT_EQ(distinct.size(), 7U);
}

TEST(KeyHierarchyTest, DependsOnEveryOctetOfTheMasterKey) {
  const std::string key = HexOf(Keys().StateDiskKey(kUuid));
  const Bytes id = Keys().ClusterId(kMeasurementSalt).value();
  for (size_t i = 0; i < kMasterKeySize; ++i) {
    const KeyHierarchy other = Keys(WithBitFlipped(kKey, i));
    EXPECT_NE(HexOf(other.StateDiskKey(kUuid)), key) << i;
    EXPECT_NE(other.ClusterId(kMeasurementSalt).value(), id) << i;
  }
}

TEST(KeyHierarchyTest, DependsOnEveryOctetOfTheMasterSalt) {
  const std::string key = HexOf(Keys().StateDiskKey(kUuid));
  for (size_t i = 0; i < kMasterSaltSize; ++i) {
    EXPECT_NE(HexOf(Keys(kKey, WithBitFlipped(kSalt, i)).StateDiskKey(kUuid)),
              key)
        << i;
  }
}

TEST(KeyHierarchyTest, ClusterIdDependsOnEveryOctetOfItsSalt) {
  const Bytes id = Keys().ClusterId(kMeasurementSalt).value();
  for (size_t i = 0; i < kMeasurementSaltSize; ++i) {
    EXPECT_NE(Keys().ClusterId(WithBitFlipped(kMeasurementSalt, i)).value(), id)
        << i;
  }
}

// Recovery shows the secret in place of the ID.
TEST(KeyHierarchyTest, ClusterIdFollowsFromTheMeasurementSecret) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes secret, Keys().MeasurementSecret());
  EXPECT_EQ(ClusterIdFrom(secret, kMeasurementSalt).value(),
            Keys().ClusterId(kMeasurementSalt).value());
  for (size_t i = 0; i < secret.size(); ++i) {
    SecretBytes other = secret.Clone();
    other.ExposeMutable()[i] ^= 1;
    EXPECT_NE(ClusterIdFrom(other, kMeasurementSalt).value(),
              Keys().ClusterId(kMeasurementSalt).value())
        << i;
  }
}

TEST(KeyHierarchyTest, MeasurementSecretsHaveOneLength) {
  for (const size_t size : {0U, 31U, 33U}) {
    EXPECT_THAT(ClusterIdFrom(SecretBytes(size), kMeasurementSalt),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("measurement secret: want 32 octets")))
        << size;
  }
}

TEST(KeyHierarchyTest, DerivedKeysHaveTheirSizes) {
  EXPECT_EQ(Keys().StateDiskKey(kUuid).value().size(), kDerivedKeySize);
  EXPECT_EQ(Keys().VolumeKey("v").value().size(), kDerivedKeySize);
  EXPECT_EQ(Keys().ClusterId(kMeasurementSalt).value().size(), kClusterIdSize);
}

TEST(KeyHierarchyTest, JoinLogSignaturesVerify) {
  ASSERT_OK_AND_ASSIGN(const Ed25519Signer signer, Keys().JoinLogSigner());
  ASSERT_OK_AND_ASSIGN(const Ed25519Signature signature,
                       signer.Sign(AsBytes("entry")));
  EXPECT_THAT(VerifyEd25519(signer.public_key(), AsBytes("entry"), signature),
              IsOk());
}

TEST(KeyHierarchyCreateTest, RejectsMasterKeysOfOtherLengths) {
  for (const size_t size : {0U, 16U, 31U, 33U, 64U}) {
    EXPECT_THAT(KeyHierarchy::Create(SecretBytes(size), kSalt),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("master key: want 32 octets")))
        << size;
  }
}

TEST(KeyHierarchyCreateTest, RejectsMasterSaltsOfOtherLengths) {
  for (const size_t size : {0U, 31U, 33U}) {
    EXPECT_THAT(KeyHierarchy::Create(Secret(kKey), Bytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("master salt: want 32 octets")))
        << size;
  }
}

TEST(KeyHierarchyTest, RejectsMeasurementSaltsOfOtherLengths) {
  for (const size_t size : {0U, 31U, 33U}) {
    EXPECT_THAT(Keys().ClusterId(Bytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("measurement salt: want 32 octets")))
        << size;
  }
}

// One mutation of a good UUID each.
const std::vector<std::string> kBadUuids = {
    "",
    "01234567-89ab-cdef-0123-456789abcde",    // one short
    "01234567-89ab-cdef-0123-456789abcdef0",  // one long
    "01234567-89AB-cdef-0123-456789abcdef",   // upper case
    "01234567-89ab-cdef-0123-456789abcdeg",   // not hex
    "0123456789abcdef0123456789abcdef",       // no hyphens
    "0123456-789ab-cdef-0123-456789abcdef",   // hyphen elsewhere
    "01234567_89ab-cdef-0123-456789abcdef",
    "{1234567-89ab-cdef-0123-456789abcde}",
    " 1234567-89ab-cdef-0123-456789abcdef",
    "01234567-89ab-cdef-0123-456789abcde\n",
    "01234567-89ab-cdef-0123-456789abcd/f",
    std::string("01234567-89ab-cdef-0123-456789abcde\0", 36),
};

TEST(IsUuidTest, AcceptsTheOneForm) {
  EXPECT_TRUE(IsUuid(kUuid));
  EXPECT_TRUE(IsUuid("00000000-0000-0000-0000-000000000000"));
  EXPECT_TRUE(IsUuid("ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

TEST(IsUuidTest, RejectsEverythingElse) {
  for (const std::string& text : kBadUuids) {
    EXPECT_FALSE(IsUuid(text)) << text;
  }
}

TEST(KeyHierarchyTest, RejectsDiskIdsThatAreNotUuids) {
  const KeyHierarchy keys = Keys();
  for (const std::string& text : kBadUuids) {
    EXPECT_THAT(keys.StateDiskKey(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want a lower-case UUID")))
        << text;
  }
}

TEST(IsVolumeIdTest, AcceptsTheWholeAlphabet) {
  EXPECT_TRUE(IsVolumeId("ABCXYZabcxyz0189._-"));
  EXPECT_TRUE(IsVolumeId("v"));
  EXPECT_TRUE(IsVolumeId(std::string(128, 'v')));
}

const std::vector<std::string> kBadVolumeIds = {
    "",         std::string(129, 'v'),
    "a/b",      "../disk/x",
    "a b",      "a\nb",
    "a:b",      "a@b",
    "a[b",      "a`b",
    "a{b",      "a\\b",
    "\xc3\xa4", "a,b",
    "a+b",      std::string("a\0b", 3)};

TEST(IsVolumeIdTest, RejectsEverythingElse) {
  for (const std::string& text : kBadVolumeIds) {
    EXPECT_FALSE(IsVolumeId(text)) << text;
  }
}

TEST(KeyHierarchyTest, RejectsVolumeIdsThatCouldReachAnotherPurpose) {
  const KeyHierarchy keys = Keys();
  for (const std::string& text : kBadVolumeIds) {
    EXPECT_THAT(keys.VolumeKey(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("[A-Za-z0-9._-]")))
        << text;
  }
}

TEST(KeyHierarchyTest, ErrorsDoNotRepeatTheId) {
  const absl::Status status = Keys().VolumeKey("a/hostile\x1b[0m").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               ::testing::Not(HasSubstr("hostile"))));
}

}  // namespace
}  // namespace constellation::crypto
