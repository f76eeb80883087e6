// SPDX-License-Identifier: Apache-2.0
#include "crypto/crl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"
#include "crypto/internal/signed_data.h"
#include "crypto/p256.h"

namespace constellation::crypto {
namespace {

using Octets = std::span<const uint8_t>;

constexpr size_t kMaxDerSize = size_t{1} << 20U;
// 2.5.29.20 and 2.5.29.35.
constexpr std::array<uint8_t, 3> kCrlNumber = {0x55, 0x1d, 0x14};
constexpr std::array<uint8_t, 3> kAuthorityKeyId = {0x55, 0x1d, 0x23};

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// Calls `visit` with identifier and value of each extension in the contents of
// an Extensions; refuses critical ones other than the two above.
template <typename Visit>
absl::Status VisitExtensions(Octets contents, Visit visit) {
  DerReader list(contents);
  while (!list.empty()) {
    ASSIGN_OR_RETURN(const Octets item, list.Read(kDerSequence, "extension"));
    DerReader reader(item);
    ASSIGN_OR_RETURN(const Octets oid, reader.Read(kDerOid, "extension"));
    bool critical = false;
    if (const auto flag = reader.ReadOptional(kDerBoolean); flag.has_value()) {
      ASSIGN_OR_RETURN(critical, DerBool(*flag, "extension: critical"));
    }
    ASSIGN_OR_RETURN(const Octets value,
                     reader.Read(kDerOctetString, "extension: value"));
    RETURN_IF_ERROR(reader.ExpectEnd("extension"));
    if (critical && !std::ranges::equal(oid, kCrlNumber) &&
        !std::ranges::equal(oid, kAuthorityKeyId)) {
      return InvalidArgument(fmt::format(
          "critical extension {} is not understood", DerOidText(oid)));
    }
    RETURN_IF_ERROR(visit(oid, value));
  }
  return absl::OkStatus();
}

// One entry of revokedCertificates; gives its serial number.
absl::StatusOr<Octets> ReadEntry(DerReader& list) {
  ASSIGN_OR_RETURN(const Octets entry, list.Read(kDerSequence, "entry"));
  DerReader reader(entry);
  ASSIGN_OR_RETURN(const Octets serial,
                   reader.Read(kDerInteger, "entry: serial"));
  RETURN_IF_ERROR(CheckDerInteger(serial, "entry: serial"));
  RETURN_IF_ERROR(internal::ReadTime(reader, "entry: date").status());
  if (!reader.empty()) {
    ASSIGN_OR_RETURN(const Octets extensions,
                     reader.Read(kDerSequence, "entry: extensions"));
    RETURN_IF_ERROR(VisitExtensions(
        extensions, [](Octets, Octets) { return absl::OkStatus(); }));
  }
  RETURN_IF_ERROR(reader.ExpectEnd("entry"));
  return serial;
}

}  // namespace

struct RevocationList::Parsed {
  Bytes der;
  // What follows points into `der`.
  internal::SignedData data;
  Octets issuer;
  absl::Time this_update;
  std::optional<absl::Time> next_update;
  std::optional<Octets> number;
  Octets entries;  // contents of revokedCertificates
  size_t count = 0;

  absl::Status Parse() {
    ASSIGN_OR_RETURN(data, internal::ParseSignedData(der, "list"));
    DerReader reader(data.tbs_contents);
    const std::optional<Octets> version = reader.ReadOptional(kDerInteger);
    if (version.has_value() && (version->size() != 1 || (*version)[0] != 1)) {
      return InvalidArgument("version: want 1 if given");
    }
    ASSIGN_OR_RETURN(const DerElement algorithm,
                     reader.ReadElement(kDerSequence, "signature algorithm"));
    if (!std::ranges::equal(algorithm.whole, data.algorithm)) {
      return InvalidArgument(
          "signature algorithm: the signed one differs from the outer one");
    }
    ASSIGN_OR_RETURN(const DerElement name,
                     reader.ReadElement(kDerSequence, "issuer"));
    RETURN_IF_ERROR(internal::CheckName(name.contents, "issuer"));
    issuer = name.whole;
    ASSIGN_OR_RETURN(this_update, internal::ReadTime(reader, "this update"));
    const std::optional<uint8_t> tag = reader.PeekTag();
    if (tag == kDerUtcTime || tag == kDerGeneralizedTime) {
      ASSIGN_OR_RETURN(next_update, internal::ReadTime(reader, "next update"));
    }
    RETURN_IF_ERROR(ReadEntries(reader));
    if (version.has_value() && reader.PeekTag() == kDerContext0) {
      RETURN_IF_ERROR(ReadExtensions(reader));
    }
    return reader.ExpectEnd("signed part");
  }

