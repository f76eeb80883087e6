// SPDX-License-Identifier: Apache-2.0
// What a driver believes and sends, call by call. Whole lives are run in
// tests/integration/azure.
#include "cloud/azure/arm_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

constexpr char kOperation[] = "https://management.azure.com/op/1";

class ArmDriverTest : public ::testing::Test {
 protected:
  ArmDriverTest() {
    resource_.kind = kNatGateway;
    resource_.name = "nat-gateway";
    id_ = ResourceId(scope_, "Microsoft.Network/natGateways", "demo");
    resource_.desired = {{"id", id_}, {"body", Body("nat-gateway")}};
  }

  static json Body(const std::string& name, const std::string& uid = "u1") {
    return {{"location", "northeurope"},
            {"tags",
             {{"constellation-uid", uid}, {"constellation-resource", name}}},
            {"properties", {{"idleTimeoutInMinutes", 10}}}};
  }
  static json WithState(json body, const char* state) {
    body["properties"]["provisioningState"] = state;
    return body;
  }
  void Answer(int status, const json& body, HttpHeaders headers = {}) {
    transport_.Add(HttpResponse{.status = status,
                                .headers = std::move(headers),
                                .body = body.is_null() ? "" : body.dump()});
  }
  void AnswerNothing() {
    Answer(404, {{"error", {{"code", "ResourceNotFound"}, {"message", "x"}}}});
  }
  DriverContext Context() {
    return {.cluster = cluster_,
            .resource = resource_,
            .known_id = "",
            .dependency = {},
            .stop = {}};
  }
  static const ArmKind& Nat() {
    for (const ArmKind& kind : ClusterKinds()) {
      if (kind.kind == kNatGateway) {
        return kind;
      }
    }
    return ClusterKinds().front();
  }

  const ArmScope scope_{.subscription = std::string(testing::kSubscription),
                        .resource_group = "rg"};
  const ClusterIdentity cluster_{.uid = "u1", .name = "demo"};
  Resource resource_;
  std::string id_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  ScriptedTransport transport_;
  testing::FixedTokens tokens_{"t"};
  ArmClient client_{transport_, tokens_, clock_, [] { return 0.5; }, {}};
  ArmDriver driver_{client_, Nat(), scope_};
};

TEST_F(ArmDriverTest, FindsWhatCarriesBothTags) {
  Answer(200, WithState(Body("nat-gateway"), "Succeeded"));
  ASSERT_OK_AND_ASSIGN(auto found, driver_.Find(Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, id_);
  EXPECT_EQ(found[0].state, ResourceState::kReady);
}

TEST_F(ArmDriverTest, FindsNothingElse) {
  for (const json& body :
       {Body("nat-gateway", "u2"), Body("other"), json::object(),
        WithState(Body("nat-gateway"), "Deleting")}) {
    ScriptedTransport transport;
    transport.Add(HttpResponse{.status = 200, .body = body.dump()});
    ArmClient client(transport, tokens_, clock_, [] { return 0.5; }, {});
    ArmDriver driver(client, Nat(), scope_);
    ASSERT_OK_AND_ASSIGN(const auto found, driver.Find(Context()));
    EXPECT_THAT(found, IsEmpty()) << body;
  }
}

TEST_F(ArmDriverTest, WhatFailedIsToBeChangedNotReplaced) {
  Answer(200, WithState(Body("nat-gateway"), "Failed"));
  ASSERT_OK_AND_ASSIGN(const auto found, driver_.Find(Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].state, ResourceState::kReady);
  const auto changes = driver_.Differs(Context(), found[0]);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].attribute, "provisioningState");
  EXPECT_FALSE(changes[0].needs_replacement);
}

TEST_F(ArmDriverTest, NeverPutsOnSomeoneElsesThing) {
  Answer(200, Body("nat-gateway", "u2"));
  EXPECT_EQ(CloudErrorKindOf(driver_.Create(Context(), "t").status()),
            Kind::kNameTaken);
  EXPECT_THAT(transport_.requests(), SizeIs(1));
}

TEST_F(ArmDriverTest, AnInterruptedCreateIsTakenOver) {
  Answer(200, WithState(Body("nat-gateway"), "Creating"));
  ASSERT_OK_AND_ASSIGN(const Observed made, driver_.Create(Context(), "t"));
  EXPECT_EQ(made.state, ResourceState::kPending);
  EXPECT_THAT(transport_.requests(), SizeIs(1)) << "no second PUT";
}

