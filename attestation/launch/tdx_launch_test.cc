// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/tdx_launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "attestation/launch/testing/firmware_builder.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using testing::GoodTestFirmware;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;
using testing::TestFirmware;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Mrtd(const Bytes& bytes,
                 TdxPageOrder order = TdxPageOrder::kPageByPage) {
  const auto firmware = OvmfFirmware::Parse(bytes);
  EXPECT_THAT(firmware, IsOk());
  const auto mrtd = PredictTdxMrtd(*firmware, order);
  EXPECT_THAT(mrtd, IsOk());
  return HexEncode(mrtd.value_or(crypto::Sha384Digest{}));
}

// Computed by an independent program from the specification's text.
constexpr char kPageByPage[] =
    "ac2f25b9f9a3458d89ae9c1c8219368d2d43b24955fb6c3c"
    "11444ca32df1b425fda457d8563b376a97e639c2cc16000d";
constexpr char kAddThenExtend[] =
    "f6807fad2e648d2039b1561be4d4396db52c56da9c68fb0d"
    "d0632b323c9d61fe9ae1b076a6c68c621cd5a23c00c6dbff";

TEST(TdxMrtdTest, AgreesWithAnIndependentComputation) {
  const Bytes firmware = GoodTestFirmware().Build();
  EXPECT_EQ(Mrtd(firmware), kPageByPage);
  EXPECT_EQ(Mrtd(firmware, TdxPageOrder::kAddThenExtend), kAddThenExtend);
}

TEST(TdxMrtdTest, CountsCodeButNotConfiguration) {
  Bytes firmware = GoodTestFirmware().Build();
  const std::string genuine = Mrtd(firmware);
  firmware[0x2000] ^= 1U;  // code
  EXPECT_NE(Mrtd(firmware), genuine);
  firmware[0x2000] ^= 1U;
  firmware[0x1fff] ^= 1U;  // configuration volume: goes into RTMR0
  EXPECT_EQ(Mrtd(firmware), genuine);
}

TEST(TdxMrtdTest, CountsOrderAddressAndSizeOfSections) {
  const auto with = [](const std::vector<testing::TestTdvfSection>& sections) {
    TestFirmware firmware;
    firmware.WithTdvf(sections);
    return Mrtd(firmware.Build());
  };
  const testing::TestTdvfSection a{.gpa = 0x1000, .memory_size = 0x1000};
  const testing::TestTdvfSection b{.gpa = 0x2000, .memory_size = 0x1000};
  const testing::TestTdvfSection both{.gpa = 0x1000, .memory_size = 0x2000};
  EXPECT_NE(with({a, b}), with({b, a}));
  EXPECT_NE(with({a}), with({b}));
  EXPECT_EQ(with({a, b}), with({both}));
  testing::TestTdvfSection measured = a;
  measured.attributes = 1;
  EXPECT_NE(with({a}), with({measured}));
  testing::TestTdvfSection augmented = b;
  augmented.attributes = 2;
  EXPECT_EQ(with({a, augmented}), with({a}));
}

TEST(TdxMrtdTest, DataShorterThanMemoryIsFollowedByZeros) {
  const auto with = [](uint32_t data_size) {
    TestFirmware firmware;
    firmware.fill = 0;
    firmware.WithTdvf({{.data_offset = 0,
                        .data_size = data_size,
                        .gpa = 0x1000,
                        .memory_size = 0x2000,
                        .attributes = 1}});
    return Mrtd(firmware.Build());
  };
  EXPECT_EQ(with(0x2000), with(0x10));
}

TEST(TdxMrtdTest, RefusesFirmwareThatCannot) {
  TestFirmware none;
  const Bytes bytes = none.Build();
  EXPECT_THAT(PredictTdxMrtd(*OvmfFirmware::Parse(bytes)),
              StatusIs(kPrecondition, HasSubstr("no TDX metadata")));
  for (const uint32_t offset : {0x7001U, 0x8000U, 0xfffff001U}) {
    TestFirmware outside;
    outside.WithTdvf({{.data_offset = offset,
                       .data_size = 0x1000,
                       .gpa = 0x1000,
                       .memory_size = 0x1000}});
    const Bytes image = outside.Build();
    EXPECT_THAT(PredictTdxMrtd(*OvmfFirmware::Parse(image)),
                StatusIs(kInvalid, HasSubstr("outside of the firmware")))
        << offset;
  }
}

