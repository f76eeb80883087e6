// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/pck_extension.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/testing/intel_signer.h"
#include "common/testing/status_matchers.h"
#include "crypto/der.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::crypto::testing::Der;
using ::constellation::crypto::testing::DerNumber;
using ::constellation::crypto::testing::DerSequence;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestPck;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

// {OID 1.2.840.113741.1.13.1.<arcs>, value}
Bytes Pair(const Bytes& arcs, const Bytes& value) {
  Bytes oid = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
  oid.insert(oid.end(), arcs.begin(), arcs.end());
  return DerSequence({Der(crypto::kDerOid, oid), value});
}

Bytes Octets(size_t size, uint8_t value) {
  return Der(crypto::kDerOctetString, Bytes(size, value));
}

Bytes Boolean(uint8_t value) {
  return Der(crypto::kDerBoolean, Bytes{value});
}

// The fields of an extension, each of which a test may replace.
class PckExtensionTest : public ::testing::Test {
 protected:
  PckExtensionTest() {
    for (uint8_t i = 1; i <= 16; ++i) {
      tcb_.push_back(Pair({2, i}, DerNumber(i * 15U)));
    }
    tcb_.push_back(Pair({2, 17}, DerNumber(0x1234)));
    tcb_.push_back(Pair({2, 18}, Octets(16, 0x77)));
    fields_ = {Pair({1}, Octets(16, 0x11)),
               {},  // the TCB
               Pair({3}, Octets(2, 0x33)),
               Pair({4}, Octets(6, 0x44)),
               Pair({5}, Der(crypto::kDerEnumerated, Bytes{2})),
               Pair({6}, Octets(16, 0x66)),
               Pair({7}, DerSequence({Pair({7, 1}, Boolean(0xff)),
                                      Pair({7, 2}, Boolean(0x00)),
                                      Pair({7, 3}, Boolean(0xff))}))};
  }
  absl::StatusOr<PckExtension> Parse() {
    std::vector<Bytes> fields = fields_;
    if (fields.size() > 1 && fields[1].empty()) {
      fields[1] = Pair({2}, DerSequence(tcb_));
    }
    return ParsePckExtension(DerSequence(fields));
  }
  void ExpectRefused(const char* why) {
    EXPECT_THAT(Parse(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  }
  std::vector<Bytes> fields_;
  std::vector<Bytes> tcb_;
};

TEST_F(PckExtensionTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const PckExtension pck, Parse());
  EXPECT_EQ(pck.ppid[15], 0x11);
  EXPECT_EQ(pck.components[0], 15);
  EXPECT_EQ(pck.components[15], 240);
  EXPECT_EQ(pck.pce_svn, 0x1234);
  EXPECT_EQ(pck.cpu_svn[0], 0x77);
  EXPECT_EQ(pck.pce_id[1], 0x33);
  EXPECT_EQ(pck.fmspc[5], 0x44);
  EXPECT_EQ(pck.sgx_type, SgxType::kScalableWithIntegrity);
  EXPECT_EQ((*pck.platform_instance_id)[0], 0x66);
  EXPECT_EQ(pck.dynamic_platform, true);
  EXPECT_EQ(pck.cached_keys, false);
  EXPECT_EQ(pck.smt_enabled, true);
}

TEST_F(PckExtensionTest, OrderAndUnknownFieldsDoNotMatter) {
  std::reverse(tcb_.begin(), tcb_.end());
  fields_.push_back(Pair({9}, Octets(3, 1)));
  fields_.push_back(
      DerSequence({Der(crypto::kDerOid, Bytes{0x2a, 0x03}), Octets(1, 1)}));
  std::swap(fields_[0], fields_[4]);
  ASSERT_OK_AND_ASSIGN(const PckExtension pck, Parse());
  EXPECT_EQ(pck.components[15], 240);
}

TEST_F(PckExtensionTest, OptionalFieldsMayBeAbsent) {
  fields_.resize(5);
  ASSERT_OK_AND_ASSIGN(const PckExtension pck, Parse());
  EXPECT_FALSE(pck.platform_instance_id.has_value());
  EXPECT_FALSE(pck.smt_enabled.has_value());
}

TEST_F(PckExtensionTest, OtherFieldsMustBeThere) {
  const char* const names[] = {"PPID", "TCB", "PCE-ID", "FMSPC", "SGX type"};
  const std::vector<Bytes> good = fields_;
  for (size_t i = 0; i < 5; ++i) {
    fields_ = good;
    fields_[1] = Pair({2}, DerSequence(tcb_));
    fields_.erase(fields_.begin() + static_cast<ptrdiff_t>(i));
    ExpectRefused((std::string(names[i]) + " is missing").c_str());
  }
}

TEST_F(PckExtensionTest, EveryTcbFieldMustBeThere) {
  const std::vector<Bytes> good = tcb_;
  for (size_t i = 0; i < good.size(); ++i) {
    tcb_ = good;
    tcb_.erase(tcb_.begin() + static_cast<ptrdiff_t>(i));
    ExpectRefused("TCB: want 18 fields");
  }
}

TEST_F(PckExtensionTest, NoFieldMayBeGivenTwice) {
  fields_.push_back(Pair({4}, Octets(6, 0x55)));
  ExpectRefused("field 4 is given twice");
  fields_.pop_back();
  tcb_.push_back(Pair({2, 3}, DerNumber(1)));
  ExpectRefused("TCB: field 3 is given twice");
}

TEST_F(PckExtensionTest, RefusesOtherSizesAndTypes) {
  const std::vector<Bytes> good = fields_;
  const auto with = [&](size_t i, const Bytes& field, const char* why) {
    fields_ = good;
    fields_[i] = field;
    ExpectRefused(why);
  };
  with(0, Pair({1}, Octets(15, 1)), "PPID: want an OCTET STRING of 16 bytes");
  with(0, Pair({1}, DerNumber(5)), "PPID: want an OCTET STRING");
  with(2, Pair({3}, Octets(3, 1)), "PCE-ID");
  with(3, Pair({4}, Octets(5, 1)), "FMSPC");
  with(4, Pair({5}, DerNumber(1)), "SGX type: want tag 0x0a, got 0x02");
  with(4, Pair({5}, Der(crypto::kDerEnumerated, Bytes{3})),
       "SGX type: want at most 2, got 3");
  with(1, Pair({2}, Octets(4, 1)), "TCB: want a SEQUENCE");
  with(5, Pair({6}, Octets(17, 1)), "platform instance ID");
  with(6, Pair({7}, Octets(1, 1)), "configuration: want a SEQUENCE");
  with(6, Pair({7}, DerSequence({Pair({7, 1}, Boolean(1))})), "");
  with(6, Pair({7}, DerSequence({Pair({7, 1}, DerNumber(1))})),
       "configuration: want a BOOLEAN");
}

TEST_F(PckExtensionTest, RefusesSvnsOutOfRange) {
  tcb_[0] = Pair({2, 1}, DerNumber(256));
  ExpectRefused("TCB component: want at most 255, got 256");
  tcb_[0] = Pair({2, 1}, Der(crypto::kDerInteger, Bytes{0x80}));
  ExpectRefused("TCB component");
  tcb_[0] = Pair({2, 1}, DerNumber(255));
  tcb_[16] = Pair({2, 17}, DerNumber(65536));
  ExpectRefused("PCESVN: want at most 65535");
}

TEST_F(PckExtensionTest, RefusesTrailingOctets) {
  ASSERT_OK_AND_ASSIGN(const PckExtension pck, Parse());
  (void)pck;
  std::vector<Bytes> fields = fields_;
  fields[1] = Pair({2}, DerSequence(tcb_));
  Bytes value = DerSequence(fields);
  value.push_back(0);
  EXPECT_FALSE(ParsePckExtension(value).ok());
  fields_[3] = DerSequence(
      {Der(crypto::kDerOid, Bytes{0x2a}), Octets(1, 1), Octets(1, 1)});
  EXPECT_FALSE(Parse().ok());
}

TEST_F(PckExtensionTest, NeverCrashesOnChangedOrShortenedOctets) {
  std::vector<Bytes> fields = fields_;
  fields[1] = Pair({2}, DerSequence(tcb_));
  const Bytes good = DerSequence(fields);
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes value = good;
      value[i] ^= static_cast<uint8_t>(1U << bit);
      (void)ParsePckExtension(value);
    }
    EXPECT_FALSE(
        ParsePckExtension(std::span<const uint8_t>(good).first(i)).ok());
  }
}

TEST_F(PckExtensionTest, IsFoundInACertificate) {
  const IntelTestPck fields;
  ASSERT_OK_AND_ASSIGN(
      const auto certificate,
      crypto::Certificate::FromDer(IntelSigner::Get().MakePck(fields)));
  ASSERT_OK_AND_ASSIGN(const PckExtension pck, PckExtensionOf(certificate));
  EXPECT_EQ(pck.fmspc, fields.fmspc);
  EXPECT_EQ(pck.components, fields.components);
  ASSERT_OK_AND_ASSIGN(const auto other, crypto::Certificate::FromDer(
                                             IntelSigner::Get().tcb_signing()));
  EXPECT_THAT(PckExtensionOf(other),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has no SGX extension")));
}

}  // namespace
}  // namespace constellation::attestation
