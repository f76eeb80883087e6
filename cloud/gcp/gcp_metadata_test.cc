// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/http/testing/scripted_transport.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;

json SelfJson() {
  return {{"name", "demo-0a1b2c3d-worker-x1z2"},
          {"zone", "projects/123/zones/europe-west3-b"},
          {"networkInterfaces",
           {{{"ip", "192.168.178.5"}, {"subnetmask", "255.255.255.0"}}}},
          {"attributes",
           {{"constellation-uid", "0a1b2c3d"},
            {"constellation-role", "worker"},
            {"constellation-init-secret-hash", std::string(64, 'a')}}}};
}

json InstanceJson(const std::string& name) {
  return {{"name", name},
          {"selfLink",
           "https://www.googleapis.com/compute/v1/projects/demo-project/zones/"
           "europe-west3-b/instances/" +
               name},
          {"status", "RUNNING"},
          {"labels",
           {{"constellation-uid", "0a1b2c3d"},
            {"constellation-role", "control-plane"},
            {"constellation-node-group", "cp"}}},
          {"networkInterfaces", {{{"networkIP", "192.168.178.6"}}}}};
}

class GcpMetadataTest : public ::testing::Test {
 protected:
  void Answer(const std::string& body, int status = 200,
              HttpHeaders headers = {{"metadata-flavor", "Google"}}) {
    transport_.Add(HttpResponse{
        .status = status, .headers = std::move(headers), .body = body});
  }

  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::ScriptedTransport transport_;
  GcpMetadataClient client_{{.transport = transport_, .clock = clock_}};
};

TEST_F(GcpMetadataTest, FindsItself) {
  Answer("demo-project");
  Answer(SelfJson().dump());
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client_.Self());
  EXPECT_EQ(self.name, "demo-0a1b2c3d-worker-x1z2");
  EXPECT_EQ(self.role, NodeRole::kWorker);
  EXPECT_EQ(self.uid, "0a1b2c3d");
  EXPECT_EQ(self.zone, "europe-west3-b");
  EXPECT_EQ(self.region, "europe-west3");
  EXPECT_EQ(self.cluster_ip, "192.168.178.5");
  EXPECT_EQ(self.cluster_prefix_length, 24U);
  EXPECT_EQ(self.init_secret_sha256, std::string(64, 'a'));
  EXPECT_EQ(self.provider_id,
            "gce://demo-project/europe-west3-b/demo-0a1b2c3d-worker-x1z2");
  const HttpRequest request = transport_.requests().back();
  EXPECT_EQ(request.url,
            "http://169.254.169.254/computeMetadata/v1/instance/"
            "?recursive=true");
  EXPECT_EQ(request.headers[0].first, "Metadata-Flavor");
}

TEST(ParseSelfTest, ChecksEveryField) {
  struct Row {
    const char* field;
    std::function<void(json&)> change;
  };
  for (const Row& row : std::vector<Row>{
           {"name", [](json& j) { j["name"] = "a b"; }},
           {"name", [](json& j) { j["name"] = 7; }},
           {"zone", [](json& j) { j["zone"] = "../x"; }},
           {"constellation-uid",
            [](json& j) { j["attributes"]["constellation-uid"] = "A\n"; }},
           {"constellation-uid", [](json& j) { j["attributes"] = 7; }},
           {"role",
            [](json& j) { j["attributes"]["constellation-role"] = "root"; }},
           {"hash",
            [](json& j) {
              j["attributes"]["constellation-init-secret-hash"] = "zz";
            }},
           {"networkInterfaces",
            [](json& j) { j["networkInterfaces"] = json::object(); }},
           {"networkInterfaces", [](json& j) { j.erase("networkInterfaces"); }},
           {".ip",
            [](json& j) { j["networkInterfaces"][0]["ip"] = "fe80::1"; }},
           {".subnetmask",
            [](json& j) {
              j["networkInterfaces"][0]["subnetmask"] = "255.0.255.0";
            }},
       }) {
    json changed = SelfJson();
    row.change(changed);
    EXPECT_THAT(
        ParseSelf(changed.dump(), "p"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.field)))
        << changed;
  }
  EXPECT_THAT(ParseSelf("[]", "p"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(GcpMetadataTest, FindsItsPeers) {
  Answer("demo-project");
  Answer("0a1b2c3d");
  Answer(R"({"access_token":"t","expires_in":3000})");
  json stopped = InstanceJson("stopped");
  stopped["status"] = "TERMINATED";
  json stranger = InstanceJson("stranger");
  stranger["labels"]["constellation-uid"] = "ffffffff";
  json crooked = InstanceJson("crooked");
  crooked["name"] = "other";
  Answer(
      json(
          {{"items",
            {{"zones/europe-west3-b",
              {{"instances", {InstanceJson("a"), stopped, stranger, crooked}}}},
             {"zones/x", {{"warning", {{"code", "NONE"}}}}}}},
           {"nextPageToken", "2"}})
          .dump());
  Answer(
      json({{"items",
             {{"zones/europe-west3-b", {{"instances", {InstanceJson("b")}}}}}}})
          .dump());
  ASSERT_OK_AND_ASSIGN(const auto peers, client_.Peers());
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_EQ(peers[0].name, "a");
  EXPECT_EQ(peers[1].name, "b");
  EXPECT_EQ(peers[0].cluster_ip, "192.168.178.6");
  EXPECT_EQ(peers[0].init_secret_sha256, "");
  EXPECT_THAT(transport_.requests().back().url,
              HasSubstr("https://compute.googleapis.com/compute/v1/projects/"
                        "demo-project/aggregated/instances"));
}

TEST_F(GcpMetadataTest, SaysUnavailableIfTheApiRefuses) {
  Answer("demo-project");
  Answer("0a1b2c3d");
  Answer(R"({"access_token":"t","expires_in":3000})");
  Answer(R"({"error":{"errors":[{"reason":"forbidden"}]}})", 403);
  EXPECT_THAT(client_.Peers(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(GcpMetadataTest, BelievesOnlyTheMetadataServer) {
  Answer("10.0.0.1:6443", 200, {});
  EXPECT_THAT(client_.Endpoint(), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("Metadata-Flavor")));
}

TEST_F(GcpMetadataTest, ReadsTheEndpoint) {
  Answer("203.0.113.9:6443");
  EXPECT_THAT(client_.Endpoint(),
              IsOkAndHolds(std::string("203.0.113.9:6443")));
  for (const char* bad : {"", "203.0.113.9", ":6443", "a:0", "a:65536", "a b:1",
                          "a/b:1", "-a:1", "a:6443\n"}) {
    EXPECT_THAT(CheckEndpoint(bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
  EXPECT_THAT(CheckEndpoint("api.example.com:65535"), IsOk());
}

TEST_F(GcpMetadataTest, TellsAbsenceFromFailure) {
  Answer("", 404);
  EXPECT_THAT(client_.Endpoint(), StatusIs(absl::StatusCode::kNotFound));
  transport_.AddStatus(503);
  (void)client_.Endpoint();
  EXPECT_THAT(client_.Endpoint(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(GcpMetadataTest, ReportsIntoGuestAttributes) {
  Answer("");
  EXPECT_THAT(client_.ReportStatus("{}"), IsOk());
  EXPECT_EQ(transport_.requests()[0].method, "PUT");
  EXPECT_THAT(transport_.requests()[0].url,
              HasSubstr("guest-attributes/constellation/status"));
  EXPECT_THAT(client_.ReportStatus(std::string(8193, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(client_.EnrolledTpms(), IsOkAndHolds(std::string("[]")));
}

}  // namespace
}  // namespace constellation::cloud::gcp
