// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/names.h"

#include <fmt/format.h>

#include <cstdint>

namespace constellation::kubernetes {
namespace {

constexpr size_t kMaxSubdomainLength = 253;

bool IsLowerAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool IsUnreserved(char c) {
  return IsLowerAlphanumeric(c) || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

bool IsDnsSubdomain(std::string_view name) {
  if (name.empty() || name.size() > kMaxSubdomainLength) return false;
  char before = '.';
  for (const char c : name) {
    if (!IsLowerAlphanumeric(c) && c != '-' && c != '.') return false;
    if (c == '-' && before == '.') return false;
    if (c == '.' && (before == '.' || before == '-')) return false;
    before = c;
  }
  return before != '.' && before != '-';
}

std::string UrlEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return encoded;
}

}  // namespace constellation::kubernetes
