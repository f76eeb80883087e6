// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_AZURE_AZURE_WORLD_H_
#define CONSTELLATION_TESTS_INTEGRATION_AZURE_AZURE_WORLD_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "cloud/azure/azure_provider.h"
#include "cloud/azure/testing/azure_requests.h"
#include "cloud/engine/executor.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/plan.h"
#include "cloud/engine/testing/kill_switch.h"
#include "cloud/http/curl_transport.h"
#include "cloud/http/environment.h"
#include "common/clock.h"
#include "common/command.h"
#include "common/unique_fd.h"

namespace constellation::cloud::azure::testing {

// Files of the build and of the sources, wherever the test runs.
std::string SourcePath(std::string_view name);
std::string SchemaPath();

// A program of ours that says one line ("`word` VALUE") when it is ready and
// ends with its input, i.e. with this object.
class ScriptProcess final {
 public:
  ScriptProcess(const std::vector<std::string>& argv, std::string_view word);
  ScriptProcess(const ScriptProcess&) = delete;
  ScriptProcess& operator=(const ScriptProcess&) = delete;
  ~ScriptProcess();

  const std::string& value() const { return value_; }

 private:
  pid_t pid_ = -1;
  UniqueFd input_;
  std::string value_;
};

// The stand-in for Azure (arm_stub.py) as a process of its own.
class ArmStub final {
 public:
  ArmStub();

  const std::string& url() const { return url_; }
  // Wishes and the whole state: see arm_stub.py.
  void Control(const nlohmann::json& wish);
  nlohmann::json Dump();
  // Ids of what has the cluster's uid, in a tag or a description.
  std::vector<std::string> Owned(std::string_view uid);

 private:
  HttpResponse Ask(HttpRequest request);

  const ScriptProcess process_;
  const std::string url_;
  CurlTransport transport_{CurlOptions{}};
};

// Dies at a chosen request: see KillSwitch.
class MortalTransport final : public HttpTransport {
 public:
  MortalTransport(HttpTransport& inner, cloud::testing::KillSwitch& kill)
      : inner_(inner), kill_(kill) {}

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    if (!kill_.Step()) {
      return MakeTransportError(TransportError::kCancelled, "killed");
    }
    absl::StatusOr<HttpResponse> answer = inner_.Send(request);
    if (!kill_.Step()) {
      return MakeTransportError(TransportError::kCancelled, "killed");
    }
    return answer;
  }

 private:
  HttpTransport& inner_;
  cloud::testing::KillSwitch& kill_;
};

// No `az` on this machine.
class NoPrograms final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(
      const std::vector<std::string>& /*argv*/,
      const CommandOptions& /*options*/) override {
    return absl::NotFoundError("no such program");
  }
};

// A subscription with a resource group, an identity and an image, and
// "processes" of the cli that work on it one after the other. Time stands still
// but for those who wait.
class AzureWorld {
 public:
  AzureWorld();

  // A new process with an empty memory; the journal's file stays.
  absl::Status Start();
  // One process that plans and applies `request`; what the plan was is in
  // `plan`.
  EngineResult RunApply(const ClusterRequest& request);
  EngineResult RunTerminate();
  // The same for any resources and drivers.
  EngineResult Apply(const std::vector<Resource>& desired,
                     const DriverRegistry& drivers);
  EngineResult Terminate(const DriverRegistry& drivers);
  EngineParts Parts(const DriverRegistry& drivers);
  AzureOptions Options();
  // Everything gone, and what a user starts from is there again.
  void Reset();

  ArmStub stub;
  FakeClock clock{absl::Now()};
  cloud::testing::KillSwitch kill;
  cloud::testing::MemoryJournalStorage storage{kill};
  ClusterRequest request = SmallRequest();
  EngineOptions options{.parallelism = 1};
  std::unique_ptr<Provider> provider;
  std::map<std::string, std::string, std::less<>> variables;
  Plan plan;

 private:
  CurlTransport curl_{CurlOptions{}};
  MortalTransport transport_{curl_, kill};
  NoPrograms runner_;
  Environment environment_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace constellation::cloud::azure::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_AZURE_AZURE_WORLD_H_
