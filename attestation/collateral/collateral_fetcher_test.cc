// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "attestation/collateral/curl_http_transport.h"
#include "attestation/collateral/testing/fake_transport.h"
#include "attestation/collateral/testing/http_server.h"
#include "attestation/collateral/vendor_items.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::FakeTransport;
using ::constellation::attestation::testing::HttpAnswer;
using ::constellation::attestation::testing::ScriptedAnswer;
using ::constellation::attestation::testing::TestHttpServer;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// Documents of these tests: {"n":<number>,"from":<s>,"to":<s>} with seconds
// after kNow. The check believes whatever has "good" in it.
std::string Document(int number, int from = 0, int to = 1000 * 3600) {
  return "{\"good\":1,\"n\":" + std::to_string(number) +
         ",\"from\":" + std::to_string(from) + ",\"to\":" + std::to_string(to) +
         "}";
}

int NumberAfter(std::string_view text, std::string_view name) {
  return std::atoi(
      std::string(text.substr(text.find(name) + name.size())).c_str());
}

absl::StatusOr<CollateralFacts> Check(const Collateral& collateral,
                                      absl::Time /*now*/) {
  const std::string_view text = AsText(collateral.content);
  if (text.find("good") == std::string_view::npos) {
    return absl::UnauthenticatedError("signature does not verify");
  }
  return CollateralFacts{
      .not_before = kNow + absl::Seconds(NumberAfter(text, "from\":")),
      .not_after = kNow + absl::Seconds(NumberAfter(text, "to\":")),
      .issued = kNow + absl::Seconds(NumberAfter(text, "from\":")),
      .number = {static_cast<uint8_t>(NumberAfter(text, "n\":"))}};
}

Bytes ToBytes(std::string_view text) {
  const std::span<const uint8_t> bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

std::string TextOf(const Collateral& collateral) {
  return std::string(AsText(collateral.content));
}

class CollateralFetcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto cache = CollateralCache::Open({.directory = dir_.Join("cache")});
    ASSERT_THAT(cache, IsOk());
    cache_ = *std::move(cache);
  }

  static CollateralItem Item(const TestHttpServer& server,
                             const std::string& name = "thing") {
    return {.key = "test/" + name,
            .what = "the " + name,
            .url = server.url() + "/" + name,
            .format = CollateralFormat::kJson,
            .max_size = 1000};
  }

  CollateralFetcher Fetcher(CollateralFetcherOptions options = {}) {
    return CollateralFetcher(&transport_, cache_.get(), &bundle_, clock_,
                             options);
  }

  const TempDir dir_;
  FakeClock clock_{kNow};
  CurlHttpTransport transport_{{.allow_plain_http = true}};
  std::unique_ptr<CollateralCache> cache_;
  CollateralBundle bundle_;
};

// An item says how its server may be asked, and brings the chain of a signer
// that the server does not send.
TEST_F(CollateralFetcherTest, ItemsDecideAboutRedirectsPlainHttpAndChain) {
  FakeTransport transport;
  CollateralItem item{.key = "test/list",
                      .what = "the list",
                      .url = "http://pki.example/list",
                      .format = CollateralFormat::kJson};
  transport.files[item.url] = ToBytes(Document(1));
  CollateralFetcher fetcher(&transport, cache_.get(), &bundle_, clock_, {});
  ASSERT_THAT(fetcher.Get(item, Check), IsOk());
  EXPECT_EQ(transport.requests.back().max_redirects, 3);
  EXPECT_FALSE(transport.requests.back().plain_http);
  item.key += '2';
  item.redirects = false;
  item.plain_http = true;
  item.issuer_chain = "its chain";
  ASSERT_OK_AND_ASSIGN(const Collateral got, fetcher.Get(item, Check));
  EXPECT_EQ(transport.requests.back().max_redirects, 0);
  EXPECT_TRUE(transport.requests.back().plain_http);
  EXPECT_EQ(got.issuer_chain, "its chain");
  EXPECT_EQ(cache_->Get(item.key)->collateral.issuer_chain, "its chain");
}

