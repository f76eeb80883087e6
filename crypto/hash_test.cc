// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "crypto/testing/octets.h"

namespace constellation::crypto {
namespace {

using testing::Hex;
using testing::Secret;

constexpr std::string_view kTwoBlocks =
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr std::string_view kFourBlocks =
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
    "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

// FIPS 180-4 and NIST's example values.
TEST(Sha1Test, MatchesPublishedValues) {
  EXPECT_EQ(HexEncode(Sha1(AsBytes("abc"))),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(Sha1(AsBytes(kTwoBlocks))),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(HexEncode(Sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Sha256Test, MatchesPublishedValues) {
  EXPECT_EQ(HexEncode(Sha256(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223"
            "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Sha256(AsBytes(kTwoBlocks))),
            "248d6a61d20638b8e5c026930c3e6039"
            "a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Test, HashesNothing) {
  EXPECT_EQ(HexEncode(Sha256({})),
            "e3b0c44298fc1c149afbf4c8996fb924"
            "27ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Test, HashesAMillionOctets) {
  const std::string million(1000000, 'a');
  EXPECT_EQ(HexEncode(Sha256(AsBytes(million))),
            "cdc76e5c9914fb9281a1c7e284d73e67"
            "f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha384Test, MatchesPublishedValues) {
  EXPECT_EQ(HexEncode(Sha384(AsBytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
            "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(HexEncode(Sha384(AsBytes(kFourBlocks))),
            "09330c33f71147e83d192fc782cd1b4753111b173b3b05d2"
            "2fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039");
}

TEST(Sha512Test, MatchesPublishedValues) {
  EXPECT_EQ(HexEncode(Sha512(AsBytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"
            "0a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
            "454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(HexEncode(Sha512(AsBytes(kFourBlocks))),
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa1"
            "7299aeadb6889018501d289e4900f7e4331b99dec4b5433a"
            "c7d329eeb6dd26545e96e55b874be909");
}

TEST(Sha256HasherTest, PartsGiveTheDigestOfTheWhole) {
  Sha256Hasher hasher;
  hasher.Update(AsBytes(kTwoBlocks.substr(0, 1)));
  hasher.Update({});
  hasher.Update(AsBytes(kTwoBlocks.substr(1)));
  EXPECT_EQ(hasher.Finish(), Sha256(AsBytes(kTwoBlocks)));
}

TEST(Sha256HasherTest, EverySplitGivesTheSameDigest) {
  const Sha256Digest whole = Sha256(AsBytes(kFourBlocks));
  for (size_t split = 0; split <= kFourBlocks.size(); ++split) {
    Sha256Hasher hasher;
    hasher.Update(AsBytes(kFourBlocks.substr(0, split)));
    hasher.Update(AsBytes(kFourBlocks.substr(split)));
    ASSERT_EQ(hasher.Finish(), whole) << split;
  }
}

TEST(Sha256HasherTest, StartsAnewAfterFinish) {
  Sha256Hasher hasher;
  hasher.Update(AsBytes("something else"));
  (void)hasher.Finish();
  hasher.Update(AsBytes("abc"));
  EXPECT_EQ(hasher.Finish(), Sha256(AsBytes("abc")));
}

TEST(Sha256HasherTest, MovesWithItsState) {
  Sha256Hasher hasher;
  hasher.Update(AsBytes("a"));
  Sha256Hasher moved(std::move(hasher));
  moved.Update(AsBytes("bc"));
  Sha256Hasher assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.Finish(), Sha256(AsBytes("abc")));
}

struct HmacVector {
  std::string_view name;
  Bytes key;
  Bytes data;
  std::string_view mac;
};

// RFC 4231 section 4, HMAC-SHA-256 only.
const HmacVector kHmacVectors[] = {
    {"case 1", Bytes(20, 0x0b), Bytes{'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'},
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"case 2", Hex("4a656665"),
     Hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"case 3", Bytes(20, 0xaa), Bytes(50, 0xdd),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"case 4", testing::Counting(1, 25), Bytes(50, 0xcd),
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {"case 6", Bytes(131, 0xaa),
     Hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
         "65204b6579202d2048617368204b6579204669727374"),
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"case 7", Bytes(131, 0xaa),
     Hex("5468697320697320612074657374207573696e672061206c6172676572207468"
         "616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074"
         "68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565"
         "647320746f20626520686173686564206265666f7265206265696e6720757365"
         "642062792074686520484d414320616c676f726974686d2e"),
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

TEST(HmacSha256Test, MatchesRfc4231) {
  for (const HmacVector& vector : kHmacVectors) {
    EXPECT_EQ(HexEncode(HmacSha256(Secret(vector.key), vector.data)),
              vector.mac)
        << vector.name;
  }
}

// RFC 4231 section 4.6 publishes only the first 128 bits.
TEST(HmacSha256Test, MatchesTruncatedCaseOfRfc4231) {
  const Sha256Digest mac =
      HmacSha256(Secret(Bytes(20, 0x0c)), AsBytes("Test With Truncation"));
  EXPECT_EQ(HexEncode({mac.data(), 16}), "a3b6167473100ee06e0c796c2955552b");
}

TEST(HmacSha256Test, AcceptsAnEmptyKey) {
  EXPECT_EQ(HexEncode(HmacSha256(SecretBytes(), {})),
            "b613679a0814d9ec772f95d778c35fc5"
            "ff1697c493715653c6c712144292c5ad");
}

TEST(HmacSha256Test, DependsOnEveryBitOfTheKey) {
  const Bytes key(32, 7);
  const Sha256Digest mac = HmacSha256(Secret(key), AsBytes("data"));
  for (size_t i = 0; i < key.size(); ++i) {
    EXPECT_NE(
        HmacSha256(Secret(testing::WithBitFlipped(key, i)), AsBytes("data")),
        mac)
        << i;
  }
}

TEST(EqualsConstantTimeTest, ComparesContents) {
  const Bytes a = Hex("00ff10");
  EXPECT_TRUE(EqualsConstantTime(a, Hex("00ff10")));
  EXPECT_FALSE(EqualsConstantTime(a, Hex("00ff11")));
  EXPECT_FALSE(EqualsConstantTime(a, Hex("01ff10")));
}

TEST(EqualsConstantTimeTest, ComparesLengths) {
  const Bytes a = Hex("00ff10");
  EXPECT_FALSE(EqualsConstantTime(a, Hex("00ff")));
  EXPECT_FALSE(EqualsConstantTime(a, Hex("00ff1000")));
  EXPECT_FALSE(EqualsConstantTime(a, {}));
  EXPECT_TRUE(EqualsConstantTime({}, {}));
}

}  // namespace
}  // namespace constellation::crypto
