// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_FETCHER_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_FETCHER_H_

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/collateral_bundle.h"
#include "attestation/collateral/collateral_cache.h"
#include "attestation/collateral/http_transport.h"
#include "common/clock.h"
#include "common/retry.h"

namespace constellation::attestation {

// How a CollateralFetcher behaves towards servers.
struct CollateralFetcherOptions {
  // No network: evidence, bundle and cache only.
  bool offline = false;
  // Of one request.
  absl::Duration request_timeout = absl::Seconds(20);
  int max_redirects = 3;
  // Between attempts, and for how long in all; a server's Retry-After counts if
  // it is longer.
  RetryPolicy retry = {.first_delay = absl::Seconds(1),
                       .max_delay = absl::Seconds(30),
                       .factor = 2.0,
                       .give_up_after = absl::Minutes(2)};
  // Least time between two paced requests to one host: AMD's service answers
  // more than one certificate in ten seconds with 429.
  absl::Duration pace = absl::Seconds(10);
  // How long a failure is answered from memory, so that a dead server costs its
  // time-outs once.
  absl::Duration failure_memory = absl::Seconds(30);
  // Kept content that expires within this time is fetched anew, but still used
  // if that fails.
  absl::Duration refresh_margin = absl::Hours(24);
};

// Gets collateral, best source first: what came with the evidence, the bundle,
// the cache, the network. Whatever the source, content is returned only if the
// caller's check accepts it, it is valid now, and nothing newer was accepted
// before under its key; only then is it stored. So neither server, cache nor
// bundle can turn a refusal into an acceptance: they can only withhold.
//
// Threads that want the same key at once cause one request and share its
// result; requests to throttled hosts are spread over time. Thread-safe.
class CollateralFetcher final {
 public:
  // All arguments must outlive this; `cache` and `bundle` may be null, and so
  // may `transport` if `options.offline`. `clock` tells the time and waits.
  CollateralFetcher(HttpTransport* transport, CollateralCache* cache,
                    const CollateralBundle* bundle, Clock& clock,
                    CollateralFetcherOptions options = {});
  ~CollateralFetcher();
  CollateralFetcher(const CollateralFetcher&) = delete;
  CollateralFetcher& operator=(const CollateralFetcher&) = delete;

  // Gets `item`. `given` are candidates that came with the evidence, any
  // number, any content: those that `check` refuses are passed over.
  //
  // NOT_FOUND: the vendor does not know it, or (offline) it is neither in
  // bundle nor cache; the message names the key. UNAVAILABLE: server not
  // reachable, overloaded or throttling until the time was up.
  // FAILED_PRECONDITION: expired, not yet valid, or a rollback.
  // INVALID_ARGUMENT: the answer is not what was asked for. Otherwise what
  // `check` said.
  absl::StatusOr<Collateral> Get(const CollateralItem& item,
                                 const CollateralCheck& check,
                                 std::span<const Bytes> given = {})
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What is kept of `item`, in bundle or cache: as Get(), but nothing is
  // fetched. NOT_FOUND if nothing is kept that `check` accepts.
  absl::StatusOr<Collateral> GetKept(const CollateralItem& item,
                                     const CollateralCheck& check) const;

  // Fetches `item` for a caller that cannot check it alone, such as one link of
  // a chain: nothing is stored, and nobody shares the request. What to keep in
  // the end goes to Get() as given. Codes as Get(); NOT_FOUND offline.
  absl::StatusOr<Collateral> FetchUnverified(const CollateralItem& item)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether nothing may be fetched.
  bool offline() const { return options_.offline || transport_ == nullptr; }
  // The time that everything is judged by.
  absl::Time Now() const { return clock_.Now(); }

 private:
  struct Accepted;
  struct Flight;
  struct Failure {
    absl::Status status;
    absl::Time until;
  };

  absl::StatusOr<Accepted> Accept(const CollateralItem& item,
                                  const CollateralCheck& check,
                                  Collateral collateral) const;
  absl::StatusOr<Collateral> Store(const CollateralItem& item,
                                   const CollateralCheck& check,
                                   Collateral collateral) const;
  absl::StatusOr<Accepted> FromCache(const CollateralItem& item,
                                     const CollateralCheck& check) const;
  absl::StatusOr<Collateral> FetchShared(const CollateralItem& item,
                                         const CollateralCheck& check);
  absl::StatusOr<Collateral> FetchAndStore(const CollateralItem& item,
                                           const CollateralCheck& check);
  absl::StatusOr<HttpResponse> SendWithRetries(const CollateralItem& item);
  absl::Status AwaitTurn(const CollateralItem& item, absl::Time deadline);
  void Defer(const std::string& host, absl::Time until);

  HttpTransport* const transport_;
  CollateralCache* const cache_;
  const CollateralBundle* const bundle_;
  Clock& clock_;
  const CollateralFetcherOptions options_;

  absl::Mutex mutex_;
  // Shared: whoever waits for a request that is under way.
  std::map<std::string, std::shared_ptr<Flight>> flights_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Failure> failures_ ABSL_GUARDED_BY(mutex_);
  // When the next request to a host may begin: throttled ones, and paced ones.
  std::map<std::string, absl::Time> deferred_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Time> next_turn_ ABSL_GUARDED_BY(mutex_);
  // What was accepted last, also without a cache. Bounded.
  mutable absl::Mutex seen_mutex_;
  mutable std::map<std::string, CollateralFacts> seen_
      ABSL_GUARDED_BY(seen_mutex_);
};

// Host (and port) of "scheme://host[:port]/...", in lower case.
std::string HostOfUrl(std::string_view url);

// How long an HTTP Retry-After header (RFC 9110, 10.2.3: seconds or a date)
// asks to wait at `now`; nothing if it does not parse. At least zero, at most
// an hour.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value,
                                              absl::Time now);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_FETCHER_H_
