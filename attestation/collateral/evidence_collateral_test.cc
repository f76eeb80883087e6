// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/evidence_collateral.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "attestation/collateral/collateral_cache.h"
#include "attestation/collateral/testing/fake_transport.h"
#include "attestation/collateral/testing/test_vendor.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/tpm/testing/test_ca.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::FakeTransport;
using ::constellation::attestation::testing::TestVendor;
using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// A verifier's process: what it remembers is gone with it, but for the folder.
struct Process {
  Process(const std::string& folder, const TestVendor& vendor, Clock& clock,
          bool offline = false)
      : service({.folder = folder,
                 .offline = offline,
                 .endpoints = vendor.endpoints()},
                NodeFetcherOptions(), clock) {}
  CollateralService service;
};

class EvidenceCollateralTest : public ::testing::Test {
 protected:
  static Policy PolicyFor(const ComposedNode& node) {
    Profile profile = node.Profile();
    if (profile.snp.has_value()) {
      profile.snp->measurement_covers_image = true;
    }
    return *Policy::Create({profile}, {});
  }
  static Policy WithoutTestRoots(const ComposedNode& node) {
    Profile profile = node.Profile();
    if (profile.snp.has_value()) {
      profile.snp->policy.more_roots.clear();
    }
    if (profile.tdx.has_value()) {
      profile.tdx->policy.tcb.insecure_roots.clear();
    }
    return *Policy::Create({profile}, {});
  }
  // What a verifier makes of it.
  static absl::Status Judge(Process& process, const Evidence& evidence,
                            const Policy& policy) {
    const GatheredCollateral gathered = process.service.For(evidence, policy);
    const Appraisal appraisal =
        Appraise(evidence, Bytes(kUserDataSize, 0x42), ClusterState::None(),
                 policy, gathered.collateral, kComposedNow);
    return ExplainRefusal(ToStatus(appraisal), gathered);
  }
  // Likewise with a fetcher of the test's.
  static absl::Status JudgeWith(CollateralFetcher& fetcher,
                                const ComposedNode& node,
                                const Profile& profile) {
    EvidenceCollateral source(fetcher);
    const Policy policy = *Policy::Create({profile}, {});
    const Evidence evidence = node.Evidence();
    const GatheredCollateral gathered = source.For(evidence, policy);
    return ExplainRefusal(
        ToStatus(Appraise(evidence, node.user_data, ClusterState::None(),
                          policy, gathered.collateral, kComposedNow)),
        gathered);
  }
  static Evidence Bare(const ComposedNode& node) {
    Evidence evidence = node.Evidence();
    evidence.endorsements.clear();
    return evidence;
  }
  std::string folder() const { return dir_.Join("cache"); }

  const TempDir dir_;
  TestVendor vendor_;
  FakeClock clock_{kComposedNow};
  const ComposedNode snp_{"qemu-sev-snp"};
  const ComposedNode tdx_{"qemu-tdx"};
};

TEST_F(EvidenceCollateralTest, FetchesWhatSnpEvidenceDoesNotBring) {
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, Bare(snp_), PolicyFor(snp_)), IsOk());
  EXPECT_EQ(vendor_.requests(), 3U);  // chain, VCEK, revocation list
  EXPECT_THAT(Judge(process, Bare(snp_), PolicyFor(snp_)), IsOk());
  EXPECT_EQ(vendor_.requests(), 3U);
}

TEST_F(EvidenceCollateralTest, UsesWhatComesWithTheEvidenceFirst) {
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, snp_.Evidence(), PolicyFor(snp_)), IsOk());
  EXPECT_EQ(vendor_.requests(), 1U);
  EXPECT_EQ(vendor_.RequestsFor("/crl"), 1U);
}

