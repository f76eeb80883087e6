// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/control_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using nlohmann::json;

constexpr size_t kMaxText = size_t{64} << 10U;

// The boot status goes as text, not as JSON: the node wrote it, nobody checked
// it.
json NodeToJson(const NodeStatus& node) {
  const bool reported = !node.boot_status.empty();
  return {{"spec", json::parse(NodeSpecToJson(node.spec), nullptr, false)},
          {"state", PowerStateName(node.state)},
          {"pid", node.pid},
          {"uptimeSeconds", absl::ToInt64Seconds(node.uptime)},
          {"bootStatus", node.boot_status},
          {"bootStatusUnixSeconds",
           reported ? absl::ToUnixSeconds(node.boot_status_time) : 0},
          {"lastExit", node.last_exit},
          {"serialLog", node.serial_log},
          {"bootStatusLog", node.boot_status_log}};
}

absl::StatusOr<PowerState> ParsePowerState(std::string_view name) {
  for (const PowerState state :
       {PowerState::kStopped, PowerState::kRunning, PowerState::kTpmOnly}) {
    if (name == PowerStateName(state)) {
      return state;
    }
  }
  return InvalidArgument(fmt::format("unknown power state \"{:.32}\"", name));
}

// The supervisor is another process of the same user; its answer is checked all
// the same.
absl::StatusOr<NodeStatus> NodeFromJson(const json& object) {
  JsonFields fields(object, "node status");
  NodeStatus node;
  const json* spec = fields.Object("spec");
  const std::string state = fields.String("state", 32);
  node.pid = static_cast<pid_t>(fields.Unsigned("pid", 0, INT32_MAX));
  node.uptime = absl::Seconds(fields.Unsigned("uptimeSeconds", 0, INT32_MAX));
  node.boot_status = fields.String("bootStatus", kMaxText);
  const uint64_t time = fields.Unsigned("bootStatusUnixSeconds", 0, INT64_MAX);
  node.last_exit = fields.String("lastExit", kMaxText);
  node.serial_log = fields.String("serialLog");
  node.boot_status_log = fields.String("bootStatusLog");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  if (time != 0) {
    node.boot_status_time = absl::FromUnixSeconds(static_cast<int64_t>(time));
  }
  ASSIGN_OR_RETURN(node.state, ParsePowerState(state));
  ASSIGN_OR_RETURN(node.spec, ParseNodeSpec(spec->dump()));
  return node;
}

}  // namespace

std::string_view PowerStateName(PowerState state) {
  switch (state) {
    case PowerState::kStopped:
      return "stopped";
    case PowerState::kRunning:
      return "running";
    case PowerState::kTpmOnly:
      return "tpm";
  }
  return "stopped";
}

const NodeStatus* ClusterStatus::FindNode(std::string_view node_name) const {
  const auto found = std::find_if(
      nodes.begin(), nodes.end(),
      [&](const NodeStatus& node) { return node.spec.name == node_name; });
  return found == nodes.end() ? nullptr : &*found;
}

std::string ClusterStatusToJson(const ClusterStatus& status) {
  json nodes = json::array();
  for (const NodeStatus& node : status.nodes) {
    nodes.push_back(NodeToJson(node));
  }
  return json({{"name", status.name},
               {"uid", status.uid},
               {"supervisorPid", status.supervisor_pid},
               {"accelerator", AcceleratorName(status.accelerator)},
               {"timeScale", status.time_scale},
               {"acceleratorSentence", status.accelerator_sentence},
               {"nodes", nodes}})
      .dump();
}

absl::StatusOr<ClusterStatus> ParseClusterStatus(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "status", kMaxControlMessage));
  JsonFields fields(object, "status");
  ClusterStatus status;
  status.name = fields.String("name", 63);
  status.uid = fields.String("uid", 64);
  status.supervisor_pid =
      static_cast<pid_t>(fields.Unsigned("supervisorPid", 1, INT32_MAX));
  const std::string accelerator = fields.String("accelerator", 16);
  status.time_scale =
      static_cast<unsigned>(fields.Unsigned("timeScale", 1, 100));
  status.accelerator_sentence = fields.String("acceleratorSentence");
  const json* nodes = fields.Array("nodes", 1000);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  ASSIGN_OR_RETURN(status.accelerator, ParseAccelerator(accelerator));
  for (const json& element : *nodes) {
    ASSIGN_OR_RETURN(NodeStatus node, NodeFromJson(element));
    status.nodes.push_back(std::move(node));
  }
  return status;
}

std::string ControlAnswer(const absl::StatusOr<std::string>& result_json) {
  if (result_json.ok()) {
    return fmt::format("{{\"result\":{}}}", *result_json);
  }
  const absl::Status& status = result_json.status();
  const json error = {{"code", static_cast<int>(status.code())},
                      {"message", std::string(Message(status))}};
  // Messages may quote a program's output: replace what is not UTF-8.
  return DumpJson({{"error", error}});
}

// A code that absl does not know would be undefined, hence 1 to 16.
absl::StatusOr<std::string> ParseControlAnswer(std::string_view text) {
  ASSIGN_OR_RETURN(
      const json object,
      ParseJsonObject(text, "answer of the supervisor", kMaxControlMessage));
  if (const auto result = object.find("result"); result != object.end()) {
    return result->dump();
  }
  JsonFields fields(object, "answer of the supervisor");
  const json* error = fields.Object("error");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  JsonFields details(*error, "error of the supervisor");
  const uint64_t code = details.Unsigned("code", 1, 16);
  const std::string message = details.String("message", kMaxText);
  RETURN_IF_ERROR(details.Finish(/*allow_unknown=*/true));
  return absl::Status(static_cast<absl::StatusCode>(code), message);
}

}  // namespace constellation::cloud::qemu
