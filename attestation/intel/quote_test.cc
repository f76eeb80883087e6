// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "attestation/intel/report_body.h"
#include "attestation/testing/intel_signer.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestQuote;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

Bytes Make(uint16_t version, IntelTestBody body) {
  IntelTestQuote quote;
  quote.version = version;
  quote.body = body;
  return IntelSigner::Get().MakeQuote(quote);
}

void Put16(Bytes& bytes, size_t offset, uint16_t value) {
  bytes.at(offset) = static_cast<uint8_t>(value);
  bytes.at(offset + 1) = static_cast<uint8_t>(value >> 8U);
}

void ExpectRefused(const Bytes& bytes, const char* why) {
  EXPECT_THAT(ParseIntelQuoteUnverified(bytes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(QuoteTest, CutsEveryVersion) {
  struct Case {
    uint16_t version;
    IntelTestBody body;
    IntelBodyType type;
    size_t signed_size;
  };
  for (const Case& c : {
           Case{3, IntelTestBody::kSgx, IntelBodyType::kSgx, 432},
           {4, IntelTestBody::kSgx, IntelBodyType::kSgx, 432},
           {4, IntelTestBody::kTd10, IntelBodyType::kTd10, 632},
           {5, IntelTestBody::kSgx, IntelBodyType::kSgx, 438},
           {5, IntelTestBody::kTd10, IntelBodyType::kTd10, 638},
           {5, IntelTestBody::kTd15, IntelBodyType::kTd15, 702},
       }) {
    SCOPED_TRACE(c.version);
    const Bytes bytes = Make(c.version, c.body);
    ASSERT_OK_AND_ASSIGN(const IntelQuoteUnverified quote,
                         ParseIntelQuoteUnverified(bytes));
    EXPECT_EQ(quote.version, c.version);
    EXPECT_EQ(quote.body_type, c.type);
    EXPECT_EQ(quote.signed_bytes.size(), c.signed_size);
    EXPECT_EQ(quote.tee,
              c.type == IntelBodyType::kSgx ? IntelTee::kSgx : IntelTee::kTdx);
    EXPECT_EQ(quote.qe_auth_data.size(), 32U);
    EXPECT_EQ(quote.certification_type, kPckCertificateChain);
    EXPECT_TRUE(quote.trailing.empty());
  }
}

TEST(QuoteTest, TellsTrailingBytesApart) {
  Bytes bytes = Make(4, IntelTestBody::kTd10);
  const size_t size = bytes.size();
  bytes.resize(8000);
  EXPECT_EQ(ParseIntelQuoteUnverified(bytes)->trailing.size(), 8000 - size);
}

TEST(QuoteTest, EveryShorterOneIsRefused) {
  for (const auto& bytes :
       {Make(3, IntelTestBody::kSgx), Make(5, IntelTestBody::kTd15)}) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(
          ParseIntelQuoteUnverified(std::span<const uint8_t>(bytes).first(size))
              .ok())
          << size;
    }
  }
}

TEST(QuoteTest, RefusesUnknownVersionsAndTypes) {
  Bytes bytes = Make(4, IntelTestBody::kTd10);
  for (const int version : {0, 1, 2, 6, 0xffff}) {
    Put16(bytes, 0, static_cast<uint16_t>(version));
    ExpectRefused(bytes, "version at offset 0: want 3, 4 or 5");
  }
  bytes = Make(4, IntelTestBody::kTd10);
  bytes[4] = 0x82;
  ExpectRefused(bytes, "TEE type at offset 4: want 0x0 (SGX) or 0x81 (TDX)");
  bytes = Make(5, IntelTestBody::kTd10);
  for (const int type : {0, 4, 5}) {
    Put16(bytes, 48, static_cast<uint16_t>(type));
    ExpectRefused(bytes, "body type at offset 48: want 1, 2 or 3");
  }
  Put16(bytes, 48, 1);
  ExpectRefused(bytes, "1 does not fit TEE TDX");
  Put16(bytes, 48, 3);
  ExpectRefused(bytes, "body size at offset 50: want 648 for body type 3");
  bytes = Make(5, IntelTestBody::kSgx);
  Put16(bytes, 48, 2);
  ExpectRefused(bytes, "2 does not fit TEE SGX");
}

TEST(QuoteTest, SgxOfVersion3MayUseTheReservedField) {
  Bytes bytes = Make(3, IntelTestBody::kSgx);
  bytes[4] = 0x81;
  EXPECT_EQ(ParseIntelQuoteUnverified(bytes)->tee, IntelTee::kSgx);
}

// Offsets inside the signature section of a version 4 quote: 632 + 4.
constexpr size_t kSection = 636;

TEST(QuoteTest, RefusesContradictingLengths) {
  const Bytes good = Make(4, IntelTestBody::kTd10);
  Bytes bytes = good;
  bytes[632 + 3] = 0x7f;
  ExpectRefused(bytes, "signature section at offset 632: want at most 65536");
  bytes = good;
  bytes[632] = static_cast<uint8_t>(bytes[632] - 1);
  EXPECT_FALSE(ParseIntelQuoteUnverified(bytes).ok());
  bytes = good;
  Put16(bytes, kSection + 128, 5);
  ExpectRefused(bytes, "outer certification data type: want 6 (QE report)");
  bytes = good;
  bytes[kSection + 130] = static_cast<uint8_t>(bytes[kSection + 130] - 1);
  EXPECT_FALSE(ParseIntelQuoteUnverified(bytes).ok());
  bytes = good;
  Put16(bytes, kSection + 134 + 448, 0xffff);  // authentication data
  ExpectRefused(bytes, "QE authentication data");
  bytes = good;
  for (const int type : {0, 6, 7, 9}) {
    Put16(bytes, kSection + 134 + 450 + 32, static_cast<uint16_t>(type));
    ExpectRefused(bytes, "certification data type: want 1 to 5");
  }
  bytes = good;
  bytes[kSection + 134 + 450 + 32 + 5] = 0x10;
  ExpectRefused(bytes, "certification data at offset");
}

// Adds `more` to the 32-bit length at `offset`.
void Grow(Bytes& bytes, size_t offset, uint32_t more) {
  uint32_t length = more;
  for (size_t i = 0; i < 4; ++i) {
    length += uint32_t{bytes.at(offset + i)} << (8 * i);
  }
  for (size_t i = 0; i < 4; ++i) {
    bytes.at(offset + i) = static_cast<uint8_t>(length >> (8 * i));
  }
}

// What a length covers and no field does would be signed by nobody, yet be
// part of what a cache or another reader takes for the quote.
TEST(QuoteTest, NothingHidesBehindTheFieldsOfASection) {
  constexpr char kLeft[] = "signature section: want the end";
  for (const uint32_t more : {1U, 64U}) {
    Bytes bytes = Make(3, IntelTestBody::kSgx);
    bytes.resize(bytes.size() + more);
    EXPECT_THAT(ParseIntelQuoteUnverified(bytes), IsOk()) << "behind all of it";
    Grow(bytes, 432, more);
    ExpectRefused(bytes, kLeft);
    // Version 4 has a section in the section.
    bytes = Make(4, IntelTestBody::kTd10);
    bytes.resize(bytes.size() + more);
    Grow(bytes, 632, more);
    ExpectRefused(bytes, kLeft);
    Grow(bytes, kSection + 130, more);
    ExpectRefused(bytes, kLeft);
  }
}

TEST(QuoteTest, RefusesHugeInput) {
  EXPECT_THAT(ParseIntelQuoteUnverified(Bytes(65537)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want at most 65536 bytes")));
}

TEST(ReportBodyTest, TakesExactSizesOnly) {
  EXPECT_THAT(ParseEnclaveReportUnverified(Bytes(384)), IsOk());
  EXPECT_FALSE(ParseEnclaveReportUnverified(Bytes(383)).ok());
  EXPECT_FALSE(ParseEnclaveReportUnverified(Bytes(385)).ok());
  EXPECT_THAT(ParseTdReportUnverified(Bytes(584)), IsOk());
  EXPECT_THAT(ParseTdReportUnverified(Bytes(648)), IsOk());
  for (const size_t size : {size_t{0}, size_t{583}, size_t{585}, size_t{649}}) {
    EXPECT_FALSE(ParseTdReportUnverified(Bytes(size)).ok());
  }
}

// Each field comes from its place: octet i of the body is i, with the high part
// of i added so that no two fields look alike.
Bytes Pattern(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i + 7 * (i >> 8U));
  }
  return bytes;
}

TEST(ReportBodyTest, TdFieldsLieWhereTheyBelong) {
  const Bytes bytes = Pattern(648);
  const TdReport td = ParseTdReportUnverified(bytes).value();
  const auto expect_at = [&](std::span<const uint8_t> field, size_t offset) {
    EXPECT_TRUE(std::equal(field.begin(), field.end(),
                           bytes.begin() + static_cast<ptrdiff_t>(offset)))
        << offset;
  };
  expect_at(td.tee_tcb_svn, 0);
  expect_at(td.mr_seam, 16);
  expect_at(td.mr_signer_seam, 64);
  expect_at(td.seam_attributes, 112);
  expect_at(td.mr_td, 136);
  expect_at(td.mr_config_id, 184);
  expect_at(td.mr_owner, 232);
  expect_at(td.mr_owner_config, 280);
  for (size_t i = 0; i < 4; ++i) {
    expect_at(td.rtmr[i], 328 + 48 * i);
  }
  expect_at(td.report_data, 520);
  expect_at(*td.tee_tcb_svn_2, 584);
  expect_at(*td.mr_service_td, 600);
  EXPECT_EQ(td.td_attributes, 0x7f7e7d7c7b7a7978U);
  EXPECT_EQ(td.xfam, 0x8786858483828180U);
  EXPECT_FALSE(ParseTdReportUnverified(Pattern(584))->tee_tcb_svn_2);
}

TEST(ReportBodyTest, EnclaveFieldsLieWhereTheyBelong) {
  const Bytes bytes = Pattern(384);
  const EnclaveReport enclave = ParseEnclaveReportUnverified(bytes).value();
  const auto expect_at = [&](std::span<const uint8_t> field, size_t offset) {
    EXPECT_TRUE(std::equal(field.begin(), field.end(),
                           bytes.begin() + static_cast<ptrdiff_t>(offset)))
        << offset;
  };
  expect_at(enclave.cpu_svn, 0);
  expect_at(enclave.misc_select, 16);
  expect_at(enclave.attributes, 48);
  expect_at(enclave.mr_enclave, 64);
  expect_at(enclave.mr_signer, 128);
  expect_at(enclave.report_data, 320);
  EXPECT_EQ(enclave.isv_prod_id, bytes[256] | bytes[257] << 8);
  EXPECT_EQ(enclave.isv_svn, bytes[258] | bytes[259] << 8);
}

TEST(ReportBodyTest, KnowsDebug) {
  Bytes enclave(384);
  enclave[48] = 0x02;
  EXPECT_TRUE(ParseEnclaveReportUnverified(enclave)->debug());
  enclave[48] = 0xfd;
  EXPECT_FALSE(ParseEnclaveReportUnverified(enclave)->debug());
  Bytes td(584);
  td[120] = 0x01;
  EXPECT_TRUE(ParseTdReportUnverified(td)->debug());
  td[120] = 0xfe;
  EXPECT_FALSE(ParseTdReportUnverified(td)->debug());
}

}  // namespace
}  // namespace constellation::attestation
