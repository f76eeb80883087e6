// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_DESIRED_CHECKS_H_
#define CONSTELLATION_CLOUD_AWS_DESIRED_CHECKS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/provider.h"

namespace constellation::cloud::aws {

// The attestation variants of AWS, as ClusterRequest has them.
inline constexpr std::string_view kSevSnpVariant = "aws-sev-snp";
inline constexpr std::string_view kNitroTpmVariant = "aws-nitro-tpm";

// One zone's part of the network.
struct ZonePlan {
  std::string name = {};          // "eu-west-1a"
  std::string letter = {};        // "a"
  std::string private_cidr = {};  // of the nodes
  std::string public_cidr = {};   // of NAT gateway and load balancer
};

// Who has which addresses. The zone's letter decides, so that a zone that is
// added later moves nothing.
struct NetworkPlan {
  std::string vpc_cidr = {};    // a /16
  std::string nodes_cidr = {};  // a /20 that holds all private subnets
  std::vector<ZonePlan> zones = {};
};

// `node_cidr` is the private subnet of a zone "a", a /24; zone "b" has the next
// one. The first /20 of the VPC holds the public ones. INVALID_ARGUMENT for
// another size, a network that is not RFC 1918's, or too few addresses for the
// zones.
absl::StatusOr<NetworkPlan> PlanNetwork(std::string_view node_cidr,
                                        const std::vector<std::string>& zones);

// The letter at the end of a zone's name.
std::string LetterOfZone(std::string_view zone);

// Everything about a request that can be wrong without asking AWS, all of it in
// one INVALID_ARGUMENT, by the names of the config.
absl::Status CheckRequest(const ClusterRequest& request);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_DESIRED_CHECKS_H_
