// SPDX-License-Identifier: Apache-2.0
#include "crypto/x509.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"
#include "crypto/internal/signed_data.h"
#include "crypto/p256.h"

namespace constellation::crypto {
namespace {

using Octets = std::span<const uint8_t>;

constexpr size_t kMaxDerSize = 16384;
constexpr size_t kMaxExtensions = 64;
constexpr std::string_view kPemLabel = "CERTIFICATE";
// 2.5.29.19 and 2.5.29.15.
constexpr std::array<uint8_t, 3> kBasicConstraints = {0x55, 0x1d, 0x13};
constexpr std::array<uint8_t, 3> kKeyUsage = {0x55, 0x1d, 0x0f};
// [1] and [2] IMPLICIT BIT STRING: unique identifiers.
constexpr uint8_t kIssuerUniqueId = 0x81;
constexpr uint8_t kSubjectUniqueId = 0x82;

// A BOOLEAN DEFAULT FALSE. DER leaves FALSE out, many certificates write it.
absl::StatusOr<bool> ReadFlag(DerReader& reader, std::string_view field) {
  const std::optional<Octets> contents = reader.ReadOptional(kDerBoolean);
  if (!contents.has_value()) {
    return false;
  }
  return DerBool(*contents, field);
}

// RFC 5280 4.1: identifier, critical or not, value as an OCTET STRING.
absl::StatusOr<Certificate::Extension> ParseExtension(Octets contents) {
  DerReader reader(contents);
  Certificate::Extension extension;
  ASSIGN_OR_RETURN(extension.oid, reader.Read(kDerOid, "extension"));
  ASSIGN_OR_RETURN(extension.critical, ReadFlag(reader, "extension: critical"));
  ASSIGN_OR_RETURN(extension.value,
                   reader.Read(kDerOctetString, "extension: value"));
  RETURN_IF_ERROR(reader.ExpectEnd("extension"));
  return extension;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

struct Certificate::Parsed {
  Bytes der;
  // What follows points into `der`.
  internal::SignedData data;
  Octets serial;
  Octets issuer;
  Octets subject;
  Octets spki;
  absl::Time not_before;
  absl::Time not_after;
  std::vector<Extension> extensions;
  bool is_ca = false;
  std::optional<uint64_t> path_length;
  std::optional<uint16_t> key_usage;
  // Decoded at most once; `key` is written under `key_once` only.
  mutable std::once_flag key_once;
  mutable std::optional<absl::StatusOr<PublicKey>> key;

  absl::Status Parse() {
    ASSIGN_OR_RETURN(data, internal::ParseSignedData(der, "certificate"));
    DerReader reader(data.tbs_contents);
    ASSIGN_OR_RETURN(const uint64_t version, ReadVersion(reader));
    ASSIGN_OR_RETURN(serial, reader.Read(kDerInteger, "serial"));
    RETURN_IF_ERROR(CheckDerInteger(serial, "serial"));
    ASSIGN_OR_RETURN(const DerElement algorithm,
                     reader.ReadElement(kDerSequence, "signature algorithm"));
    if (!std::ranges::equal(algorithm.whole, data.algorithm)) {
      return InvalidArgument(
          "signature algorithm: the signed one differs from the outer one");
    }
    ASSIGN_OR_RETURN(issuer, ReadName(reader, "issuer"));
    RETURN_IF_ERROR(ReadValidity(reader));
    ASSIGN_OR_RETURN(subject, ReadName(reader, "subject"));
    ASSIGN_OR_RETURN(const DerElement key_info,
                     reader.ReadElement(kDerSequence, "public key"));
    spki = key_info.whole;
    if (version >= 1) {
      (void)reader.ReadOptional(kIssuerUniqueId);
      (void)reader.ReadOptional(kSubjectUniqueId);
    }
    if (version == 2 && reader.PeekTag() == kDerContext3) {
      RETURN_IF_ERROR(ReadExtensions(reader));
    }
    return reader.ExpectEnd("signed part");
  }

  // 0 for v1, which DER leaves out.
  static absl::StatusOr<uint64_t> ReadVersion(DerReader& reader) {
    const std::optional<Octets> wrapped = reader.ReadOptional(kDerContext0);
    if (!wrapped.has_value()) {
      return 0;
    }
    DerReader inner(*wrapped);
    ASSIGN_OR_RETURN(const Octets contents, inner.Read(kDerInteger, "version"));
    RETURN_IF_ERROR(inner.ExpectEnd("version"));
    ASSIGN_OR_RETURN(const uint64_t version, DerUnsigned(contents, "version"));
    if (version != 1 && version != 2) {
      return InvalidArgument(
          fmt::format("version: want 1 or 2 if given, got {}", version));
    }
    return version;
  }

  static absl::StatusOr<Octets> ReadName(DerReader& reader,
                                         std::string_view field) {
    ASSIGN_OR_RETURN(const DerElement name,
                     reader.ReadElement(kDerSequence, field));
    RETURN_IF_ERROR(internal::CheckName(name.contents, field));
    return name.whole;
  }

  absl::Status ReadValidity(DerReader& reader) {
    ASSIGN_OR_RETURN(const Octets contents,
                     reader.Read(kDerSequence, "validity"));
    DerReader times(contents);
    ASSIGN_OR_RETURN(not_before, internal::ReadTime(times, "not before"));
    ASSIGN_OR_RETURN(not_after, internal::ReadTime(times, "not after"));
    return times.ExpectEnd("validity");
  }

  absl::Status ReadExtensions(DerReader& reader) {
    ASSIGN_OR_RETURN(const Octets wrapped,
                     reader.Read(kDerContext3, "extensions"));
    DerReader outer(wrapped);
    ASSIGN_OR_RETURN(const Octets contents,
                     outer.Read(kDerSequence, "extensions"));
    RETURN_IF_ERROR(outer.ExpectEnd("extensions"));
    DerReader list(contents);
    extensions.reserve(16);
    while (!list.empty()) {
      if (extensions.size() == kMaxExtensions) {
        return InvalidArgument(
            fmt::format("extensions: want at most {}", kMaxExtensions));
      }
      ASSIGN_OR_RETURN(const Octets item, list.Read(kDerSequence, "extension"));
      ASSIGN_OR_RETURN(const Extension extension, ParseExtension(item));
      if (Find(extension.oid) != nullptr) {
        return InvalidArgument(fmt::format("extension {}: occurs twice",
                                           DerOidText(extension.oid)));
      }
      extensions.push_back(extension);
    }
    RETURN_IF_ERROR(ReadBasicConstraints());
    return ReadKeyUsage();
  }

  const Extension* Find(Octets oid) const {
    for (const Extension& extension : extensions) {
      if (std::ranges::equal(extension.oid, oid)) {
        return &extension;
      }
    }
    return nullptr;
  }

  // RFC 5280 section 4.2.1.9.
  absl::Status ReadBasicConstraints() {
    const Extension* const extension = Find(kBasicConstraints);
    if (extension == nullptr) {
      return absl::OkStatus();
    }
    DerReader outer(extension->value);
    ASSIGN_OR_RETURN(const Octets contents,
                     outer.Read(kDerSequence, "basic constraints"));
    RETURN_IF_ERROR(outer.ExpectEnd("basic constraints"));
    DerReader reader(contents);
    ASSIGN_OR_RETURN(is_ca, ReadFlag(reader, "basic constraints: CA"));
    if (!reader.empty()) {
      ASSIGN_OR_RETURN(const Octets length,
                       reader.Read(kDerInteger, "path length"));
      ASSIGN_OR_RETURN(path_length, DerUnsigned(length, "path length"));
    }
    return reader.ExpectEnd("basic constraints");
  }

  // RFC 5280 section 4.2.1.3: named bits, the first one is the highest of the
  // first octet; nine are defined.
  absl::Status ReadKeyUsage() {
    const Extension* const extension = Find(kKeyUsage);
    if (extension == nullptr) {
      return absl::OkStatus();
    }
    DerReader reader(extension->value);
    ASSIGN_OR_RETURN(const Octets bits,
                     reader.Read(kDerBitString, "key usage"));
    RETURN_IF_ERROR(reader.ExpectEnd("key usage"));
    if (bits.size() < 2 || bits.size() > 3 || bits[0] > 7) {
      return InvalidArgument("key usage: want one to nine bits");
    }
    uint16_t usage = 0;
    for (size_t bit = 0; bit < (bits.size() - 1) * 8; ++bit) {
      if ((bits[1 + bit / 8] & (0x80U >> (bit % 8))) != 0) {
        usage = static_cast<uint16_t>(usage | 1U << bit);
      }
    }
    key_usage = usage;
    return absl::OkStatus();
  }
};

// No signature, no date: whoever trusts the certificate makes those checks.
absl::StatusOr<Certificate> Certificate::FromDer(Octets der) {
  if (der.size() > kMaxDerSize) {
    return InvalidArgument(
        fmt::format("certificate: want at most {} octets, got {}", kMaxDerSize,
                    der.size()));
  }
  auto parsed = std::make_shared<Parsed>();
  parsed->der.assign(der.begin(), der.end());
  if (const absl::Status status = parsed->Parse(); !status.ok()) {
    return Annotate(status, "certificate");
  }
  return Certificate(std::move(parsed));
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(const Bytes der, PemDecode(kPemLabel, pem));
  return FromDer(der);
}

absl::StatusOr<std::vector<Certificate>> Certificate::ListFromPem(
    std::string_view pem, size_t max) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  std::vector<Certificate> certificates;
  size_t next = pem.find(kBegin);
  do {
    if (certificates.size() == max) {
      return InvalidArgument(
          fmt::format("PEM: want at most {} certificates", max));
    }
    // Of a text without a block, PemDecode() says so.
    pem.remove_prefix(next == std::string_view::npos ? 0 : next);
    next = pem.find(kBegin, kBegin.size());
    ASSIGN_OR_RETURN(Certificate certificate, FromPem(pem.substr(0, next)));
    certificates.push_back(std::move(certificate));
  } while (next != std::string_view::npos);
  return certificates;
}

const Bytes& Certificate::der() const {
  return parsed_->der;
}
Octets Certificate::tbs() const {
  return parsed_->data.tbs;
}
Octets Certificate::serial() const {
  return parsed_->serial;
}
Octets Certificate::issuer_name() const {
  return parsed_->issuer;
}
Octets Certificate::subject_name() const {
  return parsed_->subject;
}
bool Certificate::is_ca() const {
  return parsed_->is_ca;
}

std::string Certificate::Subject() const {
  return internal::NameText(parsed_->subject);
}

std::string Certificate::Issuer() const {
  return internal::NameText(parsed_->issuer);
}

std::optional<std::string> Certificate::SubjectCommonName() const {
  return internal::CommonNameOf(parsed_->subject);
}

Bytes Certificate::Spki() const {
  return {parsed_->spki.begin(), parsed_->spki.end()};
}

Sha256Digest Certificate::SpkiFingerprint() const {
  return Sha256(parsed_->spki);
}

// Decoded at first use: of most candidates only the name is looked at.
absl::StatusOr<PublicKey> Certificate::Key() const {
  std::call_once(parsed_->key_once,
                 [this] { parsed_->key = PublicKey::FromSpki(parsed_->spki); });
  return *parsed_->key;
}

absl::StatusOr<absl::Time> Certificate::NotBefore() const {
  return parsed_->not_before;
}

absl::StatusOr<absl::Time> Certificate::NotAfter() const {
  return parsed_->not_after;
}

// Both ends belong to the validity (RFC 5280 4.1.2.5).
absl::Status Certificate::CheckValidAt(absl::Time now) const {
  const bool early = now < parsed_->not_before;
  if (!early && now <= parsed_->not_after) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      fmt::format("certificate {}: not valid {} {}, now {}", Subject(),
                  early ? "before" : "after",
                  TimeText(early ? parsed_->not_before : parsed_->not_after),
                  TimeText(now)));
}

std::span<const Certificate::Extension> Certificate::extensions() const {
  return parsed_->extensions;
}

const Certificate::Extension* Certificate::FindExtension(Octets oid) const {
  return parsed_->Find(oid);
}

std::optional<uint64_t> Certificate::path_length() const {
  return parsed_->path_length;
}

std::optional<uint16_t> Certificate::key_usage() const {
  return parsed_->key_usage;
}

absl::Status Certificate::VerifySignedBy(const PublicKey& issuer_key) const {
  return internal::VerifySignedData(parsed_->data, issuer_key, "certificate");
}

absl::Status Certificate::VerifySignedBy(const Certificate& issuer) const {
  const absl::StatusOr<PublicKey> key = issuer.Key();
  if (!key.ok()) {
    return Annotate(key.status(), "certificate: issuer's key");
  }
  return VerifySignedBy(*key);
}

}  // namespace constellation::crypto
