// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_IPV4_H_
#define CONSTELLATION_COMMON_IPV4_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace constellation {

// An IPv4 network.
struct Ipv4Network {
  uint32_t base = 0;  // host byte order, no bits below the prefix
  unsigned prefix_length = 0;

  // Addresses in it, the first and the last included.
  uint64_t size() const { return uint64_t{1} << (32U - prefix_length); }
};

// "192.168.1.7" in host byte order; nothing for anything else: no short forms,
// no leading zeros, nothing behind it, a NUL and what it hides included.
std::optional<uint32_t> ParseIpv4(std::string_view text);

// Whether `text` is an IPv4 address as ParseIpv4() takes it, or an IPv6 address
// (RFC 4291 section 2.2) without a zone, and nothing else.
bool IsIp(std::string_view text);

// "192.168.0.0/24"; nothing for anything else, bits below the prefix included.
std::optional<Ipv4Network> ParseIpv4Network(std::string_view text);

// Host byte order.
std::string Ipv4Text(uint32_t address);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_IPV4_H_
