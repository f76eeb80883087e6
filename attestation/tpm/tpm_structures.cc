// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_structures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/byte_reader.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxNameSize = 66;      // TPMT_HA with SHA-512
constexpr size_t kMaxDataSize = 66;      // TPM2B_DATA: sizeof(TPMT_HA)
constexpr size_t kMaxDigestSize = 64;    // SHA-512
constexpr uint32_t kMaxSelections = 16;  // HASH_COUNT of any known TPM is less
constexpr uint8_t kMaxSelectSize = 4;    // 32 registers
constexpr size_t kMaxRsaSize = 512;      // RSA-4096
constexpr size_t kMaxCoordinateSize = 66;  // P-521
constexpr uint32_t kDefaultRsaExponent = 65537;

Bytes Copy(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

// TPM2B_*: a 16-bit length and that many octets.
absl::StatusOr<Bytes> ReadSized(BigEndianReader& reader, size_t max_size,
                                std::string_view field) {
  ASSIGN_OR_RETURN(const auto bytes,
                   reader.TakeSized<uint16_t>(max_size, field));
  return Copy(bytes);
}

// TPMS_PCR_SELECTION: bit i of octet j is register 8 j + i.
absl::StatusOr<PcrSelectionUnverified> ReadSelection(BigEndianReader& reader) {
  PcrSelectionUnverified selection;
  ASSIGN_OR_RETURN(selection.hash_algorithm,
                   reader.Read<uint16_t>("pcrSelect.hash"));
  ASSIGN_OR_RETURN(const auto bitmap,
                   reader.TakeSized<uint8_t>(kMaxSelectSize, "pcrSelect"));
  for (uint32_t i = 0; i < bitmap.size() * 8; ++i) {
    if ((bitmap[i / 8] >> (i % 8) & 1U) != 0) {
      selection.pcrs.push_back(i);
    }
  }
  return selection;
}

// TPMS_QUOTE_INFO.
absl::StatusOr<QuoteInfoUnverified> ReadQuoteInfo(BigEndianReader& reader) {
  QuoteInfoUnverified quote;
  ASSIGN_OR_RETURN(const uint32_t count,
                   reader.Read<uint32_t>("pcrSelect.count"));
  if (count > kMaxSelections) {
    return InvalidArgument(fmt::format(
        "pcrSelect.count: want at most {}, got {}", kMaxSelections, count));
  }
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(PcrSelectionUnverified selection, ReadSelection(reader));
    quote.selections.push_back(std::move(selection));
  }
  ASSIGN_OR_RETURN(quote.pcr_digest,
                   ReadSized(reader, kMaxDigestSize, "pcrDigest"));
  return quote;
}

// TPMU_ASYM_SCHEME: RSAES and NULL have no details.
bool SchemeHasHash(uint16_t scheme) {
  return scheme != kTpmAlgNull && scheme != kTpmAlgRsaes;
}

// TPMT_SYM_DEF_OBJECT: key bits and mode follow unless it is NULL.
absl::Status ReadSymmetric(BigEndianReader& reader, PublicAreaUnverified& out) {
  ASSIGN_OR_RETURN(out.symmetric, reader.Read<uint16_t>("symmetric"));
  if (out.symmetric != kTpmAlgNull) {
    RETURN_IF_ERROR(reader.Read<uint16_t>("symmetric.keyBits").status());
    RETURN_IF_ERROR(reader.Read<uint16_t>("symmetric.mode").status());
  }
  return absl::OkStatus();
}

// TPMT_RSA_SCHEME, TPMT_ECC_SCHEME.
absl::Status ReadScheme(BigEndianReader& reader, PublicAreaUnverified& out) {
  ASSIGN_OR_RETURN(out.scheme, reader.Read<uint16_t>("scheme"));
  if (SchemeHasHash(out.scheme)) {
    ASSIGN_OR_RETURN(out.scheme_hash, reader.Read<uint16_t>("scheme.hashAlg"));
  }
  if (out.scheme == kTpmAlgEcdaa) {
    RETURN_IF_ERROR(reader.Read<uint16_t>("scheme.count").status());
  }
  return absl::OkStatus();
}

