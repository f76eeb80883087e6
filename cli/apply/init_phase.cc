// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/init_phase.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cli/apply/node_keeper.h"
#include "cli/cluster/node_verifier.h"
#include "cli/cluster/policy_builder.h"
#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/kubeconfig.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;

// Between two looks at nodes and API server.
constexpr absl::Duration kPollInterval = absl::Seconds(2);
// On real hardware; multiplied by the time scale, up to the limit.
constexpr absl::Duration kPatience = absl::Minutes(15);
constexpr absl::Duration kMaxPatience = absl::Minutes(90);

// An emulated machine is several times slower; no machine is waited for longer
// than kMaxPatience.
absl::Duration PatienceFor(unsigned time_scale) {
  return std::min(kPatience * time_scale, kMaxPatience);
}

// Always the same one: a second try must not initialise another node.
absl::StatusOr<const StateNode*> FirstControlPlane(const State& state) {
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    if (node.role == kControlPlaneRole) {
      return &node;
    }
  }
  return FailedPrecondition("the state file has no control-plane node");
}

// The version to ask for: the image must agree, so it is known by then.
absl::StatusOr<std::string> KubernetesVersion(const Config& config,
                                              const State& state,
                                              ClusterTools& tools) {
  if (!config.kubernetes_version.empty()) {
    return config.kubernetes_version;
  }
  ASSIGN_OR_RETURN(const ImageFacts image,
                   tools.inspect_image(state.infrastructure.qemu.image));
  if (image.kubernetes_version.empty()) {
    return FailedPrecondition(
        "the image does not say which Kubernetes it holds; set "
        "kubernetesVersion in the config file");
  }
  return image.kubernetes_version;
}

// The nodes that are not Ready, with the reasons; empty if all are.
std::string NotReady(const State& state,
                     const std::vector<KubernetesNode>& nodes) {
  std::string missing;
  for (const StateNode& known : state.infrastructure.qemu.nodes) {
    const auto node = std::find_if(
        nodes.begin(), nodes.end(),
        [&](const KubernetesNode& n) { return n.name == known.name; });
    if (node != nodes.end() && node->ready) {
      continue;
    }
    missing +=
        fmt::format("{}{} ({})", missing.empty() ? "" : ", ", known.name,
                    node == nodes.end() ? "not registered" : node->reason);
  }
  return missing;
}

// Asks the API server for its nodes, and looks after the VMs, until
// `what_is_missing` gives an empty text.
absl::Status WaitUntil(
    const Workspace& workspace, const State& state, ClusterKeys& keys,
    ClusterTools& tools, std::string_view title,
    const std::function<std::string(
        const absl::StatusOr<std::vector<KubernetesNode>>&)>& what_is_missing) {
  ASSIGN_OR_RETURN(const std::string kubeconfig,
                   ReadFile(workspace.kubeconfig_path()));
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterApi> cluster,
                   tools.connect_cluster(kubeconfig));
  tools.progress.Begin(title);
  NodeKeeper keeper(tools, state, keys);
  std::optional<absl::Time> deadline;
  while (true) {
    const std::string missing = what_is_missing(cluster->ListNodes());
    if (missing.empty()) {
      tools.progress.Done();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(keeper.Tend());
    RETURN_IF_ERROR(CheckInterrupted());
    const absl::Duration patience = PatienceFor(keeper.time_scale());
    if (!deadline) {
      deadline = tools.clock.Now() + patience;
    }
    if (tools.clock.Now() > *deadline) {
      return DeadlineExceeded(
          fmt::format("after {}: {}", FormatElapsed(patience), missing));
    }
    tools.clock.Sleep(kPollInterval);
  }
}

// Why there are not `wanted` Ready nodes; empty if there are.
std::string TooFewReady(const std::vector<KubernetesNode>& nodes, int wanted) {
  int ready = 0;
  std::string reasons;
  for (const KubernetesNode& node : nodes) {
    if (node.ready) {
      ++ready;
    } else {
      reasons += fmt::format("; {} ({})", node.name, node.reason);
    }
  }
  return ready >= wanted ? ""
                         : fmt::format("{} of {} nodes are ready{}", ready,
                                       wanted, reasons);
}

}  // namespace

// Secrets are copied into the result, which wipes itself.
absl::StatusOr<InitParameters> ParametersFor(const Config& config,
                                             const State& state,
                                             const MasterSecret& secret,
                                             const ClusterKeys& keys,
                                             const attestation::Policy& policy,
                                             ClusterTools& tools) {
  InitParameters parameters;
  ASSIGN_OR_RETURN(const Bytes init_secret,
                   HexDecode(state.infrastructure.init_secret));
  parameters.init_secret = SecretBytes(init_secret);
  parameters.master_key = secret.key.Clone();
  parameters.master_salt = secret.salt;
  parameters.measurement_salt = keys.measurement_salt();
  parameters.cluster_name = config.name;
  ASSIGN_OR_RETURN(parameters.kubernetes_version,
                   KubernetesVersion(config, state, tools));
  parameters.api_server_cert_sans = state.infrastructure.api_server_cert_sans;
  parameters.service_cidr = config.service_cidr;
  parameters.pod_cidr = config.pod_cidr;
  parameters.attestation_policy = policy.ToJson();
  return parameters;
}

