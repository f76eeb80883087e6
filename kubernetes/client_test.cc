// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/client.h"

#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kCoreResources[] = R"({"kind":"APIResourceList","resources":[
  {"name":"configmaps","namespaced":true,"kind":"ConfigMap"},
  {"name":"nodes","namespaced":false,"kind":"Node"},
  {"name":"nodes/status","namespaced":false,"kind":"Node"}]})";

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    auto transport = std::make_unique<testing::FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<Client>(std::move(transport));
  }

  testing::FakeTransport* transport_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, GetReturnsTheObject) {
  transport_->Answer(200, R"({"kind":"ConfigMap"})");
  ASSERT_OK_AND_ASSIGN(const Json object, client_->Get("/api/v1/x"));
  EXPECT_EQ(FindString(object, {"kind"}), "ConfigMap");
  EXPECT_EQ(transport_->requests()[0].method, "GET");
  EXPECT_EQ(transport_->requests()[0].target, "/api/v1/x");
}

TEST_F(ClientTest, RefusesAnswersThatAreNoObject) {
  transport_->Answer(200, "[]");
  EXPECT_THAT(client_->Get("/x"), StatusIs(absl::StatusCode::kInvalidArgument));
  transport_->Answer(200, "not json");
  EXPECT_THAT(client_->Get("/x"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClientTest, ErrorsNameTheRequestWithoutItsQuery) {
  transport_->Answer(403, R"({"kind":"Status","message":"no"})");
  EXPECT_THAT(
      client_->Get("/x?continue=abc"),
      StatusIs(absl::StatusCode::kPermissionDenied, "GET /x: HTTP 403: no"));
  transport_->Fail(absl::UnavailableError("refused"));
  EXPECT_THAT(client_->Get("/x"),
              StatusIs(absl::StatusCode::kUnavailable, "GET /x: refused"));
}

TEST_F(ClientTest, ListFollowsPages) {
  transport_->Answer(200,
                     R"({"metadata":{"resourceVersion":"5","continue":"a/b"},
                              "items":[{"n":1},{"n":2}]})");
  transport_->Answer(
      200, R"({"metadata":{"resourceVersion":"6"},"items":[{"n":3}]})");
  ASSERT_OK_AND_ASSIGN(const ObjectList list,
                       client_->List("/x", {.labels = "a=b"}));
  EXPECT_THAT(list.items, SizeIs(3));
  EXPECT_EQ(list.resource_version, "6");
  EXPECT_EQ(transport_->requests()[0].target,
            "/x?limit=500&labelSelector=a%3Db");
  EXPECT_EQ(transport_->requests()[1].target,
            "/x?limit=500&labelSelector=a%3Db&continue=a%2Fb");
}

TEST_F(ClientTest, ListTakesNullItemsAndRefusesOthers) {
  transport_->Answer(200, R"({"metadata":{},"items":null})");
  ASSERT_OK_AND_ASSIGN(const ObjectList list, client_->List("/x"));
  EXPECT_THAT(list.items, SizeIs(0));
  transport_->Answer(200, R"({"metadata":{},"items":"x"})");
  EXPECT_THAT(client_->List("/x"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClientTest, ApplyFindsThePathByDiscovery) {
  transport_->Answer(200, kCoreResources);
  transport_->Answer(200, "{}");
  transport_->Answer(200, "{}");
  const Json object = {{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", {{"name", "c"}, {"namespace", "n"}}}};
  EXPECT_THAT(client_->Apply(object, "me", true), IsOk());
  EXPECT_THAT(client_->Apply(object, "me", false), IsOk());
  const auto requests = transport_->requests();
  ASSERT_THAT(requests, SizeIs(3));  // what was discovered is remembered
  EXPECT_EQ(requests[0].target, "/api/v1");
  EXPECT_EQ(requests[1].method, "PATCH");
  EXPECT_EQ(requests[1].content_type, "application/apply-patch+yaml");
  EXPECT_EQ(requests[1].target,
            "/api/v1/namespaces/n/configmaps/c?fieldManager=me&force=true");
  EXPECT_EQ(requests[2].target,
            "/api/v1/namespaces/n/configmaps/c?fieldManager=me&force=false");
}

TEST_F(ClientTest, PathsOfObjectsFollowTheirScope) {
  transport_->Answer(200, kCoreResources);
  EXPECT_THAT(client_->PathOfObject({{"apiVersion", "v1"},
                                     {"kind", "Node"},
                                     {"metadata", {{"name", "n"}}}}),
              IsOkAndHolds("/api/v1/nodes/n"));
  EXPECT_THAT(client_->PathOfObject({{"apiVersion", "v1"},
                                     {"kind", "ConfigMap"},
                                     {"metadata", {{"name", "system:x"}}}}),
              IsOkAndHolds("/api/v1/namespaces/default/configmaps/system%3Ax"));
}

TEST_F(ClientTest, RefusesKindsTheServerDoesNotKnow) {
  transport_->Answer(200, kCoreResources);
  EXPECT_THAT(client_->PathOfObject({{"apiVersion", "v1"},
                                     {"kind", "Secret"},
                                     {"metadata", {{"name", "n"}}}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("v1 Secret")));
  EXPECT_THAT(client_->PathOfObject({{"apiVersion", "../x"},
                                     {"kind", "Secret"},
                                     {"metadata", {{"name", "n"}}}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClientTest, VerbsHaveTheirMethods) {
  for (int i = 0; i < 4; ++i) transport_->Answer(200, "{}");
  EXPECT_THAT(client_->Create("/x", {{"a", 1}}), IsOk());
  EXPECT_THAT(client_->Replace("/x/y", {{"a", 1}}), IsOk());
  EXPECT_THAT(client_->Patch("/x/y", PatchType::kMerge, {{"a", 1}}), IsOk());
  EXPECT_THAT(client_->Delete("/x/y"), IsOk());
  const auto requests = transport_->requests();
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].body, R"({"a":1})");
  EXPECT_EQ(requests[1].method, "PUT");
  EXPECT_EQ(requests[2].method, "PATCH");
  EXPECT_EQ(requests[2].content_type, "application/merge-patch+json");
  EXPECT_EQ(requests[3].method, "DELETE");
  EXPECT_EQ(requests[3].body, "");
}

TEST_F(ClientTest, ReadyOnlyWithStatus200) {
  transport_->Answer(200, "ok");
  EXPECT_THAT(client_->CheckReady(), IsOk());
  transport_->Answer(500, "[-]etcd failed");
  EXPECT_THAT(client_->CheckReady(), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::kubernetes