TEST_F(EvidenceCollateralTest, AKnownChipNeedsNoVendor) {
  {
    Process process(folder(), vendor_, clock_);
    EXPECT_THAT(Judge(process, snp_.Evidence(), PolicyFor(snp_)), IsOk());
    EXPECT_THAT(Judge(process, tdx_.Evidence(), PolicyFor(tdx_)), IsOk());
  }
  vendor_.set_status(503);
  const size_t before = vendor_.requests();
  Process restarted(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(restarted, Bare(snp_), PolicyFor(snp_)), IsOk());
  EXPECT_THAT(Judge(restarted, tdx_.Evidence(), PolicyFor(tdx_)), IsOk());
  EXPECT_EQ(vendor_.requests(), before);
}

TEST_F(EvidenceCollateralTest, FetchesIntelsDocuments) {
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, tdx_.Evidence(), PolicyFor(tdx_)), IsOk());
  EXPECT_EQ(vendor_.requests(), 4U);
  EXPECT_EQ(vendor_.RequestsFor("/tcb?fmspc="), 1U);
}

TEST_F(EvidenceCollateralTest, ADeadVendorIsNoVerdict) {
  vendor_.set_status(503);
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(
      Judge(process, Bare(snp_), PolicyFor(snp_)),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("collateral is missing"), HasSubstr("503"))));
  EXPECT_THAT(
      Judge(process, tdx_.Evidence(), PolicyFor(tdx_)),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("collateral given")));
  // The outage is remembered for a while, so that a join is not kept waiting.
  const size_t before = vendor_.requests();
  EXPECT_FALSE(Judge(process, tdx_.Evidence(), PolicyFor(tdx_)).ok());
  EXPECT_EQ(vendor_.requests(), before);
}

TEST_F(EvidenceCollateralTest, WaitsNoLongerThanAJoinMay) {
  vendor_.set_status(503);
  Process process(folder(), vendor_, clock_);
  EXPECT_FALSE(Judge(process, Bare(snp_), PolicyFor(snp_)).ok());
  EXPECT_LE(clock_.Now() - kComposedNow, absl::Seconds(10));
}

TEST_F(EvidenceCollateralTest, AChipThatTheVendorDoesNotKnowIsRefused) {
  vendor_.set_status(404);
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, Bare(snp_), PolicyFor(snp_)),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("it does not know this")));
}

TEST_F(EvidenceCollateralTest, AMissingRevocationListIsThePolicysToJudge) {
  vendor_.set_status(503);
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, snp_.Evidence(), PolicyFor(snp_)), IsOk());
  Profile strict = snp_.Profile();
  strict.snp->measurement_covers_image = true;
  strict.snp->policy.require_revocation_list = true;
  EXPECT_THAT(
      Judge(process, snp_.Evidence(), *Policy::Create({strict}, {})),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("revocation list")));
}

TEST_F(EvidenceCollateralTest, RefusesRootsThatThePolicyDoesNotName) {
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, snp_.Evidence(), WithoutTestRoots(snp_)),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Judge(process, tdx_.Evidence(), WithoutTestRoots(tdx_)),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(vendor_.RequestsFor("/tcb"), 0U)
      << "nobody vouches for that platform, so nobody asks for it";
  // Nothing of it was kept.
  Process offline(folder(), vendor_, clock_, /*offline=*/true);
  EXPECT_THAT(Judge(offline, Bare(snp_), PolicyFor(snp_)), Not(IsOk()));
}

TEST_F(EvidenceCollateralTest, AsksNothingForVariantsThatThePolicyDoesNotKnow) {
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, Bare(snp_), PolicyFor(tdx_)), Not(IsOk()));
  EXPECT_EQ(vendor_.requests(), 0U);
}

