// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/verify_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/exit_code.h"
#include "cli/terminal/table.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using attestation::CheckRow;
using attestation::CheckVerdict;

constexpr size_t kShownCharacters = 20;

// JSON must be valid whatever a hostile node put into its answer.
std::string Clean(const std::string& text) {
  return Printable(text);
}

// Kinds of trust among the nodes, sorted, each once.
std::string JoinedRestsOn(const VerifyReport& report) {
  std::set<std::string> kinds;
  for (const NodeReport& node : report.nodes) {
    if (!node.rests_on.empty()) {
      kinds.insert(node.rests_on);
    }
  }
  std::string text;
  for (const std::string& kind : kinds) {
    text += (text.empty() ? "" : ", ") + kind;
  }
  return text;
}

// What the word means, for those that protect less than one might think.
std::string Explain(const std::string& kinds) {
  if (kinds.find("simulated") != std::string::npos) {
    return " (software TPMs on this machine that were pinned when the cluster "
           "was made: protects against changed images and disks, not against "
           "this machine)";
  }
  if (kinds.find("hypervisor-trusting") != std::string::npos) {
    return " (a vTPM that the hypervisor owns, without evidence of the CPU)";
  }
  return "";
}

// Unchecked is an error, refused a failure: CI systems show them apart, and
// what was not checked, because nothing demands it, as skipped.
std::string JunitCase(const NodeReport& node, const CheckRow& row) {
  std::string text = fmt::format(
      "    <testcase classname=\"{}.{}\" name=\"{}\"", XmlEscape(node.name),
      XmlEscape(row.layer), XmlEscape(row.name));
  if (row.verdict == CheckVerdict::kPassed) {
    return text + "/>\n";
  }
  if (row.verdict == CheckVerdict::kInfo) {
    return text +
           fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                       XmlEscape(row.got));
  }
  const std::string message =
      XmlEscape(fmt::format("expected {}, got {}", row.expected, row.got));
  if (node.verdict == Verdict::kUnchecked) {
    return text +
           fmt::format(">\n      <error message=\"{}\"/>\n    </testcase>\n",
                       message);
  }
  return text + fmt::format(
                    ">\n      <failure message=\"{}\">{}</failure>\n"
                    "    </testcase>\n",
                    message, XmlEscape(row.advice));
}

// Must agree with the number of such cases below.
ptrdiff_t Count(const NodeReport& node, CheckVerdict verdict) {
  return std::ranges::count(node.rows, verdict, &CheckRow::verdict);
}

// What the evidence says of the cloud below the nodes: a line per requirement.
// Empty if no node gave evidence.
std::string RenderTcbReports(const VerifyReport& report) {
  Table table({"NODE", "REQUIREMENT", "MET", "WHY"});
  bool any = false;
  for (const NodeReport& node : report.nodes) {
    for (const attestation::TcbAnswer& answer : node.tcb_report) {
      any = true;
      table.AddRow({node.name, answer.requirement, answer.met ? "yes" : "no",
                    answer.why});
    }
  }
  return any ? "\n" + table.Render() : "";
}

// Texts of the report may quote the evidence.
nlohmann::ordered_json TcbReportJson(const NodeReport& node) {
  nlohmann::ordered_json answers = nlohmann::ordered_json::array();
  for (const attestation::TcbAnswer& answer : node.tcb_report) {
    answers.push_back({{"requirement", Clean(answer.requirement)},
                       {"met", answer.met},
                       {"why", Clean(answer.why)}});
  }
  return answers;
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kVerified:
      return "verified";
    case Verdict::kUnchecked:
      return "unchecked";
    case Verdict::kRefused:
      return "refused";
  }
  return "refused";
}

std::string VerifyReport::Summary() const {
  const auto count = [&](Verdict wanted) {
    return std::count_if(
        nodes.begin(), nodes.end(),
        [&](const NodeReport& node) { return node.verdict == wanted; });
  };
  const std::string kinds = JoinedRestsOn(*this);
  const std::string basis =
      kinds.empty() ? ""
                    : fmt::format(" Rests on: {}{}.", kinds, Explain(kinds));
  switch (verdict) {
    case Verdict::kVerified:
      return fmt::format(
          "VERIFIED: all {} nodes run an accepted image, on their enrolled "
          "TPMs, as members of cluster {}.{}{}",
          nodes.size(), cluster_id, basis,
          relayed
              ? ""
              : " NOT CHECKED: whether the API server lists other machines, "
                "because no node could relay.");
    case Verdict::kUnchecked:
      return fmt::format("NOT CHECKED: {} of {} nodes gave no evidence.{}",
                         count(Verdict::kUnchecked), nodes.size(), basis);
    case Verdict::kRefused:
      break;
  }
  return fmt::format("REFUSED: {} of {} nodes are not what they must be.{}",
                     count(Verdict::kRefused), nodes.size(), basis);
}

