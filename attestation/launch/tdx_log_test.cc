// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/tdx_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/launch/testing/firmware_builder.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using testing::EventLogBuilder;
using testing::GoodTestFirmware;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr uint16_t kSha384 = 0x000c;

struct TestEvent {
  uint32_t pcr = 1;
  uint32_t type = 0;
  std::string data;
};

const std::string kSeparatorData(4, '\0');

// The events of a machine with two boot variables, among those of other
// registers.
std::vector<TestEvent> GoodEvents() {
  return {{1, 0x8000000b, "memory map"},
          {1, 0x8000000a, "configuration volume"},
          {1, 0x80000001, "SecureBoot"},
          {1, 0x80000001, "PK"},
          {1, 0x80000001, "KEK"},
          {1, 0x80000001, "db"},
          {1, 0x80000001, "dbx"},
          {1, 0x4, kSeparatorData},
          {1, 0xa, "loader"},
          {1, 0xa, "RSDP"},
          {1, 0xa, "tables"},
          {2, 0x80000003, "application"},
          {1, 0x80000002, "BootOrder"},
          {1, 0x80000002, "Boot0000"},
          {2, 0x80000007, "Calling EFI Application from Boot Option"},
          {1, 0x4, kSeparatorData}};
}

EventLogUnverified LogOf(const std::vector<TestEvent>& events,
                         uint16_t algorithm = kSha384) {
  EventLogBuilder builder({algorithm});
  for (const TestEvent& event : events) {
    builder.Add(event.pcr, event.type, event.data);
  }
  auto log = ParseEventLogUnverified(builder.bytes());
  EXPECT_THAT(log, IsOk());
  return *std::move(log);
}

crypto::Sha384Digest DigestOfText(const std::string& text) {
  return crypto::Sha384(AsBytes(text));
}

TEST(TdxLogTest, TakesTheDigestsInOrder) {
  const auto events = TdxRtmr0EventsOfLog(LogOf(GoodEvents()));
  ASSERT_THAT(events, IsOk());
  EXPECT_EQ(events->td_hob, DigestOfText("memory map"));
  EXPECT_EQ(events->secure_boot->at(4), DigestOfText("dbx"));
  EXPECT_EQ(events->acpi->at(1), DigestOfText("RSDP"));
  ASSERT_EQ(events->boot_variables->size(), 2);
  EXPECT_EQ(events->boot_variables->at(1), DigestOfText("Boot0000"));
}

// The prediction from a log's parts is what the log's machine has, if the
// firmware is the same.
TEST(TdxLogTest, PredictionIsTheReplayOfTheLog) {
  const Bytes bytes = GoodTestFirmware().Build();
  const auto firmware = OvmfFirmware::Parse(bytes);
  ASSERT_THAT(firmware, IsOk());
  std::vector<TestEvent> list = GoodEvents();
  list[1].data.assign(bytes.begin(), bytes.begin() + 0x2000);  // its volume
  const EventLogUnverified log = LogOf(list);
  const auto events = TdxRtmr0EventsOfLog(log);
  ASSERT_THAT(events, IsOk());
  const auto predicted = PredictTdxRtmr0(*firmware, *events);
  ASSERT_THAT(predicted, IsOk());
  EXPECT_EQ(HexEncode(*predicted), HexEncode(Replay(log, kSha384)->at(1)));
}

TEST(TdxLogTest, RefusesEveryOtherOrder) {
  const std::vector<TestEvent> good = GoodEvents();
  size_t of_rtmr0 = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    if (good[i].pcr != 1) {
      continue;
    }
    ++of_rtmr0;
    std::vector<TestEvent> other = good;
    other[i].type = 0x80000099;
    EXPECT_THAT(TdxRtmr0EventsOfLog(LogOf(other)), StatusIs(kPrecondition))
        << i;
    other = good;
    other.erase(other.begin() + static_cast<ptrdiff_t>(i));
    // Any number of boot variables is right.
    EXPECT_EQ(TdxRtmr0EventsOfLog(LogOf(other)).ok(),
              good[i].type == 0x80000002)
        << i;
  }
  EXPECT_EQ(of_rtmr0, 14);
}

TEST(TdxLogTest, RefusesMoreEvents) {
  std::vector<TestEvent> events = GoodEvents();
  events.push_back({1, 0x800000e0, "db"});
  EXPECT_THAT(TdxRtmr0EventsOfLog(LogOf(events)),
              StatusIs(kPrecondition, HasSubstr("want the end after 14")));
}

TEST(TdxLogTest, RefusesSeparatorsThatReportErrors) {
  for (const size_t i : {7U, 15U}) {
    std::vector<TestEvent> events = GoodEvents();
    events[i].data = std::string("\1\0\0\0", 4);
    EXPECT_THAT(TdxRtmr0EventsOfLog(LogOf(events)),
                StatusIs(kPrecondition, HasSubstr("reports an error")));
  }
}

TEST(TdxLogTest, RefusesTooManyBootVariables) {
  std::vector<TestEvent> events = GoodEvents();
  events.insert(events.begin() + 12, 62, {1, 0x80000002, "Boot"});
  EXPECT_THAT(TdxRtmr0EventsOfLog(LogOf(events)), IsOk());
  events.insert(events.begin() + 12, {1, 0x80000002, "Boot"});
  EXPECT_THAT(TdxRtmr0EventsOfLog(LogOf(events)), StatusIs(kPrecondition));
}

TEST(TdxLogTest, RefusesLogsOfOtherAlgorithms) {
  EXPECT_THAT(TdxRtmr0EventsOfLog(LogOf(GoodEvents(), 0x000b)),
              StatusIs(kInvalid, HasSubstr("SHA-384")));
  EXPECT_THAT(TdxRtmr0EventsOfLog({}), StatusIs(kPrecondition));
}

// A trust domain of QEMU with OVMF that boots a kernel directly; and machines
// whose firmware or boot loader measures more.
TEST(TdxLogVectorsTest, ReadsTheLogOfOvmf) {
  if (!testing::VectorsFolder().has_value()) {
    GTEST_SKIP() << testing::kNoVectors;
  }
  const auto log = ParseEventLogUnverified(
      testing::ReadVector("eventlog/ccel-ovmf-direct-boot.bin"));
  ASSERT_THAT(log, IsOk());
  const auto events = TdxRtmr0EventsOfLog(*log);
  ASSERT_THAT(events, IsOk());
  EXPECT_EQ(*events->secure_boot, UnsetSecureBootDigests());
  EXPECT_EQ(events->boot_variables->size(), 2);
  for (const char* other :
       {"eventlog/ccel-grub.bin", "eventlog/ccel-gcp-cos113.bin"}) {
    const auto more = ParseEventLogUnverified(testing::ReadVector(other));
    ASSERT_THAT(more, IsOk()) << other;
    EXPECT_THAT(TdxRtmr0EventsOfLog(*more), StatusIs(kPrecondition)) << other;
  }
}

}  // namespace
}  // namespace constellation::attestation
