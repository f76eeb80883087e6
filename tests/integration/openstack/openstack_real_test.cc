// SPDX-License-Identifier: Apache-2.0
// The same cluster against the real control plane that real/up starts. Run by
// real/run, inside the control plane's network namespace; needs
// CONSTELLATION_OPENSTACK_SEED (the seed.json that real/up writes).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/time/clock.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/json_access.h"
#include "cloud/openstack/keystone.h"
#include "cloud/openstack/openstack_metadata.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/openstack/openstack_world.h"

namespace constellation::cloud::openstack::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kAuthUrl[] = "http://127.0.0.1:5000/v3";

class OpenStackRealTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("CONSTELLATION_OPENSTACK_SEED");
    ASSERT_NE(path, nullptr) << "run tests/integration/openstack/real/run";
    ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path));
    ASSERT_OK_AND_ASSIGN(seed_, ParseJsonObject(text, "seed", text.size()));
    world_ = std::make_unique<World>(kAuthUrl, Clock::System());
    world_->request =
        SmallRequest(TextOf(seed_, "image"), TextOf(seed_, "external"));
    world_->options.parallelism = 4;
    world_->options.window = {.settle = absl::Seconds(2),
                              .longest_call = absl::Seconds(20)};
    world_->options.allow_deletion = true;
  }
  void TearDown() override {
    if (world_ != nullptr) {
      const EngineResult gone = world_->Terminate();
      EXPECT_THAT(gone.status, IsOk()) << FailuresToText(gone) << Log();
      EXPECT_THAT(Left(), IsEmpty());
    }
  }

  std::string Log() const {
    return fmt::format("{}", fmt::join(world_->log, "\n"));
  }

  // Everything of ours, by asking every driver.
  std::vector<std::string> Left() {
    std::vector<std::string> left;
    const DriverRegistry& drivers = world_->provider().Drivers();
    for (const std::string& kind : drivers.kinds()) {
      const auto strays = drivers.Get(kind)->List(world_->request.identity);
      EXPECT_THAT(strays, IsOk()) << kind;
      for (const Stray& stray : strays.value_or(std::vector<Stray>())) {
        left.push_back(kind + "/" + stray.name + "/" + stray.observed.id);
      }
    }
    return left;
  }

  json seed_;
  std::unique_ptr<World> world_;
};

TEST_F(OpenStackRealTest, CreatesPlansScalesReplacesAndTerminates) {
  ASSERT_THAT(world_->provider().CheckOnline(world_->request), IsOk());
  const EngineResult made = world_->Apply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made) << Log();
  ASSERT_OK_AND_ASSIGN(
      const ClusterInfrastructure infrastructure,
      world_->provider().Infrastructure(world_->request, made.outputs));
  EXPECT_THAT(infrastructure.cluster_endpoint, HasSubstr("203.0.113."));

  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);

  world_->request.groups[1].count = 3;
  world_->request.allowed_sources = {"203.0.113.0/24"};
  const EngineResult more = world_->Apply();
  ASSERT_THAT(more.status, IsOk()) << FailuresToText(more);
  EXPECT_EQ(world_->plan.Count(PlanAction::kReplace), 0);
  world_->request.groups[0].count = 1;
  world_->request.groups[1].count = 1;
  const EngineResult fewer = world_->Apply();
  ASSERT_THAT(fewer.status, IsOk()) << FailuresToText(fewer);
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);

  const ClusterIdentity& cluster = world_->request.identity;
  ASSERT_OK_AND_ASSIGN(const auto instances,
                       world_->provider().Instances(cluster));
  ASSERT_THAT(instances, SizeIs(2));
  EXPECT_THAT(world_->provider().ConsoleLog(cluster, instances[0].id), IsOk());
  ASSERT_THAT(world_->provider().ReplaceInstance(cluster, instances[0].id),
              IsOk());
  absl::SleepFor(absl::Seconds(5));
  const EngineResult again = world_->Apply();
  ASSERT_THAT(again.status, IsOk()) << FailuresToText(again);
}

