// SPDX-License-Identifier: Apache-2.0
#include "cli/config/cloud_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "cli/testing/configs.h"

namespace constellation::cli {
namespace {

using ::testing::Contains;

TEST(CatalogTest, DefaultsAreInTheirLists) {
  for (const CloudVariant& variant : testing::Clouds()) {
    const std::string type(
        DefaultInstanceType(variant.variant, /*stackit=*/true));
    EXPECT_THAT(InstanceTypes(variant.variant, true), Contains(type));
    EXPECT_EQ(FindCloudVariant(variant.key), FindCloudVariant(variant.variant));
  }
  EXPECT_EQ(FindCloudVariant("aws"), nullptr);
  EXPECT_EQ(DefaultVariant("nowhere"), "");
}

// OpenStack may be the owner's own, who can enrol its TPMs.
TEST(CatalogTest, VariantsFitTheirProvider) {
  const auto fits = [](std::string_view variant, std::string_view provider) {
    return VariantFits(*FindCloudVariant(variant), provider);
  };
  EXPECT_TRUE(fits("aws-sev-snp", "aws"));
  EXPECT_FALSE(fits("aws-sev-snp", "gcp"));
  EXPECT_FALSE(fits("aws-sev-snp", "openstack"));
  EXPECT_TRUE(fits("qemu-vtpm", "qemu"));
  EXPECT_TRUE(fits("qemu-vtpm", "openstack"));
  EXPECT_FALSE(fits("qemu-vtpm", "aws"));
}

TEST(CatalogTest, ZonesOfRegions) {
  EXPECT_EQ(ZoneMistake("gcp", "us-east1", "us-east1-b"), std::nullopt);
  EXPECT_NE(ZoneMistake("gcp", "us-east1", "us-east1-a"), std::nullopt);
  EXPECT_EQ(ZoneMistake("azure", "westeurope", "2"), std::nullopt);
  EXPECT_EQ(ZoneMistake("openstack", "any", "any"), std::nullopt);
}

}  // namespace
}  // namespace constellation::cli
