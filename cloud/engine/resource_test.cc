// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Resource Thing(const std::string& name,
               std::vector<std::string> depends_on = {}) {
  return {.kind = "k", .name = name, .depends_on = std::move(depends_on)};
}

TEST(DependencyOrderTest, NothingHasAnEmptyOrder) {
  EXPECT_THAT(DependencyOrder({}), IsOkAndHolds(IsEmpty()));
}

TEST(DependencyOrderTest, KeepsThePlansOrderWhereItCan) {
  EXPECT_THAT(DependencyOrder({Thing("c"), Thing("b"), Thing("a")}),
              IsOkAndHolds(ElementsAre(0U, 1U, 2U)));
}

TEST(DependencyOrderTest, WhatIsNeededComesFirst) {
  EXPECT_THAT(DependencyOrder({Thing("vm", {"net", "disk"}), Thing("net"),
                               Thing("disk", {"pool"}), Thing("pool")}),
              IsOkAndHolds(ElementsAre(1U, 3U, 2U, 0U)));
}

TEST(DependencyOrderTest, DependencyMayBeNamedTwice) {
  EXPECT_THAT(DependencyOrder({Thing("b", {"a", "a"}), Thing("a")}),
              IsOkAndHolds(ElementsAre(1U, 0U)));
}

TEST(DependencyOrderTest, RefusesBadNames) {
  for (const std::string& name :
       {std::string(), std::string("A"), std::string("a b"),
        std::string(64, 'a'), std::string("a_b")}) {
    EXPECT_THAT(
        DependencyOrder({Thing(name)}),
        StatusIs(kInvalid, HasSubstr("resource \"" + name + "\": want")))
        << name;
  }
  EXPECT_THAT(DependencyOrder({Thing(std::string(63, 'a'))}),
              IsOkAndHolds(ElementsAre(0U)));
}

TEST(DependencyOrderTest, RefusesMissingKind) {
  EXPECT_THAT(DependencyOrder({{.name = "a"}}),
              StatusIs(kInvalid, HasSubstr("resource \"a\": want a kind")));
}

TEST(DependencyOrderTest, RefusesDoubleNames) {
  EXPECT_THAT(DependencyOrder({Thing("a"), Thing("a")}),
              StatusIs(kInvalid, "two resources are called \"a\""));
}

TEST(DependencyOrderTest, RefusesUnknownDependencies) {
  EXPECT_THAT(DependencyOrder({Thing("a", {"b"})}),
              StatusIs(kInvalid,
                       "resource \"a\" depends on \"b\", which is not there"));
}

TEST(DependencyOrderTest, RefusesCircles) {
  EXPECT_THAT(DependencyOrder({Thing("x"), Thing("a", {"a"})}),
              StatusIs(kInvalid,
                       "resource \"a\" depends on itself, through "
                       "others perhaps"));
  EXPECT_THAT(DependencyOrder({Thing("x"), Thing("a", {"b"}), Thing("b", {"c"}),
                               Thing("c", {"a"})}),
              StatusIs(kInvalid, HasSubstr("resource \"a\"")));
}

}  // namespace
}  // namespace constellation::cloud
