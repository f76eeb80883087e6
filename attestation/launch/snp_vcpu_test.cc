// SPDX-License-Identifier: Apache-2.0
// The measured state of one processor, held against AMD 24593, table B-4.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/launch/page_image.h"
#include "attestation/launch/snp_launch.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr uint32_t kReset = 0xfffffff0;

SnpLaunchOptions OptionsOf(SnpVmm vmm) {
  return {.vmm = vmm,
          .vcpus = 1,
          .cpu_signature = CpuSignature(0x19, 1, 1),
          .sev_features = 1,
          .direct_boot = {},
          .firmware_digest = {}};
}

// `octets` little-endian at `offset` of the page.
uint64_t At(const Bytes& page, size_t offset, size_t octets) {
  uint64_t value = 0;
  for (size_t i = octets; i-- > 0;) {
    value = value << 8U | page.at(offset + i);
  }
  return value;
}

TEST(SnpVcpuTest, KnowsTheModelsOfQemu) {
  const std::pair<const char*, uint32_t> known[] = {
      {"EPYC", 0x800f12},          {"EPYC-v4", 0x800f12},
      {"EPYC-IBPB", 0x800f12},     {"EPYC-Rome", 0x830f10},
      {"EPYC-Rome-v3", 0x830f10},  {"EPYC-Milan", 0xa00f11},
      {"EPYC-Milan-v2", 0xa00f11}, {"EPYC-Genoa", 0xa10f10},
      {"EPYC-Turin-v1", 0xb00f00}};
  for (const auto& [name, signature] : known) {
    const auto got = CpuSignatureOfVcpuType(name);
    ASSERT_THAT(got, IsOk()) << name;
    EXPECT_EQ(*got, signature) << name;
  }
  for (const char* unknown :
       {"", "EPYC-", "EPYC-v", "EPYC-v0", "EPYC-v44", "EPYC-Milanx", "epyc",
        "Skylake-Server", "EPYC-Venice"}) {
    EXPECT_THAT(CpuSignatureOfVcpuType(unknown),
                StatusIs(kInvalid, HasSubstr("EPYC-Genoa")))
        << unknown;
  }
}

TEST(SnpVcpuTest, SignatureSplitsFamilyAndModel) {
  // AMD 24594, CPUID Fn0000_0001_EAX: extended family, extended model, base
  // family, model, stepping.
  EXPECT_EQ(CpuSignature(0x19, 0x11, 2), 0x00a10f12U);
  EXPECT_EQ(CpuSignature(0x0f, 0x04, 0), 0x00000f40U);
  EXPECT_EQ(CpuSignature(0x06, 0x2a, 7), 0x000206a7U);
}

TEST(SnpVcpuTest, StatePageHoldsTheStartAddress) {
  const Bytes page = SnpVmsaPage(OptionsOf(SnpVmm::kQemu), 0x80b004, false);
  ASSERT_EQ(page.size(), kPageSize);
  EXPECT_EQ(page[0x10], 0x00);  // CS selector 0xf000
  EXPECT_EQ(page[0x11], 0xf0);
  EXPECT_EQ(page[0x1a], 0x80);   // CS base 0x800000
  EXPECT_EQ(page[0x178], 0x04);  // RIP 0xb004
  EXPECT_EQ(page[0x179], 0xb0);
}

TEST(SnpVcpuTest, EveryMonitorStartsItsProcessorsInItsOwnState) {
  struct Case {
    SnpVmm vmm;
    bool boots;
    uint64_t cs, ss, tr, pat, rdx, mxcsr, x87;
  };
  constexpr uint64_t kPat = 0x0007040600070406;
  const Case cases[] = {
      {SnpVmm::kQemu, true, 0x9b, 0x93, 0x8b, kPat, 0xa00f11, 0x1f80, 0x37f},
      {SnpVmm::kQemu, false, 0x9b, 0x93, 0x8b, kPat, 0xa00f11, 0x1f80, 0x37f},
      {SnpVmm::kEc2, true, 0x9a, 0x92, 0x83, kPat, 0x600, 0, 0},
      {SnpVmm::kEc2, false, 0x9b, 0x92, 0x83, kPat, 0x600, 0, 0},
      {SnpVmm::kGce, true, 0x9b, 0x93, 0x8b, 0x00070106, 0x600, 0, 0},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(static_cast<int>(each.vmm));
    const Bytes page = SnpVmsaPage(OptionsOf(each.vmm), kReset, each.boots);
    EXPECT_EQ(At(page, 0x12, 2), each.cs);
    EXPECT_EQ(At(page, 0x22, 2), each.ss);
    EXPECT_EQ(At(page, 0x92, 2), each.tr);
    EXPECT_EQ(At(page, 0x268, 8), each.pat);
    EXPECT_EQ(At(page, 0x310, 8), each.rdx);
    EXPECT_EQ(At(page, 0x408, 4), each.mxcsr);
    EXPECT_EQ(At(page, 0x410, 2), each.x87);
  }
}

TEST(SnpVcpuTest, RegistersAreThoseAfterReset) {
  SnpLaunchOptions options = OptionsOf(SnpVmm::kQemu);
  options.sev_features = 0x21;
  const Bytes page = SnpVmsaPage(options, kReset, true);
  EXPECT_EQ(At(page, 0x10, 2), 0xf000U);       // CS selector
  EXPECT_EQ(At(page, 0x18, 8), 0xffff0000U);   // CS base
  EXPECT_EQ(At(page, 0x178, 8), 0xfff0U);      // RIP
  EXPECT_EQ(At(page, 0x0d0, 8), 0x1000U);      // EFER
  EXPECT_EQ(At(page, 0x148, 8), 0x40U);        // CR4
  EXPECT_EQ(At(page, 0x158, 8), 0x10U);        // CR0
  EXPECT_EQ(At(page, 0x160, 8), 0x400U);       // DR7
  EXPECT_EQ(At(page, 0x168, 8), 0xffff0ff0U);  // DR6
  EXPECT_EQ(At(page, 0x170, 8), 2U);           // RFLAGS
  EXPECT_EQ(At(page, 0x3b0, 8), 0x21U);        // SEV features
  EXPECT_EQ(At(page, 0x3e8, 8), 1U);           // XCR0
  for (size_t segment = 0; segment < 10; ++segment) {
    EXPECT_EQ(At(page, 16 * segment + 4, 4), 0xffffU) << segment;
  }
  // Nothing else is set.
  for (size_t i = 0x420; i < page.size(); ++i) {
    EXPECT_EQ(page[i], 0) << i;
  }
}

}  // namespace
}  // namespace constellation::attestation
