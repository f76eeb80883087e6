// SPDX-License-Identifier: Apache-2.0
#include "attestation/eventlog/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "attestation/eventlog/event_log.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/tpm/tpm_structures.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::EventLogBuilder;
using crypto::Sha256Digest;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Sha256Digest Extended(std::initializer_list<std::string_view> texts) {
  Sha256Digest value{};
  for (const std::string_view text : texts) {
    crypto::Sha256Hasher hasher;
    hasher.Update(value);
    hasher.Update(crypto::Sha256(AsBytes(text)));
    value = hasher.Finish();
  }
  return value;
}

Bytes Log() {
  return EventLogBuilder({kTpmAlgSha256})
      .Add(4, kEvAction, "first")
      .Add(9, kEvIpl, "initrd")
      .Add(4, kEvIpl, "second")
      .bytes();
}

// The diagnosis of PCR4 with value `given` where `expected` was wanted.
PcrDiagnosis Pcr4(const Bytes& log, const Sha256Digest& given,
                  const Sha256Digest& expected) {
  const PcrValue value{.index = 4, .sha256 = given};
  const LogDiagnosis diagnosis =
      DiagnosePcrs(log, std::span(&value, 1), {{4, expected}});
  EXPECT_THAT(diagnosis.pcrs, SizeIs(1));
  return diagnosis.pcrs.at(0);
}

TEST(DiagnosisTest, CountsEventsOfGoodRegister) {
  const Sha256Digest good = Extended({"first", "second"});
  const PcrDiagnosis pcr = Pcr4(Log(), good, good);
  EXPECT_TRUE(pcr.log_agrees);
  EXPECT_EQ(pcr.explanation, "made by 2 events");
  EXPECT_EQ(pcr.replayed, HexEncode(good));
}

TEST(DiagnosisTest, NamesTheEventTooMany) {
  const PcrDiagnosis pcr =
      Pcr4(Log(), Extended({"first", "second"}), Extended({"first"}));
  EXPECT_EQ(pcr.explanation,
            "the first 1 events give the expected value; then came: #2 EV_IPL "
            "\"second\"");
}

TEST(DiagnosisTest, NamesTheEventsThatAreMissing) {
  const PcrDiagnosis pcr =
      Pcr4(Log(), Extended({"first"}), Extended({"first", "second"}));
  EXPECT_FALSE(pcr.log_agrees);
  EXPECT_THAT(pcr.explanation, HasSubstr("missing in the register: #2"));
}

TEST(DiagnosisTest, ListsEventsOfOtherImage) {
  const PcrDiagnosis pcr =
      Pcr4(Log(), Extended({"first", "second"}), Extended({"other"}));
  EXPECT_TRUE(pcr.log_agrees);
  EXPECT_EQ(pcr.explanation,
            "made by these events: #0 EV_ACTION \"first\"; #2 EV_IPL "
            "\"second\"");
}

TEST(DiagnosisTest, NoticesExtensionAfterTheLog) {
  const PcrDiagnosis pcr = Pcr4(Log(), Extended({"first", "second", "late"}),
                                Extended({"first", "second"}));
  EXPECT_FALSE(pcr.log_agrees);
  EXPECT_THAT(pcr.explanation,
              HasSubstr("the log does not lead to the quoted value"));
}

TEST(DiagnosisTest, NoticesDataThatDoesNotHashToItsDigest) {
  const auto digest = crypto::Sha256(AsBytes("first"));
  EventLogBuilder builder({kTpmAlgSha256});
  builder.AddRaw(4, kEvAction,
                 {{kTpmAlgSha256, {digest.begin(), digest.end()}}}, "lie");
  const PcrDiagnosis pcr =
      Pcr4(builder.bytes(), Extended({"first"}), Extended({"other"}));
  EXPECT_THAT(pcr.explanation, HasSubstr("the log was changed"));
}

TEST(DiagnosisTest, ListIsShort) {
  EventLogBuilder builder({kTpmAlgSha256});
  Sha256Digest value{};
  for (int i = 0; i < 20; ++i) {
    builder.Add(4, kEvIpl, "x");
    crypto::Sha256Hasher hasher;
    hasher.Update(value);
    hasher.Update(crypto::Sha256(AsBytes("x")));
    value = hasher.Finish();
  }
  EXPECT_THAT(Pcr4(builder.bytes(), value, Extended({"other"})).explanation,
              HasSubstr("; 12 more"));
}

TEST(DiagnosisTest, SaysWhatIsWrongWithTheLog) {
  EXPECT_EQ(DiagnosePcrs({}, {}, {}).summary, "no log was sent");
  Bytes cut = Log();
  cut.pop_back();
  const LogDiagnosis truncated = DiagnosePcrs(cut, {}, {{9, {}}});
  EXPECT_FALSE(truncated.readable);
  EXPECT_THAT(truncated.summary, HasSubstr("2 events, then event log: record"));
  EXPECT_THAT(truncated.pcrs, SizeIs(1));
  EXPECT_EQ(truncated.pcrs[0].explanation, "the register was not quoted");
  const LogDiagnosis legacy = DiagnosePcrs(
      EventLogBuilder::Legacy().Add(4, kEvIpl, "x").bytes(), {}, {{4, {}}});
  EXPECT_THAT(legacy.summary, HasSubstr("it has no sha256 digests"));
  EXPECT_THAT(legacy.pcrs, IsEmpty());
}

}  // namespace
}  // namespace constellation::attestation
