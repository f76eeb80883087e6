// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_SERVER_H_
#define CONSTELLATION_VERIFICATIONSERVICE_SERVER_H_

#include "absl/status/status.h"
#include "verificationservice/options.h"

namespace constellation::verificationservice {

// Serves until SIGTERM or SIGINT, then OK. UNAVAILABLE if the address cannot be
// listened on. Opens the TPM and the way to the API server only when first
// needed.
absl::Status RunServer(const Options& options);

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_SERVER_H_
