// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/shown.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "cli/testing/shown_fields.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using testing::FieldOf;

TEST(ShownTest, FieldsReadAsPeopleExpect) {
  Decoded decoded;
  const uint8_t octets[] = {0xab, 0x01};
  decoded.Add("part")
      .Text("text", "x")
      .Hex("hex", octets)
      .Number("number", std::numeric_limits<uint64_t>::max())
      .HexNumber("hex number", 255)
      .YesNo("yes", true)
      .YesNo("no", false)
      .Time("time", absl::FromUnixSeconds(1800000000));
  EXPECT_EQ(FieldOf(decoded, "text"), "x");
  EXPECT_EQ(FieldOf(decoded, "hex"), "ab01");
  EXPECT_EQ(FieldOf(decoded, "number"), "18446744073709551615");
  EXPECT_EQ(FieldOf(decoded, "hex number"), "0xff");
  EXPECT_EQ(FieldOf(decoded, "yes"), "yes");
  EXPECT_EQ(FieldOf(decoded, "no"), "no");
  EXPECT_EQ(FieldOf(decoded, "time"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(decoded.parts[0].title(), "part");
}

TEST(ShownTest, TimesWithoutEndAreDashes) {
  EXPECT_EQ(ShownTime(absl::InfinitePast()), "-");
  EXPECT_EQ(ShownTime(absl::InfiniteFuture()), "-");
}

// A hostile file must not make an answer much larger than itself.
TEST(ShownTest, ValuesAreCutAt4096Characters) {
  ShownPart part("p");
  part.Text("exact", std::string(4096, 'a'));
  part.Text("over", std::string(4097, 'a'));
  EXPECT_EQ(part.fields()[0].value, std::string(4096, 'a'));
  EXPECT_EQ(part.fields()[1].value, std::string(4096, 'a') + ".. (1 more)");
}

TEST(ShownTest, OctetsAreCutAt2048) {
  ShownPart part("p");
  part.Hex("exact", Bytes(2048, 0xaa));
  part.Hex("over", Bytes(2049, 0xaa));
  EXPECT_EQ(part.fields()[0].value, std::string(4096, 'a'));
  EXPECT_EQ(part.fields()[1].value,
            std::string(4064, 'a') + ".. (2049 octets)");
}

TEST(ShownTest, FieldsBeyond4096AreCounted) {
  ShownPart part("p");
  for (int i = 0; i < 4099; ++i) {
    part.Number("n", 1);
  }
  EXPECT_EQ(part.fields().size(), 4096U);
  EXPECT_EQ(part.omitted(), 3U);
}

}  // namespace
}  // namespace constellation::cli
