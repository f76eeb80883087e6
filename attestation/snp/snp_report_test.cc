// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/snp/testing/test_platform.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::EncodeReport;
using ::testing::HasSubstr;
using testing::TestSnpPlatform;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// A report of each version with every octet that may differ from zero set.
Bytes ReportOf(uint32_t version) {
  SnpReportUnverified report =
      TestSnpPlatform::Create(SnpProduct::kMilan).report;
  report.version = version;
  if (version == 2) {
    report.cpuid.reset();
  }
  if (version == 5) {
    report.launch_mitigations = 0x0123456789abcdef;
    report.current_mitigations = 0xfedcba9876543210;
  }
  return EncodeReport(report);
}

absl::StatusOr<SnpReportUnverified> ParseWith(uint32_t version, size_t offset,
                                              uint8_t value) {
  Bytes bytes = ReportOf(version);
  bytes.at(offset) = value;
  return SnpReportUnverified::Parse(bytes);
}

TEST(SnpReportTest, ReadsEveryVersion) {
  for (const uint32_t version : {2U, 3U, 5U}) {
    ASSERT_OK_AND_ASSIGN(const SnpReportUnverified report,
                         SnpReportUnverified::Parse(ReportOf(version)));
    EXPECT_EQ(report.version, version);
    EXPECT_EQ(report.guest_svn, 3U);
    EXPECT_EQ(report.policy.raw, 0x30000U);
    EXPECT_EQ(report.platform_info.raw, 0x25U);
    EXPECT_EQ(report.cpuid.has_value(), version >= 3);
    EXPECT_EQ(report.launch_mitigations,
              version == 5 ? 0x0123456789abcdefU : 0U);
    EXPECT_EQ(report.current_mitigations,
              version == 5 ? 0xfedcba9876543210U : 0U);
    EXPECT_EQ(ToString(report.current_version), "1.55.29");
    EXPECT_EQ(EncodeReport(report), ReportOf(version));
  }
}

TEST(SnpReportTest, RejectsOtherVersions) {
  for (const uint8_t version : Bytes{0, 1, 4, 6, 255}) {
    EXPECT_THAT(ParseWith(3, 0, version),
                StatusIs(kInvalid, HasSubstr("version: want 2, 3 or 5 (a newer "
                                             "one needs a newer verifier)")));
  }
  EXPECT_THAT(ParseWith(3, 3, 1), StatusIs(kInvalid, HasSubstr("version")));
}

TEST(SnpReportTest, RejectsOtherLengths) {
  Bytes bytes = ReportOf(3);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(SnpReportUnverified::Parse(std::span(bytes).first(size)),
                StatusIs(kInvalid, HasSubstr("want 1184 octets, got ")));
  }
  bytes.push_back(0);
  EXPECT_THAT(SnpReportUnverified::Parse(bytes),
              StatusIs(kInvalid, HasSubstr("got 1185")));
}

TEST(SnpReportTest, ReservedOctetsMustBeZero) {
  struct Range {
    uint32_t version;
    size_t first;
    size_t last;
  };
  const Range ranges[] = {
      {3, 0x4c, 0x4f},   {3, 0x18b, 0x19f}, {3, 0x1eb, 0x1eb},
      {3, 0x1ef, 0x1ef}, {3, 0x1f8, 0x207}, {3, 0x208, 0x29f},
      {3, 0x330, 0x49f}, {2, 0x188, 0x18a}, {2, 0x1f8, 0x207},
      {5, 0x208, 0x29f}, {5, 0x330, 0x49f}};
  for (const Range& range : ranges) {
    for (size_t i = range.first; i <= range.last; ++i) {
      EXPECT_THAT(ParseWith(range.version, i, 0x80),
                  StatusIs(kInvalid, HasSubstr("zero octets")))
          << i;
    }
  }
}

TEST(SnpReportTest, EveryOtherOctetIsAField) {
  // What is left may have any value: 0x2a0 and what the ranges above leave.
  for (const size_t i : {0x4U,   0x10U,  0x20U,  0x30U,  0x34U,  0x38U,  0x47U,
                         0x50U,  0x90U,  0xc0U,  0xe0U,  0x110U, 0x140U, 0x160U,
                         0x180U, 0x188U, 0x18aU, 0x1a0U, 0x1dfU, 0x1e0U, 0x1e8U,
                         0x1ecU, 0x1f0U, 0x2a0U, 0x2e7U, 0x2e8U, 0x32fU}) {
    EXPECT_THAT(ParseWith(3, i, 0x80), IsOk()) << i;
  }
}

TEST(SnpReportTest, ReservedBitsMustBeZero) {
  EXPECT_THAT(ParseWith(3, 0x48, 0x20),
              StatusIs(kInvalid, HasSubstr("key information: want bits 5 to 31 "
                                           "clear, got 0x20")));
  EXPECT_THAT(ParseWith(3, 0x4b, 0x80), StatusIs(kInvalid));
  EXPECT_THAT(ParseWith(3, 0x0b, 0x04),
              StatusIs(kInvalid, HasSubstr("policy: want bit 17 set, bits 26 "
                                           "to 63 clear, got 0x4030000")));
  EXPECT_THAT(ParseWith(3, 0x0f, 0x80), StatusIs(kInvalid));
  EXPECT_THAT(ParseWith(3, 0x0a, 0x01), StatusIs(kInvalid));
}