  absl::Status ReadEntries(DerReader& reader) {
    entries = reader.ReadOptional(kDerSequence).value_or(Octets());
    DerReader list(entries);
    for (; !list.empty(); ++count) {
      RETURN_IF_ERROR(ReadEntry(list).status());
    }
    return absl::OkStatus();
  }

  absl::Status ReadExtensions(DerReader& reader) {
    ASSIGN_OR_RETURN(const Octets wrapped,
                     reader.Read(kDerContext0, "extensions"));
    DerReader outer(wrapped);
    ASSIGN_OR_RETURN(const Octets contents,
                     outer.Read(kDerSequence, "extensions"));
    RETURN_IF_ERROR(outer.ExpectEnd("extensions"));
    return VisitExtensions(
        contents, [this](Octets oid, Octets value) -> absl::Status {
          if (!std::ranges::equal(oid, kCrlNumber)) {
            return absl::OkStatus();
          }
          if (number.has_value()) {
            return InvalidArgument("CRL number: occurs twice");
          }
          DerReader inner(value);
          ASSIGN_OR_RETURN(number, inner.Read(kDerInteger, "CRL number"));
          RETURN_IF_ERROR(DerMagnitude(*number, "CRL number").status());
          return inner.ExpectEnd("CRL number");
        });
  }
};

// Everything is parsed here, also each entry: IsRevoked() must not meet a
// surprise after a verdict was built on the list.
absl::StatusOr<RevocationList> RevocationList::FromDer(Octets der) {
  if (der.size() > kMaxDerSize) {
    return InvalidArgument(
        fmt::format("revocation list: want at most {} octets, got {}",
                    kMaxDerSize, der.size()));
  }
  auto parsed = std::make_shared<Parsed>();
  parsed->der.assign(der.begin(), der.end());
  if (const absl::Status status = parsed->Parse(); !status.ok()) {
    return Annotate(status, "revocation list");
  }
  return RevocationList(std::move(parsed));
}

absl::StatusOr<RevocationList> RevocationList::FromPem(std::string_view pem) {
  ASSIGN_OR_RETURN(const Bytes der, PemDecode("X509 CRL", pem));
  return FromDer(der);
}

const Bytes& RevocationList::der() const {
  return parsed_->der;
}
Octets RevocationList::issuer_name() const {
  return parsed_->issuer;
}
absl::Time RevocationList::ThisUpdate() const {
  return parsed_->this_update;
}
size_t RevocationList::revoked_count() const {
  return parsed_->count;
}

std::string RevocationList::Issuer() const {
  return internal::NameText(parsed_->issuer);
}

std::optional<absl::Time> RevocationList::NextUpdate() const {
  return parsed_->next_update;
}

std::optional<Octets> RevocationList::crl_number() const {
  return parsed_->number;
}

// A walk over the entries: lists have a few thousand at most, and most chains
// ask twice.
bool RevocationList::IsRevoked(Octets serial) const {
  DerReader list(parsed_->entries);
  while (!list.empty()) {
    const absl::StatusOr<Octets> listed = ReadEntry(list);
    // Parse() has read every entry; should one fail now, do not trust it.
    if (!listed.ok() || std::ranges::equal(*listed, serial)) {
      return true;
    }
  }
  return false;
}

// The key alone: that the issuer's name and key usage fit is the caller's
// check.
absl::Status RevocationList::VerifySignedBy(const PublicKey& issuer_key) const {
  return internal::VerifySignedData(parsed_->data, issuer_key,
                                    "revocation list");
}

// Both ends belong to it.
absl::Status RevocationList::CheckValidAt(absl::Time now) const {
  const bool early = now < parsed_->this_update;
  const bool late =
      parsed_->next_update.has_value() && now > *parsed_->next_update;
  if (!early && !late) {
    return absl::OkStatus();
  }
  return FailedPrecondition(fmt::format(
      "revocation list of {}: not valid {} {}, now {}", Issuer(),
      early ? "before" : "after",
      TimeText(early ? parsed_->this_update : *parsed_->next_update),
      TimeText(now)));
}

}  // namespace constellation::crypto
