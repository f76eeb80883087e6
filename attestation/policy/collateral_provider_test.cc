// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/collateral_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class OneAnswer final : public CollateralProvider {
 public:
  explicit OneAnswer(absl::Status missing) : missing_(std::move(missing)) {}
  GatheredCollateral For(const Evidence& evidence,
                         const Policy& /*policy*/) override {
    ++asked;
    variant = evidence.variant;
    return {.collateral = {}, .missing = missing_};
  }
  int asked = 0;
  std::string variant;

 private:
  const absl::Status missing_;
};

GatheredCollateral Missing(absl::Status status) {
  return {.collateral = {}, .missing = std::move(status)};
}

const absl::Status kRefusal = PermissionDenied("evidence refused: tdx chain");

TEST(CollateralProviderTest, NoneIsNothingMissing) {
  const Policy policy = Policy::Create({}, {}).value();
  const GatheredCollateral gathered = GatherFrom(nullptr, {}, policy);
  EXPECT_THAT(gathered.missing, IsOk());
  EXPECT_TRUE(gathered.collateral.certificates.empty());
}

TEST(CollateralProviderTest, IsAskedForTheEvidence) {
  const Policy policy = Policy::Create({}, {}).value();
  OneAnswer provider(Unavailable("no network"));
  Evidence evidence;
  evidence.variant = "qemu-tdx";
  EXPECT_THAT(GatherFrom(&provider, evidence, policy).missing,
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(provider.asked, 1);
  EXPECT_EQ(provider.variant, "qemu-tdx");
}

// With everything there the refusal is final.
TEST(ExplainRefusalTest, StandsIfNothingWasMissing) {
  EXPECT_EQ(ExplainRefusal(kRefusal, Missing(absl::OkStatus())), kRefusal);
}

// A node that was accepted needs no explanation, whatever is missing.
TEST(ExplainRefusalTest, AcceptedStaysAccepted) {
  EXPECT_THAT(ExplainRefusal(absl::OkStatus(), Missing(Unavailable("gone"))),
              IsOk());
}

TEST(ExplainRefusalTest, WhatMayComeBackMakesItWorthTryingAgain) {
  EXPECT_THAT(
      ExplainRefusal(kRefusal, Missing(Unavailable("kds throttles"))),
      StatusIs(absl::StatusCode::kUnavailable,
               HasSubstr("evidence refused: tdx chain; collateral is missing: "
                         "kds throttles")));
}

TEST(ExplainRefusalTest, WhatStaysAwayLeavesTheCode) {
  EXPECT_THAT(ExplainRefusal(kRefusal, Missing(NotFound("no such chip"))),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("collateral is missing: no such chip")));
}

// Rows of a vendor's layers may fail for want of collateral; others cannot.
TEST(CollateralProviderTest, OnlyVendorsRowsMayWantCollateral) {
  const auto failed = [](const char* layer) {
    return CheckRow{.layer = layer,
                    .name = "n",
                    .expected = "",
                    .got = "",
                    .verdict = CheckVerdict::kFailed,
                    .advice = ""};
  };
  EXPECT_TRUE(MayBeMissingCollateral({}));
  for (const char* layer :
       {"snp", "tdx", "collateral", "azure", "gcp", "tpm"}) {
    EXPECT_TRUE(MayBeMissingCollateral(std::vector{failed(layer)})) << layer;
  }
  for (const char* layer : {"evidence", "quote", "profile", "pcr", "cluster"}) {
    std::vector<CheckRow> rows = {failed("snp"), failed(layer)};
    EXPECT_FALSE(MayBeMissingCollateral(rows)) << layer;
    rows[1].verdict = CheckVerdict::kPassed;
    EXPECT_TRUE(MayBeMissingCollateral(rows)) << layer;
  }
}

}  // namespace
}  // namespace constellation::attestation
