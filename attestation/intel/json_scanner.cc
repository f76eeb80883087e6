// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/json_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Intel's documents nest 6 deep and have 19 keys in an object.
constexpr int kMaxDepth = 12;
constexpr size_t kMaxKeys = 40;

// A std::string_view would be set to zero first.
struct Key {
  const char* data;
  size_t size;
  bool Is(std::string_view other) const {
    return std::string_view(data, size) == other;
  }
};

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Halves of a character beyond U+FFFF (RFC 8259, 7).
bool IsHighSurrogate(uint16_t unit) {
  return unit >= 0xd800 && unit <= 0xdbff;
}
bool IsLowSurrogate(uint16_t unit) {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

}  // namespace

void JsonScanner::SkipSpace() {
  while (offset_ < text_.size() && IsSpace(text_[offset_])) {
    ++offset_;
  }
}

size_t JsonScanner::ValueOffset() {
  SkipSpace();
  return offset_;
}

// NUL at the end of the text; no token begins with it.
char JsonScanner::Peek() {
  SkipSpace();
  return offset_ < text_.size() ? text_[offset_] : '\0';
}

bool JsonScanner::Accept(char wanted) {
  if (Peek() != wanted || offset_ == text_.size()) {
    return false;
  }
  ++offset_;
  return true;
}

// The offset and one character: the text itself is hostile and may be large.
absl::Status JsonScanner::Error(std::string_view wanted) const {
  if (offset_ >= text_.size()) {
    return InvalidArgument(fmt::format(
        "JSON at offset {}: want {}, got the end", offset_, wanted));
  }
  return InvalidArgument(
      fmt::format("JSON at offset {}: want {}, got character {:#04x}", offset_,
                  wanted, static_cast<unsigned char>(text_[offset_])));
}

absl::Status JsonScanner::Expect(char wanted, std::string_view what) {
  return Accept(wanted) ? absl::OkStatus() : Error(what);
}

// Keys that occur twice are refused (RFC 8259 4 leaves it open): a signed
// document must mean one thing. The list is bounded and searched in order,
// which is faster than a set at this size.
absl::Status JsonScanner::ReadObject(
    absl::FunctionRef<absl::Status(std::string_view key)> field) {
  if (++depth_ > kMaxDepth) {
    return Error(fmt::format("nesting of at most {}", kMaxDepth));
  }
  RETURN_IF_ERROR(Expect('{', "an object"));
  Key keys[kMaxKeys];  // left uninitialised: there are many small objects
  size_t count = 0;
  bool more = !Accept('}');
  while (more) {
    if (count == kMaxKeys) {
      return Error(fmt::format("at most {} keys in an object", kMaxKeys));
    }
    if (Peek() != '"') {
      return Error("a key");
    }
    ASSIGN_OR_RETURN(const std::string_view key, ScanString(false));
    if (std::any_of(keys, keys + count,
                    [key](const Key& other) { return other.Is(key); })) {
      return InvalidArgument(fmt::format(
          "JSON at offset {}: key \"{}\" is given twice", offset_, key));
    }
    keys[count++] = {.data = key.data(), .size = key.size()};
    RETURN_IF_ERROR(Expect(':', "':'"));
    RETURN_IF_ERROR(field(key));
    more = Accept(',');
    if (!more) {
      RETURN_IF_ERROR(Expect('}', "',' or '}'"));
    }
  }
  --depth_;
  return absl::OkStatus();
}

// `max` is the reader's own bound, for elements cost memory.
absl::Status JsonScanner::ReadArray(size_t max,
                                    absl::FunctionRef<absl::Status()> element) {
  if (++depth_ > kMaxDepth) {
    return Error(fmt::format("nesting of at most {}", kMaxDepth));
  }
  RETURN_IF_ERROR(Expect('[', "an array"));
  size_t count = 0;
  bool more = !Accept(']');
  while (more) {
    if (count++ == max) {
      return Error(fmt::format("at most {} elements", max));
    }
    RETURN_IF_ERROR(element());
    more = Accept(',');
    if (!more) {
      RETURN_IF_ERROR(Expect(']', "',' or ']'"));
    }
  }
  --depth_;
  return absl::OkStatus();
}

// At the 'u' of an escape sequence.
absl::StatusOr<uint16_t> JsonScanner::ScanCodeUnit() {
  ++offset_;
  const size_t start = offset_;
  while (offset_ - start < 4) {
    if (offset_ >= text_.size() || !IsHexDigit(text_[offset_])) {
      return Error("four hex digits");
    }
    ++offset_;
  }
  uint16_t unit = 0;
  std::from_chars(text_.data() + start, text_.data() + offset_, unit, 16);
  return unit;
}

