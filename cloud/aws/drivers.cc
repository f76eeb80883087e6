// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/drivers.h"

#include "cloud/aws/ec2_driver.h"
#include "cloud/aws/names.h"

namespace constellation::cloud::aws {

// A node group of machines and their volumes has no driver of its own; kinds
// that are only swept are among the network's.
void AddClusterDrivers(AwsClient& client, OwnedRegistry& registry) {
  for (Ec2Kind& kind : Ec2NetworkKinds()) {
    const std::string_view name = kind.kind;
    registry.Add(name, std::make_unique<Ec2Driver>(client, std::move(kind)));
  }
  registry.Add(kVpcAttribute, MakeVpcAttributeDriver(client));
  registry.Add(kGatewayAttachment, MakeGatewayAttachmentDriver(client));
  registry.Add(kTargetGroup, MakeTargetGroupDriver(client));
  registry.Add(kLoadBalancer, MakeLoadBalancerDriver(client));
  registry.Add(kListener, MakeListenerDriver(client));
  registry.Add(kLaunchTemplate,
               std::make_unique<Ec2Driver>(client, LaunchTemplateKind()));
  registry.Add(kScalingGroup, MakeScalingGroupDriver(client));
}

void AddIamDrivers(AwsClient& client, OwnedRegistry& registry) {
  registry.Add(kRole, MakeRoleDriver(client));
  registry.Add(kInstanceProfile, MakeInstanceProfileDriver(client));
}

}  // namespace constellation::cloud::aws
