// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/cluster_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/json_fields.h"
#include "cloud/qemu/metadata_json.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using nlohmann::json;

constexpr size_t kMaxSpecSize = size_t{1} << 20U;
constexpr size_t kMaxNodes = 50;
constexpr uint64_t kMebibyte = uint64_t{1} << 20U;
constexpr uint64_t kMaxDisk = uint64_t{64} << 40U;
constexpr uint64_t kSpecVersion = 1;

// One form for all findings; the value is cut at 200 characters.
absl::Status Wrong(std::string_view field, std::string_view wanted,
                   std::string_view got) {
  return InvalidArgument(
      fmt::format("{}: want {}, got \"{:.200}\"", field, wanted, got));
}

// Paths are handed to QEMU and to a command line that QEMU splits.
bool IsCleanPath(std::string_view path) {
  return path.starts_with('/') && path.size() <= 1024 && IsUtf8(path) &&
         std::none_of(path.begin(), path.end(),
                      [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

// Hex digits and hyphens, at most 36; may be empty.
bool IsIdentifier(std::string_view text) {
  return text.size() <= 36 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
         });
}

// Lower case only: QEMU hands it to the guest as it is, and it is compared
// there.
bool IsUuid(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen != (text[i] == '-')) {
      return false;
    }
  }
  return text.size() == 36 && IsIdentifier(text);
}

// Zero and empty mean "not assigned yet" and pass.
absl::Status ValidateNode(const NodeSpec& node) {
  if (!IsNodeName(node.name)) {
    return Wrong("node name", "1 to 63 of [a-z0-9-]", node.name);
  }
  if (node.index > kMaxNodeIndex) {
    return Wrong("index", "0 to 200", std::to_string(node.index));
  }
  if (!node.machine_id.empty() && !IsUuid(node.machine_id)) {
    return Wrong("machine id", "a lower-case UUID", node.machine_id);
  }
  if (!node.image_path.empty() && !IsCleanPath(node.image_path)) {
    return Wrong("image path of " + node.name, "an absolute path",
                 node.image_path);
  }
  for (const auto& [guest, host] : node.forwards) {
    if (guest == 0) {
      return Wrong("forwarded port", "1 to 65535", "0");
    }
  }
  return absl::OkStatus();
}

// Names become folders, indices addresses, ports listeners: none may occur
// twice.
absl::Status ValidateNodes(const std::vector<NodeSpec>& nodes) {
  if (nodes.size() > kMaxNodes) {
    return Wrong("nodes", "at most 50", std::to_string(nodes.size()));
  }
  std::set<std::string> names;
  std::set<uint32_t> indices;
  std::set<uint16_t> ports;
  for (const NodeSpec& node : nodes) {
    RETURN_IF_ERROR(ValidateNode(node));
    if (!names.insert(node.name).second) {
      return Wrong("node names", "different ones", node.name);
    }
    if (node.index != 0 && !indices.insert(node.index).second) {
      return Wrong("indices", "different ones", std::to_string(node.index));
    }
    for (const auto& [guest, host] : node.forwards) {
      if (host != 0 && !ports.insert(host).second) {
        return Wrong("forwarded ports", "different ones", std::to_string(host));
      }
    }
  }
  return absl::OkStatus();
}

// JSON has text keys only, hence the ports as text.
json NodeToJson(const NodeSpec& node) {
  json forwards = json::object();
  for (const auto& [guest, host] : node.forwards) {
    forwards[std::to_string(guest)] = host;
  }
  return {{"name", node.name},    {"role", NodeRoleName(node.role)},
          {"index", node.index},  {"machineID", node.machine_id},
          {"forwards", forwards}, {"imagePath", node.image_path}};
}

// A port out of range leaves `guest` zero and is refused with it.
absl::StatusOr<std::map<uint16_t, uint16_t>> ParseForwards(const json& object) {
  std::map<uint16_t, uint16_t> forwards;
  if (object.size() > 32) {
    return InvalidArgument("forwards: at most 32 are allowed");
  }
  for (const auto& [key, value] : object.items()) {
    uint16_t guest = 0;
    const char* const end = key.data() + key.size();
    if (std::from_chars(key.data(), end, guest).ptr != end || guest == 0) {
      return Wrong("forwards", "a port as key", key);
    }
    JsonFields fields(object, "forwards");
    forwards[guest] = static_cast<uint16_t>(fields.Unsigned(key, 0, 65535));
    RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  }
  return forwards;
}

// Strict in keys: a file of a newer version must not be half understood and
// written back.
absl::StatusOr<NodeSpec> NodeFromJson(const json& object,
                                      std::string_view what) {
  JsonFields fields(object, what);
  NodeSpec node;
  node.name = fields.String("name", 63);
  const std::string role = fields.String("role", 32);
  node.index =
      static_cast<uint32_t>(fields.Unsigned("index", 0, kMaxNodeIndex));
  node.machine_id = fields.String("machineID", 36);
  const json* forwards = fields.Object("forwards");
  node.image_path = fields.String("imagePath", 1024);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  ASSIGN_OR_RETURN(node.role, ParseNodeRole(role));
  ASSIGN_OR_RETURN(node.forwards, ParseForwards(*forwards));
  return node;
}

// 52:54:00 is QEMU's own range of locally administered addresses.
std::string Mac(std::string_view prefix, uint32_t index) {
  return fmt::format("52:54:00:{}:{:02x}:{:02x}", prefix, index >> 8U,
                     index & 0xffU);
}

}  // namespace

std::string_view AcceleratorName(Accelerator accelerator) {
  switch (accelerator) {
    case Accelerator::kAuto:
      return "auto";
    case Accelerator::kKvm:
      return "kvm";
    case Accelerator::kEmulation:
      return "tcg";
  }
  return "auto";
}

