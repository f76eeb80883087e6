// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/cloud_revocation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "attestation/collateral/check_facts.h"
#include "attestation/tpm/certificate_link.h"
#include "attestation/tpm/crl_location.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/p256.h"

namespace constellation::attestation {
namespace {

// Amazon's chains have a root and three authorities below it.
constexpr size_t kMaxAuthorities = 5;

// From the nearest authority up: each may issue the one before, signed it, and
// the last is a pinned root.
absl::Status CheckAuthorities(std::span<const crypto::Certificate> authorities,
                              std::span<const crypto::Sha256Digest> roots) {
  if (authorities.empty() || authorities.size() > kMaxAuthorities) {
    return InvalidArgument(fmt::format("want 1 to {} authorities, got {}",
                                       kMaxAuthorities, authorities.size()));
  }
  const crypto::Certificate& root = authorities.back();
  if (std::ranges::find(roots, root.SpkiFingerprint()) == roots.end()) {
    return Unauthenticated(
        fmt::format("want a chain to a pinned root, got {}", root.Subject()));
  }
  for (size_t i = 0; i < authorities.size(); ++i) {
    // The root issued itself. Below an issuer stand as many as come before it.
    const size_t above = std::min(i + 1, authorities.size() - 1);
    const crypto::Certificate& issuer = authorities[above];
    RETURN_IF_ERROR(CheckMayIssue(issuer, authorities[i], above));
    RETURN_IF_ERROR(authorities[i].VerifySignedBy(issuer));
    RETURN_IF_ERROR(CheckCriticalExtensions(authorities[i]));
  }
  return absl::OkStatus();
}

// The whole of `chain`, leaf first, and the dates of its authorities: whoever
// can make us ask for a list has a certificate of the cloud's.
absl::Status CheckWhole(std::span<const crypto::Certificate> chain,
                        std::span<const crypto::Sha256Digest> roots,
                        absl::Time now) {
  if (chain.size() < 2) {
    return InvalidArgument("want a leaf and its authorities");
  }
  const auto authorities = chain.subspan(1);
  RETURN_IF_ERROR(CheckAuthorities(authorities, roots));
  RETURN_IF_ERROR(CheckMayIssue(authorities.front(), chain.front(), 0));
  RETURN_IF_ERROR(chain.front().VerifySignedBy(authorities.front()));
  for (const crypto::Certificate& authority : authorities) {
    RETURN_IF_ERROR(authority.CheckValidAt(now));
  }
  return absl::OkStatus();
}

std::string PemOf(std::span<const crypto::Certificate> chain) {
  std::string pem;
  for (const crypto::Certificate& certificate : chain) {
    pem += crypto::PemEncode("CERTIFICATE", certificate.der());
  }
  return pem;
}

// What the lists of one chain are got with.
struct CrlJob {
  CollateralFetcher& fetcher;
  CloudAuthority authority;
  std::span<const crypto::Sha256Digest> roots;
  CrlSources sources;
};

// The list that `subject` names, from the first of its places that has one.
absl::StatusOr<Collateral> FetchNamed(
    const CrlJob& job, const std::vector<std::string>& urls,
    std::span<const crypto::Certificate> authorities) {
  const CollateralCheck check =
      CloudCrlCheck({job.roots.begin(), job.roots.end()}, authorities.front());
  absl::Status last;
  for (const std::string& url : urls) {
    absl::StatusOr<CollateralItem> item = CloudCrlItem(job.authority, url);
    if (!item.ok()) {
      last = item.status();
      continue;
    }
    item->issuer_chain = PemOf(authorities);
    absl::StatusOr<Collateral> got = job.sources == CrlSources::kKept
                                         ? job.fetcher.GetKept(*item, check)
                                         : job.fetcher.Get(*item, check);
    if (got.ok()) {
      return got;
    }
    last = got.status();
  }
  return last;
}

}  // namespace

CollateralCheck CloudCrlCheck(std::vector<crypto::Sha256Digest> roots,
                              std::optional<crypto::Certificate> issuer) {
  return [roots = std::move(roots), issuer = std::move(issuer)](
             const Collateral& collateral,
             absl::Time /*now*/) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> authorities,
                     crypto::Certificate::ListFromPem(collateral.issuer_chain,
                                                      kMaxAuthorities));
    RETURN_IF_ERROR(CheckAuthorities(authorities, roots));
    const crypto::Certificate& signer = authorities.front();
    if (issuer.has_value() &&
        signer.SpkiFingerprint() != issuer->SpkiFingerprint()) {
      return Unauthenticated(
          fmt::format("want a list of {} with key {}, got one of key {}",
                      issuer->Subject(), HexEncode(issuer->SpkiFingerprint()),
                      HexEncode(signer.SpkiFingerprint())));
    }
    ASSIGN_OR_RETURN(const crypto::RevocationList list,
                     crypto::RevocationList::FromDer(collateral.content));
    if (!std::ranges::equal(list.issuer_name(), signer.subject_name())) {
      return Unauthenticated(fmt::format("want a list of {}, got one of {}",
                                         signer.Subject(), list.Issuer()));
    }
    const uint16_t usage =
        signer.key_usage().value_or(crypto::kKeyUsageCrlSign);
    if ((usage & crypto::kKeyUsageCrlSign) == 0) {
      return Unauthenticated(fmt::format(
          "{}: its key usage does not allow lists", signer.Subject()));
    }
    ASSIGN_OR_RETURN(const crypto::PublicKey key, signer.Key());
    RETURN_IF_ERROR(list.VerifySignedBy(key));
    CollateralFacts facts = FactsOf(list);
    for (const crypto::Certificate& authority : authorities) {
      RETURN_IF_ERROR(Narrow(facts, authority));
    }
    return facts;
  };
}

// One list a place: two certificates of one issuer name the same.
ChainCrls FetchChainCrls(CollateralFetcher& fetcher, CloudAuthority authority,
                         std::span<const crypto::Certificate> chain,
                         std::span<const crypto::Sha256Digest> roots,
                         CrlSources sources) {
  ChainCrls out;
  out.missing = CheckWhole(chain, roots, fetcher.Now());
  if (!out.missing.ok()) {
    return out;
  }
  const CrlJob job{.fetcher = fetcher,
                   .authority = authority,
                   .roots = roots,
                   .sources = sources};
  std::set<std::vector<std::string>> done;
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    const absl::StatusOr<std::vector<std::string>> urls =
        CrlUrlsOfUnverified(chain[i]);
    if (!urls.ok()) {
      out.missing.Update(urls.status());
      continue;
    }
    if (urls->empty() || !done.insert(*urls).second) {
      continue;
    }
    const absl::StatusOr<Collateral> got =
        FetchNamed(job, *urls, chain.subspan(i + 1));
    absl::StatusOr<crypto::RevocationList> list =
        got.ok() ? crypto::RevocationList::FromDer(got->content)
                 : absl::StatusOr<crypto::RevocationList>(got.status());
    out.missing.Update(list.status());
    if (list.ok()) {
      out.lists.push_back(*std::move(list));
    }
  }
  return out;
}

}  // namespace constellation::attestation
