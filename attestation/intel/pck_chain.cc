// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/pck_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/intel/quote.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxCertificates = 4;
constexpr size_t kMaxCertificatesSize = 32768;
constexpr size_t kMaxCrlSize = size_t{1} << 20U;
constexpr uint8_t kKeyUsageOid[] = {0x55, 0x1d, 0x0f};
constexpr uint8_t kBasicConstraintsOid[] = {0x55, 0x1d, 0x13};
constexpr std::string_view kLeafName = "Intel SGX PCK Certificate";
constexpr std::string_view kPlatformCaName = "Intel SGX PCK Platform CA";
constexpr std::string_view kProcessorCaName = "Intel SGX PCK Processor CA";

// Intel's own sample quote has its chain as DER certificates in a row.
absl::StatusOr<std::vector<crypto::Certificate>> SplitDer(
    std::span<const uint8_t> bytes) {
  std::vector<crypto::Certificate> certificates;
  crypto::DerReader reader(bytes);
  while (!reader.empty()) {
    if (certificates.size() == kMaxCertificates) {
      return InvalidArgument(fmt::format(
          "certificates: want at most {}, got more", kMaxCertificates));
    }
    ASSIGN_OR_RETURN(const crypto::DerElement element, reader.Next());
    ASSIGN_OR_RETURN(crypto::Certificate certificate,
                     crypto::Certificate::FromDer(element.whole));
    certificates.push_back(std::move(certificate));
  }
  if (certificates.empty()) {
    return InvalidArgument("certificates: want at least one, got none");
  }
  return certificates;
}

// Intel's library ends the PEM text with a NUL, which then counts as part of
// the certification data.
std::span<const uint8_t> WithoutTrailingNuls(std::span<const uint8_t> bytes) {
  while (!bytes.empty() && bytes.back() == 0) {
    bytes = bytes.first(bytes.size() - 1);
  }
  return bytes;
}

// OK if PEM text holds certificates and white space, nothing else: a block that
// is damaged would otherwise pass for a comment.
absl::Status CheckPlainPem(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  constexpr std::string_view kSpace = " \t\r\n";
  size_t at = text.find_first_not_of(kSpace);
  while (at != std::string_view::npos) {
    if (text.substr(at, kBegin.size()) != kBegin) {
      return InvalidArgument(fmt::format(
          "certificates at offset {}: want \"{}\", got something else", at,
          kBegin));
    }
    const size_t end = text.find(kEnd, at);
    if (end == std::string_view::npos) {
      return InvalidArgument(
          fmt::format("certificates: want \"{}\", got the end", kEnd));
    }
    at = text.find_first_not_of(kSpace, end + kEnd.size());
  }
  return absl::OkStatus();
}

// By name only; the signature is checked against the anchors.
bool IsSelfIssued(const crypto::Certificate& certificate) {
  return std::ranges::equal(certificate.subject_name(),
                            certificate.issuer_name());
}

// Fills a role once.
absl::Status Put(std::optional<crypto::Certificate>& place,
                 const crypto::Certificate& certificate,
                 std::string_view role) {
  if (place.has_value()) {
    // Chains that were put together may have one twice.
    return place->der() == certificate.der()
               ? absl::OkStatus()
               : InvalidArgument(fmt::format(
                     "PCK chain: want one {} certificate, got two", role));
  }
  place = certificate;
  return absl::OkStatus();
}

// A leaf is no CA, a root issued itself, the rest is the CA between them.
absl::StatusOr<PckChainUnverified> Sort(
    const std::vector<crypto::Certificate>& certificates) {
  std::optional<crypto::Certificate> leaf;
  std::optional<crypto::Certificate> ca;
  std::optional<crypto::Certificate> root;
  for (const crypto::Certificate& certificate : certificates) {
    if (!certificate.is_ca()) {
      RETURN_IF_ERROR(Put(leaf, certificate, "leaf"));
    } else if (IsSelfIssued(certificate)) {
      RETURN_IF_ERROR(Put(root, certificate, "root"));
    } else {
      RETURN_IF_ERROR(Put(ca, certificate, "CA"));
    }
  }
  if (!leaf.has_value() || !ca.has_value()) {
    return InvalidArgument(fmt::format("PCK chain: it has no {} certificate",
                                       leaf.has_value() ? "CA" : "leaf"));
  }
  return PckChainUnverified{
      .leaf = *std::move(leaf), .ca = *std::move(ca), .root = std::move(root)};
}

