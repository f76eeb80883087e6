// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/inventory.h"
#include "cloud/aws/names.h"
#include "cloud/engine/cloud_error.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

// More machines than any cluster has; an answer beyond it is not believed.
constexpr size_t kMaxInstances = 10'000;
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789-";

bool Consists(std::string_view text, std::string_view of, size_t most) {
  return !text.empty() && text.size() <= most &&
         text.find_first_not_of(of) == std::string_view::npos;
}

bool IsInstanceId(std::string_view id) {
  return id.starts_with("i-") && Consists(id, kLower, 63) && IsNodeName(id);
}

// An id comes from the command line or from an answer, and goes into requests.
absl::Status CheckId(std::string_view id) {
  return IsInstanceId(id) ? absl::OkStatus()
                          : InvalidArgument(fmt::format(
                                "instance: want \"i-...\", got \"{}\"", id));
}

// Refuses machines that are not this cluster's.
absl::Status CheckOurs(AwsClient& client, const ClusterIdentity& cluster,
                       std::string_view instance_id) {
  RETURN_IF_ERROR(CheckId(instance_id));
  bool ours = false;
  const Json parameters = {
      {"InstanceId", Json::array({instance_id})},
      {"Filter",
       Json::array({Filter(fmt::format("tag:{}", kUidTag), {cluster.uid})})}};
  RETURN_IF_ERROR(client.CallPaged(
      kEc2, "DescribeInstances", parameters, {}, [&](XmlElement page) {
        for (const XmlElement& reservation : page.List("reservationSet")) {
          for (const XmlElement& item : reservation.List("instancesSet")) {
            // What is done next cannot be undone: the filter alone, which
            // a server may not heed, is not enough.
            ours |=
                item.Text("instanceId") == instance_id &&
                TagOf(ReadTags(item.List("tagSet")), kUidTag) == cluster.uid;
          }
        }
        return absl::OkStatus();
      }));
  return ours ? absl::OkStatus()
              : MakeNotFound(fmt::format("{} is no machine of cluster {}",
                                         instance_id, cluster.uid));
}

}  // namespace

// Nobody but the cluster's owner should be able to set these tags, yet nodes
// read them: syntax is checked here, and only evidence decides whom to believe.
absl::StatusOr<ClusterInstance> ParseInstance(XmlElement item) {
  const Json tags = ReadTags(item.List("tagSet"));
  ClusterInstance instance{.id = item.Text("instanceId"),
                           .group = TagOf(tags, kGroupTag).substr(0, 64),
                           .state = item.Text("instanceState/name")};
  RETURN_IF_ERROR(CheckId(instance.id));
  InstanceMetadata& metadata = instance.metadata;
  metadata.name = instance.id;
  ASSIGN_OR_RETURN(metadata.role, ParseNodeRole(TagOf(tags, kRoleTag)));
  metadata.uid = TagOf(tags, kUidTag);
  metadata.zone = item.Text("placement/availabilityZone");
  metadata.cluster_ip = item.Text("privateIpAddress");
  if (!Consists(metadata.uid, kLower, 64) ||
      !Consists(metadata.zone, kLower, 64)) {
    return InvalidArgument(fmt::format(
        "{}: want a uid and a zone of [a-z0-9-], got \"{}\", \"{}\"",
        instance.id, metadata.uid.substr(0, 80), metadata.zone.substr(0, 80)));
  }
  // A machine that is being made may have none yet.
  if (!metadata.cluster_ip.empty() &&
      !Consists(metadata.cluster_ip, "0123456789.", 15)) {
    return InvalidArgument(fmt::format("{}: want an IPv4 address, got \"{}\"",
                                       instance.id,
                                       metadata.cluster_ip.substr(0, 80)));
  }
  metadata.provider_id =
      fmt::format("aws:///{}/{}", metadata.zone, instance.id);
  return instance;
}

// Those that do not parse are left out rather than refused: a foreign machine
// with our uid in a tag must not blind the nodes.
absl::StatusOr<std::vector<ClusterInstance>> ListInstances(AwsClient& client,
                                                           std::string_view uid,
                                                           bool only_running) {
  std::vector<std::string> states = {"pending", "running"};
  if (!only_running) {
    states.insert(states.end(), {"stopping", "stopped", "shutting-down"});
  }
  const Json parameters = {
      {"Filter",
       Json::array({Filter(fmt::format("tag:{}", kUidTag), {std::string(uid)}),
                    Filter("instance-state-name", states)})},
      {"MaxResults", 1000}};
  std::vector<ClusterInstance> instances;
  RETURN_IF_ERROR(client.CallPaged(
      kEc2, "DescribeInstances", parameters, {},
      [&](XmlElement page) -> absl::Status {
        for (const XmlElement& reservation : page.List("reservationSet")) {
          for (const XmlElement& item : reservation.List("instancesSet")) {
            auto instance = ParseInstance(item);
            if (instance.ok() && instance->metadata.uid == uid) {
              instances.push_back(*std::move(instance));
            }
          }
        }
        return instances.size() <= kMaxInstances
                   ? absl::OkStatus()
                   : InvalidArgument("instances: want at most 10000");
      }));
  return instances;
}

// EC2 wraps the base64 text into lines.
absl::StatusOr<std::string> ReadConsole(AwsClient& client,
                                        const ClusterIdentity& cluster,
                                        std::string_view instance_id) {
  RETURN_IF_ERROR(CheckOurs(client, cluster, instance_id));
  ASSIGN_OR_RETURN(
      const XmlDocument answer,
      client.Call(kEc2, "GetConsoleOutput",
                  {{"InstanceId", instance_id}, {"Latest", true}}));
  std::string text = answer.result().Text("output");
  std::erase_if(text,
                [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  const auto log = Base64Decode(text);
  if (!log.ok()) {
    return InvalidArgument("console output: want base64");
  }
  return std::string(AsText(*log));
}

// The group keeps its capacity, so it makes another machine at once.
absl::Status ReplaceMachine(AwsClient& client, const ClusterIdentity& cluster,
                            std::string_view instance_id) {
  RETURN_IF_ERROR(CheckOurs(client, cluster, instance_id));
  return client
      .Call(kAutoScaling, "TerminateInstanceInAutoScalingGroup",
            {{"InstanceId", instance_id},
             {"ShouldDecrementDesiredCapacity", false}})
      .status();
}

}  // namespace constellation::cloud::aws
