// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_BOOTSTRAP_TOKEN_H_
#define CONSTELLATION_KUBERNETES_BOOTSTRAP_TOKEN_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/secret_bytes.h"
#include "kubernetes/client.h"

namespace constellation::kubernetes {

// Creates a bootstrap token, good for one kubeadm join and for `lifetime` (the
// token cleaner deletes it then), and returns it: "abcdef.0123456789abcdef".
// `description` is stored beside it. Errors as Client::Create().
absl::StatusOr<SecretBytes> CreateBootstrapToken(Client& client, Clock& clock,
                                                 absl::Duration lifetime,
                                                 std::string_view description);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_BOOTSTRAP_TOKEN_H_
