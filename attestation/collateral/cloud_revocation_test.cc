// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/cloud_revocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/collateral/bundle_verifier.h"
#include "attestation/collateral/testing/fake_transport.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/crl_location.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/p256.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::FakeTransport;
using ::constellation::testing::CrlPoint;
using ::constellation::testing::CrlSpec;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::NitroBuilder;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr char kRootList[] =
    "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/1.crl";
constexpr char kRegionList[] =
    "http://crl-eu-x-1-aws-nitro-enclaves.s3.eu-x-1.amazonaws.com/2.crl";

// A chain of five whose region and zone name lists of their issuers.
class CloudRevocationTest : public ::testing::Test {
 protected:
  CloudRevocationTest() {
    builder_.specs[1].extensions = {CrlPoint(kRootList)};
    builder_.specs[2].extensions = {CrlPoint(kRegionList)};
    transport_.files[kRootList] = Listed(0).der();
    transport_.files[kRegionList] = Listed(1).der();
    cache_ = *CollateralCache::Open({.directory = dir_.Join("cache")});
    options_.retry.give_up_after = absl::Seconds(1);
  }
  // Valid from an hour ago to three days from now, if nothing else is said.
  crypto::RevocationList Listed(size_t issuer, std::vector<long> revoked = {},
                                absl::Duration age = absl::Hours(1)) const {
    return builder_.Listed(issuer, {.this_update = now_ - age,
                                    .next_update = now_ + absl::Hours(72),
                                    .revoked = std::move(revoked)});
  }
  std::vector<crypto::Certificate> Chain() const {
    return NitroChainUnverified(builder_.Build()).value();
  }
  ChainCrls Fetch(CrlSources sources = CrlSources::kAll) {
    return FetchOf(Chain(), sources);
  }
  ChainCrls FetchOf(const std::vector<crypto::Certificate>& chain,
                    CrlSources sources = CrlSources::kAll) {
    CollateralFetcher fetcher(&transport_, cache_.get(), &bundle_, clock_,
                              options_);
    return FetchChainCrls(fetcher, CloudAuthority::kAmazon, chain, roots_,
                          sources);
  }
  std::vector<std::string> Asked() const {
    std::vector<std::string> urls;
    for (const HttpRequest& request : transport_.requests) {
      urls.push_back(request.url);
    }
    return urls;
  }

  NitroBuilder builder_;
  const absl::Time now_ = builder_.timestamp;
  std::vector<crypto::Sha256Digest> roots_ = builder_.Expectation().roots;
  const TempDir dir_;
  FakeClock clock_{now_};
  FakeTransport transport_;
  std::unique_ptr<CollateralCache> cache_;
  CollateralBundle bundle_;
  CollateralFetcherOptions options_;
};

TEST_F(CloudRevocationTest, FetchesWhatCertificatesNameAndKeepsIt) {
  const ChainCrls got = Fetch();
  EXPECT_THAT(got.missing, IsOk());
  EXPECT_THAT(got.lists, SizeIs(2));
  EXPECT_THAT(Asked(), ElementsAre(kRegionList, kRootList));
  for (const HttpRequest& request : transport_.requests) {
    EXPECT_EQ(request.max_redirects, 0);
    EXPECT_TRUE(request.plain_http);
    EXPECT_EQ(request.max_body, size_t{1} << 20U);
    EXPECT_LE(request.timeout, absl::Seconds(20));
  }
  EXPECT_THAT(Fetch().lists, SizeIs(2));
  EXPECT_THAT(Asked(), SizeIs(2)) << "kept";
  EXPECT_THAT(cache_->Keys(),
              ElementsAre("aws/crl/" + std::string(kRootList),
                          "aws/crl/" + std::string(kRegionList)));
}

TEST_F(CloudRevocationTest, TheListsRevoke) {
  transport_.files[kRegionList] = Listed(1, {7}).der();
  const ChainCrls got = Fetch();
  ASSERT_THAT(got.missing, IsOk());
  NitroExpectation want = builder_.Expectation();
  want.crls = got.lists;
  EXPECT_THAT(VerifyNitroDocument(builder_.Build(), want),
              StatusIs(kUnauthenticated, HasSubstr("is revoked")));
}

