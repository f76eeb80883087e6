// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/nitro_document.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/aws/cbor_reader.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint8_t kTagCoseSign1 = 0xd2;  // 6.18
constexpr uint64_t kHeaderAlgorithm = 1;
constexpr size_t kMaxPcrs = 32;
constexpr size_t kPcrSize = 48;
constexpr size_t kMaxCertificate = 2048;
constexpr size_t kMaxBundle = 8;
constexpr size_t kMaxOptional = 1024;
constexpr size_t kMaxModuleId = 256;
// Year 9999: later instants have no text form.
constexpr uint64_t kMaxMilliseconds = 253402300799000;

// Names the kind, never the contents: those are hostile.
absl::Status Wrong(std::string_view field, std::string_view want,
                   const CborItem* got) {
  return InvalidArgument(
      fmt::format("nitro document: {}: want {}, got {}", field, want,
                  got == nullptr ? "nothing" : ToString(got->kind)));
}

// The field of that kind, which must be there.
absl::StatusOr<const CborItem*> Field(const CborItem& map,
                                      std::string_view name, CborKind kind) {
  const CborItem* item = map.Find(name);
  if (item == nullptr || item->kind != kind) {
    return Wrong(name, ToString(kind), item);
  }
  return item;
}

absl::StatusOr<std::span<const uint8_t>> SizedBytes(const CborItem& item,
                                                    std::string_view name,
                                                    size_t min, size_t max) {
  if (item.kind != CborKind::kBytes) {
    return Wrong(name, "bytes", &item);
  }
  if (item.octets.size() < min || item.octets.size() > max) {
    return InvalidArgument(
        fmt::format("nitro document: {}: want {} to {} bytes, got {}", name,
                    min, max, item.octets.size()));
  }
  return item.octets;
}

// Absent and null mean the same.
absl::Status ReadOptional(const CborItem& map, std::string_view name,
                          std::optional<std::span<const uint8_t>>& out) {
  const CborItem* item = map.Find(name);
  if (item == nullptr || item->IsNull()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(out, SizedBytes(*item, name, 0, kMaxOptional));
  return absl::OkStatus();
}

// Either kind of registers, never both.
absl::Status ReadPcrs(const CborItem& map, NitroDocumentUnverified& out) {
  const CborItem* enclave = map.Find("pcrs");
  const CborItem* tpm = map.Find("nitrotpm_pcrs");
  const CborItem* pcrs = enclave != nullptr ? enclave : tpm;
  if ((enclave != nullptr) == (tpm != nullptr) ||
      pcrs->kind != CborKind::kMap) {
    return Wrong("pcrs", "one map, pcrs or nitrotpm_pcrs", pcrs);
  }
  out.kind = tpm != nullptr ? NitroKind::kNitroTpm : NitroKind::kEnclave;
  const size_t count = pcrs->items.size() / 2;
  if (count == 0 || count > kMaxPcrs) {
    return InvalidArgument(fmt::format(
        "nitro document: pcrs: want 1 to {}, got {}", kMaxPcrs, count));
  }
  for (size_t i = 0; i < pcrs->items.size(); i += 2) {
    const CborItem& key = pcrs->items[i];
    if (key.kind != CborKind::kUnsigned || key.number >= kMaxPcrs) {
      return Wrong("pcrs", "indices of 0 to 31", &key);
    }
    ASSIGN_OR_RETURN(const auto value, SizedBytes(pcrs->items[i + 1], "pcrs",
                                                  kPcrSize, kPcrSize));
    out.pcrs.push_back(
        {.index = static_cast<uint32_t>(key.number), .value = value});
  }
  std::ranges::sort(out.pcrs, {}, &NitroPcr::index);
  return absl::OkStatus();
}

// The signer's certificate and those above it, unparsed.
absl::Status ReadCertificates(const CborItem& map,
                              NitroDocumentUnverified& out) {
  ASSIGN_OR_RETURN(const CborItem* certificate,
                   Field(map, "certificate", CborKind::kBytes));
  ASSIGN_OR_RETURN(out.certificate,
                   SizedBytes(*certificate, "certificate", 1, kMaxCertificate));
  ASSIGN_OR_RETURN(const CborItem* bundle,
                   Field(map, "cabundle", CborKind::kArray));
  if (bundle->items.empty() || bundle->items.size() > kMaxBundle) {
    return InvalidArgument(
        fmt::format("nitro document: cabundle: want 1 to {}, got {}",
                    kMaxBundle, bundle->items.size()));
  }
  for (const CborItem& item : bundle->items) {
    ASSIGN_OR_RETURN(const auto der,
                     SizedBytes(item, "cabundle", 1, kMaxCertificate));
    out.ca_bundle.push_back(der);
  }
  return absl::OkStatus();
}

// A field that is not known could change what the others mean.
absl::Status CheckFieldNames(const CborItem& map) {
  static constexpr std::string_view kKnown[] = {
      "module_id",   "digest",   "timestamp",  "pcrs",      "nitrotpm_pcrs",
      "certificate", "cabundle", "public_key", "user_data", "nonce"};
  for (size_t i = 0; i < map.items.size(); i += 2) {
    const CborItem& key = map.items[i];
    if (key.kind != CborKind::kText ||
        std::ranges::find(kKnown, key.text()) == std::end(kKnown)) {
      return Wrong("field names", "known ones", &key);
    }
  }
  return absl::OkStatus();
}

// Initial octet and argument, shortest form (RFC 8949 section 4.2.1): what the
// signer hashed.
void AppendHead(uint8_t major, size_t size, Bytes& out) {
  if (size < 24) {
    out.push_back(static_cast<uint8_t>(major | size));
  } else if (size < 0x100) {
    out.push_back(major | 24U);
    out.push_back(static_cast<uint8_t>(size));
  } else if (size < 0x10000) {
    out.push_back(major | 25U);
    out.push_back(static_cast<uint8_t>(size >> 8U));
    out.push_back(static_cast<uint8_t>(size));
  } else {
    out.push_back(major | 26U);
    for (unsigned shift = 32; shift > 0; shift -= 8) {
      out.push_back(static_cast<uint8_t>(size >> (shift - 8)));
    }
  }
}

void AppendByteString(std::span<const uint8_t> octets, Bytes& out) {
  AppendHead(0x40, octets.size(), out);
  out.insert(out.end(), octets.begin(), octets.end());
}

}  // namespace

