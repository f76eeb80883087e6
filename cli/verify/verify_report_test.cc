// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/verify_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/exit_code.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using attestation::CheckRow;
using attestation::CheckVerdict;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

CheckRow Row(CheckVerdict verdict, std::string expected, std::string got) {
  CheckRow row;
  row.layer = "vTPM";
  row.name = "PCR4";
  row.expected = std::move(expected);
  row.got = std::move(got);
  row.verdict = verdict;
  row.advice = verdict == CheckVerdict::kFailed ? "update the image" : "";
  return row;
}

// One verified and one refused node.
VerifyReport Refused() {
  VerifyReport report;
  report.verdict = Verdict::kRefused;
  report.cluster_id = "c1d2";
  report.nonce = "0011";
  report.time = absl::FromUnixSeconds(1800000000);
  report.relay_errors = {"a: connection refused"};
  NodeReport good;
  good.name = "a";
  good.role = "worker";
  good.source = "direct";
  good.profile = "p1";
  good.rests_on = "simulated";
  good.verdict = Verdict::kVerified;
  good.rows = {Row(CheckVerdict::kPassed, std::string(64, 'e'), "yes")};
  NodeReport bad = good;
  bad.name = "b";
  bad.source = "";
  bad.verdict = Verdict::kRefused;
  bad.rows = {Row(CheckVerdict::kFailed, std::string(64, 'f'), "no & <bad>")};
  report.nodes = {good, bad};
  return report;
}

TEST(VerifyReportTest, VerdictsAreOrdered) {
  EXPECT_LT(Verdict::kVerified, Verdict::kUnchecked);
  EXPECT_LT(Verdict::kUnchecked, Verdict::kRefused);
  EXPECT_EQ(VerdictName(Verdict::kVerified), "verified");
  EXPECT_EQ(VerdictName(Verdict::kUnchecked), "unchecked");
  EXPECT_EQ(VerdictName(Verdict::kRefused), "refused");
}

TEST(VerifyReportTest, ExitCodesFollowTheVerdict) {
  VerifyReport report = Refused();
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kRefused);
  EXPECT_THAT(ToStatus(report), StatusIs(absl::StatusCode::kPermissionDenied,
                                         "verification refused the cluster"));
  report.verdict = Verdict::kUnchecked;
  EXPECT_THAT(ToStatus(report), StatusIs(absl::StatusCode::kUnavailable,
                                         "not every node could be checked"));
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kError);
  report.verdict = Verdict::kVerified;
  EXPECT_THAT(ToStatus(report), IsOk());
  report.nodes.clear();
  EXPECT_THAT(ToStatus(report),
              StatusIs(absl::StatusCode::kUnavailable, "no node was checked"));
}

TEST(VerifyReportTest, SummaryCountsTheNodesConcerned) {
  VerifyReport report = Refused();
  EXPECT_THAT(report.Summary(),
              HasSubstr("REFUSED: 1 of 2 nodes are not what they must be."));
  EXPECT_THAT(report.Summary(),
              HasSubstr("Rests on: simulated (software TPMs"));
  report.verdict = Verdict::kUnchecked;
  report.nodes[1].verdict = Verdict::kUnchecked;
  EXPECT_THAT(report.Summary(),
              HasSubstr("NOT CHECKED: 1 of 2 nodes gave no evidence."));
  report.verdict = Verdict::kVerified;
  EXPECT_THAT(report.Summary(), HasSubstr("VERIFIED: all 2 nodes"));
  EXPECT_THAT(report.Summary(), HasSubstr("members of cluster c1d2."));
}

TEST(VerifyReportTest, SummarySaysWhatItRestsOn) {
  VerifyReport report = Refused();
  report.nodes[0].rests_on = "hypervisor-trusting";
  report.nodes[1].rests_on = "";
  EXPECT_THAT(report.Summary(),
              EndsWith("Rests on: hypervisor-trusting (a vTPM that the "
                       "hypervisor owns, without evidence of the CPU)."));
  report.nodes[0].rests_on = "hardware-rooted";
  EXPECT_THAT(report.Summary(), EndsWith("Rests on: hardware-rooted."));
  report.nodes[0].rests_on = "";
  EXPECT_THAT(report.Summary(), EndsWith("what they must be."));
}

TEST(VerifyReportTest, TableCutsLongValuesThatAreRight) {
  const std::string table = RenderTable(Refused());
  EXPECT_THAT(table, HasSubstr(std::string(20, 'e') + "..  "));
  EXPECT_THAT(table, Not(HasSubstr(std::string(21, 'e'))));
  EXPECT_THAT(table, HasSubstr(std::string(64, 'f')));  // failed: in full
  EXPECT_THAT(table, HasSubstr("FAILED"));
  EXPECT_THAT(table, HasSubstr("\na (worker): verified, direct\n"));
  EXPECT_THAT(table, HasSubstr("\nb (worker): refused\n"));
  EXPECT_THAT(table, HasSubstr("\nno relay by a: connection refused\n"));
  EXPECT_THAT(table, HasSubstr("\nb PCR4: update the image\n"));
  EXPECT_THAT(table, EndsWith(Refused().Summary() + "\n"));
}

