// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/cbor_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/byte_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxSize = 65536;
constexpr int kMaxDepth = 8;
constexpr size_t kMaxItems = 1024;
constexpr uint8_t kIndefinite = 31;  // additional information
constexpr uint8_t kBreak = 0xff;
constexpr uint8_t kFalse = 20;
constexpr uint8_t kTrue = 21;
constexpr uint8_t kNull = 22;

// Major types, RFC 8949 section 3.1.
enum Major : uint8_t {
  kMajorUnsigned = 0,
  kMajorNegative = 1,
  kMajorBytes = 2,
  kMajorText = 3,
  kMajorArray = 4,
  kMajorMap = 5,
  kMajorTag = 6,
  kMajorSimple = 7,
};

// Keys are equal if kind and value are.
bool SameKey(const CborItem& a, const CborItem& b) {
  return a.kind == b.kind && a.number == b.number &&
         std::ranges::equal(a.octets, b.octets);
}

// Reads front to back; each level of nesting is one call deeper, and there are
// at most kMaxDepth.
class Decoder final {
 public:
  explicit Decoder(std::span<const uint8_t> bytes)
      : bytes_(bytes), reader_(bytes) {}

  // One item and nothing behind it.
  absl::StatusOr<CborItem> Document() {
    CborItem item;
    RETURN_IF_ERROR(Decode(0, item));
    RETURN_IF_ERROR(reader_.ExpectEnd("CBOR"));
    return item;
  }

 private:
  absl::Status Wrong(size_t offset, std::string_view want) const {
    return InvalidArgument(
        fmt::format("CBOR at offset {}: want {}", offset, want));
  }

  // The argument behind the initial octet's additional information.
  absl::StatusOr<uint64_t> Argument(uint8_t info, size_t offset) {
    if (info < 24) {
      return info;
    }
    if (info > 27) {
      return Wrong(offset, "a definite, known length or number");
    }
    ASSIGN_OR_RETURN(const auto octets,
                     reader_.Take(size_t{1} << (info - 24U), "CBOR argument"));
    uint64_t value = 0;
    for (const uint8_t octet : octets) {
      value = value << 8U | octet;
    }
    // What the next shorter form can hold must use it.
    const uint64_t too_small =
        info == 24 ? 24 : uint64_t{1} << (4U * (size_t{1} << (info - 24U)));
    if (value < too_small) {
      return Wrong(offset, "the shortest form of a number");
    }
    return value;
  }

  absl::Status Decode(int depth, CborItem& item) {
    const size_t offset = reader_.offset();
    if (depth > kMaxDepth || ++items_ > kMaxItems) {
      return Wrong(offset, fmt::format("nesting of at most {} and at most {} "
                                       "items",
                                       kMaxDepth, kMaxItems));
    }
    ASSIGN_OR_RETURN(const uint8_t initial, reader_.Read<uint8_t>("CBOR item"));
    const auto major = static_cast<uint8_t>(initial >> 5U);
    const auto info = static_cast<uint8_t>(initial & 31U);
    switch (major) {
      case kMajorArray:
      case kMajorMap:
        return DecodeContainer(depth, major == kMajorMap, info, offset, item);
      case kMajorSimple:
        return DecodeSimple(info, offset, item);
      case kMajorTag:
        return Wrong(offset, "an item without tag");
      default:
        break;
    }
    ASSIGN_OR_RETURN(item.number, Argument(info, offset));
    if (major == kMajorUnsigned || major == kMajorNegative) {
      item.kind =
          major == kMajorUnsigned ? CborKind::kUnsigned : CborKind::kNegative;
      return absl::OkStatus();
    }
    item.kind = major == kMajorBytes ? CborKind::kBytes : CborKind::kText;
    ASSIGN_OR_RETURN(item.octets, reader_.Take(std::exchange(item.number, 0),
                                               "CBOR string"));
    return absl::OkStatus();
  }

