// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <array>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "cloud/aws/xml.h"
#include "cloud/azure/access_token.h"
#include "cloud/azure/azure_metadata.h"
#include "cloud/azure/inventory.h"
#include "cloud/azure/testing/azure_requests.h"
#include "cloud/azure/wireserver.h"
#include "cloud/credentials/clouds_yaml.h"
#include "cloud/credentials/ini_file.h"
#include "cloud/credentials/testing/clouds_texts.h"
#include "cloud/gcp/gcp_metadata.h"
#include "cloud/gcp/instances.h"
#include "cloud/http/jwt.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/openstack_metadata.h"
#include "cloud/qemu/cluster_spec.h"
#include "cloud/qemu/control_protocol.h"
#include "cloud/qemu/http_server.h"
#include "cloud/qemu/metadata_json.h"
#include "common/status.h"
#include "common/unique_fd.h"
#include "tests/fuzz/cloud_texts.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using namespace cloud;  // NOLINT(build/namespaces): the parsers
using nlohmann::json;

absl::Status Only(bool right, std::string_view what) {
  return right ? absl::OkStatus() : InvalidArgument(what);
}

void AddAws(std::vector<Seed>& seeds) {
  const auto document = aws::XmlDocument::Parse(kAwsAnswer);
  Add(seeds, "cloud_aws_xml_fuzz", "describe_vpcs", TextBytes(kAwsAnswer),
      Only(document.ok() && document->result().List("vpcSet").size() == 2,
           "not two networks"));
  Add(seeds, "cloud_aws_xml_fuzz", "error", TextBytes(kAwsError),
      aws::XmlDocument::Parse(kAwsError).status());
  Add(seeds, "cloud_ini_file_fuzz", "credentials", TextBytes(kIni),
      IniFile::Parse(kIni).status());
}

