// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/vendor_items.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr size_t kLongHardwareId = 64;
constexpr size_t kTurinHardwareId = 8;
constexpr size_t kFmspcSize = 6;
constexpr size_t kMaxCertificateSize = size_t{16} << 10U;
constexpr size_t kMaxChainSize = size_t{64} << 10U;
constexpr size_t kMaxDocumentSize = size_t{1} << 20U;
constexpr size_t kMaxCrlSize = size_t{4} << 20U;
constexpr size_t kMaxCloudCrlSize = size_t{1} << 20U;
constexpr size_t kMaxUrlSize = 400;
constexpr size_t kShownIdSize = 8;  // octets of a chip ID in messages
constexpr char kTcbInfoChain[] = "tcb-info-issuer-chain";
constexpr char kEvaluationNumbersChain[] =
    "tcb-evaluation-data-numbers-issuer-chain";
constexpr char kIdentityChain[] = "sgx-enclave-identity-issuer-chain";
constexpr char kPckCrlChain[] = "sgx-pck-crl-issuer-chain";

std::string_view Name(AmdKeyKind kind) {
  return kind == AmdKeyKind::kVcek ? "vcek" : "vlek";
}

std::string_view Name(IntelTee tee) {
  return tee == IntelTee::kSgx ? "sgx" : "tdx";
}

// A masked chip ID is all zero.
bool AllZero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

// The part of a chip ID that KDS wants in the path.
absl::StatusOr<std::span<const uint8_t>> PathId(
    SnpProduct product, std::span<const uint8_t> hardware_id) {
  std::span<const uint8_t> id = hardware_id;
  if (product == SnpProduct::kTurin && id.size() == kLongHardwareId &&
      AllZero(id.subspan(kTurinHardwareId))) {
    id = id.first(kTurinHardwareId);
  }
  const size_t wanted =
      product == SnpProduct::kTurin ? kTurinHardwareId : kLongHardwareId;
  if (id.size() != wanted) {
    return InvalidArgument(fmt::format("chip ID of {}: want {} bytes, got {}",
                                       ToString(product), wanted, id.size()));
  }
  if (AllZero(id)) {
    return InvalidArgument(
        "chip ID: all zero; the host masks it, so the VCEK must come with the "
        "evidence");
  }
  return id;
}

}  // namespace

// AMD 57230: the certificate is made for chip and levels, which therefore stand
// in the URL, as in the key.
absl::StatusOr<CollateralItem> VcekItem(const CollateralEndpoints& endpoints,
                                        SnpProduct product,
                                        std::span<const uint8_t> hardware_id,
                                        const SnpTcb& tcb) {
  ASSIGN_OR_RETURN(const std::span<const uint8_t> id,
                   PathId(product, hardware_id));
  if (tcb.fmc.has_value() != (product == SnpProduct::kTurin)) {
    return InvalidArgument(fmt::format(
        "TCB of {}: {}", ToString(product),
        tcb.fmc.has_value() ? "has no FMC level" : "want an FMC level"));
  }
  const std::string path = fmt::format(
      "vcek/v1/{}/{}?{}blSPL={}&teeSPL={}&snpSPL={}&ucodeSPL={}",
      ToString(product), HexEncode(id),
      tcb.fmc.has_value() ? fmt::format("fmcSPL={}&", *tcb.fmc) : "",
      tcb.boot_loader, tcb.tee, tcb.snp, tcb.microcode);
  return CollateralItem{
      .key = "amd/" + path,
      .what = fmt::format("VCEK of {} chip {}", ToString(product),
                          HexEncode(id.first(kShownIdSize))),
      .url = endpoints.amd_kds + "/" + path,
      .format = CollateralFormat::kDer,
      .max_size = kMaxCertificateSize,
      .paced = true};
}

// ASK (or ASVK) and ARK, in this order, as PEM.
CollateralItem AmdCertChainItem(const CollateralEndpoints& endpoints,
                                AmdKeyKind kind, SnpProduct product) {
  const std::string path =
      fmt::format("{}/v1/{}/cert_chain", Name(kind), ToString(product));
  return {.key = "amd/" + path,
          .what = fmt::format("AMD {} certificate chain of {}", Name(kind),
                              ToString(product)),
          .url = endpoints.amd_kds + "/" + path,
          .format = CollateralFormat::kPem,
          .max_size = kMaxChainSize};
}