// TPMS_RSA_PARMS; an exponent of zero means 65537 (Part 2, 12.2.3.5).
absl::Status ReadRsa(BigEndianReader& reader, PublicAreaUnverified& out) {
  RETURN_IF_ERROR(ReadSymmetric(reader, out));
  RETURN_IF_ERROR(ReadScheme(reader, out));
  ASSIGN_OR_RETURN(out.rsa_bits, reader.Read<uint16_t>("keyBits"));
  ASSIGN_OR_RETURN(out.rsa_exponent, reader.Read<uint32_t>("exponent"));
  if (out.rsa_exponent == 0) {
    out.rsa_exponent = kDefaultRsaExponent;
  }
  ASSIGN_OR_RETURN(out.rsa_modulus, ReadSized(reader, kMaxRsaSize, "modulus"));
  if (out.rsa_modulus.size() * 8 != out.rsa_bits) {
    return InvalidArgument(fmt::format("modulus: want {} bits, got {}",
                                       out.rsa_bits,
                                       out.rsa_modulus.size() * 8));
  }
  return absl::OkStatus();
}

// TPMS_ECC_PARMS.
absl::Status ReadEcc(BigEndianReader& reader, PublicAreaUnverified& out) {
  RETURN_IF_ERROR(ReadSymmetric(reader, out));
  RETURN_IF_ERROR(ReadScheme(reader, out));
  ASSIGN_OR_RETURN(out.ecc_curve, reader.Read<uint16_t>("curveID"));
  ASSIGN_OR_RETURN(const uint16_t kdf, reader.Read<uint16_t>("kdf"));
  if (kdf != kTpmAlgNull) {
    RETURN_IF_ERROR(reader.Read<uint16_t>("kdf.hashAlg").status());
  }
  ASSIGN_OR_RETURN(out.ecc_x, ReadSized(reader, kMaxCoordinateSize, "x"));
  ASSIGN_OR_RETURN(out.ecc_y, ReadSized(reader, kMaxCoordinateSize, "y"));
  return absl::OkStatus();
}

}  // namespace

// Structures of other types are read up to their head, so that a row can name
// the type.
absl::StatusOr<AttestUnverified> ParseAttestUnverified(
    std::span<const uint8_t> bytes) {
  BigEndianReader reader(bytes);
  AttestUnverified attest;
  ASSIGN_OR_RETURN(attest.magic, reader.Read<uint32_t>("magic"));
  ASSIGN_OR_RETURN(attest.type, reader.Read<uint16_t>("type"));
  ASSIGN_OR_RETURN(attest.qualified_signer,
                   ReadSized(reader, kMaxNameSize, "qualifiedSigner"));
  ASSIGN_OR_RETURN(attest.extra_data,
                   ReadSized(reader, kMaxDataSize, "extraData"));
  ASSIGN_OR_RETURN(attest.clock, reader.Read<uint64_t>("clock"));
  ASSIGN_OR_RETURN(attest.reset_count, reader.Read<uint32_t>("resetCount"));
  ASSIGN_OR_RETURN(attest.restart_count, reader.Read<uint32_t>("restartCount"));
  ASSIGN_OR_RETURN(const uint8_t safe, reader.Read<uint8_t>("safe"));
  if (safe > 1) {
    return InvalidArgument(fmt::format("safe: want 0 or 1, got {}", safe));
  }
  attest.safe = safe == 1;
  ASSIGN_OR_RETURN(attest.firmware_version,
                   reader.Read<uint64_t>("firmwareVersion"));
  if (attest.type == kTpmStAttestQuote) {
    ASSIGN_OR_RETURN(attest.quote, ReadQuoteInfo(reader));
    RETURN_IF_ERROR(reader.ExpectEnd("TPMS_ATTEST"));
  }
  return attest;
}

