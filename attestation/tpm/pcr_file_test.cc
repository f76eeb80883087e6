// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/pcr_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr size_t kListsOffset = 4 + 16 * 8;
constexpr size_t kListSize = 4 + 8 * 66;

// A file with SHA-1:0,9 and SHA-256:1-9 (11 digests, so two lists).
Bytes Good() {
  Bytes file(kListsOffset + 4 + 2 * kListSize, 0);
  file[0] = 2;
  file[4] = kTpmAlgSha1;
  file[6] = 3;
  file[7] = 0x01;
  file[8] = 0x02;
  file[12] = kTpmAlgSha256;
  file[14] = 3;
  file[15] = 0xfe;
  file[16] = 0x03;
  file[kListsOffset] = 2;
  for (size_t i = 0; i < 11; ++i) {
    const size_t list = kListsOffset + 4 + i / 8 * kListSize;
    file[list] = static_cast<uint8_t>(i < 8 ? 8 : 3);
    const size_t slot = list + 4 + i % 8 * 66;
    const size_t size = i < 2 ? 20 : 32;
    file[slot] = static_cast<uint8_t>(size);
    std::fill_n(file.begin() + static_cast<ptrdiff_t>(slot) + 2, size,
                static_cast<uint8_t>(0x10 + i));
  }
  return file;
}

TEST(PcrFileTest, ReadsBanksOverSeveralLists) {
  const Bytes file = Good();
  ASSERT_OK_AND_ASSIGN(const auto banks, ParsePcrFileUnverified(file));
  ASSERT_EQ(banks.size(), 2U);
  EXPECT_EQ(banks[0].hash_algorithm, kTpmAlgSha1);
  ASSERT_EQ(banks[0].registers.size(), 2U);
  EXPECT_EQ(banks[0].registers[1].index, 9U);
  EXPECT_EQ(banks[0].registers[1].value.size(), 20U);
  ASSERT_EQ(banks[1].registers.size(), 9U);
  EXPECT_EQ(banks[1].registers[8].index, 9U);
  EXPECT_EQ(banks[1].registers[8].value[0], 0x1a);
}

TEST(PcrFileTest, RefusesEveryOtherLength) {
  Bytes file = Good();
  for (size_t size = 0; size < file.size(); size += 11) {
    EXPECT_THAT(ParsePcrFileUnverified(std::span(file).first(size)),
                StatusIs(kInvalid))
        << size;
  }
  file.push_back(0);
  EXPECT_THAT(ParsePcrFileUnverified(file),
              StatusIs(kInvalid, HasSubstr("PCR file: want the end")));
}

struct Spoilt {
  size_t offset;
  uint8_t value;
  const char* message;
};

class SpoiltPcrFileTest : public ::testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltPcrFileTest, IsRefused) {
  Bytes file = Good();
  file[GetParam().offset] = GetParam().value;
  EXPECT_THAT(ParsePcrFileUnverified(file),
              StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, SpoiltPcrFileTest,
    ::testing::Values(
        Spoilt{0, 17, "banks: want at most 16, got 17"},
        Spoilt{6, 5, "sizeofSelect: want at most 4, got 5"},
        Spoilt{4, 0x77, "want a known hash, got 0x0077"},
        Spoilt{kListsOffset, 65, "digest lists: want at most 64"},
        Spoilt{kListsOffset + 4, 9, "digests: want at most 8, got 9"},
        Spoilt{kListsOffset + 8, 65, "digest size: want at most 64, got 65"},
        Spoilt{kListsOffset + 8, 32, "sha1:0: want a digest of 20 bytes"},
        Spoilt{kListsOffset + 4 + kListSize, 2, "got none"},
        Spoilt{7, 0x00, "sha256:1: want a digest of 32 bytes, got 20"},
        Spoilt{16, 0x01, "digests: want the 10 selected, got 11"}));

}  // namespace
}  // namespace constellation::attestation