std::string VerifyReport::Warning() const {
  return relayed ? ""
                 : fmt::format(
                       "no node could relay: a machine that somebody added to "
                       "the cluster would not have been seen ({})",
                       relay_errors.empty()
                           ? "there was none to ask"
                           : fmt::format("{}", fmt::join(relay_errors, "; ")));
}

// Verdicts per node follow the rows, then advice, then the summary, which is
// what a reader sees last.
std::string RenderTable(const VerifyReport& report) {
  Table table({"NODE", "LAYER", "CHECK", "EXPECTED", "GOT", "VERDICT"});
  std::string advice;
  for (const NodeReport& node : report.nodes) {
    for (const CheckRow& row : node.rows) {
      const bool failed = row.verdict == CheckVerdict::kFailed;
      table.AddRow(
          {node.name, row.layer, row.name,
           failed ? row.expected : Shorten(row.expected, kShownCharacters),
           failed ? row.got : Shorten(row.got, kShownCharacters),
           failed ? "FAILED"
                  : std::string(attestation::ToString(row.verdict))});
      if (failed && !row.advice.empty()) {
        advice += Printable(fmt::format("{} {}: {}", node.name, row.name,
                                        row.advice)) +
                  "\n";
      }
    }
  }
  std::string text = table.Render() + "\n";
  for (const NodeReport& node : report.nodes) {
    text +=
        Printable(fmt::format(
            "{} ({}): {}{}", node.name, node.role, VerdictName(node.verdict),
            node.source.empty() ? "" : fmt::format(", {}", node.source))) +
        "\n";
  }
  for (const std::string& error : report.relay_errors) {
    text += Printable("no relay by " + error) + "\n";
  }
  text += RenderTcbReports(report);
  if (!advice.empty()) {
    text += "\n" + advice;
  }
  return text + "\n" + report.Summary() + "\n";
}

std::string RenderJson(const VerifyReport& report) {
  nlohmann::ordered_json nodes = nlohmann::ordered_json::array();
  for (const NodeReport& node : report.nodes) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const CheckRow& row : node.rows) {
      checks.push_back({{"layer", Clean(row.layer)},
                        {"check", Clean(row.name)},
                        {"expected", Clean(row.expected)},
                        {"got", Clean(row.got)},
                        {"verdict", std::string(ToString(row.verdict))},
                        {"advice", Clean(row.advice)}});
    }
    nodes.push_back({{"name", Clean(node.name)},
                     {"role", Clean(node.role)},
                     {"verdict", std::string(VerdictName(node.verdict))},
                     {"source", Clean(node.source)},
                     {"profile", Clean(node.profile)},
                     {"restsOn", Clean(node.rests_on)},
                     {"tcbReport", TcbReportJson(node)},
                     {"checks", std::move(checks)}});
  }
  nlohmann::ordered_json relay_errors = nlohmann::ordered_json::array();
  for (const std::string& error : report.relay_errors) {
    relay_errors.push_back(Clean(error));
  }
  const nlohmann::ordered_json document = {
      {"version", 1},
      {"verdict", std::string(VerdictName(report.verdict))},
      {"summary", report.Summary()},
      {"clusterID", report.cluster_id},
      {"nonce", report.nonce},
      {"time",
       absl::FormatTime(absl::RFC3339_sec, report.time, absl::UTCTimeZone())},
      {"relayed", report.relayed},
      {"relayErrors", std::move(relay_errors)},
      {"nodes", std::move(nodes)}};
  return document.dump(2) + "\n";
}

std::string RenderJunit(const VerifyReport& report) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"constellation verify\">\n";
  for (const NodeReport& node : report.nodes) {
    const ptrdiff_t failed = Count(node, CheckVerdict::kFailed);
    const bool unchecked = node.verdict == Verdict::kUnchecked;
    text += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" "
        "errors=\"{}\" skipped=\"{}\">\n",
        XmlEscape(node.name), node.rows.size(), unchecked ? 0 : failed,
        unchecked ? failed : 0, Count(node, CheckVerdict::kInfo));
    for (const CheckRow& row : node.rows) {
      text += JunitCase(node, row);
    }
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

absl::Status ToStatus(const VerifyReport& report) {
  switch (report.verdict) {
    case Verdict::kVerified:
      // A report about nothing must never look like success.
      if (!report.nodes.empty()) {
        return absl::OkStatus();
      }
      return Unavailable("no node was checked");
    case Verdict::kUnchecked:
      return Unavailable("not every node could be checked");
    case Verdict::kRefused:
      break;
  }
  return AsRefusal(PermissionDenied("verification refused the cluster"));
}

}  // namespace constellation::cli