void AddAzure(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "cloud_azure_metadata_fuzz";
  Add(seeds, kTarget, "instance", TextBytes(kAzureInstance),
      azure::ParseInstanceMetadata(kAzureInstance).status());
  Add(seeds, kTarget, "goal_state", TextBytes(azure::testing::kGoal),
      azure::ParseGoalState(azure::testing::kGoal).status());
  Add(seeds, kTarget, "token", TextBytes(kAzureToken),
      azure::ParseTokenAnswer({.status = 200, .body = std::string(kAzureToken)},
                              absl::FromUnixSeconds(1'800'000'000))
          .status());
  Add(seeds, kTarget, "arm_error", TextBytes(kAzureError),
      ParseJsonObject(kAzureError, "error", kAzureError.size()).status());
  const json vm = json::parse(kAzureScaleSetVm);
  Add(seeds, kTarget, "scale_set_vm", TextBytes(kAzureScaleSetVm),
      azure::ParseInstance(vm, vm["tags"], vm["nics"]).status());
}

void AddGoogle(std::vector<Seed>& seeds) {
  Add(seeds, "cloud_gcp_metadata_fuzz", "self", TextBytes(kGcpSelf),
      gcp::ParseSelf(kGcpSelf, "project").status());
  Add(seeds, "cloud_gcp_metadata_fuzz", "endpoint",
      TextBytes("192.168.178.10:6443"),
      gcp::CheckEndpoint("192.168.178.10:6443"));
  Add(seeds, "cloud_gcp_answer_fuzz", "instance", TextBytes(kGcpInstance),
      gcp::ParseInstance(json::parse(kGcpInstance), "0a1b2c3d").status());
  for (const auto& [name, text] :
       {Text{"error", kGcpError}, Text{"operation", kGcpOperation}}) {
    Add(seeds, "cloud_gcp_answer_fuzz", name, TextBytes(text),
        ParseJsonObject(text, name, text.size()).status());
  }
  const std::string token =
      Base64UrlEncode(AsBytes(R"({"alg":"RS256"})")) + "." +
      Base64UrlEncode(AsBytes(R"({"iss":"me","aud":["a"],"exp":1700000000})")) +
      "." + Base64UrlEncode(Bytes(32, 1));
  Add(seeds, "cloud_jwt_fuzz", "claims", TextBytes(token),
      JwtClaimsUnverified(token).status());
}

void AddOpenStack(std::vector<Seed>& seeds) {
  Add(seeds, "cloud_openstack_metadata_fuzz", "worker",
      TextBytes(kOpenStackDocument),
      openstack::ParseMetadataDocument(kOpenStackDocument).status());
  for (const auto& [name, text] : {Text{"yaml", cloud::testing::kTwoClouds},
                                   Text{"json", cloud::testing::kCloudsJson}}) {
    const auto clouds = ParseCloudsYaml(text, name);
    Add(seeds, "cloud_clouds_yaml_fuzz", name, TextBytes(text),
        Only(clouds.ok() && !clouds->empty(), "no cloud"));
  }
}

void AddQemuJson(std::vector<Seed>& seeds) {
  const auto add = [&](std::string_view name, const std::string& text,
                       absl::Status accepted) {
    Add(seeds, "cloud_qemu_json_fuzz", name, TextBytes(text),
        std::move(accepted));
  };
  const InstanceMetadata instance = {.name = "worker-1",
                                     .role = NodeRole::kWorker,
                                     .uid = "0a1b2c3d",
                                     .provider_id = "qemu:///0a1b2c3d/worker-1",
                                     .zone = "local",
                                     .cluster_ip = "10.42.0.12",
                                     .cluster_prefix_length = 24,
                                     .cluster_mac = "52:54:00:c1:00:02",
                                     .init_secret_sha256 = std::string(64, 'e'),
                                     .time_scale = 10};
  std::string text = qemu::InstanceToJson(instance);
  add("instance", text, qemu::ParseInstance(text).status());
  text = qemu::InstancesToJson({instance, instance});
  add("instances", text, qemu::ParseInstances(text).status());
  text = qemu::EndpointToJson("10.42.0.11:6443");
  add("endpoint", text, qemu::ParseEndpoint(text).status());
  text = qemu::EnrolledTpmsToJson("[{\"nodeName\":\"a\"}]");
  add("enrolled", text, qemu::ParseEnrolledTpms(text).status());
  qemu::ClusterSpec spec;
  spec.name = "demo";
  spec.uid = "0a1b2c3d";
  spec.image_path = "/images/node.raw";
  spec.nodes = {{.name = "cp-1",
                 .role = NodeRole::kControlPlane,
                 .index = 1,
                 .machine_id = "d58b4473-4e4b-48fe-836d-7319e288d5fd",
                 .forwards = {{6443, 20001}, {9000, 20002}}}};
  text = qemu::ClusterSpecToJson(spec);
  add("spec", text, qemu::ParseClusterSpec(text).status());
  text = qemu::ClusterStatusToJson({.name = "demo",
                                    .uid = "0a1b2c3d",
                                    .supervisor_pid = 7,
                                    .nodes = {{.spec = spec.nodes[0]}}});
  add("status", text, qemu::ParseClusterStatus(text).status());
  text = qemu::ControlAnswer(std::string("{\"pid\":7}"));
  add("answer", text, qemu::ParseControlAnswer(text).status());
  text = qemu::ControlAnswer(NotFound("no such node"));
  add("answer_error", text,
      Only(absl::IsNotFound(qemu::ParseControlAnswer(text).status()),
           "not read as an error"));
  text = R"({"phase":"kubelet","message":"joined"})";
  add("boot_status", text, qemu::CheckBootStatus(text));
}

// What `text` is to a server that reads it from a socket.
absl::Status ReadRequest(std::string_view text) {
  std::array<int, 2> fds{};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) {
    return Internal("socketpair");
  }
  const UniqueFd reader(fds[0]);
  UniqueFd writer(fds[1]);
  (void)!send(writer.get(), text.data(), text.size(), MSG_NOSIGNAL);
  writer.Reset();
  return qemu::ReadHttpRequest(reader.get(), 4096,
                               absl::Now() + absl::Seconds(10))
      .status();
}

}  // namespace

void AddCloudSeeds(std::vector<Seed>& seeds) {
  AddAws(seeds);
  AddAzure(seeds);
  AddGoogle(seeds);
  AddOpenStack(seeds);
  AddQemuJson(seeds);
  for (const auto& [name, text] :
       {Text{"get", kGetRequest}, Text{"post", kPostRequest}}) {
    Add(seeds, "cloud_qemu_http_fuzz", name, TextBytes(text),
        ReadRequest(text));
  }
}

}  // namespace constellation::fuzz
