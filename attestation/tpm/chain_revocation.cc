// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/chain_revocation.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/tpm/crl_location.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Whether the list carries the issuer's name. Names are compared as octets.
bool IsNamed(const crypto::RevocationList& list,
             const crypto::Certificate& issuer) {
  return std::ranges::equal(list.issuer_name(), issuer.subject_name());
}

// One link: `subject` in the lists of `issuer`. Several of a cloud's
// authorities may have one name, so lists under it that another key signed are
// left out; if none is left the owner gave lists that cannot be believed.
absl::Status CheckLink(const crypto::Certificate& subject,
                       const crypto::Certificate& issuer,
                       std::span<const crypto::RevocationList> lists,
                       absl::Time now, size_t& used) {
  const auto named = [&issuer](const crypto::RevocationList& list) {
    return IsNamed(list, issuer);
  };
  if (std::ranges::none_of(lists, named)) {
    return absl::OkStatus();
  }
  const uint16_t usage = issuer.key_usage().value_or(crypto::kKeyUsageCrlSign);
  if ((usage & crypto::kKeyUsageCrlSign) == 0) {
    return Unauthenticated(
        fmt::format("revocation list of {}: its key usage does not allow lists",
                    issuer.Subject()));
  }
  ASSIGN_OR_RETURN(const crypto::PublicKey key, issuer.Key());
  absl::Status signature;
  absl::Status dates;
  size_t signed_by_it = 0;
  size_t valid = 0;
  for (const crypto::RevocationList& list : lists) {
    if (!IsNamed(list, issuer)) {
      continue;
    }
    if (const absl::Status bad = list.VerifySignedBy(key); !bad.ok()) {
      signature.Update(bad);
      continue;
    }
    ++signed_by_it;
    if (list.IsRevoked(subject.serial())) {
      return Unauthenticated(fmt::format(
          "\"{}\" with serial number {} is revoked by {}", subject.Subject(),
          HexEncode(subject.serial()), issuer.Subject()));
    }
    const absl::Status at_now = list.CheckValidAt(now);
    dates.Update(at_now);
    valid += at_now.ok() ? 1 : 0;
  }
  if (signed_by_it == 0) {
    return signature;
  }
  used += valid;
  return valid > 0 ? absl::OkStatus() : dates;
}

}  // namespace

// From the leaf upwards; the first problem is told.
ChainRevocation CheckChainRevocation(
    std::span<const crypto::Certificate* const> chain,
    std::span<const crypto::RevocationList> lists, absl::Time now) {
  ChainRevocation result;
  for (size_t i = 0; i < chain.size(); ++i) {
    const crypto::Certificate& subject = *chain[i];
    const bool last = i + 1 == chain.size();
    if (last &&
        !std::ranges::equal(subject.issuer_name(), subject.subject_name())) {
      break;  // a pinned intermediate: its issuer is not known here
    }
    const crypto::Certificate& issuer = last ? subject : *chain[i + 1];
    const size_t before = result.lists_used;
    result.status.Update(
        CheckLink(subject, issuer, lists, now, result.lists_used));
    if (result.unlisted.empty() && result.lists_used == before &&
        NamesRevocationList(subject)) {
      result.unlisted = fmt::format("\"{}\"", subject.Subject());
    }
  }
  return result;
}

// Says what was not checked, whether that fails the row or not: a row that only
// passed would look like a check.
RevocationRow JudgeChainRevocation(
    std::span<const crypto::Certificate* const> chain,
    std::span<const crypto::RevocationList> lists, absl::Time now,
    bool required) {
  const ChainRevocation found = CheckChainRevocation(chain, lists, now);
  if (!found.status.ok()) {
    return {.passed = false, .got = std::string(Message(found.status))};
  }
  RevocationRow row{.passed = true, .got = {}};
  if (found.lists_used == 0) {
    row.passed = !required;
    row.checked = false;
    row.got = lists.empty()
                  ? "not checked: no list is given"
                  : fmt::format("not checked: none of {} lists is of an issuer",
                                lists.size());
    return row;
  }
  row.got = fmt::format("not in {} lists", found.lists_used);
  if (!found.unlisted.empty()) {
    row.passed = !required;
    row.checked = false;
    row.got +=
        fmt::format("; not checked for want of a list: {}", found.unlisted);
  }
  return row;
}

}  // namespace constellation::attestation
