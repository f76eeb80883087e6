// SPDX-License-Identifier: Apache-2.0
#include "crypto/internal/signed_data.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto::internal {
namespace {

using Octets = std::span<const uint8_t>;
using Kind = SignatureScheme::Kind;

constexpr std::array<uint8_t, 2> kNullElement = {kDerNull, 0};
constexpr std::array<uint8_t, 3> kCommonName = {0x55, 0x04, 0x03};

// 1.2.840.113549.1.1.* of RFC 8017; the last octet differs.
constexpr std::array<uint8_t, 8> kPkcs1 = {0x2a, 0x86, 0x48, 0x86,
                                           0xf7, 0x0d, 0x01, 0x01};
constexpr uint8_t kMgf1 = 8;
constexpr uint8_t kRsassaPss = 10;
// 1.2.840.10045.4.3.* of RFC 5758.
constexpr std::array<uint8_t, 7> kEcdsaSha2 = {0x2a, 0x86, 0x48, 0xce,
                                               0x3d, 0x04, 0x03};
// 2.16.840.1.101.3.4.2.* of RFC 4055.
constexpr std::array<uint8_t, 8> kSha2 = {0x60, 0x86, 0x48, 0x01,
                                          0x65, 0x03, 0x04, 0x02};

// The last octet of `oid` if the ones before it are `arc`.
std::optional<uint8_t> LastArc(Octets oid, Octets arc) {
  if (oid.size() == arc.size() + 1 && oid.back() < 0x80 &&
      std::ranges::equal(oid.first(arc.size()), arc)) {
    return oid.back();
  }
  return std::nullopt;
}

struct Algorithm {
  Octets oid;
  Octets parameters;  // with header; empty if absent
};

absl::StatusOr<Algorithm> ParseAlgorithm(Octets contents) {
  DerReader reader(contents);
  Algorithm algorithm;
  ASSIGN_OR_RETURN(algorithm.oid, reader.Read(kDerOid, "algorithm"));
  if (!reader.empty()) {
    ASSIGN_OR_RETURN(const DerElement parameters, reader.Next());
    algorithm.parameters = parameters.whole;
  }
  RETURN_IF_ERROR(reader.ExpectEnd("algorithm"));
  return algorithm;
}

bool AbsentOrNull(Octets parameters) {
  return parameters.empty() || std::ranges::equal(parameters, kNullElement);
}

absl::Status Unsupported(std::string_view what) {
  return Unauthenticated(
      fmt::format("signature algorithm: {} is not supported", what));
}

// The hash in an AlgorithmIdentifier's contents.
absl::StatusOr<HashAlgorithm> ParseHash(Octets contents) {
  ASSIGN_OR_RETURN(const Algorithm algorithm, ParseAlgorithm(contents));
  if (!AbsentOrNull(algorithm.parameters)) {
    return Unsupported("a hash with parameters");
  }
  switch (LastArc(algorithm.oid, kSha2).value_or(0)) {
    case 1:
      return HashAlgorithm::kSha256;
    case 2:
      return HashAlgorithm::kSha384;
    case 3:
      return HashAlgorithm::kSha512;
    default:
      return Unsupported(fmt::format("hash {}", DerOidText(algorithm.oid)));
  }
}

// Octets of a digest, which is also the only PSS salt length accepted.
uint64_t SizeOf(HashAlgorithm hash) {
  switch (hash) {
    case HashAlgorithm::kSha384:
      return 48;
    case HashAlgorithm::kSha512:
      return 64;
    default:
      return 32;
  }
}

// The one element inside an EXPLICIT field that must be there.
absl::StatusOr<Octets> ReadExplicit(DerReader& reader, uint8_t context,
                                    uint8_t tag, std::string_view field) {
  ASSIGN_OR_RETURN(const Octets wrapped, reader.Read(context, field));
  DerReader inner(wrapped);
  ASSIGN_OR_RETURN(const Octets contents, inner.Read(tag, field));
  RETURN_IF_ERROR(inner.ExpectEnd(field));
  return contents;
}

// RFC 4055 section 3.1. Hash and mask have defaults of SHA-1, so an absent
// field is refused like SHA-1 itself.
absl::StatusOr<SignatureScheme> ParsePss(Octets parameters) {
  DerReader outer(parameters);
  ASSIGN_OR_RETURN(const Octets contents,
                   outer.Read(kDerSequence, "PSS parameters"));
  DerReader reader(contents);
  ASSIGN_OR_RETURN(const Octets hash_field,
                   ReadExplicit(reader, kDerContext0, kDerSequence,
                                "PSS hash (absent means SHA-1)"));
  ASSIGN_OR_RETURN(const HashAlgorithm hash, ParseHash(hash_field));
  ASSIGN_OR_RETURN(const Octets mask_field,
                   ReadExplicit(reader, kDerContext1, kDerSequence,
                                "PSS mask (absent means SHA-1)"));
  ASSIGN_OR_RETURN(const Algorithm mask, ParseAlgorithm(mask_field));
  if (LastArc(mask.oid, kPkcs1) != kMgf1) {
    return Unsupported("a PSS mask other than MGF1");
  }
  DerReader mask_reader(mask.parameters);
  ASSIGN_OR_RETURN(const Octets mask_hash_field,
                   mask_reader.Read(kDerSequence, "PSS mask hash"));
  ASSIGN_OR_RETURN(const HashAlgorithm mask_hash, ParseHash(mask_hash_field));
  if (mask_hash != hash) {
    return Unsupported("PSS with two hashes");
  }
  ASSIGN_OR_RETURN(
      const Octets salt_field,
      ReadExplicit(reader, kDerContext2, kDerInteger, "PSS salt length"));
  ASSIGN_OR_RETURN(const uint64_t salt,
                   DerUnsigned(salt_field, "PSS salt length"));
  if (salt != SizeOf(hash)) {
    return Unsupported(fmt::format("PSS with a salt of {} octets", salt));
  }
  // DER leaves a default out; AMD's older certificates write it all the same.
  if (!reader.empty()) {
    ASSIGN_OR_RETURN(
        const Octets trailer,
        ReadExplicit(reader, kDerContext3, kDerInteger, "PSS trailer field"));
    if (trailer.size() != 1 || trailer[0] != 1) {
      return Unsupported("a PSS trailer field other than 1");
    }
  }
  RETURN_IF_ERROR(reader.ExpectEnd("PSS parameters"));
  return SignatureScheme{.kind = Kind::kRsaPss, .hash = hash};
}

// No SHA-1 and no scheme with parameters of one's own choice: what is not
// listed is not supported.
absl::StatusOr<SignatureScheme> ParseScheme(Octets whole) {
  DerReader outer(whole);
  ASSIGN_OR_RETURN(const Octets contents,
                   outer.Read(kDerSequence, "signature algorithm"));
  ASSIGN_OR_RETURN(const Algorithm algorithm, ParseAlgorithm(contents));
  static constexpr HashAlgorithm kHashes[] = {
      HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512};
  const uint8_t rsa = LastArc(algorithm.oid, kPkcs1).value_or(0);
  if (rsa == kRsassaPss) {
    return ParsePss(algorithm.parameters);
  }
  // sha256-, sha384- and sha512WithRSAEncryption are 11 to 13.
  if (rsa >= 11 && rsa <= 13 && AbsentOrNull(algorithm.parameters)) {
    return SignatureScheme{.kind = Kind::kRsaPkcs1, .hash = kHashes[rsa - 11]};
  }
  // ecdsa-with-SHA256, -SHA384 and -SHA512 are 2 to 4, without parameters.
  const uint8_t ecdsa = LastArc(algorithm.oid, kEcdsaSha2).value_or(0);
  if (ecdsa >= 2 && ecdsa <= 4 && algorithm.parameters.empty()) {
    return SignatureScheme{.kind = Kind::kEcdsa, .hash = kHashes[ecdsa - 2]};
  }
  return Unsupported(DerOidText(algorithm.oid));
}

// The key's kind must fit the scheme; the key's Verify...() refuses if not.
absl::Status Verify(const SignatureScheme& scheme, const SignedData& data,
                    const PublicKey& key) {
  switch (scheme.kind) {
    case Kind::kRsaPkcs1:
      return key.VerifyRsaPkcs1(scheme.hash, data.tbs, data.signature);
    case Kind::kRsaPss:
      return key.VerifyRsaPss(scheme.hash, data.tbs, data.signature,
                              SizeOf(scheme.hash));
    case Kind::kEcdsa:
      break;
  }
  ASSIGN_OR_RETURN(const EcdsaSignature signature,
                   ParseEcdsaSignature(data.signature));
  return key.VerifyEcdsa(scheme.hash, data.tbs, signature.r, signature.s);
}

// Calls `visit` with type and value of each attribute until it returns false.
template <typename Visit>
absl::Status VisitName(Octets contents, std::string_view field, Visit visit) {
  DerReader names(contents);
  while (!names.empty()) {
    ASSIGN_OR_RETURN(const Octets set, names.Read(kDerSet, field));
    DerReader attributes(set);
    do {
      ASSIGN_OR_RETURN(const Octets attribute,
                       attributes.Read(kDerSequence, field));
      DerReader parts(attribute);
      ASSIGN_OR_RETURN(const Octets type, parts.Read(kDerOid, field));
      ASSIGN_OR_RETURN(const DerElement value, parts.Next());
      RETURN_IF_ERROR(parts.ExpectEnd(field));
      if (!visit(type, value)) {
        return absl::OkStatus();
      }
    } while (!attributes.empty());
  }
  return absl::OkStatus();
}

}  // namespace

