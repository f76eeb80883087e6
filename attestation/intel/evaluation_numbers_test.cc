// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/evaluation_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/test_keys.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::AllIntelCollateral;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::PemOf;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadTextVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SyntheticAnchors;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

constexpr char kText[] =
    R"({"id":"TDX","version":1,"issueDate":"2025-12-31T00:00:00Z",)"
    R"("nextUpdate":"2026-01-31T00:00:00Z","tcbEvalNumbers":[)"
    R"({"tcbEvaluationDataNumber":19,"tcbRecoveryEventDate":)"
    R"("2025-12-01T00:00:00Z","tcbDate":"2025-11-01T00:00:00Z"},)"
    R"({"tcbEvaluationDataNumber":18,"tcbRecoveryEventDate":)"
    R"("2025-06-01T00:00:00Z","tcbDate":"2025-05-01T00:00:00Z"}]})";

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

absl::StatusOr<TcbEvaluationNumbers> Verify(const std::string& inner,
                                            absl::Time now = kSyntheticNow) {
  return VerifyTcbEvaluationNumbers(
      IntelSigner::Get().SignCollateral("tcbEvaluationDataNumbers", inner),
      PemOf(IntelSigner::Get().tcb_signing()), SyntheticAnchors(), now);
}

TEST(EvaluationNumbersTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const TcbEvaluationNumbers numbers, Verify(kText));
  EXPECT_EQ(numbers.tee, IntelTee::kTdx);
  ASSERT_EQ(numbers.numbers.size(), 2U);
  EXPECT_EQ(numbers.numbers[0].number, 19U);
  EXPECT_LT(numbers.numbers[1].tcb_date,
            numbers.numbers[1].recovery_event_date);
}

TEST(EvaluationNumbersTest, KnowsWhatHostsHadTimeFor) {
  ASSERT_OK_AND_ASSIGN(const TcbEvaluationNumbers numbers, Verify(kText));
  const auto newest = [&](int days) {
    return NewestNumberOlderThan(numbers, absl::Hours(24 * days),
                                 kSyntheticNow);
  };
  EXPECT_EQ(newest(0), 19U);
  EXPECT_EQ(newest(31), 19U);
  EXPECT_EQ(newest(32), 18U);
  EXPECT_EQ(newest(365), std::nullopt);
}

// Documents may outlive their signer's certificate; they count no longer then.
TEST(EvaluationNumbersTest, TheSignerMustBeValidNow) {
  std::string text = Replaced(kText, "2025-12-31T", "2049-12-31T");
  text = Replaced(text, "2026-01-31T", "2050-12-31T");
  const absl::Time end = constellation::testing::kTestNotAfter;
  EXPECT_TRUE(Verify(text, end).ok());
  EXPECT_THAT(Verify(text, end + absl::Seconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(EvaluationNumbersTest, NothingFollowsTheDocument) {
  EXPECT_THAT(
      ParseTcbEvaluationNumbersUnverified(std::string(kText) + " {}"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want the end")));
}

TEST(EvaluationNumbersTest, EveryFieldMustBeThere) {
  for (const char* const name :
       {"id", "version", "issueDate", "nextUpdate", "tcbEvalNumbers",
        "tcbEvaluationDataNumber", "tcbRecoveryEventDate", "tcbDate"}) {
    EXPECT_THAT(
        Verify(Replaced(kText, "\"" + std::string(name) + "\"", "\"x\"")),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(std::string(name) + " is missing")));
  }
  EXPECT_FALSE(Verify(Replaced(kText, "\"version\":1", "\"version\":0")).ok());
  EXPECT_FALSE(Verify(Replaced(kText, "\"TDX\"", "\"QE\"")).ok());
}

TEST(EvaluationNumbersTest, RefusesOutOfDate) {
  EXPECT_THAT(Verify(kText, kSyntheticNow + absl::Hours(24 * 31)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("evaluation numbers: valid from 2025-12-31")));
  EXPECT_THAT(Verify(kText, kSyntheticNow - absl::Hours(48)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(EvaluationNumbersTest, RefusesOtherSigners) {
  const IntelSigner other;
  EXPECT_THAT(VerifyTcbEvaluationNumbers(
                  other.SignCollateral("tcbEvaluationDataNumbers", kText),
                  PemOf(IntelSigner::Get().tcb_signing()), SyntheticAnchors(),
                  kSyntheticNow),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("evaluation numbers")));
  EXPECT_THAT(
      VerifyTcbEvaluationNumbers(
          other.SignCollateral("tcbEvaluationDataNumbers", kText),
          PemOf(other.tcb_signing()), SyntheticAnchors(), kSyntheticNow),
      StatusIs(absl::StatusCode::kUnauthenticated));
}

// The manifest's documents, under the signing chain of any set that is valid.
TEST(EvaluationNumbersVectorsTest, HaveTheVerdictOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int tried = 0;
  for (const auto& entry : VectorEntries("")) {
    const auto path = entry["path"].get<std::string>();
    if (path.find("tcb-evaluation-numbers") == std::string::npos) {
      continue;
    }
    const std::string text = ReadTextVector(path);
    ASSERT_OK_AND_ASSIGN(
        const auto document,
        ParseSignedJsonUnverified(text, "tcbEvaluationDataNumbers"));
    ASSERT_OK_AND_ASSIGN(const auto numbers,
                         ParseTcbEvaluationNumbersUnverified(document.body));
    bool verified = false;
    for (const auto& set : AllIntelCollateral()) {
      verified = verified ||
                 VerifyTcbEvaluationNumbers(
                     text, set.collateral.tcb_signing_chain,
                     ProductionAnchors(), numbers.issue_date + absl::Hours(1))
                     .ok();
    }
    EXPECT_EQ(verified, entry["verdict"] == "valid signature") << path;
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

// Single certificates of the manifest.
TEST(CertificateVectorsTest, HaveTheVerdictOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int tried = 0;
  for (const auto& entry : VectorEntries("tdx/intel-sgx-")) {
    const auto path = entry["path"].get<std::string>();
    SCOPED_TRACE(path);
    ASSERT_OK_AND_ASSIGN(const auto certificate,
                         crypto::Certificate::FromPem(ReadTextVector(path)));
    const auto verdict = entry["verdict"].get<std::string>();
    if (verdict == "valid root") {
      EXPECT_THAT(ProductionAnchors().CheckIsRoot(certificate),
                  testing::IsOk());
    } else {
      EXPECT_THAT(ProductionAnchors().CheckIsRoot(certificate),
                  StatusIs(absl::StatusCode::kUnauthenticated));
      EXPECT_EQ(ProductionAnchors().IssuerOf(certificate).ok(),
                verdict == "valid intermediate");
    }
    EXPECT_EQ(HexEncode(certificate.SpkiFingerprint()),
              entry["expect"]["cert"]["spki_sha256"]);
    ++tried;
  }
  EXPECT_GE(tried, 3);
}

}  // namespace
}  // namespace constellation::attestation
