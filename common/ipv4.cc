// SPDX-License-Identifier: Apache-2.0
#include "common/ipv4.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace constellation {

// inet_pton() takes four decimal numbers only, no octal and no short forms
// (unlike inet_aton()), but reads no further than to a NUL.
std::optional<uint32_t> ParseIpv4(std::string_view text) {
  in_addr address{};
  if (text.size() > 15 || text.find('\0') != std::string_view::npos ||
      inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
    return std::nullopt;
  }
  return ntohl(address.s_addr);
}

bool IsIp(std::string_view text) {
  in6_addr address{};
  return ParseIpv4(text) ||
         (text.size() < INET6_ADDRSTRLEN &&
          text.find('\0') == std::string_view::npos &&
          inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1);
}

// "10.0.0.7/24" is refused: it may mean the host or its network.
std::optional<Ipv4Network> ParseIpv4Network(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto base = ParseIpv4(text.substr(0, slash));
  const std::string_view length = text.substr(slash + 1);
  Ipv4Network network;
  const auto [end, error] = std::from_chars(
      length.data(), length.data() + length.size(), network.prefix_length);
  if (!base || error != std::errc() || end != length.data() + length.size() ||
      network.prefix_length > 32 || (length.size() > 1 && length[0] == '0')) {
    return std::nullopt;
  }
  network.base = *base;
  return (*base & (network.size() - 1)) == 0 ? std::optional(network)
                                             : std::nullopt;
}

std::string Ipv4Text(uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24U, (address >> 16U) & 255U,
                     (address >> 8U) & 255U, address & 255U);
}

}  // namespace constellation
