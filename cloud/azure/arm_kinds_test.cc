// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_kinds.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace constellation::cloud::azure {
namespace {

std::vector<ArmKind> AllKinds() {
  std::vector<ArmKind> all(ClusterKinds().begin(), ClusterKinds().end());
  all.insert(all.end(), IamKinds().begin(), IamKinds().end());
  return all;
}

TEST(ArmKindsTest, EveryRowIsComplete) {
  std::set<std::string_view> kinds;
  std::set<std::string_view> types;
  for (const ArmKind& kind : AllKinds()) {
    EXPECT_TRUE(kind.kind.starts_with("azure.")) << kind.kind;
    EXPECT_TRUE(kinds.insert(kind.kind).second) << kind.kind;
    EXPECT_TRUE(types.insert(kind.type).second) << kind.type;
    EXPECT_EQ(kind.api_version.size(), 10U) << kind.kind;
    for (const Watched& watched : kind.watched) {
      EXPECT_TRUE(watched.pointer.starts_with('/')) << watched.pointer;
    }
    for (const std::string_view query : {kind.delete_query, kind.list_query}) {
      EXPECT_TRUE(query.empty() || query.starts_with('&')) << query;
    }
  }
}

// Whoever changes a tag must see it in the next plan; things without tags have
// their mark elsewhere.
TEST(ArmKindsTest, MarksAreWatchedWhereTheyAreTags) {
  for (const ArmKind& kind : AllKinds()) {
    bool tags = false;
    for (const Watched& watched : kind.watched) {
      tags |= watched.pointer == "/tags" && !watched.replaces;
    }
    EXPECT_EQ(tags, kind.mark == MarkPlace::kTags) << kind.kind;
  }
}

TEST(ArmKindsTest, NoPlanReplacesNodesForANewImage) {
  for (const ArmKind& kind : ClusterKinds()) {
    for (const Watched& watched : kind.watched) {
      if (watched.pointer.ends_with("imageReference") ||
          watched.pointer == "/sku/capacity") {
        EXPECT_FALSE(watched.replaces) << watched.pointer;
      }
    }
  }
}

}  // namespace
}  // namespace constellation::cloud::azure
