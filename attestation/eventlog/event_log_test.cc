// SPDX-License-Identifier: Apache-2.0
#include "attestation/eventlog/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "attestation/testing/event_log_builder.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::EventLogBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Bytes Sha256Of(std::string_view text) {
  const auto digest = crypto::Sha256(AsBytes(text));
  return {digest.begin(), digest.end()};
}

Bytes Extend(Bytes value, const Bytes& digest) {
  value.insert(value.end(), digest.begin(), digest.end());
  const auto extended = crypto::Sha256(value);
  return {extended.begin(), extended.end()};
}

EventLogBuilder Agile() {
  return EventLogBuilder({kTpmAlgSha256});
}

TEST(EventLogTest, ReadsRecords) {
  const Bytes bytes =
      Agile().Add(4, kEvSeparator, "sep").Add(9, kEvIpl, "initrd").bytes();
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                       ParseEventLogUnverified(bytes));
  EXPECT_TRUE(log.crypto_agile);
  EXPECT_THAT(log.algorithms, ElementsAre(kTpmAlgSha256));
  ASSERT_THAT(log.events, SizeIs(2));
  EXPECT_EQ(log.events[1].number, 1U);
  EXPECT_EQ(log.events[1].pcr, 9U);
  EXPECT_EQ(log.events[1].type, kEvIpl);
  EXPECT_EQ(AsText(log.events[1].data), "initrd");
  EXPECT_EQ(DigestOf(log.events[1], kTpmAlgSha256), Sha256Of("initrd"));
  EXPECT_EQ(DigestOf(log.events[1], kTpmAlgSha1), std::nullopt);
  EXPECT_EQ(log.end_offset, bytes.size());
}

TEST(EventLogTest, ReplaysByExtending) {
  const Bytes bytes = Agile()
                          .Add(4, kEvSeparator, "a")
                          .Add(9, kEvIpl, "b")
                          .Add(4, kEvNoAction, "not measured")
                          .Add(4, kEvIpl, "c")
                          .bytes();
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                       ParseEventLogUnverified(bytes));
  ASSERT_OK_AND_ASSIGN(const auto registers, Replay(log, kTpmAlgSha256));
  ASSERT_THAT(registers, SizeIs(2));
  EXPECT_EQ(registers.at(4),
            Extend(Extend(Bytes(32), Sha256Of("a")), Sha256Of("c")));
  EXPECT_EQ(registers.at(9), Extend(Bytes(32), Sha256Of("b")));
}

TEST(EventLogTest, StartupLocalityIsWherePcr0Begins) {
  const std::string locality("StartupLocality\0\3", 17);
  const Bytes bytes = Agile()
                          .Add(0, kEvNoAction, locality)
                          .Add(0, kEvSeparator, "a")
                          .Add(1, kEvSeparator, "a")
                          .bytes();
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                       ParseEventLogUnverified(bytes));
  EXPECT_EQ(log.startup_locality, 3);
  ASSERT_OK_AND_ASSIGN(const auto registers, Replay(log, kTpmAlgSha256));
  Bytes start(32);
  start.back() = 3;
  EXPECT_EQ(registers.at(0), Extend(start, Sha256Of("a")));
  EXPECT_EQ(registers.at(1), Extend(Bytes(32), Sha256Of("a")));
}

TEST(EventLogTest, IgnoresLateStartupLocality) {
  const std::string locality("StartupLocality\0\3", 17);
  const Bytes bytes =
      Agile().Add(0, kEvSeparator, "a").Add(0, kEvNoAction, locality).bytes();
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                       ParseEventLogUnverified(bytes));
  EXPECT_EQ(log.startup_locality, 0);
}

TEST(EventLogTest, EveryCutIsNoticedOrEndsARecord) {
  EventLogBuilder builder = Agile();
  const size_t header = builder.bytes().size();
  builder.Add(4, kEvSeparator, "a");
  const size_t first = builder.bytes().size();
  builder.Add(9, kEvIpl, "bb");
  const Bytes bytes = builder.bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const EventLogReading reading =
        ReadEventLogUnverified(std::span(bytes).first(size));
    const bool boundary = size == header || size == first;
    EXPECT_EQ(reading.status.ok(), boundary) << size << reading.status;
    EXPECT_LE(reading.log.end_offset, size);
    if (size >= first) {
      EXPECT_THAT(reading.log.events, SizeIs(1)) << size;
    }
  }
}

TEST(EventLogTest, EndsAtOnesAndAtZeros) {
  for (const uint8_t filler : Bytes{0x00, 0xff}) {
    Bytes bytes = Agile().Add(4, kEvSeparator, "a").bytes();
    const size_t end = bytes.size();
    bytes.resize(end + 100, filler);
    ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                         ParseEventLogUnverified(bytes));
    EXPECT_THAT(log.events, SizeIs(1));
    EXPECT_EQ(log.end_offset, end);
  }
}

