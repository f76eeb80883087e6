// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/certificate_link.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

// Contents octets of 2.5.29.x.
constexpr uint8_t kSubjectKeyId[] = {0x55, 0x1d, 14};
constexpr uint8_t kKeyUsage[] = {0x55, 0x1d, 15};
constexpr uint8_t kSubjectAltName[] = {0x55, 0x1d, 17};
constexpr uint8_t kBasicConstraints[] = {0x55, 0x1d, 19};
constexpr uint8_t kAuthorityKeyId[] = {0x55, 0x1d, 35};
constexpr uint8_t kExtendedKeyUsage[] = {0x55, 0x1d, 37};
constexpr uint8_t kKeyIdentifierTag = 0x80;  // [0] IMPLICIT OCTET STRING
constexpr uint16_t kEncryptionBits =
    1U << 2U | 1U << 3U | 1U << 4U;  // keyEncipherment to keyAgreement

}  // namespace

// RFC 5280 6.1.4, without the signature: cheap checks, so that a hostile pile
// of certificates costs few signatures.
absl::Status CheckMayIssue(const crypto::Certificate& issuer,
                           const crypto::Certificate& subject,
                           size_t cas_below) {
  // Subjects are shown, never parsed: names are compared as octets.
  const auto refuse = [&](std::string_view why) {
    return FailedPrecondition(fmt::format(
        "\"{}\" under \"{}\": {}", subject.Subject(), issuer.Subject(), why));
  };
  if (!std::ranges::equal(issuer.subject_name(), subject.issuer_name())) {
    return refuse("it names another issuer");
  }
  if (!issuer.is_ca()) {
    return refuse("the issuer is no CA");
  }
  if ((issuer.key_usage().value_or(0) & crypto::kKeyUsageCertSign) == 0) {
    return refuse("the issuer's key usage lacks keyCertSign");
  }
  if (issuer.path_length().has_value() && *issuer.path_length() < cas_below) {
    return refuse(fmt::format("the issuer's path length is {}, {} CAs follow",
                              *issuer.path_length(), cas_below));
  }
  return absl::OkStatus();
}

// An endorsement key's certificate is for encryption and sits in the same TPM:
// it must not pass for an attestation key's.
absl::Status CheckSigningLeaf(const crypto::Certificate& leaf) {
  const uint16_t usage = leaf.key_usage().value_or(0);
  std::string_view problem;
  if (leaf.is_ca()) {
    problem = "it is a CA's";
  } else if ((usage & crypto::kKeyUsageDigitalSignature) == 0) {
    problem = "its key usage lacks digitalSignature";
  } else if ((usage & crypto::kKeyUsageCertSign) != 0) {
    problem = "its key usage has keyCertSign";
  } else if ((usage & kEncryptionBits) != 0) {
    problem = "its key is for encryption too";
  } else {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      fmt::format("certificate \"{}\": {}", leaf.Subject(), problem));
}

// RFC 5280 4.2. Alternative names and extended usage are understood insofar as
// nothing follows from them here.
absl::Status CheckCriticalExtensions(const crypto::Certificate& certificate) {
  static constexpr std::span<const uint8_t> kUnderstood[] = {
      kKeyUsage, kSubjectAltName, kBasicConstraints, kExtendedKeyUsage};
  for (const auto& extension : certificate.extensions()) {
    const bool understood = std::ranges::any_of(
        kUnderstood, [&extension](std::span<const uint8_t> oid) {
          return std::ranges::equal(oid, extension.oid);
        });
    if (extension.critical && !understood) {
      return FailedPrecondition(fmt::format(
          "certificate \"{}\": critical extension {} is not understood",
          certificate.Subject(), crypto::DerOidText(extension.oid)));
    }
  }
  return absl::OkStatus();
}

// Only a hint to find the issuer sooner: a malformed one counts as none.
std::span<const uint8_t> AuthorityKeyId(
    const crypto::Certificate& certificate) {
  const auto* extension = certificate.FindExtension(kAuthorityKeyId);
  if (extension == nullptr) {
    return {};
  }
  crypto::DerReader outer(extension->value);
  const auto sequence = outer.Read(crypto::kDerSequence, "AKI");
  if (!sequence.ok()) {
    return {};
  }
  crypto::DerReader inner(*sequence);
  return inner.ReadOptional(kKeyIdentifierTag)
      .value_or(std::span<const uint8_t>());
}

std::span<const uint8_t> SubjectKeyId(const crypto::Certificate& certificate) {
  const auto* extension = certificate.FindExtension(kSubjectKeyId);
  if (extension == nullptr) {
    return {};
  }
  crypto::DerReader reader(extension->value);
  const auto octets = reader.Read(crypto::kDerOctetString, "SKI");
  return octets.ok() ? *octets : std::span<const uint8_t>();
}

}  // namespace constellation::attestation
