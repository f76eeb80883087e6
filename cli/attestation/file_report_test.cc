// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/file_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

FileRow Row(RowVerdict verdict) {
  FileRow row{.layer = "SEV-SNP",
              .name = "VMPL",
              .expected = "zero",
              .got = "one",
              .verdict = verdict,
              .advice = ""};
  if (verdict >= RowVerdict::kUnchecked) {
    row.advice = "ask again";
  }
  return row;
}

FileUnit Unit(const std::vector<RowVerdict>& verdicts) {
  FileUnit unit{.name = "report.bin", .what = "SEV-SNP report", .rows = {}};
  for (const RowVerdict verdict : verdicts) {
    unit.rows.push_back(Row(verdict));
  }
  return unit;
}

FileReport Report(const std::vector<std::vector<RowVerdict>>& units) {
  FileReport report;
  report.time = absl::FromUnixSeconds(1800000000);
  report.profile = "image";
  for (const auto& verdicts : units) {
    report.units.push_back(Unit(verdicts));
  }
  return report;
}

constexpr RowVerdict kPassed = RowVerdict::kPassed;
constexpr RowVerdict kInfo = RowVerdict::kInfo;
constexpr RowVerdict kUnchecked = RowVerdict::kUnchecked;
constexpr RowVerdict kFailed = RowVerdict::kFailed;

TEST(FileUnitTest, WorstRowDecides) {
  EXPECT_EQ(Unit({kPassed}).verdict(), kPassed);
  EXPECT_EQ(Unit({kPassed, kInfo}).verdict(), kPassed);
  EXPECT_EQ(Unit({kPassed, kUnchecked, kInfo}).verdict(), kUnchecked);
  EXPECT_EQ(Unit({kUnchecked, kFailed, kPassed}).verdict(), kFailed);
}

TEST(FileUnitTest, NothingCheckedIsNeverSuccess) {
  EXPECT_EQ(Unit({}).verdict(), kUnchecked);
  EXPECT_EQ(Unit({kInfo, kInfo}).verdict(), kUnchecked);
}

TEST(FileReportTest, WorstUnitDecides) {
  EXPECT_EQ(Report({}).verdict(), kUnchecked);
  EXPECT_EQ(Report({{kPassed}, {kPassed}}).verdict(), kPassed);
  EXPECT_EQ(Report({{kPassed}, {}}).verdict(), kUnchecked);
  EXPECT_EQ(Report({{kFailed}, {kPassed}}).verdict(), kFailed);
}

TEST(FileReportTest, ExitCodesFollowTheVerdict) {
  EXPECT_THAT(ToStatus(Report({{kPassed}})), IsOk());
  EXPECT_THAT(ToStatus(Report({{kUnchecked}})),
              StatusIs(absl::StatusCode::kUnavailable,
                       "not everything could be checked"));
  EXPECT_EQ(ExitCodeOf(ToStatus(Report({}))), ExitCode::kError);
  EXPECT_THAT(ToStatus(Report({{kFailed}})),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       "verification refused the files"));
  EXPECT_EQ(ExitCodeOf(ToStatus(Report({{kFailed}}))), ExitCode::kRefused);
}

TEST(FileReportTest, SummaryNamesTheBasis) {
  EXPECT_EQ(Report({{kPassed}}).Summary(), "VERIFIED. Profile: image.");
  EXPECT_THAT(Report({{kUnchecked}}).Summary(), HasSubstr("NOT CHECKED: "));
  EXPECT_EQ(Report({{kFailed}}).Summary(),
            "REFUSED: see the rows \"FAILED\". Profile: image.");
  FileReport report = Report({{kPassed}});
  report.profile = "";
  EXPECT_EQ(report.Summary(), "VERIFIED. Profile: none.");
  report.without_policy = true;
  EXPECT_THAT(report.Summary(), HasSubstr("VERIFIED. WITHOUT A POLICY: "));
}

TEST(FileReportTest, TableShowsAdviceAndWholeValuesOfBadRows) {
  FileReport report = Report({{kPassed, kFailed}});
  report.units[0].rows[0].got = std::string(50, 'p');
  report.units[0].rows[1].got = std::string(50, 'f');
  const std::string table = RenderTable(report);
  EXPECT_THAT(table, HasSubstr("report.bin (SEV-SNP report): refused\n"));
  EXPECT_THAT(table, HasSubstr(std::string(40, 'p') + ".."));
  EXPECT_THAT(table, Not(HasSubstr(std::string(41, 'p'))));
  EXPECT_THAT(table, HasSubstr(std::string(50, 'f')));
  EXPECT_THAT(table, HasSubstr("\nreport.bin VMPL: ask again\n"));
  EXPECT_THAT(table, EndsWith(report.Summary() + "\n"));
}

TEST(FileReportTest, JsonHasEveryRow) {
  const auto json =
      nlohmann::json::parse(RenderJson(Report({{kPassed, kInfo, kUnchecked}})));
  EXPECT_EQ(json.at("version"), 1);
  EXPECT_EQ(json.at("verdict"), "unchecked");
  EXPECT_EQ(json.at("policy"), true);
  EXPECT_EQ(json.at("profile"), "image");
  EXPECT_EQ(json.at("time"), "2027-01-15T08:00:00Z");
  const auto& unit = json.at("units").at(0);
  EXPECT_EQ(unit.at("file"), "report.bin");
  EXPECT_EQ(unit.at("verdict"), "unchecked");
  const auto& checks = unit.at("checks");
  EXPECT_EQ(checks.at(0).at("verdict"), "passed");
  EXPECT_EQ(checks.at(1).at("verdict"), "info");
  EXPECT_EQ(checks.at(2).at("verdict"), "unchecked");
  EXPECT_EQ(checks.at(2).at("advice"), "ask again");
  EXPECT_EQ(nlohmann::json::parse(RenderJson(Report({{kFailed}})))
                .at("units")
                .at(0)
                .at("checks")
                .at(0)
                .at("verdict"),
            "failed");
}

TEST(FileReportTest, JunitTellsFailuresFromErrors) {
  const std::string junit =
      RenderJunit(Report({{kPassed, kInfo, kUnchecked, kFailed, kFailed}}));
  EXPECT_THAT(junit, HasSubstr("tests=\"5\" failures=\"2\" errors=\"1\" "
                               "skipped=\"1\""));
  EXPECT_THAT(junit, HasSubstr("<skipped message=\"one\"/>"));
  EXPECT_THAT(junit, HasSubstr("<failure message=\"expected zero, got one\">"
                               "ask again</failure>"));
  EXPECT_THAT(junit, HasSubstr("<error message="));
}

TEST(FileReportTest, HostileTextKeepsFormatsValid) {
  FileReport report = Report({{kFailed}});
  report.units[0].name = "a\"<b>&\x1b[2J\xff";
  report.units[0].rows[0].got = "\"/></testcase>\n";
  report.profile = "\x1b[31m";
  EXPECT_FALSE(
      nlohmann::json::parse(RenderJson(report), nullptr, false).is_discarded());
  EXPECT_THAT(RenderTable(report), Not(HasSubstr("\x1b")));
  const std::string junit = RenderJunit(report);
  EXPECT_THAT(junit,
              HasSubstr("testsuite name=\"a&quot;&lt;b&gt;&amp;?[2J?\""));
  EXPECT_THAT(junit, HasSubstr("got &quot;/&gt;&lt;/testcase&gt;?"));
}

}  // namespace
}  // namespace constellation::cli
