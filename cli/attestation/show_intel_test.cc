// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/intel_signer.h"
#include "cli/attestation/shown.h"
#include "cli/testing/shown_fields.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestQuote;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::FieldOf;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ShowIntelTest, ShowsATdQuoteFromItsPlaces) {
  IntelTestQuote fields;
  fields.td.mr_td.fill(0xa1);
  fields.td.mr_seam.fill(0xa2);
  fields.td.rtmr[0].fill(0xb0);
  fields.td.rtmr[3].fill(0xb3);
  fields.td.report_data.fill(0xc1);
  const Decoded decoded = ShowIntelQuote(IntelSigner::Get().MakeQuote(fields));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "version"), "4");
  EXPECT_EQ(FieldOf(decoded, "TEE"), "TDX");
  EXPECT_EQ(FieldOf(decoded, "MRTD"), HexEncode(fields.td.mr_td));
  EXPECT_EQ(FieldOf(decoded, "MRSEAM"), HexEncode(fields.td.mr_seam));
  EXPECT_EQ(FieldOf(decoded, "RTMR0"), HexEncode(fields.td.rtmr[0]));
  EXPECT_EQ(FieldOf(decoded, "RTMR3"), HexEncode(fields.td.rtmr[3]));
  EXPECT_EQ(FieldOf(decoded, "report data"), HexEncode(fields.td.report_data));
  EXPECT_EQ(FieldOf(decoded, "debug"), "no");
  EXPECT_EQ(FieldOf(decoded, "SEPT_VE_DISABLE"), "yes");
  EXPECT_EQ(FieldOf(decoded, "migratable"), "no");
  // Leaf, CA and root that came with it.
  EXPECT_EQ(FieldOf(decoded, "Intel FMSPC"), "00606a000000");
}

TEST(ShowIntelTest, ShowsDangerousAttributes) {
  IntelTestQuote fields;
  fields.td.td_attributes = 0x20000001;  // MIGRATABLE, DEBUG
  const Decoded decoded = ShowIntelQuote(IntelSigner::Get().MakeQuote(fields));
  EXPECT_EQ(FieldOf(decoded, "debug"), "yes");
  EXPECT_EQ(FieldOf(decoded, "migratable"), "yes");
  EXPECT_EQ(FieldOf(decoded, "SEPT_VE_DISABLE"), "no");
}

TEST(ShowIntelTest, ShowsAnSgxQuote) {
  IntelTestQuote fields;
  fields.version = 3;
  fields.body = IntelTestBody::kSgx;
  fields.sgx.mr_enclave.fill(0xa1);
  fields.sgx.mr_signer.fill(0xa2);
  fields.sgx.isv_svn = 9;
  fields.sgx.attributes[0] |= 2;  // DEBUG
  const Decoded decoded = ShowIntelQuote(IntelSigner::Get().MakeQuote(fields));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "TEE"), "SGX");
  EXPECT_EQ(FieldOf(decoded, "MRENCLAVE"), HexEncode(fields.sgx.mr_enclave));
  EXPECT_EQ(FieldOf(decoded, "MRSIGNER"), HexEncode(fields.sgx.mr_signer));
  EXPECT_EQ(FieldOf(decoded, "ISVSVN"), "9");
  EXPECT_EQ(FieldOf(decoded, "debug"), "yes");
}

TEST(ShowIntelTest, ShowsWhatLiesBehind) {
  IntelTestQuote fields;
  fields.trailing = Bytes(5, 0xee);
  const Decoded decoded = ShowIntelQuote(IntelSigner::Get().MakeQuote(fields));
  EXPECT_EQ(FieldOf(decoded, "octets behind the quote"), "5");
}

TEST(ShowIntelTest, ShowsTcbInfo) {
  const Decoded decoded =
      ShowTcbInfo(AsBytes(IntelSigner::Get().MakeTcbInfo()));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "TEE"), "TDX");
  EXPECT_EQ(FieldOf(decoded, "FMSPC"), "00606a000000");
  EXPECT_EQ(FieldOf(decoded, "TCB evaluation data number"), "18");
  EXPECT_EQ(FieldOf(decoded, "issued"), "2020-01-01T00:00:00Z");
  EXPECT_EQ(FieldOf(decoded, "status"), "UpToDate");
  EXPECT_THAT(FieldOf(decoded, "SGX components"), HasSubstr("3 3 2 2 4 1 0 5"));
  ASSERT_GE(decoded.parts.size(), 3U);
  EXPECT_EQ(decoded.parts[2].title(), "TCB level 1");
}

TEST(ShowIntelTest, ShowsEnclaveIdentity) {
  const Decoded decoded =
      ShowEnclaveIdentity(AsBytes(IntelSigner::Get().MakeIdentity()));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "enclave"), "TD_QE");
  EXPECT_EQ(FieldOf(decoded, "ISVPRODID"), "2");
  EXPECT_THAT(FieldOf(decoded, "level ISVSVN 2"), HasSubstr("OutOfDate"));
}

TEST(ShowIntelTest, MalformedOnesHaveAProblem) {
  Bytes cut = IntelSigner::Get().MakeQuote();
  cut.resize(400);
  EXPECT_THAT(ShowIntelQuote(cut).problem, StatusIs(kInvalid));
  EXPECT_THAT(ShowIntelQuote({}).problem, StatusIs(kInvalid));
  EXPECT_THAT(ShowTdReport({}).problem, StatusIs(kInvalid));
  EXPECT_THAT(ShowTcbInfo(AsBytes("{}")).problem, StatusIs(kInvalid));
  EXPECT_THAT(ShowEnclaveIdentity(AsBytes("{}")).problem, StatusIs(kInvalid));
  const std::string wrong = IntelSigner::Get().SignCollateral("tcbInfo", "{}");
  EXPECT_THAT(ShowTcbInfo(AsBytes(wrong)).problem, StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::cli
