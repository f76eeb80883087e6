// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/azure/azure_world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "common/status.h"

namespace constellation::cloud::azure::testing {
namespace {

using nlohmann::json;

std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "." : value;
}

// What exists before a cluster: made by `iam create` and `image upload`.
json Belongings() {
  const std::string group =
      fmt::format("/subscriptions/{}/resourceGroups/rg", kSubscription);
  const std::string gallery =
      group + "/providers/Microsoft.Compute/galleries/g";
  const json definition = {
      {"features",
       {{{"name", "SecurityType"},
         {"value", "TrustedLaunchAndConfidentialVmSupported"}}}}};
  json all = json::array();
  for (const auto& [id, properties] : std::vector<std::pair<std::string, json>>{
           {group, json::object()},
           {group + "/providers/Microsoft.ManagedIdentity/"
                    "userAssignedIdentities/nodes",
            json::object()},
           {gallery, json::object()},
           {gallery + "/images/os", definition},
           {gallery + "/images/os/versions/2.24.0", json::object()},
           {gallery + "/images/os/versions/2.25.0", json::object()}}) {
    all.push_back(
        {{"id", id}, {"location", "northeurope"}, {"properties", properties}});
  }
  return all;
}

}  // namespace

std::string SourcePath(std::string_view name) {
  return fmt::format("{}/tests/integration/azure/{}",
                     FromEnvironment("CONSTELLATION_SOURCE_DIR"), name);
}

std::string SchemaPath() {
  return fmt::format("{}/tests/integration/azure/arm_schema.json",
                     FromEnvironment("CONSTELLATION_BINARY_DIR"));
}

ScriptProcess::ScriptProcess(const std::vector<std::string>& argv,
                             std::string_view word) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe");
  }
  std::vector<char*> arguments;
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  input_ = UniqueFd(in[1]);
  close(in[0]);
  close(out[1]);
  const UniqueFd output(out[0]);
  std::string line;
  for (char c = 0; read(output.get(), &c, 1) == 1 && c != '\n';) {
    line += c;
  }
  const std::string start = fmt::format("{} ", word);
  if (!line.starts_with(start)) {
    throw std::runtime_error(argv.back() + " did not start");
  }
  value_ = line.substr(start.size());
}

ScriptProcess::~ScriptProcess() {
  input_.Reset();
  waitpid(pid_, nullptr, 0);
}

ArmStub::ArmStub()
    : process_({"/usr/bin/python3", SourcePath("arm_stub.py"), SchemaPath()},
               "port"),
      url_("http://127.0.0.1:" + process_.value()) {}

HttpResponse ArmStub::Ask(HttpRequest request) {
  request.url = url_ + request.url;
  request.max_answer_size = size_t{64} << 20U;
  absl::StatusOr<HttpResponse> answer = transport_.Send(request);
  if (!answer.ok() || answer->status != 200) {
    ADD_FAILURE() << request.url << ": "
                  << (answer.ok() ? answer->body : answer.status().ToString());
    return {};
  }
  return *std::move(answer);
}

void ArmStub::Control(const json& wish) {
  Ask({.method = "POST", .url = "/_control", .body = wish.dump()});
}

json ArmStub::Dump() {
  return json::parse(Ask({.url = "/_dump"}).body, nullptr, false);
}

std::vector<std::string> ArmStub::Owned(std::string_view uid) {
  std::vector<std::string> found;
  const json dump = Dump();
  for (const json& thing : dump["resources"]) {
    if (thing.dump().find(fmt::format("\"constellation-uid\":\"{}\"", uid)) !=
            std::string::npos ||
        thing.dump().find(fmt::format("constellation-uid={}", uid)) !=
            std::string::npos) {
      found.push_back(thing["id"]);
    }
  }
  return found;
}

AzureWorld::AzureWorld() {
  variables = {{"AZURE_TENANT_ID", "00000000-0000-4000-8000-000000000002"},
               {"AZURE_CLIENT_ID", "00000000-0000-4000-8000-00000000000a"},
               {"AZURE_CLIENT_SECRET", "s3cr3t"},
               {"AZURE_AUTHORITY_HOST", stub.url()},
               {"AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url()},
               {"AZURE_RESOURCE_MANAGER_ENDPOINT", stub.url()}};
  environment_ = [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt
                                    : std::optional(found->second);
  };
  Reset();
}

void AzureWorld::Reset() {
  stub.Control({{"reset", true}, {"resources", Belongings()}});
  storage.text().clear();
  (void)storage.Remove();
  kill.Arm(0);
}

AzureOptions AzureWorld::Options() {
  return {.settings = std::get<AzureSettings>(request.settings),
          .environment = environment_,
          .transport = transport_,
          .clock = clock,
          .runner = runner_,
          .random = [] { return 0.5; },
          .retry = {.rate_limit = {.per_second = 1000, .burst = 1000}}};
}

absl::Status AzureWorld::Start() {
  provider = MakeAzureProvider(Options());
  auto opened = Journal::Open(storage, clock, request.identity, options.window);
  if (!opened.ok()) {
    return opened.status();
  }
  journal_ = std::move(*opened);
  return absl::OkStatus();
}

EngineParts AzureWorld::Parts(const DriverRegistry& drivers) {
  return {.cluster = request.identity,
          .drivers = drivers,
          .journal = *journal_,
          .clock = clock,
          .random = [] { return 0.5; },
          .options = options};
}

EngineResult AzureWorld::Apply(const std::vector<Resource>& desired,
                               const DriverRegistry& drivers) {
  const EngineParts parts = Parts(drivers);
  auto computed = ComputePlan(parts, desired);
  if (!computed.ok()) {
    EngineResult result;
    result.status = computed.status();
    return result;
  }
  plan = *std::move(computed);
  return cloud::Apply(parts, plan);
}

EngineResult AzureWorld::Terminate(const DriverRegistry& drivers) {
  return cloud::Terminate(Parts(drivers));
}

EngineResult AzureWorld::RunApply(const ClusterRequest& wanted) {
  EngineResult result;
  result.status = Start();
  if (!result.status.ok()) {
    return result;
  }
  const auto desired = provider->Desired(wanted);
  if (!desired.ok()) {
    result.status = desired.status();
    return result;
  }
  return Apply(*desired, provider->Drivers());
}

EngineResult AzureWorld::RunTerminate() {
  EngineResult result;
  result.status = Start();
  return result.status.ok() ? Terminate(provider->Drivers()) : result;
}

}  // namespace constellation::cloud::azure::testing
