// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_PROVIDER_H_
#define CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_PROVIDER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/provider.h"
#include "common/clock.h"

namespace constellation::cloud::openstack {

// What a provider works with. References must outlive it.
struct OpenStackOptions {
  OpenStackSettings settings = {};
  const Environment& environment;
  HttpTransport& transport;  // below retries; plain http allowed where the
                             // owner's auth_url says so
  Clock& clock;
  // Reads clouds.yaml and the like; empty: ReadFile(). For tests.
  std::function<absl::StatusOr<std::string>(const std::string& path)>
      read_file = {};
};

// A cluster in one project and region of an OpenStack cloud.
//
// Scope() is "<project id>@<region>" and also learns whether the catalog has
// octavia. Desired() without a Scope() or CheckOnline() before assumes that it
// has. Without octavia the endpoint is the first control-plane node.
//
// There are no groups of machines in OpenStack: ReplaceInstance() deletes the
// server; the next Apply() makes it anew from the request's image.
std::unique_ptr<Provider> MakeOpenStackProvider(OpenStackOptions options);

// The file with the authorities of the chosen cloud (`cacert`, OS_CACERT), to
// be given to the transport; empty: the system's. Codes of ChooseCloud();
// INVALID_ARGUMENT if the entry switches verification off, which is not
// supported.
// Reads no file but clouds.yaml and its kin; whether the authority's file
// exists is the transport's to find out.
absl::StatusOr<std::string> OpenStackCaFile(const OpenStackSettings& settings,
                                            const Environment& environment);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_PROVIDER_H_
