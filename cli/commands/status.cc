// SPDX-License-Identifier: Apache-2.0
#include "common/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/cloud/cloud_status.h"
#include "cli/cluster/cluster_api.h"
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "cli/nodes/boot_status.h"
#include "cli/terminal/table.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using cloud::qemu::ClusterStatus;
using cloud::qemu::NodeStatus;

// What can be said about one node.
struct NodeLine {
  // The machine of the local platform; owned by the ClusterStatus. Never null
  // in a finished line.
  const NodeStatus* machine = nullptr;
  // The last line of its boot status log; nothing before the first component of
  // the image spoke.
  std::optional<BootStatus> boot;
  std::string kubernetes;  // Ready, not ready (why), not registered, unknown
};

// One word for the table. "unknown" means that the API server did not answer,
// which is the usual state while a cluster is made.
std::string KubernetesText(
    const absl::StatusOr<std::vector<KubernetesNode>>& nodes,
    const std::string& name) {
  if (!nodes.ok()) {
    return "unknown";
  }
  const auto node =
      std::find_if(nodes->begin(), nodes->end(),
                   [&](const KubernetesNode& n) { return n.name == name; });
  if (node == nodes->end()) {
    return "not registered";
  }
  return node->ready ? "Ready" : "not ready: " + node->reason;
}

// With the workspace's administrator certificate; UNAVAILABLE if the API server
// cannot be reached.
absl::StatusOr<std::vector<KubernetesNode>> AskApi(const Workspace& workspace) {
  ASSIGN_OR_RETURN(const std::string kubeconfig,
                   ReadFile(workspace.kubeconfig_path()));
  ASSIGN_OR_RETURN(const auto cluster, ConnectKubernetes(kubeconfig));
  return cluster->ListNodes();
}

// The accelerator's sentence says whether the machines are emulated: then they
// are slow and, on every platform of this kind, not confidential.
void PrintTable(const ClusterStatus& cluster,
                const std::vector<NodeLine>& lines,
                const std::string& cluster_id, const CommandContext& context) {
  context.Print(fmt::format("Cluster:     {} ({})\nCluster ID:  {}\n{}\n\n",
                            cluster.name, cluster.uid,
                            cluster_id.empty() ? "none yet" : cluster_id,
                            cluster.accelerator_sentence));
  Table table({"NODE", "ROLE", "MACHINE", "UP", "BOOT", "KUBERNETES"});
  for (const NodeLine& line : lines) {
    table.AddRow({line.machine->spec.name,
                  std::string(cloud::NodeRoleName(line.machine->spec.role)),
                  std::string(cloud::qemu::PowerStateName(line.machine->state)),
                  FormatElapsed(line.machine->uptime),
                  line.boot ? line.boot->Describe() : "firmware, kernel",
                  line.kubernetes});
  }
  context.Print(table.Render());
}

// Names and types of this object are an interface: scripts read them. Paths of
// logs are absolute.
nlohmann::json ToJson(const ClusterStatus& cluster,
                      const std::vector<NodeLine>& lines,
                      const std::string& cluster_id) {
  nlohmann::json nodes = nlohmann::json::array();
  for (const NodeLine& line : lines) {
    const BootStatus boot = line.boot.value_or(BootStatus{});
    nodes.push_back(
        {{"name", line.machine->spec.name},
         {"role", cloud::NodeRoleName(line.machine->spec.role)},
         {"machine", cloud::qemu::PowerStateName(line.machine->state)},
         {"pid", line.machine->pid},
         {"uptimeSeconds", absl::ToInt64Seconds(line.machine->uptime)},
         {"component", boot.component},
         {"phase", boot.phase},
         {"state", boot.state},
         {"message", boot.message},
         {"serialLog", line.machine->serial_log},
         {"bootStatusLog", line.machine->boot_status_log},
         {"kubernetes", line.kubernetes}});
  }
  return {{"name", cluster.name},
          {"uid", cluster.uid},
          {"clusterID", cluster_id},
          {"accelerator", cloud::qemu::AcceleratorName(cluster.accelerator)},
          {"nodes", std::move(nodes)}};
}

