// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml/problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

TEST(ProblemsTest, NothingWrongIsOk) {
  const Problems problems;
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(problems.size(), 0U);
  EXPECT_THAT(problems.ToStatus("f.yaml"), IsOk());
}

TEST(ProblemsTest, OneMistakeIsNotCounted) {
  Problems problems;
  problems.Add(3, "three");
  EXPECT_FALSE(problems.empty());
  EXPECT_THAT(problems.ToStatus("f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "f.yaml has a mistake:\n  line 3: three"));
}

TEST(ProblemsTest, SortsByLine) {
  Problems problems;
  problems.Add(9, "nine");
  problems.Add(2, "two");
  EXPECT_EQ(problems.size(), 2U);
  EXPECT_THAT(
      problems.ToStatus("f.yaml"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "f.yaml has 2 mistakes:\n  line 2: two\n  line 9: nine"));
}

TEST(ProblemsTest, ProblemsOfOneLineKeepTheirOrder) {
  Problems problems;
  problems.Add(5, "second");
  problems.Add(4, "b");
  problems.Add(4, "a");
  EXPECT_EQ(Message(problems.ToStatus("f")),
            "f has 3 mistakes:\n  line 4: b\n  line 4: a\n  line 5: second");
}

TEST(ProblemsTest, WhatIsMissingComesFirstWithoutLine) {
  Problems problems;
  problems.Add(1, "one");
  problems.Add(0, "name is missing");
  EXPECT_EQ(Message(problems.ToStatus("f")),
            "f has 2 mistakes:\n  name is missing\n  line 1: one");
}

}  // namespace
}  // namespace constellation::cli
