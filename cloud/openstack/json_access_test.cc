// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/json_access.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

TEST(JsonAccessTest, WhateverIsThereReadsAsSomething) {
  for (const json& hostile : {json(), json(7), json("text"), json::array({1}),
                              json{{"a", nullptr}}, json{{"a", 5}}}) {
    EXPECT_EQ(TextOf(hostile, "a"), "") << hostile;
    EXPECT_EQ(ArrayOf(hostile, "a"), json::array()) << hostile;
    EXPECT_EQ(ObjectOf(hostile, "a"), json::object()) << hostile;
  }
  const json good = {{"t", "x"}, {"l", {1, 2}}, {"o", {{"k", 1}}}};
  EXPECT_EQ(TextOf(good, "t"), "x");
  EXPECT_EQ(ArrayOf(good, "l"), json({1, 2}));
  EXPECT_EQ(ObjectOf(good, "o"), json({{"k", 1}}));
  EXPECT_EQ(TextOf(good, "l"), "");
}

TEST(JsonAccessTest, SortedHasEachElementOnce) {
  EXPECT_EQ(Sorted({"b", "a", "b"}), json({"a", "b"}));
  EXPECT_EQ(Sorted(json::array()), json::array());
  EXPECT_EQ(Sorted(json{{"a", 1}}), json::array());
}

}  // namespace
}  // namespace constellation::cloud::openstack
