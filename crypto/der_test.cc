// SPDX-License-Identifier: Apache-2.0
#include "crypto/der.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "crypto/testing/octets.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Hex;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

absl::Status NextOf(std::string_view hex) {
  const Bytes der = Hex(hex);
  DerReader reader(der);
  return reader.Next().status();
}

TEST(DerReaderTest, ReadsElementsInOrder) {
  const Bytes der = Hex("0201073003040100");
  DerReader reader(der);
  EXPECT_EQ(reader.PeekTag(), kDerInteger);
  ASSERT_OK_AND_ASSIGN(const auto number, reader.Read(kDerInteger, "n"));
  EXPECT_THAT(number, ElementsAre(7));
  ASSERT_OK_AND_ASSIGN(const DerElement sequence, reader.Next());
  EXPECT_EQ(sequence.tag, kDerSequence);
  EXPECT_THAT(sequence.contents, ElementsAre(4, 1, 0));
  EXPECT_THAT(sequence.whole, ElementsAre(0x30, 3, 4, 1, 0));
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(reader.PeekTag(), std::nullopt);
  EXPECT_THAT(reader.ExpectEnd("x"), IsOk());
}

TEST(DerReaderTest, ReadsLongLengths) {
  Bytes der = Hex("04820100");
  der.resize(4 + 256);
  DerReader reader(der);
  ASSERT_OK_AND_ASSIGN(const auto contents, reader.Read(kDerOctetString, "x"));
  EXPECT_EQ(contents.size(), 256U);
  Bytes middle = Hex("048180");
  middle.resize(3 + 128);
  DerReader other(middle);
  EXPECT_THAT(other.Next(), IsOk());
}

TEST(DerReaderTest, NamesFieldOffsetAndBothTags) {
  const Bytes der = Hex("05000201");
  DerReader reader(der);
  ASSERT_THAT(reader.Next(), IsOk());
  EXPECT_THAT(reader.Read(kDerOctetString, "field"),
              StatusIs(kInvalid, HasSubstr("field at offset 2: want 1 octets, "
                                           "got 0")));
  const Bytes wrong = Hex("020101");
  DerReader second(wrong);
  EXPECT_THAT(
      second.Read(kDerOctetString, "field"),
      StatusIs(kInvalid,
               HasSubstr("field at offset 0: want tag 0x04, got 0x02")));
}

TEST(DerReaderTest, AWrongTagIsNotConsumed) {
  const Bytes der = Hex("020101");
  DerReader reader(der);
  ASSERT_FALSE(reader.Read(kDerOctetString, "x").ok());
  EXPECT_THAT(reader.Read(kDerInteger, "x"), IsOk());
}

TEST(DerReaderTest, RejectsTheEnd) {
  EXPECT_THAT(NextOf(""), StatusIs(kInvalid, HasSubstr("got the end")));
  EXPECT_THAT(NextOf("02"), StatusIs(kInvalid, HasSubstr("got the end")));
}

TEST(DerReaderTest, RejectsHighTagNumbers) {
  EXPECT_THAT(NextOf("1f0100"), StatusIs(kInvalid, HasSubstr("tag numbers")));
  EXPECT_THAT(NextOf("bf2100"), StatusIs(kInvalid, HasSubstr("tag numbers")));
}

TEST(DerReaderTest, RejectsIndefiniteLengths) {
  EXPECT_THAT(NextOf("30800000"),
              StatusIs(kInvalid, HasSubstr("definite length")));
}

TEST(DerReaderTest, RejectsLengthsOfFiveOctets) {
  EXPECT_THAT(NextOf("04850000000001ff"),
              StatusIs(kInvalid, HasSubstr("at most four octets")));
  EXPECT_THAT(NextOf("04ff"), StatusIs(kInvalid, HasSubstr("at most four")));
}

TEST(DerReaderTest, RejectsLengthsThatCouldBeShorter) {
  EXPECT_THAT(NextOf("048101ff"), StatusIs(kInvalid, HasSubstr("shortest")));
  EXPECT_THAT(NextOf("04817f"), StatusIs(kInvalid, HasSubstr("shortest")));
  EXPECT_THAT(NextOf("04820080"), StatusIs(kInvalid, HasSubstr("shortest")));
  EXPECT_THAT(NextOf("048300ffff"), StatusIs(kInvalid, HasSubstr("shortest")));
  EXPECT_THAT(NextOf("048400ffffff"),
              StatusIs(kInvalid, HasSubstr("shortest")));
}

TEST(DerReaderTest, RejectsTruncation) {
  EXPECT_THAT(NextOf("0482"), StatusIs(kInvalid, HasSubstr("is truncated")));
  EXPECT_THAT(NextOf("048201"), StatusIs(kInvalid, HasSubstr("is truncated")));
  EXPECT_THAT(NextOf("0402ff"),
              StatusIs(kInvalid, HasSubstr("want 2 octets, got 1")));
  EXPECT_THAT(NextOf("0484ffffffff00"),
              StatusIs(kInvalid, HasSubstr("want 4294967295 octets, got 1")));
}

