// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/vhd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/hex.h"
#include "common/status.h"

namespace constellation::cloud::azure {
namespace {

using ::testing::SizeIs;

TEST(VhdTest, FooterIsThatOfTheSpecification) {
  const std::string footer = VhdFooter(3 * kVhdAlignment, "id");
  ASSERT_THAT(footer, SizeIs(512));
  EXPECT_TRUE(footer.starts_with("conectix"));
  const auto hex = [&](size_t at, size_t size) {
    return HexEncode(AsBytes(std::string_view(footer).substr(at, size)));
  };
  EXPECT_EQ(hex(8, 8), "0000000200010000");
  EXPECT_EQ(hex(16, 8), "ffffffffffffffff");
  EXPECT_EQ(hex(40, 8), "0000000000300000") << "original size";
  EXPECT_EQ(hex(48, 8), "0000000000300000") << "current size";
  EXPECT_EQ(hex(60, 4), "00000002") << "fixed";
  uint32_t sum = 0;
  for (size_t i = 0; i < footer.size(); ++i) {
    sum += i >= 64 && i < 68 ? 0 : static_cast<uint8_t>(footer[i]);
  }
  EXPECT_EQ(hex(64, 4), [&] {
    const uint32_t want = ~sum;
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
      text += static_cast<char>((want >> static_cast<unsigned>(shift)) & 0xffU);
    }
    return HexEncode(AsBytes(text));
  }());
}

// The specification's own example of the calculation: 40 GiB is 65535 cylinders
// at most; small disks have 17 sectors a track and 4 heads.
TEST(VhdTest, GeometryOfSmallAndLargeDisks) {
  const auto geometry = [](uint64_t size) {
    return HexEncode(
        AsBytes(std::string_view(VhdFooter(size, "")).substr(56, 4)));
  };
  EXPECT_EQ(geometry(kVhdAlignment), "001e0411");  // 30 x 4 x 17
  EXPECT_EQ(geometry(uint64_t{200} << 30U), "ffff10ff");
  EXPECT_EQ(VhdDiskSize(1), kVhdAlignment);
  EXPECT_EQ(VhdDiskSize(kVhdAlignment), kVhdAlignment);
  EXPECT_EQ(VhdDiskSize(kVhdAlignment + 1), 2 * kVhdAlignment);
}

}  // namespace
}  // namespace constellation::cloud::azure
