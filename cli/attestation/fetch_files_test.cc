// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/fetch_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/collateral/curl_http_transport.h"
#include "attestation/collateral/testing/fake_transport.h"
#include "attestation/collateral/testing/test_vendor.h"
#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::CrlPoint;
using ::constellation::testing::GceMachine;
using ::constellation::testing::NitroBuilder;
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

// Google's and Amazon's lists, at the places that test certificates name.
class FetchListsTest : public ::testing::Test {
 protected:
  static constexpr char kGoogleList[] = "http://pki.goog/root.crl";
  static constexpr char kAmazonList[] =
      "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/1.crl";

  FetchListsTest() {
    machine_.intermediate.extensions = {CrlPoint(kGoogleList)};
    machine_.Refresh();
    nitro_.specs[1].extensions = {CrlPoint(kAmazonList)};
    transport_.files[kGoogleList] = GceMachine::Listed(true, {}).der();
    transport_.files[kAmazonList] = nitro_.Listed(0, {}).der();
    roots_ = {.google = machine_.Trust().roots,
              .amazon = nitro_.Expectation().roots};
  }
  void GiveGoogle(bool with_authorities) {
    set_.Add("ak", machine_.leaf_der, true);
    for (const crypto::Certificate& authority : machine_.candidates) {
      if (with_authorities) set_.Add("authority", authority.der(), true);
    }
  }
  absl::StatusOr<std::vector<FetchedFor>> Fetch() {
    attestation::CollateralFetcher fetcher(&transport_, nullptr, nullptr,
                                           clock_);
    return FetchForFiles(set_, {}, fetcher, roots_);
  }

  EvidenceSet set_;
  GceMachine machine_;
  NitroBuilder nitro_;
  attestation::testing::FakeTransport transport_;
  FakeClock clock_{absl::FromUnixSeconds(1700000000)};
  CloudRoots roots_;
};

TEST_F(FetchListsTest, NitroDocumentsNameTheirs) {
  set_.Add("document", nitro_.Build(), true);
  ASSERT_OK_AND_ASSIGN(const auto fetched, Fetch());
  ASSERT_EQ(fetched.size(), 1U);
  EXPECT_EQ(fetched[0].file, "document");
  EXPECT_EQ(fetched[0].what, "AWS Nitro: 1 revocation list");
  ASSERT_EQ(transport_.requests.size(), 1U);
  EXPECT_EQ(transport_.requests[0].url, kAmazonList);
}

TEST_F(FetchListsTest, AttestationKeysOfGoogleNameTheirs) {
  GiveGoogle(true);
  ASSERT_OK_AND_ASSIGN(const auto fetched, Fetch());
  ASSERT_EQ(fetched.size(), 1U);
  EXPECT_EQ(fetched[0].file, "ak");
  EXPECT_EQ(fetched[0].what,
            "Google's attestation key: its chain, 1 revocation list");
  EXPECT_EQ(transport_.requests.size(), 1U) << "the chain was given";
}

// The certificate does not say where its issuer is, and nobody gave it.
TEST_F(FetchListsTest, AChainThatIsNowhereIsMissing) {
  GiveGoogle(false);
  EXPECT_THAT(Fetch(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("ak: ")));
}

TEST_F(FetchListsTest, RootsOfStrangersAskNobody) {
  roots_ = {};
  set_.Add("document", nitro_.Build(), true);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("document: ")));
  set_ = {};
  GiveGoogle(true);
  EXPECT_FALSE(Fetch().ok());
  EXPECT_EQ(transport_.requests.size(), 0U);
}

TEST_F(FetchListsTest, AForgedListIsNamedWithTheFile) {
  transport_.files[kAmazonList] = nitro_.Listed(1, {}).der();
  set_.Add("document", nitro_.Build(), true);
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("document: ")));
}

}  // namespace
}  // namespace constellation::cli
