// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/certificate_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

const Bytes kVcek = {1, 2, 3};
const Bytes kAsk = {4, 5};
const Bytes kArk = {6};

// VCEK, ASK, ARK: entries at 0, 24 and 48, the end at 72, contents from 96 on.
Bytes Table() {
  return BuildSnpCertificateTable(
      {.vcek = kVcek, .vlek = {}, .ask = kAsk, .ark = kArk});
}

absl::Status ParseWith(size_t offset, uint8_t value) {
  Bytes table = Table();
  table.at(offset) = value;
  return SnpCertificateTableUnverified::Parse(table).status();
}

TEST(CertificateTableTest, FindsEveryCertificate) {
  const Bytes table = Table();
  ASSERT_EQ(table.size(), 102U);
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SnpCertificateTableUnverified::Parse(table));
  EXPECT_THAT(found.vcek, ElementsAre(1, 2, 3));
  EXPECT_THAT(found.vlek, IsEmpty());
  EXPECT_THAT(found.ask, ElementsAre(4, 5));
  EXPECT_THAT(found.ark, ElementsAre(6));
}

TEST(CertificateTableTest, GuidsAreInTextualOrder) {
  const Bytes table = Table();
  EXPECT_EQ(HexEncode(std::span(table).first(16)),
            "63da758de6644564adc5f4b93be8accd");
  EXPECT_EQ(HexEncode(kSnpGuidVlek), "a8074bc2a25a483eaae639c045a0b8a1");
  EXPECT_EQ(HexEncode(kSnpGuidAsk), "4ab7b379bbac4fe4a02f05aef327c782");
  EXPECT_EQ(HexEncode(kSnpGuidArk), "c0b406a4a803495297433fb6014cd0ae");
}

TEST(CertificateTableTest, AnEmptyTableHasNothing) {
  ASSERT_OK_AND_ASSIGN(const auto none,
                       SnpCertificateTableUnverified::Parse({}));
  EXPECT_THAT(none.vcek, IsEmpty());
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(Bytes(24)), IsOk());
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(Bytes(4096)), IsOk());
}

TEST(CertificateTableTest, OtherGuidsAreSkipped) {
  Bytes table = Table();
  table[0] ^= 1U;
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SnpCertificateTableUnverified::Parse(table));
  EXPECT_THAT(found.vcek, IsEmpty());
  EXPECT_THAT(found.ask, ElementsAre(4, 5));
}

TEST(CertificateTableTest, PaddingMayFollow) {
  Bytes table = Table();
  table.resize(4096);
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(table), IsOk());
}

TEST(CertificateTableTest, RejectsTablesWithoutAnEnd) {
  const Bytes table = Table();
  for (size_t size = 1; size < 96; ++size) {
    EXPECT_THAT(
        SnpCertificateTableUnverified::Parse(std::span(table).first(size)),
        StatusIs(kInvalid))
        << size;
  }
}

TEST(CertificateTableTest, RejectsContentsOutside) {
  const Bytes table = Table();
  for (size_t size = 96; size < 102; ++size) {
    EXPECT_THAT(
        SnpCertificateTableUnverified::Parse(std::span(table).first(size)),
        StatusIs(kInvalid, HasSubstr("want contents between 96 and ")))
        << size;
  }
  // Offsets and lengths that add up to more than 2^32.
  EXPECT_THAT(ParseWith(19, 0xff), StatusIs(kInvalid));
  EXPECT_THAT(ParseWith(23, 0xff), StatusIs(kInvalid));
  Bytes both = table;
  std::fill_n(both.begin() + 16, 8, uint8_t{0xff});
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(both), StatusIs(kInvalid));
  both[16] = 102;  // at the very end, one octet
  both[17] = both[18] = both[19] = both[21] = both[22] = both[23] = 0;
  both[20] = 1;
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(both), StatusIs(kInvalid));
}

TEST(CertificateTableTest, RejectsContentsOverTheEntries) {
  EXPECT_THAT(ParseWith(16, 95), StatusIs(kInvalid, HasSubstr("got 3 octets "
                                                              "at 95")));
  EXPECT_THAT(ParseWith(16, 0), StatusIs(kInvalid));
}

TEST(CertificateTableTest, RejectsEmptyContents) {
  EXPECT_THAT(ParseWith(20, 0), StatusIs(kInvalid, HasSubstr("got 0 octets")));
}

TEST(CertificateTableTest, RejectsAGuidGivenTwice) {
  Bytes table = Table();
  std::copy_n(table.begin(), 16, table.begin() + 24);
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(table),
              StatusIs(kInvalid, HasSubstr("occurs twice")));
}

TEST(CertificateTableTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(
      SnpCertificateTableUnverified::Parse(Bytes(kMaxSnpCertificateTableSize)),
      IsOk());
  EXPECT_THAT(SnpCertificateTableUnverified::Parse(
                  Bytes(kMaxSnpCertificateTableSize + 1)),
              StatusIs(kInvalid, HasSubstr("at most 65536 octets")));
}

}  // namespace
}  // namespace constellation::attestation
