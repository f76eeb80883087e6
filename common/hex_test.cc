// SPDX-License-Identifier: Apache-2.0
#include "common/hex.h"

#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(HexTest, RoundTrip) {
  const Bytes bytes{0x00, 0xff, 0x1a};
  EXPECT_EQ(HexEncode(bytes), "00ff1a");
  EXPECT_THAT(HexDecode("00fF1A"), IsOkAndHolds(bytes));
}

TEST(HexTest, RefusesWhatIsNotHex) {
  EXPECT_THAT(HexDecode("abc"), StatusIs(kInvalid));
  EXPECT_THAT(HexDecode("0g"), StatusIs(kInvalid));
}

// RFC 4648 section 10.
TEST(Base64Test, PublishedVectors) {
  const std::vector<std::pair<std::string, std::string>> vectors{
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), encoded);
    ASSERT_OK_AND_ASSIGN(const Bytes decoded, Base64Decode(encoded));
    EXPECT_EQ(AsText(decoded), plain);
  }
}

TEST(Base64Test, RefusesOtherForms) {
  EXPECT_THAT(Base64Decode("Zg="), StatusIs(kInvalid));
  EXPECT_THAT(Base64Decode("Zh=="), StatusIs(kInvalid));  // trailing bits
  EXPECT_THAT(Base64Decode("Zg==Zg=="), StatusIs(kInvalid));
  EXPECT_THAT(Base64Decode("Zm9\n"), StatusIs(kInvalid));
  EXPECT_THAT(Base64Decode("===="), StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation
