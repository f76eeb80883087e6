// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/compute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cloud/gcp/testing/gcp_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Optional;

const ClusterIdentity kCluster{.uid = "0a1b2c3d", .name = "demo"};

TEST(GcpComputeTest, MarksAreOfOneClusterOnly) {
  const json thing = {{"description", MarkOf(kCluster, "net")}};
  EXPECT_THAT(NameInMark(thing, kCluster), Optional(std::string("net")));
  EXPECT_EQ(NameInMark(thing, {.uid = "0a1b2c3"}), std::nullopt);
  EXPECT_EQ(NameInMark(thing, {.uid = "0a1b2c3d0"}), std::nullopt);
  EXPECT_EQ(NameInMark(json::array(), kCluster), std::nullopt);
  EXPECT_EQ(NameInMark({{"description", 7}}, kCluster), std::nullopt);
}

TEST(GcpComputeTest, TakesPathsApart) {
  EXPECT_EQ(PlaceOf("projects/p/global/networks/n"), "projects/p/global");
  EXPECT_EQ(PlaceOf("projects/p/zones/z/instances/i"), "projects/p/zones/z");
  EXPECT_EQ(PlaceOf("projects/p"), "projects/p");
  EXPECT_EQ(AfterProjects("https://x/compute/v1/projects/p/global"),
            "p/global");
  EXPECT_EQ(AfterProjects("projects/p/global"), "p/global");
  EXPECT_EQ(AfterProjects("x"), "x");
  EXPECT_EQ(IdOf({{"selfLink", "https://x/compute/v1/projects/p/a"}}),
            "projects/p/a");
  EXPECT_EQ(IdOf({{"selfLink", "https://x/"}}), "");
  EXPECT_EQ(LastPart("a/b"), "b");
}

TEST(GcpComputeTest, ComparesWhatIsWantedWithWhatIsThere) {
  const json got = {
      {"network", "https://www.googleapis.com/compute/v1/projects/p/g/n"},
      {"list", {"b", "a"}},
      {"nested", {{"x", 1}, {"more", true}}},
      {"things", {{{"k", 1}, {"extra", 2}}, {{"k", 2}}}}};
  EXPECT_TRUE(Covers(got, {{"network", "projects/p/g/n"}}));
  EXPECT_FALSE(Covers(got, {{"network", "projects/p/g/m"}}));
  EXPECT_TRUE(Covers(got, {{"list", {"a", "b"}}}));
  EXPECT_FALSE(Covers(got, {{"list", {"a", "a"}}}));
  EXPECT_FALSE(Covers(got, {{"list", {"a"}}}));
  EXPECT_TRUE(Covers(got, {{"nested", {{"x", 1}}}}));
  EXPECT_FALSE(Covers(got, {{"nested", {{"x", 2}}}}));
  EXPECT_TRUE(Covers(got, {{"things", {{{"k", 2}}, {{"k", 1}}}}}));
  EXPECT_FALSE(Covers(got, {{"missing", 1}}));
  // Google leaves out what is false or empty.
  EXPECT_TRUE(Covers(got, {{"missing", false}}));
  EXPECT_TRUE(Covers(got, {{"missing", json::array()}}));
  EXPECT_TRUE(Covers(got, {{"missing", 0}}));
  EXPECT_FALSE(Covers(got, {{"missing", "x"}}));
}

TEST(GcpComputeTest, FillsInWhatDependenciesTurnedOutToBe) {
  const Resource resource;
  const Observed address{.attributes = {{"address", "203.0.113.9"}}};
  const DriverContext context{
      .cluster = kCluster,
      .resource = resource,
      .known_id = "",
      .dependency = [&](std::string_view name) -> const Observed* {
        return name == "address" ? &address : nullptr;
      },
      .stop = {}};
  EXPECT_THAT(
      ResolveReferences({{"a", {"{ref:address:address}:6443", 7}}}, context),
      IsOkAndHolds(json({{"a", {"203.0.113.9:6443", 7}}})));
  for (const char* unknown : {"{ref:other:address}", "{ref:address:zone}"}) {
    EXPECT_THAT(ResolveReferences(unknown, context),
                StatusIs(absl::StatusCode::kNotFound))
        << unknown;
  }
  EXPECT_THAT(ResolveReferences("{ref:open", context),
              IsOkAndHolds(json("{ref:open")));
}

TEST(GcpComputeTest, RequestIdsAreUuidsOfTheirSeed) {
  const std::string id = RequestId("a");
  EXPECT_EQ(id, RequestId("a"));
  EXPECT_NE(id, RequestId("b"));
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '5');
  EXPECT_THAT(std::string("89ab"), HasSubstr(std::string(1, id[19])));
  EXPECT_EQ(EscapeQuery("a b=c/\xc3"), "a%20b%3Dc%2F%C3");
}

TEST(GcpComputeTest, NamesFollowRfc1035) {
  for (const char* good : {"a", "a-b", "a1"}) {
    EXPECT_TRUE(IsResourceName(good)) << good;
  }
  for (const char* bad : {"", "1a", "a-", "-a", "A", "a_b", "a.b"}) {
    EXPECT_FALSE(IsResourceName(bad)) << bad;
  }
  EXPECT_FALSE(IsResourceName(std::string(64, 'a')));
}

using Kind = CloudErrorKind;
using Change = Compute::Change;
using Progress = Compute::Progress;
using testing::GcpScript;

