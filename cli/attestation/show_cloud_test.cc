// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/testing/software_tpm.h"
#include "cli/attestation/shown.h"
#include "cli/testing/shown_fields.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "proto/attestation.pb.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::HclBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::NitroBuilder;
using ::constellation::testing::RuntimeJson;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using testing::FieldOf;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Runtime() {
  return RuntimeJson(
      Bytes(256, 0xaa),
      R"("vm-configuration":{"console-enabled":true,"secure-boot":true,)"
      R"("tpm-enabled":true,"vmUniqueId":"ABC"},"user-data":")" +
          std::string(128, '0') + "\"");
}

TEST(ShowHclTest, ShowsTheBindingAndTheMachine) {
  const Decoded decoded = ShowHclReport(HclBuilder(Runtime()).Build());
  EXPECT_EQ(FieldOf(decoded, "runtime data hash to it"), "yes");
  EXPECT_EQ(FieldOf(decoded, "console enabled"), "yes");
  EXPECT_EQ(FieldOf(decoded, "secure boot"), "yes");
  EXPECT_EQ(FieldOf(decoded, "VM ID"), "abc");
}

// Data that the hardware did not sign are shown, and marked.
TEST(ShowHclTest, ShowsThatDataAreNotBound) {
  HclBuilder builder(Runtime());
  builder.report_data = Bytes(64, 1);
  const Decoded decoded = ShowHclReport(builder.Build());
  EXPECT_EQ(FieldOf(decoded, "runtime data hash to it"), "no");
  EXPECT_EQ(FieldOf(decoded, "VM ID"), "abc");
}

TEST(ShowHclTest, MalformedHasNoParts) {
  EXPECT_THAT(ShowHclReport({}).problem, StatusIs(kInvalid));
  EXPECT_TRUE(ShowHclReport({}).parts.empty());
  const Decoded decoded = ShowHclReport(HclBuilder("no JSON").Build());
  EXPECT_THAT(decoded.problem, StatusIs(kInvalid));
  EXPECT_EQ(FieldOf(decoded, "runtime data hash to it"), "yes");
}

TEST(ShowNitroTest, ShowsTheDocument) {
  NitroBuilder builder;
  builder.nonce = Bytes{1, 2, 3};
  const Decoded decoded = ShowNitroDocument(builder.Build());
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "module"), "i-0123-enc4567");
  EXPECT_EQ(FieldOf(decoded, "time"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(FieldOf(decoded, "nonce"), "010203");
  EXPECT_EQ(FieldOf(decoded, "algorithm"), "-35");
  EXPECT_NE(FieldOf(decoded, "subject"), "absent");
}

TEST(ShowNitroTest, MalformedHasAProblem) {
  EXPECT_THAT(ShowNitroDocument({}).problem, StatusIs(kInvalid));
  Bytes cut = NitroBuilder().Build();
  cut.pop_back();
  EXPECT_THAT(ShowNitroDocument(cut).problem, StatusIs(kInvalid));
}

TEST(ShowEvidenceTest, ShowsWhatIsInside) {
  SoftwareTpm tpm;
  const auto evidence = *tpm.Attest(Bytes(64, 7));
  const std::string octets =
      attestation::EvidenceToProto(evidence).SerializeAsString();
  const Decoded decoded = ShowEvidence(AsBytes(octets));
  ASSERT_THAT(decoded.problem, IsOk());
  EXPECT_EQ(FieldOf(decoded, "variant"), "qemu-vtpm");
  EXPECT_EQ(FieldOf(decoded, "PCR 0"), std::string(64, '0'));
  EXPECT_EQ(FieldOf(decoded, "magic"), "0xff544347");
  EXPECT_EQ(FieldOf(decoded, "name"), HexEncode(tpm.enrolled().ak_name));
}

TEST(ShowEvidenceTest, RefusesOtherMessages) {
  EXPECT_THAT(ShowEvidence(AsBytes("\xff\xff\xff")).problem,
              StatusIs(kInvalid, "not the message Evidence"));
}

}  // namespace
}  // namespace constellation::cli
