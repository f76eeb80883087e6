// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/root_config.h"

#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "image/initrd/disks.h"

namespace constellation::image::initrd {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr std::string_view kHash =
    "00112233445566778899aabbccddeeff0102030405060708090a0b0c0d0e0f10";
constexpr std::string_view kVerity = "constellation.verity=47252,0a0b";

std::string Line(std::string_view hash = kHash,
                 std::string_view verity = kVerity) {
  return "console=ttyS0 roothash=" + std::string(hash) + " quiet " +
         std::string(verity) + "\n";
}

void ExpectRefused(const std::string& line, std::string_view why) {
  EXPECT_THAT(ParseRootConfig(line),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(std::string(why))));
}

TEST(RootConfigTest, ReadsHashAndParameters) {
  ASSERT_OK_AND_ASSIGN(const RootConfig config, ParseRootConfig(Line()));
  EXPECT_EQ(config.data_blocks, 47252U);
  EXPECT_EQ(config.salt, "0a0b");
  EXPECT_EQ(config.data_partition().ToString(),
            "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(config.hash_partition().ToString(),
            "01020304-0506-0708-090a-0b0c0d0e0f10");
}

TEST(RootConfigTest, TableHoldsEverythingTheKernelChecks) {
  ASSERT_OK_AND_ASSIGN(const RootConfig config, ParseRootConfig(Line()));
  EXPECT_EQ(VerityTable(config, "/dev/vda2", "/dev/vda3"),
            "1 /dev/vda2 /dev/vda3 4096 4096 47252 0 sha256 " +
                std::string(kHash) + " 0a0b 1 panic_on_corruption");
}

TEST(RootConfigTest, RejectsMissingWords) {
  ExpectRefused("", "roothash: missing");
  ExpectRefused("xroothash=00 roothash", "roothash: missing");
  ExpectRefused("roothash=" + std::string(kHash),
                "constellation.verity: missing");
}

TEST(RootConfigTest, RejectsRepeatedWords) {
  ExpectRefused(Line() + " roothash=" + std::string(kHash),
                "roothash: given twice");
  ExpectRefused(Line() + std::string(kVerity),
                "constellation.verity: given twice");
}

TEST(RootConfigTest, RejectsMalformedHash) {
  ExpectRefused(Line(kHash.substr(1)), "wanted 64 digits, got 63");
  ExpectRefused(Line(""), "wanted 64 digits, got 0");
  std::string upper(kHash);
  upper[20] = 'A';
  ExpectRefused(Line(upper), "lower-case");
}

TEST(RootConfigTest, RejectsMalformedParameters) {
  for (const std::string_view value :
       {"", "47252", "0,0a", "-1,0a", "4294967297,0a",
        "99999999999999999999,0a", "47252x,0a", " ,0a"}) {
    EXPECT_FALSE(ParseRootConfig(
                     Line(kHash, "constellation.verity=" + std::string(value)))
                     .ok())
        << value;
  }
}

TEST(RootConfigTest, RejectsMalformedSalt) {
  for (const std::string& salt : {std::string(), std::string("0"),
                                  std::string("0G"), std::string(514, '0')}) {
    ExpectRefused(Line(kHash, "constellation.verity=1," + salt), "wrong salt");
  }
}

TEST(DisksTest, PartitionNamesFollowTheKernel) {
  EXPECT_EQ(PartitionName("vda", 2), "vda2");
  EXPECT_EQ(PartitionName("nvme0n1", 3), "nvme0n1p3");
}

TEST(DisksTest, UnknownPartitionsAreNotFound) {
  EXPECT_THAT(FindRootDevices(measure::Guid{}, measure::Guid{}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("root hash")));
}

}  // namespace
}  // namespace constellation::image::initrd
