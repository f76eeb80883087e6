// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/apply.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "cli/apply/infrastructure_phase.h"
#include "cli/apply/init_phase.h"
#include "cli/cloud/cloud_infrastructure.h"
#include "cli/cloud/cloud_nodes.h"
#include "cli/cluster/cloud_policy.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/policy_builder.h"
#include "cli/terminal/interrupt.h"
#include "common/edit_distance.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::cli {
namespace {

// The master secret, and what follows from it for this cluster.
struct Secrets {
  MasterSecret master;
  ClusterKeys keys;
};

// The salt is written to the state before anything is derived from it. A master
// secret that gives another cluster ID than the state's is refused: with it no
// disk could be opened.
absl::StatusOr<Secrets> LoadSecrets(const Workspace& workspace, State& state,
                                    ClusterTools& tools) {
  if (state.cluster_values.measurement_salt.empty()) {
    state.cluster_values.measurement_salt =
        HexEncode(crypto::RandomBytes(kMasterSecretBytes));
    RETURN_IF_ERROR(workspace.SaveState(state));
  }
  // A cluster that is initialised has a master secret; a new one would not be
  // its own.
  absl::StatusOr<MasterSecret> secret;
  if (state.IsInitialized()) {
    secret = workspace.LoadMasterSecret();
  } else {
    bool created = false;
    secret = workspace.LoadOrCreateMasterSecret(&created);
    if (secret.ok() && created) {
      tools.progress.Note(
          fmt::format("Wrote the master secret to {}. Whoever has it owns the "
                      "cluster: keep "
                      "a copy in a safe place.",
                      workspace.master_secret_path()));
    }
  }
  RETURN_IF_ERROR(secret.status());
  ASSIGN_OR_RETURN(
      ClusterKeys keys,
      ClusterKeys::Create(*secret, state.cluster_values.measurement_salt));
  if (state.IsInitialized() &&
      HexEncode(keys.cluster_id()) != state.cluster_values.cluster_id) {
    return FailedPrecondition(fmt::format(
        "{} does not belong to this cluster: it gives cluster ID {}, the state "
        "file has {}",
        workspace.master_secret_path(), HexEncode(keys.cluster_id()),
        state.cluster_values.cluster_id));
  }
  return Secrets{*std::move(secret), std::move(keys)};
}

// Makes the policy of the JoinService that of the workspace.
// Writes only if something differs, compared as policies and not as text, so
// that a run without changes changes nothing.
absl::Status UpdateAttestationConfig(const Workspace& workspace,
                                     const State& state, ClusterTools& tools) {
  tools.progress.Begin("Updating the attestation policy");
  ASSIGN_OR_RETURN(const attestation::Policy wanted, BuildPolicy(state));
  ASSIGN_OR_RETURN(const std::string kubeconfig,
                   ReadFile(workspace.kubeconfig_path()));
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterApi> cluster,
                   tools.connect_cluster(kubeconfig));
  const absl::StatusOr<std::string> current = cluster->GetAttestationPolicy();
  if (!current.ok() && !absl::IsNotFound(current.status())) {
    return Annotate(current.status(), "read join-config");
  }
  if (current.ok()) {
    const auto parsed = attestation::Policy::Parse(*current);
    if (parsed.ok() && *parsed == wanted) {
      tools.progress.Done("no change");
      return absl::OkStatus();
    }
  }
  RETURN_IF_ERROR(Annotate(cluster->SetAttestationPolicy(wanted.ToJson()),
                           "write join-config"));
  tools.progress.Done("changed");
  return absl::OkStatus();
}

// Follows changes of explicit measurements in the config file.
// An emptied map changes nothing: "predict them" was answered when the machines
// were made.
absl::Status TakeOverMeasurements(const Workspace& workspace,
                                  const Config& config, State& state) {
  if (state.IsCloud()) {
    return TakeOverCloudAttestation(workspace, config, state);
  }
  if (config.measurements.empty() ||
      config.measurements == state.infrastructure.qemu.measurements) {
    return absl::OkStatus();
  }
  state.infrastructure.qemu.measurements = config.measurements;
  return workspace.SaveState(state);
}