TEST(DerReaderTest, OptionalReadsOnlyItsTag) {
  const Bytes der = Hex("a00101020102");
  DerReader reader(der);
  EXPECT_EQ(reader.ReadOptional(kDerContext1), std::nullopt);
  const auto found = reader.ReadOptional(kDerContext0);
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(*found, ElementsAre(1));
  EXPECT_EQ(reader.ReadOptional(kDerContext0), std::nullopt);
  EXPECT_THAT(reader.Read(kDerInteger, "x"), IsOk());
  EXPECT_EQ(reader.ReadOptional(kDerInteger), std::nullopt);
}

TEST(DerReaderTest, AMalformedOptionalStays) {
  const Bytes der = Hex("a00501");
  DerReader reader(der);
  EXPECT_EQ(reader.ReadOptional(kDerContext0), std::nullopt);
  EXPECT_THAT(reader.ExpectEnd("level"),
              StatusIs(kInvalid, HasSubstr("level at offset 0: want the end, "
                                           "got 3 more octets")));
}

TEST(DerEncodeTest, JoinsParts) {
  EXPECT_EQ(HexEncode(DerEncode(kDerSequence, {Hex("0500"), Hex("0101ff")})),
            "300505000101ff");
  EXPECT_EQ(HexEncode(DerEncode(kDerNull, {})), "0500");
}

TEST(DerEncodeTest, LengthsAreShort) {
  const auto head = [](size_t size) {
    const Bytes element = DerEncode(kDerOctetString, {Bytes(size)});
    return HexEncode({element.data(), element.size() - size});
  };
  EXPECT_EQ(head(0x7f), "047f");
  EXPECT_EQ(head(0x80), "048180");
  EXPECT_EQ(head(0xff), "0481ff");
  EXPECT_EQ(head(0x100), "04820100");
  EXPECT_EQ(head(0xffff), "0482ffff");
  EXPECT_EQ(head(0x10000), "0483010000");
}

TEST(DerUnsignedTest, ReadsNumbers) {
  EXPECT_EQ(DerUnsigned(Hex("00"), "n").value(), 0U);
  EXPECT_EQ(DerUnsigned(Hex("7f"), "n").value(), 127U);
  EXPECT_EQ(DerUnsigned(Hex("00db"), "n").value(), 219U);
  EXPECT_EQ(DerUnsigned(Hex("00ffffffffffffffff"), "n").value(), UINT64_MAX);
}

TEST(DerUnsignedTest, RejectsOthers) {
  EXPECT_THAT(DerUnsigned({}, "n"), StatusIs(kInvalid, HasSubstr("n: the ")));
  EXPECT_THAT(DerUnsigned(Hex("80"), "n"),
              StatusIs(kInvalid, HasSubstr("non-negative")));
  EXPECT_THAT(DerUnsigned(Hex("0001"), "n"),
              StatusIs(kInvalid, HasSubstr("shortest form")));
  EXPECT_THAT(DerUnsigned(Hex("0000"), "n"),
              StatusIs(kInvalid, HasSubstr("shortest form")));
  EXPECT_THAT(DerUnsigned(Hex("010000000000000000"), "n"),
              StatusIs(kInvalid, HasSubstr("at most 8 octets, got 9")));
}

TEST(CheckDerIntegerTest, NegativeNumbersMustBeShortToo) {
  EXPECT_THAT(CheckDerInteger(Hex("ff7f"), "n"), IsOk());
  EXPECT_THAT(CheckDerInteger(Hex("80"), "n"), IsOk());
  EXPECT_THAT(CheckDerInteger(Hex("ff80"), "n"),
              StatusIs(kInvalid, HasSubstr("shortest form")));
}

TEST(DerMagnitudeTest, LeavesTheLeadingZeroOut) {
  ASSERT_OK_AND_ASSIGN(const auto large, DerMagnitude(Hex("00ff01"), "n"));
  EXPECT_EQ(large.size(), 2U);
  const Bytes zero = Hex("00");
  ASSERT_OK_AND_ASSIGN(const auto none, DerMagnitude(zero, "n"));
  EXPECT_THAT(none, IsEmpty());
}

TEST(DerBoolTest, KnowsTwoValues) {
  EXPECT_EQ(DerBool(Hex("ff"), "b").value(), true);
  EXPECT_EQ(DerBool(Hex("00"), "b").value(), false);
  EXPECT_THAT(DerBool(Hex("01"), "b"), StatusIs(kInvalid, HasSubstr("b: ")));
  EXPECT_THAT(DerBool({}, "b"), StatusIs(kInvalid));
  EXPECT_THAT(DerBool(Hex("ffff"), "b"), StatusIs(kInvalid));
}

