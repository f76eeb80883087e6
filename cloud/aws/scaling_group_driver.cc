// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cloud/aws/aws_error.h"
#include "cloud/aws/driver_support.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// How long the last failed launch counts: a group tries again and again.
constexpr absl::Duration kRecent = absl::Minutes(5);

constexpr std::array<std::string_view, 7> kParameters = {
    "AutoScalingGroupName", "LaunchTemplate",    "MinSize",        "MaxSize",
    "DesiredCapacity",      "VPCZoneIdentifier", "TargetGroupARNs"};
constexpr std::array<std::string_view, 4> kChangeable = {
    "LaunchTemplate", "MinSize", "MaxSize", "DesiredCapacity"};
// A sealed node waits for its owner, however unhealthy it looks; and nobody
// moves nodes between zones.
constexpr std::array<std::string_view, 2> kSuspended = {"AZRebalance",
                                                        "ReplaceUnhealthy"};

// One filter of Auto Scaling, which spells the list "Values".
Json GroupFilter(std::string_view tag, const std::string& value) {
  return Filter(fmt::format("tag:{}", tag), {value}, "Values");
}

// One Auto Scaling group, whose name is its id. It is ready when as many
// machines are in service as are wanted. Thread-safe.
class ScalingGroupDriver final : public ResourceDriver {
 public:
  explicit ScalingGroupDriver(AwsClient& client) : client_(client) {}

  DriverTraits Traits() const override {
    return {.create_is_idempotent = true,
            .ready_timeout = absl::Minutes(20),  // SEV-SNP machines boot slowly
            .gone_timeout = absl::Minutes(20)};
  }

