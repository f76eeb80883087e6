// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_KEY_SOURCE_H_
#define CONSTELLATION_JOINSERVICE_KEY_SOURCE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::joinservice {

// What this service may have from the key service. Implementations are
// thread-safe.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // The 32-octet key of a state disk. INVALID_ARGUMENT unless `disk_uuid` is a
  // lower-case UUID; UNAVAILABLE if the key service cannot be reached.
  virtual absl::StatusOr<SecretBytes> StateDiskKey(
      std::string_view disk_uuid) = 0;
  // The cluster's ID, 32 octets.
  virtual absl::StatusOr<Bytes> ClusterId() = 0;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_KEY_SOURCE_H_