TEST(DerBitOctetsTest, RejectsUnusedBits) {
  const Bytes good = Hex("00aabb");
  EXPECT_THAT(DerBitOctets(good, "b").value(), ElementsAre(0xaa, 0xbb));
  EXPECT_THAT(DerBitOctets(Hex("01aa"), "b"), StatusIs(kInvalid));
  EXPECT_THAT(DerBitOctets({}, "b"), StatusIs(kInvalid));
}

absl::StatusOr<absl::Time> TimeOf(uint8_t tag, std::string_view text) {
  return DerTime({.tag = tag, .contents = AsBytes(text), .whole = {}}, "t");
}

absl::Time Civil(int year, int month, int day, int hour, int minute, int s) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, s),
                         absl::UTCTimeZone());
}

TEST(DerTimeTest, ReadsBothForms) {
  EXPECT_EQ(TimeOf(kDerUtcTime, "260819142245Z").value(),
            Civil(2026, 8, 19, 14, 22, 45));
  EXPECT_EQ(TimeOf(kDerUtcTime, "500101000000Z").value(),
            Civil(1950, 1, 1, 0, 0, 0));
  EXPECT_EQ(TimeOf(kDerUtcTime, "491231235959Z").value(),
            Civil(2049, 12, 31, 23, 59, 59));
  EXPECT_EQ(TimeOf(kDerGeneralizedTime, "99991231235959Z").value(),
            Civil(9999, 12, 31, 23, 59, 59));
  EXPECT_EQ(TimeOf(kDerUtcTime, "240229000000Z").value(),
            Civil(2024, 2, 29, 0, 0, 0));
}

TEST(DerTimeTest, RejectsOtherForms) {
  for (const std::string_view text :
       {"", "2608191422Z", "260819142245", "260819142245+", "26081914224xZ",
        "26081914224 Z", "260819142245ZZ", "260819142245+0000",
        "20260819142245Z", "-10819142245Z"}) {
    EXPECT_THAT(TimeOf(kDerUtcTime, text), StatusIs(kInvalid)) << text;
  }
  for (const std::string_view text :
       {"260819142245Z", "20260819142245.5Z", "20260819142245"}) {
    EXPECT_THAT(TimeOf(kDerGeneralizedTime, text), StatusIs(kInvalid)) << text;
  }
  EXPECT_THAT(TimeOf(kDerUtf8String, "260819142245Z"), StatusIs(kInvalid));
}

TEST(DerTimeTest, RejectsDatesThatDoNotExist) {
  for (const std::string_view text :
       {"261319142245Z", "260019142245Z", "260832142245Z", "260800142245Z",
        "250229000000Z", "260819242245Z", "260819146045Z", "260819142260Z"}) {
    EXPECT_THAT(TimeOf(kDerUtcTime, text),
                StatusIs(kInvalid, HasSubstr("no such time")))
        << text;
  }
}

TEST(DerOidTextTest, WritesDots) {
  EXPECT_EQ(DerOidText(Hex("551d13")), "2.5.29.19");
  EXPECT_EQ(DerOidText(Hex("2b060104019c78010308")), "1.3.6.1.4.1.3704.1.3.8");
  EXPECT_EQ(DerOidText(Hex("00")), "0.0");
  EXPECT_EQ(DerOidText(Hex("883703")), "2.999.3");
}

TEST(DerOidTextTest, ShowsMalformedOnesAsHex) {
  EXPECT_EQ(DerOidText({}), "malformed ()");
  EXPECT_EQ(DerOidText(Hex("5586")), "malformed (5586)");
  EXPECT_EQ(DerOidText(Hex("558080808080808080808001")),
            "malformed (558080808080808080808001)");
}

TEST(EcdsaSignatureTest, GivesBothNumbers) {
  const Bytes der = Hex("30070202008002010a");
  ASSERT_OK_AND_ASSIGN(const EcdsaSignature signature,
                       ParseEcdsaSignature(der));
  EXPECT_THAT(signature.r, ElementsAre(0x80));
  EXPECT_THAT(signature.s, ElementsAre(0x0a));
}

TEST(EcdsaSignatureTest, RejectsOtherForms) {
  EXPECT_THAT(ParseEcdsaSignature({}), StatusIs(kInvalid));
  // Trailing octets outside and inside.
  EXPECT_THAT(ParseEcdsaSignature(Hex("300602010102010100")),
              StatusIs(kInvalid, HasSubstr("want the end")));
  EXPECT_THAT(ParseEcdsaSignature(Hex("30080201010201010500")),
              StatusIs(kInvalid, HasSubstr("want the end")));
  // One number, a negative one, one with a needless zero.
  EXPECT_THAT(ParseEcdsaSignature(Hex("3003020101")), StatusIs(kInvalid));
  EXPECT_THAT(ParseEcdsaSignature(Hex("3006020181020101")),
              StatusIs(kInvalid, HasSubstr("r: want a non-negative")));
  EXPECT_THAT(ParseEcdsaSignature(Hex("300702010102020001")),
              StatusIs(kInvalid, HasSubstr("s: the integer is not")));
}

}  // namespace
}  // namespace constellation::crypto
