// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/snp/snp_report.h"
#include "attestation/testing/snp_signer.h"
#include "cli/attestation/shown.h"
#include "cli/testing/shown_fields.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::SnpTestReport;
using ::constellation::testing::StatusIs;
using testing::FieldOf;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Bytes Report(const SnpTestReport& fields = {}) {
  return SnpSigner::For(SnpTestProduct::kMilan).SignReport(fields);
}

TEST(ShowSnpTest, ShowsEveryFieldFromItsPlace) {
  SnpTestReport fields;
  fields.guest_svn = 7;
  fields.vmpl = 2;
  fields.measurement.fill(0xa1);
  fields.report_data.fill(0xa2);
  fields.host_data.fill(0xa3);
  fields.id_key_digest.fill(0xa4);
  fields.author_key_digest.fill(0xa5);
  fields.family_id.fill(0xa6);
  fields.image_id.fill(0xa7);
  fields.report_id.fill(0xa8);
  const Decoded decoded = ShowSnpReport(Report(fields));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "version"), "3");
  EXPECT_EQ(FieldOf(decoded, "guest SVN"), "7");
  EXPECT_EQ(FieldOf(decoded, "VMPL"), "2");
  EXPECT_EQ(FieldOf(decoded, "measurement"), HexEncode(fields.measurement));
  EXPECT_EQ(FieldOf(decoded, "report data"), HexEncode(fields.report_data));
  EXPECT_EQ(FieldOf(decoded, "host data"), HexEncode(fields.host_data));
  EXPECT_EQ(FieldOf(decoded, "ID key digest"), HexEncode(fields.id_key_digest));
  EXPECT_EQ(FieldOf(decoded, "author key digest"),
            HexEncode(fields.author_key_digest));
  EXPECT_EQ(FieldOf(decoded, "family ID"), HexEncode(fields.family_id));
  EXPECT_EQ(FieldOf(decoded, "image ID"), HexEncode(fields.image_id));
  EXPECT_EQ(FieldOf(decoded, "report ID"), HexEncode(fields.report_id));
  EXPECT_EQ(FieldOf(decoded, "signing key"), "VCEK");
  EXPECT_THAT(FieldOf(decoded, "CPUID"), HasSubstr("(Milan)"));
}

TEST(ShowSnpTest, ShowsThePolicysBits) {
  const Decoded strict = ShowSnpReport(Report());
  EXPECT_EQ(FieldOf(strict, "policy"), "0x30000");
  EXPECT_EQ(FieldOf(strict, "policy SMT allowed"), "yes");
  EXPECT_EQ(FieldOf(strict, "policy debug allowed"), "no");
  EXPECT_EQ(FieldOf(strict, "policy migration agent allowed"), "no");
  const Decoded loose =
      ShowSnpReport(Report({.policy = 0x30000 | 1U << 19U | 1U << 18U}));
  EXPECT_EQ(FieldOf(loose, "policy debug allowed"), "yes");
  EXPECT_EQ(FieldOf(loose, "policy migration agent allowed"), "yes");
}

TEST(ShowSnpTest, ShowsThePlatformsBits) {
  const Decoded decoded = ShowSnpReport(Report({.platform_info = 0x25}));
  EXPECT_EQ(FieldOf(decoded, "platform info"), "0x25");
  EXPECT_EQ(FieldOf(decoded, "platform SMT enabled"), "yes");
  EXPECT_EQ(FieldOf(decoded, "platform TSME enabled"), "no");
  EXPECT_EQ(FieldOf(decoded, "platform ECC enabled"), "yes");
  EXPECT_EQ(FieldOf(decoded, "platform alias check complete"), "yes");
}

TEST(ShowSnpTest, ShowsWhichTcbIsWhich) {
  SnpTestReport fields;
  fields.current_tcb.microcode = 201;
  fields.reported_tcb.microcode = 202;
  fields.committed_tcb.microcode = 203;
  fields.launch_tcb.microcode = 204;
  const Decoded decoded = ShowSnpReport(Report(fields));
  EXPECT_THAT(FieldOf(decoded, "current TCB"), HasSubstr("201"));
  EXPECT_THAT(FieldOf(decoded, "reported TCB"), HasSubstr("202"));
  EXPECT_THAT(FieldOf(decoded, "committed TCB"), HasSubstr("203"));
  EXPECT_THAT(FieldOf(decoded, "launch TCB"), HasSubstr("204"));
}

TEST(ShowSnpTest, RefusesOtherSizes) {
  Bytes cut = Report();
  cut.pop_back();
  for (const Decoded& decoded :
       {ShowSnpReport(cut), ShowSnpExtendedReport(cut), ShowSnpReport({}),
        ShowSnpReportResponse({}), ShowSnpIdBlock({}), ShowSnpIdAuth({})}) {
    EXPECT_THAT(decoded.problem, StatusIs(kInvalid));
    EXPECT_TRUE(decoded.parts.empty());
  }
}

TEST(ShowSnpTest, ShowsCertificatesBehindTheReport) {
  const auto evidence = SnpSigner::For(SnpTestProduct::kMilan).Make();
  const Bytes table = constellation::testing::SnpCertificateTable(
      {{constellation::testing::kSnpVcekGuid, evidence.leaf},
       {constellation::testing::kSnpArkGuid, evidence.ark}});
  Bytes extended = evidence.report;
  extended.insert(extended.end(), table.begin(), table.end());
  const Decoded decoded = ShowSnpExtendedReport(extended);
  ASSERT_THAT(decoded.problem, IsOk());
  ASSERT_EQ(decoded.parts.size(), 3U);
  EXPECT_EQ(decoded.parts[0].title(), "SEV-SNP report");
  EXPECT_EQ(decoded.parts[1].title(), "certificate table: VCEK");
  EXPECT_EQ(decoded.parts[2].title(), "certificate table: ARK");
}

// What can be read is shown beside what cannot.
TEST(ShowSnpTest, BrokenTableKeepsTheReport) {
  Bytes extended = Report();
  extended.insert(extended.end(), 40, 0xff);
  const Decoded decoded = ShowSnpExtendedReport(extended);
  EXPECT_THAT(decoded.problem, StatusIs(kInvalid));
  EXPECT_EQ(FieldOf(decoded, "version"), "3");
}

TEST(ShowSnpTest, ShowsIdBlockAndAuthentication) {
  const auto id = constellation::testing::SignIdBlock({});
  const Decoded block = ShowSnpIdBlock(id.id_block);
  ASSERT_THAT(block.problem, IsOk());
  EXPECT_NE(FieldOf(block, "launch digest"), "absent");
  EXPECT_NE(FieldOf(block, "policy debug allowed"), "absent");
  const Decoded auth = ShowSnpIdAuth(id.id_auth);
  ASSERT_THAT(auth.problem, IsOk());
  EXPECT_EQ(FieldOf(auth, "ID key algorithm"), "1");
  EXPECT_EQ(FieldOf(auth, "ID block signature (r, s)").size(), 288U);
  Bytes cut = id.id_auth;
  cut.pop_back();
  EXPECT_THAT(ShowSnpIdAuth(cut).problem,
              StatusIs(kInvalid, "not 4096 octets"));
}

}  // namespace
}  // namespace constellation::cli
