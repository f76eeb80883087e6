// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_BALANCER_DRIVERS_H_
#define CONSTELLATION_CLOUD_OPENSTACK_BALANCER_DRIVERS_H_

#include <memory>
#include <string_view>

#include "cloud/engine/resource_driver.h"
#include "cloud/openstack/client.h"

namespace constellation::cloud::openstack {

// The driver of an octavia kind: load balancer, its listeners. Null for
// any other kind. Where the catalog has no octavia there is nothing to find.
// `client` must outlive it.
//
// Octavia changes one thing of a balancer at a time and answers 409 meanwhile.
std::unique_ptr<ResourceDriver> MakeBalancerDriver(std::string_view kind,
                                                   Client& client);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_BALANCER_DRIVERS_H_
