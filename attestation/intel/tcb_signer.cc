// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_signer.h"

#include <fmt/format.h>

#include <optional>
#include <span>
#include <vector>

#include "absl/time/civil_time.h"
#include "attestation/intel/pck_chain.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kSignerName = "Intel SGX TCB Signing";

// Signed by an anchor directly: Intel has no CA between root and signer.
absl::StatusOr<TcbSigner> VerifySigner(const crypto::Certificate& certificate,
                                       const IntelTrustAnchors& anchors) {
  RETURN_IF_ERROR(CheckPckCriticalExtensions(certificate));
  const std::optional<uint16_t> usage = certificate.key_usage();
  if (usage.has_value() && (*usage & crypto::kKeyUsageDigitalSignature) == 0) {
    return Unauthenticated(
        fmt::format("{}: may not sign documents", certificate.Subject()));
  }
  ASSIGN_OR_RETURN(const IntelRoot* root, anchors.IssuerOf(certificate));
  return TcbSigner{.certificate = certificate, .root = root};
}

}  // namespace

// Bundles that were put together may have an old and a new signer: the one that
// is valid now counts. Everything else in the chain must be an anchor.
absl::StatusOr<TcbSigner> FindTcbSigner(std::string_view chain,
                                        const IntelTrustAnchors& anchors,
                                        absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> certificates,
                   ParseCertificatesUnverified(AsBytes(chain)));
  const crypto::Certificate* chosen = nullptr;
  for (const crypto::Certificate& certificate : certificates) {
    if (certificate.is_ca()) {
      RETURN_IF_ERROR(anchors.CheckIsRoot(certificate));
      continue;
    }
    if (certificate.SubjectCommonName() != kSignerName) {
      return Unauthenticated(fmt::format("{}: want the common name \"{}\"",
                                         certificate.Subject(), kSignerName));
    }
    if (chosen == nullptr || !chosen->CheckValidAt(now).ok()) {
      chosen = &certificate;
    }
  }
  if (chosen == nullptr) {
    return Unauthenticated(
        fmt::format("the chain has no \"{}\" certificate", kSignerName));
  }
  return VerifySigner(*chosen, anchors);
}

// Over the exact text, blanks included: a document that was parsed and written
// again does not verify.
absl::Status VerifySignedJson(const SignedJsonUnverified& document,
                              const crypto::Certificate& signer) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key, signer.Key());
  const std::span<const uint8_t> signature = document.signature;
  return key.VerifyEcdsa(crypto::HashAlgorithm::kSha256, AsBytes(document.body),
                         signature.first(32), signature.subspan(32));
}

// Grace only lengthens the end: what is not valid yet is a wrong clock or a
// forgery.
absl::Status CheckDateWindow(std::string_view what, absl::Time from,
                             absl::Time to, absl::Time now,
                             absl::Duration grace) {
  if (from <= now && now <= to + grace) {
    return absl::OkStatus();
  }
  return FailedPrecondition(fmt::format(
      "{}: valid from {} to {}, now {}", what, FormatCollateralTime(from),
      FormatCollateralTime(to), FormatCollateralTime(now)));
}

// The form of Intel's documents; absl::FormatTime() took a noticeable part of a
// verification.
std::string FormatCollateralTime(absl::Time time) {
  const absl::CivilSecond at = absl::ToCivilSecond(time, absl::UTCTimeZone());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.year(),
                     at.month(), at.day(), at.hour(), at.minute(), at.second());
}

}  // namespace constellation::attestation
