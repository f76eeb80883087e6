// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/trust_anchors.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// "Intel SGX Root CA", valid to 2049-12-31.
constexpr std::string_view kIntelRootPem = R"(-----BEGIN CERTIFICATE-----
MIICjzCCAjSgAwIBAgIUImUM1lqdNInzg7SVUr9QGzknBqwwCgYIKoZIzj0EAwIw
aDEaMBgGA1UEAwwRSW50ZWwgU0dYIFJvb3QgQ0ExGjAYBgNVBAoMEUludGVsIENv
cnBvcmF0aW9uMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExCzAJ
BgNVBAYTAlVTMB4XDTE4MDUyMTEwNDUxMFoXDTQ5MTIzMTIzNTk1OVowaDEaMBgG
A1UEAwwRSW50ZWwgU0dYIFJvb3QgQ0ExGjAYBgNVBAoMEUludGVsIENvcnBvcmF0
aW9uMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExCzAJBgNVBAYT
AlVTMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEC6nEwMDIYZOj/iPWsCzaEKi7
1OiOSLRFhWGjbnBVJfVnkY4u3IjkDYYL0MxO4mqsyYjlBalTVYxFP2sJBK5zlKOB
uzCBuDAfBgNVHSMEGDAWgBQiZQzWWp00ifODtJVSv1AbOScGrDBSBgNVHR8ESzBJ
MEegRaBDhkFodHRwczovL2NlcnRpZmljYXRlcy50cnVzdGVkc2VydmljZXMuaW50
ZWwuY29tL0ludGVsU0dYUm9vdENBLmRlcjAdBgNVHQ4EFgQUImUM1lqdNInzg7SV
Ur9QGzknBqwwDgYDVR0PAQH/BAQDAgEGMBIGA1UdEwEB/wQIMAYBAf8CAQEwCgYI
KoZIzj0EAwIDSQAwRgIhAOW/5QkR+S9CiSDcNoowLuPRLsWGf/Yi7GSX94BgwTwg
AiEA4J0lrHoMs+Xo5o/sX6O9QWxHRAvZUGOdRQ7cvqRXaqI=
-----END CERTIFICATE-----
)";

// Self-signed, so that its dates and names are its owner's word.
absl::StatusOr<IntelRoot> RootFrom(const crypto::Certificate& certificate) {
  if (!certificate.is_ca()) {
    return InvalidArgument(
        fmt::format("root {}: want a CA", certificate.Subject()));
  }
  ASSIGN_OR_RETURN(crypto::PublicKey key, certificate.Key());
  if (key.type() != crypto::KeyType::kEc || key.bits() != 256) {
    return InvalidArgument(
        fmt::format("root {}: want a P-256 key", certificate.Subject()));
  }
  if (!certificate.VerifySignedBy(key).ok()) {
    return InvalidArgument(
        fmt::format("root {}: it did not sign itself", certificate.Subject()));
  }
  const crypto::Sha256Digest spki = certificate.SpkiFingerprint();
  return IntelRoot{.certificate = certificate,
                   .key = std::move(key),
                   .spki_fingerprint = spki,
                   .is_intel = spki == kIntelRootSpkiFingerprint};
}

}  // namespace

// The id is a digest of all roots: caches must not carry a verdict from one set
// of anchors to another.
absl::StatusOr<IntelTrustAnchors> IntelTrustAnchors::Create(
    std::span<const crypto::Certificate> further) {
  std::vector<IntelRoot> roots;
  ASSIGN_OR_RETURN(const crypto::Certificate intel,
                   crypto::Certificate::FromPem(kIntelRootPem));
  ASSIGN_OR_RETURN(IntelRoot root, RootFrom(intel));
  if (!root.is_intel) {
    return Internal("the built-in root has another key than its pin");
  }
  roots.push_back(std::move(root));
  for (const crypto::Certificate& certificate : further) {
    ASSIGN_OR_RETURN(IntelRoot more, RootFrom(certificate));
    roots.push_back(std::move(more));
  }
  crypto::Sha256Hasher hasher;
  for (const IntelRoot& each : roots) {
    hasher.Update(each.certificate.Fingerprint());
  }
  return IntelTrustAnchors(
      std::make_shared<const std::vector<IntelRoot>>(std::move(roots)),
      hasher.Finish());
}

// Several roots may have one name, so all are tried.
absl::StatusOr<const IntelRoot*> IntelTrustAnchors::IssuerOf(
    const crypto::Certificate& certificate) const {
  bool named = false;
  for (const IntelRoot& root : *roots_) {
    if (!std::ranges::equal(root.certificate.subject_name(),
                            certificate.issuer_name())) {
      continue;
    }
    named = true;
    if (certificate.VerifySignedBy(root.key).ok()) {
      return &root;
    }
  }
  return Unauthenticated(
      named ? fmt::format("{}: not signed by the trusted root {}",
                          certificate.Subject(), certificate.Issuer())
            : fmt::format("{}: issued by {}, which is no trusted root",
                          certificate.Subject(), certificate.Issuer()));
}

// By its key: Intel has issued its root again with another serial number.
absl::Status IntelTrustAnchors::CheckIsRoot(
    const crypto::Certificate& certificate) const {
  for (const IntelRoot& root : *roots_) {
    if (certificate.der() == root.certificate.der()) {
      return absl::OkStatus();
    }
  }
  const crypto::Sha256Digest spki = certificate.SpkiFingerprint();
  for (const IntelRoot& root : *roots_) {
    if (spki == root.spki_fingerprint) {
      return Annotate(certificate.VerifySignedBy(root.key), "root certificate");
    }
  }
  return Unauthenticated(fmt::format("root {}: its key {} is not trusted",
                                     certificate.Subject(), HexEncode(spki)));
}

}  // namespace constellation::attestation
