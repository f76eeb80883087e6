// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_CONTROL_SERVICE_H_
#define CONSTELLATION_CLOUD_QEMU_CONTROL_SERVICE_H_

#include "cloud/qemu/http_server.h"
#include "cloud/qemu/supervisor.h"

namespace constellation::cloud::qemu {

// Carries out one request to the control socket (control_protocol.h) and
// returns the answer. Thread-safe.
HttpResponse ServeControl(Supervisor& supervisor, const HttpRequest& request);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_CONTROL_SERVICE_H_
