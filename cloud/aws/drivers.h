// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_DRIVERS_H_
#define CONSTELLATION_CLOUD_AWS_DRIVERS_H_

#include <memory>
#include <string_view>
#include <vector>

#include "cloud/aws/client.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::aws {

// The DNS names of a VPC (kVpcAttribute) and the tie between a VPC and its
// internet gateway (kGatewayAttachment): things without tags of their own that
// are part of others. Their ids start with the owner's. A sweep does not list
// them: they go with their owners.
std::unique_ptr<ResourceDriver> MakeVpcAttributeDriver(AwsClient& client);
std::unique_ptr<ResourceDriver> MakeGatewayAttachmentDriver(AwsClient& client);

// Load balancers, target groups (names are unique; making the same again is
// harmless) and listeners, which are found through their load balancer.
std::unique_ptr<ResourceDriver> MakeLoadBalancerDriver(AwsClient& client);
std::unique_ptr<ResourceDriver> MakeTargetGroupDriver(AwsClient& client);
std::unique_ptr<ResourceDriver> MakeListenerDriver(AwsClient& client);

// Auto Scaling groups. Ready when as many machines are in service as wanted; a
// failed launch is reported with the reason that the cloud gives.
std::unique_ptr<ResourceDriver> MakeScalingGroupDriver(AwsClient& client);

// Roles with their policies, and instance profiles with their role.
std::unique_ptr<ResourceDriver> MakeRoleDriver(AwsClient& client);
std::unique_ptr<ResourceDriver> MakeInstanceProfileDriver(AwsClient& client);

// A registry with drivers that it owns.
class OwnedRegistry final {
 public:
  void Add(std::string_view kind, std::unique_ptr<ResourceDriver> driver) {
    registry_.Add(kind, *driver);
    drivers_.push_back(std::move(driver));
  }
  const DriverRegistry& registry() const { return registry_; }

 private:
  std::vector<std::unique_ptr<ResourceDriver>> drivers_;
  DriverRegistry registry_;
};

// Every kind of a cluster, in the order in which they are made.
void AddClusterDrivers(AwsClient& client, OwnedRegistry& registry);
// Every kind of IAM.
void AddIamDrivers(AwsClient& client, OwnedRegistry& registry);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_DRIVERS_H_
