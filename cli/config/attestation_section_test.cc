// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

constexpr testing::BadConfig kBad[] = {
    {"Variant", "qemu",
     "qemuVTPM:", "azureSEVSNP:", "attestation.azureSEVSNP does not fit"},
    {"VariantTypo", "qemu", "qemuVTPM:", "qemuVTMP:",
     "unknown key attestation.qemuVTMP; did you mean qemuVTPM?"},
    {"LocalTpms", "qemu", "    measurements: {}",
     "    measurements: {}\n    enrolledTPMs: []",
     "unknown key attestation.qemuVTPM.enrolledTPMs"},
    {"TpmsOfOtherVariant", "openstack", "    sevSnp: {}",
     "    sevSnp: {}\n    enrolledTPMs: []",
     "unknown key attestation.openstackSEVSNP.enrolledTPMs"},
    {"OtherVariant", "gcp", "gcpSEVSNP:", "awsSEVSNP:",
     "attestation.awsSEVSNP does not fit provider gcp; use "
     "gcpSEVSNP"},
    {"TrustedLaunch", "azure", "azureSEVSNP:",
     "azureTrustedLaunch: {}\n  azureSEVSNP:", "owner enrolled"},
    {"TwoVariants", "gcp",
     "gcpSEVSNP:", "gcpSEVES: {}\n  gcpSEVSNP:", "exactly one variant"},
    {"Latest", "gcp", "snpVersion: 24", "snpVersion: latest",
     "snpVersion must be a number"},
    {"HalfFloor", "gcp", "    snpVersion: 24\n", "",
     "snpVersion is missing beside the other versions"},
    {"FloorTwice", "gcp", "    sevSnp: {}",
     "    sevSnp: {products: {Genoa: {}}}", "keep one of them"},
    {"RootKey", "gcp", "    sevSnp: {}", "    sevSnp: {}\n    amdRootKey: x",
     "amdRootKey is not used: AMD's root"},
    {"SignerPolicy", "azure", "    sevSnp: {}",
     "    sevSnp: {}\n    firmwareSignerConfig: {enforcementPolicy: "
     "warnOnly}",
     "enforcementPolicy must be equal"}};

TEST(AttestationSectionTest, RefusesEachSpoiltLineWithReason) {
  for (const testing::BadConfig& bad : kBad) {
    testing::ExpectRefused(bad);
  }
}

// Only the owner of a cloud can enrol its TPMs.
TEST(AttestationSectionTest, OpenStackMayHaveEnrolledTpms) {
  Config config = testing::FilledConfig("openstack", "qemu-vtpm");
  ASSERT_OK_AND_ASSIGN(Config read, ParseConfig(RenderConfig(config), "c"));
  EXPECT_EQ(read.attestation_variant, "qemu-vtpm");
  EXPECT_EQ(read.enrolled_tpms, "[]");
  config.enrolled_tpms = R"([{"akName":"00","nodeName":"a"}])";
  ASSERT_OK_AND_ASSIGN(read, ParseConfig(RenderConfig(config), "c"));
  EXPECT_EQ(read.enrolled_tpms, config.enrolled_tpms);
  ASSERT_OK_AND_ASSIGN(
      read, ParseConfig(testing::Replaced(RenderConfig(config),
                                          "enrolledTPMs: [", "enrolledTPMs: #"),
                        "c"));
  EXPECT_EQ(read.enrolled_tpms, "[]");
  EXPECT_THAT(
      ParseConfig(testing::Replaced(RenderConfig(config), "enrolledTPMs: [",
                                    "enrolledTPMs: all # ["),
                  "c"),
      constellation::testing::StatusIs(
          absl::StatusCode::kInvalidArgument,
          ::testing::HasSubstr("enrolledTPMs must be a list")));
  config = testing::FilledConfig("gcp", "qemu-vtpm");
  EXPECT_THAT(ParseConfig(RenderConfig(config), "c"),
              constellation::testing::StatusIs(
                  absl::StatusCode::kInvalidArgument,
                  ::testing::HasSubstr("qemuVTPM does not fit provider gcp")));
}

TEST(AttestationSectionTest, ProviderSaysWhatPolicyNeeds) {
  ASSERT_OK_AND_ASSIGN(
      const Config gcp,
      ParseConfig(RenderConfig(testing::FilledConfig("gcp", "gcp-sev-snp")),
                  "c"));
  const auto layers = nlohmann::json::parse(gcp.attestation_layers);
  EXPECT_EQ(layers["gcp"]["projectIds"][0], "demo-project");
  EXPECT_EQ(layers["sevSnp"]["products"]["Milan"]["minimumTCB"]["snp"], 24);
  Config config = testing::FilledConfig("azure", "azure-sev-snp");
  std::get<cloud::AzureSettings>(config.cloud).secure_boot = true;
  ASSERT_OK_AND_ASSIGN(const Config azure,
                       ParseConfig(RenderConfig(config), "c"));
  EXPECT_EQ(nlohmann::json::parse(
                azure.attestation_layers)["azure"]["requireSecureBoot"],
            true);
}

TEST(AttestationSectionTest, DigestsStayText) {
  const std::string digest(96, '1');
  const std::string zeros = "0000000000000003";
  ASSERT_OK_AND_ASSIGN(
      const Config config,
      ParseConfig(testing::Replaced(
                      RenderConfig(testing::FilledConfig("gcp", "gcp-tdx")),
                      "      acceptedStatuses: [\"UpToDate\"]\n",
                      "      mrtd: [" + digest + "]\n      xfam: " + zeros +
                          "\n      allowMigratable: false\n"),
                  "c"));
  const auto tdx = nlohmann::json::parse(config.attestation_layers)["tdx"];
  EXPECT_EQ(tdx["mrtd"][0], digest);
  EXPECT_EQ(tdx["xfam"], zeros);
  EXPECT_EQ(tdx["allowMigratable"], false);
  EXPECT_EQ(tdx["minimumEvaluationDataNumber"], 17);
}

}  // namespace
}  // namespace constellation::cli
