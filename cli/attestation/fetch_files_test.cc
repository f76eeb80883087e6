// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/fetch_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/collateral/curl_http_transport.h"
#include "attestation/collateral/testing/test_vendor.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

// The vendors on loopback, whose roots are not the pinned ones.
class FetchFilesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<FetchedFor>> Fetch() {
    attestation::CollateralFetcherOptions options;
    options.retry.give_up_after = absl::Seconds(1);
    attestation::CollateralFetcher fetcher(&transport_, nullptr, nullptr,
                                           clock_, options);
    return FetchForFiles(set_, vendor_.endpoints(), fetcher);
  }

  EvidenceSet set_;
  attestation::testing::TestVendor vendor_;
  attestation::CurlHttpTransport transport_{{.allow_plain_http = true}};
  FakeClock clock_{absl::FromUnixSeconds(1767225600)};
};

// What is stored must lead to the pinned roots, whoever sends it.
TEST_F(FetchFilesTest, AnswersOfStrangersAreRefused) {
  set_.Add("report", SnpSigner::For(SnpTestProduct::kMilan).Make().report,
           true);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("report: ")));
  EXPECT_GT(vendor_.requests(), 0U);
}

TEST_F(FetchFilesTest, QuotesAskIntelForTheirPlatform) {
  set_.Add("quote", constellation::testing::IntelSigner::Get().Make().quote,
           true);
  EXPECT_FALSE(Fetch().ok());
  EXPECT_GT(vendor_.RequestsFor("/sgx/certification/") +
                vendor_.RequestsFor("/tdx/certification/"),
            0U);
  EXPECT_EQ(vendor_.RequestsFor("/vcek/"), 0U);
}

TEST_F(FetchFilesTest, AVendorThatIsDownIsNamedWithTheFile) {
  vendor_.set_status(503);
  set_.Add("report", SnpSigner::For(SnpTestProduct::kMilan).Make().report,
           true);
  EXPECT_THAT(Fetch(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("report: ")));
}

// A report of version 2 does not say whether it is of Milan or Genoa.
TEST_F(FetchFilesTest, EachProductIsAskedUntilOneKnowsTheChip) {
  const constellation::testing::SnpTestReport report{.version = 2};
  set_.Add("report", SnpSigner::For(SnpTestProduct::kMilan).Make(report).report,
           true);
  vendor_.set_status(503);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_GT(vendor_.RequestsFor("/Milan/"), 0U);
  EXPECT_EQ(vendor_.RequestsFor("/Genoa/"), 0U) << "down is not unknown";
  vendor_.set_status(404);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_GT(vendor_.RequestsFor("/Genoa/"), 0U);
}

// The hardware report inside is what needs certificates.
TEST_F(FetchFilesTest, HclReportsAreOpened) {
  set_.Add("hcl", constellation::testing::HclBuilder("{}").Build(), true);
  EXPECT_THAT(Fetch(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("hcl: ")));
  EXPECT_EQ(vendor_.requests(), 0U);
}

TEST_F(FetchFilesTest, OtherFilesNeedNothing) {
  set_.Add("ark", SnpSigner::For(SnpTestProduct::kMilan).ark(), true);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("none of the files")));
  EXPECT_EQ(vendor_.requests(), 0U);
}

TEST_F(FetchFilesTest, DamagedReportsAskNobody) {
  Bytes report = SnpSigner::For(SnpTestProduct::kMilan).Make().report;
  report.resize(800);
  set_.Add("report", report, true);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(vendor_.requests(), 0U);
}

}  // namespace
}  // namespace constellation::cli
