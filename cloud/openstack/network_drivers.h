// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_NETWORK_DRIVERS_H_
#define CONSTELLATION_CLOUD_OPENSTACK_NETWORK_DRIVERS_H_

#include <memory>
#include <string_view>

#include "cloud/engine/resource_driver.h"
#include "cloud/openstack/client.h"

namespace constellation::cloud::openstack {

// The driver of a neutron kind: network, subnet, router, router interface,
// security group, its rules, port, floating IP, its association. Null for any
// other kind. `client` must outlive it.
//
// Neutron takes no tags at creation, but a description, and lists by it: that
// is how things are found (Networking API v2.0, "standard attributes"). Tags
// follow in a second call; until they are there a thing counts as pending.
std::unique_ptr<ResourceDriver> MakeNetworkDriver(std::string_view kind,
                                                  Client& client);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_NETWORK_DRIVERS_H_
