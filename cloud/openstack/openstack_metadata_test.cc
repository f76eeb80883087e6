// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cloud/http/testing/scripted_transport.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// As nova 26 writes it, without what is not used.
json Document() {
  return {{"uuid", "a84f8fcd-27c1-4e60-837b-4d55c197325e"},
          {"name", "demo-0a1b-node-worker-default-0"},
          {"hostname", "demo-0a1b-node-worker-default-0.novalocal"},
          {"availability_zone", "nova"},
          {"launch_index", 0},
          {"meta",
           {{"constellation-uid", "0a1b"},
            {"constellation-role", "worker"},
            {"constellation-group", "worker_default"},
            {"constellation-node-ip", "192.168.178.70"},
            {"constellation-node-cidr", "192.168.178.0/24"},
            {"constellation-endpoint", "192.168.178.10:6443"},
            {"constellation-init-secret-sha256", std::string(64, 'a')},
            {"constellation-control-planes-0",
             "node-control-plane-default-0=192.168.178.71,"
             "node-control-plane-default-1=192.168.178.72"}}}};
}

class MetadataTest : public ::testing::Test {
 protected:
  void Serve(const json& document) {
    transport_.Add(HttpResponse{.status = 200, .body = DumpJson(document)});
  }
  ScriptedTransport transport_;
  OpenStackMetadataClient client_{transport_};
};

TEST_F(MetadataTest, KnowsItselfAndTheControlPlanes) {
  Serve(Document());
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client_.Self());
  EXPECT_EQ(self.name, "demo-0a1b-node-worker-default-0");
  EXPECT_EQ(self.role, NodeRole::kWorker);
  EXPECT_EQ(self.uid, "0a1b");
  EXPECT_EQ(self.provider_id,
            "openstack:///a84f8fcd-27c1-4e60-837b-4d55c197325e");
  EXPECT_EQ(self.zone, "nova");
  EXPECT_EQ(self.cluster_ip, "192.168.178.70");
  EXPECT_EQ(self.cluster_prefix_length, 24);
  EXPECT_EQ(self.init_secret_sha256, std::string(64, 'a'));
  ASSERT_OK_AND_ASSIGN(const auto peers, client_.Peers());
  ASSERT_THAT(peers, SizeIs(3));
  EXPECT_EQ(peers[1].name, "demo-0a1b-node-control-plane-default-1");
  EXPECT_EQ(peers[1].role, NodeRole::kControlPlane);
  EXPECT_EQ(peers[1].cluster_ip, "192.168.178.72");
  EXPECT_EQ(peers[2].name, self.name);
  EXPECT_THAT(peers[2].init_secret_sha256, IsEmpty());
  EXPECT_THAT(client_.Endpoint(),
              IsOkAndHolds(::testing::Eq("192.168.178.10:6443")));
  EXPECT_THAT(client_.EnrolledTpms(), IsOkAndHolds(::testing::Eq("[]")));
  EXPECT_EQ(transport_.requests()[0].url,
            "http://169.254.169.254/openstack/latest/meta_data.json");
}

TEST_F(MetadataTest, TellsTheTpmsThatTheOwnerEnrolled) {
  json document = Document();
  document["meta"]["constellation-tpm-pieces"] = "2";
  document["meta"]["constellation-tpms-0"] = R"([{"nodeName":)";
  document["meta"]["constellation-tpms-1"] = R"("a"}])";
  document["meta"]["constellation-tpms-2"] = "left over";
  Serve(document);
  EXPECT_THAT(client_.EnrolledTpms(),
              IsOkAndHolds(::testing::Eq(R"([{"nodeName":"a"}])")));
  document["meta"]["constellation-tpm-pieces"] = "3";
  EXPECT_THAT(ParseMetadataDocument(DumpJson(document)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("constellation-tpms-0: want a JSON array")));
}

TEST_F(MetadataTest, TheEndpointStandsInUntilTheListIsThere) {
  json document = Document();
  document["meta"].erase("constellation-control-planes-0");
  Serve(document);
  ASSERT_OK_AND_ASSIGN(const auto peers, client_.Peers());
  ASSERT_THAT(peers, SizeIs(2));
  EXPECT_EQ(peers[0].role, NodeRole::kControlPlane);
  EXPECT_EQ(peers[0].cluster_ip, "192.168.178.10");
}

