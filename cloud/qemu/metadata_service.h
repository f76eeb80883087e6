// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_METADATA_SERVICE_H_
#define CONSTELLATION_CLOUD_QEMU_METADATA_SERVICE_H_

#include <functional>
#include <string>
#include <string_view>

#include "cloud/metadata.h"
#include "cloud/qemu/cluster_spec.h"
#include "cloud/qemu/http_server.h"

namespace constellation::cloud::qemu {

// What one node may learn, at the moment of a request.
// A copy: the supervisor's state may change while it is served.
struct MetadataView {
  ClusterSpec cluster = {};
  std::string enrolled_tpms = "[]";  // JSON array
  unsigned time_scale = 1;
};

// What the node `node` of `view` is told about itself, the secret's hash
// included only if `own`.
InstanceMetadata DescribeInstance(const MetadataView& view,
                                  const NodeSpec& node, bool own);

// Host and port of the API server: the control-plane node with the lowest
// index; empty without one.
std::string ApiServerEndpoint(const ClusterSpec& cluster);

// Answers a request of the node called `node`:
//   GET /v1/self /v1/peers /v1/endpoint /v1/enrolled-tpms, POST /v1/status.
// A well-formed status is handed to `on_status`. 404 for other paths, 405 for
// other methods.
// The node is told by the socket that it came through, never by what it says.
HttpResponse ServeMetadata(
    const MetadataView& view, std::string_view node, const HttpRequest& request,
    const std::function<void(std::string_view json)>& on_status);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_METADATA_SERVICE_H_