// Makes the infrastructure if `wanted`; else makes sure that it is there.
absl::Status InfrastructurePhase(const Workspace& workspace,
                                 const Config& config, State& state,
                                 bool wanted, ClusterTools& tools) {
  if (config.IsCloud()) {
    if (wanted) {
      return CreateCloudInfrastructure(workspace, config, state, tools);
    }
    if (state.HasInfrastructure()) {
      return PrepareCloudState(config, state);
    }
  } else if (state.IsCloud()) {
    return FailedPrecondition(fmt::format(
        "the cluster runs on {}, the config file says qemu; put its section "
        "back, or `constellation terminate` first",
        state.infrastructure.cloud.provider));
  } else if (wanted) {
    return CreateInfrastructure(workspace, config, state, tools);
  } else if (state.HasInfrastructure()) {
    return tools.platform.OpenExisting();
  }
  return FailedPrecondition(
      "there is no infrastructure yet; run `constellation create` first");
}

}  // namespace

std::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kInfrastructure:
      return "infrastructure";
    case Phase::kInit:
      return "init";
    case Phase::kNodes:
      return "nodes";
    case Phase::kAttestationConfig:
      return "attestationconfig";
  }
  return "unknown";
}

// The attestation policy comes before the nodes: joining nodes are judged by
// it.
const std::vector<Phase>& AllPhases() {
  static const auto* const kPhases =
      new std::vector<Phase>{Phase::kInfrastructure, Phase::kInit,
                             Phase::kAttestationConfig, Phase::kNodes};
  return *kPhases;
}

absl::StatusOr<Phase> ParsePhase(std::string_view name) {
  std::vector<std::string> names;
  for (const Phase phase : AllPhases()) {
    if (PhaseName(phase) == name) {
      return phase;
    }
    names.emplace_back(PhaseName(phase));
  }
  const auto nearest = NearestWord(name, names);
  return InvalidArgument(fmt::format(
      "unknown phase \"{}\"{}; known: infrastructure, init, attestationconfig, "
      "nodes",
      name, nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
}

// Config and state are read once; every later phase sees the same config.
absl::Status Apply(const Workspace& workspace, const std::set<Phase>& skip,
                   ClusterTools& tools, const ConfigOptions& config_options) {
  const auto wanted = [&](Phase phase) { return !skip.contains(phase); };
  const bool more = wanted(Phase::kInit) || wanted(Phase::kNodes) ||
                    wanted(Phase::kAttestationConfig);
  ASSIGN_OR_RETURN(const Config config, workspace.LoadConfig(config_options));
  ASSIGN_OR_RETURN(State state, workspace.LoadStateOrEmpty());
  if (config.IsCloud() && more) {
    // Before anything costs money.
    RETURN_IF_ERROR(CloudProfileOf(config).status());
  }
  RETURN_IF_ERROR(InfrastructurePhase(workspace, config, state,
                                      wanted(Phase::kInfrastructure), tools));
  if (more || !config.IsCloud()) {
    RETURN_IF_ERROR(TakeOverMeasurements(workspace, config, state));
  }
  if (!more) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(CheckInterrupted());
  ASSIGN_OR_RETURN(Secrets secrets, LoadSecrets(workspace, state, tools));
  if (wanted(Phase::kInit) &&
      (!state.IsInitialized() || !FileExists(workspace.kubeconfig_path()))) {
    const auto init = state.IsCloud() ? InitCloudCluster : InitCluster;
    RETURN_IF_ERROR(
        init(workspace, config, state, secrets.master, secrets.keys, tools));
  }
  RETURN_IF_ERROR(CheckInterrupted());
  if (!state.IsInitialized()) {
    return absl::OkStatus();
  }
  if (state.IsCloud()) {
    RETURN_IF_ERROR(FindControlPlanes(config, state, tools));
  }
  if (wanted(Phase::kAttestationConfig)) {
    RETURN_IF_ERROR(WaitForApi(workspace, state, secrets.keys, tools));
    RETURN_IF_ERROR(UpdateAttestationConfig(workspace, state, tools));
  }
  if (wanted(Phase::kNodes)) {
    if (state.IsCloud()) {
      return WaitForCloudNodes(workspace, WantedNodes(config), state,
                               secrets.keys, tools);
    }
    RETURN_IF_ERROR(WaitForNodes(workspace, state, secrets.keys, tools));
  }
  return absl::OkStatus();
}

}  // namespace constellation::cli