TEST_F(MetadataTest, RefusesEveryHostileField) {
  const auto refused = [](const char* path, const json& value) {
    json document = Document();
    document[json::json_pointer(path)] = value;
    return ParseMetadataDocument(DumpJson(document)).status();
  };
  const std::vector<std::pair<const char*, json>> cases = {
      {"/name", "a b"},
      {"/name", 5},
      {"/name", std::string(64, 'a')},
      {"/uuid", ""},
      {"/uuid", "../x"},
      {"/availability_zone", "a b"},
      {"/meta/constellation-uid", "a_b"},
      {"/meta/constellation-uid", std::string(65, 'a')},
      {"/meta/constellation-role", "admin"},
      {"/meta/constellation-role", json::array()},
      {"/meta/constellation-node-ip", "192.168.179.1"},
      {"/meta/constellation-node-ip", "host"},
      {"/meta/constellation-node-cidr", "192.168.178.1/24"},
      {"/meta/constellation-endpoint", "192.168.178.10"},
      {"/meta/constellation-endpoint", "192.168.178.10:0"},
      {"/meta/constellation-endpoint", "192.168.178.10:65536"},
      {"/meta/constellation-endpoint", "192.168.178.10:06443"},
      {"/meta/constellation-endpoint", "evil.example:6443"},
      {"/meta/constellation-init-secret-sha256", "abc"},
      {"/meta/constellation-init-secret-sha256", std::string(64, 'A')},
      {"/meta/constellation-control-planes-0", 7},
      {"/meta/constellation-control-planes-0", "a=1.2.3.4,,"},
      {"/meta/constellation-control-planes-0", "a=1.2.3.4,a=1.2.3.5"},
      {"/meta/constellation-control-planes-0", "a=1.2.3"},
      {"/meta/constellation-control-planes-0",
       std::string(60, 'a') + "=1.2.3.4"}};
  for (const auto& [path, value] : cases) {
    EXPECT_THAT(refused(path, value),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << path << " " << DumpJson(value);
  }
  EXPECT_THAT(ParseMetadataDocument("[]"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseMetadataDocument(std::string(1U << 21U, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(refused("/meta", json::object()),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("not part of a cluster")));
}

TEST_F(MetadataTest, SaysWhetherToTryAgain) {
  const std::map<int, absl::StatusCode> codes = {
      {404, absl::StatusCode::kNotFound},
      {500, absl::StatusCode::kUnavailable},
      {429, absl::StatusCode::kUnavailable},
      {403, absl::StatusCode::kInvalidArgument}};
  for (const auto& [status, code] : codes) {
    ScriptedTransport transport;
    transport.AddStatus(status);
    EXPECT_THAT(OpenStackMetadataClient(transport).Self(), StatusIs(code));
  }
  transport_.AddError(TransportError::kTimeout);
  EXPECT_THAT(client_.Self(), StatusIs(absl::StatusCode::kDeadlineExceeded));
  ScriptedTransport large;
  large.AddError(TransportError::kTooLarge);
  EXPECT_THAT(OpenStackMetadataClient(large).Self(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(MetadataTest, ReportsOnTheConsole) {
  const std::string path = ::testing::TempDir() + "/openstack-console";
  std::ofstream(path) << "boot\n";
  OpenStackMetadataClient client(transport_, {.console_path = path});
  ASSERT_THAT(client.ReportStatus("{\"state\":\n \"ready\"}"), IsOk());
  EXPECT_THAT(ReadFile(path),
              IsOkAndHolds(::testing::Eq(
                  "boot\nconstellation-status {\"state\":\"ready\"}\n")));
  EXPECT_THAT(client.ReportStatus("5"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(client.ReportStatus("{\"a\":\"" + std::string(9000, 'x') + "\"}"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  std::remove(path.c_str());
}

}  // namespace
}  // namespace constellation::cloud::openstack
