// SPDX-License-Identifier: Apache-2.0
#include "crypto/x509.h"

#include <fmt/format.h>

#include "absl/time/civil_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"
#include "crypto/p256.h"

namespace constellation::crypto {
namespace {

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) {
    return internal::OpenSslError(absl::StatusCode::kInvalidArgument,
                                  "certificate: date");
  }
  return absl::FromCivil(
      absl::CivilSecond(fields.tm_year + 1900, fields.tm_mon + 1,
                        fields.tm_mday, fields.tm_hour, fields.tm_min,
                        fields.tm_sec),
      absl::UTCTimeZone());
}

}  // namespace

struct Certificate::Handle {
  internal::UniqueX509 x509;
};

absl::StatusOr<Certificate> Certificate::FromDer(std::span<const uint8_t> der) {
  if (der.size() > 16384) {
    return InvalidArgument(fmt::format(
        "certificate: want at most 16384 octets, got {}", der.size()));
  }
  const unsigned char* position = der.data();
  auto handle = std::make_shared<Handle>();
  handle->x509.reset(
      d2i_X509(nullptr, &position, static_cast<long>(der.size())));
  if (handle->x509 == nullptr || position != der.data() + der.size()) {
    return internal::OpenSslError(absl::StatusCode::kInvalidArgument,
                                  "certificate");
  }
  return Certificate(std::move(handle), Bytes(der.begin(), der.end()));
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(const Bytes der, PemDecode("CERTIFICATE", pem));
  return FromDer(der);
}

Bytes Certificate::Spki() const {
  return internal::ToDer(i2d_X509_PUBKEY,
                         X509_get_X509_PUBKEY(handle_->x509.get()));
}

absl::StatusOr<PublicKey> Certificate::Key() const {
  return PublicKey::FromSpki(Spki());
}

std::string Certificate::Subject() const {
  const internal::UniqueBio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(handle_->x509.get()), 0,
                     XN_FLAG_RFC2253);
  return internal::BioText(bio.get());
}

absl::StatusOr<absl::Time> Certificate::NotBefore() const {
  return ToTime(X509_get0_notBefore(handle_->x509.get()));
}

absl::StatusOr<absl::Time> Certificate::NotAfter() const {
  return ToTime(X509_get0_notAfter(handle_->x509.get()));
}

absl::Status Certificate::VerifySignedBy(const Certificate& issuer) const {
  EVP_PKEY* key = X509_get0_pubkey(issuer.handle_->x509.get());
  if (key == nullptr) {
    return internal::OpenSslError(absl::StatusCode::kInvalidArgument,
                                  "certificate: issuer's key");
  }
  if (X509_verify(handle_->x509.get(), key) != 1) {
    return internal::OpenSslError(absl::StatusCode::kUnauthenticated,
                                  "certificate: signature");
  }
  return absl::OkStatus();
}

}  // namespace constellation::crypto
