// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/metadata_service.h"

#include <fmt/format.h>

#include "cloud/qemu/metadata_json.h"

namespace constellation::cloud::qemu {
namespace {

// `message` is ours and needs no escaping.
HttpResponse Error(int status, std::string_view message) {
  return {status, fmt::format("{{\"message\":\"{}\"}}", message)};
}

// Peers are told without the init secret's hash: it is the node's own business.
HttpResponse ServeGet(const MetadataView& view, const NodeSpec& node,
                      std::string_view path) {
  if (path == "/v1/self") {
    return {200, InstanceToJson(DescribeInstance(view, node, /*own=*/true))};
  }
  if (path == "/v1/peers") {
    std::vector<InstanceMetadata> instances;
    for (const NodeSpec& peer : view.cluster.nodes) {
      instances.push_back(DescribeInstance(view, peer, /*own=*/false));
    }
    return {200, InstancesToJson(instances)};
  }
  if (path == "/v1/endpoint") {
    const std::string endpoint = ApiServerEndpoint(view.cluster);
    return endpoint.empty() ? Error(404, "no control-plane node")
                            : HttpResponse{200, EndpointToJson(endpoint)};
  }
  if (path == "/v1/enrolled-tpms") {
    return {200, EnrolledTpmsToJson(view.enrolled_tpms)};
  }
  return Error(path == "/v1/status" ? 405 : 404, "no such item");
}

}  // namespace

InstanceMetadata DescribeInstance(const MetadataView& view,
                                  const NodeSpec& node, bool own) {
  InstanceMetadata instance;
  instance.name = node.name;
  instance.role = node.role;
  instance.uid = view.cluster.uid;
  instance.provider_id =
      fmt::format("qemu:///{}/{}", view.cluster.uid, node.name);
  instance.zone = "local";
  instance.cluster_ip = node.ClusterIp();
  instance.cluster_mac = node.ClusterMac();
  instance.time_scale = view.time_scale;
  if (own) {
    instance.init_secret_sha256 = view.cluster.init_secret_sha256;
  }
  return instance;
}

std::string ApiServerEndpoint(const ClusterSpec& cluster) {
  const NodeSpec* first = nullptr;
  for (const NodeSpec& node : cluster.nodes) {
    if (node.role == NodeRole::kControlPlane &&
        (first == nullptr || node.index < first->index)) {
      first = &node;
    }
  }
  return first == nullptr
             ? ""
             : fmt::format("{}:{}", first->ClusterIp(), kApiServerPort);
}

HttpResponse ServeMetadata(
    const MetadataView& view, std::string_view node, const HttpRequest& request,
    const std::function<void(std::string_view json)>& on_status) {
  const NodeSpec* self = view.cluster.FindNode(node);
  if (self == nullptr) {
    return Error(404, "the node is not part of the cluster");
  }
  if (request.method == "GET") {
    return ServeGet(view, *self, request.path);
  }
  if (request.method != "POST") {
    return Error(405, "want GET or POST");
  }
  if (request.path != "/v1/status") {
    return Error(404, "no such item");
  }
  if (!CheckBootStatus(request.body).ok()) {
    return Error(400, "want one JSON object of at most 8 KiB");
  }
  on_status(request.body);
  return {200, "{}"};
}

}  // namespace constellation::cloud::qemu
