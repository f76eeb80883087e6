// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/appraise_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "attestation/channel/verification_binding.h"
#include "attestation/policy/appraisal.h"
#include "common/hex.h"
#include "common/retry.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using attestation::Appraisal;
using attestation::CheckRow;
using attestation::CheckVerdict;
using attestation::EnrolledNode;

// A row about the cluster as a whole. Advice only if it failed.
CheckRow Row(std::string name, std::string expected, std::string got,
             bool passed, std::string advice) {
  CheckRow row;
  row.layer = "cluster";
  row.name = std::move(name);
  row.expected = std::move(expected);
  row.got = std::move(got);
  row.verdict = passed ? CheckVerdict::kPassed : CheckVerdict::kFailed;
  row.advice = passed ? "" : std::move(advice);
  return row;
}

// What only a relay can tell was not asked: no verdict, but a reader of the
// rows alone must see it.
CheckRow NotListed() {
  CheckRow row;
  row.layer = "cluster";
  row.name = "listed";
  row.expected = "in the API server";
  row.got = "not checked: no node could relay";
  row.verdict = CheckVerdict::kInfo;
  return row;
}

// Information does no harm.
bool AllPassed(const std::vector<CheckRow>& rows) {
  return std::none_of(rows.begin(), rows.end(), [](const CheckRow& row) {
    return row.verdict == CheckVerdict::kFailed;
  });
}

// The node of the cluster under `name` according to an answer: the name that
// the evidence covers.
const std::string& NameOf(const NodeAnswer& answer) {
  return answer.evidence ? answer.claimed_name : answer.node_name;
}

// Judges one answer with evidence. Adds its rows to `report`.
void AppraiseAnswer(const ClusterChallenge& challenge,
                    const SourcedAnswer& sourced, NodeReport& report) {
  const NodeAnswer& answer = sourced.answer;
  const auto user_data =
      attestation::VerificationBinding(challenge.nonce, answer.claimed_name);
  const attestation::GatheredCollateral gathered = attestation::GatherFrom(
      challenge.collateral, *answer.evidence, *challenge.policy);
  Appraisal appraisal = attestation::Appraise(
      *answer.evidence, user_data,
      attestation::ClusterState::MemberOf(challenge.cluster_id),
      *challenge.policy, gathered.collateral, challenge.now);
  report.source = sourced.source;
  report.profile = appraisal.profile;
  report.rests_on = appraisal.rests_on;
  report.rows.insert(report.rows.end(), appraisal.rows.begin(),
                     appraisal.rows.end());
  report.tcb_report = appraisal.tcb_report;
  const size_t names_from = report.rows.size();
  if (!challenge.policy->enrolled().empty()) {
    report.rows.push_back(Row(
        "node name", report.name,
        appraisal.node_name.empty() ? "an unknown TPM" : appraisal.node_name,
        appraisal.node_name == report.name,
        "another machine answers under this node's name"));
  }
  if (!answer.node_name.empty()) {
    report.rows.push_back(Row("listed as", report.name, answer.node_name,
                              answer.node_name == report.name,
                              "the API server lists it under another name"));
  }
  if (!std::all_of(report.rows.begin() + static_cast<ptrdiff_t>(names_from),
                   report.rows.end(), [](const CheckRow& row) {
                     return row.verdict == CheckVerdict::kPassed;
                   })) {
    report.verdict = Verdict::kRefused;
  }
  if (appraisal.accepted) {
    return;
  }
  // A vendor that does not answer must not make a good node look bad; a bad one
  // stays refused by its other rows.
  const bool may_come = !gathered.missing.ok() &&
                        (gathered.offline || IsTransient(gathered.missing));
  const bool undecided =
      may_come && attestation::MayBeMissingCollateral(appraisal.rows);
  if (undecided) {
    report.rows.push_back({.layer = "collateral",
                           .name = "available",
                           .expected = "what vendors publish",
                           .got = std::string(Message(gathered.missing)),
                           .verdict = CheckVerdict::kFailed,
                           .advice = gathered.offline
                                         ? "run once without --offline, or "
                                           "fetch it elsewhere (constellation "
                                           "collateral fetch)"
                                         : "try again later, or fetch it "
                                           "elsewhere (constellation "
                                           "collateral fetch)"});
  }
  // A report is never better than the policy's own verdict.
  report.verdict = std::max(
      report.verdict, undecided ? Verdict::kUnchecked : Verdict::kRefused);
}

// An enrolled node for which there is no evidence.
void ReportSilence(const ClusterChallenge& challenge, bool listed,
                   const std::string& errors, NodeReport& report) {
  if (challenge.relay_answered && !listed) {
    report.verdict = Verdict::kRefused;
    report.rows.push_back(
        Row("listed", "in the API server", "missing", false,
            "the node was enrolled but is not in the cluster; look at "
            "`constellation status`, then run `constellation apply`"));
    return;
  }
  report.rows.push_back(Row("evidence", "fresh evidence",
                            errors.empty() ? "no answer" : errors, false,
                            "look at `constellation status`"));
}