CollateralItem AmdCrlItem(const CollateralEndpoints& endpoints, AmdKeyKind kind,
                          SnpProduct product) {
  const std::string path =
      fmt::format("{}/v1/{}/crl", Name(kind), ToString(product));
  return {.key = "amd/" + path,
          .what = fmt::format("AMD revocation list of {}", ToString(product)),
          .url = endpoints.amd_kds + "/" + path,
          .format = CollateralFormat::kCrl,
          .max_size = kMaxCrlSize};
}

// Intel PCS API v4. The issuer chain comes in a header of the answer.
absl::StatusOr<CollateralItem> TcbInfoItem(const CollateralEndpoints& endpoints,
                                           IntelTee tee,
                                           std::span<const uint8_t> fmspc) {
  if (fmspc.size() != kFmspcSize) {
    return InvalidArgument(
        fmt::format("FMSPC: want {} bytes, got {}", kFmspcSize, fmspc.size()));
  }
  const std::string path = fmt::format("{}/certification/v4/tcb?fmspc={}",
                                       Name(tee), HexEncode(fmspc));
  return CollateralItem{.key = "intel/" + path,
                        .what = fmt::format("Intel {} TCB info of FMSPC {}",
                                            Name(tee), HexEncode(fmspc)),
                        .url = endpoints.intel_pcs + "/" + path,
                        .format = CollateralFormat::kJson,
                        .issuer_chain_header = kTcbInfoChain,
                        .max_size = kMaxDocumentSize};
}

CollateralItem QeIdentityItem(const CollateralEndpoints& endpoints,
                              IntelTee tee) {
  const std::string path =
      fmt::format("{}/certification/v4/qe/identity", Name(tee));
  return {.key = "intel/" + path,
          .what = fmt::format("Intel {} QE identity", Name(tee)),
          .url = endpoints.intel_pcs + "/" + path,
          .format = CollateralFormat::kJson,
          .issuer_chain_header = kIdentityChain,
          .max_size = kMaxDocumentSize};
}

CollateralItem EvaluationNumbersItem(const CollateralEndpoints& endpoints,
                                     IntelTee tee) {
  const std::string path =
      fmt::format("{}/certification/v4/tcbevaluationdatanumbers", Name(tee));
  return {
      .key = "intel/" + path,
      .what = fmt::format("Intel {} TCB evaluation data numbers", Name(tee)),
      .url = endpoints.intel_pcs + "/" + path,
      .format = CollateralFormat::kJson,
      .issuer_chain_header = kEvaluationNumbersChain,
      .max_size = kMaxDocumentSize};
}

// One list per issuing CA: platform (multi-socket) or processor.
CollateralItem PckCrlItem(const CollateralEndpoints& endpoints, PckCa ca) {
  const std::string_view name =
      ca == PckCa::kPlatform ? "platform" : "processor";
  const std::string path =
      fmt::format("sgx/certification/v4/pckcrl?ca={}&encoding=der", name);
  return {.key = "intel/" + path,
          .what = fmt::format("Intel revocation list of the PCK {} CA", name),
          .url = endpoints.intel_pcs + "/" + path,
          .format = CollateralFormat::kCrl,
          .issuer_chain_header = kPckCrlChain,
          .max_size = kMaxCrlSize};
}

// At a host of its own; it has no issuer chain, for the root is pinned.
CollateralItem IntelRootCrlItem(const CollateralEndpoints& endpoints) {
  return {.key = "intel/root-ca-crl",
          .what = "Intel revocation list of the SGX root CA",
          .url = endpoints.intel_root_crl,
          .format = CollateralFormat::kCrl,
          .max_size = kMaxCrlSize};
}

