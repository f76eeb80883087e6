// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"

// What vendors publish about their chips, and verifiers need: certificates,
// revocation lists, TCB information. This folder gets it; it trusts nothing.
namespace constellation::attestation {

// "2026-01-31T12:00:00Z": how times stand in messages and bundles.
std::string ShowTime(absl::Time time);

// What the octets must look like before anybody parses them.
enum class CollateralFormat {
  kDer,   // one DER SEQUENCE
  kPem,   // text with "-----BEGIN"
  kJson,  // one JSON object
  kCrl,   // a revocation list: DER, or as PEM or hex text, which become DER
};

// One thing to get. Made by the functions in vendor_items.h.
struct CollateralItem {
  // Name of the thing, the same for every mirror: what cache and bundle know it
  // by. Printable ASCII, at most kMaxKeySize octets.
  std::string key;
  std::string what;  // for messages, e.g. "VCEK of Milan chip 3ac3..."
  std::string url;   // where it is published, at the endpoint chosen
  CollateralFormat format = CollateralFormat::kDer;
  // Response header with the URL-encoded PEM chain of the signer (lower case),
  // or empty if there is none.
  std::string issuer_chain_header = {};
  size_t max_size = size_t{1} << 20U;  // octets
  bool paced = false;  // the host throttles these: leave time between two
  // Chain (PEM) that is kept with what comes without one, so that it can be
  // checked again from cache and bundle.
  std::string issuer_chain = {};
  // The URL stands in a certificate: it may be http (RFC 5280 demands it of
  // public lists), whatever the transport allows else.
  bool plain_http = false;
  bool redirects = true;  // whether another place may be named in answer
};

inline constexpr size_t kMaxKeySize = 512;
inline constexpr size_t kMaxIssuerChainSize = size_t{64} << 10U;

// Where content came from.
enum class CollateralSource { kEvidence, kBundle, kCache, kNetwork };

// "evidence", "bundle", "cache", "network".
std::string_view ToString(CollateralSource source);

// The thing itself. Unverified unless CollateralFetcher returned it: then the
// caller's CollateralCheck has accepted it.
struct Collateral {
  Bytes content = {};
  std::string issuer_chain = {};  // PEM, or empty
  CollateralSource source = CollateralSource::kNetwork;
  absl::Time fetched_at = {};  // when it left the vendor, as far as known

  bool operator==(const Collateral&) const = default;
};

// What a check learned about age. The fetcher compares it with the clock, and
// with what it saw before under the same key.
struct CollateralFacts {
  absl::Time not_before = absl::InfinitePast();
  absl::Time not_after = absl::InfiniteFuture();  // nextUpdate, notAfter
  absl::Time issued = absl::InfinitePast();       // issueDate, thisUpdate
  // CRL number or TCB evaluation data number, big-endian; empty if none.
  Bytes number = {};
};

// Verifies content against pinned roots at `now` and says how old it is. Passed
// in by those who can: the vendor's verifier. Anything but OK means that the
// content is neither stored nor used. Must be thread-safe and quick.
using CollateralCheck = std::function<absl::StatusOr<CollateralFacts>(
    const Collateral& collateral, absl::Time now)>;

// Brings `content` into the form that verifiers read: checks that it looks like
// `format`, makes DER of a kCrl. INVALID_ARGUMENT, naming `what` and what
// stands there instead (a web page, PEM, ...), otherwise. Looks at the outside
// only.
absl::StatusOr<Bytes> NormaliseContent(CollateralFormat format,
                                       std::string_view content,
                                       std::string_view what);

// Decodes "%41" and "+" of a header with a PEM chain. INVALID_ARGUMENT for a
// broken escape, octets outside of printable ASCII and line ends, more than
// kMaxIssuerChainSize, or text that does not begin as PEM does.
absl::StatusOr<std::string> DecodeIssuerChain(std::string_view header);

// OK unless `now` is outside of [not_before, not_after]. FAILED_PRECONDITION
// naming `what`, the time wanted and the time it is.
absl::Status CheckFresh(const CollateralFacts& facts, absl::Time now,
                        std::string_view what);

// OK unless `offered` is older than `seen`, what was accepted before under the
// same key: a lower number, or the same number and an earlier issue.
// FAILED_PRECONDITION naming both otherwise. Without number on either side
// only the issue counts.
absl::Status CheckNoRollback(const CollateralFacts& offered,
                             const CollateralFacts& seen,
                             std::string_view what);

// Facts of Intel TCB info or an enclave identity: issueDate, nextUpdate and
// tcbEvaluationDataNumber of the one inner object. INVALID_ARGUMENT if one is
// missing. Checks no signature: call it from a CollateralCheck that did.
absl::StatusOr<CollateralFacts> TcbDocumentFactsUnverified(
    std::string_view json);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_H_