// Every answer under a name is judged: a false one beside the right one makes
// the node refused, so nobody can hide behind another's evidence.
NodeReport JudgeNode(const ClusterChallenge& challenge,
                     const ExpectedNode& expected) {
  NodeReport report;
  report.name = expected.name;
  report.role = expected.role;
  std::vector<const SourcedAnswer*> with_evidence;
  bool listed = false;
  std::string errors;
  for (const SourcedAnswer& sourced : challenge.answers) {
    const NodeAnswer& answer = sourced.answer;
    listed = listed || (!sourced.direct && answer.node_name == expected.name);
    if (NameOf(answer) != expected.name) {
      continue;
    }
    if (answer.evidence) {
      with_evidence.push_back(&sourced);
    } else if (!answer.error.empty()) {
      errors += (errors.empty() ? "" : "; ") + answer.error;
    }
  }
  if (with_evidence.empty()) {
    ReportSilence(challenge, listed, errors, report);
    return report;
  }
  if (challenge.relay_answered) {
    report.rows.push_back(Row("listed", "in the API server",
                              listed ? "listed" : "missing", listed,
                              "the node runs but is not in the cluster"));
  } else {
    report.rows.push_back(NotListed());
  }
  report.verdict = Verdict::kVerified;
  report.rows.push_back(
      Row("answers under this name", "1", std::to_string(with_evidence.size()),
          with_evidence.size() == 1, "two machines answer under one name"));
  if (!AllPassed(report.rows)) {
    report.verdict = Verdict::kRefused;
  }
  for (const SourcedAnswer* sourced : with_evidence) {
    AppraiseAnswer(challenge, *sourced, report);
  }
  // Belt and braces: no failed row, whatever it is about, is ever verified.
  if (!AllPassed(report.rows)) {
    report.verdict = std::max(report.verdict, Verdict::kUnchecked);
  }
  return report;
}

// Unchecked: the owner's run was stopped before it pinned the TPM.
NodeReport Unenrolled(const std::string& name) {
  NodeReport report;
  report.name = name;
  report.role = "unknown";
  report.rows.push_back(Row("enrolled", "a pinned TPM", "never enrolled", false,
                            "run `constellation apply`"));
  return report;
}

// Answers that belong to no enrolled node: each is a machine in the cluster
// that the owner never admitted.
void JudgeStrangers(const ClusterChallenge& challenge,
                    const std::vector<ExpectedNode>& expected,
                    VerifyReport& report) {
  std::map<std::string, const SourcedAnswer*> strangers;
  for (const SourcedAnswer& sourced : challenge.answers) {
    // Both names count: a stranger may be listed under one and answer under the
    // other.
    for (const std::string* name :
         {&sourced.answer.node_name, &NameOf(sourced.answer)}) {
      const bool known =
          std::ranges::find(expected, *name, &ExpectedNode::name) !=
          expected.end();
      if (!known && !name->empty()) {
        strangers.emplace(*name, &sourced);
      }
    }
  }
  for (const auto& [name, sourced] : strangers) {
    NodeReport node;
    node.name = name;
    node.role = "unknown";
    node.source = sourced->source;
    node.verdict = Verdict::kRefused;
    node.rows.push_back(
        Row("enrolled", "a node of the state file", "unknown node", false,
            "somebody added a machine; remove it with kubectl delete node and "
            "find out how it joined"));
    report.nodes.push_back(std::move(node));
  }
}

// Evidence of two names with one key: one machine plays two nodes.
void JudgeDuplicateKeys(const ClusterChallenge& challenge,
                        VerifyReport& report) {
  std::map<Bytes, std::string> owners;
  for (const SourcedAnswer& sourced : challenge.answers) {
    if (!sourced.answer.evidence) {
      continue;
    }
    const Bytes& key = sourced.answer.evidence->tpm.ak_public;
    const std::string& name = sourced.answer.claimed_name;
    const auto [it, inserted] = owners.emplace(key, name);
    if (inserted || it->second == name) {
      continue;
    }
    for (NodeReport& node : report.nodes) {
      if (node.name == name || node.name == it->second) {
        node.verdict = Verdict::kRefused;
        node.rows.push_back(
            Row("attestation key", "one of its own",
                fmt::format("shared by {} and {}", it->second, name), false,
                "one machine answers for two nodes"));
      }
    }
  }
}

// Enrolment decides where there is any.
std::vector<ExpectedNode> ExpectedNodes(const ClusterChallenge& challenge) {
  if (challenge.policy->enrolled().empty()) {
    return challenge.expected;
  }
  std::vector<ExpectedNode> expected;
  for (const EnrolledNode& node : challenge.policy->enrolled()) {
    expected.push_back({node.node_name, node.role});
  }
  return expected;
}

}  // namespace

// A cluster without nodes is unchecked: nothing was proven.
VerifyReport AppraiseCluster(const ClusterChallenge& challenge) {
  VerifyReport report;
  report.cluster_id = HexEncode(challenge.cluster_id);
  report.nonce = HexEncode(challenge.nonce);
  report.time = challenge.now;
  report.relayed = challenge.relay_answered;
  report.relay_errors = challenge.relay_errors;
  if (!challenge.policy) {
    return report;
  }
  const std::vector<ExpectedNode> expected = ExpectedNodes(challenge);
  for (const ExpectedNode& node : expected) {
    report.nodes.push_back(JudgeNode(challenge, node));
  }
  for (const std::string& name : challenge.unenrolled) {
    report.nodes.push_back(Unenrolled(name));
  }
  JudgeStrangers(challenge, expected, report);
  JudgeDuplicateKeys(challenge, report);
  report.verdict =
      report.nodes.empty() ? Verdict::kUnchecked : Verdict::kVerified;
  for (const NodeReport& node : report.nodes) {
    report.verdict = std::max(report.verdict, node.verdict);
  }
  return report;
}

}  // namespace constellation::cli
