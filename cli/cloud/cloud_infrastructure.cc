// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_infrastructure.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/cloud/cluster_request.h"
#include "cli/cloud/control_plane_guard.h"
#include "cli/cluster/cloud_policy.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/config/syntax.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/table.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// INTERNAL if the command was built without them: our mistake.
absl::StatusOr<CloudTools*> CloudToolsOf(ClusterTools& tools) {
  if (tools.cloud == nullptr) {
    return Internal("this command was given no way to reach a cloud");
  }
  return tools.cloud;
}

// Scope is account and region as the credentials show them: a journal of
// another account is then noticed.
absl::StatusOr<cloud::ClusterIdentity> IdentityOf(const State& state,
                                                  cloud::Provider& provider) {
  cloud::ClusterIdentity identity;
  identity.uid = state.infrastructure.uid;
  identity.name = state.infrastructure.name;
  identity.cloud = provider.Name();
  ASSIGN_OR_RETURN(identity.scope, provider.Scope());
  return identity;
}

// Host names are compared and shown in lower case; the cloud may not.
absl::StatusOr<std::string> HostOf(std::string_view what, std::string host) {
  for (char& c : host) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (!IsHostName(host)) {
    return Internal(
        fmt::format("{}: want a host name or IPv4 address from the "
                    "cloud, got \"{}\"",
                    what, Printable(host)));
  }
  return host;
}

// Keeps the order and drops empty and repeated names.
void AddName(const std::string& name, std::vector<std::string>& names) {
  if (!name.empty() && std::ranges::find(names, name) == names.end()) {
    names.push_back(name);
  }
}

// Every name goes into certificates and messages, so it must look like one,
// although it comes from the cloud's own API.
absl::Status TakeOver(const cloud::ClusterInfrastructure& found,
                      const Config& config, State& state) {
  Infrastructure& infrastructure = state.infrastructure;
  ASSIGN_OR_RETURN(infrastructure.cluster_endpoint,
                   HostOf("cluster endpoint", found.cluster_endpoint));
  ASSIGN_OR_RETURN(infrastructure.in_cluster_endpoint,
                   HostOf("in-cluster endpoint", found.in_cluster_endpoint));
  infrastructure.api_server_cert_sans.clear();
  for (const std::string& name : found.api_server_cert_sans) {
    ASSIGN_OR_RETURN(const std::string host, HostOf("certificate name", name));
    AddName(host, infrastructure.api_server_cert_sans);
  }
  AddName(infrastructure.cluster_endpoint, infrastructure.api_server_cert_sans);
  AddName(config.custom_endpoint, infrastructure.api_server_cert_sans);
  infrastructure.ip_cidr_node = found.ip_cidr_node;
  infrastructure.cloud.details = found.details;
  return absl::OkStatus();
}

// Whether quotas and permissions are worth asking for: deleting needs none.
bool Creates(const cloud::Plan& plan) {
  return plan.Count(cloud::PlanAction::kCreate) +
             plan.Count(cloud::PlanAction::kReplace) +
             plan.Count(cloud::PlanAction::kUpdate) >
         0;
}

