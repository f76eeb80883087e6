// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/ovmf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "attestation/launch/snp_launch.h"
#include "attestation/launch/tdx_launch.h"
#include "attestation/launch/testing/firmware_builder.h"
#include "attestation/testing/byte_image.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using testing::GoodTestFirmware;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;
using testing::TestDescriptor;
using testing::TestFirmware;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::Status ParseStatus(const Bytes& bytes) {
  return OvmfFirmware::Parse(bytes).status();
}

TEST(OvmfTest, ReadsEveryTable) {
  const Bytes bytes = GoodTestFirmware().Build();
  const auto firmware = OvmfFirmware::Parse(bytes);
  ASSERT_THAT(firmware, IsOk());
  EXPECT_EQ(firmware->gpa(), 0xffff8000);
  EXPECT_EQ(firmware->ap_reset_eip(), 0x80b004);
  ASSERT_TRUE(firmware->kernel_hash_table().has_value());
  EXPECT_EQ(firmware->kernel_hash_table()->gpa, 0x810c00);
  EXPECT_EQ(firmware->kernel_hash_table()->size, 0x400);
  ASSERT_EQ(firmware->sev_sections().size(), 6);
  EXPECT_EQ(firmware->sev_sections()[0].size, 0x9000);
  EXPECT_EQ(firmware->sev_sections()[4].type, SevSectionType::kKernelHashes);
  ASSERT_EQ(firmware->tdvf_sections().size(), 4);
  EXPECT_TRUE(firmware->tdvf_sections()[0].extends_mrtd);
  EXPECT_EQ(firmware->tdvf_sections()[0].data_offset, 0x2000);
  EXPECT_FALSE(firmware->tdvf_sections()[1].extends_mrtd);
  EXPECT_EQ(firmware->tdvf_sections()[1].type,
            TdvfSectionType::kConfigurationFirmwareVolume);
}

TEST(OvmfTest, AbsentTablesAreAbsent) {
  const Bytes bytes = TestFirmware().Build();
  const auto firmware = OvmfFirmware::Parse(bytes);
  ASSERT_THAT(firmware, IsOk());
  EXPECT_FALSE(firmware->ap_reset_eip().has_value());
  EXPECT_FALSE(firmware->kernel_hash_table().has_value());
  EXPECT_TRUE(firmware->sev_sections().empty());
  EXPECT_TRUE(firmware->tdvf_sections().empty());
}

TEST(OvmfTest, AZeroHashTableCountsAsAbsent) {
  TestFirmware firmware;
  firmware.WithKernelHashes(0, 0);
  const Bytes bytes = firmware.Build();
  EXPECT_FALSE(OvmfFirmware::Parse(bytes)->kernel_hash_table().has_value());
}

TEST(OvmfTest, SkipsUnknownEntries) {
  TestFirmware firmware;
  firmware.entries = {{std::string(32, '7'), Bytes(5)}};
  firmware.WithApReset(3);
  const Bytes bytes = firmware.Build();
  const auto parsed = OvmfFirmware::Parse(bytes);
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->ap_reset_eip(), 3);
}

TEST(OvmfTest, RefusesOtherSizes) {
  EXPECT_THAT(ParseStatus({}), StatusIs(kInvalid));
  const Bytes good = GoodTestFirmware().Build();
  EXPECT_THAT(ParseStatus(Bytes(good.begin() + 1, good.end())),
              StatusIs(kInvalid, HasSubstr("multiple of 4096")));
  Bytes large(kMaxFirmwareSize);
  large.insert(large.end(), good.begin(), good.end());
  EXPECT_THAT(ParseStatus(large), StatusIs(kInvalid));
}

TEST(OvmfTest, RefusesAMissingFooter) {
  Bytes bytes = GoodTestFirmware().Build();
  bytes[bytes.size() - 33] ^= 1U;
  EXPECT_THAT(ParseStatus(bytes), StatusIs(kInvalid, HasSubstr("no table")));
}

TEST(OvmfTest, RefusesTableSizesThatDoNotFit) {
  TestFirmware firmware;
  firmware.WithApReset(1);
  const std::pair<int, const char*> wrong[] = {
      {0, "firmware table: want 18 to 32736 bytes, got 0"},
      {17, "firmware table: want 18 to 32736 bytes, got 17"},
      {0xffff, "firmware table: want 18 to 32736 bytes, got 65535"},
      {19, "1 bytes left, too few for an entry"},
      {35, "17 bytes left, too few for an entry"},
      {39, "firmware table entry: want 18 to 21 bytes, got 22"},
      {41, "1 bytes left, too few for an entry"}};
  for (const auto& [size, why] : wrong) {
    firmware.table_size = static_cast<uint16_t>(size);
    EXPECT_THAT(ParseStatus(firmware.Build()),
                StatusIs(kInvalid, HasSubstr(why)));
  }
  firmware.table_size = 18;  // no entries
  EXPECT_THAT(ParseStatus(firmware.Build()), IsOk());
}

