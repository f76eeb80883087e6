// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/nsm_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "attestation/byte_reader.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// RFC 8949: the major type is in the upper three bits of a head.
constexpr uint8_t kBytesMajor = 2U << 5U;
constexpr uint8_t kTextMajor = 3U << 5U;
constexpr uint8_t kMapMajor = 5U << 5U;
constexpr uint8_t kMajorMask = 0xe0;
constexpr uint8_t kNull = 0xf6;
constexpr uint8_t kOneOctet = 24;  // and 25, 26: two and four octets follow
constexpr size_t kMaxDocument = size_t{16} << 10U;
constexpr size_t kMaxWord = 64;

// Shortest form, as the NSM writes it.
void AppendHead(Bytes& out, uint8_t major, size_t length) {
  if (length < kOneOctet) {
    out.push_back(static_cast<uint8_t>(major | length));
  } else if (length <= 0xff) {
    out.push_back(major | kOneOctet);
    out.push_back(static_cast<uint8_t>(length));
  } else {
    out.push_back(major | (kOneOctet + 1));
    out.push_back(static_cast<uint8_t>(length >> 8U));
    out.push_back(static_cast<uint8_t>(length));
  }
}

void AppendText(Bytes& out, std::string_view text) {
  AppendHead(out, kTextMajor, text.size());
  const std::span<const uint8_t> octets = AsBytes(text);
  out.insert(out.end(), octets.begin(), octets.end());
}

// Null means absent (serde's Option).
absl::Status AppendField(Bytes& out, std::string_view name,
                         const Bytes& value) {
  if (value.size() > kMaxNsmField) {
    return InvalidArgument(fmt::format("{}: want at most {} bytes, got {}",
                                       name, kMaxNsmField, value.size()));
  }
  AppendText(out, name);
  if (value.empty()) {
    out.push_back(kNull);
  } else {
    AppendHead(out, kBytesMajor, value.size());
    out.insert(out.end(), value.begin(), value.end());
  }
  return absl::OkStatus();
}

// The length in a head of type `major`, in any of its definite forms.
absl::StatusOr<size_t> ReadLength(BigEndianReader& reader, uint8_t major,
                                  std::string_view field) {
  ASSIGN_OR_RETURN(const auto head, reader.Read<uint8_t>(field));
  const uint8_t info = head & static_cast<uint8_t>(~kMajorMask);
  if ((head & kMajorMask) == major && info < kOneOctet) {
    return size_t{info};
  }
  if ((head & kMajorMask) == major && info == kOneOctet) {
    ASSIGN_OR_RETURN(const auto length, reader.Read<uint8_t>(field));
    return size_t{length};
  }
  if ((head & kMajorMask) == major && info == kOneOctet + 1) {
    ASSIGN_OR_RETURN(const auto length, reader.Read<uint16_t>(field));
    return size_t{length};
  }
  if ((head & kMajorMask) == major && info == kOneOctet + 2) {
    ASSIGN_OR_RETURN(const auto length, reader.Read<uint32_t>(field));
    return size_t{length};
  }
  return InvalidArgument(
      fmt::format("NSM answer: {}: got CBOR head {:#04x}", field, head));
}

absl::StatusOr<std::span<const uint8_t>> ReadString(BigEndianReader& reader,
                                                    uint8_t major,
                                                    size_t max_size,
                                                    std::string_view field) {
  ASSIGN_OR_RETURN(const size_t length, ReadLength(reader, major, field));
  if (length > max_size) {
    return InvalidArgument(
        fmt::format("NSM answer: {}: want at most {} bytes, got {}", field,
                    max_size, length));
  }
  return reader.Take(length, field);
}

// The only key of a map with one entry.
absl::StatusOr<std::string_view> ReadOnlyKey(BigEndianReader& reader,
                                             std::string_view field) {
  ASSIGN_OR_RETURN(const size_t entries, ReadLength(reader, kMapMajor, field));
  if (entries != 1) {
    return InvalidArgument(
        fmt::format("NSM answer: {}: want one entry, got {}", field, entries));
  }
  ASSIGN_OR_RETURN(const auto key,
                   ReadString(reader, kTextMajor, kMaxWord, field));
  return AsText(key);
}

}  // namespace

absl::StatusOr<Bytes> EncodeNsmRequest(const NsmAttestationRequest& request) {
  Bytes out;
  AppendHead(out, kMapMajor, 1);
  AppendText(out, "Attestation");
  AppendHead(out, kMapMajor, 3);
  RETURN_IF_ERROR(AppendField(out, "user_data", request.user_data));
  RETURN_IF_ERROR(AppendField(out, "nonce", request.nonce));
  RETURN_IF_ERROR(AppendField(out, "public_key", request.public_key));
  return out;
}

// The answer lies in a buffer of the index's size: octets behind the document
// are ignored.
absl::StatusOr<Bytes> DecodeNsmAnswer(std::span<const uint8_t> answer) {
  BigEndianReader reader(answer);
  ASSIGN_OR_RETURN(const std::string_view kind, ReadOnlyKey(reader, "answer"));
  if (kind == "Error") {
    ASSIGN_OR_RETURN(const auto word,
                     ReadString(reader, kTextMajor, kMaxWord, "error"));
    std::string shown(AsText(word));
    std::ranges::replace_if(
        shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    return Internal("NSM request refused: " + shown);
  }
  if (kind != "Attestation") {
    return InvalidArgument("NSM answer: want \"Attestation\"");
  }
  ASSIGN_OR_RETURN(const std::string_view name,
                   ReadOnlyKey(reader, "Attestation"));
  if (name != "document") {
    return InvalidArgument("NSM answer: want \"document\"");
  }
  ASSIGN_OR_RETURN(const auto document,
                   ReadString(reader, kBytesMajor, kMaxDocument, "document"));
  return Bytes(document.begin(), document.end());
}

}  // namespace constellation::attestation