// Certificate and CertificateList have the same frame (RFC 5280 4.1 and 5.1).
absl::StatusOr<SignedData> ParseSignedData(Octets der, std::string_view what) {
  DerReader outer(der);
  ASSIGN_OR_RETURN(const Octets contents, outer.Read(kDerSequence, what));
  RETURN_IF_ERROR(outer.ExpectEnd(what));
  DerReader reader(contents);
  SignedData data;
  ASSIGN_OR_RETURN(const DerElement tbs,
                   reader.ReadElement(kDerSequence, what));
  data.tbs = tbs.whole;
  data.tbs_contents = tbs.contents;
  ASSIGN_OR_RETURN(const DerElement algorithm,
                   reader.ReadElement(kDerSequence, "signature algorithm"));
  data.algorithm = algorithm.whole;
  RETURN_IF_ERROR(ParseAlgorithm(algorithm.contents).status());
  ASSIGN_OR_RETURN(const Octets bits, reader.Read(kDerBitString, "signature"));
  ASSIGN_OR_RETURN(data.signature, DerBitOctets(bits, "signature"));
  RETURN_IF_ERROR(reader.ExpectEnd(what));
  return data;
}

absl::StatusOr<SignatureScheme> ParseSignatureScheme(Octets algorithm) {
  absl::StatusOr<SignatureScheme> scheme = ParseScheme(algorithm);
  if (!scheme.ok()) {
    return Unauthenticated(Message(scheme.status()));
  }
  return scheme;
}

