// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/network_names.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxName = 253;

// From host byte order.
std::string Dotted(uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24U, (address >> 16U) & 0xffU,
                     (address >> 8U) & 0xffU, address & 0xffU);
}

}  // namespace

// inet_pton() refuses leading zeros; a NUL would hide what follows it.
absl::StatusOr<uint32_t> ParseIpv4(std::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1 ||
      text.find('\0') != std::string_view::npos) {
    return InvalidArgument("want an IPv4 address in dotted decimal");
  }
  return ntohl(address.s_addr);
}

bool IsIpv4(std::string_view text) {
  return ParseIpv4(text).ok();
}

bool IsIp(std::string_view text) {
  in6_addr address{};
  return IsIpv4(text) ||
         (text.find('\0') == std::string_view::npos &&
          inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1);
}

bool IsDnsLabel(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kMaxLabel && text.front() != '-' &&
         text.back() != '-' && std::ranges::all_of(text, allowed);
}

bool IsDnsName(std::string_view text) {
  if (text.size() > kMaxName) {
    return false;
  }
  while (true) {
    const size_t dot = text.find('.');
    if (!IsDnsLabel(text.substr(0, dot))) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

uint32_t Ipv4Network::Mask() const {
  return prefix_length_ == 0 ? 0 : ~uint32_t{0} << (32 - prefix_length_);
}

absl::StatusOr<Ipv4Network> Ipv4Network::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return InvalidArgument("want a network like 10.244.0.0/16");
  }
  ASSIGN_OR_RETURN(const uint32_t address, ParseIpv4(text.substr(0, slash)));
  const std::string_view digits = text.substr(slash + 1);
  int prefix_length = -1;
  const auto [end, error] = std::from_chars(
      digits.data(), digits.data() + digits.size(), prefix_length);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      prefix_length < 0 || prefix_length > 32) {
    return InvalidArgument("want a prefix length of 0 to 32");
  }
  const Ipv4Network network(address, prefix_length);
  if ((address & ~network.Mask()) != 0) {
    return InvalidArgument("want a network address, got host bits set");
  }
  return network;
}

bool Ipv4Network::Contains(uint32_t address) const {
  return (address & Mask()) == address_;
}

bool Ipv4Network::Overlaps(const Ipv4Network& other) const {
  return Contains(other.address_) || other.Contains(address_);
}

std::string Ipv4Network::AddressAt(uint32_t index) const {
  return Dotted(address_ + index);
}

std::string Ipv4Network::ToString() const {
  return fmt::format("{}/{}", Dotted(address_), prefix_length_);
}

bool IsEndpoint(std::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  const std::string_view host = endpoint.substr(0, colon);
  const std::string_view digits = endpoint.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return (IsIpv4(host) || IsDnsName(host)) && error == std::errc() &&
         end == digits.data() + digits.size() && port >= 1 && port <= 65535;
}

}  // namespace constellation::bootstrapper
