// SPDX-License-Identifier: Apache-2.0
// Every body that a request can lead to, over the whole matrix of options,
// against Google's discovery document; and that the check can fail.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "cloud/gcp/compute.h"
#include "cloud/gcp/desired.h"
#include "cloud/json_fields.h"
#include "common/command.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using ::testing::HasSubstr;

// References become what a cloud would have filled in.
json Filled(const json& body) {
  const Resource resource;
  const ClusterIdentity cluster;
  const Observed address{.attributes = {{"address", "203.0.113.9"}}};
  return ResolveReferences(
             body, {.cluster = cluster,
                    .resource = resource,
                    .known_id = "",
                    .dependency = [&](std::string_view) { return &address; },
                    .stop = {}})
      .value();
}

void AddLine(std::set<std::string>& lines, const std::string& path,
             const json& body) {
  lines.insert(DumpJson({{"document", "compute.v1"},
                         {"method", "POST"},
                         {"url", "/compute/v1/" + path},
                         {"body", Filled(body)}}));
}

void AddRequests(std::set<std::string>& lines, const ClusterRequest& request) {
  const auto resources = DesiredResources(request);
  ASSERT_THAT(resources, IsOk());
  for (const Resource& resource : *resources) {
    const json& desired = resource.desired;
    if (resource.kind == "gcp.setting") {
      const bool ports = TextOf(desired, "member") == "namedPorts";
      json body = {{TextOf(desired, "member"), desired.at("value")}};
      if (ports) {
        body["fingerprint"] = "AAAA";
      }
      AddLine(lines,
              TextOf(desired, "target") +
                  (ports ? "/setNamedPorts" : "/setSecurityPolicy"),
              body);
      continue;
    }
    AddLine(lines, TextOf(desired, "parent"), desired.at("body"));
    if (desired.contains("template")) {
      AddLine(lines, TextOf(desired.at("template"), "parent"),
              {{"name", "t"},
               {"properties", desired.at("template").at("properties")}});
    }
  }
}

std::set<std::string> Matrix() {
  std::set<std::string> lines;
  for (const bool internal : {false, true}) {
    for (const bool debug : {false, true}) {
      for (const std::string variant :
           {"gcp-sev-es", "gcp-sev-snp", "gcp-tdx"}) {
        for (const bool open : {false, true}) {
          for (const int zones : {1, 2, 3}) {
            ClusterRequest request = SmallRequest();
            request.internal_load_balancer = internal;
            request.debug = debug;
            request.attestation_variant = variant;
            request.allowed_sources.assign(open ? 1 : 12,
                                           open ? "0.0.0.0/0" : "10.1.0.0/16");
            request.tags = {{"team", "a_b"}};
            for (NodeGroupRequest& group : request.groups) {
              group.instance_type =
                  variant == "gcp-tdx" ? "c3-standard-8" : "n2d-standard-4";
            }
            for (int zone = 1; zone < zones; ++zone) {
              NodeGroupRequest group = request.groups[0];
              group.name = fmt::format("group_{}", zone);
              group.zone = fmt::format("europe-west3-{}", "abc"[zone]);
              request.groups.push_back(group);
            }
            AddRequests(lines, request);
          }
        }
      }
    }
  }
  return lines;
}

CommandResult Check(const std::set<std::string>& lines) {
  std::string input;
  for (const std::string& line : lines) {
    input += line + "\n";
  }
  const char* const source = std::getenv("CONSTELLATION_SOURCE_DIR");
  ProcessRunner runner;
  return runner
      .Run({"python3", "-B",
            fmt::format("{}/tests/integration/gcp/discovery.py",
                        source == nullptr ? "." : source),
            GcpServer::Get().schemas()},
           {.input = AsBytes(input)})
      .value();
}

TEST(GcpSchemaTest, GoogleAcceptsEveryBody) {
  const std::set<std::string> lines = Matrix();
  EXPECT_GT(lines.size(), 100U);
  const CommandResult result = Check(lines);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr(fmt::format("{} requests checked, 0 "
                                                "problems",
                                                lines.size())));
}

TEST(GcpSchemaTest, TheCheckFindsMistakes) {
  const auto problem = [](const std::string& path, const json& body) {
    std::set<std::string> lines;
    AddLine(lines, path, body);
    const CommandResult result = Check(lines);
    EXPECT_EQ(result.exit_code, 1);
    return result.out;
  };
  const std::string networks = "projects/p1/global/networks";
  EXPECT_THAT(problem(networks, {{"name", "N"}}), HasSubstr("does not match"));
  EXPECT_THAT(problem(networks, {{"name", "n"}, {"mtu", "8896"}}),
              HasSubstr("not a integer"));
  EXPECT_THAT(problem(networks, {{"name", "n"}, {"autoCreate", true}}),
              HasSubstr("unknown field"));
  EXPECT_THAT(problem(networks, {{"name", "n"}, {"gatewayIPv4", "10.0.0.1"}}),
              HasSubstr("output only"));
  EXPECT_THAT(problem("projects/p1/global/nets", json::object()),
              HasSubstr("no method"));
  EXPECT_THAT(problem("projects/p1/global/instanceTemplates",
                      {{"name", "t"},
                       {"properties",
                        {{"confidentialInstanceConfig",
                          {{"confidentialInstanceType", "SEV-SNP"}}}}}}),
              HasSubstr("is none of"));
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
