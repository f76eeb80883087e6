// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/aws_metadata.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/testing/function_transport.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::EnvironmentOf;
using testing::FunctionTransport;
using ::testing::HasSubstr;
using testing::HeaderOf;
using ::testing::SizeIs;

constexpr char kSelf[] = "i-0123456789abcdef0";

// One machine as EC2 shows it.
struct Machine {
  std::string id = kSelf;
  std::string role = "control-plane";
  std::string uid = "0a1b2c3d";
  std::string zone = "eu-west-1a";
  std::string ip = "192.168.178.5";
  std::string digest = std::string(64, 'a');
  std::string endpoint = "demo-1.elb.eu-west-1.amazonaws.com";
};

std::string Item(const Machine& machine) {
  std::string tags;
  for (const auto& [key, value] :
       {std::pair("constellation-uid", machine.uid),
        std::pair("constellation-role", machine.role),
        std::pair("constellation-init-secret-sha256", machine.digest),
        std::pair("constellation-endpoint", machine.endpoint)}) {
    tags +=
        fmt::format("<item><key>{}</key><value>{}</value></item>", key, value);
  }
  return fmt::format(
      "<item><instanceId>{}</instanceId><instanceState><name>running</name>"
      "</instanceState><placement><availabilityZone>{}</availabilityZone>"
      "</placement><privateIpAddress>{}</privateIpAddress><tagSet>{}</tagSet>"
      "</item>",
      machine.id, machine.zone, machine.ip, tags);
}

class AwsMetadataTest : public ::testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Answer(const HttpRequest& request) {
    const auto ok = [](std::string body) {
      return HttpResponse{.status = 200, .body = std::move(body)};
    };
    const std::string& url = request.url;
    if (url.ends_with("/api/token")) {
      return ok("token");
    }
    if (url.ends_with("/instance-identity/document")) {
      return ok(document_);
    }
    if (url.ends_with("/security-credentials/")) {
      return ok("node-role");
    }
    if (url.ends_with("/security-credentials/node-role")) {
      return ok(
          "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":"
          "\"s\",\"Token\":\"t\",\"Expiration\":\"2027-01-15T12:00:00Z\"}");
    }
    if (url.starts_with("https://ec2.eu-west-1.amazonaws.com/")) {
      const bool one = request.body.find("InstanceId.1=") != std::string::npos;
      std::string items = Item(self_);
      for (const Machine& peer : peers_) {
        items += one ? "" : Item(peer);
      }
      return ok("<R><reservationSet><item><instancesSet>" + items +
                "</instancesSet></item></reservationSet></R>");
    }
    return HttpResponse{.status = 404};
  }

  std::unique_ptr<MetadataClient> Client(std::string console = "/dev/null") {
    return MakeAwsMetadataClient({.environment = environment_,
                                  .transport = transport_,
                                  .clock = clock_,
                                  .console_path = std::move(console)});
  }

  Machine self_;
  std::vector<Machine> peers_ = {
      {.id = "i-2", .role = "worker", .ip = "192.168.178.6"}};
  std::string document_ = fmt::format(
      "{{\"instanceId\":\"{}\",\"region\":\"eu-west-1\",\"availabilityZone\":"
      "\"eu-west-1a\",\"privateIp\":\"192.168.178.5\"}}",
      kSelf);
  // Variables that must not give a node other keys.
  std::map<std::string, std::string> variables_ = {
      {"AWS_ACCESS_KEY_ID", "AKIAENV"}, {"AWS_SECRET_ACCESS_KEY", "x"}};
  Environment environment_ = EnvironmentOf(variables_);
  FunctionTransport transport_{
      [this](const HttpRequest& request) { return Answer(request); }};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
};

