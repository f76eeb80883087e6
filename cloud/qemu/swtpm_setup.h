// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_SWTPM_SETUP_H_
#define CONSTELLATION_CLOUD_QEMU_SWTPM_SETUP_H_

#include <string>

#include "absl/status/status.h"
#include "common/command.h"

namespace constellation::cloud::qemu {

// Manufactures a TPM 2.0 in folder `state`: SHA-256 bank only, endorsement
// keys, EK certificates by a CA of this cluster in `ca` (made if it is the
// first; never the machine's or the user's, so that nothing outlives the
// cluster). `state` appears only when everything is in it. OK if it exists.
// One call at a time per `ca`.
// Errors of the program with its words; at most three minutes.
absl::Status CreateTpm(CommandRunner& runner, const std::string& ca,
                       const std::string& state);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_SWTPM_SETUP_H_
