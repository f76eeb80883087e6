// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_INITRD_DEVICE_MAPPER_H_
#define CONSTELLATION_IMAGE_INITRD_DEVICE_MAPPER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace constellation::image::initrd {

// Creates and activates a read-only device-mapper device with one target, by
// ioctl on /dev/mapper/control. Returns its node, such as "/dev/dm-0".
//
// INVALID_ARGUMENT if name, type or table do not fit the kernel's fields;
// INTERNAL with the step and errno if the kernel refuses.
absl::StatusOr<std::string> CreateReadOnlyDevice(std::string_view name,
                                                 std::string_view target_type,
                                                 uint64_t sectors,
                                                 std::string_view table);

}  // namespace constellation::image::initrd

#endif  // CONSTELLATION_IMAGE_INITRD_DEVICE_MAPPER_H_
