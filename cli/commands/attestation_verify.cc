// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/attestation/pem.h"
#include "cli/attestation/verify_files.h"
#include "cli/commands/file_verdict.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "cli/policy/policy_file.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Both warnings go to standard error on every run, so that a pipeline's log
// shows that its result is worth less.
constexpr char kWithoutPolicy[] =
    "NO POLICY (--insecure-without-policy). Only signatures and chains are "
    "checked: evidence of ANY genuine machine, debug machines and machines of "
    "strangers included, passes.";
constexpr char kInsecureRoot[] =
    "--insecure-root: whoever has that root's key can make any evidence.";

// Roots of tests. They are added to the vendors' own, never instead of them.
absl::Status ReadRoots(const Arguments& arguments, CommandContext& context,
                       VerifyFilesOptions& options) {
  for (const std::string& path : arguments.List("--insecure-root")) {
    context.Warn(kInsecureRoot);
    ASSIGN_OR_RETURN(const std::string contents,
                     ReadFile(path, kMaxAttestationFile));
    auto roots = CertificatesOf(AsBytes(contents));
    if (!roots.ok()) {
      return Annotate(roots.status(), path);
    }
    options.insecure_roots.insert(options.insecure_roots.end(), roots->begin(),
                                  roots->end());
  }
  return absl::OkStatus();
}

// Octets in hex. An empty value is refused: `--nonce "$UNSET"` in a script must
// not come to mean "any nonce".
absl::StatusOr<Bytes> HexOption(const Arguments& arguments,
                                const std::string& name) {
  auto octets = HexDecode(arguments.Text(name).value_or(""));
  if (!octets.ok() || octets->empty()) {
    return AsUsageError(
        InvalidArgument(fmt::format("{}: want octets in hex", name)));
  }
  return octets;
}

// Everything but the policy. Without --cluster-id evidence of a member of any
// cluster passes.
absl::StatusOr<VerifyFilesOptions> OptionsOf(const Arguments& arguments,
                                             CommandContext& context) {
  VerifyFilesOptions options;
  ASSIGN_OR_RETURN(options.now, TimeOf(arguments));
  if (arguments.Has("--nonce")) {
    ASSIGN_OR_RETURN(options.nonce, HexOption(arguments, "--nonce"));
  }
  if (arguments.Has("--cluster-id")) {
    ASSIGN_OR_RETURN(const Bytes id, HexOption(arguments, "--cluster-id"));
    options.cluster = attestation::ClusterState::MemberOf(id);
  }
  options.partial = arguments.Has("--partial");
  options.insecure_any_nonce = arguments.Has("--insecure-any-nonce");
  RETURN_IF_ERROR(ReadRoots(arguments, context, options));
  return options;
}

// Exactly one of --policy and --insecure-without-policy must be there: no
// policy is a decision that somebody writes down, not a default.
absl::StatusOr<std::optional<attestation::Policy>> PolicyOf(
    const Arguments& arguments, CommandContext& context) {
  const auto path = arguments.Text("--policy");
  const bool insecure = arguments.Has("--insecure-without-policy");
  if (path.has_value() == insecure) {
    return AsUsageError(
        InvalidArgument("give --policy FILE (or, to check signatures only, "
                        "--insecure-without-policy), not both"));
  }
  if (insecure) {
    context.Warn(kWithoutPolicy);
    return std::optional<attestation::Policy>();
  }
  ASSIGN_OR_RETURN(
      attestation::Policy policy,
      LoadPolicy(
          {.path = *path,
           .key = arguments.Text("--policy-key").value_or(""),
           .signature = arguments.Text("--policy-signature").value_or("")}));
  return std::make_optional(std::move(policy));
}

// Files named on the command line are evidence and must all be understood;
// folders of --collateral only help.
absl::StatusOr<EvidenceSet> SetOf(const Arguments& arguments) {
  EvidenceSet set;
  for (const std::string& path : arguments.List("FILE")) {
    ASSIGN_OR_RETURN(const std::string contents,
                     ReadFile(path, kMaxAttestationFile));
    set.Add(path, AsBytes(contents), true);
  }
  for (const std::string& path : arguments.List("--collateral")) {
    RETURN_IF_ERROR(set.AddFolder(path));
  }
  return set;
}

// Policy and options come first: their errors are the caller's (exit code 64)
// and are told before any evidence is read. Failed verification never exits
// with 0 (ToStatus).
absl::Status RunAttestationVerify(const Arguments& arguments,
                                  CommandContext& context) {
  ASSIGN_OR_RETURN(const std::optional<attestation::Policy> policy,
                   PolicyOf(arguments, context));
  ASSIGN_OR_RETURN(VerifyFilesOptions options, OptionsOf(arguments, context));
  ASSIGN_OR_RETURN(const EvidenceSet set, SetOf(arguments));
  options.policy = policy.has_value() ? &*policy : nullptr;
  return PrintVerdict(VerifyFiles(set, options), context);
}

// The names of flags that weaken a check begin with "--insecure-".
std::vector<Flag> Flags() {
  return {{.name = "--policy",
           .kind = Flag::Kind::kText,
           .value_name = "FILE",
           .help = "What the evidence must satisfy."},
          {.name = "--policy-key",
           .kind = Flag::Kind::kText,
           .value_name = "FILE",
           .help = "PEM public key (P-256) that must have signed the policy."},
          {.name = "--policy-signature",
           .kind = Flag::Kind::kText,
           .value_name = "FILE",
           .help = "The policy's signature [policy's FILE.sig]."},
          {.name = "--collateral",
           .kind = Flag::Kind::kList,
           .value_name = "PATH",
           .help = "Folder, cache or bundle with certificates, CRLs and TCB "
                   "information, recognised by content; may be repeated."},
          AtFlag(),
          {.name = "--nonce",
           .kind = Flag::Kind::kText,
           .value_name = "HEX",
           .help = "What the evidence was asked with."},
          {.name = "--cluster-id",
           .kind = Flag::Kind::kText,
           .value_name = "HEX",
           .help = "Cluster of Constellation's own evidence [any]."},
          {.name = "--partial",
           .help = "Judge the layers that are given, although the policy names "
                   "more."},
          {.name = "--insecure-any-nonce",
           .help = "Old evidence is as good as new."},
          {.name = "--insecure-root",
           .kind = Flag::Kind::kList,
           .value_name = "FILE",
           .help = "Trust this root (a certificate), too; for tests."},
          {.name = "--insecure-without-policy",
           .help = "Check signatures and chains only, accept whatever runs."}};
}

}  // namespace

Command AttestationVerifyCommand() {
  return {.path = {"attestation", "verify"},
          .help =
              "Verify evidence in files; exit code 0 verified, 1 could not "
              "check, 2 refused.",
          .example =
              "constellation attestation verify report.bin vcek.der "
              "--collateral amd/ --policy policy.json --nonce 5ca1ab1e",
          .flags = Flags(),
          .positionals = {{.name = "FILE",
                           .help = "Report, quote, certificates, PCR values, "
                                   "log, ...: what belongs together.",
                           .list = true}},
          .run = RunAttestationVerify};
}

}  // namespace constellation::cli
