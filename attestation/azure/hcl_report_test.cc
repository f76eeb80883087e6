// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/hcl_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::HclBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(HclReportTest, ReadsBothKindsAndVersions) {
  for (const HclReportType type : {HclReportType::kSnp, HclReportType::kTdx}) {
    for (const uint32_t version : {1U, 2U}) {
      HclBuilder builder("{}");
      builder.type = type;
      builder.version = version;
      builder.report_data = Bytes(64, 0x7e);
      const Bytes bytes = builder.Build();
      ASSERT_OK_AND_ASSIGN(const HclReportUnverified report,
                           ParseHclReportUnverified(bytes));
      EXPECT_EQ(report.version, version);
      EXPECT_EQ(report.type, type);
      EXPECT_EQ(report.hash, HclHashType::kSha256);
      EXPECT_EQ(report.hardware_report.size(),
                type == HclReportType::kSnp ? 1184U : 1024U);
      EXPECT_TRUE(std::ranges::equal(report.report_data, Bytes(64, 0x7e)));
      EXPECT_EQ(AsText(report.runtime_data), "{}");
    }
  }
}

TEST(HclReportTest, NeedsNoPaddingAndTakesAnyAmountOfZeros) {
  HclBuilder builder("{}");
  builder.size = 0;
  EXPECT_THAT(ParseHclReportUnverified(builder.Build()), IsOk());
  builder.size = 16384;
  EXPECT_THAT(ParseHclReportUnverified(builder.Build()), IsOk());
  builder.size = 16385;
  EXPECT_THAT(ParseHclReportUnverified(builder.Build()),
              StatusIs(kInvalid, HasSubstr("at most 16384 bytes")));
}

TEST(HclReportTest, RefusesEveryShorterLength) {
  HclBuilder builder("{\"a\":1}");
  builder.size = 0;
  const Bytes bytes = builder.Build();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseHclReportUnverified(std::span(bytes).first(size)),
                StatusIs(kInvalid))
        << size;
  }
}

struct Spoilt {
  size_t offset;
  uint8_t value;
  const char* message;
};

class SpoiltHclReportTest : public ::testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltHclReportTest, IsRefused) {
  Bytes bytes = HclBuilder("{\"a\":1}").Build();
  bytes[GetParam().offset] = GetParam().value;
  EXPECT_THAT(ParseHclReportUnverified(bytes),
              StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, SpoiltHclReportTest,
    ::testing::Values(
        Spoilt{0, 'h', "signature at offset 0: want \"HCLA\""},
        Spoilt{4, 3, "version at offset 4: want 1 or 2, got 3"},
        Spoilt{4, 0, "version at offset 4"},
        Spoilt{8, 1, "report size at offset 8: want 1216 + 27"},
        Spoilt{12, 1, "request type at offset 12: want 2, got 1"},
        Spoilt{16, 1, "status at offset 16: want 0, got 1"},
        Spoilt{31, 1, "reserved at offset 20: want zeros"},
        Spoilt{0x4c0, 28, "data size at offset 1216: want 20 + 7, got 28"},
        Spoilt{0x4c4, 2, "request data version at offset 1220: want 1"},
        Spoilt{0x4c8, 3, "report type at offset 1224: want 2 (SEV-SNP)"},
        Spoilt{0x4cc, 0, "hash type at offset 1228: want 1"},
        Spoilt{0x4cc, 4, "hash type at offset 1228: want 1"},
        Spoilt{0x4d0, 6, "data size"}, Spoilt{0x4d3, 1, "runtime data"},
        Spoilt{0x4db, 1, "want zeros from offset 1243 on"},
        Spoilt{2599, 1, "want zeros from offset 1243 on"}));

TEST(HclReportTest, RefusesOctetsBehindTheTdReport) {
  HclBuilder builder("{}");
  builder.type = HclReportType::kTdx;
  Bytes bytes = builder.Build();
  bytes[32 + 1183] = 1;
  EXPECT_THAT(ParseHclReportUnverified(bytes),
              StatusIs(kInvalid, HasSubstr("behind the TDREPORT")));
}

TEST(HclReportTest, ReportDataAreTheDigestThenZeros) {
  const Bytes data{1, 2, 3};
  const auto expect = [&data](HclHashType hash, const auto& digest) {
    const Bytes got = HclReportData(hash, data);
    ASSERT_EQ(got.size(), 64U);
    EXPECT_TRUE(
        std::ranges::equal(std::span(got).first(digest.size()), digest));
    EXPECT_TRUE(std::ranges::all_of(std::span(got).subspan(digest.size()),
                                    [](uint8_t b) { return b == 0; }));
  };
  expect(HclHashType::kSha256, crypto::Sha256(data));
  expect(HclHashType::kSha384, crypto::Sha384(data));
  expect(HclHashType::kSha512, crypto::Sha512(data));
}

TEST(HclReportVectorsTest, HaveTheFieldsOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  size_t seen = 0;
  for (const nlohmann::json& entry : VectorEntries("azure/")) {
    if (!entry.contains("expect") || !entry["expect"].contains("var_sha256")) {
      continue;
    }
    SCOPED_TRACE(entry["path"]);
    const nlohmann::json& want = entry["expect"];
    const Bytes bytes = ReadVector(entry["path"]);
    ASSERT_OK_AND_ASSIGN(const HclReportUnverified report,
                         ParseHclReportUnverified(bytes));
    EXPECT_EQ(bytes.size(), want["blob_len"]);
    EXPECT_EQ(report.version, want["version"]);
    EXPECT_EQ(static_cast<uint32_t>(report.type), want["report_type"]);
    EXPECT_EQ(static_cast<uint32_t>(report.hash), want["hash_type"]);
    EXPECT_EQ(report.runtime_data.size(), want["var_size"]);
    EXPECT_EQ(HexEncode(crypto::Sha256(report.runtime_data)),
              want["var_sha256"]);
    EXPECT_EQ(HexEncode(report.report_data), want["hw_report_data"]);
    const Bytes bound = HclReportData(report.hash, report.runtime_data);
    EXPECT_EQ(std::ranges::equal(bound, report.report_data), want["bind"]);
    ++seen;
  }
  EXPECT_GE(seen, 6U);
}

}  // namespace
}  // namespace constellation::attestation
