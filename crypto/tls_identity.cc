// SPDX-License-Identifier: Apache-2.0
#include "crypto/tls_identity.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"
#include "crypto/ecdsa_sign.h"
#include "crypto/p256.h"
#include "crypto/random.h"
#include "crypto/x509.h"

namespace constellation::crypto {
namespace {

// RFC 5280 section 4.1.2.5: no well-defined end. Nobody checks dates, so clocks
// that differ do no harm.
constexpr std::string_view kNotBefore = "700101000000Z";
constexpr std::string_view kNotAfter = "99991231235959Z";
constexpr size_t kSerialSize = 16;

// [0] EXPLICIT Version v3.
constexpr std::array<uint8_t, 5> kVersion = {0xa0, 0x03, 0x02, 0x01, 0x02};
// AlgorithmIdentifier { ecdsa-with-SHA256 } (RFC 5758 section 3.2).
constexpr std::array<uint8_t, 12> kEcdsaSha256 = {
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
// id-at-commonName (RFC 5280 appendix A.1).
constexpr std::array<uint8_t, 5> kCommonName = {0x06, 0x03, 0x55, 0x04, 0x03};
constexpr std::array<uint8_t, 1> kNoUnusedBits = {0};

// Positive, and in its shortest form.
Bytes RandomSerial() {
  Bytes serial = RandomBytes(kSerialSize);
  serial.front() = static_cast<uint8_t>((serial.front() & 0x3fU) | 0x40U);
  return DerEncode(kDerInteger, {serial});
}

// TBSCertificate (RFC 5280 section 4.1), self-signed and without meaning: the
// evidence binds the key, TLS only has to carry it. Written here because
// OpenSSL's encoders cost several times the key and the signature.
Bytes ToBeSigned(std::span<const uint8_t> spki) {
  const Bytes entry = DerEncode(
      kDerSequence,
      {kCommonName, DerEncode(kDerUtf8String, {AsBytes(kTlsIdentityName)})});
  const Bytes name = DerEncode(kDerSequence, {DerEncode(kDerSet, {entry})});
  const Bytes validity = DerEncode(
      kDerSequence, {DerEncode(kDerUtcTime, {AsBytes(kNotBefore)}),
                     DerEncode(kDerGeneralizedTime, {AsBytes(kNotAfter)})});
  return DerEncode(kDerSequence, {kVersion, RandomSerial(), kEcdsaSha256, name,
                                  validity, name, spki});
}

}  // namespace

// A key per process, never stored.
absl::StatusOr<TlsIdentity> CreateTlsIdentity() {
  ASSIGN_OR_RETURN(const P256PrivateKey key, P256PrivateKey::Generate());
  Bytes spki = key.PublicSpki();
  const Bytes tbs = ToBeSigned(spki);
  ASSIGN_OR_RETURN(const Bytes signature, SignEcdsaSha256(key, tbs));
  const Bytes certificate = DerEncode(
      kDerSequence, {tbs, kEcdsaSha256,
                     DerEncode(kDerBitString, {kNoUnusedBits, signature})});
  ASSIGN_OR_RETURN(const SecretBytes pem, key.ToPem());
  return TlsIdentity{.certificate_pem = PemEncode("CERTIFICATE", certificate),
                     .private_key_pem = std::string(AsText(pem.Expose())),
                     .spki_der = std::move(spki)};
}

// The peer's certificate, as gRPC hands it out after the handshake.
absl::StatusOr<Bytes> SpkiOfCertificatePem(std::string_view pem) {
  if (pem.size() > 16384) {
    return InvalidArgument(fmt::format(
        "certificate: want at most 16384 octets, got {}", pem.size()));
  }
  ASSIGN_OR_RETURN(const Certificate certificate, Certificate::FromPem(pem));
  return certificate.Spki();
}

}  // namespace constellation::crypto