TEST(OvmfTest, RefusesEntrySizesThatDoNotFit) {
  TestFirmware firmware;
  firmware.WithApReset(1);
  Bytes bytes = firmware.Build();
  const size_t at = bytes.size() - 32 - 18 - 18;  // size of the only entry
  ASSERT_EQ(bytes[at], 22);
  for (const int size : {0, 17, 23, 255}) {
    bytes[at] = static_cast<uint8_t>(size);
    EXPECT_THAT(ParseStatus(bytes),
                StatusIs(kInvalid, HasSubstr("entry: want 18 to 22 bytes")))
        << size;
  }
  bytes[at] = 21;
  EXPECT_THAT(ParseStatus(bytes),
              StatusIs(kInvalid, HasSubstr("AP reset entry")));
}

TEST(OvmfTest, RefusesAnEntryTwice) {
  TestFirmware firmware;
  firmware.WithApReset(1).WithApReset(1);
  EXPECT_THAT(ParseStatus(firmware.Build()),
              StatusIs(kInvalid, HasSubstr("twice")));
}

TEST(OvmfTest, RefusesKnownEntriesOfOtherSizes) {
  for (const char* guid : {testing::kTestApResetGuid, testing::kTestHashesGuid,
                           testing::kTestSevGuid, testing::kTestTdxGuid}) {
    for (const size_t size : {0U, 3U, 5U, 7U, 9U}) {
      TestFirmware firmware;
      firmware.entries = {{guid, Bytes(size, 1)}};
      EXPECT_THAT(ParseStatus(firmware.Build()), StatusIs(kInvalid))
          << guid << " " << size;
    }
  }
}

TEST(OvmfTest, RefusesDescriptorsOutsideTheFile) {
  for (const char* guid : {testing::kTestSevGuid, testing::kTestTdxGuid}) {
    const std::pair<uint32_t, const char*> wrong[] = {
        {0, "want a distance of 1 to 32768"},
        {0x8001, "want a distance of 1 to 32768"},
        {0xffffffff, "want a distance of 1 to 32768"},
        {1, "metadata"},
        {15, "metadata"}};
    for (const auto& [distance, why] : wrong) {
      TestFirmware firmware;
      firmware.entries = {{guid, testing::LittleEndian(distance)}};
      EXPECT_THAT(ParseStatus(firmware.Build()),
                  StatusIs(kInvalid, HasSubstr(why)))
          << guid << " " << distance;
    }
  }
}

TEST(OvmfTest, RefusesWrongDescriptorHeaders) {
  const TestDescriptor wrong[] = {
      {.signature = "ASEW"},
      {.signature = "ASEV", .version = 2},
      {.signature = "ASEV", .size = 27},
      {.signature = "ASEV", .size = 29},
      {.signature = "ASEV", .count = 0},
      {.signature = "ASEV", .count = 2},
      {.signature = "ASEV", .size = 16, .count = 0},
      {.signature = "ASEV", .size = 16 + 65 * 12, .count = 65},
      // 16 + count * 12 wraps to 16 + 12.
      {.signature = "ASEV", .size = 28, .count = 0x40000001},
  };
  for (const TestDescriptor& descriptor : wrong) {
    const bool named =
        descriptor.signature == "ASEV" && descriptor.version == 1;
    const char* const why =
        named ? "want 1 to 64 sections and a size that fits" : "want signature";
    TestFirmware sev;
    sev.WithSev({{}}, descriptor);
    EXPECT_THAT(ParseStatus(sev.Build()), StatusIs(kInvalid, HasSubstr(why)));
    TestDescriptor tdx = descriptor;
    tdx.signature = descriptor.signature == "ASEV" ? "TDVF" : "TDVG";
    if (tdx.size == 16 + 65 * 12) {
      tdx.size = 16 + 65 * 32;
    }
    TestFirmware tdvf;
    tdvf.WithTdvf({{.gpa = 0x1000, .memory_size = 0x1000}}, tdx);
    EXPECT_THAT(ParseStatus(tdvf.Build()), StatusIs(kInvalid, HasSubstr(why)));
  }
}