// Before `init` there is no etcd; an `init` that was stopped may have made one.
absl::Status GuardControlPlane(const CloudPlan& looked, const State& state,
                               cloud::Provider& provider,
                               const CloudTools& cloud_tools,
                               Progress& progress) {
  if (!state.IsInitialized() &&
      state.infrastructure.cloud.first_node_ak.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string loss,
                   ControlPlaneLoss(looked.plan, looked.request, provider));
  if (loss.empty()) {
    return absl::OkStatus();
  }
  if (!cloud_tools.engine.allow_deletion) {
    return FailedPrecondition(fmt::format(
        "{}. Nothing was changed; --allow-deletion permits it", loss));
  }
  progress.Note(fmt::format("Warning: {}.", loss));
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareCloudState(const Config& config, State& state) {
  Infrastructure& infrastructure = state.infrastructure;
  if (state.HasInfrastructure()) {
    if (infrastructure.cloud.provider != config.provider) {
      return FailedPrecondition(fmt::format(
          "the cluster runs on {}, the config file says {}; `constellation "
          "terminate` removes it first",
          state.IsCloud() ? infrastructure.cloud.provider
                          : std::string(kProviderQemu),
          config.provider));
    }
    if (infrastructure.name != config.name) {
      return FailedPrecondition(fmt::format(
          "the cluster is called {}, the config file says {}; a name cannot be "
          "changed",
          infrastructure.name, config.name));
    }
    return absl::OkStatus();
  }
  infrastructure.name = config.name;
  infrastructure.cloud.provider = config.provider;
  DrawClusterValues(state);
  return absl::OkStatus();
}

// The connection outlives the run that refers to it; both are in the result.
absl::StatusOr<CloudPlan> PlanCloud(const Workspace& workspace,
                                    const Config& config, const State& state,
                                    ClusterTools& tools, bool read_only) {
  ASSIGN_OR_RETURN(CloudTools * cloud_tools, CloudToolsOf(tools));
  CloudPlan result;
  ASSIGN_OR_RETURN(result.connection, cloud_tools->connect(config.cloud));
  cloud::Provider& provider = result.connection->provider();
  tools.progress.Begin(fmt::format("Asking {}", provider.Name()));
  ASSIGN_OR_RETURN(const cloud::ClusterIdentity identity,
                   IdentityOf(state, provider));
  ASSIGN_OR_RETURN(result.request, ClusterRequestOf(config, state, identity));
  ASSIGN_OR_RETURN(const std::vector<cloud::Resource> desired,
                   provider.Desired(result.request));
  ASSIGN_OR_RETURN(
      result.run,
      CloudRun::Open(
          {provider.Drivers(), *cloud_tools, tools.clock, tools.progress},
          identity, workspace.cloud_journal_path(), read_only));
  ASSIGN_OR_RETURN(result.plan, result.run->MakePlan(desired));
  tools.progress.Done();
  return result;
}

absl::Status CreateCloudInfrastructure(const Workspace& workspace,
                                       const Config& config, State& state,
                                       ClusterTools& tools) {
  ASSIGN_OR_RETURN(CloudTools * cloud_tools, CloudToolsOf(tools));
  RETURN_IF_ERROR(PrepareCloudState(config, state));
  // Looks first, so that a run that is not approved leaves nothing behind.
  ASSIGN_OR_RETURN(CloudPlan looked, PlanCloud(workspace, config, state, tools,
                                               /*read_only=*/true));
  cloud::Provider& provider = looked.connection->provider();
  if (!looked.plan.Empty()) {
    RETURN_IF_ERROR(GuardControlPlane(looked, state, provider, *cloud_tools,
                                      tools.progress));
    if (Creates(looked.plan)) {
      tools.progress.Begin(
          fmt::format("Checking what {} can give", provider.Name()));
      RETURN_IF_ERROR(provider.CheckOnline(looked.request));
      tools.progress.Done();
    }
    RETURN_IF_ERROR(cloud_tools->approve(looked.plan));
  }
  RETURN_IF_ERROR(CheckInterrupted());
  // From here on things exist that only this file knows of.
  RETURN_IF_ERROR(workspace.SaveState(state));
  ASSIGN_OR_RETURN(looked.run, CloudRun::Open({provider.Drivers(), *cloud_tools,
                                               tools.clock, tools.progress},
                                              looked.request.identity,
                                              workspace.cloud_journal_path(),
                                              /*read_only=*/false));
  tools.progress.Begin(
      fmt::format("Creating infrastructure on {}", provider.Name()));
  const cloud::EngineResult result = looked.run->Apply(looked.plan);
  RETURN_IF_ERROR(result.status);
  ASSIGN_OR_RETURN(const cloud::ClusterInfrastructure found,
                   provider.Infrastructure(looked.request, result.outputs));
  RETURN_IF_ERROR(TakeOver(found, config, state));
  RETURN_IF_ERROR(workspace.SaveState(state));
  tools.progress.Done(looked.plan.Empty() ? "no change" : "");
  return absl::OkStatus();
}

absl::Status RemoveCloudInfrastructure(const Workspace& workspace,
                                       const Config& config, const State& state,
                                       ClusterTools& tools) {
  if (!state.HasInfrastructure()) {
    return absl::OkStatus();
  }
  if (state.infrastructure.cloud.provider != config.provider) {
    return FailedPrecondition(fmt::format(
        "the cluster runs on {}, but the config file says {}: put the section "
        "back with which it was made, so that it can be found",
        state.infrastructure.cloud.provider, config.provider));
  }
  ASSIGN_OR_RETURN(CloudTools * cloud_tools, CloudToolsOf(tools));
  ASSIGN_OR_RETURN(const std::unique_ptr<CloudConnection> connection,
                   cloud_tools->connect(config.cloud));
  cloud::Provider& provider = connection->provider();
  ASSIGN_OR_RETURN(const cloud::ClusterIdentity identity,
                   IdentityOf(state, provider));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<CloudRun> run,
      CloudRun::Open(
          {provider.Drivers(), *cloud_tools, tools.clock, tools.progress},
          identity, workspace.cloud_journal_path(), /*read_only=*/false));
  return run->Terminate().status;
}

// Compared as compact JSON, so that layout is no change.
absl::Status TakeOverCloudAttestation(const Workspace& workspace,
                                      const Config& config, State& state) {
  ASSIGN_OR_RETURN(const attestation::Profile profile, CloudProfileOf(config));
  std::string text = nlohmann::json::parse(attestation::ProfileToJson(profile),
                                           nullptr, /*allow_exceptions=*/false)
                         .dump();
  const std::string tpms =
      config.enrolled_tpms == "[]" ? "" : config.enrolled_tpms;
  CloudState& cloud = state.infrastructure.cloud;
  if (text == cloud.attestation_profile && tpms == cloud.enrolled_tpms) {
    return absl::OkStatus();
  }
  cloud.attestation_profile = std::move(text);
  cloud.enrolled_tpms = tpms;
  return workspace.SaveState(state);
}

}  // namespace constellation::cli
