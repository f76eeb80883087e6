// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_INITRD_MODULES_H_
#define CONSTELLATION_IMAGE_INITRD_MODULES_H_

#include <string>
#include <string_view>
#include <vector>

namespace constellation::image::initrd {

// The paths of the kernel modules that a list names, one file name a line, in
// its order, which is that of their dependencies: "virtio.ko" becomes
// "/modules/virtio.ko". Empty lines are passed over. Nothing else is checked:
// lists and modules are part of the measured initrd.
std::vector<std::string> ModulePaths(std::string_view list);

}  // namespace constellation::image::initrd

#endif  // CONSTELLATION_IMAGE_INITRD_MODULES_H_
