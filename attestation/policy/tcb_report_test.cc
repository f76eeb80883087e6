// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/tcb_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::kComposedNow;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string_view RestsOnWith(std::string_view variant, const Profile* profile,
                             bool insecure_root = false) {
  LayerFindings layers;
  layers.insecure_root = insecure_root;
  return RestsOn({.variant = FindVariant(variant),
                  .profile = profile,
                  .layers = layers,
                  .image_known = true});
}

TEST(RestsOnTest, FollowsVariantAndProfile) {
  for (const char* variant :
       {"qemu-sev-snp", "openstack-sev-snp", "aws-sev-snp", "gcp-sev-snp"}) {
    Profile profile = ComposedNode(variant).Profile();
    EXPECT_EQ(RestsOnWith(variant, &profile), "hypervisor-trusting") << variant;
    profile.snp->measurement_covers_image = true;
    EXPECT_EQ(RestsOnWith(variant, &profile), "hardware-rooted") << variant;
    EXPECT_EQ(RestsOnWith(variant, &profile, true), "simulated") << variant;
  }
  for (const char* variant : {"qemu-tdx", "openstack-tdx", "gcp-tdx"}) {
    Profile profile = ComposedNode(variant).Profile();
    EXPECT_EQ(RestsOnWith(variant, &profile), "hardware-rooted") << variant;
    profile.tdx->policy.rtmr[1].clear();
    EXPECT_EQ(RestsOnWith(variant, &profile), "hypervisor-trusting") << variant;
  }
  for (const char* variant : {"azure-sev-snp", "azure-tdx"}) {
    const Profile profile = ComposedNode(variant).Profile();
    EXPECT_EQ(RestsOnWith(variant, &profile), "paravisor-rooted") << variant;
  }
  for (const char* variant : {"gcp-sev-es", "aws-nitro-tpm"}) {
    const Profile profile = ComposedNode(variant).Profile();
    EXPECT_EQ(RestsOnWith(variant, &profile), "hypervisor-trusting") << variant;
  }
  EXPECT_EQ(RestsOnWith("azure-trustedlaunch", nullptr), "hypervisor-trusting");
  EXPECT_EQ(RestsOnWith("qemu-vtpm", nullptr), "simulated");
  EXPECT_EQ(RestsOnWith("unknown", nullptr), "nothing");
}

std::vector<TcbAnswer> ReportOf(const ComposedNode& node) {
  Profile profile = node.Profile();
  if (node.variant == "qemu-sev-snp") {
    profile.snp->measurement_covers_image = true;
  }
  return Appraise(node.Evidence(), node.user_data, ClusterState::None(),
                  Policy::Create({profile}, {}).value(), node.Collateral(),
                  kComposedNow)
      .tcb_report;
}

TEST(TcbReportTest, AnswersFourRequirements) {
  const std::vector<TcbAnswer> report = ReportOf(ComposedNode("qemu-sev-snp"));
  std::vector<std::string> names;
  for (const TcbAnswer& answer : report) {
    names.push_back(answer.requirement);
    EXPECT_FALSE(answer.why.empty());
  }
  EXPECT_THAT(names,
              ElementsAre("custom image", "confidential CPU",
                          "raw guest attestation", "reviewable firmware"));
  EXPECT_TRUE(report[0].met);
  // Everything fits, but a test root signed it.
  EXPECT_FALSE(report[1].met);
  EXPECT_THAT(report[1].why, HasSubstr("Milan"));
  EXPECT_THAT(report[1].why, HasSubstr("test root"));
}

TEST(TcbReportTest, WithoutCpuEvidenceOnlyTheImageIsKnown) {
  const std::vector<TcbAnswer> report = ReportOf(ComposedNode("gcp-sev-es"));
  EXPECT_TRUE(report[0].met);
  EXPECT_FALSE(report[1].met);
  EXPECT_EQ(report[1].why, "no CPU evidence");
  EXPECT_FALSE(report[2].met);
  EXPECT_FALSE(report[3].met);
}

TEST(TcbReportTest, UnknownVariantMeetsNothing) {
  const LayerFindings layers;
  for (const TcbAnswer& answer : MakeTcbReport({.layers = layers})) {
    EXPECT_FALSE(answer.met) << answer.requirement;
  }
}

}  // namespace
}  // namespace constellation::attestation
