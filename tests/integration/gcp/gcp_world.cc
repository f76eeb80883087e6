// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/gcp/gcp_world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "cloud/engine/plan.h"
#include "cloud/json_fields.h"
#include "common/command.h"

namespace constellation::cloud::gcp::testing {
namespace {

using nlohmann::json;

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT: one thread yet
  return value == nullptr ? "" : value;
}

std::string SourceDir() {
  const std::string set = Variable("CONSTELLATION_SOURCE_DIR");
  return set.empty() ? "." : set;
}

[[noreturn]] void Die(const std::string& why) {
  (void)std::fprintf(stderr, "gcp server: %s\n", why.c_str());
  std::abort();
}

// The folder that the shared script prints; fetched if it is not cached.
std::string Schemas() {
  ProcessRunner runner;
  const auto out = RunChecked(
      runner, {SourceDir() + "/tests/integration/clouds/get_schemas"});
  if (!out.ok()) {
    Die(out.status().ToString());
  }
  std::string folder = *out;
  while (!folder.empty() && folder.back() == '\n') {
    folder.pop_back();
  }
  return folder.substr(folder.rfind('\n') + 1);
}

std::string ReadLine(int fd) {
  std::string line;
  char c = 0;
  while (read(fd, &c, 1) == 1 && c != '\n') {
    line.push_back(c);
  }
  return line;
}

}  // namespace

GcpServer& GcpServer::Get() {
  static GcpServer server;  // destroyed at exit: the child ends
  return server;
}

GcpServer::GcpServer() : schemas_(Schemas()) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    Die("no pipe");
  }
  const std::string script = SourceDir() + "/tests/integration/gcp/server.py";
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execlp("python3", "python3", "-B", script.c_str(), schemas_.c_str(),
           nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  input_ = UniqueFd(in[1]);
  output_ = UniqueFd(out[0]);
  const std::string line = ReadLine(out[0]);
  if (!line.starts_with("port ")) {
    Die("did not start");
  }
  url_ = "http://127.0.0.1:" + line.substr(5);
}

GcpServer::~GcpServer() {
  input_ = UniqueFd();
  (void)kill(pid_, SIGTERM);
  int status = 0;
  (void)waitpid(pid_, &status, 0);
}

std::map<std::string, std::string> GcpServer::Variables() const {
  std::map<std::string, std::string> variables = {
      {"GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.test"}, {"GCE_METADATA_HOST", url_}};
  for (const auto& [name, path] :
       {std::pair<const char*, const char*>{"COMPUTE", "/compute/v1/"},
        {"STORAGE", "/storage/v1/"},
        {"IAM", "/iam/"},
        {"CLOUDRESOURCEMANAGER", "/crm/"},
        {"IAMCREDENTIALS", "/iamcredentials/"},
        {"SERVICEUSAGE", "/serviceusage/"}}) {
    variables[fmt::format("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", name)] =
        url_ + path;
  }
  return variables;
}

json GcpServer::Control(const std::string& path, const json& body) {
  const auto answer =
      transport_.Send({.method = body.is_null() ? "GET" : "POST",
                       .url = url_ + path,
                       .body = body.is_null() ? "" : DumpJson(body),
                       .max_answer_size = size_t{256} << 20U});
  if (!answer.ok() || answer->status != 200) {
    Die(path + ": " +
        (answer.ok() ? answer->body : answer.status().ToString()));
  }
  return json::parse(answer->body);
}

void FaultyTransport::SetFaults(const LinkFaults& faults, uint64_t seed) {
  const absl::MutexLock lock(&mutex_);
  faults_ = faults;
  random_ = seed * 2654435761U + 1;
}

double FaultyTransport::Random() {
  // Knuth's MMIX generator; its upper bits are good enough here.
  random_ = random_ * 6364136223846793005U + 1442695040888963407U;
  return static_cast<double>(random_ >> 33U) / 2147483648.0;
}

