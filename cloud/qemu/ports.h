// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_PORTS_H_
#define CONSTELLATION_CLOUD_QEMU_PORTS_H_

#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::cloud::qemu {

// FAILED_PRECONDITION if a program listens on 127.0.0.1:`port`.
absl::Status CheckPortFree(uint16_t port);

// A port of 127.0.0.1 that nobody listens on and that is not in `taken`.
// RESOURCE_EXHAUSTED if there is none. Nothing reserves it.
absl::StatusOr<uint16_t> ChooseFreePort(const std::set<uint16_t>& taken);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_PORTS_H_
