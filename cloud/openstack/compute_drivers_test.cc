// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/compute_drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using testing::FakeCloud;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OneResource;
using ::testing::SizeIs;

class ComputeDriversTest : public ::testing::Test {
 protected:
  ResourceDriver& Use(std::string_view kind) {
    one_.resource.kind = std::string(kind);
    driver_ = MakeComputeDriver(kind, cloud_.client, catalogue_);
    return *driver_;
  }

  FakeCloud cloud_;
  Catalogue catalogue_{cloud_.client};
  OneResource one_;
  std::unique_ptr<ResourceDriver> driver_;
};

TEST_F(ComputeDriversTest, KnowsItsKindsOnly) {
  EXPECT_EQ(MakeComputeDriver(kKindNetwork, cloud_.client, catalogue_),
            nullptr);
}

TEST_F(ComputeDriversTest, TheCatalogueAsksOnce) {
  cloud_.On("GET /v2.1/flavors/detail",
            {{"flavors", json::array({{{"id", "1"}, {"name", "a"}},
                                      {{"id", "2"}, {"name", "b"}},
                                      {{"id", "3"}, {"name", "b"}}})}});
  EXPECT_EQ((*catalogue_.Flavor("a"))["id"], "1");
  EXPECT_EQ((*catalogue_.Flavor("a"))["id"], "1");
  EXPECT_THAT(cloud_.transport.requests("GET /v2.1/flavors/detail"), SizeIs(1));
  EXPECT_EQ((*catalogue_.Flavor("3"))["id"], "3") << "ids name one";
  for (const char* bad : {"b", "c"}) {
    const absl::Status status = catalogue_.Flavor(bad).status();
    EXPECT_EQ(CloudErrorKindOf(status), CloudErrorKind::kUnsupportedType);
    EXPECT_EQ(CloudErrorOf(status).subject, bad);
  }
}

// "Not found" would read as "not yet" and be waited for.
TEST_F(ComputeDriversTest, AMissingImageIsAnError) {
  EXPECT_EQ(CloudErrorKindOf(catalogue_.Image("i").status()),
            CloudErrorKind::kInvalid);
  cloud_.On("GET /v2/images/i", {{"id", "i"}});
  EXPECT_THAT(catalogue_.Image("i"), IsOk()) << "errors are not kept";
}

TEST_F(ComputeDriversTest, ServersBootFromAVolumeThatIsLargeEnough) {
  ResourceDriver& driver = Use(kKindServer);
  one_.resource.name = "node-w-0";
  one_.resource.desired = {{"flavor", "m1"},
                           {"image", "img"},
                           {"port", "port-w-0"},
                           {"boot_volume_gb", 5},
                           {"metadata", {{"constellation-uid", "0a1b"}}}};
  one_.others["port-w-0"] = {.id = "p",
                             .attributes = {{"address", "10.0.0.7"}}};
  cloud_.On("GET /v2.1/flavors/detail",
            {{"flavors", json::array({{{"id", "1"}, {"name", "m1"}}})}});
  cloud_.On("GET /v2/images/img", {{"id", "img"}, {"min_disk", 9}});
  cloud_.On("POST /v2.1/servers", {{"server", {{"id", "s"}}}}, 202);
  ASSERT_OK_AND_ASSIGN(const Observed made, driver.Create(one_.Context(), ""));
  EXPECT_EQ(made.state, ResourceState::kPending);
  const json server = cloud_.Sent("POST /v2.1/servers").at(0)["server"];
  EXPECT_EQ(server["flavorRef"], "1");
  EXPECT_EQ(server["block_device_mapping_v2"][0]["volume_size"], 9);
  EXPECT_EQ(server["metadata"]["constellation-node-ip"], "10.0.0.7");
}

TEST_F(ComputeDriversTest, TellsWhatMeansANewServer) {
  ResourceDriver& driver = Use(kKindServer);
  one_.resource.desired = {
      {"metadata",
       {{"constellation-role", "worker"}, {"constellation-image", "new"}}}};
  const auto changes = driver.Differs(
      one_.Context(), {.id = "s",
                       .attributes = {{"metadata",
                                       {{"constellation-role", "control-plane"},
                                        {"constellation-image", "old"},
                                        {"more", "x"}}}}});
  ASSERT_THAT(changes, SizeIs(2));
  for (const AttributeChange& change : changes) {
    EXPECT_EQ(change.needs_replacement,
              change.attribute == "constellation-role")
        << change.attribute;
  }
}

