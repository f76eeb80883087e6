// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/node_state.h"

#include <nlohmann/json.hpp>
#include <string>

#include "common/status.h"

namespace constellation::disk_mapper {

// The name is not checked further: it is only compared.
absl::StatusOr<DiskOwner> OwnerInNodeState(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) {
    return DataLoss("node_state.json: want a JSON object");
  }
  const auto field = document.find("clusterID");
  if (field == document.end() || !field->is_string()) {
    return DataLoss("node_state.json: want a string clusterID");
  }
  const auto id = HexDecode(field->get_ref<const std::string&>());
  if (!id.ok() || id->size() != kClusterIdSize) {
    return DataLoss("node_state.json: clusterID: want 32 bytes in hex");
  }
  const auto name = document.find("nodeName");
  if (name == document.end() || !name->is_string() ||
      name->get_ref<const std::string&>().empty()) {
    return DataLoss("node_state.json: want a string nodeName");
  }
  return DiskOwner{*id, name->get<std::string>()};
}

}  // namespace constellation::disk_mapper