  // As Ec2Driver::Find(): by tags, else by the journal's name.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    ASSIGN_OR_RETURN(
        std::vector<Observed> found,
        Describe(
            {{"Filters",
              Json::array({GroupFilter(kUidTag, context.cluster.uid),
                           GroupFilter(kResourceTag, context.resource.name)})}},
            context.stop));
    if (found.empty() && !context.known_id.empty()) {
      ASSIGN_OR_RETURN(found, ByName(context.known_id, context.stop));
    }
    std::erase_if(found, [](const Observed& observed) {
      return observed.state == ResourceState::kDeleting;
    });
    return found;
  }

  // The service has no client tokens, but the name is unique: whoever has it is
  // looked at. Processes are suspended each time, since a run may have died in
  // between.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    const std::string name = wanted.value("AutoScalingGroupName", "");
    Json parameters = Pick(wanted, kParameters);
    parameters["Tags"] = Tags(context);
    const absl::Status status =
        client_
            .Call(kAutoScaling, "CreateAutoScalingGroup", parameters,
                  context.stop, /*repeatable=*/true)
            .status();
    if (IsKind(status, Kind::kNameTaken)) {
      RETURN_IF_ERROR(CheckOwner(name, context, status));
    } else {
      RETURN_IF_ERROR(status);
    }
    RETURN_IF_ERROR(Suspend(name, context));
    return Observed{.id = name, .state = ResourceState::kPending};
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    return Compare(context, observed, kChangeable);
  }

  // Tags, sizes and template. Machines that run keep the template they were
  // made of, until they are replaced one by one.
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    Json parameters = Pick(wanted, kChangeable);
    parameters["AutoScalingGroupName"] = observed.id;
    RETURN_IF_ERROR(client_
                        .Call(kAutoScaling, "CreateOrUpdateTags",
                              {{"Tags", Tags(context, observed.id)}},
                              context.stop, /*repeatable=*/true)
                        .status());
    RETURN_IF_ERROR(client_
                        .Call(kAutoScaling, "UpdateAutoScalingGroup",
                              parameters, context.stop)
                        .status());
    RETURN_IF_ERROR(Suspend(observed.id, context));
    return Refresh(context, observed);
  }

  // A group that does not fill up says nothing by itself: its activities do.
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override {
    ASSIGN_OR_RETURN(std::vector<Observed> found,
                     ByName(observed.id, context.stop));
    if (found.empty()) {
      return MakeNotFound(observed.id);
    }
    Observed& group = found.front();
    if (group.state == ResourceState::kPending) {
      RETURN_IF_ERROR(CheckActivities(group, context));
    }
    return std::move(group);
  }

  // ForceDelete ends the machines, too, and takes no second call.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override {
    return client_
        .Call(kAutoScaling, "DeleteAutoScalingGroup",
              {{"AutoScalingGroupName", observed.id}, {"ForceDelete", true}},
              context.stop)
        .status();
  }

  // The filter is by our tag alone: Kubernetes makes no groups.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    ASSIGN_OR_RETURN(
        const std::vector<Observed> found,
        Describe(
            {{"Filters", Json::array({GroupFilter(kUidTag, cluster.uid)})}},
            {}));
    std::vector<Stray> strays;
    for (const Observed& group : found) {
      strays.push_back(
          {.name = TagOf(group.attributes.at("Tags"), kResourceTag),
           .observed = group});
    }
    return strays;
  }

 private:
  // Only the uid goes on to the machines; the rest they have from the template.
  static Json Tags(const DriverContext& context, std::string_view group = {}) {
    Json list = TagList(TagsOf(context));
    for (Json& tag : list) {
      tag["PropagateAtLaunch"] = tag.at("Key") == kUidTag;
      if (!group.empty()) {
        tag["ResourceId"] = group;
        tag["ResourceType"] = "auto-scaling-group";
      }
    }
    return list;
  }

  // Suspending what is suspended changes nothing.
  absl::Status Suspend(const std::string& name, const DriverContext& context) {
    return client_
        .Call(
            kAutoScaling, "SuspendProcesses",
            {{"AutoScalingGroupName", name}, {"ScalingProcesses", kSuspended}},
            context.stop)
        .status();
  }

  // Whose the name is: `taken` if somebody else's. A group that is still being
  // deleted keeps its name for minutes, which passes by itself.
  absl::Status CheckOwner(const std::string& name, const DriverContext& context,
                          const absl::Status& taken) {
    ASSIGN_OR_RETURN(const std::vector<Observed> found,
                     ByName(name, context.stop));
    if (found.empty()) {
      return MakeNotFound(name);  // not shown yet
    }
    const Json& tags = found.front().attributes.at("Tags");
    if (TagOf(tags, kUidTag) != context.cluster.uid ||
        TagOf(tags, kResourceTag) != context.resource.name) {
      return taken;
    }
    return found.front().state == ResourceState::kDeleting
               ? MakeCloudError({.kind = Kind::kConflict,
                                 .message = name + " is still being deleted"})
               : absl::OkStatus();
  }

  absl::StatusOr<std::vector<Observed>> ByName(const std::string& name,
                                               const std::stop_token& stop) {
    return Describe({{"AutoScalingGroupNames", Json::array({name})}}, stop);
  }

  absl::StatusOr<std::vector<Observed>> Describe(const Json& parameters,
                                                 const std::stop_token& stop) {
    std::vector<Observed> found;
    RETURN_IF_ERROR(client_.CallPaged(kAutoScaling, "DescribeAutoScalingGroups",
                                      parameters, stop, [&](XmlElement page) {
                                        for (const XmlElement& item :
                                             page.List("AutoScalingGroups")) {
                                          found.push_back(Read(item));
                                        }
                                        return absl::OkStatus();
                                      }));
    return found;
  }

  // "Status" is only there while the group is being deleted.
  static Observed Read(XmlElement item) {
    uint64_t in_service = 0;
    for (const XmlElement& instance : item.List("Instances")) {
      in_service += instance.Text("LifecycleState") == "InService" ? 1 : 0;
    }
    const uint64_t desired = item.Number("DesiredCapacity");
    Observed group{.id = item.Text("AutoScalingGroupName")};
    if (!item.Text("Status").empty()) {
      group.state = ResourceState::kDeleting;
      group.detail = item.Text("Status");
    } else if (in_service != desired) {
      group.state = ResourceState::kPending;
      group.detail =
          fmt::format("{} of {} machines in service", in_service, desired);
    }
    Json targets = Json::array();
    for (const XmlElement& target : item.List("TargetGroupARNs")) {
      targets.push_back(target.Text());
    }
    std::sort(targets.begin(), targets.end());
    group.attributes = {
        {"AutoScalingGroupName", group.id},
        {"MinSize", item.Number("MinSize")},
        {"MaxSize", item.Number("MaxSize")},
        {"DesiredCapacity", desired},
        {"VPCZoneIdentifier", item.Text("VPCZoneIdentifier")},
        {"LaunchTemplate",
         {{"LaunchTemplateId", item.Text("LaunchTemplate/LaunchTemplateId")},
          {"Version", item.Text("LaunchTemplate/Version")}}},
        {"Tags", ReadTags(item.List("Tags"))}};
    return group;
  }

  // The only place where the cloud says why a machine did not come.
  // A launch that failed some minutes ago, with none that succeeded since, is
  // the reason. Texts that pass by themselves (kUnclear) are waited out.
  absl::Status CheckActivities(const Observed& group,
                               const DriverContext& context) {
    ASSIGN_OR_RETURN(
        const XmlDocument answer,
        client_.Call(kAutoScaling, "DescribeScalingActivities",
                     {{"AutoScalingGroupName", group.id}, {"MaxRecords", 10}},
                     context.stop));
    for (const XmlElement& activity : answer.result().List("Activities")) {
      const std::string code = activity.Text("StatusCode");
      if (code == "Successful") {
        break;  // the newest come first
      }
      absl::Time start;
      std::string error;
      if (code != "Failed" ||
          !absl::ParseTime(absl::RFC3339_full, activity.Text("StartTime"),
                           &start, &error) ||
          client_.clock().Now() - start > kRecent) {
        continue;
      }
      const CloudError reason = DecodeActivity(activity.Text("StatusMessage"));
      if (reason.kind != Kind::kUnclear) {
        return MakeCloudError(reason);
      }
    }
    return absl::OkStatus();
  }

  AwsClient& client_;
};

}  // namespace

std::unique_ptr<ResourceDriver> MakeScalingGroupDriver(AwsClient& client) {
  return std::make_unique<ScalingGroupDriver>(client);
}

}  // namespace constellation::cloud::aws
