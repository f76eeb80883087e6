// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_DEVICE_MAPPER_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_DEVICE_MAPPER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::disk_mapper {

// One line of a device-mapper table that maps a whole device.
struct DmTarget {
  std::string type;        // "integrity", "crypt"
  uint64_t sectors = 0;    // of 512 bytes
  SecretBytes parameters;  // text, holds keys; no terminating zero
};

// The kernel's device mapper. Calls may come from any thread, but not two at
// once for the same name.
class DeviceMapper {
 public:
  virtual ~DeviceMapper() = default;

  // Creates and activates the device `name` with one target; returns its node,
  // "/dev/dm-N". On failure nothing of it is left. ALREADY_EXISTS if there is a
  // device of this name, INVALID_ARGUMENT if the kernel refuses the table or
  // something does not fit, DATA_LOSS for I/O errors and failed integrity
  // checks on the way, else as errno says.
  virtual absl::StatusOr<std::string> Create(std::string_view name,
                                             const DmTarget& target) = 0;
  // Puts `target` in the place of the active table of `name`. What is under way
  // is finished with the old table first.
  virtual absl::Status Replace(std::string_view name,
                               const DmTarget& target) = 0;
  // The parameters of the active table, as the kernel sees them: may hold keys.
  virtual absl::StatusOr<SecretBytes> Table(std::string_view name) = 0;
  // Removes the device. OK if there is none; UNAVAILABLE while it is in use.
  virtual absl::Status Remove(std::string_view name) = 0;
};

// Speaks the ioctl interface itself: keys are in wiped buffers only, here and
// (DM_SECURE_DATA_FLAG) in the kernel.
class KernelDeviceMapper final : public DeviceMapper {
 public:
  absl::StatusOr<std::string> Create(std::string_view name,
                                     const DmTarget& target) override;
  absl::Status Replace(std::string_view name, const DmTarget& target) override;
  absl::StatusOr<SecretBytes> Table(std::string_view name) override;
  absl::Status Remove(std::string_view name) override;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_DEVICE_MAPPER_H_