// NOT_FOUND before `init`: there is no API server to ask.
absl::StatusOr<std::vector<KubernetesNode>> NodesOf(
    const Workspace& workspace) {
  if (!FileExists(workspace.kubeconfig_path())) {
    return NotFound("no kubeconfig");
  }
  return AskApi(workspace);
}

// Asks the cloud for machines and the API server for nodes. The latter may fail
// without failing the command.
absl::Status ShowCloud(Session& session, const State& state,
                       const std::optional<std::string>& console,
                       const CommandContext& context) {
  ASSIGN_OR_RETURN(
      const Config config,
      session.workspace().LoadConfig({.any_place = true, .draft = true}));
  if (console) {
    ASSIGN_OR_RETURN(const std::string text,
                     CloudConsole(config, state, session.cloud(), *console));
    context.Print(PrintableLines(text));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const CloudStatus status,
                   AskCloudStatus(config, state, session.cloud(),
                                  NodesOf(session.workspace())));
  if (context.output == OutputFormat::kJson) {
    context.Print(
        CloudStatusToJson(state, status)
            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
  } else {
    context.Print(RenderCloudStatus(state, status));
  }
  return absl::OkStatus();
}

// The end of a local machine's serial log.
// The last MiB. What a guest prints is hostile until proven otherwise: its
// control characters do not reach the terminal.
absl::Status ShowLocalConsole(const ClusterStatus& cluster,
                              const std::string& name,
                              const CommandContext& context) {
  constexpr size_t kShown = size_t{1} << 20U;
  const NodeStatus* node = cluster.FindNode(name);
  if (node == nullptr) {
    return NotFound(fmt::format("--console: there is no node {}", name));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(node->serial_log));
  context.Print(PrintableLines(std::string_view(text).substr(
      text.size() - std::min(text.size(), kShown))));
  return absl::OkStatus();
}

// Takes no lock: one wants to look while another command works.
absl::Status RunStatus(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, false));
  ASSIGN_OR_RETURN(const State state, session->workspace().LoadStateOrEmpty());
  const std::optional<std::string> console = arguments.Text("--console");
  if (state.IsCloud()) {
    return ShowCloud(*session, state, console, context);
  }
  if (!session->platform().Exists()) {
    return NotFound(fmt::format(
        "there is no cluster in {}; create one with: constellation apply",
        session->workspace().folder()));
  }
  RETURN_IF_ERROR(session->platform().OpenExisting());
  ASSIGN_OR_RETURN(const ClusterStatus cluster, session->platform().Status());
  if (console) {
    return ShowLocalConsole(cluster, *console, context);
  }
  // May fail: machines are worth showing without an API server.
  const absl::StatusOr<std::vector<KubernetesNode>> nodes =
      NodesOf(session->workspace());
  std::vector<NodeLine> lines;
  for (const NodeStatus& machine : cluster.nodes) {
    lines.push_back({&machine, ParseBootStatus(machine.boot_status),
                     KubernetesText(nodes, machine.spec.name)});
  }
  const std::string& cluster_id = state.cluster_values.cluster_id;
  if (context.output == OutputFormat::kJson) {
    context.Print(
        ToJson(cluster, lines, cluster_id)
            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
  } else {
    PrintTable(cluster, lines, cluster_id, context);
  }
  return absl::OkStatus();
}

}  // namespace

Command StatusCommand() {
  return {.path = {"status"},
          .help = "Show machines, boot progress and Kubernetes nodes.",
          .example = "constellation status --output json",
          .flags = {{.name = "--console",
                     .kind = Flag::Kind::kText,
                     .value_name = "NODE",
                     .help = "Show the end of this node's serial console."}},
          .run = RunStatus};
}

}  // namespace constellation::cli
