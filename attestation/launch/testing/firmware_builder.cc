// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/testing/firmware_builder.h"

#include "attestation/testing/byte_image.h"

namespace constellation::testing {
namespace {

constexpr char kFooterGuid[] = "de82b596b21ff745baeaa366c55a082d";
constexpr uint32_t kSevDistance = 0x1800;
constexpr uint32_t kTdvfDistance = 0x1400;

void Append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

Bytes Descriptor(const TestDescriptor& fields, size_t count,
                 const Bytes& sections) {
  const auto size = static_cast<uint32_t>(16 + sections.size());
  Bytes bytes(fields.signature.begin(), fields.signature.end());
  Append(bytes, LittleEndian(fields.size.value_or(size)));
  Append(bytes, LittleEndian(fields.version));
  Append(bytes,
         LittleEndian(fields.count.value_or(static_cast<uint32_t>(count))));
  Append(bytes, sections);
  return bytes;
}

}  // namespace

TestFirmware& TestFirmware::WithApReset(uint32_t eip) {
  entries.emplace_back(kTestApResetGuid, LittleEndian(eip));
  return *this;
}

TestFirmware& TestFirmware::WithKernelHashes(uint32_t gpa,
                                             uint32_t table_bytes) {
  Bytes data = LittleEndian(gpa);
  Append(data, LittleEndian(table_bytes));
  entries.emplace_back(kTestHashesGuid, data);
  return *this;
}

TestFirmware& TestFirmware::WithSev(const std::vector<TestSevSection>& sections,
                                    TestDescriptor descriptor) {
  Bytes bytes;
  for (const TestSevSection& section : sections) {
    Append(bytes, LittleEndian(section.gpa));
    Append(bytes, LittleEndian(section.size));
    Append(bytes, LittleEndian(section.type));
  }
  entries.emplace_back(kTestSevGuid, LittleEndian(kSevDistance));
  descriptors.emplace_back(kSevDistance,
                           Descriptor(descriptor, sections.size(), bytes));
  return *this;
}

TestFirmware& TestFirmware::WithTdvf(
    const std::vector<TestTdvfSection>& sections, TestDescriptor descriptor) {
  Bytes bytes;
  for (const TestTdvfSection& section : sections) {
    Append(bytes, LittleEndian(section.data_offset));
    Append(bytes, LittleEndian(section.data_size));
    Append(bytes, LittleEndian(section.gpa));
    Append(bytes, LittleEndian(section.memory_size));
    Append(bytes, LittleEndian(section.type));
    Append(bytes, LittleEndian(section.attributes));
  }
  entries.emplace_back(kTestTdxGuid, LittleEndian(kTdvfDistance));
  descriptors.emplace_back(kTdvfDistance,
                           Descriptor(descriptor, sections.size(), bytes));
  return *this;
}

Bytes TestFirmware::Build() const {
  Bytes table;
  for (const auto& [guid, data] : entries) {
    Append(table, data);
    Append(table, LittleEndian(static_cast<uint16_t>(data.size() + 18)));
    Append(table, HexDecode(guid).value());
  }
  Append(table, LittleEndian(table_size.value_or(
                    static_cast<uint16_t>(table.size() + 18))));
  Append(table, HexDecode(kFooterGuid).value());
  ByteImage image(Bytes(size, fill));
  image.Put(size - 32 - table.size(), table);
  for (const auto& [distance, bytes] : descriptors) {
    image.Put(size - distance, bytes);
  }
  return image.Take();
}

TestFirmware GoodTestFirmware() {
  TestFirmware firmware;
  const uint64_t gpa = (uint64_t{1} << 32U) - firmware.size;
  firmware.WithApReset(0x80b004)
      .WithKernelHashes(0x810c00, 0x400)
      .WithSev({{.gpa = 0x800000, .size = 0x9000, .type = 1},
                {.gpa = 0x80d000, .size = 0x1000, .type = 2},
                {.gpa = 0x80e000, .size = 0x1000, .type = 3},
                {.gpa = 0x80f000, .size = 0x1000, .type = 4},
                {.gpa = 0x810000, .size = 0x1000, .type = 0x10},
                {.gpa = 0x811000, .size = 0x2000, .type = 1}})
      .WithTdvf({{.data_offset = 0x2000,
                  .data_size = 0x6000,
                  .gpa = gpa + 0x2000,
                  .memory_size = 0x6000,
                  .type = 0,
                  .attributes = 1},
                 {.data_offset = 0,
                  .data_size = 0x2000,
                  .gpa = gpa,
                  .memory_size = 0x2000,
                  .type = 1},
                 {.gpa = 0x810000, .memory_size = 0x10000, .type = 3},
                 {.gpa = 0x809000, .memory_size = 0x2000, .type = 2}});
  return firmware;
}

}  // namespace constellation::testing
