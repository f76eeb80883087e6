// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/state_disk/testing/fake_device_mapper.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

DiskKeys Keys() {
  DiskKeys keys;
  keys.encryption = SecretBytes(Bytes(64, 0xA1));
  keys.integrity = SecretBytes(Bytes(32, 0xB2));
  keys.journal_mac = SecretBytes(Bytes(32, 0xC3));
  return keys;
}

std::string Repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

std::string Parameters(const DmTarget& target) {
  return std::string(AsText(target.parameters.Expose()));
}

TEST(TablesTest, BuildsTheIntegrityTable) {
  const auto target = IntegrityTarget("/dev/vdb", 1000, Keys());
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->type, "integrity");
  EXPECT_EQ(target->sectors, 1000U);
  EXPECT_EQ(Parameters(*target),
            "/dev/vdb 2048 32 J 7 block_size:4096 journal_sectors:65536 "
            "interleave_sectors:32768 fix_padding fix_hmac "
            "internal_hash:hmac(sha256):" +
                Repeat("b2", 32) +
                " journal_mac:hmac(sha256):" + Repeat("c3", 32));
}

TEST(TablesTest, BuildsTheCryptTable) {
  const auto target = CryptTarget("/dev/dm-0", 1000, Keys());
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->type, "crypt");
  EXPECT_EQ(Parameters(*target),
            "aes-xts-plain64 " + Repeat("a1", 64) +
                " 0 /dev/dm-0 0 3 sector_size:4096 no_read_workqueue "
                "no_write_workqueue");
}

TEST(TablesTest, RefusesDevicesThatBreakTheSyntax) {
  for (const std::string_view device :
       {"", "vdb", "/dev/vd b", "/dev/vdb\n", "/dev/vdb;", "/etc/passwd"}) {
    EXPECT_THAT(IntegrityTarget(device, 1, Keys()),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(CryptTarget(device, 1, Keys()),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(TablesTest, RefusesKeysOfAnotherSize) {
  DiskKeys keys = Keys();
  keys.encryption = SecretBytes(32);
  EXPECT_THAT(
      CryptTarget("/dev/dm-0", 1, keys),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("encryption")));
  keys.integrity = SecretBytes(16);
  EXPECT_THAT(
      IntegrityTarget("/dev/vdb", 1, keys),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("integrity")));
  keys = Keys();
  keys.journal_mac = SecretBytes(16);
  EXPECT_THAT(
      IntegrityTarget("/dev/vdb", 1, keys),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("journal")));
}

absl::Status Check(const std::string& table) {
  return CheckActiveIntegrityTable(SecretBytes(AsBytes(table)));
}

std::string Without(std::string table, const std::string& word) {
  return table.erase(table.find(word), word.size());
}

TEST(TablesTest, AcceptsTheKernelsTable) {
  EXPECT_THAT(Check(testing::KernelTable()), IsOk());
}

TEST(TablesTest, RefusesATableWithoutAnyOfOurParameters) {
  for (const std::string word :
       {" block_size:4096", " journal_sectors:65472",
        " interleave_sectors:32768", " fix_padding", " fix_hmac"}) {
    EXPECT_THAT(
        Check(Without(testing::KernelTable(), word)),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr(word.substr(1))));
  }
}

TEST(TablesTest, RefusesATableWithWordsThatOnlyBeginAlike) {
  std::string table = testing::KernelTable();
  table.replace(table.find("fix_hmac"), 8, "fix_hmacs");
  EXPECT_THAT(Check(table), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(TablesTest, RefusesRecalculation) {
  for (const std::string word :
       {" recalculate", " reset_recalculate", " legacy_recalculate"}) {
    EXPECT_THAT(Check(testing::KernelTable() + word),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(TablesTest, ErrorsShowNoKey) {
  DiskKeys keys = Keys();
  keys.journal_mac = SecretBytes(Bytes(31, 0xC3));
  const auto status = IntegrityTarget("/dev/vdb", 1, keys).status();
  EXPECT_THAT(status.ToString(), Not(HasSubstr("b2b2")));
  EXPECT_THAT(status.ToString(), Not(HasSubstr("c3c3")));
}

TEST(TablesTest, DescribesEveryConstant) {
  EXPECT_EQ(DescribeParameters(),
            "integrity 2048 32 J block_size:4096 journal_sectors:65536 "
            "interleave_sectors:32768 fix_padding fix_hmac hmac(sha256); crypt "
            "aes-xts-plain64 512 sector_size:4096");
}

}  // namespace
}  // namespace constellation::disk_mapper
