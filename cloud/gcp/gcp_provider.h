// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_GCP_PROVIDER_H_
#define CONSTELLATION_CLOUD_GCP_GCP_PROVIDER_H_

#include <memory>

#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/retrying_transport.h"
#include "cloud/provider.h"
#include "common/clock.h"

namespace constellation::cloud::gcp {

// What a provider works with. References must outlive it.
struct GcpOptions {
  GcpSettings settings;
  const Environment& environment;
  HttpTransport& transport;  // below retries
  Clock& clock;
  RandomSource random = SystemRandom();
};

// Google Cloud. No I/O before the first call. See docs/clouds/gcp.md for what
// it makes, needs and cannot do.
std::unique_ptr<Provider> MakeGcpProvider(GcpOptions options);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_GCP_PROVIDER_H_
