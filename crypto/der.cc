// SPDX-License-Identifier: Apache-2.0
#include "crypto/der.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "absl/time/civil_time.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::crypto {
namespace {

// The offset counts from where the reader began, not from the file's start.
absl::Status Malformed(std::string_view field, size_t offset,
                       std::string_view problem) {
  return InvalidArgument(
      fmt::format("{} at offset {}: {}", field, offset, problem));
}

// The two digits at `position`, or -1.
int TwoDigits(std::string_view text, size_t position) {
  const char tens = text[position];
  const char units = text[position + 1];
  if (tens < '0' || tens > '9' || units < '0' || units > '9') {
    return -1;
  }
  return (tens - '0') * 10 + (units - '0');
}

}  // namespace

std::optional<uint8_t> DerReader::PeekTag() const {
  return empty() ? std::nullopt : std::optional<uint8_t>(octets_[offset_]);
}

// X.690 10.1: definite lengths in the shortest form, so that one value has one
// encoding. Four octets of length are more than anything here needs.
absl::StatusOr<DerElement> DerReader::Parse(std::string_view field) const {
  const std::span<const uint8_t> rest = octets_.subspan(offset_);
  if (rest.size() < 2) {
    return Malformed(field, offset_, "want an element, got the end");
  }
  if ((rest[0] & 0x1fU) == 0x1fU) {
    return Malformed(field, offset_, "tag numbers above 30 are not supported");
  }
  size_t header = 2;
  size_t length = rest[1];
  if (length > 0x7f) {
    const size_t count = length & 0x7fU;
    if (count == 0 || count > 4) {
      return Malformed(field, offset_,
                       "want a definite length of at most four octets");
    }
    if (rest.size() < 2 + count) {
      return Malformed(field, offset_, "the length is truncated");
    }
    length = 0;
    for (size_t i = 0; i < count; ++i) {
      length = length << 8U | rest[2 + i];
    }
    if (length < 0x80 || length >> (8 * (count - 1)) == 0) {
      return Malformed(field, offset_, "the length is not in shortest form");
    }
    header += count;
  }
  if (length > rest.size() - header) {
    return Malformed(
        field, offset_,
        fmt::format("want {} octets, got {}", length, rest.size() - header));
  }
  return DerElement{.tag = rest[0],
                    .contents = rest.subspan(header, length),
                    .whole = rest.first(header + length)};
}

absl::StatusOr<DerElement> DerReader::Next() {
  absl::StatusOr<DerElement> element = Parse("DER element");
  if (element.ok()) {
    offset_ += element->whole.size();
  }
  return element;
}

absl::StatusOr<DerElement> DerReader::ReadElement(uint8_t tag,
                                                  std::string_view field) {
  absl::StatusOr<DerElement> element = Parse(field);
  if (!element.ok()) {
    return element;
  }
  if (element->tag != tag) {
    return Malformed(
        field, offset_,
        fmt::format("want tag {:#04x}, got {:#04x}", tag, element->tag));
  }
  offset_ += element->whole.size();
  return element;
}

absl::StatusOr<std::span<const uint8_t>> DerReader::Read(
    uint8_t tag, std::string_view field) {
  ASSIGN_OR_RETURN(const DerElement element, ReadElement(tag, field));
  return element.contents;
}

// An element that is broken counts as absent: the next read of the same octets
// then reports it.
std::optional<std::span<const uint8_t>> DerReader::ReadOptional(uint8_t tag) {
  if (PeekTag() != tag) {
    return std::nullopt;
  }
  const absl::StatusOr<DerElement> element = Parse("DER element");
  if (!element.ok()) {
    return std::nullopt;
  }
  offset_ += element->whole.size();
  return element->contents;
}

absl::Status DerReader::ExpectEnd(std::string_view what) const {
  if (empty()) {
    return absl::OkStatus();
  }
  return Malformed(what, offset_,
                   fmt::format("want the end, got {} more octets",
                               octets_.size() - offset_));
}

// X.690 8.3.2: the first nine bits are neither all zero nor all one.
absl::Status CheckDerInteger(std::span<const uint8_t> contents,
                             std::string_view field) {
  if (contents.empty()) {
    return InvalidArgument(fmt::format("{}: the integer is empty", field));
  }
  if (contents.size() > 1 && ((contents[0] == 0 && contents[1] < 0x80) ||
                              (contents[0] == 0xff && contents[1] >= 0x80))) {
    return InvalidArgument(
        fmt::format("{}: the integer is not in shortest form", field));
  }
  return absl::OkStatus();
}

// Zero has an empty magnitude.
absl::StatusOr<std::span<const uint8_t>> DerMagnitude(
    std::span<const uint8_t> contents, std::string_view field) {
  RETURN_IF_ERROR(CheckDerInteger(contents, field));
  if (contents[0] >= 0x80) {
    return InvalidArgument(
        fmt::format("{}: want a non-negative integer", field));
  }
  return contents[0] == 0 ? contents.subspan(1) : contents;
}

absl::StatusOr<uint64_t> DerUnsigned(std::span<const uint8_t> contents,
                                     std::string_view field) {
  ASSIGN_OR_RETURN(const std::span<const uint8_t> magnitude,
                   DerMagnitude(contents, field));
  if (magnitude.size() > sizeof(uint64_t)) {
    return InvalidArgument(
        fmt::format("{}: want an integer of at most 8 octets, got {}", field,
                    magnitude.size()));
  }
  uint64_t value = 0;
  for (const uint8_t octet : magnitude) {
    value = value << 8U | octet;
  }
  return value;
}

