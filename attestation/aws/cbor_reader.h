// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AWS_CBOR_READER_H_
#define CONSTELLATION_ATTESTATION_AWS_CBOR_READER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::attestation {

// Kinds of data item that attestation documents consist of (RFC 8949 section
// 3.1). Tags, floating point, chunked strings and other simple values are
// refused: no document has them.
enum class CborKind {
  kUnsigned,
  kNegative,
  kBytes,
  kText,
  kArray,
  kMap,
  kBool,
  kNull,
};
// "bytes", "map", ...
std::string_view ToString(CborKind kind);

// One data item of a decoded document. Octets and text point into the document.
struct CborItem {
  CborKind kind = CborKind::kNull;
  uint64_t number = 0;              // kUnsigned; kNegative: -1 - number
  bool flag = false;                // kBool
  std::span<const uint8_t> octets;  // kBytes, kText (UTF-8 is not checked)
  // kArray: the items. kMap: key, value, key, value, ...
  std::vector<CborItem> items;

  // kText as text.
  std::string_view text() const;
  bool IsNull() const { return kind == CborKind::kNull; }
  // In a map: the value of a text or an unsigned key, or null.
  const CborItem* Find(std::string_view key) const;
  const CborItem* Find(uint64_t key) const;
};

// Decodes one data item that fills `bytes` exactly. Definite and, for arrays
// and maps, indefinite lengths; integers in their shortest form only; map keys
// are integers or texts and unique; nesting of at most 8, at most 1024 items,
// at most 64 KiB. So memory is bounded, whatever lengths the document claims.
//
// INVALID_ARGUMENT with the offset and what was wanted otherwise. Pure;
// thread-safe.
absl::StatusOr<CborItem> DecodeCbor(std::span<const uint8_t> bytes);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AWS_CBOR_READER_H_
