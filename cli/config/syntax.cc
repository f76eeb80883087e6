// SPDX-License-Identifier: Apache-2.0
#include "cli/config/syntax.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace constellation::cli {
namespace {

// ASCII only, whatever the locale.
bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Empty parts are kept, so that "a..b" fails later.
std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (true) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) {
      return parts;
    }
    begin = end + 1;
  }
}

// A decimal number without sign and leading zeros.
std::optional<uint32_t> Decimal(std::string_view text, uint32_t max) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) {
    return std::nullopt;
  }
  return value;
}

// Four decimal octets. Leading zeros are refused: some programs read them as
// octal numbers, and a network must mean the same to all of them.
std::optional<uint32_t> Address(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, '.');
  if (parts.size() != 4) {
    return std::nullopt;
  }
  uint32_t address = 0;
  for (const std::string_view part : parts) {
    const auto octet = Decimal(part, 255);
    if (!octet) {
      return std::nullopt;
    }
    address = address << 8U | *octet;
  }
  return address;
}

// Both in host order.
struct Network {
  uint32_t address;
  uint32_t mask;
};

// Host bits must be zero: "10.0.0.5/8" is nearly always a mistake about the
// length.
std::optional<Network> ParseCidr(std::string_view text, uint32_t shortest,
                                 uint32_t longest) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto address = Address(text.substr(0, slash));
  const auto length = Decimal(text.substr(slash + 1), longest);
  if (!address || !length || *length < shortest) {
    return std::nullopt;
  }
  const uint32_t mask = *length == 0 ? 0 : ~uint32_t{0} << (32 - *length);
  if ((*address & ~mask) != 0) {
    return std::nullopt;
  }
  return Network{*address, mask};
}

// For networks of our own; sources may be any.
constexpr uint32_t kShortestCidr = 8;
constexpr uint32_t kLongestCidr = 30;

}  // namespace

bool IsDnsLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && IsLowerOrDigit(text.front()) &&
         IsLowerOrDigit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLowerOrDigit(c) || c == '-'; });
}

bool IsHostName(std::string_view text) {
  if (text.size() > 253) {
    return false;
  }
  const std::vector<std::string_view> labels = Split(text, '.');
  return std::all_of(labels.begin(), labels.end(), IsDnsLabel);
}

bool IsIpv4Address(std::string_view text) {
  return Address(text).has_value();
}

bool IsIpv4Cidr(std::string_view text) {
  return ParseCidr(text, kShortestCidr, kLongestCidr).has_value();
}

bool IsIpv4Source(std::string_view text) {
  return ParseCidr(text, 0, 32).has_value();
}

// They do exactly if they agree in the shorter prefix.
bool CidrsOverlap(std::string_view a, std::string_view b) {
  const auto left = ParseCidr(a, kShortestCidr, kLongestCidr);
  const auto right = ParseCidr(b, kShortestCidr, kLongestCidr);
  if (!left || !right) {
    return false;
  }
  const uint32_t mask = left->mask & right->mask;
  return (left->address & mask) == (right->address & mask);
}

// Only the form is checked, not whether that version exists.
bool IsFullVersion(std::string_view text) {
  if (text.empty() || text.front() != 'v') {
    return false;
  }
  const std::vector<std::string_view> parts = Split(text.substr(1), '.');
  return parts.size() == 3 &&
         std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return Decimal(part, 100000).has_value();
         });
}

// Either case: tools print both.
bool IsUuid(std::string_view text) {
  constexpr size_t kLengths[] = {8, 4, 4, 4, 12};
  const std::vector<std::string_view> parts = Split(text, '-');
  if (parts.size() != std::size(kLengths)) {
    return false;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!IsHexOfLength(parts[i], kLengths[i])) {
      return false;
    }
  }
  return true;
}

bool IsHexOfLength(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

}  // namespace constellation::cli