TEST_F(ArmDriverTest, FollowsTheOperationAndKeepsItsFailure) {
  AnswerNothing();
  Answer(201, WithState(Body("nat-gateway"), "Updating"),
         {{"azure-asyncoperation", kOperation}, {"retry-after", "10"}});
  Answer(200, {{"status", "Failed"},
               {"error", {{"code", "AllocationFailed"}, {"message", "no"}}}});
  Answer(200, WithState(Body("nat-gateway"), "Failed"));
  ASSERT_OK_AND_ASSIGN(Observed made, driver_.Create(Context(), "t"));
  EXPECT_EQ(made.state, ResourceState::kPending);
  ASSERT_OK_AND_ASSIGN(made, driver_.Refresh(Context(), made));
  EXPECT_THAT(transport_.requests(), SizeIs(2)) << "Retry-After is kept";
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(CloudErrorKindOf(driver_.Refresh(Context(), made).status()),
            Kind::kCapacity);
  EXPECT_EQ(CloudErrorKindOf(driver_.Refresh(Context(), made).status()),
            Kind::kCapacity)
      << "asked again, the cause is the same";
}

TEST_F(ArmDriverTest, DeletionsAreToldApart) {
  const Observed observed{.id = id_};
  Answer(204, nullptr);
  Answer(202, nullptr, {{"location", kOperation}});
  Answer(202, nullptr);
  Answer(400,
         {{"error",
           {{"code", "InUseNatGatewayCannotBeDeleted"}, {"message", "x"}}}});
  Answer(200, WithState(Body("nat-gateway"), "Succeeded"));
  EXPECT_EQ(CloudErrorKindOf(driver_.Delete(Context(), observed)),
            Kind::kNotFound);
  EXPECT_THAT(driver_.Delete(Context(), observed), IsOk());
  ASSERT_OK_AND_ASSIGN(Observed now, driver_.Refresh(Context(), observed));
  EXPECT_EQ(now.state, ResourceState::kDeleting);
  EXPECT_EQ(CloudErrorKindOf(driver_.Refresh(Context(), observed).status()),
            Kind::kDependency);
  ASSERT_OK_AND_ASSIGN(now, driver_.Refresh(Context(), observed));
  EXPECT_EQ(now.state, ResourceState::kReady) << "to be deleted again";
}

TEST_F(ArmDriverTest, StaysInItsGroup) {
  for (const std::string& id :
       {std::string("/subscriptions/x"), id_ + "/../../x",
        ResourceId(
            {.subscription = scope_.subscription, .resource_group = "other"},
            "Microsoft.Network/natGateways", "demo"),
        ResourceId(scope_, "Microsoft.Network/loadBalancers", "demo")}) {
    EXPECT_EQ(CloudErrorKindOf(driver_.Delete(Context(), {.id = id})),
              Kind::kInvalid)
        << id;
  }
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(ArmDriverTest, ListsWhatIsOursOnly) {
  json ours = Body("nat-gateway");
  ours["id"] = id_;
  json kubernetes = {{"id", id_ + "2"},
                     {"tags", {{"constellation-uid", "u1"}}}};
  json other = Body("x", "u2");
  other["id"] = id_ + "3";
  json elsewhere = ours;
  elsewhere["id"] = "/subscriptions/x/y";
  Answer(200, {{"value", {ours, kubernetes, other, elsewhere}}});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver_.List(cluster_));
  ASSERT_THAT(strays, SizeIs(2));
  EXPECT_EQ(strays[0].name, "nat-gateway");
  EXPECT_EQ(strays[1].name, "") << "Kubernetes'";
}

// A run died before it noted where: neither plan nor journal has an id.
TEST_F(ArmDriverTest, WithoutAnIdItsNameIsLookedFor) {
  resource_.desired = json::object();
  json ours = Body("nat-gateway");
  ours["id"] = id_;
  json sibling = Body("another");
  sibling["id"] = id_ + "2";
  Answer(200, {{"value", {sibling, ours}}});
  ASSERT_OK_AND_ASSIGN(const auto found, driver_.Find(Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, id_);
}

TEST_F(ArmDriverTest, AMissingGroupIsEmpty) {
  Answer(404,
         {{"error", {{"code", "ResourceGroupNotFound"}, {"message", "x"}}}});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver_.List(cluster_));
  EXPECT_THAT(strays, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto found, driver_.Find(Context()));
  EXPECT_THAT(found, IsEmpty());
  EXPECT_EQ(CloudErrorKindOf(driver_.Delete(Context(), {.id = id_})),
            Kind::kNotFound);
}

