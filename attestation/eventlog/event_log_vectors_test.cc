// SPDX-License-Identifier: Apache-2.0
// Logs of real firmware: OVMF, clouds, workstations, Windows, TDX.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "attestation/eventlog/event_log.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

const std::map<std::string, uint16_t>& Algorithms() {
  static const auto& algorithms =
      *new std::map<std::string, uint16_t>{{"sha1", kTpmAlgSha1},
                                           {"sha256", kTpmAlgSha256},
                                           {"sha384", kTpmAlgSha384}};
  return algorithms;
}

class EventLogVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

void ExpectReplay(const EventLogUnverified& log, const std::string& bank,
                  const nlohmann::json& want) {
  ASSERT_OK_AND_ASSIGN(const auto got, Replay(log, Algorithms().at(bank)));
  EXPECT_EQ(got.size(), want.size()) << bank;
  for (const auto& [index, value] : want.items()) {
    const auto found = got.find(static_cast<uint32_t>(std::stoul(index)));
    ASSERT_NE(found, got.end()) << bank << " PCR" << index;
    EXPECT_EQ(HexEncode(found->second), value) << bank << " PCR" << index;
  }
}

// Every log that the manifest calls valid: parses to its end, and each bank
// replays to the values that were collected with it.
TEST_F(EventLogVectorsTest, ValidLogsReplayToTheirRegisters) {
  size_t replayed = 0;
  for (const nlohmann::json& entry : VectorEntries("eventlog/")) {
    const std::string path = entry["path"];
    const nlohmann::json expect =
        entry.value("expect", nlohmann::json::object());
    if (!expect.contains("events") || !expect.contains("pcrs") ||
        path == "eventlog/tpm2tools-specid-vendordata.bin") {
      continue;
    }
    SCOPED_TRACE(path);
    const EventLogReading reading = ReadEventLogUnverified(ReadVector(path));
    ASSERT_THAT(reading.status, IsOk());
    EXPECT_EQ(reading.log.events.size(), expect["events"]);
    if (expect.contains("end_offset")) {
      EXPECT_EQ(reading.log.end_offset, expect["end_offset"]);
    }
    EXPECT_EQ(reading.log.algorithms.size(), expect["algs"].size());
    for (const auto& [bank, registers] : expect["pcrs"].items()) {
      ExpectReplay(reading.log, bank, registers);
    }
    ++replayed;
  }
  EXPECT_GE(replayed, 20U);
}

TEST_F(EventLogVectorsTest, LegacyWindowsLogReplays) {
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                       ParseEventLogUnverified(
                           ReadVector("eventlog/windows-gce-sha1-legacy.bin")));
  const nlohmann::json want = VectorEntry(
      "eventlog/windows-gce-sha1-legacy.bin")["expect"]["pcrs_sha1"];
  ASSERT_OK_AND_ASSIGN(const auto got, Replay(log, kTpmAlgSha1));
  for (const char* index :
       {"0", "1", "2", "3", "4", "5", "6", "7", "11", "12", "13", "14"}) {
    const auto found = got.find(static_cast<uint32_t>(std::stoul(index)));
    EXPECT_EQ(HexEncode(found == got.end() ? Bytes(20) : found->second),
              want[index])
        << index;
  }
}

TEST_F(EventLogVectorsTest, GceLogReplaysToTheQuotedRegisters) {
  ASSERT_OK_AND_ASSIGN(
      const EventLogUnverified log,
      ParseEventLogUnverified(ReadVector("eventlog/gce-cos-85-quote-log.bin")));
  ASSERT_OK_AND_ASSIGN(const auto got, Replay(log, kTpmAlgSha256));
  const nlohmann::json want = VectorEntry(
      "gcp/vtpm-gce-cos-85-nonce9009-sha256.attest.bin")["expect"]["pcrs"];
  for (const auto& [index, value] : got) {
    if (index != 10) {  // IMA goes on after the firmware's log
      EXPECT_EQ(HexEncode(value), want[std::to_string(index)]) << index;
    }
  }
}

TEST_F(EventLogVectorsTest, TruncatedLogIsRefused) {
  const EventLogReading reading = ReadEventLogUnverified(
      ReadVector("eventlog/derived-rhel8-truncated.bin"));
  EXPECT_THAT(reading.status, StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("event log: record")));
  EXPECT_GT(reading.log.events.size(), 10U);  // what came before is there
}

TEST_F(EventLogVectorsTest, TamperedLogReplaysToOtherRegisters) {
  ASSERT_OK_AND_ASSIGN(
      const EventLogUnverified good,
      ParseEventLogUnverified(ReadVector("eventlog/ccel-gcp-cos113.bin")));
  ASSERT_OK_AND_ASSIGN(
      const EventLogUnverified bad,
      ParseEventLogUnverified(
          ReadVector("eventlog/ccel-gcp-cos113-duplicate-separator.bin")));
  ASSERT_OK_AND_ASSIGN(const auto good_rtmr, Replay(good, kTpmAlgSha384));
  ASSERT_OK_AND_ASSIGN(const auto bad_rtmr, Replay(bad, kTpmAlgSha384));
  EXPECT_NE(good_rtmr.at(1), bad_rtmr.at(1));
  EXPECT_NE(good_rtmr.at(2), bad_rtmr.at(2));
  EXPECT_EQ(good_rtmr.at(3), bad_rtmr.at(3));
}

TEST_F(EventLogVectorsTest, HeaderWithVendorDataOutsideItIsRefused) {
  const EventLogReading reading = ReadEventLogUnverified(
      ReadVector("eventlog/tpm2tools-specid-vendordata.bin"));
  EXPECT_THAT(reading.status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(reading.log.events.size(), 0U);
  EXPECT_EQ(reading.log.end_offset, 69U);
}

TEST_F(EventLogVectorsTest, LoneNoActionMeasuresNothing) {
  ASSERT_OK_AND_ASSIGN(
      const EventLogUnverified log,
      ParseEventLogUnverified(ReadVector("eventlog/short-no-action.bin")));
  EXPECT_EQ(log.startup_locality, 3);
  ASSERT_OK_AND_ASSIGN(const auto registers, Replay(log, kTpmAlgSha1));
  EXPECT_TRUE(registers.empty());
}

TEST_F(EventLogVectorsTest, AcpiTableIsNoLog) {
  EXPECT_THAT(ParseEventLogUnverified(
                  ReadVector("eventlog/ccel-gcp-cos113-acpi-table.bin")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::attestation