TEST(TdxMrtdTest, PredictsForTheInstalledFirmware) {
  std::ifstream file("/usr/share/ovmf/OVMF.fd", std::ios::binary);
  if (!file.good()) {
    GTEST_SKIP() << "NO FIRMWARE: package ovmf is not installed";
  }
  const Bytes bytes((std::istreambuf_iterator<char>(file)),
                    std::istreambuf_iterator<char>());
  const auto firmware = OvmfFirmware::Parse(bytes);
  ASSERT_THAT(firmware, IsOk());
  if (firmware->tdvf_sections().empty()) {
    GTEST_SKIP() << "NO METADATA: this OVMF is not built for TDX";
  }
  RecordProperty("mrtd", Mrtd(bytes));
  EXPECT_NE(Mrtd(bytes), Mrtd(bytes, TdxPageOrder::kAddThenExtend));
  EXPECT_THAT(TdxConfigurationVolumeDigest(*firmware), IsOk());
}

// --- RTMR0 --------------------------------------------------------------

TdxRtmr0Events AllEvents() {
  TdxRtmr0Events events;
  events.td_hob.emplace().fill(1);
  events.secure_boot = UnsetSecureBootDigests();
  events.acpi.emplace();
  events.boot_variables.emplace(2);
  return events;
}

absl::StatusOr<crypto::Sha384Digest> Rtmr0(const Bytes& bytes,
                                           const TdxRtmr0Events& events) {
  const auto firmware = OvmfFirmware::Parse(bytes);
  EXPECT_THAT(firmware, IsOk());
  return PredictTdxRtmr0(*firmware, events);
}

TEST(TdxRtmr0Test, NamesWhatCannotBePredicted) {
  const Bytes firmware = GoodTestFirmware().Build();
  EXPECT_THAT(Rtmr0(firmware, {}),
              StatusIs(kPrecondition,
                       HasSubstr("missing: hand-off table (memory map), secure "
                                 "boot variables, ACPI tables, boot "
                                 "variables")));
  TdxRtmr0Events events = AllEvents();
  EXPECT_THAT(Rtmr0(firmware, events), IsOk());
  events.acpi.reset();
  EXPECT_THAT(Rtmr0(firmware, events),
              StatusIs(kPrecondition, HasSubstr("missing: ACPI tables")));
  events = AllEvents();
  events.td_hob.reset();
  EXPECT_THAT(Rtmr0(firmware, events), StatusIs(kPrecondition));
  events = AllEvents();
  events.secure_boot.reset();
  EXPECT_THAT(Rtmr0(firmware, events), StatusIs(kPrecondition));
  events = AllEvents();
  events.boot_variables.reset();
  EXPECT_THAT(Rtmr0(firmware, events), StatusIs(kPrecondition));
}

TEST(TdxRtmr0Test, EveryPartCounts) {
  Bytes firmware = GoodTestFirmware().Build();
  const auto genuine = Rtmr0(firmware, AllEvents());
  ASSERT_THAT(genuine, IsOk());
  TdxRtmr0Events events = AllEvents();
  events.td_hob->at(0) ^= 1U;
  EXPECT_NE(*Rtmr0(firmware, events), *genuine);
  for (size_t i = 0; i < 5; ++i) {
    events = AllEvents();
    events.secure_boot->at(i).at(0) ^= 1U;
    EXPECT_NE(*Rtmr0(firmware, events), *genuine);
  }
  for (size_t i = 0; i < 3; ++i) {
    events = AllEvents();
    events.acpi->at(i).at(0) ^= 1U;
    EXPECT_NE(*Rtmr0(firmware, events), *genuine);
  }
  events = AllEvents();
  events.boot_variables->pop_back();
  EXPECT_NE(*Rtmr0(firmware, events), *genuine);
  firmware[0] ^= 1U;  // configuration volume
  EXPECT_NE(*Rtmr0(firmware, AllEvents()), *genuine);
}

TEST(TdxRtmr0Test, WantsOneConfigurationVolume) {
  TestFirmware none;
  none.WithTdvf({{.gpa = 0x1000, .memory_size = 0x1000}});
  EXPECT_THAT(Rtmr0(none.Build(), AllEvents()),
              StatusIs(kInvalid, HasSubstr("no configuration volume")));
  const testing::TestTdvfSection volume{
      .gpa = 0x1000, .memory_size = 0x1000, .type = 1};
  TestFirmware two;
  two.WithTdvf({volume, volume});
  EXPECT_THAT(Rtmr0(two.Build(), AllEvents()),
              StatusIs(kInvalid, HasSubstr("two configuration volumes")));
}

// These digests stand in every log of a machine without secure boot keys.
TEST(TdxRtmr0Test, UnsetVariablesHaveTheDigestsOfRealLogs) {
  const auto digests = UnsetSecureBootDigests();
  const char* const want[] = {"9dc3a1f80bcec915", "6f2e3cbc14f9def8",
                              "d607c0efb41c0d75", "08a74f8963b337ac",
                              "18cc6e01f0c6ea99"};
  for (size_t i = 0; i < digests.size(); ++i) {
    EXPECT_EQ(HexEncode(digests.at(i)).substr(0, 16), want[i]);
  }
}

}  // namespace
}  // namespace constellation::attestation
