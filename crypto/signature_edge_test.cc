// SPDX-License-Identifier: Apache-2.0
// Signatures that are wrong in ways that have fooled verifiers before: scalars
// at and beyond the group's order, numbers instead of padding, one key of
// several threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <thread>
#include <vector>

#include "common/testing/status_matchers.h"
#include "crypto/ed25519.h"
#include "crypto/key_hierarchy.h"
#include "crypto/p256.h"
#include "crypto/public_key.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/vectors.h"
#include "crypto/x509.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::Hex;
using testing::Secret;

const Bytes kSample = Hex("73616d706c65");  // "sample"

// RFC 6979 appendix A.2.5.
class P256EdgeTest : public ::testing::Test {
 protected:
  absl::Status Verify(std::string_view r, std::string_view s) const {
    return key_.VerifyEcdsa(HashAlgorithm::kSha256, kSample, Hex(r), Hex(s));
  }

  const PublicKey key_ =
      PublicKey::FromEcPoint(EcCurve::kP256,
                             Hex("60fed4ba255a9d31c961eb74c6356d68"
                                 "c049b8923b61fa6ce669622e60f29fb6"),
                             Hex("7903fe1008b8bc99a41ae9e95628bc64"
                                 "f2f1b20c2d7e9f5177a3c294d4462299"))
          .value();
  static constexpr std::string_view kR =
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
  static constexpr std::string_view kS =
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
  // The order of the group.
  static constexpr std::string_view kN =
      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
};

TEST_F(P256EdgeTest, TheSignatureItselfIsGood) {
  EXPECT_THAT(Verify(kR, kS), IsOk());
}

TEST_F(P256EdgeTest, ScalarsMustBeBelowTheOrder) {
  EXPECT_THAT(Verify(kN, kS), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Verify(kR, kN), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Verify(kN, kN), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(P256EdgeTest, CongruentScalarsAreOthers) {
  // r + n and s + n.
  EXPECT_THAT(Verify("01efd48b29acb6a8fe1140dd9cd45e81d6"
                     "5a138228fdc29816b706d96b4b125c67",
                     kS),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Verify(kR,
                     "01f7cb1c932d657c42d436c7a1b6e29f65"
                     "b0cffb8960c7928b417e75f2809df2f9"),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

// n - s verifies too: ECDSA is malleable. Nobody may take a signature's octets
// for the identity of what was signed.
TEST_F(P256EdgeTest, TheNegativeScalarIsGoodToo) {
  EXPECT_THAT(Verify(kR,
                     "0834e36ad29a83bf2bc9385e491d6099"
                     "c8fdf9d1ed67aa7ea5f51f93782857a9"),
              IsOk());
}

TEST_F(P256EdgeTest, SmallScalarsAreRefused) {
  for (const std::string_view small : {"00", "01", "02", "ff"}) {
    EXPECT_THAT(Verify(small, kS), StatusIs(absl::StatusCode::kUnauthenticated))
        << small;
    EXPECT_THAT(Verify(kR, small), StatusIs(absl::StatusCode::kUnauthenticated))
        << small;
    EXPECT_THAT(Verify(small, small),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << small;
  }
}

class RsaEdgeTest : public ::testing::Test {
 protected:
  void ExpectRefused(const Bytes& signature) const {
    EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, kSample, signature),
                StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha256, kSample, signature),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }

  const Bytes modulus_ = Hex(testing::kRsaModulusHex);
  const PublicKey key_ = PublicKey::FromRsa(modulus_, 65537).value();
};

TEST_F(RsaEdgeTest, TrivialNumbersAreRefused) {
  Bytes number(256);
  ExpectRefused(number);  // 0
  number.back() = 1;
  ExpectRefused(number);  // 1: its own power
  Bytes below = modulus_;
  below.back() = static_cast<uint8_t>(below.back() - 1);
  ExpectRefused(below);  // -1
}

TEST_F(RsaEdgeTest, TheModulusAndMoreAreRefused) {
  ExpectRefused(modulus_);
  ExpectRefused(Bytes(256, 0xff));
}

// With exponent 1 every padded digest would be its own signature.
TEST_F(RsaEdgeTest, KeysWithExponentOneDoNotExist) {
  EXPECT_THAT(PublicKey::FromRsa(modulus_, 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Values are documented as thread-safe: many threads, one object.
template <typename Work>
void InThreads(const Work& work) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&work] {
      for (int round = 0; round < 20; ++round) {
        work();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(ThreadsTest, ShareAVerifyingKey) {
  const PublicKey key =
      PublicKey::FromRsa(Hex(testing::kRsaModulusHex), 65537).value();
  const Bytes signature = Hex(testing::kRsaPkcs1Hex);
  InThreads([&] {
    EXPECT_THAT(key.VerifyRsaPkcs1(HashAlgorithm::kSha256,
                                   AsBytes("constellation"), signature),
                IsOk());
  });
}

TEST(ThreadsTest, ShareASigner) {
  const Ed25519Signer signer =
      Ed25519Signer::FromSeed(Secret(testing::Counting(0, 32))).value();
  const Ed25519Signature expected = signer.Sign(kSample).value();
  InThreads([&] { EXPECT_EQ(signer.Sign(kSample).value(), expected); });
}

TEST(ThreadsTest, ShareAKeyHierarchy) {
  const KeyHierarchy keys =
      KeyHierarchy::Create(Secret(testing::Counting(0, 32)),
                           testing::Counting(100, 32))
          .value();
  const SecretBytes expected = keys.VolumeKey("v").value();
  InThreads([&] {
    EXPECT_TRUE(keys.VolumeKey("v").value().EqualsConstantTime(expected));
  });
}

TEST(ThreadsTest, ShareAPrivateKeyAndACertificate) {
  const P256PrivateKey key = P256PrivateKey::Generate().value();
  const Certificate root = Certificate::FromPem(testing::kRootPem).value();
  InThreads([&] {
    EXPECT_THAT(VerifyCsr(CreateCsr(key, "a", "o").value()), IsOk());
    EXPECT_THAT(root.VerifySignedBy(root), IsOk());
  });
}

}  // namespace
}  // namespace constellation::crypto