TEST(OvmfTest, RefusesWrongSevSections) {
  const testing::TestSevSection wrong[] = {
      {.gpa = 0x800001},
      {.size = 0},
      {.size = 0x1001},
      {.gpa = 0xfffff000, .size = 0x2000},
      {.type = 0},
      {.type = 5},
      {.type = 0x11},
      {.size = 0x4001000},  // more than all sections may have
  };
  for (const auto& section : wrong) {
    TestFirmware firmware;
    firmware.WithSev({section});
    EXPECT_THAT(ParseStatus(firmware.Build()), StatusIs(kInvalid))
        << section.gpa << " " << section.size << " " << section.type;
  }
  TestFirmware sum;
  sum.WithSev({{.size = 0x2001000}, {.size = 0x2000000}});
  EXPECT_THAT(ParseStatus(sum.Build()),
              StatusIs(kInvalid, HasSubstr("in all sections")));
}

TEST(OvmfTest, RefusesWrongTdvfSections) {
  const testing::TestTdvfSection wrong[] = {
      {.gpa = 0x1001, .memory_size = 0x1000},
      {.gpa = 0x1000, .memory_size = 0},
      {.gpa = 0x1000, .memory_size = 0x1001},
      {.gpa = 0xfffffffffffff000, .memory_size = 0x2000},
      {.data_size = 0x1001, .gpa = 0x1000, .memory_size = 0x1000},
      {.gpa = 0x1000, .memory_size = 0x1000, .type = 7},
      {.gpa = 0x1000, .memory_size = 0x1000, .attributes = 4},
      {.gpa = 0x1000, .memory_size = 0x1000, .attributes = 3},
      {.data_size = 1, .gpa = 0x1000, .memory_size = 0x1000, .attributes = 2},
      {.gpa = 0x1000, .memory_size = 0x4001000},
  };
  for (const auto& section : wrong) {
    TestFirmware firmware;
    firmware.WithTdvf({section});
    EXPECT_THAT(ParseStatus(firmware.Build()), StatusIs(kInvalid))
        << section.gpa << " " << section.memory_size << " " << section.type;
  }
  // Memory that is added after launch is not prepared, so it may be large.
  TestFirmware augmented;
  augmented.WithTdvf(
      {{.gpa = 0x1000, .memory_size = 0x80000000, .type = 4, .attributes = 2}});
  EXPECT_THAT(ParseStatus(augmented.Build()), IsOk());
}

TEST(OvmfTest, TruncationNeverPasses) {
  const Bytes good = GoodTestFirmware().Build();
  for (size_t pages = 1; pages < good.size() / kPageSize; ++pages) {
    // Only the start: there is no footer.
    EXPECT_THAT(
        ParseStatus(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(
                                                           pages * kPageSize))),
        StatusIs(kInvalid));
  }
}

// Whatever is flipped in the tables is refused or changes a prediction, or
// lies in a part that neither kind of guest measures and nothing reads.
TEST(OvmfTest, AFlippedBitNeverStaysUnseen) {
  const Bytes good = GoodTestFirmware().Build();
  const auto predict = [](const Bytes& bytes) -> std::string {
    const auto firmware = OvmfFirmware::Parse(bytes);
    if (!firmware.ok()) {
      return "refused";
    }
    const auto snp = PredictSnpLaunchDigest(*firmware, {.vmm = SnpVmm::kQemu,
                                                        .vcpus = 2,
                                                        .cpu_signature = 1,
                                                        .direct_boot = {},
                                                        .firmware_digest = {}});
    const auto tdx = PredictTdxMrtd(*firmware);
    return (snp.ok() ? HexEncode(*snp) : "none") +
           (tdx.ok() ? HexEncode(*tdx) : "none");
  };
  const std::string genuine = predict(good);
  size_t refused = 0;
  for (size_t at = good.size() - 0x1800; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; bit += 3) {
      Bytes changed = good;
      changed[at] = static_cast<uint8_t>(changed[at] ^ 1U << bit);
      const std::string got = predict(changed);
      EXPECT_NE(got, genuine) << at;
      refused += got == "refused" ? 1 : 0;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(OvmfVectorsTest, ReadsRealTables) {
  if (!testing::VectorsFolder().has_value()) {
    GTEST_SKIP() << testing::kNoVectors;
  }
  size_t count = 0;
  for (const auto& entry : testing::VectorEntries("snp/ovmf-")) {
    const Bytes bytes = testing::ReadVector(entry["path"]);
    const auto firmware = OvmfFirmware::Parse(bytes);
    ASSERT_THAT(firmware, IsOk()) << entry["path"];
    EXPECT_TRUE(firmware->ap_reset_eip().has_value());
    EXPECT_GE(firmware->sev_sections().size(), 5);
    EXPECT_GE(firmware->tdvf_sections().size(), 5);
    // These files are only the ends of firmware.
    EXPECT_THAT(PredictTdxMrtd(*firmware),
                StatusIs(kInvalid, HasSubstr("outside of the firmware")));
    ++count;
  }
  EXPECT_GE(count, 2);
}

}  // namespace
}  // namespace constellation::attestation
