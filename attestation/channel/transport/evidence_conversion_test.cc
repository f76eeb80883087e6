// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/evidence_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kMebibyte = size_t{1} << 20U;

Evidence FullEvidence() {
  Evidence evidence;
  evidence.variant = "qemu-vtpm";
  evidence.tpm.attest = Bytes(120, 1);
  evidence.tpm.signature = Bytes(72, 2);
  evidence.tpm.ak_public = Bytes(88, 3);
  evidence.tpm.ek_certificate = Bytes(900, 4);
  evidence.tpm.event_log = Bytes(20000, 5);
  for (uint32_t index = 0; index < 16; ++index) {
    PcrValue value{.index = index, .sha256 = {}};
    value.sha256.fill(static_cast<uint8_t>(index));
    evidence.tpm.pcrs.push_back(value);
  }
  evidence.hardware_report = Bytes(1184, 6);
  evidence.endorsements = {Bytes(800, 7), Bytes(), Bytes(1200, 8)};
  evidence.cc_event_log = Bytes(3000, 9);
  return evidence;
}

TEST(EvidenceConversionTest, RoundTrip) {
  const Evidence evidence = FullEvidence();
  ASSERT_OK_AND_ASSIGN(const Evidence again,
                       EvidenceFromProto(EvidenceToProto(evidence)));
  EXPECT_EQ(again, evidence);
}

TEST(EvidenceConversionTest, RoundTripThroughTheWire) {
  const Evidence evidence = FullEvidence();
  v1::Evidence parsed;
  ASSERT_TRUE(
      parsed.ParseFromString(EvidenceToProto(evidence).SerializeAsString()));
  ASSERT_OK_AND_ASSIGN(const Evidence again, EvidenceFromProto(parsed));
  EXPECT_EQ(again, evidence);
}

TEST(EvidenceConversionTest, EmptyEvidenceIsWellFormed) {
  EXPECT_EQ(EvidenceFromProto(v1::Evidence()).value(), Evidence());
  EXPECT_EQ(EvidenceFromProto(EvidenceToProto(Evidence())).value(), Evidence());
}

struct Limit {
  std::string_view field;
  size_t limit;
  std::function<std::string*(v1::Evidence&)> value;
};

const Limit kLimits[] = {
    {"variant", 64, [](v1::Evidence& e) { return e.mutable_variant(); }},
    {"attest", 4096,
     [](v1::Evidence& e) { return e.mutable_tpm()->mutable_attest(); }},
    {"signature", 4096,
     [](v1::Evidence& e) { return e.mutable_tpm()->mutable_signature(); }},
    {"ak_public", 4096,
     [](v1::Evidence& e) { return e.mutable_tpm()->mutable_ak_public(); }},
    {"ek_certificate", 16384,
     [](v1::Evidence& e) { return e.mutable_tpm()->mutable_ek_certificate(); }},
    {"event_log", kMebibyte,
     [](v1::Evidence& e) { return e.mutable_tpm()->mutable_event_log(); }},
    {"hardware_report", 65536,
     [](v1::Evidence& e) { return e.mutable_hardware_report(); }},
    {"cc_event_log", size_t{256} << 10U,
     [](v1::Evidence& e) { return e.mutable_cc_event_log(); }},
    {"endorsement", 16384,
     [](v1::Evidence& e) { return e.add_endorsements(); }},
};

class EvidenceLimitTest : public ::testing::TestWithParam<Limit> {};

TEST_P(EvidenceLimitTest, AcceptsItsLimit) {
  v1::Evidence proto;
  *GetParam().value(proto) = std::string(GetParam().limit, 'x');
  EXPECT_THAT(EvidenceFromProto(proto), IsOk());
}

TEST_P(EvidenceLimitTest, RejectsOneMore) {
  v1::Evidence proto = EvidenceToProto(FullEvidence());
  *GetParam().value(proto) = std::string(GetParam().limit + 1, 'x');
  EXPECT_THAT(EvidenceFromProto(proto),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(std::string(GetParam().field)),
                             HasSubstr(std::to_string(GetParam().limit)))));
}