TEST_F(ComputeDriversTest, ExplainsWhyThereIsNoServer) {
  ResourceDriver& driver = Use(kKindServer);
  const auto state = [&](json server) {
    server["id"] = "s";
    cloud_.On("GET /v2.1/servers/s", {{"server", std::move(server)}});
    auto now = driver.Refresh(one_.Context(), {.id = "s"});
    return now.ok() ? *now : Observed{.detail = "no answer"};
  };
  EXPECT_EQ(state({{"status", "BUILD"}}).state, ResourceState::kPending);
  EXPECT_EQ(state({{"status", "SHUTOFF"}}).state, ResourceState::kReady);
  EXPECT_EQ(state({{"status", "ACTIVE"}, {"OS-EXT-STS:task_state", "deleting"}})
                .state,
            ResourceState::kDeleting);
  const Observed failed =
      state({{"status", "ERROR"},
             {"fault", {{"message", "No valid host was found."}}}});
  EXPECT_EQ(failed.state, ResourceState::kFailed);
  EXPECT_THAT(failed.detail, HasSubstr("no host has room"));
  EXPECT_EQ(failed.failure, CloudErrorKind::kCapacity);
  EXPECT_EQ(state({{"status", "ERROR"},
                   {"fault",
                    {{"message",
                      "Build of instance s aborted: VolumeLimitExceeded: "
                      "Maximum number of volumes allowed (10) exceeded for "
                      "quota 'volumes'."}}}})
                .failure,
            CloudErrorKind::kQuota);
  EXPECT_EQ(state({{"status", "ERROR"}, {"fault", {{"message", "x"}}}}).failure,
            CloudErrorKind::kLateFailure);
  EXPECT_EQ(state({{"status", "ERROR"}, {"fault", 7}}).detail, "");
}

TEST_F(ComputeDriversTest, AServerOfAnotherClusterIsNotFound) {
  ResourceDriver& driver = Use(kKindServer);
  one_.resource.name = "node-w-0";
  cloud_.On(
      "GET /v2.1/servers/detail",
      {{"servers", json::array({{{"id", "a"},
                                 {"name", "demo-0a1b-node-w-0"},
                                 {"tags", {"constellation-uid-ffff"}}},
                                {{"id", "b"},
                                 {"name", "demo-0a1b-node-w-0"},
                                 {"tags", {"constellation-uid-0a1b"}}}})}});
  ASSERT_OK_AND_ASSIGN(const auto found, driver.Find(one_.Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, "b");
  EXPECT_THAT(
      cloud_.transport.requests("GET /v2.1/servers/detail").at(0).url,
      HasSubstr("?tags=constellation-uid-0a1b&name=%5Edemo-0a1b-node-w-0%24&"));
}

class NodeDirectoryTest : public ComputeDriversTest {
 protected:
  NodeDirectoryTest() {
    one_.resource.name = std::string(kDirectoryName);
    one_.resource.desired = {{"ports", {"port-c-0"}},
                             {"servers", {"node-w-0"}}};
    one_.others["port-c-0"] = {.id = "p",
                               .attributes = {{"address", "10.0.0.7"}}};
  }
};

TEST_F(NodeDirectoryTest, IsWrittenIntoEveryServer) {
  ResourceDriver& driver = Use(kKindDirectory);
  EXPECT_EQ(CloudErrorKindOf(driver.Create(one_.Context(), "").status()),
            CloudErrorKind::kNotFound)
      << "a server is not there yet";
  one_.others["node-w-0"] = {
      .id = "s",
      .attributes = {{"metadata",
                      {{"constellation-control-planes-0", "old"},
                       {"constellation-control-planes-1", "older"},
                       {"constellation-uid", "0a1b"}}}}};
  cloud_.On("POST /v2.1/servers/s/metadata", json::object());
  cloud_.transport.On(
      "DELETE /v2.1/servers/s/metadata/constellation-control-planes-1", 204,
      "");
  ASSERT_OK_AND_ASSIGN(const Observed made, driver.Create(one_.Context(), ""));
  EXPECT_EQ(
      cloud_.Sent("POST /v2.1/servers/s/metadata").at(0),
      json({{"metadata",
             {{"constellation-control-planes-0", "node-c-0=10.0.0.7"}}}}));
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2.1/servers/s/metadata/"
                                        "constellation-control-planes-1"),
              SizeIs(1))
      << "the longer list's rest";
  EXPECT_THAT(driver.Differs(one_.Context(), made), IsEmpty());
  one_.others["port-c-0"].attributes["address"] = "10.0.0.8";
  EXPECT_THAT(driver.Differs(one_.Context(), made), SizeIs(1));
}

TEST_F(ComputeDriversTest, SweepsKubernetesVolumesOnly) {
  ResourceDriver& driver = Use(kKindVolume);
  cloud_.On(
      "GET /v3/p1/volumes/detail",
      {{"volumes",
        json::array(
            {{{"id", "k"},
              {"metadata",
               {{"cinder.csi.openstack.org/cluster", "constellation-0a1b"}}}},
             {{"id", "o"},
              {"metadata",
               {{"cinder.csi.openstack.org/cluster", "constellation-ffff"}}}},
             {{"id", "p"}}})}});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver.List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(1));
  EXPECT_EQ(strays[0].observed.id, "k");
  EXPECT_FALSE(driver.Create(one_.Context(), "").ok());
}

TEST_F(ComputeDriversTest, ServerGroupsAreKnownByNameOnly) {
  ResourceDriver& driver = Use(kKindServerGroup);
  cloud_.On(
      "GET /v2.1/os-server-groups",
      {{"server_groups",
        json::array({{{"id", "a"}, {"name", "demo-0a1b-control-planes"}},
                     {{"id", "b"}, {"name", "demo-0a1-control-planes"}}})}});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver.List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(1));
  EXPECT_EQ(strays[0].name, "control-planes");
}

}  // namespace
}  // namespace constellation::cloud::openstack
