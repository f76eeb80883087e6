// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral_fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/hex.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Keys and hosts can come from hostile evidence: what is remembered of them is
// bounded, and the oldest name in the alphabet goes first.
constexpr size_t kMaxRemembered = 1024;
constexpr absl::Duration kMaxRetryAfter = absl::Hours(1);
constexpr int kHttpOk = 200;
constexpr int kHttpNotFound = 404;
constexpr int kHttpTooManyRequests = 429;
constexpr int kHttpServerError = 500;

template <typename Value>
void Remember(std::map<std::string, Value>& map, const std::string& name,
              Value value) {
  map[name] = std::move(value);
  while (map.size() > kMaxRemembered) {
    map.erase(map.begin()->first == name ? std::prev(map.end()) : map.begin());
  }
}

// Statuses that may pass by themselves (RFC 9110 15): time-outs, throttling,
// and server errors but "not implemented" and "version not supported".
bool IsRetryable(int http_status) {
  return http_status == 408 || http_status == 425 ||
         http_status == kHttpTooManyRequests ||
         (http_status >= kHttpServerError && http_status != 501 &&
          http_status != 505);
}

// What an answer other than 200 means.
absl::Status StatusOfAnswer(const CollateralItem& item, int http_status) {
  if (http_status == kHttpOk) {
    return absl::OkStatus();
  }
  const std::string message = fmt::format("{}: {} answers with HTTP status {}",
                                          item.what, item.url, http_status);
  if (http_status == kHttpTooManyRequests) {
    return Unavailable(message + ": it throttles this address");
  }
  if (IsRetryable(http_status)) {
    return Unavailable(message);
  }
  if (http_status == kHttpNotFound) {
    return NotFound(message + ": it does not know this");
  }
  if (http_status == 401 || http_status == 403) {
    return PermissionDenied(message);
  }
  return InvalidArgument(message);
}

// Intel's chain comes in a header; an answer without it cannot be verified.
absl::StatusOr<Collateral> ReadAnswer(const CollateralItem& item,
                                      const HttpResponse& answer,
                                      absl::Time now) {
  Collateral out;
  out.source = CollateralSource::kNetwork;
  out.fetched_at = now;
  ASSIGN_OR_RETURN(out.content,
                   NormaliseContent(item.format, answer.body, item.what));
  if (item.issuer_chain_header.empty()) {
    out.issuer_chain = item.issuer_chain;
    return out;
  }
  const std::string header = answer.Header(item.issuer_chain_header);
  if (header.empty()) {
    return InvalidArgument(fmt::format("{}: want header {}, got none",
                                       item.what, item.issuer_chain_header));
  }
  absl::StatusOr<std::string> chain = DecodeIssuerChain(header);
  if (!chain.ok()) {
    return Annotate(chain.status(), item.what);
  }
  out.issuer_chain = *std::move(chain);
  return out;
}

}  // namespace

// Content that passed every check, with what its check found.
struct CollateralFetcher::Accepted {
  Collateral collateral;
  CollateralFacts facts;
};

// A request under way. Guarded by mutex_; `result` does not change any more
// once `done`.
struct CollateralFetcher::Flight {
  bool done = false;
  absl::StatusOr<Collateral> result = Internal("request under way");
};

CollateralFetcher::CollateralFetcher(HttpTransport* transport,
                                     CollateralCache* cache,
                                     const CollateralBundle* bundle,
                                     Clock& clock,
                                     CollateralFetcherOptions options)
    : transport_(transport),
      cache_(cache),
      bundle_(bundle),
      clock_(clock),
      options_(options) {}

CollateralFetcher::~CollateralFetcher() = default;

