// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_DER_H_
#define CONSTELLATION_CRYPTO_DER_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"

namespace constellation::crypto {

// Identifier octets of X.690, class and "constructed" bit included.
inline constexpr uint8_t kDerBoolean = 0x01;
inline constexpr uint8_t kDerInteger = 0x02;
inline constexpr uint8_t kDerBitString = 0x03;
inline constexpr uint8_t kDerOctetString = 0x04;
inline constexpr uint8_t kDerNull = 0x05;
inline constexpr uint8_t kDerOid = 0x06;
inline constexpr uint8_t kDerEnumerated = 0x0a;
inline constexpr uint8_t kDerUtf8String = 0x0c;
inline constexpr uint8_t kDerPrintableString = 0x13;
inline constexpr uint8_t kDerTeletexString = 0x14;
inline constexpr uint8_t kDerIa5String = 0x16;
inline constexpr uint8_t kDerUtcTime = 0x17;
inline constexpr uint8_t kDerGeneralizedTime = 0x18;
inline constexpr uint8_t kDerSequence = 0x30;
inline constexpr uint8_t kDerSet = 0x31;
// Context-specific, constructed: [0] to [3], as EXPLICIT tags have it.
inline constexpr uint8_t kDerContext0 = 0xa0;
inline constexpr uint8_t kDerContext1 = 0xa1;
inline constexpr uint8_t kDerContext2 = 0xa2;
inline constexpr uint8_t kDerContext3 = 0xa3;

// One element of DER. Both spans point into the octets that were read.
struct DerElement {
  uint8_t tag = 0;
  std::span<const uint8_t> contents;  // without identifier and length
  std::span<const uint8_t> whole;     // with them
};

// Reads the elements of one level of DER (X.690 section 10), front to back:
// definite lengths in their shortest form, tag numbers below 31, at most 2^32-1
// octets. It allocates nothing and does not descend: give an element's contents
// to another reader. Errors are INVALID_ARGUMENT and name the field, the
// offset, what was wanted and what was found. Not thread-safe; the octets must
// outlive the reader and all it returned.
class DerReader final {
 public:
  // At the first of `octets`; none are looked at yet.
  explicit DerReader(std::span<const uint8_t> octets) : octets_(octets) {}

  // Whether everything was read.
  bool empty() const { return offset_ == octets_.size(); }
  // The identifier octet that comes next, or nothing at the end.
  std::optional<uint8_t> PeekTag() const;
  // The next element, whatever its tag.
  absl::StatusOr<DerElement> Next();
  // The contents of the next element, whose tag must be `tag`; `field` names it
  // in errors.
  absl::StatusOr<std::span<const uint8_t>> Read(uint8_t tag,
                                                std::string_view field);
  // The same with the element's own header.
  absl::StatusOr<DerElement> ReadElement(uint8_t tag, std::string_view field);
  // The contents if the next element has `tag`. Nothing is read if it has
  // another one or is malformed: then the next Read() or ExpectEnd() fails, so
  // end every level with ExpectEnd().
  std::optional<std::span<const uint8_t>> ReadOptional(uint8_t tag);
  // OK if everything was read.
  absl::Status ExpectEnd(std::string_view what) const;

 private:
  absl::StatusOr<DerElement> Parse(std::string_view field) const;
  std::span<const uint8_t> octets_;
  size_t offset_ = 0;
};

// One element: `tag`, the length in its shortest form, and `parts` one behind
// the other as its contents, which are not looked at.
Bytes DerEncode(uint8_t tag,
                std::initializer_list<std::span<const uint8_t>> parts);

// The value of an INTEGER or ENUMERATED of 0 to 2^64-1 from its contents.
// INVALID_ARGUMENT if it is negative, longer, or not in its shortest form.
absl::StatusOr<uint64_t> DerUnsigned(std::span<const uint8_t> contents,
                                     std::string_view field);
// The magnitude of a non-negative INTEGER of any size, big-endian, without
// leading zeros (empty for 0). INVALID_ARGUMENT as above.
absl::StatusOr<std::span<const uint8_t>> DerMagnitude(
    std::span<const uint8_t> contents, std::string_view field);
// INVALID_ARGUMENT unless `contents` are those of an INTEGER in its shortest
// form; it may be negative.
absl::Status CheckDerInteger(std::span<const uint8_t> contents,
                             std::string_view field);
// A BOOLEAN's contents: 00 or ff, nothing else (X.690 section 11.1).
absl::StatusOr<bool> DerBool(std::span<const uint8_t> contents,
                             std::string_view field);
// The octets of a BIT STRING without unused bits.
absl::StatusOr<std::span<const uint8_t>> DerBitOctets(
    std::span<const uint8_t> contents, std::string_view field);
// UTCTime (RFC 5280 section 4.1.2.5.1: 1950 to 2049) or GeneralizedTime, both
// to the second and ending in Z. INVALID_ARGUMENT for any other form or date.
absl::StatusOr<absl::Time> DerTime(const DerElement& element,
                                   std::string_view field);
// Dotted text of an object identifier's contents, e.g. "2.5.29.19", for people.
// Malformed contents give "malformed (<hex>)".
std::string DerOidText(std::span<const uint8_t> contents);

// The two numbers of an ECDSA signature, big-endian, without leading zeros.
struct EcdsaSignature {
  std::span<const uint8_t> r;
  std::span<const uint8_t> s;
};

// SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 section 2.2.3) and nothing behind
// it. INVALID_ARGUMENT otherwise. Whether the numbers fit a curve is left to
// PublicKey::VerifyEcdsa(). The spans point into `der`.
absl::StatusOr<EcdsaSignature> ParseEcdsaSignature(
    std::span<const uint8_t> der);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_DER_H_