TEST_F(ArmDriverTest, ChangesCarryTheVersionTheyAreMadeFrom) {
  json there = Body("nat-gateway");
  there["etag"] = "W/\"7\"";
  there["properties"]["idleTimeoutInMinutes"] = 4;
  Answer(200, there);
  Answer(200, WithState(Body("nat-gateway"), "Succeeded"));
  ASSERT_OK_AND_ASSIGN(const Observed changed,
                       driver_.Update(Context(), {.id = id_}));
  EXPECT_EQ(changed.state, ResourceState::kReady);
  const HttpRequest sent = transport_.requests().at(1);
  EXPECT_EQ(sent.method, "PUT");
  EXPECT_THAT(sent.body, HasSubstr("\"idleTimeoutInMinutes\":10"));
  EXPECT_THAT(sent.headers,
              ::testing::Contains(::testing::Pair("If-Match", "W/\"7\"")));
}

const ArmKind& KindOf(std::string_view name) {
  for (const auto kinds : {ClusterKinds(), IamKinds()}) {
    for (const ArmKind& kind : kinds) {
      if (kind.kind == name) {
        return kind;
      }
    }
  }
  ADD_FAILURE() << name;
  return ClusterKinds().front();
}

TEST_F(ArmDriverTest, ScaleSetsArePatchedWithWhatDiffers) {
  ArmDriver driver(client_, KindOf(kScaleSet), scope_);
  id_ = ResourceId(scope_, kScaleSetType, "demo");
  json body = Body("nat-gateway");
  body["sku"] = {{"name", "Standard_DC4as_v5"}, {"capacity", 3}};
  body["zones"] = {"1"};
  resource_.desired = {{"id", id_}, {"body", body}};
  json there = body;
  there["sku"]["capacity"] = 2;
  there["zones"] = {"2"};
  Answer(200, there);
  Answer(200, WithState(body, "Succeeded"));
  ASSERT_THAT(driver.Update(Context(), {.id = id_}), IsOk());
  const HttpRequest sent = transport_.requests().at(1);
  EXPECT_EQ(sent.method, "PATCH");
  EXPECT_EQ(sent.body, R"({"sku":{"capacity":3,"name":"Standard_DC4as_v5"}})")
      << "the whole SKU; what would mean a new set is not sent";
}

// A group takes everything in it along.
TEST_F(ArmDriverTest, OnlyAnEmptyGroupIsDeleted) {
  ArmDriver driver(client_, KindOf(kResourceGroup), scope_);
  const Observed group{.id = ResourceGroupId(scope_)};
  Answer(200, {{"value", json::array({{{"id", "/somebody's"}}})}});
  Answer(200, {{"value", json::array()}});
  Answer(200, nullptr);
  const absl::Status full = driver.Delete(Context(), group);
  EXPECT_EQ(CloudErrorKindOf(full), Kind::kDependency);
  EXPECT_EQ(CloudErrorOf(full).subject, "/somebody's");
  EXPECT_THAT(transport_.requests(), SizeIs(1));
  EXPECT_THAT(driver.Delete(Context(), group), IsOk());
  EXPECT_EQ(transport_.requests().back().method, "DELETE");
  EXPECT_EQ(
      CloudErrorKindOf(driver.Delete(
          Context(), {.id = SubscriptionId(scope_) + "/resourceGroups/other"})),
      Kind::kInvalid);
}

TEST_F(ArmDriverTest, MarksInDescriptionsAreRead) {
  ArmDriver driver(client_, KindOf(kRoleDefinition), scope_);
  const std::string id = ResourceId(
      scope_, "Microsoft.Authorization/roleDefinitions", UuidOf("x"));
  const auto role = [&](const std::string& description) {
    return json{{"id", id}, {"properties", {{"description", description}}}};
  };
  Answer(200, {{"value", json::array({role(DescriptionMark("u1", "node-role")),
                                      role(DescriptionMark("u11", "node-role")),
                                      role("for the office")})}});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver.List(cluster_));
  ASSERT_THAT(strays, SizeIs(1)) << "one uid may begin like another";
  EXPECT_EQ(strays[0].name, "node-role");
}

TEST(ReferencesTest, AreReplacedByOutputs) {
  const Observed identity{.attributes = {{"p", {{"id", "x"}}}}};
  const auto dependency = [&](std::string_view name) {
    return name == "i" ? &identity : nullptr;
  };
  const json body = {{"a", {"@{i:/p/id}", 7}}, {"b", "@x"}};
  ASSERT_OK_AND_ASSIGN(const json resolved,
                       ResolveReferences(body, dependency));
  EXPECT_EQ(resolved, json({{"a", {"x", 7}}, {"b", "@x"}}));
  EXPECT_EQ(CloudErrorKindOf(ResolveReferences("@{i:/q}", dependency).status()),
            CloudErrorKind::kNotFound);
  EXPECT_EQ(CloudErrorKindOf(ResolveReferences("@{j:/p}", dependency).status()),
            CloudErrorKind::kNotFound);
  EXPECT_THAT(ResolveReferences("@{nothing}", dependency),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace constellation::cloud::azure
