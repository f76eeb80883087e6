// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "crypto/public_key.h"
#include "crypto/testing/rsa_pem.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Parts(const std::string& token) {
  std::vector<std::string> parts(1);
  for (const char c : token) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

nlohmann::json Decoded(const std::string& part) {
  return nlohmann::json::parse(AsText(Base64UrlDecode(part).value()));
}

class JwtTest : public ::testing::Test {
 protected:
  static const crypto::RsaPrivateKey& Key() {
    static const auto* const kKey = new crypto::RsaPrivateKey(
        crypto::RsaPrivateKey::FromPem(
            SecretBytes(AsBytes(crypto::testing::MakeRsaPem())))
            .value());
    return *kKey;
  }
  static crypto::PublicKey Verifier() {
    return crypto::PublicKey::FromSpki(Key().PublicSpki()).value();
  }

  const nlohmann::json header_ = {{"kid", "k1"}, {"alg", "none"}};
  const nlohmann::json claims_ = {{"iss", "someone"}, {"exp", 1700000000}};
};

TEST_F(JwtTest, SignsRs256OverHeaderAndClaims) {
  ASSERT_OK_AND_ASSIGN(const std::string token,
                       SignJwt(JwtAlgorithm::kRs256, header_, claims_, Key()));
  const std::vector<std::string> parts = Parts(token);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(Decoded(parts[0]),
            nlohmann::json({{"kid", "k1"}, {"alg", "RS256"}, {"typ", "JWT"}}));
  EXPECT_EQ(Decoded(parts[1]), claims_);
  const std::string input = parts[0] + "." + parts[1];
  EXPECT_THAT(
      Verifier().VerifyRsaPkcs1(crypto::HashAlgorithm::kSha256, AsBytes(input),
                                Base64UrlDecode(parts[2]).value()),
      IsOk());
}

TEST_F(JwtTest, SignsPs256WithASaltAsLongAsTheHash) {
  ASSERT_OK_AND_ASSIGN(
      const std::string token,
      SignJwt(JwtAlgorithm::kPs256, {{"x5t#S256", "t"}}, claims_, Key()));
  const std::vector<std::string> parts = Parts(token);
  EXPECT_EQ(Decoded(parts[0])["alg"], "PS256");
  EXPECT_EQ(Decoded(parts[0])["x5t#S256"], "t");
  const std::string input = parts[0] + "." + parts[1];
  EXPECT_THAT(
      Verifier().VerifyRsaPss(crypto::HashAlgorithm::kSha256, AsBytes(input),
                              Base64UrlDecode(parts[2]).value(), 32),
      IsOk());
}

TEST_F(JwtTest, WantsObjects) {
  EXPECT_THAT(SignJwt(JwtAlgorithm::kRs256, nullptr, claims_, Key()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      SignJwt(JwtAlgorithm::kRs256, header_, nlohmann::json::array({1}), Key()),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(JwtTest, ShowsClaimsOfATokenWithoutJudgingIt) {
  const std::string token =
      SignJwt(JwtAlgorithm::kRs256, header_, claims_, Key()).value();
  EXPECT_THAT(JwtClaimsUnverified(token), IsOkAndHolds(claims_));
  EXPECT_THAT(JwtClaimsUnverified(token + "x"), IsOkAndHolds(claims_));
}

TEST_F(JwtTest, RefusesWhatIsNoToken) {
  const auto refused = [](const std::string& token, const std::string& why) {
    EXPECT_THAT(JwtClaimsUnverified(token),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refused("", "three parts");
  refused("a.b", "three parts");
  refused("a.e30.c.d", "three parts");
  refused("a.e3 0.c", "not base64url");
  refused("a.bm8.c", "not JSON");
  refused("a.W10.c", "want a JSON object");
  refused(std::string(65 * 1024, 'a'), "at most 65536 are allowed");
  EXPECT_THAT(
      JwtClaimsUnverified("a.s!cret.c"),
      StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("s!cret"))));
}

// RFC 4648 section 10, and the two letters in which the alphabets differ.
TEST(Base64UrlTest, LeavesPaddingOut) {
  EXPECT_EQ(Base64UrlEncode({}), "");
  EXPECT_EQ(Base64UrlEncode(AsBytes("f")), "Zg");
  EXPECT_EQ(Base64UrlEncode(AsBytes("fo")), "Zm8");
  EXPECT_EQ(Base64UrlEncode(AsBytes("foo")), "Zm9v");
  const Bytes high = {0xfb, 0xff};
  EXPECT_EQ(Base64UrlEncode(high), "-_8");
  EXPECT_THAT(Base64UrlDecode("-_8"), IsOkAndHolds(high));
  EXPECT_THAT(Base64UrlDecode(""), IsOkAndHolds(Bytes{}));
  for (const char* bad : {"+_8", "-/8", "Zg==", "Z", "Zh", "Z g"}) {
    EXPECT_THAT(Base64UrlDecode(bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

}  // namespace
}  // namespace constellation::cloud
