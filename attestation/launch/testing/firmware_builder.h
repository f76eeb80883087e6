// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAUNCH_TESTING_FIRMWARE_BUILDER_H_
#define CONSTELLATION_ATTESTATION_LAUNCH_TESTING_FIRMWARE_BUILDER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/hex.h"

// Guest firmware with any tables, right or wrong. For tests only.
namespace constellation::testing {

struct TestSevSection {
  uint32_t gpa = 0x800000;
  uint32_t size = 0x1000;
  uint32_t type = 1;
};
struct TestTdvfSection {
  uint32_t data_offset = 0;
  uint32_t data_size = 0;
  uint64_t gpa = 0;
  uint64_t memory_size = 0;
  uint32_t type = 3;
  uint32_t attributes = 0;
};

// A descriptor: optional parts replace what fits.
struct TestDescriptor {
  std::string signature;
  std::optional<uint32_t> size = {};
  uint32_t version = 1;
  std::optional<uint32_t> count = {};
};

struct TestFirmware {
  size_t size = 0x8000;
  uint8_t fill = 0x5a;  // every octet without other meaning
  // {GUID in the file's order as hex, data}, first to last as in the file.
  std::vector<std::pair<std::string, Bytes>> entries = {};
  std::optional<uint16_t> table_size = {};

  // Adds the usual entries; the descriptors lie in the last but one page.
  TestFirmware& WithApReset(uint32_t eip);
  TestFirmware& WithKernelHashes(uint32_t gpa, uint32_t size);
  TestFirmware& WithSev(const std::vector<TestSevSection>& sections,
                        TestDescriptor descriptor = {.signature = "ASEV"});
  TestFirmware& WithTdvf(const std::vector<TestTdvfSection>& sections,
                         TestDescriptor descriptor = {.signature = "TDVF"});

  Bytes Build() const;

  // {distance from the end, octets}.
  std::vector<std::pair<uint32_t, Bytes>> descriptors = {};
};

// What OVMF for both kinds of guests looks like, 32 KiB: configuration volume
// of two pages, the rest code.
TestFirmware GoodTestFirmware();

inline constexpr char kTestApResetGuid[] = "de71f7007e1acb4f890e68c77e2fb44e";
inline constexpr char kTestHashesGuid[] = "1f3755723b3a044b927b1da6efa8d454";
inline constexpr char kTestSevGuid[] = "666588dc4a989847a75e5585a7bf67cc";
inline constexpr char kTestTdxGuid[] = "35657ae44a989847865e4685a7bf8ec2";

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_LAUNCH_TESTING_FIRMWARE_BUILDER_H_
