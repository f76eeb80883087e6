// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/network_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/ipv4.h"
#include "common/status.h"

namespace constellation::bootstrapper {
namespace {

constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxName = 253;

}  // namespace

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
  const auto parsed = ParseIpv4Network(text);
  if (!parsed) {
    return InvalidArgument(
        "want a network like 10.244.0.0/16, its host bits zero");
  }
  return Ipv4Network(parsed->base, static_cast<int>(parsed->prefix_length));
}

bool Ipv4Network::Contains(uint32_t address) const {
  return (address & Mask()) == address_;
}

bool Ipv4Network::Overlaps(const Ipv4Network& other) const {
  return Contains(other.address_) || other.Contains(address_);
}

std::string Ipv4Network::AddressAt(uint32_t index) const {
  return Ipv4Text(address_ + index);
}

std::string Ipv4Network::ToString() const {
  return fmt::format("{}/{}", Ipv4Text(address_), prefix_length_);
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
  return (ParseIpv4(host) || IsDnsName(host)) && error == std::errc() &&
         end == digits.data() + digits.size() && port >= 1 && port <= 65535;
}

}  // namespace constellation::bootstrapper
