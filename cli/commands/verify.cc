// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/verify.h"

#include <string>

#include "attestation/collateral/evidence_collateral.h"
#include "cli/attestation/collateral_folder.h"
#include "cli/cloud/cloud_status.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cloud/provider_factory.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "cli/nodes/grpc_node_api.h"
#include "cli/policy/policy_file.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "cli/workspace/workspace.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// A pipeline waits; but not for minutes for each item of a dead vendor.
attestation::CollateralFetcherOptions FetcherOptions() {
  attestation::CollateralFetcherOptions options;
  options.retry.give_up_after = absl::Seconds(30);
  return options;
}

// A cloud names its machines: every one that it has must be verified, and no
// other may be in the cluster. Asked through the load balancer: whoever it
// chooses relays to all.
absl::Status ExpectCloudNodes(const Workspace& workspace, State& state,
                              VerifyOptions& options) {
  ASSIGN_OR_RETURN(const Config config,
                   workspace.LoadConfig({.any_place = true, .draft = true}));
  const CloudTools tools = {.connect = ConnectRealCloud};
  RETURN_IF_ERROR(Annotate(AddCloudNodes(config, tools, state),
                           "ask the cloud which machines there must be"));
  if (options.endpoint.empty()) {
    options.endpoint = state.infrastructure.cluster_endpoint;
  }
  return absl::OkStatus();
}

// The state file says which cluster is meant and what it measured at init;
// --policy replaces the latter, never the former. Nothing is locked or written
// but the cache of collateral. Refusals exit with 2, what could not be checked
// with 1.
absl::Status RunVerify(const Arguments& arguments, CommandContext& context) {
  HandleInterrupts();
  ASSIGN_OR_RETURN(const Workspace workspace,
                   Workspace::Open(context.workspace));
  ASSIGN_OR_RETURN(State state, workspace.LoadState());
  VerifyOptions options;
  options.cluster_id = arguments.Text("--cluster-id").value_or("");
  options.endpoint = arguments.Text("--node-endpoint").value_or("");
  if (state.IsCloud()) {
    RETURN_IF_ERROR(ExpectCloudNodes(workspace, state, options));
  }
  if (const auto policy = arguments.Text("--policy")) {
    ASSIGN_OR_RETURN(
        options.policy,
        LoadPolicy({.path = *policy,
                    .key = arguments.Text("--policy-key").value_or("")}));
  } else if (arguments.Has("--policy-key")) {
    // A key that checks nothing would look like a check.
    return AsUsageError(
        InvalidArgument("--policy-key without --policy: there is no file to "
                        "be signed"));
  }
  // Needs no configuration: the evidence says which vendor is to be asked.
  attestation::CollateralService collateral(
      {.folder = DefaultCollateralFolder(),
       .offline = context.offline,
       .endpoints = {}},
      FetcherOptions(), Clock::System());
  options.collateral = &collateral;
  const std::unique_ptr<Progress> progress = CreateProgress(context.err);
  progress->Begin("Challenging every node");
  GrpcNodeApi node_api;
  const absl::StatusOr<VerifyReport> report =
      VerifyCluster(state, options, node_api, Clock::System());
  if (!report.ok()) {
    progress->Failed();
    return report.status();
  }
  progress->Done();
  // Exit code 0 is right if every node proved itself, but a pipeline's log must
  // show what nobody looked at, whatever the format.
  if (const std::string warning = report->Warning(); !warning.empty()) {
    context.Warn(Printable(warning));
  }
  switch (context.output) {
    case OutputFormat::kTable:
      context.Print(RenderTable(*report));
      break;
    case OutputFormat::kJson:
      context.Print(RenderJson(*report));
      break;
    case OutputFormat::kJunit:
      context.Print(RenderJunit(*report));
      break;
  }
  return ToStatus(*report);
}

}  // namespace

Command VerifyCommand() {
  return {.path = {"verify"},
          .help =
              "Challenge every node; exit code 0 verified, 1 could not "
              "check, 2 refused.",
          .example = "constellation verify --output json",
          .flags = {{.name = "--cluster-id",
                     .kind = Flag::Kind::kText,
                     .value_name = "ID",
                     .help = "Expected cluster ID in hex or base64 [the state "
                             "file's]."},
                    {.name = "--node-endpoint",
                     .short_name = "-e",
                     .kind = Flag::Kind::kText,
                     .value_name = "HOST[:PORT]",
                     .help = "Ask this node to relay instead of the known "
                             "ones."},
                    {.name = "--policy",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "Judge by this policy instead of the state "
                             "file's measurements."},
                    {.name = "--policy-key",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "PEM public key (P-256) that must have signed "
                             "it; the signature is FILE.sig of the policy."},
                    OfflineFlag()},
          .run = RunVerify};
}

}  // namespace constellation::cli