  // Major type 7.
  absl::Status DecodeSimple(uint8_t info, size_t offset, CborItem& item) {
    if (info == kNull) {
      item.kind = CborKind::kNull;
      return absl::OkStatus();
    }
    if (info != kFalse && info != kTrue) {
      return Wrong(offset, "false, true or null, no other simple value");
    }
    item.kind = CborKind::kBool;
    item.flag = info == kTrue;
    return absl::OkStatus();
  }

  // The end of an indefinite container.
  bool AtBreak() const {
    return reader_.remaining() > 0 && bytes_[reader_.offset()] == kBreak;
  }

  // A hostile count ends with the octets or with kMaxItems: nothing is
  // allocated for it beforehand.
  absl::Status DecodeContainer(int depth, bool map, uint8_t info, size_t offset,
                               CborItem& item) {
    item.kind = map ? CborKind::kMap : CborKind::kArray;
    if (info == kIndefinite) {
      while (!AtBreak()) {
        RETURN_IF_ERROR(DecodeEntry(depth, map, item));
      }
      return reader_.Take(1, "CBOR break").status();
    }
    ASSIGN_OR_RETURN(const uint64_t count, Argument(info, offset));
    for (uint64_t i = 0; i < count; ++i) {  // ends with the octets
      RETURN_IF_ERROR(DecodeEntry(depth, map, item));
    }
    return absl::OkStatus();
  }

  // One item of an array, or key and value of a map.
  absl::Status DecodeEntry(int depth, bool map, CborItem& item) {
    if (!map) {
      return Decode(depth + 1, item.items.emplace_back());
    }
    const size_t offset = reader_.offset();
    CborItem key;
    RETURN_IF_ERROR(Decode(depth + 1, key));
    if (key.kind != CborKind::kText && key.kind != CborKind::kUnsigned &&
        key.kind != CborKind::kNegative) {
      return Wrong(offset, "a map key that is a number or text");
    }
    for (size_t i = 0; i < item.items.size(); i += 2) {
      if (SameKey(item.items[i], key)) {
        return Wrong(offset, "a map key that was not there before");
      }
    }
    item.items.push_back(std::move(key));
    return Decode(depth + 1, item.items.emplace_back());
  }

  const std::span<const uint8_t> bytes_;
  BigEndianReader reader_;
  size_t items_ = 0;
};

}  // namespace

std::string_view ToString(CborKind kind) {
  switch (kind) {
    case CborKind::kUnsigned:
      return "unsigned";
    case CborKind::kNegative:
      return "negative";
    case CborKind::kBytes:
      return "bytes";
    case CborKind::kText:
      return "text";
    case CborKind::kArray:
      return "array";
    case CborKind::kMap:
      return "map";
    case CborKind::kBool:
      return "bool";
    case CborKind::kNull:
      return "null";
  }
  return "unknown";
}

// Not checked to be UTF-8; whoever shows it must.
std::string_view CborItem::text() const {
  return AsText(octets);
}

const CborItem* CborItem::Find(std::string_view key) const {
  for (size_t i = 0; kind == CborKind::kMap && i + 1 < items.size(); i += 2) {
    if (items[i].kind == CborKind::kText && items[i].text() == key) {
      return &items[i + 1];
    }
  }
  return nullptr;
}

const CborItem* CborItem::Find(uint64_t key) const {
  for (size_t i = 0; kind == CborKind::kMap && i + 1 < items.size(); i += 2) {
    if (items[i].kind == CborKind::kUnsigned && items[i].number == key) {
      return &items[i + 1];
    }
  }
  return nullptr;
}

// Bounded in size, depth and number of items before anything is allocated.
absl::StatusOr<CborItem> DecodeCbor(std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxSize) {
    return InvalidArgument(fmt::format("CBOR: want at most {} bytes, got {}",
                                       kMaxSize, bytes.size()));
  }
  return Decoder(bytes).Document();
}

}  // namespace constellation::attestation
