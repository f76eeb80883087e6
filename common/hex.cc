// SPDX-License-Identifier: Apache-2.0
#include "common/hex.h"

#include <fmt/format.h>

#include "common/status.h"

namespace constellation {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// -1 for anything that is no digit.
int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

}  // namespace

std::string HexEncode(std::span<const uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text.push_back(kHexDigits[byte >> 4U]);
    text.push_back(kHexDigits[byte & 0xFU]);
  }
  return text;
}

absl::StatusOr<Bytes> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return InvalidArgument(
        fmt::format("hex: want an even number of digits, got {}", text.size()));
  }
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]);
    const int low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) {
      return InvalidArgument(
          fmt::format("hex: a character at offset {} is not a hex digit", i));
    }
    bytes.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string Base64Encode(std::span<const uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t group =
        static_cast<uint32_t>(bytes[i]) << 16U |
        (left > 1 ? static_cast<uint32_t>(bytes[i + 1]) << 8U : 0U) |
        (left > 2 ? static_cast<uint32_t>(bytes[i + 2]) : 0U);
    text.push_back(kBase64Digits[group >> 18U & 63U]);
    text.push_back(kBase64Digits[group >> 12U & 63U]);
    text.push_back(left > 1 ? kBase64Digits[group >> 6U & 63U] : '=');
    text.push_back(left > 2 ? kBase64Digits[group & 63U] : '=');
  }
  return text;
}

// Strict, so that each value has one text: nobody can change a signed or
// compared text without changing what it means.
absl::StatusOr<Bytes> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return InvalidArgument(fmt::format(
        "base64: want a multiple of 4 characters, got {}", text.size()));
  }
  size_t padding = 0;
  while (padding < 2 && padding < text.size() &&
         text[text.size() - 1 - padding] == '=') {
    ++padding;
  }
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  const size_t digits = text.size() - padding;
  for (size_t i = 0; i < digits; ++i) {
    const size_t value = kBase64Digits.find(text[i]);
    if (value == std::string_view::npos) {
      return InvalidArgument(fmt::format(
          "base64: the character at offset {} is not in the alphabet", i));
    }
    group = group << 6U | static_cast<uint32_t>(value);
    if (i % 4 == 3) {
      bytes.push_back(static_cast<uint8_t>(group >> 16U));
      bytes.push_back(static_cast<uint8_t>(group >> 8U));
      bytes.push_back(static_cast<uint8_t>(group));
      group = 0;
    }
  }
  const uint32_t unused = padding == 1   ? group & 3U
                          : padding == 2 ? group & 15U
                                         : 0U;
  if (unused != 0) {
    return InvalidArgument("base64: bits after the last octet are not zero");
  }
  if (padding == 1) {
    bytes.push_back(static_cast<uint8_t>(group >> 10U));
    bytes.push_back(static_cast<uint8_t>(group >> 2U));
  } else if (padding == 2) {
    bytes.push_back(static_cast<uint8_t>(group >> 4U));
  }
  return bytes;
}

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace constellation
