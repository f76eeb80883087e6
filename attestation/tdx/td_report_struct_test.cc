// SPDX-License-Identifier: Apache-2.0
#include "attestation/tdx/td_report_struct.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "attestation/intel/quote.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

// A TDREPORT that agrees with itself.
Bytes MakeReport(uint8_t version = 0) {
  Bytes bytes(kTdReportStructSize);
  bytes[0] = 0x81;
  bytes[2] = version;
  for (size_t i = 128; i < 192; ++i) {
    bytes[i] = 0x44;  // report data
  }
  for (size_t i = 256; i < 495; ++i) {
    bytes[i] = static_cast<uint8_t>(i);
  }
  for (size_t i = 512; i < 1024; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 3);
  }
  const std::span<const uint8_t> all = bytes;
  const auto tcb = crypto::Sha384(all.subspan(256, 239));
  const auto info = crypto::Sha384(all.subspan(512, 512));
  std::ranges::copy(tcb, bytes.begin() + 32);
  std::ranges::copy(info, bytes.begin() + 80);
  return bytes;
}

TEST(TdReportStructTest, ReadsBothParts) {
  const Bytes bytes = MakeReport();
  ASSERT_OK_AND_ASSIGN(const auto parsed, ParseTdReportStructUnverified(bytes));
  const TdReport& report = parsed.report;
  EXPECT_EQ(report.tee_tcb_svn[0], bytes[256 + 8]);
  EXPECT_EQ(report.mr_seam[47], bytes[256 + 24 + 47]);
  EXPECT_EQ(report.mr_signer_seam[0], bytes[256 + 72]);
  EXPECT_EQ(report.seam_attributes[7], bytes[256 + 127]);
  EXPECT_EQ(report.td_attributes & 0xffU, bytes[512]);
  EXPECT_EQ(report.xfam >> 56U, bytes[512 + 15]);
  EXPECT_EQ(report.mr_td[0], bytes[512 + 16]);
  EXPECT_EQ(report.mr_config_id[0], bytes[512 + 64]);
  EXPECT_EQ(report.mr_owner[0], bytes[512 + 112]);
  EXPECT_EQ(report.mr_owner_config[0], bytes[512 + 160]);
  EXPECT_EQ(report.rtmr[0][0], bytes[512 + 208]);
  EXPECT_EQ(report.rtmr[3][47], bytes[512 + 208 + 191]);
  EXPECT_EQ(report.report_data[63], 0x44);
  EXPECT_FALSE(report.tee_tcb_svn_2.has_value());
}

TEST(TdReportStructTest, Version1HasTheFieldsOfTd15) {
  const Bytes bytes = MakeReport(1);
  ASSERT_OK_AND_ASSIGN(const auto parsed, ParseTdReportStructUnverified(bytes));
  EXPECT_EQ((*parsed.report.tee_tcb_svn_2)[0], bytes[256 + 128]);
  EXPECT_EQ((*parsed.report.mr_service_td)[0], bytes[512 + 400]);
}

TEST(TdReportStructTest, RefusesOtherSizesAndTypes) {
  const auto refuses = [](Bytes bytes, const char* why) {
    EXPECT_THAT(ParseTdReportStructUnverified(bytes),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  Bytes bytes = MakeReport();
  bytes.pop_back();
  refuses(bytes, "want 1024 bytes, got 1023");
  bytes = MakeReport();
  bytes.push_back(0);
  refuses(bytes, "want 1024 bytes");
  bytes = MakeReport();
  bytes[0] = 0;
  refuses(bytes, "want type 0x81");
  bytes = MakeReport();
  bytes[1] = 1;
  refuses(bytes, "want type 0x81");
  refuses(MakeReport(2), "version 0 or 1");
}

TEST(TdReportStructTest, EveryHashedByteIsChecked) {
  const Bytes good = MakeReport();
  for (size_t i = 256; i < good.size(); ++i) {
    Bytes bytes = good;
    bytes[i] ^= 1U;
    const bool hashed = i < 256 + 239 || i >= 512;
    EXPECT_EQ(ParseTdReportStructUnverified(bytes).ok(), !hashed) << i;
  }
  for (size_t i = 32; i < 128; ++i) {
    Bytes bytes = good;
    bytes[i] ^= 1U;
    EXPECT_THAT(ParseTdReportStructUnverified(bytes),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(i < 80 ? "hash of TEE_TCB_INFO"
                                          : "hash of TDINFO")));
  }
}

TEST(TdReportStructTest, SameTdComparesEveryField) {
  const TdReport good =
      ParseTdReportStructUnverified(MakeReport()).value().report;
  EXPECT_THAT(CheckSameTd(good, good), IsOk());
  const auto differs = [&](auto spoil, const char* name) {
    TdReport other = good;
    spoil(other);
    EXPECT_THAT(CheckSameTd(good, other),
                StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(name)));
  };
  differs([](TdReport& r) { r.report_data[0] ^= 1U; }, "report data");
  differs([](TdReport& r) { r.mr_td[0] ^= 1U; }, "MRTD");
  differs([](TdReport& r) { r.mr_seam[0] ^= 1U; }, "MRSEAM");
  differs([](TdReport& r) { r.mr_signer_seam[0] ^= 1U; }, "MRSIGNERSEAM");
  differs([](TdReport& r) { r.mr_config_id[0] ^= 1U; }, "MRCONFIGID");
  differs([](TdReport& r) { r.mr_owner[0] ^= 1U; }, "MROWNER");
  differs([](TdReport& r) { r.mr_owner_config[0] ^= 1U; }, "MROWNERCONFIG");
  for (size_t i = 0; i < 4; ++i) {
    differs([i](TdReport& r) { r.rtmr[i][0] ^= 1U; }, "RTMR");
  }
  differs([](TdReport& r) { r.td_attributes ^= 1U; }, "attributes");
  differs([](TdReport& r) { r.xfam ^= 1U; }, "XFAM");
}

TEST(TdReportVectorsTest, HaveTheVerdictOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int tried = 0;
  for (const auto& entry : VectorEntries("tdx/tdreport-")) {
    const auto path = entry["path"].get<std::string>();
    const bool good = entry["verdict"] == "structure hashes match";
    EXPECT_EQ(ParseTdReportStructUnverified(ReadVector(path)).ok(), good)
        << path;
    ++tried;
  }
  EXPECT_GE(tried, 2);
}

// Azure: the TDREPORT in the vTPM and the quote made of it.
TEST(TdReportVectorsTest, AzuresTdReportsAreThoseOfTheirQuotes) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int tried = 0;
  for (const auto& entry : VectorEntries("azure/")) {
    if (!entry.contains("expect") || !entry["expect"].contains("td_quote")) {
      continue;
    }
    SCOPED_TRACE(entry["path"].get<std::string>());
    const Bytes hcl = ReadVector(entry["path"].get<std::string>());
    const std::span<const uint8_t> all = hcl;
    ASSERT_OK_AND_ASSIGN(
        const auto report,
        ParseTdReportStructUnverified(all.subspan(32, kTdReportStructSize)));
    const Bytes quote =
        ReadVector(entry["expect"]["td_quote"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const auto parsed, ParseIntelQuoteUnverified(quote));
    ASSERT_OK_AND_ASSIGN(const TdReport quoted,
                         ParseTdReportUnverified(parsed.body));
    EXPECT_THAT(CheckSameTd(report.report, quoted), IsOk());
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

}  // namespace
}  // namespace constellation::attestation