TEST(EventLogTest, RefusesDataBeyondTheEnd) {
  Bytes bytes = Agile().Add(4, kEvSeparator, "abcd").bytes();
  bytes[bytes.size() - 8] = 0xff;  // lowest octet of the data's size
  EXPECT_THAT(ParseEventLogUnverified(bytes),
              StatusIs(kInvalid, HasSubstr("record 0: event at offset")));
}

TEST(EventLogTest, RefusesRecordWithoutTheHeadersDigests) {
  EventLogBuilder builder({kTpmAlgSha1, kTpmAlgSha256});
  builder.AddRaw(4, kEvSeparator, {{kTpmAlgSha256, Bytes(32)}}, {});
  EXPECT_THAT(ParseEventLogUnverified(builder.bytes()),
              StatusIs(kInvalid,
                       HasSubstr("digests.count: want the header's 2, got 1")));
}

TEST(EventLogTest, RefusesDigestTwiceAndDigestOfUnknownSize) {
  EventLogBuilder twice({kTpmAlgSha1, kTpmAlgSha256});
  twice.AddRaw(4, kEvSeparator,
               {{kTpmAlgSha256, Bytes(32)}, {kTpmAlgSha256, Bytes(32)}}, {});
  EXPECT_THAT(ParseEventLogUnverified(twice.bytes()),
              StatusIs(kInvalid, HasSubstr("sha256 is not in the header or")));
  EventLogBuilder unknown({kTpmAlgSha256});
  unknown.AddRaw(4, kEvSeparator, {{kTpmAlgSha384, Bytes(48)}}, {});
  EXPECT_THAT(ParseEventLogUnverified(unknown.bytes()),
              StatusIs(kInvalid, HasSubstr("sha384 is not in the header or")));
}

TEST(EventLogTest, RefusesRegisterThatNoTpmHas) {
  EXPECT_THAT(
      ParseEventLogUnverified(Agile().Add(24, kEvSeparator, "").bytes()),
      StatusIs(kInvalid, HasSubstr("pcrIndex: want 0-23, got 0x18")));
  EXPECT_THAT(ParseEventLogUnverified(
                  EventLogBuilder::Legacy().Add(24, kEvSeparator, "").bytes()),
              StatusIs(kInvalid, HasSubstr("pcrIndex: want 0-23, got 0x18")));
  // Firmware writes such things for events that extend nothing.
  EXPECT_THAT(
      ParseEventLogUnverified(Agile().Add(0xffffffff, kEvNoAction, "").bytes()),
      IsOk());
}

TEST(EventLogTest, RefusesBadHeaders) {
  const auto with_header = [](Bytes algorithms) {
    return ParseEventLogUnverified(
        EventLogBuilder::WithHeader(std::move(algorithms)).bytes());
  };
  EXPECT_THAT(with_header({0, 0, 0, 0, 0}),
              StatusIs(kInvalid, HasSubstr("numberOfAlgorithms")));
  EXPECT_THAT(with_header({9, 0, 0, 0, 0}),
              StatusIs(kInvalid, HasSubstr("numberOfAlgorithms")));
  EXPECT_THAT(with_header({1, 0, 0, 0, 0x0b, 0, 31, 0, 0}),
              StatusIs(kInvalid, HasSubstr("digestSize of sha256: got 31")));
  EXPECT_THAT(with_header({1, 0, 0, 0, 0x99, 0, 0, 0, 0}),
              StatusIs(kInvalid, HasSubstr("digestSize of 0x0099: got 0")));
  EXPECT_THAT(with_header({1, 0, 0, 0, 0x99, 0, 65, 0, 0}),
              StatusIs(kInvalid, HasSubstr("digestSize of 0x0099: got 65")));
  EXPECT_THAT(with_header({2, 0, 0, 0, 0x0b, 0, 32, 0, 0x0b, 0, 32, 0, 0}),
              StatusIs(kInvalid, HasSubstr("sha256 occurs twice")));
  EXPECT_THAT(with_header({1, 0, 0, 0, 0x0b, 0, 32, 0, 4}),
              StatusIs(kInvalid, HasSubstr("vendorInfo")));
  EXPECT_THAT(with_header({1, 0, 0, 0, 0x0b, 0, 32, 0, 0, 0}),
              StatusIs(kInvalid, HasSubstr("TCG_EfiSpecIDEvent")));
}

TEST(EventLogTest, ReplayNeedsAKnownAlgorithmOfTheLog) {
  ASSERT_OK_AND_ASSIGN(
      const EventLogUnverified log,
      ParseEventLogUnverified(
          EventLogBuilder({kTpmAlgSm3}).Add(1, kEvIpl, "a").bytes()));
  EXPECT_THAT(Replay(log, kTpmAlgSha256),
              StatusIs(kInvalid, HasSubstr("no sha256 digests")));
  EXPECT_THAT(Replay(log, kTpmAlgSm3),
              StatusIs(kInvalid, HasSubstr("want a SHA, got sm3")));
}

