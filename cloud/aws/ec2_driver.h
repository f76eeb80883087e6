// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_EC2_DRIVER_H_
#define CONSTELLATION_CLOUD_AWS_EC2_DRIVER_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/aws/client.h"
#include "cloud/aws/xml.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::aws {

// How one kind of EC2 things is asked for: names of actions, parameters and
// elements, as botocore's description of EC2 2016-11-15 has them.
struct Ec2Kind {
  std::string_view kind = {};          // kVpc, ...
  std::string_view describe = {};      // "DescribeVpcs"
  std::string_view list = {};          // "vpcSet"
  std::string_view id_element = {};    // "vpcId"
  std::string_view id_parameter = {};  // "VpcId": list to describe, one to
                                       // delete
  std::string_view create = {};        // "CreateVpc"; empty: never made by us
  std::string_view created = {};       // where its answer has the id
  std::string_view tag_type = {};      // "vpc", ResourceType of tags
  std::string_view remove = {};        // "DeleteVpc"
  std::string_view state = {};         // element with its state; empty: none
  bool token = false;                  // ClientToken makes nothing twice
  bool unique = false;                 // its name does
  // Keys of `desired` that go into the request, and attributes of their names
  // with the elements that show them.
  std::vector<std::string_view> parameters = {};
  std::vector<std::pair<std::string_view, std::string_view>> attributes = {};
  std::vector<std::string_view> changeable = {};     // without replacement
  nlohmann::json filters = nlohmann::json::array();  // of sweeps
  DriverTraits traits = {};  // create_is_idempotent is filled in

  // Everything after the create call, harmless when repeated; `wanted` is
  // resolved. Also how differences are made good.
  std::function<absl::Status(AwsClient&, const DriverContext&, const Observed&,
                             const nlohmann::json& wanted)>
      finish = {};
  // Attributes that need more than one element, or more calls.
  std::function<absl::Status(AwsClient&, XmlElement, nlohmann::json&)> read =
      {};
  // What must go before it can.
  std::function<absl::Status(AwsClient&, const Observed&)> before_delete = {};
  // Whether a sweep takes it; default: yes.
  std::function<absl::StatusOr<bool>(AwsClient&, const Observed&)> sweeps = {};
};

// Every kind of EC2 things that has an id and tags. Found by tags, which are
// set by the create call.
class Ec2Driver final : public ResourceDriver {
 public:
  // `client` must outlive it.
  Ec2Driver(AwsClient& client, Ec2Kind kind);

  DriverTraits Traits() const override { return kind_.traits; }
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override;
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 private:
  absl::StatusOr<Observed> Read(XmlElement item);
  absl::StatusOr<std::vector<Observed>> Describe(nlohmann::json parameters,
                                                 const std::stop_token& stop);
  absl::StatusOr<std::vector<Observed>> ById(const std::string& id,
                                             const std::stop_token& stop);

  AwsClient& client_;
  Ec2Kind kind_;
};

// The request that makes a thing of `kind`: everything but Action and Version.
// `wanted` is resolved. Pure.
nlohmann::json CreateParameters(const Ec2Kind& kind,
                                const nlohmann::json& wanted,
                                const nlohmann::json& tags,
                                std::string_view token);

// Network things: VPC to security group, volumes and machines.
std::vector<Ec2Kind> Ec2NetworkKinds();
// Launch templates.
Ec2Kind LaunchTemplateKind();

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_EC2_DRIVER_H_
