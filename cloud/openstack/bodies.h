// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_BODIES_H_
#define CONSTELLATION_CLOUD_OPENSTACK_BODIES_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/openstack/json_access.h"

namespace constellation::cloud::openstack {

// The id of the dependency that field `key` of the resource names. kNotFound
// while it is not known.
absl::StatusOr<std::string> DependencyId(const DriverContext& context,
                                         std::string_view key);

// The dependency itself; null while it is not known.
const Observed* Dependency(const DriverContext& context, std::string_view key);

// Tags of things that can be tagged: our marker, then the user's "key=value".
// For neutron, nova and octavia, at most 60 characters each (checked before).
nlohmann::json TagsOf(const DriverContext& context);

// The body of the POST that makes a network, subnet, router, security group,
// port (also a router's) or floating IP: name, description and what the kind
// needs. Pure. Codes of DependencyId().
absl::StatusOr<nlohmann::json> NetworkBody(const DriverContext& context);

// One rule of a security group: {"source": CIDR, "port"?: number} as neutron
// takes it, with our marker as its description.
// Inbound IPv4; without "port" every protocol and port of the source.
nlohmann::json RuleBody(const DriverContext& context,
                        const nlohmann::json& rule, const std::string& group);

// What only the cloud knows about a server that shall be made.
// From Catalogue: names in the config may be a flavor's id or its name.
struct ServerFacts {
  std::string flavor_id = {};
  // At least the image's min_disk; nova refuses less.
  int boot_volume_gb = 0;
};

// POST /servers (microversion 2.67): boots from a volume made of the image,
// with an empty second one; no user data, no key pair, no password. The
// scheduler hint is part of the same document.
absl::StatusOr<nlohmann::json> ServerBody(const DriverContext& context,
                                          const ServerFacts& facts);

// POST /lbaas/loadbalancers: the address only. Octavia also takes listeners
// and pools in this document, but octavia 11 then leaves them PENDING_CREATE
// for ever if its worker is quick, and some providers do not take them at all.
absl::StatusOr<nlohmann::json> LoadBalancerBody(const DriverContext& context);

// POST /lbaas/listeners for one of the resource's listeners {"name", "port",
// "sources"}. Without `ranges` for providers that know no source ranges: they
// keep the client's address, so the nodes' security group does that work.
nlohmann::json ListenerBody(const nlohmann::json& listener,
                            const std::string& balancer, bool ranges);

// POST /lbaas/pools and /lbaas/healthmonitors. `algorithm`: ROUND_ROBIN, or
// SOURCE_IP_PORT, the only one that OVN has.
nlohmann::json PoolBody(const std::string& name, const std::string& listener,
                        std::string_view algorithm);
nlohmann::json MonitorBody(const std::string& name, const std::string& pool);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_BODIES_H_
