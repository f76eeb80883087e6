// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/openstack/openstack_world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>

#include "cloud/engine/cloud_error.h"
#include "cloud/json_fields.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack::testing {
namespace {

using nlohmann::json;

std::string SourceFolder() {
  const char* folder = std::getenv("CONSTELLATION_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

Environment Variables(std::string auth_url) {
  const std::map<std::string, std::string, std::less<>> values = {
      {"OS_AUTH_URL", std::move(auth_url)},
      {"OS_USERNAME", "demo"},
      {"OS_PASSWORD", "secret"},
      {"OS_USER_DOMAIN_NAME", "Default"},
      {"OS_PROJECT_NAME", "demo"},
      {"OS_PROJECT_DOMAIN_NAME", "Default"},
      {"OS_REGION_NAME", "RegionOne"}};
  return [values](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace

Stub::Stub() {
  const std::string program =
      SourceFolder() + "/tests/integration/openstack/openstack_stub.py";
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  EXPECT_EQ(pipe2(in.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execlp("python3", "python3", "-B", program.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  input_ = UniqueFd(in[1]);
  const UniqueFd output(out[0]);
  std::string port;
  char c = 0;
  while (read(output.get(), &c, 1) == 1 && c != '\n') {
    port += c;
  }
  EXPECT_FALSE(port.empty()) << program << " did not start";
  url_ = "http://127.0.0.1:" + port;
}

Stub::~Stub() {
  input_.Reset();
  waitpid(pid_, nullptr, 0);
}

void Stub::Control(const json& body) {
  const auto answer = transport_.Send(
      {.method = "POST", .url = url_ + "/_control", .body = DumpJson(body)});
  EXPECT_TRUE(answer.ok() && answer->status == 200);
}

json Stub::Get(const std::string& path) {
  const auto answer = transport_.Send({.url = url_ + path});
  EXPECT_TRUE(answer.ok() && answer->status == 200);
  return answer.ok() ? json::parse(answer->body, nullptr, false) : json();
}

absl::StatusOr<HttpResponse> DyingTransport::Send(const HttpRequest& request) {
  const absl::Status dead = MakeCloudError(
      {.kind = CloudErrorKind::kCancelled, .message = "the process is dead"});
  if (kill_.dead() || !kill_.Step()) {
    return dead;
  }
  auto answer = inner_.Send(request);
  return kill_.Step() ? std::move(answer) : absl::StatusOr<HttpResponse>(dead);
}

World::World(std::string auth_url, Clock& clock)
    : clock_(clock), environment_(Variables(std::move(auth_url))) {
  Restart();
}

void World::Restart() {
  provider_ = MakeOpenStackProvider({.settings = {},
                                     .environment = environment_,
                                     .transport = transport_,
                                     .clock = clock_});
}

absl::StatusOr<EngineParts> World::Start() {
  Restart();
  ASSIGN_OR_RETURN(const std::string scope, provider_->Scope());
  request.identity.scope = scope;
  ASSIGN_OR_RETURN(journal_, Journal::Open(storage, clock_, request.identity,
                                           options.window));
  return EngineParts{
      .cluster = request.identity,
      .drivers = provider_->Drivers(),
      .journal = *journal_,
      .clock = clock_,
      .options = options,
      .progress = [this](const Progress& line) {
        log.push_back(fmt::format("{} {} {}", ProgressStepName(line.step),
                                  line.name, line.detail));
      }};
}

EngineResult World::Apply() {
  EngineResult result;
  const auto parts = Start();
  if (!parts.ok()) {
    result.status = parts.status();
    return result;
  }
  const auto desired = provider_->Desired(request);
  if (!desired.ok()) {
    result.status = desired.status();
    return result;
  }
  auto computed = ComputePlan(*parts, *desired);
  if (!computed.ok()) {
    result.status = computed.status();
    return result;
  }
  plan = *std::move(computed);
  return cloud::Apply(*parts, plan);
}

EngineResult World::Terminate() {
  EngineResult result;
  const auto parts = Start();
  if (!parts.ok()) {
    result.status = parts.status();
    return result;
  }
  return cloud::Terminate(*parts);
}

ClusterRequest SmallRequest(const std::string& image,
                            const std::string& external_network) {
  ClusterRequest request{
      .identity = {.uid = "0a1b2c3d", .name = "demo", .cloud = "openstack"},
      .attestation_variant = "qemu-vtpm",
      .image = image,
      .allowed_sources = {"198.51.100.7/32"},
      .init_secret_sha256 = std::string(64, 'a'),
      .tags = {{"team", "blue"}},
      .settings = OpenStackSettings{.floating_ip_pool_id = external_network}};
  request.groups = {{.name = "control_plane_default",
                     .role = NodeRole::kControlPlane,
                     .zone = "nova",
                     .instance_type = "m1a.4cd",
                     .state_disk_type = "premium",
                     .count = 3},
                    {.name = "worker_default",
                     .role = NodeRole::kWorker,
                     .instance_type = "m1a.4cd",
                     .state_disk_size_gb = 40,
                     .count = 2}};
  return request;
}

std::vector<std::string> Leftovers(const json& dump, const std::string& uid) {
  std::vector<std::string> found;
  for (const auto& [table, elements] : dump.items()) {
    for (const auto& [id, element] : elements.items()) {
      if (DumpJson(element).find(uid) != std::string::npos) {
        found.push_back(table + "/" + element.value("name", id));
      }
    }
  }
  return found;
}

}  // namespace constellation::cloud::openstack::testing