// Keystone answers both with the same words.
TEST_F(OpenStackRealTest, WrongProjectIsToldFromWrongPassword) {
  CurlTransport curl{CurlOptions{.allow_plain_http = true}};
  const auto refusal_of = [&curl](const std::string& project,
                                  const std::string& password) {
    Keystone keystone(
        curl, Clock::System(), [](std::string_view) { return std::nullopt; },
        [&]() -> absl::StatusOr<CloudEntry> {
          return CloudEntry{{"auth.auth_url", kAuthUrl},
                            {"auth.username", "demo"},
                            {"auth.password", password},
                            {"auth.project_name", project},
                            {"auth.default_domain_name", "Default"}};
        });
    return keystone.Current().status();
  };
  EXPECT_THAT(refusal_of("demo", "secret"), IsOk());
  const absl::Status project = refusal_of("nobody", "secret");
  EXPECT_EQ(CloudErrorKindOf(project), CloudErrorKind::kWrongProject);
  EXPECT_THAT(std::string(Message(project)),
              HasSubstr("this user may choose demo"));
  EXPECT_EQ(CloudErrorKindOf(refusal_of("nobody", "wrong")),
            CloudErrorKind::kBadCredentials);
}

TEST_F(OpenStackRealTest, NodesReadTheirMetadata) {
  world_->request.groups[0].count = 2;
  world_->request.groups[1].count = 1;
  const EngineResult made = world_->Apply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  // nova-metadata knows a server by the headers that neutron's proxy adds;
  // real/run starts a proxy in its place that reads the server from this file.
  const char* chosen = std::getenv("CONSTELLATION_OPENSTACK_SERVER_FILE");
  ASSERT_NE(chosen, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto instances,
                       world_->provider().Instances(world_->request.identity));
  ASSERT_THAT(instances, SizeIs(3));
  CurlTransport curl{CurlOptions{}};
  OpenStackMetadataClient metadata(curl);
  for (const ClusterInstance& instance : instances) {
    std::ofstream(chosen) << instance.id << " " << TextOf(seed_, "project");
    ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, metadata.Self());
    EXPECT_EQ(self.name, instance.metadata.name);
    EXPECT_EQ(self.role, instance.metadata.role);
    EXPECT_EQ(self.cluster_ip, instance.metadata.cluster_ip);
    EXPECT_EQ(self.provider_id, "openstack:///" + instance.id);
    EXPECT_EQ(self.zone, "nova");
    EXPECT_EQ(self.init_secret_sha256, std::string(64, 'a'));
    ASSERT_OK_AND_ASSIGN(const auto peers, metadata.Peers());
    EXPECT_EQ(std::ranges::count(peers, NodeRole::kControlPlane,
                                 &InstanceMetadata::role),
              2);
    EXPECT_THAT(metadata.Endpoint(), ::constellation::testing::IsOkAndHolds(
                                         ::testing::Eq("192.168.178.10:6443")));
  }
}

TEST_F(OpenStackRealTest, ExplainsWhatNovaRefuses) {
  world_->request.groups[0].count = 1;
  world_->request.groups[1].count = 1;
  world_->request.groups[1].instance_type = "big";
  EXPECT_THAT(world_->provider().CheckOnline(world_->request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("quota")));
  const EngineResult quota = world_->Apply();
  ASSERT_FALSE(quota.failures.empty());
  EXPECT_EQ(quota.failures[0].error.kind, CloudErrorKind::kQuota)
      << FailuresToText(quota);
  world_->request.groups[1].instance_type = "trait";
  const EngineResult host = world_->Apply();
  EXPECT_THAT(host.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                    HasSubstr("no host has room")))
      << FailuresToText(host);
}

TEST_F(OpenStackRealTest, UploadsAnImage) {
  const std::string path = ::testing::TempDir() + "/openstack-real.raw";
  std::ofstream(path) << std::string(3'000'000, 'y');
  const ImageUpload upload{.path = path,
                           .name = "constellation",
                           .version = "v2.24.0",
                           .attestation_variant = "gcp-sev-snp"};
  ASSERT_OK_AND_ASSIGN(const std::string id,
                       world_->provider().UploadImage(upload, {}));
  ASSERT_OK_AND_ASSIGN(const std::string again,
                       world_->provider().UploadImage(upload, {}));
  EXPECT_EQ(id, again);
  std::remove(path.c_str());
}

TEST_F(OpenStackRealTest, DiesWhileMakingAndGoesOn) {
  world_->request.groups[0].count = 1;
  world_->request.groups[1].count = 0;
  for (const int step : {25, 40, 60, 80}) {
    world_->kill.Arm(step);
    (void)world_->Apply();
    EXPECT_TRUE(world_->kill.dead());
    world_->kill.Arm(0);
  }
  const EngineResult made = world_->Apply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made) << Log();
  EXPECT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);
}

}  // namespace
}  // namespace constellation::cloud::openstack::testing
