// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NETWORK_NAMES_H_
#define CONSTELLATION_BOOTSTRAPPER_NETWORK_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace constellation::bootstrapper {

// A network like 10.244.0.0/16, host bits zero. A value.
class Ipv4Network final {
 public:
  // INVALID_ARGUMENT unless `text` is dotted decimal, a slash, 0 to 32, and has
  // no bit set behind the prefix.
  static absl::StatusOr<Ipv4Network> Parse(std::string_view text);

  int prefix_length() const { return prefix_length_; }
  // Addresses are in host byte order.
  bool Contains(uint32_t address) const;
  bool Overlaps(const Ipv4Network& other) const;
  // The `index`th address, dotted decimal; not checked against the size.
  std::string AddressAt(uint32_t index) const;
  std::string ToString() const;

 private:
  Ipv4Network(uint32_t address, int prefix_length)
      : address_(address), prefix_length_(prefix_length) {}
  uint32_t Mask() const;

  uint32_t address_;
  int prefix_length_;
};

// RFC 1123 label (1 to 63 of a-z, 0-9, "-") and name (labels with dots, at most
// 253). Lower case only, as Kubernetes wants them.
bool IsDnsLabel(std::string_view text);
bool IsDnsName(std::string_view text);

// An IPv4 address or DNS name, a colon, a port (1-65535): "10.42.0.11:6443".
bool IsEndpoint(std::string_view endpoint);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NETWORK_NAMES_H_
