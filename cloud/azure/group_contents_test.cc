// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/group_contents.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/testing/azure_requests.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const ArmScope kScope{.subscription = std::string(testing::kSubscription),
                      .resource_group = "rg"};

json Thing(std::string_view type, std::string_view name,
           std::string_view uid = "") {
  json body{{"id", ResourceId(kScope, type, name)}};
  if (!uid.empty()) {
    body["tags"] = {{std::string(kUidTag), uid}};
  }
  return body;
}

const json kOurs =
    Thing("Microsoft.ManagedIdentity/userAssignedIdentities", "nodes", "a1");

absl::Status Check(const std::vector<json>& contents) {
  return CheckOnlyIdentities(kScope, "a1", contents);
}

TEST(GroupContentsTest, NothingAndOurIdentitiesMayGo) {
  EXPECT_THAT(Check({}), IsOk());
  EXPECT_THAT(Check({kOurs}), IsOk());
}

TEST(GroupContentsTest, NamesImagesWithTheirCommand) {
  const json gallery = Thing("Microsoft.Compute/galleries", "g");
  const json version =
      Thing("Microsoft.Compute/galleries", "g/images/os/versions/2.30.0");
  const absl::Status refused = Check({gallery, kOurs, version});
  EXPECT_THAT(refused,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("group rg would take along 2 things"),
                             HasSubstr("galleries/g\n"),
                             HasSubstr("az resource delete --ids"),
                             HasSubstr("constellation iam destroy"),
                             Not(HasSubstr("userAssignedIdentities")),
                             Not(HasSubstr("terminate")))));
  const std::string text(refused.message());
  EXPECT_LT(text.find("versions/2.30.0"), text.find("galleries/g\n"))
      << "in the order in which Azure lets them be deleted";
}

TEST(GroupContentsTest, NamesClustersWithTheirCommand) {
  EXPECT_THAT(Check({Thing("Microsoft.Compute/disks", "d", "b2")}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("1 thing that"), HasSubstr("disks/d\n"),
                             HasSubstr("Cluster b2: run `constellation "
                                       "terminate`"),
                             Not(HasSubstr("az resource")))));
}

// `terminate` removes nothing that carries the tag of these identities.
TEST(GroupContentsTest, OurTagElsewhereIsNoCluster) {
  EXPECT_THAT(
      Check({Thing("Microsoft.Compute/disks", "d", "a1")}),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("disks/d\n"), Not(HasSubstr("terminate")))));
}

// The tag alone does not make a thing ours, nor does the type.
TEST(GroupContentsTest, OthersIdentitiesAndOurTagElsewhereStay) {
  constexpr char kIdentities[] =
      "Microsoft.ManagedIdentity/userAssignedIdentities";
  for (const json& other :
       {Thing(kIdentities, "theirs", "b2"), Thing(kIdentities, "theirs"),
        Thing("Microsoft.Compute/disks", "d", "a1"), json{{"id", 7}}, json(7),
        json{{"tags", {{std::string(kUidTag), "a1"}}}}}) {
    EXPECT_THAT(Check({kOurs, other}),
                StatusIs(absl::StatusCode::kFailedPrecondition))
        << other;
  }
}

TEST(GroupContentsTest, ShowsTenAndNothingThatSteersATerminal) {
  std::vector<json> many(12, kOurs);
  for (int i = 0; i < 12; ++i) {
    many.push_back(Thing("Microsoft.Compute/disks", fmt::format("d{}", i)));
  }
  many.push_back(Thing("Microsoft.Compute/disks", "\x1b[2J", "\x1b[2J"));
  EXPECT_THAT(Check(many),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("13 things"), HasSubstr("and 3 more"),
                             Not(HasSubstr("\x1b")))));
}

}  // namespace
}  // namespace constellation::cloud::azure
