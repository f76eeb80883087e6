// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_RELAY_H_
#define CONSTELLATION_CLOUD_QEMU_RELAY_H_

#include <string>

namespace constellation::cloud::qemu {

// Copies between standard input and output and the Unix socket at `path` until
// the socket's side ends, with half-closing passed on. QEMU starts one such
// process for each connection of a guest to its metadata. Returns the exit
// code.
// 0 when the service has ended the connection, 1 if there is none.
int RunRelay(const std::string& path);

// The same for two descriptors in place of standard input and output.
int Relay(int input, int output, const std::string& path);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_RELAY_H_