// At a backslash. Halves of pairs are refused: what others make of them differs
// (RFC 8259, 8.2).
absl::Status JsonScanner::SkipEscape() {
  ++offset_;  // the backslash
  const char kind = offset_ < text_.size() ? text_[offset_] : '\0';
  if (kind != 'u') {
    if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) {
      return Error("an escape sequence");
    }
    ++offset_;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const uint16_t first, ScanCodeUnit());
  if (IsLowSurrogate(first)) {
    return Error("the first half of a surrogate pair before this");
  }
  if (IsHighSurrogate(first)) {
    if (text_.substr(offset_, 2) != "\\u") {
      return Error("the second half of a surrogate pair");
    }
    ++offset_;
    ASSIGN_OR_RETURN(const uint16_t second, ScanCodeUnit());
    if (!IsLowSurrogate(second)) {
      return Error("the second half of a surrogate pair before this");
    }
  }
  return absl::OkStatus();
}

// Escapes are allowed only where the value is skipped: whatever is compared or
// decoded has none in Intel's documents.
absl::StatusOr<std::string_view> JsonScanner::ScanString(bool allow_escapes) {
  RETURN_IF_ERROR(Expect('"', "a string"));
  const size_t start = offset_;
  while (offset_ < text_.size() && text_[offset_] != '"') {
    const char c = text_[offset_];
    if (c < 0x20 || c > 0x7e) {  // char may be signed: c < 0 is refused too
      return Error("printable ASCII");
    }
    if (c == '\\') {
      if (!allow_escapes) {
        return Error("a string without escape sequences");
      }
      RETURN_IF_ERROR(SkipEscape());
    } else {
      ++offset_;
    }
  }
  const std::string_view contents = text_.substr(start, offset_ - start);
  if (offset_ == text_.size()) {
    return Error("'\"'");
  }
  ++offset_;
  return contents;
}

absl::StatusOr<std::string_view> JsonScanner::ReadString() {
  return ScanString(false);
}

// The bound is checked before each digit is taken, so nothing overflows.
absl::StatusOr<uint64_t> JsonScanner::ReadNumber(uint64_t max) {
  const char first = Peek();
  if (!IsDigit(first)) {
    return Error("a whole number");
  }
  const size_t start = offset_;
  uint64_t value = 0;
  while (offset_ < text_.size() && IsDigit(text_[offset_])) {
    const auto digit = static_cast<uint64_t>(text_[offset_] - '0');
    if (digit > max || value > (max - digit) / 10) {
      return Error(fmt::format("at most {}", max));
    }
    value = value * 10 + digit;
    ++offset_;
  }
  const bool leading_zero = first == '0' && offset_ - start > 1;
  const char next = offset_ < text_.size() ? text_[offset_] : '\0';
  if (leading_zero || next == '.' || next == 'e' || next == 'E') {
    return Error("a whole number in its shortest form");
  }
  return value;
}

absl::Status JsonScanner::SkipDigits() {
  const size_t start = offset_;
  while (offset_ < text_.size() && IsDigit(text_[offset_])) {
    ++offset_;
  }
  return offset_ == start ? Error("a digit") : absl::OkStatus();
}

// RFC 8259 section 6.
absl::Status JsonScanner::SkipNumber() {
  const auto next = [this] {
    return offset_ < text_.size() ? text_[offset_] : '\0';
  };
  if (next() == '-') {
    ++offset_;
  }
  const bool zero = next() == '0';
  const size_t start = offset_;
  RETURN_IF_ERROR(SkipDigits());
  if (zero && offset_ - start > 1) {
    return Error("a number without leading zeros");
  }
  if (next() == '.') {
    ++offset_;
    RETURN_IF_ERROR(SkipDigits());
  }
  if (next() == 'e' || next() == 'E') {
    ++offset_;
    if (next() == '+' || next() == '-') {
      ++offset_;
    }
    RETURN_IF_ERROR(SkipDigits());
  }
  return absl::OkStatus();
}

absl::Status JsonScanner::SkipWord(std::string_view word) {
  if (text_.substr(offset_, word.size()) != word) {
    return Error("a value");
  }
  offset_ += word.size();
  return absl::OkStatus();
}

// Skipped values must be JSON as well: the signature covers them.
absl::Status JsonScanner::Skip() {
  switch (Peek()) {
    case '{':
      return ReadObject([this](std::string_view /*key*/) { return Skip(); });
    case '[':
      return ReadArray(text_.size(), [this] { return Skip(); });
    case '"':
      return ScanString(true).status();
    case 't':
      return SkipWord("true");
    case 'f':
      return SkipWord("false");
    case 'n':
      return SkipWord("null");
    default:
      return SkipNumber();
  }
}

absl::Status JsonScanner::ExpectEnd() {
  SkipSpace();
  return offset_ == text_.size() ? absl::OkStatus() : Error("the end");
}

}  // namespace constellation::attestation
