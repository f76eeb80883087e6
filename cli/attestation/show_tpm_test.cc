// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/evidence.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "cli/attestation/shown.h"
#include "cli/testing/shown_fields.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::EventLogBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using testing::FieldOf;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

SoftwareTpm& Tpm() {
  static auto* const kTpm = new SoftwareTpm();
  return *kTpm;
}

TEST(ShowTpmTest, ShowsAQuote) {
  const QuoteParts parts = Tpm().PartsFor(Bytes(64, 7));
  const Decoded decoded = ShowTpmAttest(MarshalAttest(parts));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "magic"), "0xff544347");
  EXPECT_EQ(FieldOf(decoded, "type"), "0x8018 (quote)");
  EXPECT_EQ(FieldOf(decoded, "extra data (nonce)"),
            HexEncode(parts.extra_data));
  EXPECT_EQ(FieldOf(decoded, "PCR digest"), HexEncode(parts.pcr_digest));
  EXPECT_EQ(FieldOf(decoded, "PCRs, bank sha256"),
            "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15");
}

// Software could have had such octets signed.
TEST(ShowTpmTest, SaysThatNoTpmMadeIt) {
  QuoteParts parts = Tpm().PartsFor(Bytes(64, 7));
  parts.magic = 0xff544348;
  EXPECT_EQ(FieldOf(ShowTpmAttest(MarshalAttest(parts)), "magic"),
            "0xff544348 (not made by a TPM)");
}

TEST(ShowTpmTest, ShowsSignatureAndKey) {
  const auto evidence = *Tpm().Attest(Bytes(64, 7));
  const Decoded signature = ShowTpmSignature(evidence.tpm.signature);
  ASSERT_THAT(signature.problem, IsOk());
  EXPECT_EQ(FieldOf(signature, "hash"), "sha256");
  const Decoded key = ShowTpmPublic(evidence.tpm.ak_public);
  ASSERT_THAT(key.problem, IsOk());
  EXPECT_EQ(FieldOf(key, "name"), HexEncode(Tpm().enrolled().ak_name));
  EXPECT_THAT(FieldOf(key, "attributes"), HasSubstr("0x00050072"));
  EXPECT_THAT(FieldOf(key, "attributes"), HasSubstr(" restricted"));
  EXPECT_THAT(FieldOf(key, "attributes"), HasSubstr(" sign"));
  EXPECT_THAT(FieldOf(key, "attributes"),
              ::testing::Not(HasSubstr(" decrypt")));
}

TEST(ShowTpmTest, MalformedStructuresHaveNoParts) {
  for (const Decoded& decoded :
       {ShowTpmAttest({}), ShowTpmSignature({}), ShowTpmPublic({}),
        ShowPcrFile({}), ShowCcelTable({})}) {
    EXPECT_THAT(decoded.problem, StatusIs(kInvalid));
    EXPECT_TRUE(decoded.parts.empty());
  }
  Bytes cut = MarshalAttest(Tpm().PartsFor(Bytes(64, 7)));
  cut.pop_back();
  EXPECT_THAT(ShowTpmAttest(cut).problem, StatusIs(kInvalid));
}

TEST(ShowTpmTest, ShowsEventsAndWhatTheyAddUpTo) {
  const Bytes log = EventLogBuilder({attestation::kTpmAlgSha256})
                        .Add(4, 13, "loader")
                        .bytes();
  const Decoded decoded = ShowEventLog(log);
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "format"), "crypto-agile");
  EXPECT_EQ(FieldOf(decoded, "algorithms"), "sha256");
  EXPECT_NE(FieldOf(decoded, "register 4"), "absent");
  EXPECT_NE(FieldOf(decoded, "register 4"), std::string(64, '0'));
}

// A log that ends in the middle of a record is shown up to there.
TEST(ShowTpmTest, CutLogIsShownAsFarAsItGoes) {
  Bytes log = EventLogBuilder({attestation::kTpmAlgSha256})
                  .Add(4, 13, "loader")
                  .Add(9, 13, "initrd")
                  .bytes();
  const std::string whole = FieldOf(ShowEventLog(log), "events");
  log.pop_back();
  const Decoded decoded = ShowEventLog(log);
  EXPECT_THAT(decoded.problem, ::testing::Not(IsOk()));
  EXPECT_EQ(std::stoi(FieldOf(decoded, "events")), std::stoi(whole) - 1);
}

}  // namespace
}  // namespace constellation::cli