constexpr char kThing[] = "projects/p/zones/z/things/t";
constexpr char kPlace[] = "projects/p/zones/z";
constexpr char kMake[] = "POST projects/p/zones/z/things";

class ComputeTest : public ::testing::Test {
 protected:
  absl::Status Make() {
    return gcp_.compute().Start(
        {.method = "POST", .path = "projects/p/zones/z/things"}, kThing,
        Change::kMake);
  }
  absl::Status Remove() {
    return gcp_.compute().Start({.method = "DELETE", .path = kThing}, kThing,
                                Change::kDelete);
  }
  absl::StatusOr<Progress> Check(Change change = Change::kMake) {
    return gcp_.compute().Check(kThing, change, {});
  }

  GcpScript gcp_;
};

TEST_F(ComputeTest, RemembersAChangeThatRuns) {
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kNone));
  gcp_.Start(kMake, kPlace);
  ASSERT_THAT(Make(), IsOk());
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kRunning));
  EXPECT_EQ(gcp_.calls().back(), "GET projects/p/zones/z/operations/op-1");
  // Of another kind there is none.
  EXPECT_THAT(Check(Change::kDelete), IsOkAndHolds(Progress::kNone));
  gcp_.End(kPlace);
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kDone));
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kNone));
}

TEST_F(ComputeTest, WhatIsDoneAtOnceIsNotRemembered) {
  ASSERT_THAT(Make(), IsOk());
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kNone));
}

TEST_F(ComputeTest, FailuresAreToldAtOnce) {
  gcp_.Only(kMake,
            {{"name", "op-1"},
             {"status", "DONE"},
             {"error",
              {{"errors", {{{"code", "QUOTA_EXCEEDED"}, {"message", "m"}}}}}}});
  EXPECT_EQ(CloudErrorKindOf(Make()), Kind::kQuota);
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kNone));
}

// A name becomes part of a path.
TEST_F(ComputeTest, HostileNamesOfOperationsAreNotAskedFor) {
  for (const json& name : {json("../../x"), json(""), json("a b"), json(7),
                           json(std::string(257, 'a'))}) {
    gcp_.Only(kMake, {{"name", name}, {"status", "RUNNING"}});
    ASSERT_THAT(Make(), IsOk()) << name;
    gcp_.Forget();
    EXPECT_THAT(Check(), IsOkAndHolds(Progress::kNone)) << name;
    EXPECT_TRUE(gcp_.calls().empty());
  }
}

TEST_F(ComputeTest, AnOperationThatIsForgottenIsDone) {
  gcp_.Start(kMake, kPlace);
  ASSERT_THAT(Make(), IsOk());
  gcp_.Only("GET projects/p/zones/z/operations/op-1", json::object(), 404);
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kDone));
}

TEST_F(ComputeTest, AFailureToAskChangesNothing) {
  gcp_.Start(kMake, kPlace);
  ASSERT_THAT(Make(), IsOk());
  gcp_.Only("GET projects/p/zones/z/operations/op-1", json::object(), 403);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kPermissionDenied));
  gcp_.End(kPlace);
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kDone));
}

TEST_F(ComputeTest, AFailedMakingIsToldUntilAnotherChange) {
  gcp_.Start(kMake, kPlace);
  ASSERT_THAT(Make(), IsOk());
  gcp_.End(kPlace, "ZONE_RESOURCE_POOL_EXHAUSTED");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(CloudErrorKindOf(Check().status()), Kind::kCapacity);
  }
  EXPECT_THAT(gcp_.compute().TakeRefusal(kThing), IsOk());
  ASSERT_THAT(Remove(), IsOk());
  EXPECT_THAT(Check(), IsOkAndHolds(Progress::kNone));
}

TEST_F(ComputeTest, AFailedDeletionIsToldOnceEach) {
  gcp_.Start(std::string("DELETE ") + kThing, kPlace);
  ASSERT_THAT(Remove(), IsOk());
  gcp_.End(kPlace, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE");
  EXPECT_EQ(CloudErrorKindOf(Check(Change::kDelete).status()),
            Kind::kDependency);
  EXPECT_THAT(Check(Change::kDelete), IsOkAndHolds(Progress::kNone));
  EXPECT_EQ(CloudErrorKindOf(gcp_.compute().TakeRefusal(kThing)),
            Kind::kDependency);
  EXPECT_THAT(gcp_.compute().TakeRefusal(kThing), IsOk());
}

TEST_F(ComputeTest, WaitsAMinuteAtMost) {
  EXPECT_THAT(gcp_.compute().Await(kThing, Change::kMake, {}), IsOk());
  gcp_.Start(kMake, kPlace);
  ASSERT_THAT(Make(), IsOk());
  const absl::Time start = gcp_.clock().Now();
  EXPECT_EQ(CloudErrorKindOf(gcp_.compute().Await(kThing, Change::kMake, {})),
            Kind::kUnclear);
  EXPECT_GE(gcp_.clock().Now() - start, absl::Minutes(1));
  EXPECT_LE(gcp_.clock().Now() - start, absl::Seconds(70));
  // Whoever stops it does not wait.
  const absl::Time stopped = gcp_.clock().Now();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(
      gcp_.compute().Await(kThing, Change::kMake, stop.get_token()).ok());
  EXPECT_EQ(gcp_.clock().Now(), stopped);
}

}  // namespace
}  // namespace constellation::cloud::gcp