// Another certificate of the same hierarchy (TCB signing, say) must not pass
// for a PCK or its CA.
absl::Status CheckName(const crypto::Certificate& certificate,
                       std::string_view name, std::string_view other_name) {
  const std::optional<std::string> got = certificate.SubjectCommonName();
  if (got.has_value() && (*got == name || *got == other_name)) {
    return absl::OkStatus();
  }
  return Unauthenticated(fmt::format("{}: want the common name \"{}\"",
                                     certificate.Subject(), name));
}

}  // namespace

// DER in a row or PEM; a mixture is refused.
absl::StatusOr<std::vector<crypto::Certificate>> ParseCertificatesUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxCertificatesSize) {
    return InvalidArgument(
        fmt::format("certificates: want at most {} bytes, got {}",
                    kMaxCertificatesSize, bytes.size()));
  }
  if (!bytes.empty() && bytes[0] == crypto::kDerSequence) {
    return SplitDer(bytes);
  }
  const std::string_view text = AsText(WithoutTrailingNuls(bytes));
  RETURN_IF_ERROR(CheckPlainPem(text));
  return crypto::Certificate::ListFromPem(text, kMaxCertificates);
}

// DER, PEM or hex: the caching service of data centres hands out hex.
absl::StatusOr<crypto::RevocationList> ParseCrlUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() > 2 * kMaxCrlSize) {
    return InvalidArgument(fmt::format("CRL: want at most {} bytes, got {}",
                                       kMaxCrlSize, bytes.size()));
  }
  if (!bytes.empty() && bytes[0] == crypto::kDerSequence) {
    return crypto::RevocationList::FromDer(bytes);
  }
  std::string_view text = AsText(WithoutTrailingNuls(bytes));
  if (text.starts_with("-----BEGIN")) {
    return crypto::RevocationList::FromPem(text);
  }
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  absl::StatusOr<Bytes> der = HexDecode(text);
  if (!der.ok()) {
    return InvalidArgument("CRL: want DER, PEM or hex digits");
  }
  return crypto::RevocationList::FromDer(*der);
}

// Type 5 is the whole chain. Other types name the platform only, encrypted or
// plain, so the certificates must come with the collateral.
absl::StatusOr<PckChainUnverified> ParsePckChainUnverified(
    uint16_t certification_type, std::span<const uint8_t> certification_data,
    std::span<const uint8_t> further) {
  std::vector<crypto::Certificate> certificates;
  if (certification_type == kPckLeafCertificate ||
      certification_type == kPckCertificateChain) {
    ASSIGN_OR_RETURN(certificates,
                     ParseCertificatesUnverified(certification_data));
  }
  if (certification_type == kPckCertificateChain) {
    return Sort(certificates);
  }
  if (further.empty()) {
    return InvalidArgument(fmt::format(
        "PCK chain: certification data of type {} has none; give it with the "
        "collateral",
        certification_type));
  }
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> more,
                   ParseCertificatesUnverified(further));
  for (const crypto::Certificate& certificate : more) {
    // A leaf that came with the quote counts, not an older or newer issue.
    if (certificates.empty() || certificate.is_ca() ||
        certification_type != kPckLeafCertificate) {
      certificates.push_back(certificate);
    }
  }
  return Sort(certificates);
}

absl::Status VerifiedPckChain::CheckDatesAt(absl::Time now) const {
  RETURN_IF_ERROR(chain_.leaf.CheckValidAt(now));
  RETURN_IF_ERROR(chain_.ca.CheckValidAt(now));
  return (chain_.root.has_value() ? *chain_.root : root_.certificate)
      .CheckValidAt(now);
}