// RFC 9052 4.2. Unprotected headers are not signed, so there must be none.
absl::StatusOr<CoseSign1Unverified> ParseCoseSign1Unverified(
    std::span<const uint8_t> bytes) {
  if (!bytes.empty() && bytes[0] == kTagCoseSign1) {
    bytes = bytes.subspan(1);
  }
  ASSIGN_OR_RETURN(const CborItem message, DecodeCbor(bytes));
  if (message.kind != CborKind::kArray || message.items.size() != 4 ||
      message.items[0].kind != CborKind::kBytes ||
      message.items[1].kind != CborKind::kMap ||
      message.items[2].kind != CborKind::kBytes ||
      message.items[3].kind != CborKind::kBytes) {
    return InvalidArgument(
        "COSE_Sign1: want an array of bytes, map, bytes, bytes");
  }
  if (!message.items[1].items.empty()) {
    return InvalidArgument(
        "COSE_Sign1: want an empty unprotected header, got entries");
  }
  CoseSign1Unverified cose{.protected_header = message.items[0].octets,
                           .algorithm = 0,
                           .payload = message.items[2].octets,
                           .signature = message.items[3].octets};
  ASSIGN_OR_RETURN(const CborItem header, DecodeCbor(cose.protected_header));
  const CborItem* algorithm = header.Find(kHeaderAlgorithm);
  if (algorithm == nullptr || header.items.size() != 2 ||
      algorithm->kind != CborKind::kNegative || algorithm->number > 0xffff) {
    return InvalidArgument(
        "COSE_Sign1: want a protected header with an algorithm alone");
  }
  cose.algorithm = -1 - static_cast<int64_t>(algorithm->number);
  return cose;
}

// RFC 9052 4.4: what the signature is over.
Bytes CoseSigStructure(const CoseSign1Unverified& message) {
  constexpr std::string_view kContext = "Signature1";
  Bytes out{0x84};  // array of 4
  out.reserve(message.payload.size() + message.protected_header.size() + 32);
  AppendHead(0x60, kContext.size(), out);
  out.insert(out.end(), kContext.begin(), kContext.end());
  AppendByteString(message.protected_header, out);
  AppendByteString({}, out);  // external_aad
  AppendByteString(message.payload, out);
  return out;
}

std::string_view ToString(NitroKind kind) {
  return kind == NitroKind::kNitroTpm ? "NitroTPM" : "Nitro Enclave";
}

std::span<const uint8_t> NitroDocumentUnverified::pcr(uint32_t index) const {
  const auto found = std::ranges::find(pcrs, index, &NitroPcr::index);
  return found == pcrs.end() ? std::span<const uint8_t>() : found->value;
}

// Amazon's "Verifying the root of trust" lists fields and bounds.
absl::StatusOr<NitroDocumentUnverified> ParseNitroDocumentUnverified(
    std::span<const uint8_t> payload) {
  ASSIGN_OR_RETURN(const CborItem map, DecodeCbor(payload));
  if (map.kind != CborKind::kMap) {
    return Wrong("document", "map", &map);
  }
  RETURN_IF_ERROR(CheckFieldNames(map));
  NitroDocumentUnverified out;
  ASSIGN_OR_RETURN(const CborItem* id,
                   Field(map, "module_id", CborKind::kText));
  const bool printable = std::ranges::all_of(
      id->octets, [](uint8_t c) { return c >= 0x20 && c <= 0x7e; });
  if (id->octets.empty() || id->octets.size() > kMaxModuleId || !printable) {
    return Wrong("module_id", "1 to 256 printable characters", id);
  }
  out.module_id = std::string(id->text());
  ASSIGN_OR_RETURN(const CborItem* digest,
                   Field(map, "digest", CborKind::kText));
  if (digest->text() != "SHA384") {
    return Wrong("digest", "\"SHA384\"", digest);
  }
  ASSIGN_OR_RETURN(const CborItem* time,
                   Field(map, "timestamp", CborKind::kUnsigned));
  if (time->number == 0 || time->number > kMaxMilliseconds) {
    return Wrong("timestamp", "milliseconds since 1970", time);
  }
  out.timestamp = absl::FromUnixMillis(static_cast<int64_t>(time->number));
  RETURN_IF_ERROR(ReadPcrs(map, out));
  RETURN_IF_ERROR(ReadCertificates(map, out));
  RETURN_IF_ERROR(ReadOptional(map, "public_key", out.public_key));
  RETURN_IF_ERROR(ReadOptional(map, "user_data", out.user_data));
  RETURN_IF_ERROR(ReadOptional(map, "nonce", out.nonce));
  return out;
}

}  // namespace constellation::attestation