TEST_F(CollateralFetcherTest, FetchesOnceAndKeeps) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  ASSERT_OK_AND_ASSIGN(const Collateral first,
                       Fetcher().Get(Item(server), Check));
  EXPECT_EQ(first.source, CollateralSource::kNetwork);
  EXPECT_EQ(TextOf(first), Document(1));
  EXPECT_EQ(first.fetched_at, kNow);
  clock_.Advance(absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const Collateral second,
                       Fetcher().Get(Item(server), Check));
  EXPECT_EQ(second.source, CollateralSource::kCache);
  EXPECT_EQ(second.fetched_at, kNow);
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(CollateralFetcherTest, UsesWhatCameWithTheEvidenceFirst) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  const std::vector<Bytes> given = {
      ToBytes("\x30garbage"), ToBytes("{\"bad\":1}"), ToBytes(Document(2))};
  ASSERT_OK_AND_ASSIGN(const Collateral got,
                       Fetcher().Get(Item(server), Check, given));
  EXPECT_EQ(got.source, CollateralSource::kEvidence);
  EXPECT_EQ(TextOf(got), Document(2));
  // And the next node of the same chip needs not bring it.
  ASSERT_OK_AND_ASSIGN(const Collateral kept,
                       Fetcher({.offline = true}).Get(Item(server), Check));
  EXPECT_EQ(kept.source, CollateralSource::kCache);
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST_F(CollateralFetcherTest, BadEvidenceCostsOneFetchAndIsNotKept) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  const std::vector<Bytes> given = {ToBytes("{\"bad\":1}")};
  ASSERT_OK_AND_ASSIGN(const Collateral got,
                       Fetcher().Get(Item(server), Check, given));
  EXPECT_EQ(got.source, CollateralSource::kNetwork);
}

TEST_F(CollateralFetcherTest, StoresNothingThatTheCheckRefuses) {
  const TestHttpServer server({{HttpAnswer(200, "{\"forged\":1}")}});
  EXPECT_THAT(Fetcher().Get(Item(server), Check),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("the thing: signature does not verify")));
  EXPECT_THAT(cache_->Keys(), SizeIs(0));
  EXPECT_THAT(server.requests(), SizeIs(1)) << "a forgery is not retried";
}

TEST_F(CollateralFetcherTest, ForgedCacheIsNotBelieved) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  ASSERT_THAT(cache_->Put("test/thing",
                          {.content = ToBytes("{\"forged\":1}"),
                           .issuer_chain = {},
                           .fetched_at = kNow},
                          {.not_after = kNow + absl::Hours(900)}),
              IsOk());
  EXPECT_THAT(Fetcher({.offline = true}).Get(Item(server), Check),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("offline: cache: ")));
  ASSERT_OK_AND_ASSIGN(const Collateral got,
                       Fetcher().Get(Item(server), Check));
  EXPECT_EQ(got.source, CollateralSource::kNetwork);
}

TEST_F(CollateralFetcherTest, DamagedCacheIsFetchedAgain) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  ASSERT_THAT(Fetcher().Get(Item(server), Check), IsOk());
  for (const auto& file :
       std::filesystem::directory_iterator(dir_.Join("cache/objects"))) {
    ASSERT_THAT(WriteFileAtomically(file.path(), "damage"), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const Collateral got,
                       Fetcher().Get(Item(server), Check));
  EXPECT_EQ(got.source, CollateralSource::kNetwork);
  ASSERT_OK_AND_ASSIGN(const Collateral kept,
                       Fetcher().Get(Item(server), Check));
  EXPECT_EQ(kept.source, CollateralSource::kCache);
}

