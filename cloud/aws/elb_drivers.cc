// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

constexpr size_t kTagsPerCall = 20;  // ELBv2 API reference, DescribeTags

// Names of one kind's actions, parameters and elements.
struct ElbKind {
  std::string_view describe;
  std::string_view list;
  std::string_view arn;   // element, and parameter of single things
  std::string_view arns;  // parameter of lists
  std::string_view create;
  std::string_view remove;
  std::string_view attributes;  // ModifyXAttributes; empty: none
  std::vector<std::string_view> parameters;
  std::vector<std::pair<std::string_view, std::string_view>> shown;
  // How long after Delete() it may still be seen.
  absl::Duration gone_timeout = absl::Minutes(15);
};

// Load balancers, target groups and listeners differ in names only. All have
// unique names, or ports, and tags that are read by a call of their own.
// Thread-safe.
class ElbDriver : public ResourceDriver {
 public:
  ElbDriver(AwsClient& client, ElbKind kind)
      : client_(client), kind_(std::move(kind)) {}

  DriverTraits Traits() const final {
    return {.create_is_idempotent = true, .gone_timeout = kind_.gone_timeout};
  }

  // The journal's id counts like our tags: tags of a new thing may be missing
  // for a moment.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) final {
    ASSIGN_OR_RETURN(const Json owners, Owners(context));
    std::vector<Observed> mine;
    for (const Json& owner : owners) {
      ASSIGN_OR_RETURN(const std::vector<Observed> found,
                       Describe(owner, context.stop));
      for (const Observed& one : found) {
        const Json& tags = one.attributes.at("Tags");
        if (one.id == context.known_id ||
            (TagOf(tags, kUidTag) == context.cluster.uid &&
             TagOf(tags, kResourceTag) == context.resource.name)) {
          mine.push_back(one);
        }
      }
    }
    return mine;
  }

  // ELBv2 has no client tokens; it gives back the thing that exists if all
  // parameters are equal, else refuses the name.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) final {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    Json parameters = Pick(wanted, kind_.parameters);
    parameters["Tags"] = TagList(TagsOf(context));
    const auto answer = client_.Call(kElb, kind_.create, parameters,
                                     context.stop, /*repeatable=*/true);
    Observed made{.state = ResourceState::kPending, .detail = "asked for"};
    if (answer.ok()) {
      const auto list = answer->result().List(kind_.list);
      made.id = list.empty() ? "" : list.front().Text(kind_.arn);
    } else if (IsKind(answer.status(), Kind::kNameTaken)) {
      ASSIGN_OR_RETURN(const std::vector<Observed> found, Find(context));
      if (found.empty()) {
        return answer.status();
      }
      made.id = found.front().id;
    } else {
      return answer.status();
    }
    if (made.id.empty()) {
      return MakeCloudError(
          {.kind = Kind::kUnclear,
           .message = fmt::format("{}: no ARN in the answer", kind_.create)});
    }
    RETURN_IF_ERROR(SetAttributes(made.id, wanted, context));
    return made;
  }

  // All that is shown and differs needs a replacement.
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) final {
    return Compare(context, observed, {});
  }

  // Of what can differ only tags and the few attributes can be set in place.
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) final {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    RETURN_IF_ERROR(client_
                        .Call(kElb, "AddTags",
                              {{"ResourceArns", Json::array({observed.id})},
                               {"Tags", TagList(TagsOf(context))}},
                              context.stop)
                        .status());
    RETURN_IF_ERROR(SetAttributes(observed.id, wanted, context));
    return Refresh(context, observed);
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) final {
    ASSIGN_OR_RETURN(
        std::vector<Observed> found,
        Describe({{std::string(kind_.arns), Json::array({observed.id})}},
                 context.stop));
    if (found.empty()) {
      return MakeNotFound(observed.id);
    }
    return std::move(found.front());
  }

  // Deleting a load balancer that is gone succeeds: hence the look first.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) final {
    RETURN_IF_ERROR(Refresh(context, observed).status());
    return client_
        .Call(kElb, kind_.remove, {{std::string(kind_.arn), observed.id}},
              context.stop)
        .status();
  }

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    return Tagged(Json::object(), cluster);
  }

 protected:
  // Parameters of the questions whose answers hold all candidates.
  virtual absl::StatusOr<Json> Owners(const DriverContext& /*context*/) {
    return Json::array({Json::object()});
  }

  absl::StatusOr<std::vector<Stray>> Tagged(const Json& parameters,
                                            const ClusterIdentity& cluster) {
    ASSIGN_OR_RETURN(const std::vector<Observed> found,
                     Describe(parameters, {}));
    std::vector<Stray> strays;
    for (const Observed& one : found) {
      if (IsOfCluster(one.attributes.at("Tags"), cluster)) {
        strays.push_back(
            {.name = TagOf(one.attributes.at("Tags"), kResourceTag),
             .observed = one});
      }
    }
    return strays;
  }

  // Of all pages, with tags. Nothing there is no error.
  absl::StatusOr<std::vector<Observed>> Describe(const Json& parameters,
                                                 const std::stop_token& stop) {
    std::vector<Observed> found;
    const absl::Status status = client_.CallPaged(
        kElb, kind_.describe, parameters, stop, [&](XmlElement page) {
          for (const XmlElement& item : page.List(kind_.list)) {
            found.push_back(Read(item));
          }
          return absl::OkStatus();
        });
    RETURN_IF_ERROR(Unless(Kind::kNotFound, status));
    RETURN_IF_ERROR(AddTagsTo(found, stop));
    return found;
  }

  AwsClient& client_;

 private:
  // A state that is not known counts as ready, as in ec2_driver.cc.
  Observed Read(XmlElement item) const {
    Observed observed{.id = item.Text(kind_.arn)};
    const std::string state = item.Text("State/Code");
    if (state == "provisioning") {
      observed.state = ResourceState::kPending;
    } else if (state == "failed") {
      observed.state = ResourceState::kFailed;
    }
    observed.detail = state + (item.Text("State/Reason").empty()
                                   ? ""
                                   : ": " + item.Text("State/Reason"));
    for (const auto& [name, path] : kind_.shown) {
      Json& value = observed.attributes[std::string(name)];
      if (name == "Port") {
        value = item.Number(path);
      } else {
        value = item.Text(path);
      }
    }
    observed.attributes["Tags"] = Json::object();
    return observed;
  }

  // DescribeTags takes at most kTagsPerCall names at once. An ARN that has no
  // answer keeps no tags, so it is taken for nobody's.
  absl::Status AddTagsTo(std::vector<Observed>& found,
                         const std::stop_token& stop) {
    for (size_t start = 0; start < found.size(); start += kTagsPerCall) {
      const size_t end = std::min(start + kTagsPerCall, found.size());
      Json arns = Json::array();
      for (size_t i = start; i < end; ++i) {
        arns.push_back(found[i].id);
      }
      const auto answer =
          client_.Call(kElb, "DescribeTags", {{"ResourceArns", arns}}, stop);
      if (IsKind(answer.status(), Kind::kNotFound)) {
        continue;  // one of them has just gone: seen again next time
      }
      RETURN_IF_ERROR(answer.status());
      for (const XmlElement& entry : answer->result().List("TagDescriptions")) {
        for (size_t i = start; i < end; ++i) {
          if (found[i].id == entry.Text("ResourceArn")) {
            found[i].attributes["Tags"] = ReadTags(entry.List("Tags"));
          }
        }
      }
    }
    return absl::OkStatus();
  }

  // Attributes cannot be set when it is made; setting them again is harmless.
  absl::Status SetAttributes(const std::string& arn, const Json& wanted,
                             const DriverContext& context) {
    if (kind_.attributes.empty() || !wanted.contains("Attributes")) {
      return absl::OkStatus();
    }
    return client_
        .Call(kElb, kind_.attributes,
              {{std::string(kind_.arn), arn},
               {"Attributes", TagList(wanted.at("Attributes"))}},
              context.stop)
        .status();
  }

  const ElbKind kind_;
};

