// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// What both have in common: an id of two parts, no tags, no attributes.
class AttachmentDriver : public ResourceDriver {
 public:
  // `client` must outlive it.
  explicit AttachmentDriver(AwsClient& client) : client_(client) {}

  // Setting what is set already succeeds, so an answer that was lost costs
  // nothing.
  DriverTraits Traits() const final { return {.create_is_idempotent = true}; }

  // An attachment has no tag to be found by: its two ends say where to look.
  // While one of them is not known the journal's id is all there is.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) final {
    std::string id = context.known_id;
    if (const auto wanted = IdOf(context); wanted.ok()) {
      id = *wanted;
    }
    if (id.empty()) {
      return std::vector<Observed>();  // without its owner there is none
    }
    ASSIGN_OR_RETURN(const bool attached, IsAttached(id, context.stop));
    return attached ? std::vector<Observed>{{.id = id}}
                    : std::vector<Observed>();
  }

  // An attachment that is there already is what was wanted.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) final {
    ASSIGN_OR_RETURN(const std::string id, IdOf(context));
    RETURN_IF_ERROR(
        Unless(Kind::kNameTaken, Set(id, /*attached=*/true, context.stop)));
    return Observed{.id = id, .state = ResourceState::kPending};
  }

  // The other end is another one: it was replaced, so the attachment has to
  // follow it.
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) final {
    const auto wanted = IdOf(context);
    if (!wanted.ok() || *wanted == observed.id) {
      return {};
    }
    return {{.attribute = "owner",
             .from = observed.id,
             .to = *wanted,
             .needs_replacement = true}};
  }

  absl::StatusOr<Observed> Update(const DriverContext& /*context*/,
                                  const Observed& observed) final {
    return observed;  // nothing can be changed in place
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) final {
    ASSIGN_OR_RETURN(const bool attached,
                     IsAttached(observed.id, context.stop));
    if (!attached) {
      return MakeNotFound(observed.id);
    }
    return Observed{.id = observed.id};
  }

  // kNotFound means gone, as everywhere.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) final {
    return Set(observed.id, /*attached=*/false, context.stop);
  }

  // Swept with its owner: DetachGateway() and DeleteVpc take it along.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) final {
    return std::vector<Stray>();
  }

 protected:
  // "owner/part" of what is wanted; kNotFound while the owner is not known.
  virtual absl::StatusOr<std::string> IdOf(const DriverContext& context) = 0;
  // False if the owner is gone, too.
  virtual absl::StatusOr<bool> IsAttached(const std::string& id,
                                          const std::stop_token& stop) = 0;
  // Makes or removes the attachment `id`.
  virtual absl::Status Set(const std::string& id, bool attached,
                           const std::stop_token& stop) = 0;

  // "owner" and "part" of an id; empty texts for what is missing.
  static std::pair<std::string, std::string> Parts(const std::string& id) {
    const size_t slash = std::min(id.find('/'), id.size());
    return {id.substr(0, slash), id.substr(std::min(slash + 1, id.size()))};
  }

  AwsClient& client_;
};

// DNS host names in the VPC, which CreateVpc cannot set.
class VpcAttributeDriver final : public AttachmentDriver {
 public:
  using AttachmentDriver::AttachmentDriver;

 protected:
  absl::StatusOr<std::string> IdOf(const DriverContext& context) override {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    const std::string vpc = wanted.value("VpcId", "");
    return vpc.empty() ? absl::StatusOr<std::string>(MakeNotFound("no VPC"))
                       : vpc + "/enableDnsHostnames";
  }

  absl::StatusOr<bool> IsAttached(const std::string& id,
                                  const std::stop_token& stop) override {
    const auto answer = client_.Call(
        kEc2, "DescribeVpcAttribute",
        {{"VpcId", Parts(id).first}, {"Attribute", Parts(id).second}}, stop);
    if (IsKind(answer.status(), Kind::kNotFound)) {
      return false;
    }
    RETURN_IF_ERROR(answer.status());
    return answer->result().IsTrue(Parts(id).second + "/value");
  }

  absl::Status Set(const std::string& id, bool attached,
                   const std::stop_token& stop) override {
    return client_
        .Call(kEc2, "ModifyVpcAttribute",
              {{"VpcId", Parts(id).first},
               {"EnableDnsHostnames", {{"Value", attached}}}},
              stop)
        .status();
  }
};

// Connects the internet gateway with the VPC.
class GatewayAttachmentDriver final : public AttachmentDriver {
 public:
  using AttachmentDriver::AttachmentDriver;

 protected:
  absl::StatusOr<std::string> IdOf(const DriverContext& context) override {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    const std::string gateway = wanted.value("InternetGatewayId", "");
    const std::string vpc = wanted.value("VpcId", "");
    return gateway.empty() || vpc.empty()
               ? absl::StatusOr<std::string>(MakeNotFound("no gateway"))
               : gateway + "/" + vpc;
  }

  absl::StatusOr<bool> IsAttached(const std::string& id,
                                  const std::stop_token& stop) override {
    const auto answer = client_.Call(
        kEc2, "DescribeInternetGateways",
        {{"InternetGatewayId", Json::array({Parts(id).first})}}, stop);
    if (IsKind(answer.status(), Kind::kNotFound)) {
      return false;
    }
    RETURN_IF_ERROR(answer.status());
    for (const XmlElement& gateway :
         answer->result().List("internetGatewaySet")) {
      for (const XmlElement& attachment : gateway.List("attachmentSet")) {
        if (attachment.Text("vpcId") == Parts(id).second) {
          return true;
        }
      }
    }
    return false;
  }

  absl::Status Set(const std::string& id, bool attached,
                   const std::stop_token& stop) override {
    return client_
        .Call(kEc2,
              attached ? "AttachInternetGateway" : "DetachInternetGateway",
              {{"InternetGatewayId", Parts(id).first},
               {"VpcId", Parts(id).second}},
              stop)
        .status();
  }
};

}  // namespace

std::unique_ptr<ResourceDriver> MakeVpcAttributeDriver(AwsClient& client) {
  return std::make_unique<VpcAttributeDriver>(client);
}

std::unique_ptr<ResourceDriver> MakeGatewayAttachmentDriver(AwsClient& client) {
  return std::make_unique<GatewayAttachmentDriver>(client);
}

}  // namespace constellation::cloud::aws
