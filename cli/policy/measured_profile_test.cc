// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/measured_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/policy/testing/composed_node.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Hex(char digit) {
  return std::string(96, digit);
}

std::array<uint8_t, 48> Filled(uint8_t octet) {
  std::array<uint8_t, 48> value{};
  value.fill(octet);
  return value;
}

attestation::Profile Base(const std::string& variant) {
  return ComposedNode(variant).Profile();
}

std::vector<LaunchValue> Snp() {
  return {{"snp", "launchDigest", Hex('1')}};
}

std::vector<LaunchValue> Tdx() {
  return {{"tdx", "mrtd", Hex('2')},
          {"tdx", "rtmr0", FailedPrecondition("only an event log tells")},
          {"tdx", "rtmr1", Hex('3')},
          {"tdx", "rtmr2", Hex('4')}};
}

TEST(MeasuredProfileTest, PutsTheLaunchDigestIntoTheProfile) {
  const attestation::Profile base = Base("qemu-sev-snp");
  const auto launch = Snp();
  ASSERT_OK_AND_ASSIGN(
      const attestation::Profile profile,
      WithMeasurements(base, {.launch = launch, .kernel_in_launch = true}));
  EXPECT_THAT(profile.snp->policy.measurements, ElementsAre(Filled(0x11)));
  EXPECT_TRUE(profile.snp->measurement_covers_image);
  // Everything else is the owner's.
  attestation::Profile expected = base;
  expected.snp->policy.measurements = {Filled(0x11)};
  expected.snp->measurement_covers_image = true;
  EXPECT_EQ(profile, expected);
}

TEST(MeasuredProfileTest, ADigestOfTheFirmwareAloneCoversNoImage) {
  attestation::Profile base = Base("qemu-sev-snp");
  base.snp->measurement_covers_image = true;
  const auto launch = Snp();
  ASSERT_OK_AND_ASSIGN(const attestation::Profile profile,
                       WithMeasurements(base, {.launch = launch}));
  EXPECT_FALSE(profile.snp->measurement_covers_image);
}

TEST(MeasuredProfileTest, PutsLaunchRegistersIntoTheProfile) {
  const attestation::Profile base = Base("qemu-tdx");
  const auto launch = Tdx();
  ASSERT_OK_AND_ASSIGN(const attestation::Profile profile,
                       WithMeasurements(base, {.launch = launch}));
  const attestation::TdxPolicy& policy = profile.tdx->policy;
  EXPECT_THAT(policy.mr_td, ElementsAre(Filled(0x22)));
  EXPECT_THAT(policy.rtmr[0], IsEmpty());
  EXPECT_THAT(policy.rtmr[1], ElementsAre(Filled(0x33)));
  EXPECT_THAT(policy.rtmr[2], ElementsAre(Filled(0x44)));
  EXPECT_TRUE(profile.tdx->covers_image());
}

TEST(MeasuredProfileTest, TakesTheImagesRegisters) {
  const attestation::Profile base = Base("azure-sev-snp");
  attestation::Profile image = base;
  image.pcrs[11] = crypto::Sha256(Bytes(1, 7));
  const auto launch = Snp();
  ASSERT_OK_AND_ASSIGN(
      const attestation::Profile profile,
      WithMeasurements(base, {.image = &image, .launch = launch}));
  EXPECT_EQ(profile.pcrs, image.pcrs);
}

// The digest of the last image must not be what the next one is judged by.
TEST(MeasuredProfileTest, ADemandNeitherVanishesNorStays) {
  EXPECT_THAT(WithMeasurements(Base("qemu-sev-snp"), {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("launchDigest of snp")));
  attestation::Profile base = Base("qemu-tdx");
  base.tdx->policy.rtmr[0] = {Filled(9)};
  const auto launch = Tdx();
  EXPECT_THAT(WithMeasurements(base, {.launch = launch}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("only an event log tells")));
}

TEST(MeasuredProfileTest, ValuesNeedAPlace) {
  const auto snp = Snp();
  const auto tdx = Tdx();
  EXPECT_THAT(
      WithMeasurements(Base("gcp-sev-es"), {.launch = snp}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no sevSnp")));
  EXPECT_THAT(
      WithMeasurements(Base("gcp-sev-es"), {.launch = tdx}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no tdx")));
  // One firmware has values of both technologies; a profile has one of them.
  std::vector<LaunchValue> both = snp;
  both.insert(both.end(), tdx.begin(), tdx.end());
  EXPECT_TRUE(WithMeasurements(Base("qemu-tdx"), {.launch = both}).ok());
}

TEST(MeasuredProfileTest, TheResultIsAProfile) {
  const attestation::Profile base = Base("azure-sev-snp");
  attestation::Profile image = base;
  image.pcrs.erase(4);
  const auto launch = Snp();
  EXPECT_THAT(WithMeasurements(base, {.image = &image, .launch = launch}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("4")));
}

}  // namespace
}  // namespace constellation::cli
