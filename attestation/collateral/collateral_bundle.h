// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_BUNDLE_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_BUNDLE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/collateral/collateral.h"

namespace constellation::attestation {

inline constexpr size_t kMaxBundleSize = size_t{32} << 20U;  // octets of JSON

// Collateral in one file, to carry to where there is no network:
// docs/formats/collateral-bundle.md. The digests in it find damage, not malice:
// what comes out must pass the same check as what comes from the network. A
// value; not thread-safe while it is changed.
class CollateralBundle final {
 public:
  explicit CollateralBundle(absl::Time created_at = absl::UnixEpoch())
      : created_at_(created_at) {}

  // Reads the JSON. INVALID_ARGUMENT, naming the place, if it is larger than
  // kMaxBundleSize, not the format, or has a key twice; DATA_LOSS if a digest
  // does not fit its content.
  static absl::StatusOr<CollateralBundle> Parse(std::string_view json);

  // The JSON, entries sorted by key: equal bundles give equal octets.
  std::string Serialise() const;

  // Adds or replaces. INVALID_ARGUMENT if `key` is empty, longer than
  // kMaxKeySize or not printable ASCII.
  absl::Status Add(std::string_view key, Collateral collateral);

  // The entry called `key`, or nullptr. Valid until the bundle changes.
  const Collateral* Find(std::string_view key) const;

  absl::Time created_at() const { return created_at_; }
  std::vector<std::string> Keys() const;  // sorted

 private:
  absl::Time created_at_;
  std::map<std::string, Collateral, std::less<>> entries_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_BUNDLE_H_