TEST_F(EvidenceCollateralTest, AsksNothingForChipsThatThePolicyExcludes) {
  Profile profile = snp_.Profile();
  profile.snp->policy.chip_ids = {Bytes(64, 0x77)};
  Process process(folder(), vendor_, clock_);
  EXPECT_THAT(Judge(process, Bare(snp_), *Policy::Create({profile}, {})),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(vendor_.requests(), 0U);
}

TEST_F(EvidenceCollateralTest, ManyNodesOfOneChipCauseOneRequest) {
  Process process(folder(), vendor_, clock_);
  const Evidence evidence = Bare(snp_);
  const Policy policy = PolicyFor(snp_);
  std::vector<std::thread> threads;
  std::vector<absl::Status> verdicts(8);
  for (absl::Status& verdict : verdicts) {
    threads.emplace_back([&] { verdict = Judge(process, evidence, policy); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(verdicts, ::testing::Each(IsOk()));
  EXPECT_EQ(vendor_.RequestsFor("cert_chain"), 1U);
  EXPECT_EQ(vendor_.requests(), 3U);
}

TEST_F(EvidenceCollateralTest, OfflineAsksNobody) {
  Process process(folder(), vendor_, clock_, /*offline=*/true);
  EXPECT_THAT(Judge(process, Bare(snp_), PolicyFor(snp_)),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("fetching is off")));
  EXPECT_EQ(vendor_.requests(), 0U);
}

TEST_F(EvidenceCollateralTest, DoesWithoutAFolder) {
  Process process("", vendor_, clock_);
  EXPECT_THAT(Judge(process, Bare(snp_), PolicyFor(snp_)), IsOk());
  Process unusable("/proc/nowhere", vendor_, clock_);
  EXPECT_THAT(Judge(unusable, Bare(snp_), PolicyFor(snp_)), IsOk());
}

// Hostile evidence costs nothing but its own refusal.
TEST_F(EvidenceCollateralTest, SurvivesEvidenceThatIsNone) {
  Process process(folder(), vendor_, clock_);
  for (const ComposedNode* node : {&snp_, &tdx_}) {
    Evidence evidence = node->Evidence();
    for (const size_t size : {size_t{0}, size_t{1}, size_t{1184}}) {
      evidence.hardware_report = Bytes(size, 4);
      evidence.endorsements = {Bytes(3, 0x30), Bytes()};
      EXPECT_THAT(Judge(process, evidence, PolicyFor(*node)),
                  StatusIs(absl::StatusCode::kPermissionDenied));
    }
  }
  EXPECT_EQ(vendor_.requests(), 0U);
}

constexpr char kIntermediateUrl[] = "http://a.storage.googleapis.com/i/ca.crt";
constexpr char kRootUrl[] = "http://pki.goog/root.crt";

constellation::testing::TestExtension IssuerAt(std::string_view url) {
  using ::constellation::crypto::testing::Der;
  using ::constellation::crypto::testing::DerSequence;
  const Bytes oid = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02};
  return {.oid = "1.3.6.1.5.5.7.1.1",
          .critical = false,
          .value = DerSequence(
              {DerSequence({Der(0x06, oid), Der(0x86, AsBytes(url))})})};
}

class GoogleChainTest : public EvidenceCollateralTest {
 protected:
  GoogleChainTest() {
    node_.gce.leaf.extensions.push_back(IssuerAt(kIntermediateUrl));
    node_.gce.intermediate.extensions.push_back(IssuerAt(kRootUrl));
    node_.gce.Refresh();
    google_.files[kRootUrl] = node_.gce.candidates[0].der();
    google_.files[kIntermediateUrl] = node_.gce.candidates[1].der();
  }
  absl::Status JudgeIt(bool offline = false) {
    const auto cache = CollateralCache::Open({.directory = folder()});
    EXPECT_THAT(cache, IsOk());
    CollateralFetcherOptions options = NodeFetcherOptions();
    options.offline = offline;
    CollateralFetcher fetcher(&google_, cache->get(), nullptr, clock_, options);
    Profile profile = node_.Profile();
    profile.gcp->require_revocation_list = wants_lists_;
    return JudgeWith(fetcher, node_, profile);
  }

  FakeTransport google_;
  ComposedNode node_{"gcp-sev-es"};
  bool wants_lists_ = false;
};

TEST_F(GoogleChainTest, FetchesIssuersFromWhereCertificatesSay) {
  EXPECT_THAT(JudgeIt(), IsOk());
  EXPECT_THAT(google_.requests, SizeIs(2));
  EXPECT_THAT(JudgeIt(), IsOk());
  EXPECT_THAT(google_.requests, SizeIs(2))
      << "kept, for every machine of this issuer";
  EXPECT_THAT(JudgeIt(/*offline=*/true), IsOk());
}

TEST_F(GoogleChainTest, KeepsNothingThatEndsElsewhere) {
  const constellation::testing::TestKey key(
      constellation::testing::TestKeyType::kP256);
  google_.files[kRootUrl] =
      MakeCertificate(constellation::testing::CaSpec("root", "root"), key, key);
  EXPECT_FALSE(JudgeIt().ok());
  google_.files[kRootUrl] = node_.gce.candidates[0].der();
  // The pinned root, but not what it signed.
  google_.files[kIntermediateUrl] = node_.gce.candidates[0].der();
  EXPECT_FALSE(JudgeIt().ok());
  EXPECT_FALSE(JudgeIt(/*offline=*/true).ok());
}

TEST_F(GoogleChainTest, AsksGoogleOnly) {
  ComposedNode other("gcp-sev-es");
  other.gce.leaf.extensions.push_back(IssuerAt("http://evil.example/ca.crt"));
  other.gce.Refresh();
  node_ = other;
  EXPECT_THAT(JudgeIt(), StatusIs(absl::StatusCode::kPermissionDenied,
                                  HasSubstr("evil.example")));
  EXPECT_THAT(google_.requests, SizeIs(0));
}

// A certificate that names itself as its issuer's place.
TEST_F(GoogleChainTest, EndsAlsoIfTheChainDoesNot) {
  ComposedNode other("gcp-sev-es");
  other.gce.leaf.extensions.push_back(IssuerAt(kIntermediateUrl));
  other.gce.intermediate.extensions.push_back(IssuerAt(kIntermediateUrl));
  other.gce.Refresh();
  node_ = other;
  google_.files[kIntermediateUrl] = node_.gce.candidates[1].der();
  EXPECT_FALSE(JudgeIt().ok());
  EXPECT_LE(google_.requests.size(), 3U);
}

constexpr char kRootListUrl[] = "http://pki.goog/root.crl";

// The intermediate's certificate names a list of the root.
class GoogleListTest : public GoogleChainTest {
 protected:
  GoogleListTest() {
    node_.gce.intermediate.extensions.push_back(
        constellation::testing::CrlPoint(kRootListUrl));
    node_.gce.Refresh();
    google_.files[kIntermediateUrl] = node_.gce.candidates[1].der();
    Publish({});
  }
  void Publish(std::vector<long> revoked) {
    google_.files[kRootListUrl] =
        constellation::testing::GceMachine::Listed(
            true, {.this_update = kComposedNow - absl::Hours(1),
                   .next_update = kComposedNow + absl::Hours(72),
                   .revoked = std::move(revoked)})
            .der();
  }
  size_t ListRequests() const {
    return static_cast<size_t>(
        std::ranges::count(google_.requests, kRootListUrl, &HttpRequest::url));
  }
};

TEST_F(GoogleListTest, AreFetchedIfThePolicyDemandsThem) {
  EXPECT_THAT(JudgeIt(), IsOk());
  EXPECT_EQ(ListRequests(), 0U) << "nobody asked for it";
  wants_lists_ = true;
  EXPECT_THAT(JudgeIt(), IsOk());
  EXPECT_EQ(ListRequests(), 1U);
  EXPECT_THAT(JudgeIt(), IsOk());
  EXPECT_THAT(JudgeIt(/*offline=*/true), IsOk());
  EXPECT_EQ(ListRequests(), 1U) << "kept";
}

TEST_F(GoogleListTest, ARevokedAuthorityIsRefused) {
  wants_lists_ = true;
  Publish({node_.gce.intermediate.serial});
  EXPECT_THAT(JudgeIt(), StatusIs(absl::StatusCode::kPermissionDenied,
                                  HasSubstr("is revoked")));
  wants_lists_ = false;
  EXPECT_THAT(JudgeIt(/*offline=*/true),
              StatusIs(absl::StatusCode::kPermissionDenied))
      << "what is kept counts, demanded or not";
}

// A policy that can do without decides without.
TEST_F(GoogleListTest, AServerThatIsDownIsNoVerdictIfListsAreDemanded) {
  google_.files.erase(kRootListUrl);
  google_.otherwise = 503;
  EXPECT_THAT(JudgeIt(), IsOk());
  wants_lists_ = true;
  EXPECT_THAT(JudgeIt(), StatusIs(absl::StatusCode::kUnavailable,
                                  HasSubstr("collateral is missing")));
}

constexpr char kRegionListUrl[] =
    "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/1.crl";

// The region's certificate names a list of Amazon's root.
class AmazonListTest : public EvidenceCollateralTest {
 protected:
  AmazonListTest() {
    node_.nitro.specs[1].extensions.push_back(
        constellation::testing::CrlPoint(kRegionListUrl));
    Publish({});
  }
  void Publish(std::vector<long> revoked) {
    amazon_.files[kRegionListUrl] =
        node_.nitro
            .Listed(0, {.this_update = kComposedNow - absl::Hours(1),
                        .next_update = kComposedNow + absl::Hours(72),
                        .revoked = std::move(revoked)})
            .der();
  }
  absl::Status JudgeIt(bool wants_lists) {
    CollateralFetcher fetcher(&amazon_, nullptr, nullptr, clock_,
                              NodeFetcherOptions());
    Profile profile = node_.Profile();
    profile.aws->require_revocation_list = wants_lists;
    return JudgeWith(fetcher, node_, profile);
  }

  FakeTransport amazon_;
  ComposedNode node_{"aws-nitro-tpm"};
};

TEST_F(AmazonListTest, AreFetchedIfThePolicyDemandsThem) {
  EXPECT_THAT(JudgeIt(false), IsOk());
  EXPECT_THAT(amazon_.requests, SizeIs(0));
  EXPECT_THAT(JudgeIt(true), IsOk());
  EXPECT_THAT(amazon_.requests, SizeIs(1));
  Publish({node_.nitro.specs[1].serial});
  EXPECT_THAT(JudgeIt(true), StatusIs(absl::StatusCode::kPermissionDenied,
                                      HasSubstr("is revoked")));
  amazon_.files.clear();
  EXPECT_THAT(JudgeIt(true),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("no list is given"),
                             HasSubstr("it does not know this"))));
}

