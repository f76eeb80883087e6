// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/infrastructure_phase.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/policy_builder.h"
#include "cli/terminal/interrupt.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using cloud::NodeRole;
using cloud::qemu::ClusterSpec;
using cloud::qemu::ClusterStatus;
using cloud::qemu::NodeSpec;
using cloud::qemu::NodeStatus;
using cloud::qemu::PowerState;

// Octets of the init secret and of the uid, which only has to be unique among
// one owner's clusters.
constexpr std::string_view kNodeNetwork = "10.42.0.0/24";
constexpr std::string_view kLoopback = "127.0.0.1";

// The rest of the specification is the cluster's.
NodeSpec SpecOf(const StateNode& node) {
  NodeSpec spec;
  spec.name = node.name;
  spec.role = node.role == kControlPlaneRole ? NodeRole::kControlPlane
                                             : NodeRole::kWorker;
  return spec;
}

// "expected PCR 4 <hex>, the image has <hex>" for each difference.
// Only strict registers count; those that merely warn are for the verifier to
// show.
std::string Differences(const Measurements& wanted, const Measurements& found) {
  std::string text;
  for (const auto& [index, measurement] : wanted) {
    const auto it = found.find(index);
    if (measurement.warn_only || it == found.end() ||
        it->second.expected == measurement.expected) {
      continue;
    }
    text += fmt::format("\n  PCR {}: config {}, image {}", index,
                        measurement.expected, it->second.expected);
  }
  return text;
}

// Fills in what a new cluster needs; nothing is created yet.
absl::Status PlanCluster(const Config& config, State& state,
                         ClusterTools& tools) {
  tools.progress.Begin("Measuring the node image");
  ASSIGN_OR_RETURN(const ImageFacts image, tools.inspect_image(config.image));
  const Measurements predicted = MeasurementsOf(image.profile);
  Infrastructure& infrastructure = state.infrastructure;
  infrastructure.qemu.image = image.path;
  infrastructure.qemu.measurements =
      config.measurements.empty() ? predicted : config.measurements;
  if (const std::string text = Differences(config.measurements, predicted);
      !text.empty()) {
    return FailedPrecondition(fmt::format(
        "{} is not the image that attestation.qemuVTPM.measurements demands:{}",
        image.path, text));
  }
  if (config.kubernetes_version.empty() && image.kubernetes_version.empty()) {
    return FailedPrecondition(fmt::format(
        "{} does not say which Kubernetes it holds (its .json file is "
        "missing beside it); set kubernetesVersion in the config file",
        image.path));
  }
  infrastructure.name = config.name;
  infrastructure.cluster_endpoint = kLoopback;
  infrastructure.ip_cidr_node = kNodeNetwork;
  infrastructure.api_server_cert_sans = {std::string(kLoopback), "localhost"};
  if (!config.custom_endpoint.empty()) {
    infrastructure.api_server_cert_sans.push_back(config.custom_endpoint);
  }
  DrawClusterValues(state);
  tools.progress.Done();
  return absl::OkStatus();
}

// One disk size for all: the config's check made sure of that. Disks are
// sparse, so the size costs nothing until it is written.
absl::StatusOr<ClusterSpec> SpecOfCluster(const Config& config,
                                          const State& state) {
  ClusterSpec spec;
  spec.name = state.infrastructure.name;
  spec.uid = state.infrastructure.uid;
  spec.image_path = state.infrastructure.qemu.image;
  spec.memory_mib = static_cast<uint32_t>(config.qemu.memory_mib);
  spec.vcpus = static_cast<uint32_t>(config.qemu.vcpus);
  int disk_gb = 1;
  for (const auto& [name, group] : config.node_groups) {
    disk_gb = std::max(disk_gb, group.state_disk_size_gb);
  }
  spec.state_disk_bytes = static_cast<uint64_t>(disk_gb) << 30U;
  ASSIGN_OR_RETURN(spec.accelerator,
                   cloud::qemu::ParseAccelerator(config.qemu.accelerator));
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    spec.nodes.push_back(SpecOf(node));
  }
  return spec;
}

// The port of this machine that leads to `guest_port`; 0 if none does.
uint16_t Forward(const NodeSpec& spec, uint16_t guest_port) {
  const auto it = spec.forwards.find(guest_port);
  return it == spec.forwards.end() ? uint16_t{0} : it->second;
}

// Creates missing VMs and takes over their addresses.
// Nodes that exist are left alone; the uid shows that they are this cluster's.
absl::StatusOr<ClusterStatus> CreateNodes(State& state, ClusterTools& tools) {
  ASSIGN_OR_RETURN(ClusterStatus status, tools.platform.Status());
  if (status.uid != state.infrastructure.uid) {
    return FailedPrecondition(fmt::format(
        "the VMs in this workspace belong to cluster {}, the state file to {}; "
        "`constellation terminate` removes them",
        status.uid, state.infrastructure.uid));
  }
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    if (status.FindNode(node.name) == nullptr) {
      RETURN_IF_ERROR(Annotate(tools.platform.AddNode(SpecOf(node)),
                               fmt::format("add node {}", node.name)));
    }
  }
  ASSIGN_OR_RETURN(status, tools.platform.Status());
  for (StateNode& node : state.infrastructure.qemu.nodes) {
    const NodeStatus* vm = status.FindNode(node.name);
    if (vm == nullptr) {
      return Internal(fmt::format("the supervisor lost node {}", node.name));
    }
    node.ports = {
        .init = Forward(vm->spec, cloud::qemu::kInitServicePort),
        .recovery = Forward(vm->spec, cloud::qemu::kRecoveryPort),
        .api_server = Forward(vm->spec, cloud::qemu::kApiServerPort),
        .verification = Forward(vm->spec, cloud::qemu::kVerificationPort)};
    if (node.role == kControlPlaneRole &&
        state.infrastructure.in_cluster_endpoint.empty()) {
      state.infrastructure.in_cluster_endpoint = vm->spec.ClusterIp();
    }
  }
  return status;
}