// The earliest end of the three.
absl::Time VerifiedPckChain::NotAfter() const {
  const auto end = [](const crypto::Certificate& certificate) {
    const absl::StatusOr<absl::Time> time = certificate.NotAfter();
    return time.ok() ? *time : absl::InfinitePast();
  };
  return std::min({end(chain_.leaf), end(chain_.ca), end(root_.certificate)});
}

// Makes VerifiedPckChain.
class PckChainVerifier final {
 public:
  static absl::StatusOr<std::shared_ptr<const VerifiedPckChain>> Run(
      const PckChainUnverified& chain, const IntelTrustAnchors& anchors) {
    RETURN_IF_ERROR(CheckRoles(chain));
    if (chain.root.has_value()) {
      RETURN_IF_ERROR(anchors.CheckIsRoot(*chain.root));
    }
    ASSIGN_OR_RETURN(const IntelRoot* root, anchors.IssuerOf(chain.ca));
    ASSIGN_OR_RETURN(crypto::PublicKey ca_key, chain.ca.Key());
    RETURN_IF_ERROR(Annotate(chain.leaf.VerifySignedBy(ca_key),
                             "PCK certificate: not signed by its CA"));
    ASSIGN_OR_RETURN(crypto::PublicKey leaf_key, chain.leaf.Key());
    ASSIGN_OR_RETURN(const PckExtension extension, PckExtensionOf(chain.leaf));
    return std::shared_ptr<const VerifiedPckChain>(new VerifiedPckChain(
        chain, *root, std::move(leaf_key), std::move(ca_key), extension));
  }

 private:
  // What signatures do not show: names, usage, issuer, critical extensions.
  static absl::Status CheckRoles(const PckChainUnverified& chain) {
    RETURN_IF_ERROR(CheckName(chain.leaf, kLeafName, kLeafName));
    RETURN_IF_ERROR(CheckName(chain.ca, kPlatformCaName, kProcessorCaName));
    RETURN_IF_ERROR(CheckPckCriticalExtensions(chain.leaf));
    RETURN_IF_ERROR(CheckPckCriticalExtensions(chain.ca));
    const std::optional<uint16_t> usage = chain.ca.key_usage();
    if (usage.has_value() && (*usage & crypto::kKeyUsageCertSign) == 0) {
      return Unauthenticated(
          fmt::format("{}: may not sign certificates", chain.ca.Subject()));
    }
    if (!std::ranges::equal(chain.leaf.issuer_name(),
                            chain.ca.subject_name())) {
      return Unauthenticated(
          fmt::format("PCK certificate: issued by {}, the CA is {}",
                      chain.leaf.Issuer(), chain.ca.Subject()));
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<std::shared_ptr<const VerifiedPckChain>> VerifyPckChain(
    const PckChainUnverified& chain, const IntelTrustAnchors& anchors) {
  return PckChainVerifier::Run(chain, anchors);
}

// RFC 5280 4.2: an unknown critical extension makes the certificate unusable.
absl::Status CheckPckCriticalExtensions(
    const crypto::Certificate& certificate) {
  for (const crypto::Certificate::Extension& extension :
       certificate.extensions()) {
    if (extension.critical &&
        !std::ranges::equal(extension.oid, kKeyUsageOid) &&
        !std::ranges::equal(extension.oid, kBasicConstraintsOid)) {
      return Unauthenticated(fmt::format(
          "{}: critical extension {} is not understood", certificate.Subject(),
          crypto::DerOidText(extension.oid)));
    }
  }
  return absl::OkStatus();
}

// Name and signature: the list of another CA says nothing about this one's
// certificates.
absl::Status VerifyCrl(const crypto::RevocationList& list,
                       std::span<const uint8_t> issuer_name,
                       const crypto::PublicKey& issuer_key) {
  if (!std::ranges::equal(list.issuer_name(), issuer_name)) {
    return Unauthenticated(
        fmt::format("the list is of another issuer, {}", list.Issuer()));
  }
  return Annotate(list.VerifySignedBy(issuer_key),
                  "the list is not signed by its issuer");
}

}  // namespace constellation::attestation