TEST_F(AwsMetadataTest, KnowsItself) {
  const auto self = Client()->Self();
  ASSERT_THAT(self, IsOk());
  EXPECT_EQ(self->name, kSelf);
  EXPECT_EQ(self->role, NodeRole::kControlPlane);
  EXPECT_EQ(self->uid, "0a1b2c3d");
  EXPECT_EQ(self->provider_id, "aws:///eu-west-1a/" + std::string(kSelf));
  EXPECT_EQ(self->cluster_ip, "192.168.178.5");
  EXPECT_EQ(self->zone, "eu-west-1a");
  EXPECT_EQ(self->region, "eu-west-1");
  EXPECT_EQ(self->init_secret_sha256, std::string(64, 'a'));
  EXPECT_THAT(HeaderOf(transport_.requests().back(), "Authorization"),
              HasSubstr("Credential=ASIA/"));
}

TEST_F(AwsMetadataTest, KnowsPeersByUid) {
  const auto peers = Client()->Peers();
  ASSERT_THAT(peers, IsOk());
  ASSERT_THAT(*peers, SizeIs(2));
  EXPECT_EQ(peers->at(1).role, NodeRole::kWorker);
  EXPECT_EQ(peers->at(1).init_secret_sha256, "");
  EXPECT_THAT(transport_.requests().back().body,
              HasSubstr("Filter.1.Name=tag%3Aconstellation-uid&"
                        "Filter.1.Value.1=0a1b2c3d"));
}

TEST_F(AwsMetadataTest, LeavesOutPeersThatAreWrong) {
  peers_.push_back({.id = "i-3", .role = "admiral"});
  peers_.push_back({.id = "I_4"});
  peers_.push_back({.id = "i-5", .ip = "::1"});
  peers_.push_back({.id = "i-6", .ip = ""});
  const auto peers = Client()->Peers();
  ASSERT_THAT(peers, IsOk());
  EXPECT_THAT(*peers, SizeIs(2));
}

TEST_F(AwsMetadataTest, KnowsTheEndpoint) {
  EXPECT_THAT(Client()->Endpoint(),
              IsOkAndHolds("demo-1.elb.eu-west-1.amazonaws.com:6443"));
  self_.endpoint = "";
  EXPECT_THAT(Client()->Endpoint(), StatusIs(absl::StatusCode::kNotFound));
  self_.endpoint = "evil/../x";
  EXPECT_THAT(Client()->Endpoint(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Client()->EnrolledTpms(), IsOkAndHolds("[]"));
}

TEST_F(AwsMetadataTest, RefusesHostileAnswers) {
  self_.role = "root";
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  self_ = {.uid = "UPPER"};
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  self_ = {.zone = "eu-west-1b"};
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  self_ = {.ip = "1.2.3.4; rm"};
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  self_ = {.ip = ""};
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  self_ = {.digest = "abc"};
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  self_ = {.id = "i-other"};
  EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kNotFound));
  self_ = {};
  for (const char* document :
       {"", "[]", "{}",
        "{\"instanceId\":1,\"region\":\"r\",\"availabilityZone\":\"z\"}",
        "{\"instanceId\":\"i-1\",\"region\":\"x.evil.com/\","
        "\"availabilityZone\":\"z\"}"}) {
    document_ = document;
    EXPECT_THAT(Client()->Self(), StatusIs(absl::StatusCode::kInvalidArgument))
        << document;
  }
}

TEST_F(AwsMetadataTest, ReportsOnTheConsole) {
  const ::constellation::testing::TempDir folder;
  const std::string console = folder.path() + "/console";
  ASSERT_THAT(WriteFileAtomically(console, "boot\n"), IsOk());
  EXPECT_THAT(Client(console)->ReportStatus("{\"phase\":1}"), IsOk());
  EXPECT_THAT(ReadFile(console),
              IsOkAndHolds("boot\nconstellation-status: {\"phase\":1}\n"));
  EXPECT_THAT(Client(console)->ReportStatus("a\nb"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Client(console)->ReportStatus(std::string(9000, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Client(folder.path() + "/none")->ReportStatus("{}"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::cloud::aws
