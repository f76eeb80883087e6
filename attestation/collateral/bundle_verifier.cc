// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/bundle_verifier.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "attestation/collateral/cloud_revocation.h"
#include "attestation/collateral/vendor_checks.h"
#include "attestation/collateral/vendor_items.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kIssuerPrefix = "aia/";
constexpr size_t kAmdChainLength = 2;

absl::Status UnknownKey(std::string_view key) {
  return InvalidArgument(fmt::format("{}: no collateral has this key", key));
}

// Takes what stands before `end` from the front of `text`, and `end`.
std::string_view TakeUntil(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

// Exact names only: keys are made by vendor_items.cc, so a stepping behind the
// name is none of ours.
std::optional<SnpProduct> ProductOf(std::string_view name) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    if (ToString(product) == name) {
      return product;
    }
  }
  return std::nullopt;
}

// "blSPL=3&teeSPL=0..." in any order; whoever calls compares the whole key with
// what these levels give.
std::optional<SnpTcb> TcbOf(std::string_view query) {
  SnpTcb tcb;
  while (!query.empty()) {
    std::string_view pair = TakeUntil(query, '&');
    const std::string_view name = TakeUntil(pair, '=');
    uint8_t level = 0;
    const auto [end, error] =
        std::from_chars(pair.data(), pair.data() + pair.size(), level);
    if (error != std::errc() || end != pair.data() + pair.size()) {
      return std::nullopt;
    }
    if (name == "fmcSPL") {
      tcb.fmc = level;
    } else if (name == "blSPL") {
      tcb.boot_loader = level;
    } else if (name == "teeSPL") {
      tcb.tee = level;
    } else if (name == "snpSPL") {
      tcb.snp = level;
    } else if (name == "ucodeSPL") {
      tcb.microcode = level;
    } else {
      return std::nullopt;
    }
  }
  return tcb;
}

// ASK and ARK in the bundle, after their own check.
absl::StatusOr<SnpCollateral> ChainIn(const CollateralBundle& bundle,
                                      AmdKeyKind kind, SnpProduct product,
                                      const CollateralTrust& trust,
                                      absl::Time now) {
  const CollateralItem item = AmdCertChainItem({}, kind, product);
  const Collateral* entry = bundle.Find(item.key);
  if (entry == nullptr) {
    return NotFound(
        fmt::format("needs {}, which is not in the bundle", item.key));
  }
  RETURN_IF_ERROR(
      AmdCertChainCheck(product, trust.more_snp_roots)(*entry, now).status());
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                   crypto::Certificate::ListFromPem(AsText(entry->content),
                                                    kAmdChainLength));
  SnpCollateral out;
  out.intermediate.assign(chain.at(0).der().begin(), chain.at(0).der().end());
  out.root.assign(chain.at(1).der().begin(), chain.at(1).der().end());
  return out;
}

// Takes a key apart and makes it again: only if both are equal the entry can be
// what its key says. So an entry never passes under the name of another chip or
// level.
absl::StatusOr<CollateralCheck> AmdCheck(std::string_view key,
                                         const CollateralBundle& bundle,
                                         const CollateralTrust& trust,
                                         absl::Time now) {
  std::string_view rest = key;
  (void)TakeUntil(rest, '/');  // "amd"
  const std::string_view kind_name = TakeUntil(rest, '/');
  (void)TakeUntil(rest, '/');  // "v1"
  const std::optional<SnpProduct> product = ProductOf(TakeUntil(rest, '/'));
  if (!product.has_value() || (kind_name != "vcek" && kind_name != "vlek")) {
    return UnknownKey(key);
  }
  const AmdKeyKind kind =
      kind_name == "vcek" ? AmdKeyKind::kVcek : AmdKeyKind::kVlek;
  if (key == AmdCertChainItem({}, kind, *product).key) {
    return AmdCertChainCheck(*product, trust.more_snp_roots);
  }
  if (key == AmdCrlItem({}, kind, *product).key) {
    ASSIGN_OR_RETURN(SnpCollateral chain,
                     ChainIn(bundle, kind, *product, trust, now));
    return AmdCrlCheck(std::move(chain.root));
  }
  absl::StatusOr<Bytes> hardware_id = HexDecode(TakeUntil(rest, '?'));
  const std::optional<SnpTcb> tcb = TcbOf(rest);
  if (kind != AmdKeyKind::kVcek || !hardware_id.ok() || !tcb.has_value()) {
    return UnknownKey(key);
  }
  const absl::StatusOr<CollateralItem> item =
      VcekItem({}, *product, *hardware_id, *tcb);
  if (!item.ok() || item->key != key) {
    return UnknownKey(key);
  }
  ASSIGN_OR_RETURN(SnpCollateral chain,
                   ChainIn(bundle, kind, *product, trust, now));
  return VcekCheck(*product, *std::move(hardware_id), *tcb, std::move(chain),
                   trust.more_snp_roots);
}

