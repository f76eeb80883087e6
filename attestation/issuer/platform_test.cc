// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;

// SMBIOS strings in a folder as Linux shows them.
class PlatformTest : public ::testing::Test {
 protected:
  void Set(const std::string& name, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(dir_.Join(name), text + "\n"), IsOk());
  }
  absl::StatusOr<CloudKind> Detect(const std::string& vendor,
                                   const std::string& product,
                                   const std::string& tag = "") {
    Set("sys_vendor", vendor);
    Set("product_name", product);
    Set("chassis_asset_tag", tag);
    return DetectCloud({.dmi_folder = dir_.path()});
  }
  PlatformPaths Nothing() const {
    return {.dmi_folder = dir_.path(),
            .tsm_folder = dir_.Join("tsm"),
            .sev_guest = dir_.Join("sev"),
            .tdx_guest = dir_.Join("tdx")};
  }

  const TempDir dir_;
};

TEST_F(PlatformTest, KnowsTheClouds) {
  EXPECT_THAT(Detect("Amazon EC2", "m6a.large"), IsOkAndHolds(CloudKind::kAws));
  EXPECT_THAT(Detect("Google", "Google Compute Engine"),
              IsOkAndHolds(CloudKind::kGcp));
  EXPECT_THAT(Detect("Microsoft Corporation", "Virtual Machine",
                     "7783-7084-3265-9085-8269-3286-77"),
              IsOkAndHolds(CloudKind::kAzure));
  EXPECT_THAT(Detect("OpenStack Foundation", "OpenStack Nova"),
              IsOkAndHolds(CloudKind::kOpenStack));
  EXPECT_THAT(Detect("RDO", "OpenStack Compute"),
              IsOkAndHolds(CloudKind::kOpenStack));
  EXPECT_THAT(Detect("QEMU", "Standard PC (Q35 + ICH9, 2009)"),
              IsOkAndHolds(CloudKind::kQemu));
}

TEST_F(PlatformTest, OtherMachinesAreNotFound) {
  const auto unknown = StatusIs(absl::StatusCode::kNotFound);
  EXPECT_THAT(Detect("Microsoft Corporation", "Virtual Machine"), unknown)
      << "Hyper-V elsewhere";
  EXPECT_THAT(Detect("Dell Inc.", "PowerEdge"), unknown);
  EXPECT_THAT(Detect("", ""), unknown);
  EXPECT_THAT(DetectCloud({.dmi_folder = "/nonexistent"}), unknown);
  EXPECT_THAT(Detect(std::string(10'000, 'Q'), ""), unknown);
}

TEST_F(PlatformTest, FindsGuestDrivers) {
  EXPECT_EQ(DetectHardware(Nothing()), std::nullopt);
  Set("tdx", "");
  EXPECT_EQ(DetectHardware(Nothing()), HardwareKind::kTdx);
  Set("sev", "");
  EXPECT_EQ(DetectHardware(Nothing()), HardwareKind::kSnp);
}

TEST_F(PlatformTest, FolderWithoutDriverIsNoHardware) {
  ASSERT_THAT(MakeDirectories(dir_.Join("tsm")), IsOk());
  EXPECT_EQ(DetectHardware(Nothing()), std::nullopt);
}

TEST(VariantOfTest, NamesEveryCombination) {
  using enum CloudKind;
  EXPECT_EQ(VariantOf(kAws, HardwareKind::kSnp), "aws-sev-snp");
  EXPECT_EQ(VariantOf(kAws, std::nullopt), "aws-nitro-tpm");
  EXPECT_EQ(VariantOf(kAzure, HardwareKind::kSnp), "azure-sev-snp");
  EXPECT_EQ(VariantOf(kAzure, HardwareKind::kTdx), "azure-tdx");
  EXPECT_EQ(VariantOf(kAzure, std::nullopt), "azure-trustedlaunch");
  EXPECT_EQ(VariantOf(kGcp, HardwareKind::kSnp), "gcp-sev-snp");
  EXPECT_EQ(VariantOf(kGcp, HardwareKind::kTdx), "gcp-tdx");
  EXPECT_EQ(VariantOf(kGcp, std::nullopt), "gcp-sev-es");
  EXPECT_EQ(VariantOf(kOpenStack, HardwareKind::kSnp), "openstack-sev-snp");
  EXPECT_EQ(VariantOf(kOpenStack, HardwareKind::kTdx), "openstack-tdx");
  EXPECT_EQ(VariantOf(kQemu, HardwareKind::kSnp), "qemu-sev-snp");
  EXPECT_EQ(VariantOf(kQemu, HardwareKind::kTdx), "qemu-tdx");
  EXPECT_EQ(VariantOf(kQemu, std::nullopt), "qemu-vtpm");
  std::set<std::string_view> names;
  for (const CloudKind cloud : {kAws, kAzure, kGcp, kOpenStack, kQemu}) {
    EXPECT_TRUE(names.insert(ToString(cloud)).second);
  }
}

}  // namespace
}  // namespace constellation::attestation