TEST_F(CollateralFetcherTest, FetchesAgainAfterExpiry) {
  const TestHttpServer server({{HttpAnswer(200, Document(1, 0, 3600 * 100))},
                               {HttpAnswer(200, Document(2, 3600 * 100))}});
  CollateralFetcher fetcher = Fetcher();
  ASSERT_THAT(fetcher.Get(Item(server), Check), IsOk());
  clock_.Advance(absl::Hours(100) + absl::Seconds(1));
  ASSERT_OK_AND_ASSIGN(const Collateral got, fetcher.Get(Item(server), Check));
  EXPECT_EQ(TextOf(got), Document(2, 3600 * 100));
}

TEST_F(CollateralFetcherTest, RefreshesBeforeExpiryButDoesNotInsist) {
  const TestHttpServer server({{HttpAnswer(200, Document(1, 0, 3600 * 100))},
                               {HttpAnswer(403, "")},
                               {HttpAnswer(200, Document(2, 60))}});
  CollateralFetcher fetcher = Fetcher();
  ASSERT_THAT(fetcher.Get(Item(server), Check), IsOk());
  clock_.Advance(absl::Hours(80));  // 20 h left: less than the margin
  ASSERT_OK_AND_ASSIGN(const Collateral kept, fetcher.Get(Item(server), Check));
  EXPECT_EQ(TextOf(kept), Document(1, 0, 3600 * 100));
  EXPECT_THAT(server.requests(), SizeIs(2));
  ASSERT_THAT(fetcher.Get(Item(server), Check), IsOk());
  EXPECT_THAT(server.requests(), SizeIs(2)) << "the failure is remembered";
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK_AND_ASSIGN(const Collateral fresh,
                       fetcher.Get(Item(server), Check));
  EXPECT_EQ(TextOf(fresh), Document(2, 60));
}

TEST_F(CollateralFetcherTest, RefusesExpiredAnswer) {
  const TestHttpServer server({{HttpAnswer(200, Document(1, -100, -50))}});
  EXPECT_THAT(Fetcher().Get(Item(server), Check),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the thing: expired at")));
  EXPECT_THAT(cache_->Keys(), SizeIs(0));
}

TEST_F(CollateralFetcherTest, RefusesAnswerOfTheFuture) {
  const TestHttpServer server({{HttpAnswer(200, Document(1, 60))}});
  EXPECT_THAT(Fetcher().Get(Item(server), Check),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not valid before")));
}

TEST_F(CollateralFetcherTest, RefusesRollbackFromEverySource) {
  const TestHttpServer server({{HttpAnswer(200, Document(7, 0, 3600))},
                               {HttpAnswer(200, Document(6))}});
  ASSERT_THAT(Fetcher().Get(Item(server), Check), IsOk());
  clock_.Advance(absl::Hours(2));
  const auto rollback =
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("rollback: number 0x06 is lower than 0x"));
  EXPECT_THAT(Fetcher().Get(Item(server), Check), rollback);
  const std::vector<Bytes> given = {ToBytes(Document(6))};
  EXPECT_FALSE(Fetcher().Get(Item(server), Check, given).ok());
  ASSERT_THAT(bundle_.Add("test/thing", {.content = ToBytes(Document(6)),
                                         .fetched_at = kNow}),
              IsOk());
  EXPECT_FALSE(Fetcher({.offline = true}).Get(Item(server), Check).ok());
}

TEST_F(CollateralFetcherTest, RefusesRollbackWithoutACache) {
  const TestHttpServer server(
      {{HttpAnswer(200, Document(7))}, {HttpAnswer(200, Document(6))}});
  CollateralFetcher fetcher(&transport_, nullptr, nullptr, clock_);
  ASSERT_THAT(fetcher.Get(Item(server), Check), IsOk());
  EXPECT_THAT(
      fetcher.Get(Item(server), Check),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("rollback")));
}