// Few keys exist, so all of them are made and compared.
absl::StatusOr<CollateralCheck> IntelCheckFor(std::string_view key,
                                              const CollateralTrust& trust) {
  if (key == IntelRootCrlItem({}).key) {
    return IntelRootCrlCheck(trust.intel);
  }
  for (const PckCa ca : {PckCa::kPlatform, PckCa::kProcessor}) {
    if (key == PckCrlItem({}, ca).key) {
      return PckCrlCheck(trust.intel, ca);
    }
  }
  const size_t equals = key.rfind('=');
  const absl::StatusOr<Bytes> fmspc =
      HexDecode(equals == std::string_view::npos ? "" : key.substr(equals + 1));
  for (const IntelTee tee : {IntelTee::kSgx, IntelTee::kTdx}) {
    if (key == QeIdentityItem({}, tee).key) {
      return QeIdentityCheck(trust.intel, tee);
    }
    if (key == EvaluationNumbersItem({}, tee).key) {
      return EvaluationNumbersCheck(trust.intel, tee);
    }
    if (!fmspc.ok()) {
      continue;
    }
    const absl::StatusOr<CollateralItem> item = TcbInfoItem({}, tee, *fmspc);
    if (item.ok() && item->key == key) {
      return TcbInfoCheck(trust.intel, tee, *fmspc);
    }
  }
  return UnknownKey(key);
}

}  // namespace

// An unknown key is an error, not a warning: nobody would ever read that entry.
absl::StatusOr<CollateralCheck> CheckForKey(std::string_view key,
                                            const CollateralBundle& bundle,
                                            const CollateralTrust& trust,
                                            absl::Time now) {
  if (key.starts_with("amd/")) {
    return AmdCheck(key, bundle, trust, now);
  }
  if (key.starts_with("intel/")) {
    return IntelCheckFor(key, trust);
  }
  if (key.starts_with(kGoogleChainPrefix)) {
    return GoogleChainCheck(trust.google_roots, std::nullopt);
  }
  for (const CloudAuthority authority :
       {CloudAuthority::kGoogle, CloudAuthority::kAmazon}) {
    const std::string_view prefix = CloudCrlPrefix(authority);
    if (key.starts_with(prefix) &&
        CloudCrlItem(authority, key.substr(prefix.size())).ok()) {
      return CloudCrlCheck(authority == CloudAuthority::kGoogle
                               ? trust.google_roots
                               : trust.amazon_roots,
                           std::nullopt);
    }
  }
  return UnknownKey(key);
}

// Entries "aia/..." are links of chains that are checked as a whole under their
// own key.
std::vector<BundleEntryResult> VerifyBundle(const CollateralBundle& bundle,
                                            const CollateralTrust& trust,
                                            absl::Time now) {
  std::vector<BundleEntryResult> results;
  for (const std::string& key : bundle.Keys()) {
    if (key.starts_with(kIssuerPrefix)) {
      continue;
    }
    BundleEntryResult result;
    result.key = key;
    const absl::StatusOr<CollateralCheck> check =
        CheckForKey(key, bundle, trust, now);
    if (check.ok()) {
      const absl::StatusOr<CollateralFacts> facts =
          (*check)(*bundle.Find(key), now);
      result.status =
          facts.ok() ? CheckFresh(*facts, now, key) : facts.status();
      if (facts.ok()) {
        result.not_after = facts->not_after;
      }
    } else {
      result.status = check.status();
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace constellation::attestation