// Three schemes: HMAC and direct anonymous attestation are not verified here.
absl::StatusOr<SignatureUnverified> ParseSignatureUnverified(
    std::span<const uint8_t> bytes) {
  BigEndianReader reader(bytes);
  SignatureUnverified signature;
  ASSIGN_OR_RETURN(signature.scheme, reader.Read<uint16_t>("sigAlg"));
  if (signature.scheme != kTpmAlgRsassa && signature.scheme != kTpmAlgRsapss &&
      signature.scheme != kTpmAlgEcdsa) {
    return InvalidArgument(
        fmt::format("sigAlg: want rsassa, rsapss or ecdsa, got {}",
                    AlgorithmName(signature.scheme)));
  }
  ASSIGN_OR_RETURN(signature.hash_algorithm, reader.Read<uint16_t>("hash"));
  if (signature.scheme == kTpmAlgEcdsa) {
    ASSIGN_OR_RETURN(signature.r, ReadSized(reader, kMaxCoordinateSize, "r"));
    ASSIGN_OR_RETURN(signature.s, ReadSized(reader, kMaxCoordinateSize, "s"));
  } else {
    ASSIGN_OR_RETURN(signature.rsa, ReadSized(reader, kMaxRsaSize, "sig"));
  }
  RETURN_IF_ERROR(reader.ExpectEnd("TPMT_SIGNATURE"));
  return signature;
}

absl::StatusOr<PublicAreaUnverified> ParsePublicAreaUnverified(
    std::span<const uint8_t> bytes) {
  BigEndianReader reader(bytes);
  PublicAreaUnverified area;
  ASSIGN_OR_RETURN(area.type, reader.Read<uint16_t>("type"));
  ASSIGN_OR_RETURN(area.name_algorithm, reader.Read<uint16_t>("nameAlg"));
  ASSIGN_OR_RETURN(area.attributes, reader.Read<uint32_t>("objectAttributes"));
  ASSIGN_OR_RETURN(area.auth_policy,
                   ReadSized(reader, kMaxDigestSize, "authPolicy"));
  if (area.type == kTpmAlgRsa) {
    RETURN_IF_ERROR(ReadRsa(reader, area));
  } else if (area.type == kTpmAlgEcc) {
    RETURN_IF_ERROR(ReadEcc(reader, area));
  } else {
    return InvalidArgument(
        fmt::format("type: want rsa or ecc, got {}", AlgorithmName(area.type)));
  }
  RETURN_IF_ERROR(reader.ExpectEnd("TPMT_PUBLIC"));
  return area;
}

// Part 1, 16: algorithm number and digest of the public area, octet for octet
// as given.
absl::StatusOr<TpmName> NameOf(std::span<const uint8_t> public_area) {
  ASSIGN_OR_RETURN(const PublicAreaUnverified area,
                   ParsePublicAreaUnverified(public_area));
  if (area.name_algorithm != kTpmAlgSha256) {
    return InvalidArgument(fmt::format("nameAlg: want sha256, got {}",
                                       AlgorithmName(area.name_algorithm)));
  }
  TpmName name{static_cast<uint8_t>(kTpmAlgSha256 >> 8U),
               static_cast<uint8_t>(kTpmAlgSha256 & 0xffU)};
  const crypto::Sha256Digest digest = crypto::Sha256(public_area);
  std::copy(digest.begin(), digest.end(), name.begin() + 2);
  return name;
}

std::string AlgorithmName(uint16_t algorithm) {
  static constexpr std::pair<uint16_t, const char*> kNames[] = {
      {kTpmAlgRsa, "rsa"},       {kTpmAlgSha1, "sha1"},
      {kTpmAlgAes, "aes"},       {kTpmAlgSha256, "sha256"},
      {kTpmAlgSha384, "sha384"}, {kTpmAlgSha512, "sha512"},
      {kTpmAlgNull, "null"},     {kTpmAlgSm3, "sm3"},
      {kTpmAlgRsassa, "rsassa"}, {kTpmAlgRsaes, "rsaes"},
      {kTpmAlgRsapss, "rsapss"}, {kTpmAlgOaep, "oaep"},
      {kTpmAlgEcdsa, "ecdsa"},   {kTpmAlgEcdaa, "ecdaa"},
      {kTpmAlgEcc, "ecc"}};
  for (const auto& [number, name] : kNames) {
    if (number == algorithm) {
      return name;
    }
  }
  return fmt::format("{:#06x}", algorithm);
}

}  // namespace constellation::attestation