// In the order of cost: what came with the evidence, the bundle, the cache, the
// network. Whatever the source, the same check decides. An expired or refused
// item falls through to the next source; what the bundle or cache held and was
// refused is told if nothing may be fetched.
absl::StatusOr<Collateral> CollateralFetcher::Get(
    const CollateralItem& item, const CollateralCheck& check,
    std::span<const Bytes> given) {
  for (const Bytes& candidate : given) {
    absl::StatusOr<Bytes> content =
        NormaliseContent(item.format, AsText(candidate), item.what);
    if (!content.ok()) {
      continue;
    }
    absl::StatusOr<Collateral> accepted =
        Store(item, check,
              {.content = *std::move(content),
               .issuer_chain = {},
               .source = CollateralSource::kEvidence,
               .fetched_at = clock_.Now()});
    if (accepted.ok()) {
      return accepted;
    }
  }
  absl::Status refusal = absl::OkStatus();  // of what we had
  if (bundle_ != nullptr) {
    if (const Collateral* entry = bundle_->Find(item.key)) {
      absl::StatusOr<Collateral> accepted = Store(item, check, *entry);
      if (accepted.ok()) {
        return accepted;
      }
      refusal = Annotate(accepted.status(), "bundle");
    }
  }
  absl::StatusOr<Accepted> cached = FromCache(item, check);
  if (!cached.ok() && !absl::IsNotFound(cached.status())) {
    refusal = Annotate(cached.status(), "cache");
  }
  const bool soon_stale =
      cached.ok() &&
      cached->facts.not_after - clock_.Now() < options_.refresh_margin;
  if (cached.ok() && (options_.offline || !soon_stale)) {
    return std::move(cached->collateral);
  }
  if (options_.offline || transport_ == nullptr) {
    return !refusal.ok()
               ? Annotate(refusal, "offline")
               : NotFound(fmt::format(
                     "{}: neither in bundle nor cache, and fetching is off: "
                     "missing {}",
                     item.what, item.key));
  }
  absl::StatusOr<Collateral> fetched = FetchShared(item, check);
  if (!fetched.ok() && cached.ok()) {
    spdlog::warn("event=collateral-not-refreshed key={} reason=\"{}\"",
                 item.key, Message(fetched.status()));
    return std::move(cached->collateral);
  }
  return fetched;
}

// Never the network: for items that have no URL of their own.
absl::StatusOr<Collateral> CollateralFetcher::GetKept(
    const CollateralItem& item, const CollateralCheck& check) const {
  if (bundle_ != nullptr) {
    if (const Collateral* entry = bundle_->Find(item.key)) {
      absl::StatusOr<Collateral> accepted = Store(item, check, *entry);
      if (accepted.ok()) {
        return accepted;
      }
    }
  }
  absl::StatusOr<Accepted> cached = FromCache(item, check);
  if (!cached.ok()) {
    return NotFound(
        fmt::format("{}: not kept: {}", item.what, Message(cached.status())));
  }
  return std::move(cached->collateral);
}

// Links of chains, whose whole is checked afterwards. Failures are remembered,
// for the URL comes from hostile evidence.
absl::StatusOr<Collateral> CollateralFetcher::FetchUnverified(
    const CollateralItem& item) {
  if (options_.offline || transport_ == nullptr) {
    return NotFound(
        fmt::format("{}: fetching is off: missing {}", item.what, item.key));
  }
  {
    const absl::MutexLock lock(&mutex_);
    const auto failure = failures_.find(item.key);
    if (failure != failures_.end() && clock_.Now() < failure->second.until) {
      return failure->second.status;
    }
  }
  const absl::StatusOr<HttpResponse> answer = SendWithRetries(item);
  if (!answer.ok()) {
    const absl::MutexLock lock(&mutex_);
    Remember(failures_, item.key,
             Failure{answer.status(), clock_.Now() + options_.failure_memory});
    return answer.status();
  }
  return ReadAnswer(item, *answer, clock_.Now());
}

// Check, freshness and rollback, for every source. What was seen is remembered
// in memory, too, so that it also works without a cache.
absl::StatusOr<CollateralFetcher::Accepted> CollateralFetcher::Accept(
    const CollateralItem& item, const CollateralCheck& check,
    Collateral collateral) const {
  const absl::Time now = clock_.Now();
  absl::StatusOr<CollateralFacts> facts = check(collateral, now);
  if (!facts.ok()) {
    return Annotate(facts.status(), item.what);
  }
  RETURN_IF_ERROR(CheckFresh(*facts, now, item.what));
  if (cache_ != nullptr) {
    if (const auto seen = cache_->Seen(item.key)) {
      RETURN_IF_ERROR(CheckNoRollback(*facts, *seen, item.what));
    }
  }
  const absl::MutexLock lock(&seen_mutex_);
  if (const auto seen = seen_.find(item.key); seen != seen_.end()) {
    RETURN_IF_ERROR(CheckNoRollback(*facts, seen->second, item.what));
  }
  Remember(seen_, item.key, *facts);
  return Accepted{std::move(collateral), *std::move(facts)};
}