TEST(VerifyReportTest, JsonHasEverythingInFull) {
  const auto json = nlohmann::json::parse(RenderJson(Refused()));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["verdict"], "refused");
  EXPECT_EQ(json["clusterID"], "c1d2");
  EXPECT_EQ(json["nonce"], "0011");
  EXPECT_EQ(json["time"], "2027-01-15T08:00:00+00:00");
  EXPECT_EQ(json["summary"], Refused().Summary());
  EXPECT_EQ(json["relayErrors"][0], "a: connection refused");
  const auto& node = json["nodes"][1];
  EXPECT_EQ(node["name"], "b");
  EXPECT_EQ(node["role"], "worker");
  EXPECT_EQ(node["verdict"], "refused");
  EXPECT_EQ(node["profile"], "p1");
  EXPECT_EQ(node["restsOn"], "simulated");
  const auto& check = node["checks"][0];
  EXPECT_EQ(check["layer"], "vTPM");
  EXPECT_EQ(check["check"], "PCR4");
  EXPECT_EQ(check["expected"], std::string(64, 'f'));
  EXPECT_EQ(check["got"], "no & <bad>");
  EXPECT_EQ(check["advice"], "update the image");
  EXPECT_NE(check["verdict"], json["nodes"][0]["checks"][0]["verdict"]);
}

// A node's text must neither end the string early nor make the file invalid.
TEST(VerifyReportTest, HostileTextKeepsFormatsValid) {
  VerifyReport report = Refused();
  report.nodes[1].rows[0].got = "\"/><testcase name=\"x\xff\x1b[2J\n";
  report.nodes[1].name = "b\"&<>\x01";
  const auto json = nlohmann::json::parse(RenderJson(report), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["nodes"][1]["name"], "b\"&<>?");
  const std::string junit = RenderJunit(report);
  EXPECT_THAT(junit, HasSubstr("<testsuite name=\"b&quot;&amp;&lt;&gt;?\""));
  EXPECT_THAT(junit, Not(HasSubstr("<testcase name=")));
  const std::string table = RenderTable(report);
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
}

TEST(VerifyReportTest, JunitTellsFailuresFromErrors) {
  VerifyReport report = Refused();
  std::string junit = RenderJunit(report);
  EXPECT_THAT(junit, HasSubstr("<testsuite name=\"a\" tests=\"1\" "
                               "failures=\"0\" errors=\"0\" skipped=\"0\">"));
  EXPECT_THAT(junit, HasSubstr("<testsuite name=\"b\" tests=\"1\" "
                               "failures=\"1\" errors=\"0\" skipped=\"0\">"));
  EXPECT_THAT(junit,
              HasSubstr("<failure message=\"expected " + std::string(64, 'f') +
                        ", got no &amp; &lt;bad&gt;\""));
  report.nodes[1].verdict = Verdict::kUnchecked;
  junit = RenderJunit(report);
  EXPECT_THAT(junit, HasSubstr("<testsuite name=\"b\" tests=\"1\" "
                               "failures=\"0\" errors=\"1\" skipped=\"0\">"));
  EXPECT_THAT(junit, HasSubstr("<error message="));
  EXPECT_THAT(junit, Not(HasSubstr("<failure")));
}

// A fact, or what nothing demanded to check, must not look like a passed check.
TEST(VerifyReportTest, JunitSkipsInformation) {
  VerifyReport report = Refused();
  CheckRow info = Row(CheckVerdict::kInfo, "none", "no \"list\"");
  info.name = "revocation";
  report.nodes[0].rows.push_back(info);
  const std::string junit = RenderJunit(report);
  EXPECT_THAT(junit, HasSubstr("<testsuite name=\"a\" tests=\"2\" "
                               "failures=\"0\" errors=\"0\" skipped=\"1\">"));
  EXPECT_THAT(junit, HasSubstr("name=\"revocation\">\n"
                               "      <skipped message=\"no &quot;list&quot;\""
                               "/>\n    </testcase>\n"));
  EXPECT_THAT(junit, HasSubstr("<testcase classname=\"a.vTPM\" "
                               "name=\"PCR4\"/>\n"));
}

TEST(VerifyReportTest, SaysWhatOnlyARelayCouldTell) {
  VerifyReport report = Refused();
  report.nodes.pop_back();
  report.verdict = Verdict::kVerified;
  EXPECT_EQ(report.Warning(), "");
  EXPECT_THAT(report.Summary(), Not(HasSubstr("NOT CHECKED")));
  EXPECT_EQ(nlohmann::json::parse(RenderJson(report))["relayed"], true);
  report.relayed = false;
  EXPECT_THAT(report.Warning(), HasSubstr("(a: connection refused)"));
  EXPECT_THAT(report.Summary(),
              EndsWith("NOT CHECKED: whether the API server lists other "
                       "machines, because no node could relay."));
  EXPECT_EQ(nlohmann::json::parse(RenderJson(report))["relayed"], false);
  EXPECT_THAT(ToStatus(report), IsOk()) << "every node proved itself";
  report.relay_errors.clear();
  EXPECT_THAT(report.Warning(), HasSubstr("(there was none to ask)"));
}

}  // namespace
}  // namespace constellation::cli
