// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/instances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/testing/gcp_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using testing::GcpScript;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kId[] = "projects/p/zones/europe-west3-b/instances/a";

json Instance(const std::string& name) {
  return {
      {"name", name},
      {"selfLink",
       "https://www.googleapis.com/compute/v1/projects/p/zones/"
       "europe-west3-b/instances/" +
           name},
      {"status", "RUNNING"},
      {"labels",
       {{"constellation-uid", "0a1b2c3d"},
        {"constellation-role", "control-plane"},
        {"constellation-node-group", "control-plane-default"}}},
      {"networkInterfaces", {{{"networkIP", "192.168.178.5"}}}},
      {"metadata",
       {{"items",
         {{{"key", "created-by"},
           {"value",
            "projects/1/zones/europe-west3-b/instanceGroupManagers/g"}}}}}}};
}

TEST(ParseInstanceTest, ReadsAnInstance) {
  ASSERT_OK_AND_ASSIGN(const ClusterInstance parsed,
                       ParseInstance(Instance("a"), "0a1b2c3d"));
  EXPECT_EQ(parsed.id, kId);
  EXPECT_EQ(parsed.group, "control-plane-default");
  EXPECT_EQ(parsed.state, "RUNNING");
  EXPECT_EQ(parsed.metadata.role, NodeRole::kControlPlane);
  EXPECT_EQ(parsed.metadata.zone, "europe-west3-b");
  EXPECT_EQ(parsed.metadata.cluster_ip, "192.168.178.5");
  EXPECT_EQ(parsed.metadata.provider_id, "gce://p/europe-west3-b/a");
  EXPECT_EQ(parsed.metadata.init_secret_sha256, "");
}

TEST(ParseInstanceTest, ChecksEveryField) {
  const auto refused = [](const char* key, const json& value) {
    json instance = Instance("a");
    instance[key] = value;
    EXPECT_THAT(ParseInstance(instance, "0a1b2c3d"),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << key << " " << value;
  };
  refused("name", "b");
  refused("name", 7);
  refused("name", "A");
  refused("selfLink", "projects/p/zones/z/instances/b");
  refused("selfLink", "projects/p/zones/Z/instances/a");
  refused("selfLink", "https://x/a");
  refused("labels", json::object());
  refused("labels", 7);
  refused("labels", {{"constellation-uid", "other"}});
  refused("labels",
          {{"constellation-uid", "0a1b2c3d"}, {"constellation-role", "root"}});
  refused("networkInterfaces", {{{"networkIP", "x"}}});
  refused("networkInterfaces", {{{"networkIP", "::1"}}});
  EXPECT_THAT(ParseInstance(json(), "0a1b2c3d"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // These may be missing, or are for people.
  for (const char* key : {"networkInterfaces", "status"}) {
    json instance = Instance("a");
    instance.erase(key);
    EXPECT_THAT(ParseInstance(instance, "0a1b2c3d"), IsOk()) << key;
  }
  json grouped = Instance("a");
  grouped["labels"]["constellation-node-group"] = "../x";
  ASSERT_OK_AND_ASSIGN(const ClusterInstance parsed,
                       ParseInstance(grouped, "0a1b2c3d"));
  EXPECT_EQ(parsed.group, "");
}

class GcpInstancesTest : public ::testing::Test {
 protected:
  GcpInstancesTest() {
    json foreign = Instance("c");
    foreign["labels"]["constellation-uid"] = "other";
    gcp_.Answer("GET projects/p/aggregated/instances",
                {{"items",
                  {{"zones/europe-west3-b",
                    {{"instances",
                      {Instance("b"), foreign, "hostile", Instance("a")}}}}}}});
  }

  GcpScript gcp_;
  const ClusterIdentity cluster_{.uid = "0a1b2c3d", .name = "demo"};
};

TEST_F(GcpInstancesTest, ListsThoseOfTheClusterInOrder) {
  ASSERT_OK_AND_ASSIGN(const auto instances,
                       ListInstances(gcp_.client(), "p", cluster_));
  ASSERT_THAT(instances, SizeIs(2));
  EXPECT_EQ(instances[0].metadata.name, "a");
  EXPECT_EQ(instances[1].metadata.name, "b");
  EXPECT_THAT(gcp_.calls(),
              ElementsAre("GET projects/p/aggregated/instances?maxResults=500&"
                          "filter=labels.constellation-uid%3D0a1b2c3d"));
}

TEST_F(GcpInstancesTest, RecreatesThroughTheGroup) {
  gcp_.Answer(std::string("GET ") + kId, Instance("a"));
  EXPECT_THAT(RecreateInstance(gcp_.compute(), "p", cluster_, kId), IsOk());
  EXPECT_THAT(
      gcp_.changes(),
      ElementsAre("POST projects/p/zones/europe-west3-b/instanceGroupManagers/g"
                  "/recreateInstances {\"instances\":[\"" +
                  std::string(kId) + "\"]}"));
}

TEST_F(GcpInstancesTest, TouchesNobodyElsesInstances) {
  for (const char* id :
       {"", "projects/p/zones/europe-west3-b/instances/c", "projects/q/x"}) {
    EXPECT_THAT(RecreateInstance(gcp_.compute(), "p", cluster_, id),
                StatusIs(absl::StatusCode::kNotFound))
        << id;
    EXPECT_THAT(SerialConsole(gcp_.client(), "p", cluster_, id),
                StatusIs(absl::StatusCode::kNotFound))
        << id;
  }
  EXPECT_THAT(gcp_.changes(), IsEmpty());
}

TEST_F(GcpInstancesTest, WithoutAGroupNothingIsRecreated) {
  json alone = Instance("a");
  for (const json& metadata :
       {json(), json::array(), json({{"items", "x"}}),
        json({{"items", json::array({{{"key", "created-by"},
                                      {"value", "x/../B"}}})}})}) {
    alone["metadata"] = metadata;
    gcp_.Only(std::string("GET ") + kId, alone);
    EXPECT_THAT(RecreateInstance(gcp_.compute(), "p", cluster_, kId),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("no instance group")))
        << metadata;
  }
  EXPECT_THAT(gcp_.changes(), IsEmpty());
}

TEST_F(GcpInstancesTest, ReadsTheEndOfTheConsole) {
  const std::string get = std::string("GET ") + kId + "/serialPort";
  gcp_.Answer(get, {{"contents", "boot"}})
      .Answer(get, {{"contents", std::string(1024 * 1024, 'a') + "end"}})
      .Answer(get, {{"contents", 7}});
  EXPECT_THAT(SerialConsole(gcp_.client(), "p", cluster_, kId),
              IsOkAndHolds("boot"));
  EXPECT_EQ(gcp_.calls().back(), get + "?port=1");
  ASSERT_OK_AND_ASSIGN(const std::string end,
                       SerialConsole(gcp_.client(), "p", cluster_, kId));
  EXPECT_EQ(end.size(), 1024U * 1024);
  EXPECT_TRUE(end.ends_with("aend"));
  EXPECT_THAT(SerialConsole(gcp_.client(), "p", cluster_, kId),
              IsOkAndHolds(""));
}

}  // namespace
}  // namespace constellation::cloud::gcp