absl::StatusOr<Accelerator> ParseAccelerator(std::string_view name) {
  for (const Accelerator accelerator :
       {Accelerator::kAuto, Accelerator::kKvm, Accelerator::kEmulation}) {
    if (name == AcceleratorName(accelerator)) {
      return accelerator;
    }
  }
  return Wrong("accelerator", "auto, kvm or tcg", name);
}

std::string NodeSpec::ClusterIp() const {
  return fmt::format("10.42.0.{}", 10 + index);
}
std::string NodeSpec::UserMac() const {
  return Mac("c0", index);
}
std::string NodeSpec::ClusterMac() const {
  return Mac("c1", index);
}

const NodeSpec* ClusterSpec::FindNode(std::string_view node_name) const {
  const auto found = std::find_if(
      nodes.begin(), nodes.end(),
      [&](const NodeSpec& node) { return node.name == node_name; });
  return found == nodes.end() ? nullptr : &*found;
}

absl::Status ValidateClusterSpec(const ClusterSpec& spec) {
  if (!IsNodeName(spec.name)) {
    return Wrong("cluster name", "1 to 63 of [a-z0-9-]", spec.name);
  }
  if (!IsIdentifier(spec.uid)) {
    return Wrong("uid", "hex digits", spec.uid);
  }
  if (!IsCleanPath(spec.image_path)) {
    return Wrong("image path", "an absolute path", spec.image_path);
  }
  if (spec.memory_mib < 64 || spec.memory_mib > 1048576) {
    return Wrong("memory", "64 to 1048576 MiB",
                 std::to_string(spec.memory_mib));
  }
  if (spec.vcpus < 1 || spec.vcpus > 128) {
    return Wrong("vcpus", "1 to 128", std::to_string(spec.vcpus));
  }
  if (spec.state_disk_bytes < kMebibyte || spec.state_disk_bytes > kMaxDisk ||
      spec.state_disk_bytes % kMebibyte != 0) {
    return Wrong("state disk size", "a multiple of 1 MiB up to 64 TiB",
                 std::to_string(spec.state_disk_bytes));
  }
  if (!spec.init_secret_sha256.empty() &&
      !IsSha256Hex(spec.init_secret_sha256)) {
    return InvalidArgument(
        "init secret hash: want 64 lower-case hex digits or nothing");
  }
  for (const std::string* path :
       {&spec.runtime_directory, &spec.relay_program}) {
    if (!path->empty() && !IsCleanPath(*path)) {
      return Wrong("path", "an absolute path", *path);
    }
  }
  return ValidateNodes(spec.nodes);
}

std::string NodeSpecToJson(const NodeSpec& node) {
  return DumpJson(NodeToJson(node));
}

absl::StatusOr<NodeSpec> ParseNodeSpec(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "node", kMaxSpecSize));
  ASSIGN_OR_RETURN(NodeSpec node, NodeFromJson(object, "node"));
  RETURN_IF_ERROR(ValidateNode(node));
  return node;
}

std::string ClusterSpecToJson(const ClusterSpec& spec) {
  json nodes = json::array();
  for (const NodeSpec& node : spec.nodes) {
    nodes.push_back(NodeToJson(node));
  }
  const json object = {{"version", kSpecVersion},
                       {"name", spec.name},
                       {"uid", spec.uid},
                       {"imagePath", spec.image_path},
                       {"memoryMiB", spec.memory_mib},
                       {"vcpus", spec.vcpus},
                       {"stateDiskBytes", spec.state_disk_bytes},
                       {"accelerator", AcceleratorName(spec.accelerator)},
                       {"outboundNetwork", spec.outbound_network},
                       {"initSecretSHA256", spec.init_secret_sha256},
                       {"nodes", nodes},
                       {"runtimeDirectory", spec.runtime_directory},
                       {"relayProgram", spec.relay_program}};
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// The file is 0600 and ours, but people edit files: everything is checked as if
// a stranger had written it.
absl::StatusOr<ClusterSpec> ParseClusterSpec(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "cluster", kMaxSpecSize));
  JsonFields fields(object, "cluster");
  ClusterSpec spec;
  fields.Unsigned("version", kSpecVersion, kSpecVersion);
  spec.name = fields.String("name", 63);
  spec.uid = fields.String("uid", 36);
  spec.image_path = fields.String("imagePath", 1024);
  spec.memory_mib =
      static_cast<uint32_t>(fields.Unsigned("memoryMiB", 64, 1048576));
  spec.vcpus = static_cast<uint32_t>(fields.Unsigned("vcpus", 1, 128));
  spec.state_disk_bytes =
      fields.Unsigned("stateDiskBytes", kMebibyte, kMaxDisk);
  const std::string accelerator = fields.String("accelerator", 8);
  spec.outbound_network = fields.Bool("outboundNetwork");
  spec.init_secret_sha256 = fields.String("initSecretSHA256", 64);
  const json* nodes = fields.Array("nodes", kMaxNodes);
  spec.runtime_directory = fields.String("runtimeDirectory", 1024);
  spec.relay_program = fields.String("relayProgram", 1024);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  ASSIGN_OR_RETURN(spec.accelerator, ParseAccelerator(accelerator));
  for (const json& element : *nodes) {
    ASSIGN_OR_RETURN(
        NodeSpec node,
        NodeFromJson(element, fmt::format("nodes[{}]", spec.nodes.size())));
    spec.nodes.push_back(std::move(node));
  }
  RETURN_IF_ERROR(ValidateClusterSpec(spec));
  return spec;
}

}  // namespace constellation::cloud::qemu