// Pins the TPM of every node that has none pinned. A VM that runs without a
// pinned TPM was never given a key, so it may be stopped.
absl::Status EnrolNodes(const Workspace& workspace, State& state,
                        const ClusterStatus& status, ClusterTools& tools) {
  for (StateNode& node : state.infrastructure.qemu.nodes) {
    if (!node.ak_name.empty()) {
      continue;
    }
    RETURN_IF_ERROR(CheckInterrupted());
    tools.progress.Detail(fmt::format("TPM of {}", node.name));
    const NodeStatus* vm = status.FindNode(node.name);
    if (vm != nullptr && vm->state == PowerState::kRunning) {
      RETURN_IF_ERROR(tools.platform.StopNode(node.name));
    }
    absl::StatusOr<attestation::EnrolledTpm> tpm =
        tools.platform.Enroll(node.name);
    if (!tpm.ok()) {
      return Annotate(tpm.status(), fmt::format("enrol {}", node.name));
    }
    node.ek_certificate_sha256 = HexEncode(tpm->ek_certificate_sha256);
    node.ak_name = HexEncode(tpm->ak_name);
    RETURN_IF_ERROR(workspace.SaveState(state));
  }
  return absl::OkStatus();
}

// What nodes may ask: which TPMs are enrolled, and the hash of the init secret.
// Neither is secret; the init secret itself stays here.
absl::Status PublishMetadata(const State& state, ClusterTools& tools) {
  ASSIGN_OR_RETURN(const std::vector<attestation::EnrolledNode> enrolled,
                   EnrolledNodesOf(state));
  RETURN_IF_ERROR(tools.platform.SetEnrolledTpms(
      attestation::EnrolledNodesToJson(enrolled)));
  ASSIGN_OR_RETURN(const Bytes init_secret,
                   HexDecode(state.infrastructure.init_secret));
  return tools.platform.SetInitSecretHash(
      HexEncode(crypto::Sha256(init_secret)));
}

}  // namespace

// Names are "<cluster>-<role or group>-<number>". They never change: a name is
// what a TPM was enrolled for.
std::vector<StateNode> PlannedNodes(const Config& config) {
  std::vector<StateNode> nodes;
  for (const std::string_view role : {kControlPlaneRole, kWorkerRole}) {
    for (const auto& [group_name, group] : config.node_groups) {
      if (group.role != role) {
        continue;
      }
      std::string word = group_name;
      if (group_name == kControlPlaneGroup || group_name == kWorkerGroup) {
        word = group.role;
      }
      std::replace(word.begin(), word.end(), '_', '-');
      for (int i = 0; i < group.initial_count; ++i) {
        StateNode node;
        node.name = fmt::format("{}-{}-{}", config.name, word, i);
        node.role = group.role;
        nodes.push_back(std::move(node));
      }
    }
  }
  return nodes;
}

absl::Status CreateInfrastructure(const Workspace& workspace,
                                  const Config& config, State& state,
                                  ClusterTools& tools) {
  if (!state.HasInfrastructure()) {
    if (tools.platform.Exists()) {
      return FailedPrecondition(
          "there are VMs in this workspace that the state file does not know; "
          "`constellation terminate` removes them");
    }
    RETURN_IF_ERROR(PlanCluster(config, state, tools));
  }
  if (state.infrastructure.name != config.name) {
    return FailedPrecondition(fmt::format(
        "the cluster is called {}, the config file says {}; a name cannot be "
        "changed",
        state.infrastructure.name, config.name));
  }
  for (StateNode& node : PlannedNodes(config)) {
    if (state.FindNode(node.name) == nullptr) {
      state.infrastructure.qemu.nodes.push_back(std::move(node));
    }
  }
  // From here on things exist that only this file knows of.
  RETURN_IF_ERROR(workspace.SaveState(state));

  tools.progress.Begin("Creating virtual machines");
  ASSIGN_OR_RETURN(const ClusterSpec spec, SpecOfCluster(config, state));
  RETURN_IF_ERROR(tools.platform.Open(spec));
  ASSIGN_OR_RETURN(const ClusterStatus status, CreateNodes(state, tools));
  RETURN_IF_ERROR(workspace.SaveState(state));
  tools.progress.Done();
  tools.progress.Note(status.accelerator_sentence);

  tools.progress.Begin("Enrolling TPMs");
  RETURN_IF_ERROR(EnrolNodes(workspace, state, status, tools));
  RETURN_IF_ERROR(PublishMetadata(state, tools));
  tools.progress.Done();

  tools.progress.Begin("Starting virtual machines");
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    RETURN_IF_ERROR(CheckInterrupted());
    tools.progress.Detail(node.name);
    RETURN_IF_ERROR(Annotate(tools.platform.StartNode(node.name),
                             fmt::format("start {}", node.name)));
  }
  tools.progress.Done();
  return absl::OkStatus();
}

}  // namespace constellation::cli
