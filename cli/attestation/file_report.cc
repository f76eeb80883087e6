// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/file_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/attestation/shown.h"
#include "cli/exit_code.h"
#include "cli/terminal/table.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

constexpr size_t kShownCharacters = 40;

// "verified", "unchecked" or "refused": what a verdict means for the whole.
std::string_view Outcome(RowVerdict verdict) {
  switch (verdict) {
    case RowVerdict::kPassed:
    case RowVerdict::kInfo:
      return "verified";
    case RowVerdict::kUnchecked:
      return "unchecked";
    case RowVerdict::kFailed:
      break;
  }
  return "refused";
}

// How many rows have just this verdict.
ptrdiff_t Count(const FileUnit& unit, RowVerdict verdict) {
  return std::ranges::count(unit.rows, verdict, &FileRow::verdict);
}

// Names and values come out of hostile files: escaped, and control characters
// replaced, because XML 1.0 cannot hold them at all.
std::string JunitCase(const FileUnit& unit, const FileRow& row) {
  const std::string opening = fmt::format(
      "    <testcase classname=\"{}.{}\" name=\"{}\"", XmlEscape(unit.name),
      XmlEscape(row.layer), XmlEscape(row.name));
  if (row.verdict == RowVerdict::kPassed) {
    return opening + "/>\n";
  }
  if (row.verdict == RowVerdict::kInfo) {
    return fmt::format(
        "{}>\n      <skipped message=\"{}\"/>\n"
        "    </testcase>\n",
        opening, XmlEscape(row.got));
  }
  const char* element =
      row.verdict == RowVerdict::kFailed ? "failure" : "error";
  return fmt::format(
      "{}>\n      <{} message=\"expected {}, got {}\">{}</{}>\n"
      "    </testcase>\n",
      opening, element, XmlEscape(row.expected), XmlEscape(row.got),
      XmlEscape(row.advice), element);
}

}  // namespace

std::string_view ToString(RowVerdict verdict) {
  switch (verdict) {
    case RowVerdict::kPassed:
      return "passed";
    case RowVerdict::kInfo:
      return "info";
    case RowVerdict::kUnchecked:
      return "unchecked";
    case RowVerdict::kFailed:
      break;
  }
  return "FAILED";
}

// Information alone is not success: a unit needs one row that passed.
RowVerdict FileUnit::verdict() const {
  RowVerdict worst = RowVerdict::kUnchecked;
  if (Count(*this, RowVerdict::kPassed) > 0) {
    worst = RowVerdict::kPassed;
  }
  for (const FileRow& row : rows) {
    worst = std::max(worst, row.verdict);
  }
  return worst == RowVerdict::kInfo ? RowVerdict::kPassed : worst;
}

RowVerdict FileReport::verdict() const {
  RowVerdict worst =
      units.empty() ? RowVerdict::kUnchecked : RowVerdict::kPassed;
  for (const FileUnit& unit : units) {
    worst = std::max(worst, unit.verdict());
  }
  return worst;
}

// Without a policy the sentence says so even if everything passed: people copy
// it into tickets.
std::string FileReport::Summary() const {
  const std::string basis =
      without_policy
          ? " WITHOUT A POLICY: only signatures and chains were looked at; "
            "anything genuine passes, whatever runs there."
          : fmt::format(" Profile: {}.", profile.empty() ? "none" : profile);
  switch (verdict()) {
    case RowVerdict::kPassed:
    case RowVerdict::kInfo:
      return "VERIFIED." + basis;
    case RowVerdict::kUnchecked:
      return "NOT CHECKED: something that is needed was not given; see the "
             "rows \"unchecked\"." +
             basis;
    case RowVerdict::kFailed:
      break;
  }
  return "REFUSED: see the rows \"FAILED\"." + basis;
}

// Values that passed are shortened; those of a failure are whole, because
// somebody has to compare them. Advice follows the table.
std::string RenderTable(const FileReport& report) {
  std::string text;
  std::string advice;
  for (const FileUnit& unit : report.units) {
    text += Printable(fmt::format("{} ({}): {}", unit.name, unit.what,
                                  Outcome(unit.verdict()))) +
            "\n";
    Table table({"LAYER", "CHECK", "EXPECTED", "GOT", "VERDICT"});
    for (const FileRow& row : unit.rows) {
      const bool bad = row.verdict >= RowVerdict::kUnchecked;
      table.AddRow(
          {row.layer, row.name,
           bad ? row.expected : Shorten(row.expected, kShownCharacters),
           bad ? row.got : Shorten(row.got, kShownCharacters),
           std::string(ToString(row.verdict))});
      if (bad && !row.advice.empty()) {
        advice += Printable(fmt::format("{} {}: {}", unit.name, row.name,
                                        row.advice)) +
                  "\n";
      }
    }
    text += table.Render() + "\n";
  }
  if (!advice.empty()) {
    text += advice + "\n";
  }
  return text + Printable(report.Summary()) + "\n";
}

std::string RenderJson(const FileReport& report) {
  nlohmann::ordered_json units = nlohmann::ordered_json::array();
  for (const FileUnit& unit : report.units) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const FileRow& row : unit.rows) {
      const bool failed = row.verdict == RowVerdict::kFailed;
      checks.push_back(
          {{"layer", Printable(row.layer)},
           {"check", Printable(row.name)},
           {"expected", Printable(row.expected)},
           {"got", Printable(row.got)},
           {"verdict", failed ? "failed" : std::string(ToString(row.verdict))},
           {"advice", Printable(row.advice)}});
    }
    units.push_back({{"file", Printable(unit.name)},
                     {"what", Printable(unit.what)},
                     {"verdict", std::string(Outcome(unit.verdict()))},
                     {"checks", std::move(checks)}});
  }
  const nlohmann::ordered_json document = {
      {"version", 1},
      {"verdict", std::string(Outcome(report.verdict()))},
      {"summary", Printable(report.Summary())},
      {"policy", !report.without_policy},
      {"profile", Printable(report.profile)},
      {"time", ShownTime(report.time)},
      {"units", std::move(units)}};
  return document.dump(2) + "\n";
}

// Counts must agree with the cases: readers of JUnit files check them.
std::string RenderJunit(const FileReport& report) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"constellation attestation verify\">\n";
  for (const FileUnit& unit : report.units) {
    text += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" "
        "errors=\"{}\" skipped=\"{}\">\n",
        XmlEscape(unit.name), unit.rows.size(),
        Count(unit, RowVerdict::kFailed), Count(unit, RowVerdict::kUnchecked),
        Count(unit, RowVerdict::kInfo));
    for (const FileRow& row : unit.rows) {
      text += JunitCase(unit, row);
    }
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

absl::Status ToStatus(const FileReport& report) {
  switch (report.verdict()) {
    case RowVerdict::kPassed:
    case RowVerdict::kInfo:
      return absl::OkStatus();
    case RowVerdict::kUnchecked:
      return Unavailable("not everything could be checked");
    case RowVerdict::kFailed:
      break;
  }
  return AsRefusal(PermissionDenied("verification refused the files"));
}

}  // namespace constellation::cli