// The cluster ID is the last thing that is written: with it the cluster counts
// as initialised.
absl::Status SaveInitOutcome(const Workspace& workspace, uint16_t api_port,
                             const InitOutcome& outcome,
                             const ClusterKeys& keys, State& state) {
  if (outcome.cluster_id != keys.cluster_id()) {
    return AsRefusal(PermissionDenied(fmt::format(
        "cluster ID: expected {} (from the master secret), the node says {}",
        HexEncode(keys.cluster_id()), HexEncode(outcome.cluster_id))));
  }
  ASSIGN_OR_RETURN(
      const std::string kubeconfig,
      kubernetes::WithServer(
          outcome.kubeconfig,
          fmt::format("https://{}:{}", state.infrastructure.cluster_endpoint,
                      api_port)));
  RETURN_IF_ERROR(workspace.SaveKubeconfig(kubeconfig));
  state.cluster_values.cluster_id = HexEncode(outcome.cluster_id);
  return workspace.SaveState(state);
}

// Tries again as long as errors are transient: a machine that still boots
// refuses connections. A refusal is final.
absl::Status InitCluster(const Workspace& workspace, const Config& config,
                         State& state, const MasterSecret& secret,
                         ClusterKeys& keys, ClusterTools& tools) {
  ASSIGN_OR_RETURN(const StateNode* node, FirstControlPlane(state));
  ASSIGN_OR_RETURN(const attestation::Policy policy, BuildPolicy(state));
  ASSIGN_OR_RETURN(InitParameters parameters,
                   ParametersFor(config, state, secret, keys, policy, tools));
  // Zero on a new node; this very cluster's when an earlier run got further
  // than this workspace knows.
  const VerifyNode verify = MakeNodeVerifier(
      policy, node->name,
      {ClusterState::None(), ClusterState::MemberOf(keys.cluster_id())},
      tools.clock);
  const std::string address = fmt::format(
      "{}:{}", state.infrastructure.cluster_endpoint, node->ports.init);
  tools.progress.Begin(
      fmt::format("Initialising the cluster on {}", node->name));
  NodeKeeper keeper(tools, state, keys);
  RETURN_IF_ERROR(keeper.Tend());
  parameters.time_scale = std::min(keeper.time_scale(), 20U);
  const absl::Time deadline =
      tools.clock.Now() + PatienceFor(keeper.time_scale());
  while (true) {
    absl::StatusOr<InitOutcome> outcome = tools.node_api.Init(
        address, parameters, verify,
        [&](std::string_view phase, absl::Duration elapsed) {
          tools.progress.Detail(fmt::format("{}: {} ({})", node->name, phase,
                                            FormatElapsed(elapsed)));
        });
    if (outcome.ok()) {
      RETURN_IF_ERROR(SaveInitOutcome(workspace, node->ports.api_server,
                                      *outcome, keys, state));
      tools.progress.Done();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CheckInterrupted());
    if (!IsTransient(outcome.status())) {
      return Annotate(outcome.status(), fmt::format("init {}", node->name));
    }
    if (tools.clock.Now() > deadline) {
      return DeadlineExceeded(fmt::format(
          "node {} did not become a cluster in {}; last: {}", node->name,
          FormatElapsed(PatienceFor(keeper.time_scale())),
          Message(outcome.status())));
    }
    RETURN_IF_ERROR(keeper.Tend());
    RETURN_IF_ERROR(CheckInterrupted());
    tools.clock.Sleep(kPollInterval);
  }
}

absl::Status WaitForApi(const Workspace& workspace, const State& state,
                        ClusterKeys& keys, ClusterTools& tools) {
  return WaitUntil(
      workspace, state, keys, tools, "Waiting for the API server",
      [](const absl::StatusOr<std::vector<KubernetesNode>>& nodes) {
        return std::string(nodes.ok() ? "" : Message(nodes.status()));
      });
}

absl::Status WaitForNodes(const Workspace& workspace, const State& state,
                          ClusterKeys& keys, ClusterTools& tools) {
  return WaitUntil(
      workspace, state, keys, tools,
      fmt::format("Waiting for {} nodes to be ready",
                  state.infrastructure.qemu.nodes.size()),
      [&](const absl::StatusOr<std::vector<KubernetesNode>>& nodes) {
        return nodes.ok() ? NotReady(state, *nodes)
                          : std::string(Message(nodes.status()));
      });
}

absl::Status WaitForCloudNodes(const Workspace& workspace, int wanted,
                               const State& state, ClusterKeys& keys,
                               ClusterTools& tools) {
  return WaitUntil(
      workspace, state, keys, tools,
      fmt::format("Waiting for {} nodes to be ready", wanted),
      [wanted](const absl::StatusOr<std::vector<KubernetesNode>>& nodes) {
        return nodes.ok() ? TooFewReady(*nodes, wanted)
                          : std::string(Message(nodes.status()));
      });
}

}  // namespace constellation::cli
