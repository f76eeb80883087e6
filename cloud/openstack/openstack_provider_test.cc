// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::Eq;
using testing::FakeCloud;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCloudsYaml[] = R"(clouds:
  c:
    auth:
      auth_url: https://keystone.example
      username: demo
      password: secret
      user_domain_name: Default
      project_id: p1
)";

class OpenStackProviderTest : public ::testing::Test {
 protected:
  OpenStackProviderTest() {
    auto& settings = std::get<OpenStackSettings>(request_.settings);
    settings.cloud = "c";
    settings.clouds_yaml_path = "/clouds.yaml";
    provider_ = MakeOpenStackProvider(
        {.settings = settings,
         .environment = cloud_.environment,
         .transport = cloud_.transport,
         .clock = cloud_.clock,
         .read_file =
             [](const std::string& path) -> absl::StatusOr<std::string> {
           return path == "/clouds.yaml"
                      ? absl::StatusOr<std::string>(kCloudsYaml)
                      : absl::NotFoundError(path);
         }});
  }
  static json Server(const char* id, const char* uid) {
    return {{"id", id},
            {"name", "demo-0a1b-node-w-0"},
            {"status", "ACTIVE"},
            {"metadata",
             {{"constellation-uid", uid},
              {"constellation-role", "worker"},
              {"constellation-group", "w"},
              {"constellation-node-ip", "10.0.0.7"}}}};
  }

  ClusterRequest request_ = testing::SmallRequest();
  FakeCloud cloud_;
  std::unique_ptr<Provider> provider_;
};

TEST_F(OpenStackProviderTest, ScopeIsProjectAndRegion) {
  EXPECT_THAT(provider_->Scope(), IsOkAndHolds(Eq("p1@R1")));
}

TEST_F(OpenStackProviderTest, HasADriverForEverythingItWants) {
  ASSERT_OK_AND_ASSIGN(const auto all, provider_->Desired(request_));
  for (const Resource& resource : all) {
    EXPECT_NE(provider_->Drivers().Get(resource.kind), nullptr)
        << resource.kind;
  }
  EXPECT_THAT(provider_->Drivers().kinds(), SizeIs(15));
}

TEST_F(OpenStackProviderTest, TheCatalogDecidesAboutTheBalancer) {
  const auto has_balancer = [&] {
    const auto all = provider_->Desired(request_);
    return all.ok() && std::ranges::any_of(*all, [](const Resource& resource) {
             return resource.kind == kKindLoadBalancer;
           });
  };
  EXPECT_TRUE(has_balancer()) << "before anybody has asked";
  cloud_.SetCatalog(json::array());
  ASSERT_THAT(provider_->Scope(), IsOk());
  EXPECT_FALSE(has_balancer());
}

TEST_F(OpenStackProviderTest, LeavesOtherServersAlone) {
  cloud_.On("GET /v2.1/servers/s", {{"server", Server("s", "ffff")}});
  cloud_.transport.On("DELETE /v2.1/servers/s", 204, "");
  EXPECT_THAT(provider_->ReplaceInstance(request_.identity, "s"),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(provider_->ConsoleLog(request_.identity, "s"),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2.1/servers/s"), IsEmpty());
  cloud_.On("GET /v2.1/servers/s", {{"server", Server("s", "0a1b")}});
  EXPECT_THAT(provider_->ReplaceInstance(request_.identity, "s"), IsOk());
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2.1/servers/s"), SizeIs(1));
}

TEST_F(OpenStackProviderTest, ShowsTheEndOfTheConsole) {
  cloud_.On("GET /v2.1/servers/s", {{"server", Server("s", "0a1b")}});
  cloud_.On("POST /v2.1/servers/s/action",
            {{"output", std::string(size_t{1} << 20U, 'x') + "end"}});
  ASSERT_OK_AND_ASSIGN(const std::string log,
                       provider_->ConsoleLog(request_.identity, "s"));
  EXPECT_EQ(log.size(), size_t{1} << 20U);
  EXPECT_TRUE(log.ends_with("end"));
}

TEST_F(OpenStackProviderTest, ListsServersThatSayWhoTheyAre) {
  json odd = Server("o", "0a1b");
  odd["metadata"]["constellation-role"] = "king";
  cloud_.On("GET /v2.1/servers/detail",
            {{"servers",
              json::array({Server("a", "0a1b"), Server("b", "ffff"), odd})}});
  ASSERT_OK_AND_ASSIGN(const auto instances,
                       provider_->Instances(request_.identity));
  ASSERT_THAT(instances, SizeIs(1));
  EXPECT_EQ(instances[0].id, "a");
  EXPECT_EQ(instances[0].metadata.provider_id, "openstack:///a");
  EXPECT_EQ(instances[0].metadata.cluster_ip, "10.0.0.7");
}

TEST_F(OpenStackProviderTest, InfrastructureComesFromOutputs) {
  std::map<std::string, Observed> outputs;
  EXPECT_THAT(provider_->Infrastructure(request_, outputs),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  outputs["endpoint-address"].attributes = {{"address", "203.0.113.9"}};
  outputs["network"].id = "n";
  ASSERT_OK_AND_ASSIGN(auto made, provider_->Infrastructure(request_, outputs));
  EXPECT_EQ(made.cluster_endpoint, "203.0.113.9");
  EXPECT_EQ(made.in_cluster_endpoint, "192.168.178.10");
  EXPECT_THAT(made.api_server_cert_sans,
              ElementsAre("203.0.113.9", "192.168.178.10"));
  EXPECT_EQ(made.details.at("networkID"), "n");
  outputs["endpoint-address"].attributes = {{"address", "$(reboot)"}};
  EXPECT_THAT(provider_->Infrastructure(request_, outputs),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("want an IPv4 address")));
  request_.internal_load_balancer = true;
  ASSERT_OK_AND_ASSIGN(made, provider_->Infrastructure(request_, outputs));
  EXPECT_THAT(made.api_server_cert_sans, ElementsAre("192.168.178.10"));
}

TEST(OpenStackCaFileTest, RefusesToSwitchVerificationOff) {
  const ::constellation::testing::TempDir dir;
  const Environment environment =
      [](std::string_view) -> std::optional<std::string> {
    return std::nullopt;
  };
  const OpenStackSettings settings{.cloud = "c",
                                   .clouds_yaml_path = dir.path() + "/c.yaml"};
  const auto with = [&](const std::string& line) {
    EXPECT_THAT(
        WriteFileAtomically(settings.clouds_yaml_path, kCloudsYaml + line),
        IsOk());
    return OpenStackCaFile(settings, environment);
  };
  EXPECT_THAT(with(""), IsOkAndHolds(Eq("")));
  EXPECT_THAT(with("    cacert: /ca.pem\n"), IsOkAndHolds(Eq("/ca.pem")));
  EXPECT_THAT(with("    insecure: false\n"), IsOk());
  for (const char* line :
       {"    verify: false\n", "    verify: no\n", "    insecure: true\n"}) {
    EXPECT_THAT(with(line), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("cannot be switched off")))
        << line;
  }
}

}  // namespace
}  // namespace constellation::cloud::openstack