// UNAUTHENTICATED also for an unknown scheme: an unverified thing must not look
// merely malformed.
absl::Status VerifySignedData(const SignedData& data, const PublicKey& key,
                              std::string_view what) {
  const absl::StatusOr<SignatureScheme> scheme =
      ParseSignatureScheme(data.algorithm);
  const absl::Status status =
      scheme.ok() ? Verify(*scheme, data, key) : scheme.status();
  if (status.ok()) {
    return status;
  }
  return Unauthenticated(
      fmt::format("{}: signature: {}", what, Message(status)));
}

absl::StatusOr<absl::Time> ReadTime(DerReader& reader, std::string_view field) {
  ASSIGN_OR_RETURN(const DerElement element, reader.Next());
  return DerTime(element, field);
}

// That every name parses is checked once, so that later readers need not fail.
absl::Status CheckName(Octets name, std::string_view field) {
  return VisitName(name, field, [](Octets, const DerElement&) { return true; });
}

// The first one; of a type that is not ASCII compatible nothing is shown.
std::optional<std::string> CommonNameOf(Octets name) {
  DerReader outer(name);
  const absl::StatusOr<Octets> contents = outer.Read(kDerSequence, "name");
  std::optional<std::string> found;
  if (contents.ok()) {
    (void)VisitName(
        *contents, "name", [&found](Octets type, const DerElement& value) {
          if (!std::ranges::equal(type, kCommonName)) {
            return true;
          }
          if (value.tag == kDerUtf8String || value.tag == kDerPrintableString ||
              value.tag == kDerTeletexString || value.tag == kDerIa5String) {
            found = std::string(AsText(value.contents));
          }
          return false;
        });
  }
  return found;
}

// For people. Comparisons use the octets.
std::string NameText(Octets name) {
  const unsigned char* position = name.data();
  const std::unique_ptr<X509_NAME, Deleter<X509_NAME_free>> parsed(
      d2i_X509_NAME(nullptr, &position, static_cast<long>(name.size())));
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  if (parsed == nullptr || bio == nullptr ||
      X509_NAME_print_ex(bio.get(), parsed.get(), 0, XN_FLAG_RFC2253) < 0) {
    ERR_clear_error();
    return HexEncode(name);
  }
  return BioText(bio.get());
}

}  // namespace constellation::crypto::internal
