// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cloud_policy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/config/cloud_catalog.h"
#include "cli/testing/cloud_workspace.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kMilan[] =
    R"("products":{"Milan":{"minimumTCB":)"
    R"({"bootLoader":4,"tee":0,"snp":24,"microcode":219}}})";

Config ConfigOf(std::string_view variant, const std::string& layers) {
  Config config = testing::CloudTestConfig();
  config.attestation_variant = variant;
  config.attestation_layers = layers;
  return config;
}

// A whole section for each variant.
std::string GoodLayers(std::string_view variant) {
  const std::string snp = fmt::format(
      R"("sevSnp":{{"measurements":["{}"],{}}})", std::string(96, 'a'), kMilan);
  const std::string tdx =
      fmt::format(R"("tdx":{{"mrtd":["{}"],"acceptedStatuses":["UpToDate"],)"
                  R"("minimumEvaluationDataNumber":17}})",
                  std::string(96, 'b'));
  const std::string gcp = R"("gcp":{"projectIds":["demo-project"]})";
  const std::string azure = R"("azure":{"requireSecureBoot":false})";
  if (variant == "aws-nitro-tpm") {
    std::string pcrs;
    for (const int pcr : {4, 8, 9, 11, 12, 13, 14}) {
      pcrs += fmt::format(R"({}"{}":["{}"])", pcrs.empty() ? "" : ",", pcr,
                          std::string(96, 'c'));
    }
    return fmt::format(R"({{"aws":{{"pcrs":{{{}}}}}}})", pcrs);
  }
  const std::string cpu = variant.ends_with("-tdx")       ? tdx
                          : variant.ends_with("-sev-snp") ? snp
                                                          : "";
  const std::string cloud = variant.starts_with("gcp-")     ? gcp
                            : variant.starts_with("azure-") ? azure
                                                            : "";
  return fmt::format("{{{}{}{}}}", cpu, cpu.empty() || cloud.empty() ? "" : ",",
                     cloud);
}

TEST(CloudPolicyTest, EveryVariantGivesProfile) {
  for (const CloudVariant& variant : CloudVariants()) {
    if (variant.provider == kProviderQemu) {
      continue;
    }
    SCOPED_TRACE(variant.variant);
    ASSERT_OK_AND_ASSIGN(
        const attestation::Profile profile,
        CloudProfileOf(ConfigOf(variant.variant, GoodLayers(variant.variant))));
    EXPECT_EQ(profile.variant, variant.variant);
    // Four, nine, eleven from the config; those that stay zero are added.
    EXPECT_EQ(profile.pcrs.size(), 7U);
    EXPECT_THAT(attestation::Policy::Create({profile}, {}), IsOk());
  }
}

TEST(CloudPolicyTest, EnrolledTpmsAreLookedAt) {
  Config config = ConfigOf("qemu-vtpm", "{}");
  EXPECT_THAT(CloudProfileOf(config), IsOk());
  config.enrolled_tpms = R"([{"nodeName":"a"}])";
  EXPECT_THAT(CloudProfileOf(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("attestation.qemuVTPM: enrolledTPMs[0]")));
}

TEST(CloudPolicyTest, AnyFirmwareIsRefusedWithAdvice) {
  EXPECT_THAT(
      CloudProfileOf(ConfigOf("aws-sev-snp",
                              fmt::format(R"({{"sevSnp":{{{}}}}})", kMilan))),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("attestation.awsSEVSNP.sevSnp"),
                     HasSubstr("accepts any guest"),
                     HasSubstr("image measure --firmware"),
                     Not(HasSubstr("profile.sevSnp")))));
}

TEST(CloudPolicyTest, MissingFloorsAreRefused) {
  EXPECT_THAT(
      CloudProfileOf(ConfigOf("openstack-sev-snp",
                              R"({"sevSnp":{"insecureAnyMeasurement":true}})")),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("attestation.openstackSEVSNP.sevSnp")));
}

TEST(CloudPolicyTest, UnknownDemandNamesNearest) {
  EXPECT_THAT(
      CloudProfileOf(
          ConfigOf("gcp-sev-es", R"({"gcp":{"projectIdz":["demo-project"]}})")),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("projectIdz"), HasSubstr("projectIds"))));
}

TEST(CloudPolicyTest, EmptyMeasurementsAreRefused) {
  Config config = ConfigOf("gcp-tdx", GoodLayers("gcp-tdx"));
  config.measurements.clear();
  EXPECT_THAT(CloudProfileOf(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("attestation.gcpTDX.measurements is empty")));
}

TEST(CloudPolicyTest, BrokenLayersAreOurMistake) {
  EXPECT_THAT(CloudProfileOf(ConfigOf("gcp-tdx", "{")),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace constellation::cli
