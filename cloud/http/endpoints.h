// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_ENDPOINTS_H_
#define CONSTELLATION_CLOUD_HTTP_ENDPOINTS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/http/environment.h"

namespace constellation::cloud {

// One service of one cloud: where it is, and which variables of the cloud's own
// tools move it elsewhere.
struct ServiceEndpoint {
  std::string_view cloud;    // "aws", "azure", "gcp", "openstack"
  std::string_view service;  // "ec2", "arm", "compute", ...
  // Looked at in this order; the first one that is set and not empty wins.
  std::vector<std::string_view> variables;
  // Address without a variable; "{region}" and "{suffix}" are filled in. Empty:
  // the address comes from elsewhere (a catalog, a key file).
  std::string_view address;
};

// What varies between partitions ("amazonaws.com", "googleapis.com").
struct EndpointPlace {
  std::string region = {};
  std::string suffix = {};  // empty: the cloud's public partition
};

// Where to send requests, and who said so.
struct Endpoint {
  std::string url = {};       // without a slash at the end; may be empty
  std::string variable = {};  // that set it; empty: the default
};

// Every service that we call.
std::span<const ServiceEndpoint> ServiceEndpoints();

// The address of `service` of `cloud`. NOT_FOUND for a service not in the
// table; INVALID_ARGUMENT, naming the variable, if its value is not an http(s)
// URL with a host, holds a user, query or fragment, or is plain http to a host
// that is not IsLocalHost() (OpenStack's owners may: their address, their
// choice).
//
// AWS: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true switches the variables off. The
// files' `endpoint_url` is the credential reader's business.
absl::StatusOr<Endpoint> ResolveEndpoint(std::string_view cloud,
                                         std::string_view service,
                                         const EndpointPlace& place,
                                         const Environment& environment);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_ENDPOINTS_H_
