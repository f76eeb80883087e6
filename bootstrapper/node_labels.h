// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_LABELS_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_LABELS_H_

#include <string>

#include "bootstrapper/init_parameters.h"

namespace constellation::bootstrapper {

// Value of kubelet's --node-labels that says where a machine is, for spreading
// pods and binding volumes: topology.kubernetes.io/region and .../zone (well
// known labels, which a kubelet may set itself). A zone that is only a number
// (Azure) follows its region, as upstream's cloud controller names it:
// "westeurope-1".
//
// The cloud says where that is, and it may lie. What cannot be the value of a
// label (1-63 of [A-Za-z0-9_.-], the ends alphanumeric) is left out; empty if
// nothing is left.
std::string NodeLabels(const NodeIdentity& self);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_LABELS_H_
