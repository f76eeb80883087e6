// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "attestation/policy/policy.h"
#include "attestation/policy/signed_policy.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "cli/policy/policy_report.h"
#include "cli/terminal/table.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using attestation::Policy;
using Json = nlohmann::json;

constexpr size_t kMaxPolicy = size_t{1} << 20U;  // as the format says
constexpr size_t kMaxKey = 16384;
constexpr int kIndent = 2;

// Reads a policy. A file that cannot be read is an error; one that is no policy
// is refused.
absl::StatusOr<Policy> ReadPolicy(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxPolicy));
  absl::StatusOr<Policy> policy = Policy::Parse(text);
  if (!policy.ok()) {
    return AsRefusal(Annotate(policy.status(), path));
  }
  return policy;
}

// The same, and its signature if one was given.
absl::StatusOr<Policy> ReadCheckedPolicy(const Arguments& arguments) {
  const std::string path = arguments.Text("FILE").value_or("");
  const auto key = arguments.Text("--key");
  const auto signature = arguments.Text("--signature");
  if (!key.has_value() && !signature.has_value()) {
    return ReadPolicy(path);
  }
  if (!key.has_value() || !signature.has_value()) {
    return AsUsageError(
        InvalidArgument("--key and --signature belong together: give both"));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxPolicy));
  ASSIGN_OR_RETURN(const std::string key_pem, ReadFile(*key, kMaxKey));
  ASSIGN_OR_RETURN(const std::string signature_text,
                   ReadFile(*signature, kMaxKey));
  const absl::StatusOr<attestation::SignedPolicy> signed_policy =
      attestation::SignedPolicy::Verify(text, signature_text, key_pem);
  if (!signed_policy.ok()) {
    return AsRefusal(Annotate(signed_policy.status(), path));
  }
  return signed_policy->policy();
}

absl::Status RunCheck(const Arguments& arguments, CommandContext& context) {
  const bool json = context.output == OutputFormat::kJson;
  const absl::StatusOr<Policy> policy = ReadCheckedPolicy(arguments);
  if (!policy.ok()) {
    if (json && IsRefusal(policy.status())) {
      const Json document = {{"valid", false},
                             {"error", std::string(Message(policy.status()))}};
      context.Print(
          document.dump(kIndent, ' ', false, Json::error_handler_t::replace) +
          "\n");
    }
    return policy.status();
  }
  const std::vector<std::string> warnings =
      PolicyWarnings(*policy, Clock::System().Now());
  if (json) {
    const Json document = {{"valid", true},
                           {"signed", arguments.Has("--signature")},
                           {"profiles", policy->profiles().size()},
                           {"enrolledTPMs", policy->enrolled().size()},
                           {"warnings", warnings}};
    context.Print(document.dump(kIndent) + "\n");
    return absl::OkStatus();
  }
  for (const std::string& warning : warnings) {
    context.Warn(warning);
  }
  context.Print(
      fmt::format("{}: {} profiles, {} enrolled TPMs{}\n",
                  arguments.Has("--signature") ? "Valid and signed" : "Valid",
                  policy->profiles().size(), policy->enrolled().size(),
                  warnings.empty() ? "" : "; see the warnings"));
  return absl::OkStatus();
}

absl::Status RunExplain(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const Policy policy,
                   ReadPolicy(arguments.Text("FILE").value_or("")));
  const absl::Time now = Clock::System().Now();
  context.Print(context.output == OutputFormat::kJson
                    ? ExplainPolicyJson(policy, now)
                    : ExplainPolicy(policy, now));
  return absl::OkStatus();
}

absl::Status RunDiff(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const Policy before,
                   ReadPolicy(arguments.Text("OLD").value_or("")));
  ASSIGN_OR_RETURN(const Policy after,
                   ReadPolicy(arguments.Text("NEW").value_or("")));
  const std::vector<PolicyChange> changes = DiffPolicies(before, after);
  if (context.output == OutputFormat::kJson) {
    Json document = Json::array();
    for (const PolicyChange& change : changes) {
      document.push_back({{"change", std::string(ToString(change.kind))},
                          {"place", change.place},
                          {"before", change.before},
                          {"after", change.after}});
    }
    context.Print(document.dump(kIndent) + "\n");
    return absl::OkStatus();
  }
  if (changes.empty()) {
    context.Print("No difference.\n");
    return absl::OkStatus();
  }
  Table table({"CHANGE", "PLACE", "OLD", "NEW"});
  for (const PolicyChange& change : changes) {
    table.AddRow({std::string(ToString(change.kind)), change.place,
                  change.before, change.after});
  }
  context.Print(table.Render());
  return absl::OkStatus();
}

}  // namespace

Command PolicyCheckCommand() {
  return {.path = {"policy", "check"},
          .help = "Check an attestation policy; exit 2 if it is refused.",
          .example =
              "constellation policy check policy.json --key policy.pub "
              "--signature policy.json.sig",
          .flags = {{.name = "--key",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "PEM public key (P-256) that must have signed "
                             "it."},
                    {.name = "--signature",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "Signature as cosign sign-blob writes it."}},
          .positionals = {{.name = "FILE", .help = "The policy."}},
          .run = RunCheck};
}

Command PolicyExplainCommand() {
  return {.path = {"policy", "explain"},
          .help = "Say in words what an attestation policy accepts.",
          .example = "constellation policy explain policy.json",
          .positionals = {{.name = "FILE", .help = "The policy."}},
          .run = RunExplain};
}

Command PolicyDiffCommand() {
  return {.path = {"policy", "diff"},
          .help = "Show what is different in another attestation policy.",
          .example = "constellation policy diff old.json new.json -o json",
          .positionals = {{.name = "OLD", .help = "The policy as it was."},
                          {.name = "NEW", .help = "The other one."}},
          .run = RunDiff};
}

}  // namespace constellation::cli