int FaultyTransport::requests() const {
  const absl::MutexLock lock(&mutex_);
  return requests_;
}

absl::StatusOr<HttpResponse> FaultyTransport::Send(const HttpRequest& request) {
  double chance = 0;
  LinkFaults faults;
  {
    const absl::MutexLock lock(&mutex_);
    ++requests_;
    chance = Random();
    faults = faults_;
  }
  const auto killed = [] {
    return MakeTransportError(TransportError::kCancelled, "killed");
  };
  if (!kill_.Step()) {
    return killed();
  }
  if (chance < faults.unavailable) {
    return HttpResponse{.status = 503, .body = "{}"};
  }
  chance -= faults.unavailable;
  if (chance < faults.throttled && chance >= 0) {
    return HttpResponse{
        .status = 403,
        .body = R"({"error":{"code":403,"message":"slower","errors":[)"
                R"({"reason":"rateLimitExceeded"}]}})"};
  }
  chance -= faults.throttled;
  auto answer = inner_.Send(request);
  if (!kill_.Step()) {
    return killed();  // executed, but the process is dead
  }
  if (chance < faults.answer_lost && chance >= 0) {
    return MakeTransportError(TransportError::kLost, "lost");
  }
  return answer;
}

GcpWorld::GcpWorld(ClusterRequest wanted)
    : request(wanted.groups.empty() ? SmallRequest() : std::move(wanted)) {
  server.Control("/_reset", json::object());
  server.Control("/_ctl", {{"auth", {{"tokens", {{"ya29.test", "tester"}}}}}});
  variables = server.Variables();
  environment = [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt
                                    : std::optional(found->second);
  };
}

absl::Status GcpWorld::Start() {
  provider =
      MakeGcpProvider({.settings = std::get<GcpSettings>(request.settings),
                       .environment = environment,
                       .transport = transport,
                       .clock = clock});
  auto opened = Journal::Open(storage, clock, request.identity, options.window);
  if (!opened.ok()) {
    return opened.status();
  }
  journal = *std::move(opened);
  return absl::OkStatus();
}

EngineResult GcpWorld::RunApply() {
  EngineResult result;
  result.status = Start();
  if (!result.status.ok()) {
    return result;
  }
  const auto desired = provider->Desired(request);
  if (!desired.ok()) {
    result.status = desired.status();
    return result;
  }
  const EngineParts parts{.cluster = request.identity,
                          .drivers = provider->Drivers(),
                          .journal = *journal,
                          .clock = clock,
                          .options = options};
  auto computed = ComputePlan(parts, *desired);
  if (!computed.ok()) {
    result.status = computed.status();
    return result;
  }
  plan = *std::move(computed);
  return Apply(parts, plan);
}

EngineResult GcpWorld::RunTerminate() {
  EngineResult result;
  result.status = Start();
  return result.status.ok() ? Terminate({.cluster = request.identity,
                                         .drivers = provider->Drivers(),
                                         .journal = *journal,
                                         .clock = clock,
                                         .options = options})
                            : result;
}

json GcpWorld::Dump() {
  return server.Control("/_dump").at("compute");
}

std::vector<std::string> GcpWorld::Leftovers() {
  std::vector<std::string> left;
  const json dump = Dump();
  for (const auto& [path, thing] : dump.items()) {
    if (DumpJson(thing).find(request.identity.uid) != std::string::npos ||
        path.find(request.identity.uid) != std::string::npos) {
      left.push_back(path);
    }
  }
  return left;
}

std::vector<std::string> GcpWorld::Problems() {
  std::vector<std::string> all;
  const json log = server.Control("/_log");
  for (const json& call : log.at("calls")) {
    for (const json& problem : call.at("problems")) {
      all.push_back(call.at("method").get<std::string>() + ": " +
                    problem.get<std::string>());
    }
  }
  return all;
}

}  // namespace constellation::cloud::gcp::testing