INSTANTIATE_TEST_SUITE_P(Fields, EvidenceLimitTest,
                         ::testing::ValuesIn(kLimits), [](const auto& limit) {
                           return std::string(limit.param.field);
                         });

TEST(EvidenceConversionTest, AcceptsEightEndorsements) {
  v1::Evidence proto;
  for (int i = 0; i < 8; ++i) {
    proto.add_endorsements("x");
  }
  EXPECT_THAT(EvidenceFromProto(proto), IsOk());
}

TEST(EvidenceConversionTest, RejectsNineEndorsements) {
  v1::Evidence proto;
  for (int i = 0; i < 9; ++i) {
    proto.add_endorsements("x");
  }
  EXPECT_THAT(EvidenceFromProto(proto),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("endorsements: want at most 8, got 9")));
}

v1::PcrValue& AddPcr(v1::Evidence& proto, uint32_t index, size_t size = 32) {
  v1::PcrValue& pcr = *proto.mutable_tpm()->add_pcrs();
  pcr.set_index(index);
  pcr.set_sha256(std::string(size, 'p'));
  return pcr;
}

TEST(PcrConversionTest, AcceptsAllTwentyFour) {
  v1::Evidence proto;
  for (uint32_t i = 0; i < 24; ++i) {
    AddPcr(proto, i);
  }
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, EvidenceFromProto(proto));
  EXPECT_EQ(evidence.tpm.pcrs.size(), 24U);
}

TEST(PcrConversionTest, RejectsAnIndexBeyondTheLast) {
  for (const uint32_t index : {24U, 255U, 0xffffffffU}) {
    v1::Evidence proto;
    AddPcr(proto, index);
    EXPECT_THAT(EvidenceFromProto(proto),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want ascending indices below 24")))
        << index;
  }
}

TEST(PcrConversionTest, RejectsTheSameIndexTwice) {
  v1::Evidence proto;
  AddPcr(proto, 4);
  AddPcr(proto, 4);
  EXPECT_THAT(EvidenceFromProto(proto),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("ascending indices")));
}

TEST(PcrConversionTest, RejectsDescendingIndices) {
  v1::Evidence proto;
  AddPcr(proto, 9);
  AddPcr(proto, 4);
  EXPECT_THAT(EvidenceFromProto(proto),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("ascending indices")));
}

TEST(PcrConversionTest, RejectsValuesOfOtherLengths) {
  for (const size_t size : {0U, 20U, 31U, 33U, 48U}) {
    v1::Evidence proto;
    AddPcr(proto, 4, size);
    EXPECT_THAT(EvidenceFromProto(proto),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("PCR 4: want 32 octets")))
        << size;
  }
}

TEST(MessageConversionTest, RoundTrip) {
  const HandshakeMessage message{.nonce = Bytes(32, 9),
                                 .evidence = FullEvidence()};
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage again,
                       MessageFromProto(MessageToProto(message)));
  EXPECT_EQ(again.nonce, message.nonce);
  EXPECT_EQ(again.evidence, message.evidence);
}

TEST(MessageConversionTest, EmptyMessageHasNeitherNonceNorEvidence) {
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage message,
                       MessageFromProto(MessageToProto({})));
  EXPECT_TRUE(message.nonce.empty());
  EXPECT_FALSE(message.evidence.has_value());
}

TEST(MessageConversionTest, TellsEmptyEvidenceFromNone) {
  ASSERT_OK_AND_ASSIGN(
      const HandshakeMessage message,
      MessageFromProto(MessageToProto({.nonce = {}, .evidence = Evidence{}})));
  EXPECT_TRUE(message.evidence.has_value());
}

// Which other lengths are wrong is for HandshakeCore to say.
TEST(MessageConversionTest, RejectsALongNonce) {
  v1::AttestationMessage proto;
  proto.set_nonce(std::string(33, 'n'));
  EXPECT_THAT(MessageFromProto(proto),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("nonce: want at most 32 octets, got 33")));
}

TEST(MessageConversionTest, RejectsBadEvidence) {
  v1::AttestationMessage proto;
  proto.mutable_evidence()->set_variant(std::string(65, 'v'));
  EXPECT_THAT(
      MessageFromProto(proto),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("variant")));
}

}  // namespace
}  // namespace constellation::attestation