// Accepted content is kept; that it could not be kept must not fail a
// verification, unless because something newer is there.
absl::StatusOr<Collateral> CollateralFetcher::Store(
    const CollateralItem& item, const CollateralCheck& check,
    Collateral collateral) const {
  ASSIGN_OR_RETURN(Accepted accepted,
                   Accept(item, check, std::move(collateral)));
  if (cache_ != nullptr) {
    const absl::Status kept =
        cache_->Put(item.key, accepted.collateral, accepted.facts);
    if (absl::IsFailedPrecondition(kept)) {
      return kept;  // another process has accepted something newer meanwhile
    }
    if (!kept.ok()) {  // a full disk must not stop a verification
      spdlog::warn("event=collateral-not-cached key={} reason=\"{}\"", item.key,
                   Message(kept));
    }
  }
  return std::move(accepted.collateral);
}

// What is in the cache is checked like what comes from the network: the folder
// is not trusted.
absl::StatusOr<CollateralFetcher::Accepted> CollateralFetcher::FromCache(
    const CollateralItem& item, const CollateralCheck& check) const {
  if (cache_ == nullptr) {
    return NotFound("no cache");
  }
  absl::StatusOr<CachedCollateral> cached = cache_->Get(item.key);
  if (!cached.ok()) {
    if (!absl::IsNotFound(cached.status())) {
      spdlog::warn("event=collateral-cache-damaged key={} reason=\"{}\"",
                   item.key, Message(cached.status()));
    }
    return cached.status();
  }
  return Accept(item, check, std::move(cached->collateral));
}

// One request per item at a time. When a cluster starts, many nodes ask for the
// same list at once, and AMD throttles.
absl::StatusOr<Collateral> CollateralFetcher::FetchShared(
    const CollateralItem& item, const CollateralCheck& check) {
  std::shared_ptr<Flight> flight;
  bool ours = false;
  {
    const absl::MutexLock lock(&mutex_);
    const auto failure = failures_.find(item.key);
    if (failure != failures_.end()) {
      if (clock_.Now() < failure->second.until) {
        return failure->second.status;
      }
      failures_.erase(failure);
    }
    std::shared_ptr<Flight>& slot = flights_[item.key];
    if (slot == nullptr) {
      slot = std::make_shared<Flight>();
      ours = true;
    }
    flight = slot;
  }
  if (ours) {
    // Whoever fetched it while this thread looked into the cache has stored it.
    absl::StatusOr<Accepted> kept = FromCache(item, check);
    const bool fresh = kept.ok() && kept->facts.not_after - clock_.Now() >=
                                        options_.refresh_margin;
    absl::StatusOr<Collateral> result =
        fresh ? absl::StatusOr<Collateral>(std::move(kept->collateral))
              : FetchAndStore(item, check);
    const absl::MutexLock lock(&mutex_);
    if (!result.ok()) {
      Remember(
          failures_, item.key,
          Failure{result.status(), clock_.Now() + options_.failure_memory});
    }
    flight->result = result;
    flight->done = true;
    flights_.erase(item.key);
    return result;
  }
  absl::StatusOr<Collateral> result = Internal("no result");
  {
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&flight->done));
    result = flight->result;
  }
  RETURN_IF_ERROR(result.status());
  // Their check accepted it; ours may ask for more.
  ASSIGN_OR_RETURN(Accepted accepted, Accept(item, check, *std::move(result)));
  return std::move(accepted.collateral);
}

absl::StatusOr<Collateral> CollateralFetcher::FetchAndStore(
    const CollateralItem& item, const CollateralCheck& check) {
  ASSIGN_OR_RETURN(const HttpResponse answer, SendWithRetries(item));
  ASSIGN_OR_RETURN(Collateral collateral,
                   ReadAnswer(item, answer, clock_.Now()));
  return Store(item, check, std::move(collateral));
}