TEST_F(CollateralFetcherTest, OfflineUsesBundleAndNamesWhatIsMissing) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  CollateralFetcher fetcher = Fetcher({.offline = true});
  EXPECT_THAT(
      fetcher.Get(Item(server), Check),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr("the thing"), HasSubstr("missing test/thing"))));
  ASSERT_THAT(bundle_.Add("test/thing", {.content = ToBytes(Document(3)),
                                         .fetched_at = kNow}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const Collateral got, fetcher.Get(Item(server), Check));
  EXPECT_EQ(got.source, CollateralSource::kBundle);
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST_F(CollateralFetcherTest, OfflineSaysWhyABundleDoesNotDo) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  ASSERT_THAT(
      bundle_.Add("test/thing", {.content = ToBytes(Document(3, -100, -50)),
                                 .fetched_at = kNow}),
      IsOk());
  EXPECT_THAT(Fetcher({.offline = true}).Get(Item(server), Check),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("offline: bundle: the thing: expired")));
}

TEST_F(CollateralFetcherTest, NoTransportMeansOffline) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  CollateralFetcher fetcher(nullptr, cache_.get(), nullptr, clock_);
  EXPECT_THAT(fetcher.Get(Item(server), Check),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CollateralFetcherTest, WaitsAsLongAsAServerAsks) {
  const TestHttpServer server(
      {{HttpAnswer(429, "", "Retry-After: 17\r\n")},
       {HttpAnswer(503, "", "Retry-After: Fri, 15 Jan 2027 08:00:40 GMT\r\n")},
       {HttpAnswer(200, Document(1))}});
  ASSERT_THAT(Fetcher().Get(Item(server), Check), IsOk());
  EXPECT_EQ(clock_.Now(), kNow + absl::Seconds(40));
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(CollateralFetcherTest, BacksOffWithoutBeingAsked) {
  const TestHttpServer server({{HttpAnswer(500, "")},
                               {HttpAnswer(502, "")},
                               {HttpAnswer(504, "")},
                               {HttpAnswer(200, Document(1))}});
  ASSERT_THAT(Fetcher().Get(Item(server), Check), IsOk());
  EXPECT_EQ(clock_.Now() - kNow, absl::Seconds(1 + 2 + 4));
}

TEST_F(CollateralFetcherTest, GivesUpAndSaysAfterWhat) {
  const TestHttpServer server({{HttpAnswer(503, "")}});
  EXPECT_THAT(Fetcher().Get(Item(server), Check),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("HTTP status 503"),
                             HasSubstr("gave up after 2m"))));
  EXPECT_LE(clock_.Now() - kNow, absl::Minutes(2));
}

TEST_F(CollateralFetcherTest, GivesUpAtOnceIfTheServerWantsTooMuchTime) {
  const TestHttpServer server({{HttpAnswer(429, "", "Retry-After: 3000\r\n")}});
  CollateralFetcher fetcher = Fetcher();
  EXPECT_THAT(fetcher.Get(Item(server), Check),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("it throttles this address")));
  EXPECT_EQ(clock_.Now(), kNow);
  // Other things at the same host are not even asked for.
  EXPECT_THAT(fetcher.Get(Item(server, "other"), Check),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("is throttling: next turn in 50m")));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(CollateralFetcherTest, RemembersFailuresForAWhile) {
  const TestHttpServer server(
      {{HttpAnswer(404, "")}, {HttpAnswer(200, Document(1))}});
  CollateralFetcher fetcher = Fetcher();
  const auto unknown =
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("it does not know this"));
  EXPECT_THAT(fetcher.Get(Item(server), Check), unknown);
  EXPECT_THAT(fetcher.Get(Item(server), Check), unknown);
  EXPECT_THAT(server.requests(), SizeIs(1));
  clock_.Advance(absl::Seconds(31));
  EXPECT_THAT(fetcher.Get(Item(server), Check), IsOk());
}

