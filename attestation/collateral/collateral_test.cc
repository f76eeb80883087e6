// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const Bytes kDer = {0x30, 0x82, 0x00, 0x01, 0xff};

std::string Der() {
  return std::string(AsText(kDer));
}

TEST(NormaliseContentTest, LeavesFittingContentAlone) {
  EXPECT_THAT(NormaliseContent(CollateralFormat::kDer, Der(), "x"),
              IsOkAndHolds(kDer));
  EXPECT_THAT(NormaliseContent(CollateralFormat::kPem,
                               "\n-----BEGIN CERTIFICATE-----\n", "x"),
              IsOk());
  EXPECT_THAT(NormaliseContent(CollateralFormat::kJson, " {\"a\":1}", "x"),
              IsOk());
}

TEST(NormaliseContentTest, SaysWhatItGotInstead) {
  const auto refusal = [](CollateralFormat format, std::string_view content) {
    return NormaliseContent(format, content, "VCEK").status();
  };
  EXPECT_THAT(refusal(CollateralFormat::kDer, "<html>"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("VCEK: want DER"),
                             HasSubstr("a web page (is there a proxy"))));
  EXPECT_THAT(
      refusal(CollateralFormat::kDer, ""),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got nothing")));
  EXPECT_THAT(refusal(CollateralFormat::kDer, "\x30"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      refusal(CollateralFormat::kPem, Der()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got DER")));
  EXPECT_THAT(
      refusal(CollateralFormat::kJson, "-----BEGIN X"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got PEM")));
  EXPECT_THAT(
      refusal(CollateralFormat::kDer, "{}"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got JSON")));
  EXPECT_THAT(refusal(CollateralFormat::kJson, "word"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("got something else")));
}

TEST(NormaliseContentTest, MakesDerOfRevocationListsInEveryForm) {
  const std::string hex = HexEncode(kDer);
  const std::string base64 = Base64Encode(kDer);
  for (const std::string& form :
       {Der(), hex, hex + "\n", std::string("30820001FF"),
        "-----BEGIN X509 CRL-----\n" + base64 + "\n-----END X509 CRL-----\n",
        "-----BEGIN X509 CRL-----\r\n" + base64.substr(0, 4) + "\r\n" +
            base64.substr(4) + "\r\n-----END X509 CRL-----"}) {
    EXPECT_THAT(NormaliseContent(CollateralFormat::kCrl, form, "CRL"),
                IsOkAndHolds(kDer))
        << form;
  }
}

TEST(NormaliseContentTest, RefusesWhatIsNoRevocationList) {
  constexpr const char* kBlock = "CRL: want a PEM block \"X509 CRL\"";
  const auto other = [](const char* kind) {
    return std::string("CRL: want a revocation list, got ") + kind;
  };
  const std::pair<std::string, std::string> cases[] = {
      {"<html>", other("a web page")},
      {"", other("nothing")},
      {" \n", other("nothing")},
      {"30", other("something else")},
      {"3082000", other("something else")},
      {"ffff", other("something else")},
      {"{}", other("JSON")},
      {"-----BEGIN CERTIFICATE-----\nAAAA\n", kBlock},
      {"-----BEGIN X509 CRL-----\nMIIB", kBlock},
      // An end without a beginning, and one before it.
      {"-----BEGIN CERTIFICATE-MAA=-----END X509 CRL-----", kBlock},
      {"-----BEGIN x-----END X509 CRL----------BEGIN X509 CRL-----MAA=",
       kBlock},
      {"-----END X509 CRL----------BEGIN X509 CRL-----",
       other("something else")},
      {"-----BEGIN X509 CRL-----\n!!!!\n-----END X509 CRL-----\n", "base64"}};
  for (const auto& [form, why] : cases) {
    EXPECT_THAT(NormaliseContent(CollateralFormat::kCrl, form, "CRL"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << form;
  }
}

TEST(DecodeIssuerChainTest, DecodesEscapes) {
  EXPECT_THAT(
      DecodeIssuerChain("-----BEGIN%20CERTIFICATE-----%0AMII%2bA%3D%0D%0A"),
      IsOkAndHolds(std::string("-----BEGIN CERTIFICATE-----\nMII+A=\r\n")));
  EXPECT_THAT(DecodeIssuerChain("-----BEGIN+CERTIFICATE-----"), IsOk());
}

// Each for its own reason: the text goes into files and messages.
TEST(DecodeIssuerChainTest, RefusesBrokenAndForeignText) {
  constexpr const char* kDigits = "want two hex digits behind \"%\" at ";
  constexpr const char* kAscii = "want ASCII text, got octet ";
  const std::pair<std::string, std::string> cases[] = {
      {"", "want PEM of at most " + std::to_string(kMaxIssuerChainSize) +
               " octets, got nothing of 0"},
      {"%", std::string(kDigits) + "0"},
      {"-----BEGIN %4", std::string(kDigits) + "11"},
      {"-----BEGIN %zz", std::string(kDigits) + "11"},
      {"-----BEGIN %4z", std::string(kDigits) + "11"},
      {"-----BEGIN %zA", std::string(kDigits) + "11"},
      {"-----BEGIN %00", std::string(kAscii) + "0x00"},
      {"-----BEGIN %ff", std::string(kAscii) + "0xff"},
      {"-----BEGIN %1b", std::string(kAscii) + "0x1b"},
      {"-----BEGIN %7F", std::string(kAscii) + "0x7f"},
      {"-----BEGIN \t", std::string(kAscii) + "0x09"},
      {"<html>", "got a web page"},
      {"plain", "got something else of 5"}};
  for (const auto& [header, why] : cases) {
    EXPECT_THAT(DecodeIssuerChain(header),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << header;
  }
}

TEST(DecodeIssuerChainTest, RefusesHugeChains) {
  const std::string begin = "-----BEGIN ";
  const std::string fits =
      begin + std::string(kMaxIssuerChainSize - begin.size(), 'A');
  EXPECT_THAT(DecodeIssuerChain(fits), IsOk());
  EXPECT_THAT(DecodeIssuerChain(fits + "A"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      DecodeIssuerChain(std::string(3 * kMaxIssuerChainSize + 1, 'A')),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a header of")));
}

TEST(CheckFreshTest, HoldsAtBothEndsOnly) {
  const CollateralFacts facts{.not_before = kNow - absl::Hours(1),
                              .not_after = kNow + absl::Hours(1)};
  EXPECT_THAT(CheckFresh(facts, facts.not_before, "TCB info"), IsOk());
  EXPECT_THAT(CheckFresh(facts, facts.not_after, "TCB info"), IsOk());
  EXPECT_THAT(
      CheckFresh(facts, facts.not_after + absl::Seconds(1), "TCB info"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("TCB info: expired at 2027-01-15T09:00:00Z, now "
                         "2027-01-15T09:00:01Z: fetch it again")));
  EXPECT_THAT(
      CheckFresh(facts, facts.not_before - absl::Seconds(1), "TCB info"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("check this machine's clock")));
  EXPECT_THAT(CheckFresh({}, kNow, "x"), IsOk());
}

TEST(CheckNoRollbackTest, NumberDecidesFirst) {
  const CollateralFacts seen{.issued = kNow, .number = {0x01, 0x00}};
  const auto offer = [&seen](Bytes number, absl::Time issued) {
    return CheckNoRollback({.issued = issued, .number = std::move(number)},
                           seen, "CRL");
  };
  EXPECT_THAT(offer({0x01, 0x00}, kNow), IsOk());
  EXPECT_THAT(offer({0x00, 0x00, 0x01, 0x01}, kNow), IsOk());
  EXPECT_THAT(offer({0x02}, kNow),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("CRL: rollback: number 0x02 is lower than "
                                 "0x0100")));
  EXPECT_THAT(offer({0x00, 0xff}, kNow + absl::Hours(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  // A higher number excuses an earlier time, an equal one does not.
  EXPECT_THAT(offer({0x01, 0x01}, kNow - absl::Hours(1)), IsOk());
  EXPECT_THAT(offer({0x01, 0x00}, kNow - absl::Seconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("issued 2027-01-15T07:59:59Z, before "
                                 "2027-01-15T08:00:00Z")));
}

TEST(CheckNoRollbackTest, RefusesToLoseTheNumber) {
  const CollateralFacts seen{.issued = kNow, .number = {7}};
  EXPECT_THAT(CheckNoRollback({.issued = kNow + absl::Hours(1)}, seen, "CRL"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("CRL: rollback: has no number, but 0x07 was "
                                 "seen before")));
}

TEST(CheckNoRollbackTest, AcceptsAnythingAfterNothing) {
  EXPECT_THAT(CheckNoRollback({}, {}, "x"), IsOk());
  EXPECT_THAT(CheckNoRollback({.issued = kNow, .number = {1}}, {}, "x"),
              IsOk());
}

std::string TcbInfo(std::string_view inner) {
  return fmt::format("{{\"tcbInfo\":{{{}}},\"signature\":\"00\"}}", inner);
}

TEST(TcbDocumentFactsTest, ReadsDatesAndNumber) {
  ASSERT_OK_AND_ASSIGN(
      const CollateralFacts facts,
      TcbDocumentFactsUnverified(
          TcbInfo("\"issueDate\":\"2026-06-12T22:44:48Z\",\"nextUpdate\":"
                  "\"2026-07-12T22:44:48Z\",\"tcbEvaluationDataNumber\":258")));
  EXPECT_EQ(facts.not_after - facts.issued, absl::Hours(24 * 30));
  EXPECT_EQ(facts.not_before, facts.issued);
  EXPECT_EQ(facts.number, (Bytes{0, 0, 0, 0, 0, 0, 1, 2}));
}

TEST(TcbDocumentFactsTest, RefusesMissingOrOddFields) {
  constexpr const char* kObject = "want a JSON object";
  constexpr const char* kInner =
      "want an object \"tcbInfo\" or \"enclaveIdentity\"";
  constexpr const char* kIssued = "want a time \"issueDate\"";
  constexpr const char* kNext = "want a time \"nextUpdate\"";
  constexpr const char* kNumber = "want a number \"tcbEvaluationDataNumber\"";
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  const std::string issued = R"("issueDate":"2026-06-12T22:44:48Z")";
  const std::string dates = issued + R"(,"nextUpdate":"2026-07-12T22:44:48Z")";
  const std::pair<std::string, std::string> cases[] = {
      {"", kObject},
      {"[]", kObject},
      {"{", kObject},
      {deep, kObject},
      {"{\"a\":" + deep + "}", kObject},
      {TcbInfo(dates + R"(,"tcbEvaluationDataNumber":1,"more":)" + deep),
       kObject},
      {"{}", kInner},
      {R"({"tcbInfo":[]})", kInner},
      {R"({"enclaveidentity":{}})", kInner},
      {TcbInfo(""), kIssued},
      {TcbInfo(R"("issueDate":5)"), kIssued},
      {TcbInfo(R"("issueDate":"yesterday")"), kIssued},
      {TcbInfo(issued), kNext},
      {TcbInfo(issued + R"(,"nextUpdate":null)"), kNext},
      {TcbInfo(dates), kNumber},
      {TcbInfo(dates + R"(,"tcbEvaluationDataNumber":-1)"), kNumber},
      {TcbInfo(dates + R"(,"tcbEvaluationDataNumber":1.0)"), kNumber},
      {TcbInfo(dates + R"(,"tcbEvaluationDataNumber":"1")"), kNumber}};
  for (const auto& [json, why] : cases) {
    EXPECT_THAT(TcbDocumentFactsUnverified(json),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << json;
  }
}

TEST(TcbDocumentFactsTest, ReadsIntelsDocuments) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  for (const auto& entry : ::constellation::testing::VectorEntries(
           "tdx/collateral/00806f-2026-06-eval21/")) {
    const std::string path = entry.at("path");
    if (!path.ends_with(".json")) {
      continue;
    }
    const Bytes document = ReadVector(path);
    ASSERT_OK_AND_ASSIGN(const CollateralFacts facts,
                         TcbDocumentFactsUnverified(AsText(document)));
    EXPECT_LT(facts.issued, facts.not_after) << path;
    EXPECT_EQ(facts.number.back(), 21) << path;
  }
}

}  // namespace
}  // namespace constellation::attestation