// A chain that nobody vouches for makes nobody ask.
TEST_F(AmazonListTest, DocumentsOfStrangersCostNoRequest) {
  Profile profile = node_.Profile();
  profile.aws->require_revocation_list = true;
  profile.aws->insecure_roots.clear();
  CollateralFetcher fetcher(&amazon_, nullptr, nullptr, clock_,
                            NodeFetcherOptions());
  EvidenceCollateral source(fetcher);
  const GatheredCollateral gathered =
      source.For(node_.Evidence(), *Policy::Create({profile}, {}));
  EXPECT_THAT(gathered.missing, StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(amazon_.requests, SizeIs(0));
}

TEST(ExplainRefusalTest, SaysWhatIsMissing) {
  GatheredCollateral gathered;
  const absl::Status refusal = absl::PermissionDeniedError("snp chain");
  EXPECT_EQ(ExplainRefusal(refusal, gathered), refusal);
  gathered.missing = absl::UnavailableError("no way out");
  EXPECT_THAT(ExplainRefusal(absl::OkStatus(), gathered), IsOk());
  EXPECT_THAT(ExplainRefusal(refusal, gathered),
              StatusIs(absl::StatusCode::kUnavailable,
                       "snp chain; collateral is missing: no way out"));
  gathered.missing = absl::NotFoundError("never heard");
  EXPECT_THAT(ExplainRefusal(refusal, gathered),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       "snp chain; collateral is missing: never heard"));
}

}  // namespace
}  // namespace constellation::attestation
