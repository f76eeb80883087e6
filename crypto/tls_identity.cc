// SPDX-License-Identifier: Apache-2.0
#include "crypto/tls_identity.h"

#include <fmt/format.h>
#include <openssl/pem.h>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"
#include "crypto/internal/p256_access.h"
#include "crypto/random.h"
#include "crypto/x509.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;

// RFC 5280 section 4.1.2.5: no well-defined end. Nobody checks dates, so clocks
// that differ do no harm.
constexpr char kNotBefore[] = "19700101000000Z";
constexpr char kNotAfter[] = "99991231235959Z";

// Self-signed and without meaning: the evidence binds the key, TLS only has to
// carry it.
absl::Status FillCertificate(X509* certificate, EVP_PKEY* key) {
  const Bytes serial = RandomBytes(8);
  X509_NAME* name = X509_get_subject_name(certificate);
  const internal::UniqueBignum number(
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  if (X509_set_version(certificate, 2) != 1 || number == nullptr ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) ==
          nullptr ||
      ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), kNotBefore) !=
          1 ||
      ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), kNotAfter) !=
          1 ||
      X509_NAME_add_entry_by_txt(
          name, "CN", MBSTRING_ASC,
          reinterpret_cast<const unsigned char*>(kTlsIdentityName), -1, -1,
          0) != 1 ||
      X509_set_issuer_name(certificate, name) != 1 ||
      X509_set_pubkey(certificate, key) != 1 ||
      X509_sign(certificate, key, EVP_sha256()) <= 0) {
    return OpenSslError(absl::StatusCode::kInternal, "TLS certificate");
  }
  return absl::OkStatus();
}

}  // namespace

// A key per process, never stored.
absl::StatusOr<TlsIdentity> CreateTlsIdentity() {
  ASSIGN_OR_RETURN(const P256PrivateKey key, P256PrivateKey::Generate());
  const internal::UniqueX509 certificate(X509_new());
  const internal::UniqueBio bio(BIO_new(BIO_s_mem()));
  if (certificate == nullptr || bio == nullptr) {
    return OpenSslError(absl::StatusCode::kInternal, "TLS certificate");
  }
  RETURN_IF_ERROR(FillCertificate(certificate.get(), P256Access::Handle(key)));
  if (PEM_write_bio_X509(bio.get(), certificate.get()) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "TLS certificate");
  }
  ASSIGN_OR_RETURN(const SecretBytes pem, key.ToPem());
  return TlsIdentity{.certificate_pem = internal::BioText(bio.get()),
                     .private_key_pem = std::string(AsText(pem.Expose())),
                     .spki_der = key.PublicSpki()};
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