TEST_F(CollateralFetcherTest, DoesNotRetryWhatWillNotChange) {
  for (const int status : {301, 400, 401, 403, 404, 410, 501}) {
    const TestHttpServer server({{HttpAnswer(status, "")}});
    EXPECT_FALSE(Fetcher().Get(Item(server), Check).ok()) << status;
    EXPECT_THAT(server.requests(), SizeIs(1)) << status;
  }
  EXPECT_EQ(clock_.Now(), kNow);
}

TEST_F(CollateralFetcherTest, RetriesTruncatedAnswers) {
  const TestHttpServer server(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"good\""},
       {""},
       {HttpAnswer(200, Document(1))}});
  EXPECT_THAT(Fetcher().Get(Item(server), Check), IsOk());
}

TEST_F(CollateralFetcherTest, RetriesStallsWithinItsTime) {
  const TestHttpServer server(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", /*hold=*/true},
       {HttpAnswer(200, Document(1))}});
  EXPECT_THAT(Fetcher({.request_timeout = absl::Milliseconds(1100)})
                  .Get(Item(server), Check),
              IsOk());
}

TEST_F(CollateralFetcherTest, RefusesOversizedAnswerAndOtherTypes) {
  for (const std::string& octets :
       {HttpAnswer(200, Document(1) + std::string(1000, ' ')),
        HttpAnswer(200, "<html>please log in</html>"), HttpAnswer(200, "")}) {
    const TestHttpServer server({{octets}});
    EXPECT_THAT(Fetcher().Get(Item(server), Check),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(server.requests(), SizeIs(1));
  }
}

TEST_F(CollateralFetcherTest, FollowsRedirectsOfTheVendor) {
  const TestHttpServer server([](const std::string& target,
                                 const std::string&) -> ScriptedAnswer {
    return {target == "/thing" ? HttpAnswer(302, "", "Location: /elsewhere\r\n")
                               : HttpAnswer(200, Document(1))};
  });
  EXPECT_THAT(Fetcher().Get(Item(server), Check), IsOk());
}

TEST_F(CollateralFetcherTest, TakesIssuerChainFromTheHeader) {
  CollateralItem item;
  const std::string chain = "-----BEGIN%20CERTIFICATE-----%0AAA%3D%3D%0A";
  const TestHttpServer server(
      {{HttpAnswer(200, Document(1))},
       {HttpAnswer(200, Document(1), "Tcb-Info-Issuer-Chain: %%\r\n")},
       {HttpAnswer(200, Document(1),
                   "TCB-Info-Issuer-Chain: " + chain + "\r\n")}});
  item = Item(server);
  item.issuer_chain_header = "tcb-info-issuer-chain";
  EXPECT_THAT(Fetcher().Get(item, Check),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want header tcb-info-issuer-chain")));
  EXPECT_THAT(
      Fetcher().Get(item, Check),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("issuer chain")));
  for (int i = 0; i < 2; ++i) {  // from the network, then from the cache
    ASSERT_OK_AND_ASSIGN(const Collateral got, Fetcher().Get(item, Check));
    EXPECT_EQ(got.issuer_chain, "-----BEGIN CERTIFICATE-----\nAA==\n");
  }
}

TEST_F(CollateralFetcherTest, PacesWhatTheHostThrottles) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  CollateralFetcher fetcher = Fetcher();
  for (const char* name : {"a", "b", "c"}) {
    CollateralItem item = Item(server, name);
    item.paced = true;
    ASSERT_THAT(fetcher.Get(item, Check), IsOk());
  }
  EXPECT_EQ(clock_.Now() - kNow, absl::Seconds(20));
  ASSERT_THAT(fetcher.Get(Item(server, "d"), Check), IsOk());
  EXPECT_EQ(clock_.Now() - kNow, absl::Seconds(20)) << "d is not paced";
}

