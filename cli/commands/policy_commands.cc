// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "attestation/policy/policy.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "cli/policy/policy_file.h"
#include "cli/policy/policy_report.h"
#include "cli/terminal/table.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using attestation::Policy;
using Json = nlohmann::json;

constexpr int kIndent = 2;

// A file that cannot be read is an error; one that is no policy, or not signed
// as it must be, is refused.
// The difference is the exit code: 1 says "try again", 2 says "this policy must
// not be used".
absl::StatusOr<Policy> Load(const PolicyFile& file) {
  absl::StatusOr<Policy> policy = LoadPolicy(file);
  const bool refused = absl::IsInvalidArgument(policy.status()) ||
                       absl::IsUnauthenticated(policy.status());
  if (refused && ExitCodeOf(policy.status()) == ExitCode::kError) {
    return AsRefusal(policy.status());
  }
  return policy;
}

// For commands that only read; a signature is not looked for.
absl::StatusOr<Policy> ReadPolicy(const std::string& path) {
  return Load({.path = path});
}

// The same, and its signature if there is a key for it.
absl::StatusOr<Policy> ReadCheckedPolicy(const Arguments& arguments) {
  return Load({.path = arguments.Text("FILE").value_or(""),
               .key = arguments.Text("--key").value_or(""),
               .signature = arguments.Text("--signature").value_or("")});
}

// The signature is a file beside the policy; the policy is not changed. It is
// parsed first: nobody shall sign what no verifier will read.
absl::Status RunSign(const Arguments& arguments, CommandContext& context) {
  const PolicyFile file{
      .path = arguments.Text("FILE").value_or(""),
      .key = arguments.Text("--key").value_or(""),
      .signature = arguments.Text("--signature").value_or("")};
  if (file.key.empty()) {
    return AsUsageError(InvalidArgument("give the private key: --key FILE"));
  }
  ASSIGN_OR_RETURN(const std::string where, SignPolicyFile(file));
  if (context.output == OutputFormat::kJson) {
    const Json document = {{"signature", where}};
    context.Print(
        document.dump(kIndent, ' ', false, Json::error_handler_t::replace) +
        "\n");
  } else {
    context.Print(fmt::format("Signed: {}\n", where));
  }
  return absl::OkStatus();
}

// In JSON a refusal is a document, too ({"valid": false}), beside exit code 2;
// an error of reading is only a message. "signed" tells whether a key was given
// and held, not whether a signature lies about.
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
  // A valid policy may still be a bad one: exit code 0, but not without a word.
  const std::vector<std::string> warnings =
      PolicyWarnings(*policy, Clock::System().Now());
  if (json) {
    const Json document = {{"valid", true},
                           {"signed", arguments.Has("--key")},
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
                  arguments.Has("--key") ? "Valid and signed" : "Valid",
                  policy->profiles().size(), policy->enrolled().size(),
                  warnings.empty() ? "" : "; see the warnings"));
  return absl::OkStatus();
}

// No signature is asked for: this reads, it trusts nothing.
absl::Status RunExplain(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const Policy policy,
                   ReadPolicy(arguments.Text("FILE").value_or("")));
  const absl::Time now = Clock::System().Now();
  context.Print(context.output == OutputFormat::kJson
                    ? ExplainPolicyJson(policy, now)
                    : ExplainPolicy(policy, now));
  return absl::OkStatus();
}

// Compares meaning, not text: order and layout of the files do not matter. Exit
// code 0 with and without differences.
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
                     .help = "Signature as cosign sign-blob writes it "
                             "[FILE.sig]."}},
          .positionals = {{.name = "FILE", .help = "The policy."}},
          .run = RunCheck};
}

Command PolicySignCommand() {
  return {.path = {"policy", "sign"},
          .help = "Sign an attestation policy as cosign sign-blob does.",
          .example = "constellation policy sign policy.json --key policy.key",
          .flags = {{.name = "--key",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "PEM private key (P-256), without passphrase."},
                    {.name = "--signature",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "Where the signature goes [FILE.sig]."}},
          .positionals = {{.name = "FILE", .help = "The policy."}},
          .run = RunSign};
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