// X.690 11.1: TRUE is ff.
absl::StatusOr<bool> DerBool(std::span<const uint8_t> contents,
                             std::string_view field) {
  if (contents.size() != 1 || (contents[0] != 0 && contents[0] != 0xff)) {
    return InvalidArgument(
        fmt::format("{}: want a boolean of 00 or ff", field));
  }
  return contents[0] != 0;
}

// Keys and signatures are whole octets; bit strings of names are read
// elsewhere.
absl::StatusOr<std::span<const uint8_t>> DerBitOctets(
    std::span<const uint8_t> contents, std::string_view field) {
  if (contents.empty() || contents[0] != 0) {
    return InvalidArgument(
        fmt::format("{}: want a bit string of whole octets", field));
  }
  return contents.subspan(1);
}

// RFC 5280 4.1.2.5: seconds and "Z" are mandatory, fractions are not allowed.
absl::StatusOr<absl::Time> DerTime(const DerElement& element,
                                   std::string_view field) {
  const std::string_view text = AsText(element.contents);
  const bool utc = element.tag == kDerUtcTime;
  const size_t year_digits = utc ? 2 : 4;
  if ((!utc && element.tag != kDerGeneralizedTime) ||
      text.size() != year_digits + 11 || text.back() != 'Z') {
    return InvalidArgument(
        fmt::format("{}: want a time to the second that ends in Z", field));
  }
  std::array<int, 7> pairs{};
  const size_t count = (text.size() - 1) / 2;
  for (size_t i = 0; i < count; ++i) {
    pairs[i] = TwoDigits(text, 2 * i);
    if (pairs[i] < 0) {
      return InvalidArgument(fmt::format("{}: want digits in a time", field));
    }
  }
  // RFC 5280: two-digit years from 50 on are of the last century.
  const int year = utc ? pairs[0] + (pairs[0] >= 50 ? 1900 : 2000)
                       : pairs[0] * 100 + pairs[1];
  const auto rest = std::span(pairs).subspan(utc ? 1 : 2);
  const absl::CivilSecond civil(year, rest[0], rest[1], rest[2], rest[3],
                                rest[4]);
  // CivilSecond carries what is out of range over to the next field.
  if (civil.year() != year || civil.month() != rest[0] ||
      civil.day() != rest[1] || civil.hour() != rest[2] ||
      civil.minute() != rest[3] || civil.second() != rest[4]) {
    return InvalidArgument(fmt::format("{}: there is no such time", field));
  }
  return absl::FromCivil(civil, absl::UTCTimeZone());
}

// For messages: hostile octets give a text of bounded length, never an error.
std::string DerOidText(std::span<const uint8_t> contents) {
  std::string text;
  uint64_t arc = 0;
  size_t arc_octets = 0;
  for (const uint8_t octet : contents) {
    arc = arc << 7U | (octet & 0x7fU);
    if (++arc_octets > 8) {
      break;  // more than 56 bits: left unfinished, so shown as hex
    }
    if (octet >= 0x80) {
      continue;
    }
    if (text.empty()) {
      const uint64_t first = std::min<uint64_t>(arc / 40, 2);
      text = fmt::format("{}.{}", first, arc - 40 * first);
    } else {
      text += fmt::format(".{}", arc);
    }
    arc = 0;
    arc_octets = 0;
  }
  if (text.empty() || arc_octets != 0) {
    return fmt::format("malformed ({})", HexEncode(contents));
  }
  return text;
}

// X.690 8.1.3 and 10.1.
Bytes DerEncode(uint8_t tag,
                std::initializer_list<std::span<const uint8_t>> parts) {
  size_t size = 0;
  for (const std::span<const uint8_t> part : parts) size += part.size();
  Bytes element{tag};
  if (size < 0x80) {
    element.push_back(static_cast<uint8_t>(size));
  } else {
    unsigned octets = 1;
    while (size >> (8 * octets) != 0) ++octets;
    element.push_back(static_cast<uint8_t>(0x80 | octets));
    while (octets-- > 0) {
      element.push_back(static_cast<uint8_t>(size >> (8 * octets)));
    }
  }
  element.reserve(element.size() + size);
  for (const std::span<const uint8_t> part : parts) {
    element.insert(element.end(), part.begin(), part.end());
  }
  return element;
}

// Strict DER on purpose: lax readers are where one signature gets two
// encodings.
absl::StatusOr<EcdsaSignature> ParseEcdsaSignature(
    std::span<const uint8_t> der) {
  DerReader outer(der);
  ASSIGN_OR_RETURN(const std::span<const uint8_t> contents,
                   outer.Read(kDerSequence, "ECDSA signature"));
  RETURN_IF_ERROR(outer.ExpectEnd("ECDSA signature"));
  DerReader numbers(contents);
  ASSIGN_OR_RETURN(const std::span<const uint8_t> r,
                   numbers.Read(kDerInteger, "ECDSA signature: r"));
  ASSIGN_OR_RETURN(const std::span<const uint8_t> s,
                   numbers.Read(kDerInteger, "ECDSA signature: s"));
  RETURN_IF_ERROR(numbers.ExpectEnd("ECDSA signature"));
  EcdsaSignature signature;
  ASSIGN_OR_RETURN(signature.r, DerMagnitude(r, "ECDSA signature: r"));
  ASSIGN_OR_RETURN(signature.s, DerMagnitude(s, "ECDSA signature: s"));
  return signature;
}

}  // namespace constellation::crypto
