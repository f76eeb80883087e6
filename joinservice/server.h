// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_SERVER_H_
#define CONSTELLATION_JOINSERVICE_SERVER_H_

#include "absl/status/status.h"
#include "joinservice/options.h"

namespace constellation::joinservice {

// Serves until SIGTERM or SIGINT, then OK. UNAVAILABLE if the address cannot be
// listened on; FAILED_PRECONDITION, NOT_FOUND, INVALID_ARGUMENT for the way to
// the API server. Opens the TPM and the key service only when first needed.
absl::Status RunServer(const Options& options);

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_SERVER_H_