// Backs off, but never beyond `give_up_after`: a verification waits for it.
absl::StatusOr<HttpResponse> CollateralFetcher::SendWithRetries(
    const CollateralItem& item) {
  const absl::Time deadline = clock_.Now() + options_.retry.give_up_after;
  absl::Duration delay = options_.retry.first_delay;
  while (true) {
    RETURN_IF_ERROR(AwaitTurn(item, deadline));
    absl::StatusOr<HttpResponse> answer = transport_->Send(
        {.url = item.url,
         .timeout = std::clamp(deadline - clock_.Now(), absl::Seconds(1),
                               options_.request_timeout),
         .max_body = item.max_size,
         .max_redirects = item.redirects ? options_.max_redirects : 0,
         .plain_http = item.plain_http});
    const absl::Status status = answer.ok()
                                    ? StatusOfAnswer(item, answer->status)
                                    : Annotate(answer.status(), item.what);
    if (status.ok()) {
      return answer;
    }
    if (!IsTransient(status)) {
      return status;
    }
    absl::Duration wait = delay;
    const absl::Time now = clock_.Now();
    if (answer.ok()) {
      const auto asked = ParseRetryAfter(answer->Header("retry-after"), now);
      wait = std::max(wait, asked.value_or(absl::ZeroDuration()));
      if (asked.has_value() || answer->status == kHttpTooManyRequests) {
        Defer(HostOfUrl(item.url), now + wait);
      }
    }
    if (now + wait > deadline) {
      return Unavailable(
          fmt::format("{}; gave up after {}", Message(status),
                      absl::FormatDuration(options_.retry.give_up_after)));
    }
    spdlog::info("event=collateral-retry key={} wait={} reason=\"{}\"",
                 item.key, absl::FormatDuration(wait), Message(status));
    clock_.Sleep(wait);
    delay = std::min(delay * options_.retry.factor, options_.retry.max_delay);
  }
}

// Waits until the host may be asked again. A paced request takes the next free
// turn at once, so that threads line up instead of running into each other.
absl::Status CollateralFetcher::AwaitTurn(const CollateralItem& item,
                                          absl::Time deadline) {
  const std::string host = HostOfUrl(item.url);
  absl::Duration wait;
  {
    const absl::MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    absl::Time start = now;
    if (const auto found = deferred_.find(host); found != deferred_.end()) {
      start = std::max(start, found->second);
    }
    if (const auto found = next_turn_.find(host);
        item.paced && found != next_turn_.end()) {
      start = std::max(start, found->second);
    }
    if (start > deadline) {
      return Unavailable(fmt::format(
          "{}: {} is throttling: next turn in {}, but at most {} were allowed",
          item.what, host, absl::FormatDuration(start - now),
          absl::FormatDuration(options_.retry.give_up_after)));
    }
    if (item.paced) {
      Remember(next_turn_, host, start + options_.pace);
    }
    wait = start - now;
  }
  if (wait > absl::ZeroDuration()) {
    clock_.Sleep(wait);
  }
  return absl::OkStatus();
}

// A host that throttles is left alone by all items, not only by the one that it
// told so.
void CollateralFetcher::Defer(const std::string& host, absl::Time until) {
  const absl::MutexLock lock(&mutex_);
  const auto found = deferred_.find(host);
  if (found == deferred_.end() || found->second < until) {
    Remember(deferred_, host, until);
  }
}

// Port included: another port is another service. Only a name for pacing;
// nothing is trusted by it.
std::string HostOfUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  std::string host(url.substr(0, url.find_first_of("/?#")));
  std::ranges::transform(host, host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return host;
}

// RFC 9110 10.2.3: seconds or a date. At most an hour, for the header is the
// server's word.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value,
                                              absl::Time now) {
  constexpr size_t kMaxDigits = 9;
  if (value.empty()) {
    return std::nullopt;
  }
  absl::Duration wait;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    int64_t seconds = 0;
    for (const char c : value.substr(0, kMaxDigits)) {
      seconds = seconds * 10 + (c - '0');
    }
    wait = value.size() > kMaxDigits ? kMaxRetryAfter : absl::Seconds(seconds);
  } else {
    absl::Time date;
    std::string error;
    if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(value), &date,
                         &error)) {
      return std::nullopt;
    }
    wait = date - now;
  }
  return std::clamp(wait, absl::ZeroDuration(), kMaxRetryAfter);
}

}  // namespace constellation::attestation
