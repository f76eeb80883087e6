// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_labels.h"

#include <gtest/gtest.h>

#include <string>

namespace constellation::bootstrapper {
namespace {

NodeIdentity At(const std::string& region, const std::string& zone) {
  NodeIdentity self;
  self.region = region;
  self.zone = zone;
  return self;
}

TEST(NodeLabelsTest, SayWhereTheMachineIs) {
  EXPECT_EQ(NodeLabels(At("eu-west-1", "eu-west-1a")),
            "topology.kubernetes.io/region=eu-west-1,"
            "topology.kubernetes.io/zone=eu-west-1a");
}

TEST(NodeLabelsTest, ANumberedZoneFollowsItsRegion) {
  EXPECT_EQ(NodeLabels(At("westeurope", "2")),
            "topology.kubernetes.io/region=westeurope,"
            "topology.kubernetes.io/zone=westeurope-2");
}

TEST(NodeLabelsTest, WhatTheCloudDoesNotSayIsLeftOut) {
  EXPECT_EQ(NodeLabels(At("", "")), "");
  EXPECT_EQ(NodeLabels(At("", "nova")), "topology.kubernetes.io/zone=nova");
  EXPECT_EQ(NodeLabels(At("", "2")), "topology.kubernetes.io/zone=2");
  EXPECT_EQ(NodeLabels(At("westeurope", "")),
            "topology.kubernetes.io/region=westeurope");
}

// kubelet would end, and the node with it.
TEST(NodeLabelsTest, WhatCannotBeALabelIsLeftOut) {
  for (const std::string& evil :
       {std::string("a:b"), std::string("-a"), std::string("a."),
        std::string("a b"), std::string("a\"b"), std::string("a,b"),
        std::string("a=b"), std::string("a/b"), std::string("\xc3\xa4"),
        std::string("a\0b", 3), std::string(64, 'a')}) {
    EXPECT_EQ(NodeLabels(At("", evil)), "") << evil;
    EXPECT_EQ(NodeLabels(At(evil, "")), "") << evil;
  }
  EXPECT_EQ(NodeLabels(At("", std::string(63, 'a'))),
            "topology.kubernetes.io/zone=" + std::string(63, 'a'));
  EXPECT_EQ(NodeLabels(At("", "A_b.c-D")),
            "topology.kubernetes.io/zone=A_b.c-D");
}

}  // namespace
}  // namespace constellation::bootstrapper