namespace {

// Whether `host` is one of `hosts`, or below one that begins with a dot.
bool IsAmong(std::string_view host, std::span<const std::string_view> hosts) {
  return std::ranges::any_of(hosts, [&](std::string_view wanted) {
    return wanted.starts_with('.')
               ? host.size() > wanted.size() && host.ends_with(wanted)
               : host == wanted;
  });
}

// The region stands in the name of the bucket and in that of the server.
bool IsAmazonCrlHost(std::string_view host) {
  constexpr std::string_view kBegin = kAmazonCrlHostBegin;
  constexpr std::string_view kMiddle = kAmazonCrlHostMiddle;
  constexpr std::string_view kEnd = kAmazonCrlHostEnd;
  if (host == kAmazonRootCrlHost) {
    return true;
  }
  if (host.size() <= kBegin.size() + kEnd.size() || !host.starts_with(kBegin) ||
      !host.ends_with(kEnd)) {
    return false;
  }
  host.remove_prefix(kBegin.size());
  host.remove_suffix(kEnd.size());
  const std::string_view region = host.substr(0, host.find(kMiddle));
  return !region.empty() && region.find('.') == std::string_view::npos &&
         host == fmt::format("{}{}{}", region, kMiddle, region);
}

// The URL stands in a certificate, which may be hostile. So the host must be a
// known one, without port, user or percent escape: otherwise evidence could
// make a verifier call services inside its own network.
template <typename IsKnown>
absl::Status CheckPublicUrl(std::string_view url, std::string_view what,
                            const IsKnown& is_known) {
  const bool printable = std::ranges::all_of(
      url, [](char c) { return c > ' ' && c <= '~' && c != '\\'; });
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(std::string_view("http://").size());
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(std::string_view("https://").size());
  } else {
    rest = {};
  }
  const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  const bool plain =
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") ==
      std::string_view::npos;
  if (!printable || url.size() > kMaxUrlSize || host.empty() || !plain ||
      !is_known(host)) {
    return PermissionDenied(
        fmt::format("{} URL: want http(s) at a known authority, got {} octets "
                    "at host \"{}\"",
                    what, url.size(), plain ? host.substr(0, 64) : "?"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CollateralItem> IssuerItem(
    std::string_view url, std::span<const std::string_view> hosts) {
  RETURN_IF_ERROR(CheckPublicUrl(url, "issuer", [hosts](std::string_view host) {
    return IsAmong(host, hosts);
  }));
  return CollateralItem{.key = fmt::format("aia/{}", url),
                        .what = fmt::format("issuer certificate {}", url),
                        .url = std::string(url),
                        .format = CollateralFormat::kDer,
                        .max_size = kMaxCertificateSize,
                        .plain_http = true};
}

std::string_view CloudCrlPrefix(CloudAuthority authority) {
  return authority == CloudAuthority::kGoogle ? "gcp/crl/" : "aws/crl/";
}

absl::StatusOr<CollateralItem> CloudCrlItem(CloudAuthority authority,
                                            std::string_view url) {
  const bool google = authority == CloudAuthority::kGoogle;
  RETURN_IF_ERROR(
      CheckPublicUrl(url, "revocation list", [google](std::string_view host) {
        return google ? IsAmong(host, GoogleIssuerHosts())
                      : IsAmazonCrlHost(host);
      }));
  return CollateralItem{
      .key = fmt::format("{}{}", CloudCrlPrefix(authority), url),
      .what = fmt::format("{} revocation list {}", google ? "Google" : "Amazon",
                          url),
      .url = std::string(url),
      .format = CollateralFormat::kCrl,
      .max_size = kMaxCloudCrlSize,
      .plain_http = true,
      .redirects = false};
}

// Kept as one item under the digest of the first URL; fetched link by link.
CollateralItem GoogleChainItem(std::string_view url) {
  return {.key = fmt::format("{}{}", kGoogleChainPrefix,
                             HexEncode(crypto::Sha256(AsBytes(url)))),
          .what = "chain of a Google attestation key",
          .url = {},
          .format = CollateralFormat::kPem,
          .max_size = 4 * kMaxCertificateSize};
}

std::vector<std::string_view> GoogleIssuerHosts() {
  return {kGoogleAiaPrivateCaSuffix, kGoogleAiaPkiHost};
}

}  // namespace constellation::attestation