// Nobody is asked because of a chain that is not the cloud's.
TEST_F(CloudRevocationTest, AsksNothingForChainsThatDoNotVerify) {
  std::vector<crypto::Certificate> chain = Chain();
  chain[0] = Chain()[1];  // another leaf than the one that was issued
  EXPECT_FALSE(FetchOf(chain).missing.ok());
  chain = Chain();
  std::swap(chain[1], chain[2]);
  EXPECT_FALSE(FetchOf(chain).missing.ok());
  chain = Chain();
  chain.pop_back();
  EXPECT_THAT(FetchOf(chain).missing,
              StatusIs(kUnauthenticated, HasSubstr("pinned root")));
  EXPECT_FALSE(FetchOf({Chain().back()}).missing.ok());
  EXPECT_FALSE(FetchOf({}).missing.ok());
  chain = Chain();
  chain.insert(chain.begin() + 1, 2, chain[1]);
  EXPECT_THAT(FetchOf(chain).missing,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 1 to 5 authorities, got 6")));
  roots_.clear();
  EXPECT_THAT(Fetch().missing, StatusIs(kUnauthenticated));
  EXPECT_THAT(Asked(), IsEmpty());
}

// Names fit, but one certificate is not signed by the next.
TEST_F(CloudRevocationTest, AChainHasALeafAndAuthorities) {
  const std::vector<crypto::Certificate> chain = Chain();
  for (const size_t size : {size_t{0}, size_t{1}}) {
    const ChainCrls got =
        FetchOf({chain.begin(), chain.begin() + static_cast<ptrdiff_t>(size)});
    EXPECT_THAT(got.missing, StatusIs(absl::StatusCode::kInvalidArgument,
                                      "want a leaf and its authorities"));
    EXPECT_THAT(got.lists, IsEmpty());
  }
  // The leaf and six above it.
  std::vector<crypto::Certificate> many = chain;
  many.insert(many.end(), {chain.back(), chain.back()});
  EXPECT_THAT(FetchOf(many).missing,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "want 1 to 5 authorities, got 6"));
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(CloudRevocationTest, EverySignatureOfTheChainCounts) {
  const std::vector<crypto::Certificate> good = Chain();
  for (size_t i = 0; i < good.size(); ++i) {
    Bytes forged = good[i].der();
    forged.back() ^= 1U;
    std::vector<crypto::Certificate> chain = good;
    chain[i] = crypto::Certificate::FromDer(forged).value();
    EXPECT_THAT(FetchOf(chain).missing, StatusIs(kUnauthenticated)) << i;
  }
  EXPECT_THAT(Asked(), IsEmpty());
}

// Each link: names, dates, and what an authority may do.
TEST_F(CloudRevocationTest, EveryLinkOfTheChainCounts) {
  const NitroBuilder good = builder_;
  for (size_t i = 0; i + 1 < good.specs.size(); ++i) {
    builder_ = good;
    builder_.specs[i].ca = false;
    EXPECT_FALSE(Fetch().missing.ok()) << "no authority: " << i;
    builder_ = good;
    builder_.specs[i].not_after = now_ - absl::Seconds(1);
    EXPECT_THAT(Fetch().missing, StatusIs(kPrecondition)) << "expired: " << i;
    builder_ = good;
    builder_.specs[i].extensions.push_back(
        {.oid = "1.2.3.4", .critical = true, .value = {5, 0}});
    EXPECT_THAT(Fetch().missing, StatusIs(kPrecondition)) << "critical: " << i;
  }
  builder_ = good;
  builder_.specs[3].issuer = "elsewhere";
  EXPECT_FALSE(Fetch().missing.ok());
  builder_ = good;
  builder_.specs[4].issuer = "elsewhere";
  EXPECT_FALSE(Fetch().missing.ok());
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(CloudRevocationTest, AsksNobodyElse) {
  builder_.specs[1].extensions = {CrlPoint("http://169.254.169.254/latest/")};
  const ChainCrls got = Fetch();
  EXPECT_THAT(got.missing, StatusIs(absl::StatusCode::kPermissionDenied,
                                    HasSubstr("169.254.169.254")));
  EXPECT_THAT(got.lists, SizeIs(1)) << "the other one";
  EXPECT_THAT(Asked(), ElementsAre(kRegionList));
}

TEST_F(CloudRevocationTest, AMalformedPlaceIsNamed) {
  builder_.specs[1].extensions = {
      {.oid = "2.5.29.31", .critical = false, .value = {0x31, 0x00}}};
  EXPECT_THAT(Fetch().missing, StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CloudRevocationTest, StoresNothingThatIsNotTheIssuers) {
  NitroBuilder renamed = builder_;
  renamed.specs[1].name = "elsewhere";
  const std::pair<const char*, Bytes> wrong[] = {
      {"of another authority", Listed(0).der()},
      {"under another name", renamed.Listed(1, {}).der()},
      {"with another key",
       constellation::testing::NitroBuilder(builder_)
           .Listed(2, {.this_update = now_ - absl::Hours(1)})
           .der()},
      {"forged",
       [&] {
         Bytes der = Listed(1).der();
         der.back() ^= 1U;
         return der;
       }()},
      {"a web page", Bytes{'<', 'h', 't', 'm', 'l', '>'}},
      {"nothing", Bytes{}}};
  for (const auto& [what, content] : wrong) {
    transport_.files[kRegionList] = content;
    const ChainCrls got = Fetch();
    EXPECT_FALSE(got.missing.ok()) << what;
    EXPECT_THAT(got.lists, SizeIs(1)) << what;
    EXPECT_THAT(cache_->Keys(), SizeIs(1)) << what;
  }
}

TEST_F(CloudRevocationTest, RefusesOldAndEarlyLists) {
  transport_.files[kRegionList] =
      builder_.Listed(1, {.next_update = now_ - absl::Seconds(1)}).der();
  EXPECT_THAT(Fetch().missing, StatusIs(kPrecondition, HasSubstr("expired")));
  transport_.files[kRegionList] =
      builder_.Listed(1, {.this_update = now_ + absl::Seconds(1)}).der();
  EXPECT_THAT(Fetch().missing,
              StatusIs(kPrecondition, HasSubstr("not valid before")));
}

// An older list is validly signed, but hides what was revoked since.
TEST_F(CloudRevocationTest, RefusesARollback) {
  EXPECT_THAT(Fetch().missing, IsOk());
  // Short before its end the kept one is renewed.
  clock_.Advance(absl::Hours(60));
  transport_.files[kRegionList] =
      builder_
          .Listed(1, {.this_update = now_ - absl::Hours(2),
                      .next_update = now_ + absl::Hours(500)})
          .der();
  cache_ = *CollateralCache::Open({.directory = dir_.Join("cache")});
  EXPECT_THAT(Fetch().lists, SizeIs(2)) << "the kept one is still valid";
  clock_.Advance(absl::Hours(13));
  transport_.files[kRootList] =
      builder_
          .Listed(0, {.this_update = clock_.Now() - absl::Hours(1),
                      .next_update = clock_.Now() + absl::Hours(72)})
          .der();
  const ChainCrls got = Fetch();
  EXPECT_THAT(got.missing, StatusIs(kPrecondition, HasSubstr("rollback")));
  EXPECT_THAT(got.lists, SizeIs(1));
}

TEST_F(CloudRevocationTest, KeptOnlyAsksNobody) {
  EXPECT_THAT(Fetch(CrlSources::kKept).missing,
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_THAT(Fetch().missing, IsOk());
  transport_.files.clear();
  EXPECT_THAT(Fetch(CrlSources::kKept).lists, SizeIs(2));
  EXPECT_THAT(Asked(), SizeIs(2));
}

TEST_F(CloudRevocationTest, AServerThatIsDownIsUnavailable) {
  transport_.files.clear();
  transport_.otherwise = 503;
  EXPECT_THAT(Fetch().missing, StatusIs(absl::StatusCode::kUnavailable));
  transport_.otherwise = 302;
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Fetch().missing,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("302")));
}

TEST_F(CloudRevocationTest, AListIsValidNoLongerThanItsAuthority) {
  builder_.specs[1].not_after = now_ + absl::Hours(1);
  EXPECT_THAT(Fetch().missing, IsOk());
  ASSERT_OK_AND_ASSIGN(
      const CachedCollateral kept,
      cache_->Get(CloudCrlItem(CloudAuthority::kAmazon, kRegionList)->key));
  EXPECT_EQ(kept.facts.not_after, now_ + absl::Hours(1));
  EXPECT_EQ(kept.facts.issued, now_ - absl::Hours(1));
}

// An authority got a new key; the place of its list stayed.
TEST_F(CloudRevocationTest, AKeptListOfTheOldKeyIsReplaced) {
  EXPECT_THAT(Fetch().missing, IsOk());
  std::vector<crypto::Certificate> chain = Chain();
  const CloudAuthority amazon = CloudAuthority::kAmazon;
  const std::string key = CloudCrlItem(amazon, kRegionList)->key;
  ASSERT_OK_AND_ASSIGN(const CachedCollateral kept, cache_->Get(key));
  EXPECT_THAT(CloudCrlCheck(roots_, chain[3])(kept.collateral, now_), IsOk());
  EXPECT_THAT(CloudCrlCheck(roots_, chain[2])(kept.collateral, now_),
              StatusIs(kUnauthenticated, HasSubstr("with key")));
}

// In a bundle a list is verified with the chain that was kept with it.
class CloudBundleTest : public CloudRevocationTest {
 protected:
  CloudBundleTest() {
    (void)Fetch();
    for (const std::string& key : cache_->Keys()) {
      EXPECT_THAT(bundle_.Add(key, cache_->Get(key)->collateral), IsOk());
    }
    cache_ = *CollateralCache::Open({.directory = dir_.Join("another")});
    trust_.amazon_roots = roots_;
  }
  std::vector<absl::StatusCode> Verdicts(absl::Time now) const {
    std::vector<absl::StatusCode> codes;
    for (const BundleEntryResult& each : VerifyBundle(bundle_, trust_, now)) {
      codes.push_back(each.status.code());
    }
    return codes;
  }
  Collateral Entry() const { return *bundle_.Find(key_); }

  const std::string key_ = "aws/crl/" + std::string(kRegionList);
  CollateralTrust trust_{.intel = *IntelTrustAnchors::Create()};
};

TEST_F(CloudBundleTest, EntriesAreVerifiedAlone) {
  EXPECT_THAT(Verdicts(now_),
              ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kOk));
  EXPECT_THAT(Verdicts(now_ + absl::Hours(73)),
              ElementsAre(kPrecondition, kPrecondition));
  trust_.amazon_roots.clear();
  EXPECT_THAT(Verdicts(now_), ElementsAre(kUnauthenticated, kUnauthenticated));
}

TEST_F(CloudBundleTest, ReplacesTheNetwork) {
  transport_.requests.clear();
  options_.offline = true;
  EXPECT_THAT(Fetch().lists, SizeIs(2));
  EXPECT_THAT(Fetch(CrlSources::kKept).lists, SizeIs(2));
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(CloudBundleTest, EveryPartOfAnEntryCounts) {
  const auto verdict = [this](const Collateral& entry) {
    CollateralBundle bundle;
    EXPECT_THAT(bundle.Add(key_, entry), IsOk());
    return VerifyBundle(bundle, trust_, now_).at(0).status;
  };
  EXPECT_THAT(verdict(Entry()), IsOk());
  Collateral entry = Entry();
  entry.issuer_chain.clear();
  EXPECT_FALSE(verdict(entry).ok()) << "no chain";
  const auto pem = [](const crypto::Certificate& certificate) {
    return crypto::PemEncode("CERTIFICATE", certificate.der());
  };
  const std::vector<crypto::Certificate> chain = Chain();
  entry.issuer_chain = pem(chain[4]);
  EXPECT_FALSE(verdict(entry).ok()) << "only the root";
  entry.issuer_chain = pem(chain[3]);
  EXPECT_FALSE(verdict(entry).ok()) << "no root";
  entry.issuer_chain = pem(chain[2]) + pem(chain[3]) + pem(chain[4]);
  EXPECT_FALSE(verdict(entry).ok()) << "one too many";
  entry = Entry();
  entry.content = Listed(0).der();
  EXPECT_FALSE(verdict(entry).ok()) << "the root's list";
  for (size_t i = 0; i < Entry().content.size(); i += 7) {
    entry = Entry();
    entry.content[i] ^= 1U;
    EXPECT_FALSE(verdict(entry).ok()) << i;
  }
}

TEST_F(CloudBundleTest, KeysMustNameThatCloudsPlaces) {
  for (const std::string& key :
       {std::string("aws/crl/"), std::string("aws/crl/http://evil.example/"),
        "gcp/crl/" + std::string(kRegionList),
        "aws/" + std::string(kRegionList)}) {
    EXPECT_THAT(CheckForKey(key, bundle_, trust_, now_),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << key;
  }
  EXPECT_THAT(
      CheckForKey("gcp/crl/http://pki.goog/a.crl", bundle_, trust_, now_),
      IsOk());
}

// An authority that may issue certificates only must not withdraw any.
TEST_F(CloudRevocationTest, TheIssuerMustBeAllowedToSignLists) {
  builder_.specs[1].key_usage = "keyCertSign";
  EXPECT_THAT(Fetch().missing,
              StatusIs(kUnauthenticated, HasSubstr("does not allow lists")));
}

// What real certificates name is where this asks.
TEST(CloudRevocationVectorsTest, RealChainsNamePlacesThatMayBeAsked) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  ASSERT_OK_AND_ASSIGN(
      const auto chain,
      NitroChainUnverified(ReadVector("nitro/nitrotpm-2026-02.cose")));
  size_t named = 0;
  for (const crypto::Certificate& certificate : chain) {
    ASSERT_OK_AND_ASSIGN(const auto urls, CrlUrlsOfUnverified(certificate));
    for (const std::string& url : urls) {
      EXPECT_THAT(CloudCrlItem(CloudAuthority::kAmazon, url), IsOk()) << url;
      ++named;
    }
  }
  EXPECT_EQ(named, 2U);
  for (const char* file :
       {"gcp/ek-ak-ca-intermediate-v3.der", "gcp/tpm-ek-intermediate-3.der"}) {
    ASSERT_OK_AND_ASSIGN(const auto certificate,
                         crypto::Certificate::FromDer(ReadVector(file)));
    ASSERT_OK_AND_ASSIGN(const auto urls, CrlUrlsOfUnverified(certificate));
    ASSERT_THAT(urls, SizeIs(1)) << file;
    EXPECT_THAT(CloudCrlItem(CloudAuthority::kGoogle, urls[0]), IsOk()) << file;
  }
}

}  // namespace
}  // namespace constellation::attestation