TEST_F(CollateralFetcherTest, RefusesToLineUpForTooLong) {
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  CollateralFetcher fetcher = Fetcher({.pace = absl::Minutes(3)});
  CollateralItem a = Item(server, "a");
  CollateralItem b = Item(server, "b");
  a.paced = b.paced = true;
  ASSERT_THAT(fetcher.Get(a, Check), IsOk());
  EXPECT_THAT(fetcher.Get(b, Check),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("next turn in 3m, but at most 2m")));
}

TEST_F(CollateralFetcherTest, ThreadsShareOneRequest) {
  constexpr int kThreads = 8;
  std::atomic<int> waiting = 0;
  const TestHttpServer server(
      [&waiting](const std::string&, const std::string&) -> ScriptedAnswer {
        for (int i = 0; i < 500 && waiting < kThreads; ++i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        // All have begun; let the last of them reach the queue.
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return {HttpAnswer(200, Document(1))};
      });
  CollateralFetcher fetcher = Fetcher();
  std::vector<absl::StatusOr<Collateral>> results(
      kThreads, absl::InternalError("not run"));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        ++waiting;
        results[static_cast<size_t>(i)] = fetcher.Get(Item(server), Check);
      });
    }
  }
  EXPECT_THAT(results, Each(IsOk()));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(CollateralFetcherTest, SharedResultMustPassTheOwnCheckToo) {
  std::atomic<bool> second_waits = false;
  const TestHttpServer server(
      [&](const std::string&, const std::string&) -> ScriptedAnswer {
        for (int i = 0; i < 500 && !second_waits; ++i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return {HttpAnswer(200, Document(1))};
      });
  CollateralFetcher fetcher(&transport_, nullptr, nullptr, clock_);
  absl::StatusOr<Collateral> first = absl::InternalError("not run");
  std::jthread thread([&] { first = fetcher.Get(Item(server), Check); });
  while (server.requests().empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  second_waits = true;
  EXPECT_THAT(
      fetcher.Get(Item(server),
                  [](const Collateral&, absl::Time) {
                    return absl::StatusOr<CollateralFacts>(
                        absl::UnauthenticatedError("another root"));
                  }),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("another root")));
  thread.join();
  EXPECT_THAT(first, IsOk());
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(CollateralFetcherTest, FullCacheDoesNotStopVerification) {
  auto tiny =
      CollateralCache::Open({.directory = dir_.Join("tiny"), .max_bytes = 4});
  ASSERT_THAT(tiny, IsOk());
  const TestHttpServer server({{HttpAnswer(200, Document(1))}});
  CollateralFetcher fetcher(&transport_, tiny->get(), nullptr, clock_);
  EXPECT_THAT(fetcher.Get(Item(server), Check), IsOk());
}

TEST(ParseRetryAfterTest, ReadsSecondsAndDates) {
  EXPECT_EQ(ParseRetryAfter("0", kNow), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("120", kNow), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter("99999", kNow), absl::Hours(1));
  EXPECT_EQ(ParseRetryAfter(std::string(50, '9'), kNow), absl::Hours(1));
  EXPECT_EQ(ParseRetryAfter("Fri, 15 Jan 2027 08:01:00 GMT", kNow),
            absl::Minutes(1));
  EXPECT_EQ(ParseRetryAfter("Fri, 15 Jan 2021 08:01:00 GMT", kNow),
            absl::ZeroDuration());
  for (const char* value : {"", "soon", "-1", "1.5", "Fri, 15 Jan"}) {
    EXPECT_EQ(ParseRetryAfter(value, kNow), std::nullopt) << value;
  }
}

TEST(HostOfUrlTest, KeepsHostAndPort) {
  EXPECT_EQ(HostOfUrl("https://A.example:8443/path?x=://y"), "a.example:8443");
  EXPECT_EQ(HostOfUrl("http://a.example?b"), "a.example");
  EXPECT_EQ(HostOfUrl(""), "");
}

}  // namespace
}  // namespace constellation::attestation