// Listeners are listed by load balancer.
class ListenerDriver final : public ElbDriver {
 public:
  using ElbDriver::ElbDriver;

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    const std::unique_ptr<ResourceDriver> balancers =
        MakeLoadBalancerDriver(client_);
    ASSIGN_OR_RETURN(const std::vector<Stray> owners, balancers->List(cluster));
    std::vector<Stray> strays;
    for (const Stray& owner : owners) {
      ASSIGN_OR_RETURN(
          const std::vector<Stray> listeners,
          Tagged({{"LoadBalancerArn", owner.observed.id}}, cluster));
      strays.insert(strays.end(), listeners.begin(), listeners.end());
    }
    return strays;
  }

 protected:
  // The load balancer's listeners, once it is known; else the one that the
  // journal knows.
  absl::StatusOr<Json> Owners(const DriverContext& context) override {
    const auto wanted = Resolve(context.resource.desired, context);
    if (wanted.ok() && wanted->contains("LoadBalancerArn")) {
      return Json::array(
          {{{"LoadBalancerArn", wanted->at("LoadBalancerArn")}}});
    }
    if (!context.known_id.empty()) {
      return Json::array({{{"ListenerArns", Json::array({context.known_id})}}});
    }
    return Json::array();
  }
};

}  // namespace

