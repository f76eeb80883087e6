// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/collateral_json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Signed(const std::string& body) {
  return fmt::format(R"({{"tcbInfo":{},"signature":"{}"}})", body,
                     std::string(128, 'a'));
}

TEST(CollateralJsonTest, FindsTheTextThatWasSigned) {
  const std::string body = R"({"b" : 1, "a":[ {} ]})";
  const std::string text = Signed(body);
  ASSERT_OK_AND_ASSIGN(const SignedJsonUnverified document,
                       ParseSignedJsonUnverified(text, "tcbInfo"));
  EXPECT_EQ(document.body, body);
  EXPECT_THAT(document.signature, ::testing::Each(0xaa));
  // The other way round.
  const std::string turned = fmt::format(R"({{"signature":"{}","tcbInfo":{}}})",
                                         std::string(128, 'b'), body);
  ASSERT_OK_AND_ASSIGN(const SignedJsonUnverified other,
                       ParseSignedJsonUnverified(turned, "tcbInfo"));
  EXPECT_EQ(other.body, body);
}

TEST(CollateralJsonTest, RefusesOtherDocuments) {
  const std::string good = Signed("{}");
  EXPECT_THAT(ParseSignedJsonUnverified(good, "tcbInfo"), IsOk());
  for (const std::string& text :
       {good + "x", std::string("{}"), std::string("[]"), std::string(),
        fmt::format(R"({{"tcbInfo":{{}},"signature":"{}"}})",
                    std::string(126, 'a')),
        fmt::format(R"({{"tcbInfo":{{}},"more":1,"signature":"{}"}})",
                    std::string(128, 'a')),
        fmt::format(R"({{"tcbInfo":{{}},"tcbInfo":{{}},"signature":"{}"}})",
                    std::string(128, 'a')),
        std::string(R"({"tcbInfo":{}})"),
        Signed("{}").substr(0, good.size() - 1)}) {
    EXPECT_THAT(ParseSignedJsonUnverified(text, "tcbInfo"),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
  EXPECT_FALSE(ParseSignedJsonUnverified(good, "enclaveIdentity").ok());
  EXPECT_FALSE(
      ParseSignedJsonUnverified(
          Signed("{}") + std::string(kMaxCollateralJsonSize, ' '), "tcbInfo")
          .ok());
}

TEST(CollateralJsonTest, ReadsTimesThatExist) {
  ASSERT_OK_AND_ASSIGN(const absl::Time time,
                       ParseCollateralTime("2025-02-26T10:37:20Z"));
  EXPECT_EQ(absl::ToUnixSeconds(time), 1740566240);
  for (const char* text :
       {"2025-02-30T10:37:20Z", "2025-02-26T10:37:20", "2025-02-26 10:37:20Z",
        "2025-02-26T10:37:20.5Z", "2025-02-26T10:37:20+01:00", "",
        "2025-02-26T10:37:20Z ", "25-02-26T10:37:20Z"}) {
    EXPECT_THAT(ParseCollateralTime(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(CollateralJsonTest, ReadsHexOfItsLengthOnly) {
  std::array<uint8_t, 2> value{};
  JsonScanner good(R"("0aF1")");
  EXPECT_THAT(ReadHex(good, value), IsOk());
  EXPECT_THAT(value, ElementsAre(0x0a, 0xf1));
  for (const char* text : {R"("0a")", R"("0af100")", R"("0ag1")", "10"}) {
    JsonScanner scanner(text);
    EXPECT_FALSE(ReadHex(scanner, value).ok()) << text;
  }
}

TEST(CollateralJsonTest, CollateralStatesOnlyIntelsOwnStatuses) {
  JsonScanner good(R"("OutOfDate")");
  ASSERT_OK_AND_ASSIGN(const TcbStatus status, ReadTcbStatus(good));
  EXPECT_EQ(status, TcbStatus::kOutOfDate);
  for (const char* text :
       {R"("TDRelaunchAdvised")", R"("NotSupported")", R"("uptodate")", "1"}) {
    JsonScanner scanner(text);
    EXPECT_FALSE(ReadTcbStatus(scanner).ok()) << text;
  }
}

TEST(CollateralJsonTest, ReadsAdvisoriesWithinLimits) {
  JsonScanner good(R"(["INTEL-SA-00837","INTEL-SA-1"])");
  ASSERT_OK_AND_ASSIGN(const auto names, ReadAdvisories(good));
  EXPECT_THAT(names, ElementsAre("INTEL-SA-00837", "INTEL-SA-1"));
  std::string many = "[";
  for (size_t i = 0; i <= kMaxAdvisories; ++i) {
    many += fmt::format("{}\"INTEL-SA-{:05}\"", i == 0 ? "" : ",", i);
  }
  for (const std::string& text :
       {many + "]", std::string(R"(["SHORT"])"),
        fmt::format(R"(["{}"])", std::string(33, 'A')), std::string("[1]")}) {
    JsonScanner scanner(text);
    EXPECT_FALSE(ReadAdvisories(scanner).ok()) << text.substr(0, 40);
  }
}

TEST(CollateralJsonTest, TheFirstLevelThatIsReachedCounts) {
  constexpr char kLevels[] =
      R"([{"tcb":{"isvsvn":7},"tcbDate":"2025-01-01T00:00:00Z",)"
      R"("tcbStatus":"UpToDate"},{"tcb":{"isvsvn":3},)"
      R"("tcbDate":"2024-01-01T00:00:00Z","tcbStatus":"OutOfDate",)"
      R"("advisoryIDs":["INTEL-SA-00837"]}])";
  JsonScanner scanner(kLevels);
  ASSERT_OK_AND_ASSIGN(const auto levels, ReadIsvSvnLevels(scanner));
  ASSERT_THAT(levels, SizeIs(2));
  EXPECT_EQ(FindIsvSvnLevel(levels, 9), &levels[0]);
  EXPECT_EQ(FindIsvSvnLevel(levels, 7), &levels[0]);
  EXPECT_EQ(FindIsvSvnLevel(levels, 6), &levels[1]);
  EXPECT_EQ(FindIsvSvnLevel(levels, 2), nullptr);
  EXPECT_THAT(levels[1].advisories, ElementsAre("INTEL-SA-00837"));
  JsonScanner incomplete(R"([{"tcb":{"isvsvn":7},"tcbStatus":"UpToDate"}])");
  EXPECT_THAT(
      ReadIsvSvnLevels(incomplete),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tcbDate")));
}

TEST(CollateralJsonTest, NamesTheFirstFieldThatIsMissing) {
  static constexpr std::string_view kNames[] = {"a", "b", "c"};
  FieldSet fields(kNames);
  EXPECT_EQ(fields.See("b"), 1U);
  EXPECT_EQ(fields.See("z"), 3U);
  EXPECT_TRUE(fields.Has(1));
  EXPECT_FALSE(fields.Has(0));
  EXPECT_THAT(fields.RequireFirst(2, "thing"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a")));
  fields.See("a");
  EXPECT_THAT(fields.RequireFirst(2, "thing"), IsOk());
  EXPECT_FALSE(fields.RequireFirst(3, "thing").ok());
}

}  // namespace
}  // namespace constellation::attestation
