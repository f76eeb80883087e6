// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_state.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bootstrapper/init_parameters.h"
#include "bootstrapper/network_names.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

// A field that must be there.
absl::StatusOr<std::string> Text(const Json& json, const char* field) {
  const auto member = json.find(field);
  if (member == json.end() || !member->is_string()) {
    return DataLoss(fmt::format("node state: {}: want a string", field));
  }
  return member->get<std::string>();
}

// Likewise, 32 octets.
absl::StatusOr<Bytes> Hex32(const Json& json, const char* field) {
  ASSIGN_OR_RETURN(const std::string text, Text(json, field));
  auto bytes = HexDecode(text);
  if (!bytes.ok() || bytes->size() != kClusterIdSize) {
    return DataLoss(
        fmt::format("node state: {}: want 32 bytes in hexadecimal", field));
  }
  return bytes;
}

}  // namespace

std::string NodeStateToJson(const NodeState& state) {
  Json json = {{"clusterID", HexEncode(state.cluster_id)},
               {"role", state.role},
               {"nodeName", state.node_name}};
  if (!state.measurement_salt.empty()) {
    json["measurementSalt"] = HexEncode(state.measurement_salt);
  }
  return json.dump(2) + "\n";
}

absl::StatusOr<NodeState> ParseNodeState(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) {
    return DataLoss("node state: want a JSON object");
  }
  NodeState state;
  ASSIGN_OR_RETURN(state.cluster_id, Hex32(document, "clusterID"));
  ASSIGN_OR_RETURN(state.role, Text(document, "role"));
  ASSIGN_OR_RETURN(state.node_name, Text(document, "nodeName"));
  if (document.contains("measurementSalt")) {
    ASSIGN_OR_RETURN(state.measurement_salt,
                     Hex32(document, "measurementSalt"));
  }
  if (state.role != kControlPlane && state.role != kWorker) {
    return DataLoss("node state: role: want control-plane or worker");
  }
  if (!IsDnsLabel(state.node_name)) {
    return DataLoss("node state: nodeName: want a DNS label");
  }
  return state;
}

}  // namespace constellation::bootstrapper