std::unique_ptr<ResourceDriver> MakeLoadBalancerDriver(AwsClient& client) {
  return std::make_unique<ElbDriver>(
      client, ElbKind{.describe = "DescribeLoadBalancers",
                      .list = "LoadBalancers",
                      .arn = "LoadBalancerArn",
                      .arns = "LoadBalancerArns",
                      .create = "CreateLoadBalancer",
                      .remove = "DeleteLoadBalancer",
                      .attributes = "ModifyLoadBalancerAttributes",
                      .parameters = {"Name", "Type", "Scheme", "IpAddressType",
                                     "SubnetMappings", "SecurityGroups"},
                      .shown = {{"Name", "LoadBalancerName"},
                                {"Scheme", "Scheme"},
                                {"DNSName", "DNSName"},
                                {"VpcId", "VpcId"}}});
}

std::unique_ptr<ResourceDriver> MakeTargetGroupDriver(AwsClient& client) {
  return std::make_unique<ElbDriver>(
      client,
      ElbKind{
          .describe = "DescribeTargetGroups",
          .list = "TargetGroups",
          .arn = "TargetGroupArn",
          .arns = "TargetGroupArns",
          .create = "CreateTargetGroup",
          .remove = "DeleteTargetGroup",
          .attributes = "ModifyTargetGroupAttributes",
          .parameters = {"Name", "Protocol", "Port", "VpcId", "TargetType",
                         "HealthCheckProtocol", "HealthCheckPort",
                         "HealthCheckPath", "HealthCheckIntervalSeconds",
                         "HealthyThresholdCount", "UnhealthyThresholdCount"},
          .shown = {{"Name", "TargetGroupName"},
                    {"Port", "Port"},
                    {"VpcId", "VpcId"},
                    {"HealthCheckProtocol", "HealthCheckProtocol"}}});
}

std::unique_ptr<ResourceDriver> MakeListenerDriver(AwsClient& client) {
  return std::make_unique<ListenerDriver>(
      client, ElbKind{.describe = "DescribeListeners",
                      .list = "Listeners",
                      .arn = "ListenerArn",
                      .arns = "ListenerArns",
                      .create = "CreateListener",
                      .remove = "DeleteListener",
                      .attributes = "",
                      .parameters = {"LoadBalancerArn", "Protocol", "Port",
                                     "DefaultActions"},
                      .shown = {{"Port", "Port"},
                                {"LoadBalancerArn", "LoadBalancerArn"}}});
}

}  // namespace constellation::cloud::aws
