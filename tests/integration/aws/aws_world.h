// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_AWS_AWS_WORLD_H_
#define CONSTELLATION_TESTS_INTEGRATION_AWS_AWS_WORLD_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cloud/aws/aws_provider.h"
#include "cloud/aws/client.h"
#include "cloud/engine/executor.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/plan.h"
#include "cloud/engine/testing/kill_switch.h"
#include "cloud/http/curl_transport.h"
#include "common/hex.h"
#include "tests/integration/aws/aws_server.h"

namespace constellation::cloud::aws::testing {

using ::constellation::cloud::testing::KillSwitch;
using ::constellation::cloud::testing::MemoryJournalStorage;

// The system's time, except that sleeping takes none: the server's states
// change by questions, not by time.
class HastyClock final : public Clock {
 public:
  absl::Time Now() const override {
    const absl::MutexLock lock(&mutex_);
    return absl::Now() + slept_;
  }
  void Sleep(absl::Duration duration) override {
    const absl::MutexLock lock(&mutex_);
    slept_ += duration;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Duration slept_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

// The death of a process, in its network.
class MortalTransport final : public HttpTransport {
 public:
  MortalTransport(HttpTransport& inner, KillSwitch& kill)
      : inner_(inner), kill_(kill) {}
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    const std::string action = ActionOf(request);
    if (!Lives("before " + action)) {
      return MakeTransportError(TransportError::kCancelled, "killed");
    }
    auto answer = inner_.Send(request);
    return Lives("after " + action)
               ? std::move(answer)
               : MakeTransportError(TransportError::kCancelled, "killed");
  }

  // Asked, one at a time, at every step of a process that lives: "before
  // CreateVpc", "after CreateVpc" (its effect, not its answer). True: it dies.
  void DieIf(std::function<bool(const std::string& step)> dies) {
    const absl::MutexLock lock(&mutex_);
    dies_ = std::move(dies);
  }

 private:
  static std::string ActionOf(const HttpRequest& request) {
    constexpr std::string_view kField = "Action=";
    const size_t at = request.body.find(kField);
    return at == std::string::npos
               ? request.method
               : request.body.substr(
                     at + kField.size(),
                     request.body.find('&', at) - at - kField.size());
  }
  bool Lives(const std::string& step) {
    if (!kill_.Step()) {
      return false;
    }
    const absl::MutexLock lock(&mutex_);
    if (!kill_.dead() && dies_ && dies_(step)) {
      kill_.Kill();
    }
    return !kill_.dead();
  }

  HttpTransport& inner_;
  KillSwitch& kill_;
  absl::Mutex mutex_;
  std::function<bool(const std::string&)> dies_ ABSL_GUARDED_BY(mutex_);
};

// The keys of the account's owner, who may do everything.
class RootSource final : public CredentialSource {
 public:
  absl::StatusOr<Credentials> Get() override {
    return Credentials{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                       .secret_access_key = SecretBytes(AsBytes("secret"))};
  }
  void Discard() override {}
};

inline ClusterRequest SmallRequest() {
  return {.identity = {.uid = "0a1b2c3d",
                       .name = "demo",
                       .cloud = "aws",
                       .scope = "123456789012/eu-west-1"},
          .attestation_variant = "aws-sev-snp",
          .image = "ami-03cf127a",  // one that moto knows
          .groups = {{.name = "control_plane_default",
                      .role = NodeRole::kControlPlane,
                      .instance_type = "m6a.xlarge",
                      .state_disk_type = "gp3",
                      .count = 3},
                     {.name = "worker_default",
                      .role = NodeRole::kWorker,
                      .instance_type = "m6a.xlarge",
                      .state_disk_type = "gp3",
                      .count = 2}},
          .allowed_sources = {"203.0.113.7/32"},
          .init_secret_sha256 = std::string(64, 'a'),
          .tags = {{"owner", "somebody"}},
          .settings = AwsSettings{.region = "eu-west-1",
                                  .zone = "eu-west-1a",
                                  .iam_profile_control_plane = "demo-cp",
                                  .iam_profile_worker_nodes = "demo-worker"}};
}

// "Processes" that work one after the other on the server's AWS.
class AwsWorld {
 public:
  explicit AwsWorld(const nlohmann::json& settings = nlohmann::json::object()) {
    AwsServer::Get().Reset(settings);
    variables["AWS_ENDPOINT_URL"] = AwsServer::Get().Url();
    variables["AWS_ACCESS_KEY_ID"] = "AKIAIOSFODNN7EXAMPLE";
    variables["AWS_SECRET_ACCESS_KEY"] = "secret";
    variables["AWS_EC2_METADATA_DISABLED"] = "true";
    provider = MakeAwsProvider(Options());
    iam = MakeAwsIamProvider(Options());
  }

  AwsOptions Options() {
    return {.settings = std::get<AwsSettings>(request.settings),
            .environment = environment,
            .transport = transport,
            .clock = clock,
            .runner = runner};
  }

  // For what a test does beside the provider.
  ClientOptions ClientAs(CredentialSource& source) {
    return {.region = "eu-west-1",
            .environment = environment,
            .transport = transport,
            .clock = clock,
            .credentials = source};
  }

  EngineResult RunApply() {
    const auto desired = provider->Desired(request);
    EXPECT_TRUE(desired.ok()) << desired.status();
    return Run(provider->Drivers(),
               desired.ok() ? *desired : std::vector<Resource>());
  }

  EngineResult Run(const DriverRegistry& drivers,
                   const std::vector<Resource>& desired) {
    EngineResult result;
    auto journal = Journal::Open(storage, clock, request.identity);
    if (!journal.ok()) {
      result.status = journal.status();
      return result;
    }
    const EngineParts parts = Parts(drivers, **journal);
    auto computed = ComputePlan(parts, desired);
    if (!computed.ok()) {
      result.status = computed.status();
      return result;
    }
    plan = *std::move(computed);
    return Apply(parts, plan);
  }

  EngineResult RunTerminate(const DriverRegistry* drivers = nullptr) {
    EngineResult result;
    auto journal = Journal::Open(storage, clock, request.identity);
    if (!journal.ok()) {
      result.status = journal.status();
      return result;
    }
    return Terminate(
        Parts(drivers == nullptr ? provider->Drivers() : *drivers, **journal));
  }

  std::vector<std::string> Inventory() {
    return AwsServer::Get().Inventory(request.identity.uid);
  }
  // No form that the cloud's own description does not allow.
  void ExpectNoFindings() {
    EXPECT_EQ(AwsServer::Get().Report().at("findings"),
              nlohmann::json::array());
  }

  ClusterRequest request = SmallRequest();
  std::map<std::string, std::string, std::less<>> variables;
  Environment environment =
      [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt
                                    : std::optional(found->second);
  };
  HastyClock clock;
  ProcessRunner runner;
  CurlTransport curl{CurlOptions{}};
  KillSwitch kill;
  MortalTransport transport{curl, kill};
  MemoryJournalStorage storage{kill};
  EngineOptions options = {.parallelism = 4};
  Plan plan;
  std::unique_ptr<Provider> provider;
  std::unique_ptr<IamProvider> iam;

 private:
  EngineParts Parts(const DriverRegistry& drivers, Journal& journal) {
    return {.cluster = request.identity,
            .drivers = drivers,
            .journal = journal,
            .clock = clock,
            .options = options};
  }
};

}  // namespace constellation::cloud::aws::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_AWS_AWS_WORLD_H_
