// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/permissions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace constellation::cloud::gcp {
namespace {

// That they suffice is shown by a whole life with exactly these
// (tests/integration/gcp).
TEST(ProviderPermissionsTest, AreSortedAndNamedAsGoogleDoes) {
  const auto permissions = ProviderPermissions();
  EXPECT_TRUE(std::ranges::is_sorted(permissions));
  EXPECT_EQ(std::ranges::adjacent_find(permissions), permissions.end());
  for (const std::string_view permission : permissions) {
    EXPECT_EQ(std::ranges::count(permission, '.'), 2) << permission;
    EXPECT_TRUE(permission.starts_with("compute.") ||
                permission == "iam.serviceAccounts.actAs")
        << permission;
  }
}

TEST(ProviderPermissionsTest, GiveNobodyElseRights) {
  for (const std::string_view permission : ProviderPermissions()) {
    EXPECT_EQ(permission.find("setIamPolicy"), std::string_view::npos)
        << permission;
  }
}

}  // namespace
}  // namespace constellation::cloud::gcp
