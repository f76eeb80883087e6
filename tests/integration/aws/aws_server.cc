// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/aws/aws_server.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "cloud/http/curl_transport.h"
#include "common/command.h"

namespace constellation::cloud::aws::testing {
namespace {

std::string SourceFolder() {
  const char* folder = std::getenv("CONSTELLATION_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

// Debian's interpreter: the one that has Debian's modules.
constexpr char kPython[] = "/usr/bin/python3";

std::string Schemas() {
  ProcessRunner runner;
  const auto out = RunChecked(
      runner, {SourceFolder() + "/tests/integration/clouds/get_schemas"},
      {.timeout = absl::Minutes(4)});
  if (!out.ok()) {
    ADD_FAILURE() << out.status();
    return "";
  }
  std::string text = *out;
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

AwsServer& AwsServer::Get() {
  static AwsServer server;
  if (server.pid_ < 0) {
    server.Start();
  }
  return server;
}

void AwsServer::Start() {
  const std::string schemas = Schemas();
  const std::string script =
      SourceFolder() + "/tests/integration/aws/strict_aws.py";
  std::array<int, 2> ends = {-1, -1};
  ASSERT_EQ(::pipe(ends.data()), 0);
  pid_ = ::fork();
  ASSERT_GE(pid_, 0);
  if (pid_ == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(kPython, kPython, script.c_str(), schemas.c_str(), "0", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string line;
  for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) {
    line += c;
  }
  ::close(ends[0]);
  ASSERT_TRUE(line.starts_with("port ")) << "strict_aws.py did not start";
  port_ = std::atoi(line.c_str() + 5);
}

AwsServer::~AwsServer() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
}

std::string AwsServer::Url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

nlohmann::json AwsServer::Control(const std::string& method,
                                  const std::string& path,
                                  const std::string& body) {
  CurlTransport transport({});
  const auto response =
      transport.Send({.method = method,
                      .url = Url(path),
                      .headers = {{"Content-Type", "application/json"}},
                      .body = body});
  if (!response.ok() || response->status != 200) {
    ADD_FAILURE() << path << ": "
                  << (response.ok() ? response->body
                                    : response.status().ToString());
    return nlohmann::json::object();
  }
  return nlohmann::json::parse(response->body, nullptr, false);
}

void AwsServer::Reset(const nlohmann::json& settings) {
  Control("POST", "/strict/reset", settings.dump());
}

void AwsServer::Change(const nlohmann::json& settings) {
  Control("POST", "/strict/settings", settings.dump());
}

nlohmann::json AwsServer::Report() {
  return Control("GET", "/strict/report", "");
}

std::vector<std::string> AwsServer::Inventory(const std::string& uid) {
  return Control("GET", "/strict/inventory?uid=" + uid, "")
      .get<std::vector<std::string>>();
}

}  // namespace constellation::cloud::aws::testing