TEST(SnpReportTest, PlatformBitsAreNotJudged) {
  ASSERT_OK_AND_ASSIGN(const auto report, ParseWith(3, 0x40, 0xff));
  EXPECT_EQ(report.platform_info.raw, 0xffU);
}

TEST(SnpReportTest, KeyInformationIsTakenApart) {
  ASSERT_OK_AND_ASSIGN(const auto author, ParseWith(3, 0x48, 0x01));
  EXPECT_TRUE(author.author_key_enabled);
  EXPECT_FALSE(author.mask_chip_key);
  EXPECT_EQ(author.signing_key, SnpSigningKey::kVcek);
  ASSERT_OK_AND_ASSIGN(const auto masked, ParseWith(3, 0x48, 0x02));
  EXPECT_TRUE(masked.mask_chip_key);
  EXPECT_FALSE(masked.author_key_enabled);
  EXPECT_EQ(ParseWith(3, 0x48, 0x04)->signing_key, SnpSigningKey::kVlek);
  EXPECT_EQ(ParseWith(3, 0x48, 0x1c)->signing_key, SnpSigningKey::kNone);
  EXPECT_EQ(ToString(ParseWith(3, 0x48, 0x0c)->signing_key), "reserved (3)");
}

TEST(SnpReportTest, SignatureNumbersAreTurnedAround) {
  Bytes bytes = ReportOf(3);
  bytes[0x2a0] = 0x11;
  bytes[0x2e7] = 0x22;
  bytes[0x2e8] = 0x33;
  bytes[0x32f] = 0x44;
  ASSERT_OK_AND_ASSIGN(const auto report, SnpReportUnverified::Parse(bytes));
  EXPECT_EQ(report.signature_r.back(), 0x11);
  EXPECT_EQ(report.signature_r.front(), 0x22);
  EXPECT_EQ(report.signature_s.back(), 0x33);
  EXPECT_EQ(report.signature_s.front(), 0x44);
}

TEST(SnpReportTest, BitsHaveNames) {
  const auto policy = [](unsigned bit) {
    return SnpGuestPolicy{.raw = uint64_t{1} << bit};
  };
  EXPECT_EQ(SnpGuestPolicy{.raw = 0x021f}.abi_minor(), 0x1f);
  EXPECT_EQ(SnpGuestPolicy{.raw = 0x021f}.abi_major(), 2);
  EXPECT_TRUE(policy(16).smt_allowed());
  EXPECT_TRUE(policy(18).migration_agent_allowed());
  EXPECT_TRUE(policy(19).debug_allowed());
  EXPECT_TRUE(policy(20).single_socket_only());
  EXPECT_TRUE(policy(21).cxl_allowed());
  EXPECT_TRUE(policy(22).aes256_xts_required());
  EXPECT_TRUE(policy(23).rapl_must_be_off());
  EXPECT_TRUE(policy(24).ciphertext_hiding_required());
  EXPECT_TRUE(policy(25).page_swap_disabled());
  EXPECT_FALSE(policy(17).debug_allowed());
  const auto info = [](unsigned bit) {
    return SnpPlatformInfo{.raw = uint64_t{1} << bit};
  };
  EXPECT_TRUE(info(0).smt_enabled());
  EXPECT_TRUE(info(1).tsme_enabled());
  EXPECT_TRUE(info(2).ecc_enabled());
  EXPECT_TRUE(info(3).rapl_off());
  EXPECT_TRUE(info(4).ciphertext_hiding());
  EXPECT_TRUE(info(5).alias_check_complete());
  EXPECT_TRUE(info(7).tio_enabled());
}

TEST(SnpResponseTest, GivesTheReport) {
  Bytes response(4000);
  response[4] = 0xa0;
  response[5] = 0x04;
  response[32] = 3;
  ASSERT_OK_AND_ASSIGN(const auto report, UnwrapSnpReportResponse(response));
  EXPECT_EQ(report.data(), response.data() + 32);
  EXPECT_EQ(report.size(), kSnpReportSize);
}

TEST(SnpResponseTest, RejectsFailuresAndWrongLengths) {
  Bytes response(32 + kSnpReportSize);
  EXPECT_THAT(UnwrapSnpReportResponse(response),
              StatusIs(kInvalid, HasSubstr("want a report of 1184 octets")));
  response[4] = 0xa0;
  response[5] = 0x04;
  EXPECT_THAT(UnwrapSnpReportResponse(response), IsOk());
  for (const size_t size : {0U, 7U, 31U, 1215U}) {
    EXPECT_THAT(UnwrapSnpReportResponse(std::span(response).first(size)),
                StatusIs(kInvalid))
        << size;
  }
  response[0] = 0x16;
  EXPECT_THAT(UnwrapSnpReportResponse(response),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the firmware gave status 0x16")));
}

}  // namespace
}  // namespace constellation::attestation
