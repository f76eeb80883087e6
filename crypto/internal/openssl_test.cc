// SPDX-License-Identifier: Apache-2.0
#include "crypto/internal/openssl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/testing/status_matchers.h"

namespace constellation::crypto::internal {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void FailOnce() {
  const uint8_t garbage[] = {1, 2, 3};
  const unsigned char* position = garbage;
  const UniqueX509 x509(d2i_X509(nullptr, &position, sizeof(garbage)));
  ASSERT_EQ(x509, nullptr);
}

TEST(OpenSslErrorTest, SaysWhatAndWhy) {
  FailOnce();
  EXPECT_THAT(
      OpenSslError(absl::StatusCode::kInvalidArgument, "certificate"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(StartsWith("certificate: error:"), HasSubstr("asn1"))));
}

TEST(OpenSslErrorTest, EmptiesTheQueue) {
  FailOnce();
  (void)OpenSslError(absl::StatusCode::kInternal, "x");
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(OpenSslErrorTest, SaysSoWithoutDetail) {
  ERR_clear_error();
  EXPECT_THAT(OpenSslError(absl::StatusCode::kInternal, "x"),
              StatusIs(absl::StatusCode::kInternal, "x: no detail"));
}

TEST(BioTest, ReadsWhatItIsGiven) {
  const Bytes octets{'a', 0, 'b'};
  const UniqueBio bio = ReadBio(octets);
  Bytes read(4);
  ASSERT_EQ(BIO_read(bio.get(), read.data(), 4), 3);
  read.resize(3);
  EXPECT_EQ(read, octets);
}

TEST(BioTest, GivesBackWhatWasWritten) {
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(BioText(bio.get()), "");
  ASSERT_EQ(BIO_write(bio.get(), "a\0b", 3), 3);
  EXPECT_EQ(BioText(bio.get()), std::string("a\0b", 3));
}

TEST(ToDerTest, EncodesOrGivesNothing) {
  const UniquePkey key(EVP_EC_gen("P-256"));
  const Bytes der = ToDer(i2d_PUBKEY, key.get());
  EXPECT_EQ(der.size(), 91U);
  const UniquePkey empty(EVP_PKEY_new());
  EXPECT_TRUE(ToDer(i2d_PUBKEY, empty.get()).empty());
  ERR_clear_error();
}

}  // namespace
}  // namespace constellation::crypto::internal
