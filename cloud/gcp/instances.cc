// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/desired.h"
#include "cloud/json_fields.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

// The end of it, which is what people look for.
constexpr size_t kMaxConsole = size_t{1} << 20U;

// The instance of the cluster with this id.
// Ids come from the command line. Only one that the cluster's own list holds is
// used, so no other machine of the project can be reached.
absl::StatusOr<std::string> Known(GcpClient& client, const std::string& project,
                                  const ClusterIdentity& cluster,
                                  std::string_view id) {
  ASSIGN_OR_RETURN(const std::vector<ClusterInstance> all,
                   ListInstances(client, project, cluster));
  const auto found = std::ranges::find(all, id, &ClusterInstance::id);
  if (found == all.end()) {
    return MakeCloudError({.kind = CloudErrorKind::kNotFound,
                           .message = "the cluster has no instance of this id",
                           .subject = std::string(id)});
  }
  return found->id;
}

}  // namespace

// Name, link and uid label have to agree: labels can be set by anyone with
// rights in the project, the link is the API's. An address may be missing while
// the machine starts.
absl::StatusOr<ClusterInstance> ParseInstance(const json& instance,
                                              std::string_view uid) {
  const std::string name = TextOf(instance, "name");
  const std::string id = IdOf(instance);
  const json labels = instance.is_object()
                          ? instance.value("labels", json::object())
                          : json::object();
  if (!IsNodeName(name) || LastPart(id) != name ||
      TextOf(labels, kUidKey) != uid) {
    return InvalidArgument("instance: name, link and labels do not agree");
  }
  ClusterInstance parsed{.id = id,
                         .group = TextOf(labels, kGroupKey),
                         .state = TextOf(instance, "status").substr(0, 64)};
  InstanceMetadata& metadata = parsed.metadata;
  metadata.name = name;
  metadata.uid = std::string(uid);
  ASSIGN_OR_RETURN(metadata.role, ParseNodeRole(TextOf(labels, kRoleKey)));
  metadata.zone = std::string(LastPart(PlaceOf(id)));
  const std::string_view rest = AfterProjects(id);
  const std::string project(rest.substr(0, rest.find('/')));
  if (!IsResourceName(metadata.zone)) {
    return InvalidArgument("instance: its link names no zone");
  }
  metadata.provider_id =
      fmt::format("gce://{}/{}/{}", project, metadata.zone, name);
  const json interfaces = instance.value("networkInterfaces", json::array());
  if (interfaces.is_array() && !interfaces.empty()) {
    metadata.cluster_ip = TextOf(interfaces.front(), "networkIP");
  }
  if (!metadata.cluster_ip.empty() && !ParseIpv4(metadata.cluster_ip)) {
    return InvalidArgument("instance: networkIP is no IPv4 address");
  }
  if (!IsNodeName(parsed.group)) {
    parsed.group.clear();
  }
  return parsed;
}

// The filter saves traffic; ParseInstance() decides. Sorted, so that output
// does not change from call to call.
absl::StatusOr<std::vector<ClusterInstance>> ListInstances(
    GcpClient& client, const std::string& project,
    const ClusterIdentity& cluster) {
  std::vector<ClusterInstance> instances;
  RETURN_IF_ERROR(client.List(
      {.path = fmt::format("projects/{}/aggregated/instances", project),
       .query = {{"maxResults", "500"},
                 {"filter",
                  fmt::format("labels.{}={}", kUidKey, cluster.uid)}}},
      "instances", [&](const json& thing) -> absl::Status {
        auto parsed = ParseInstance(thing, cluster.uid);
        if (parsed.ok()) {
          instances.push_back(*std::move(parsed));
        }
        return absl::OkStatus();
      }));
  std::ranges::sort(instances, {}, &ClusterInstance::id);
  return instances;
}

// Recreation keeps the name. Without a group that would make it anew the
// machine is left alone.
absl::Status RecreateInstance(Compute& compute, const std::string& project,
                              const ClusterIdentity& cluster,
                              std::string_view id) {
  ASSIGN_OR_RETURN(const std::string known,
                   Known(compute.client(), project, cluster, id));
  ASSIGN_OR_RETURN(const json instance, compute.Get(known, {}));
  // Groups note themselves in the metadata of what they make.
  std::string group;
  const json metadata = instance.value("metadata", json::object());
  if (metadata.is_object()) {
    for (const json& item : metadata.value("items", json::array())) {
      if (TextOf(item, "key") == "created-by") {
        group = TextOf(item, "value");
      }
    }
  }
  const std::string path = fmt::format("{}/instanceGroupManagers/{}",
                                       PlaceOf(known), LastPart(group));
  if (!IsResourceName(LastPart(group))) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kInvalid,
         .message = "the instance belongs to no instance group",
         .subject = known});
  }
  return compute.Start({.method = "POST",
                        .path = path + "/recreateInstances",
                        .body = DumpJson({{"instances", {known}}}),
                        .repeatable = true},
                       known, Compute::Change::kMake);
}

// Port 1 is what the image's kernel writes to.
absl::StatusOr<std::string> SerialConsole(GcpClient& client,
                                          const std::string& project,
                                          const ClusterIdentity& cluster,
                                          std::string_view id) {
  ASSIGN_OR_RETURN(const std::string known,
                   Known(client, project, cluster, id));
  ASSIGN_OR_RETURN(
      const json answer,
      client.Call({.path = known + "/serialPort", .query = {{"port", "1"}}}));
  std::string contents = TextOf(answer, "contents");
  if (contents.size() > kMaxConsole) {
    contents.erase(0, contents.size() - kMaxConsole);
  }
  return contents;
}

}  // namespace constellation::cloud::gcp