// A log that was made up in memory may lack what a parsed one must have.
TEST(EventLogTest, ReplayNeedsADigestOfEveryRecord) {
  EventLogUnverified log =
      ParseEventLogUnverified(Agile().Add(4, kEvSeparator, "a").bytes())
          .value();
  EXPECT_THAT(Replay(log, kTpmAlgSha256), IsOk());
  for (const size_t size : {size_t{0}, size_t{31}, size_t{33}, size_t{48}}) {
    log.events.front().digests = {{kTpmAlgSha256, Bytes(size, 1)}};
    EXPECT_THAT(Replay(log, kTpmAlgSha256),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("has no sha256 digest")))
        << size;
  }
  log.events.front().digests.clear();
  EXPECT_THAT(Replay(log, kTpmAlgSha256),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has no sha256 digest")));
}

// Whoever copies a value into a field of fixed size relies on it.
TEST(EventLogTest, ValuesHaveTheSizeOfTheirAlgorithm) {
  const std::pair<uint16_t, size_t> sizes[] = {{kTpmAlgSha1, 20},
                                               {kTpmAlgSha256, 32},
                                               {kTpmAlgSha384, 48},
                                               {kTpmAlgSha512, 64}};
  for (const auto& [algorithm, size] : sizes) {
    const auto log =
        ParseEventLogUnverified(EventLogBuilder({kTpmAlgSha256, algorithm})
                                    .Add(0, kEvSeparator, "a")
                                    .Add(4, kEvIpl, "b")
                                    .Add(4, kEvIpl, "c")
                                    .bytes());
    if (algorithm == kTpmAlgSha256) {
      EXPECT_FALSE(log.ok()) << "twice in the header";
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const auto registers, Replay(*log, algorithm));
    EXPECT_THAT(registers, SizeIs(2));
    for (const auto& [index, value] : registers) {
      EXPECT_EQ(value.size(), size) << index;
    }
  }
}

TEST(EventLogTest, ReadsNoMoreThanItsLimit) {
  EventLogBuilder builder = EventLogBuilder::Legacy();
  for (size_t i = 0; i < 65536; ++i) {
    builder.AddRaw(4, kEvIpl, {{kTpmAlgSha1, Bytes(20)}}, "");
  }
  EXPECT_THAT(ParseEventLogUnverified(builder.bytes()), IsOk());
  builder.AddRaw(4, kEvIpl, {{kTpmAlgSha1, Bytes(20)}}, "");
  EXPECT_THAT(ParseEventLogUnverified(builder.bytes()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("too many events")));
}

TEST(EventLogTest, RefusesNothing) {
  EXPECT_THAT(ParseEventLogUnverified({}),
              StatusIs(kInvalid, HasSubstr("first record")));
}

TEST(EventLogTest, LegacyLogHasSha1Only) {
  const Bytes bytes =
      EventLogBuilder::Legacy().Add(4, kEvSeparator, "a").bytes();
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                       ParseEventLogUnverified(bytes));
  EXPECT_FALSE(log.crypto_agile);
  EXPECT_THAT(log.algorithms, ElementsAre(kTpmAlgSha1));
  ASSERT_OK_AND_ASSIGN(const auto registers, Replay(log, kTpmAlgSha1));
  EXPECT_EQ(registers.at(4).size(), 20U);
}

TEST(DataExplainsDigestTest, NoticesChangedText) {
  Bytes bytes = Agile().Add(4, kEvSeparator, "abcd").bytes();
  ASSERT_OK_AND_ASSIGN(EventLogUnverified log, ParseEventLogUnverified(bytes));
  EXPECT_TRUE(DataExplainsDigest(log.events[0], kTpmAlgSha256));
  bytes.back() ^= 1U;
  ASSERT_OK_AND_ASSIGN(log, ParseEventLogUnverified(bytes));
  EXPECT_FALSE(DataExplainsDigest(log.events[0], kTpmAlgSha256));
}

TEST(DescribeEventTest, ShowsTextOfBothKinds) {
  LogEvent event{
      .number = 3, .pcr = 9, .type = kEvIpl, .digests = {}, .data = {}};
  EXPECT_EQ(DescribeEvent(event), "#3 EV_IPL");
  event.data = {'g', 'r', 'u', 'b', 0};
  EXPECT_EQ(DescribeEvent(event), "#3 EV_IPL \"grub\"");
  event.data = {'d', 0, 'b', 0, 0, 0};
  EXPECT_EQ(DescribeEvent(event), "#3 EV_IPL \"db\"");
  event.data = Bytes(100, 'x');
  EXPECT_EQ(DescribeEvent(event),
            "#3 EV_IPL \"" + std::string(60, 'x') + "...\"");
}

TEST(DescribeEventTest, PassesNoTerminalCodes) {
  LogEvent event{
      .number = 0, .pcr = 9, .type = kEvIpl, .digests = {}, .data = {}};
  event.data = {0x1b, '[', '2', 'J'};
  EXPECT_EQ(DescribeEvent(event), "#0 EV_IPL");
  event.data = {0x1b, 0, '[', 0};
  EXPECT_EQ(DescribeEvent(event), "#0 EV_IPL");
  event.data = {'a', 0, 'b', 4};
  EXPECT_EQ(DescribeEvent(event), "#0 EV_IPL");
}

}  // namespace
}  // namespace constellation::attestation
