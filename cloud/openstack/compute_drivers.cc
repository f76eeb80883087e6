// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/compute_drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/api_driver.h"
#include "cloud/openstack/bodies.h"
#include "cloud/openstack/directory.h"
#include "cloud/openstack/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr Collection kFlavors{kCompute, "/flavors", "/flavors/detail",
                              "flavors", "flavor"};
constexpr Collection kServerGroups{kCompute, "/os-server-groups",
                                   "/os-server-groups", "server_groups",
                                   "server_group"};
constexpr Collection kVolumes{kBlockStorage, "/volumes", "/volumes/detail",
                              "volumes", "volume"};
constexpr char kCsiKey[] = "cinder.csi.openstack.org/cluster";

// --- server groups ----------------------------------------------------------

// A policy of placement: control planes on different hosts where possible. It
// has neither tags nor description, so its name alone says whose it is.
class ServerGroupDriver final : public ApiDriver {
 public:
  using ApiDriver::ApiDriver;

 protected:
  // Nova lists them with neither filters nor markers; a project has few.
  std::string Query(const ClusterIdentity& /*cluster*/,
                    std::string_view /*name*/) const override {
    return "";
  }
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    const std::string name = ResourceName(cluster, TextOf(element, "name"));
    return name.empty() ? std::nullopt : std::optional(name);
  }
  absl::StatusOr<json> Body(const DriverContext& context) override {
    return json{{"server_group",
                 {{"name", CloudName(context.cluster, context.resource.name)},
                  {"policy", TextOf(context.resource.desired, "policy")}}}};
  }
  Observed Read(const json& element) const override {
    return {.id = TextOf(element, "id")};
  }
};

// What a server's fault means for whoever wanted it: nova has no codes for
// these, and wraps what cinder and neutron said.
CloudErrorKind KindOfFault(std::string_view message) {
  const auto says = [&](std::string_view words) {
    return message.find(words) != std::string_view::npos;
  };
  if (says("No valid host") || says("Exhausted all hosts")) {
    return CloudErrorKind::kCapacity;
  }
  return says("LimitExceeded") || says("Quota exceeded") ||
                 says("exceeded for quota")
             ? CloudErrorKind::kQuota
             : CloudErrorKind::kLateFailure;
}

// --- servers ----------------------------------------------------------------

// One node. Its port comes first and stays when the server is replaced, so a
// node's address outlives it.
class ServerDriver final : public ApiDriver {
 public:
  ServerDriver(Client& client, Catalogue& catalogue)
      : ApiDriver(client, kServers), catalogue_(catalogue) {}

  // Of the metadata: what changes nothing in a running node is changed in
  // place, the image for its replacement, too.
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    std::vector<AttributeChange> changes;
    const json present = ObjectOf(observed.attributes, "metadata");
    const json wanted = Wanted(context);
    for (const auto& [key, value] : wanted.items()) {
      const auto found = present.find(key);
      if (found == present.end() || *found != value) {
        const bool fixed = key == kMetaUid || key == kMetaRole ||
                           key == kMetaGroup || key == kMetaFlavor;
        changes.push_back({.attribute = key,
                           .from = found == present.end() ? json() : *found,
                           .to = value,
                           .needs_replacement = fixed});
      }
    }
    return changes;
  }

  // POST of metadata replaces the keys that are named and leaves the
  // directory's alone; the same twice changes nothing.
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override {
    RETURN_IF_ERROR(client_
                        .Send({.method = "POST",
                               .path = fmt::format("/servers/{}/metadata",
                                                   Escaped(observed.id)),
                               .body = {{"metadata", Wanted(context)}},
                               .repeatable = true,
                               .stop = context.stop})
                        .status());
    return Refresh(context, observed);
  }

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    ASSIGN_OR_RETURN(const json body, Body(context));
    // The answer holds the id and little else.
    ASSIGN_OR_RETURN(Observed made, Post(body, context.stop));
    made.state = ResourceState::kPending;
    return made;
  }

 protected:
  // The name is a regular expression for nova; ours has letters, digits and
  // hyphens.
  std::string Query(const ClusterIdentity& cluster,
                    std::string_view name) const override {
    std::string query = "tags=" + Escaped(UidMarker(cluster));
    if (!name.empty()) {  // a regular expression
      query += "&name=" + Escaped("^" + CloudName(cluster, name) + "$");
    }
    return query;
  }

  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    const json tags = ArrayOf(element, "tags");
    return std::ranges::find(tags, json(UidMarker(cluster))) == tags.end()
               ? std::nullopt
               : std::optional(ResourceName(cluster, TextOf(element, "name")));
  }

  absl::StatusOr<json> Body(const DriverContext& context) override {
    const json& desired = context.resource.desired;
    ASSIGN_OR_RETURN(const json flavor,
                     catalogue_.Flavor(TextOf(desired, "flavor")));
    ASSIGN_OR_RETURN(const json image,
                     catalogue_.Image(TextOf(desired, "image")));
    const int boot_gb = BootVolumeGb(desired.value("boot_volume_gb", 5), image);
    return ServerBody(context, {.flavor_id = TextOf(flavor, "id"),
                                .boot_volume_gb = boot_gb});
  }

  // Every status that is neither building, failed nor going counts as ready: a
  // stopped server is there, and whether its node works is not nova's to say.
  Observed Read(const json& element) const override {
    Observed observed{.id = TextOf(element, "id")};
    const std::string status = TextOf(element, "status");
    observed.detail = status;
    observed.attributes = {{"metadata", ObjectOf(element, "metadata")},
                           {"name", TextOf(element, "name")}};
    if (status == "BUILD") {
      observed.state = ResourceState::kPending;
    } else if (status == "ERROR") {
      observed.state = ResourceState::kFailed;
      const auto fault = element.find("fault");
      observed.detail = fault == element.end()
                            ? "nova says ERROR"
                            : TextOf(*fault, "message").substr(0, 500);
      observed.failure = KindOfFault(observed.detail);
      if (observed.detail.find("No valid host") != std::string::npos) {
        observed.detail +=
            " (no host has room for the flavor, or none offers what its extra "
            "specs ask for)";
      }
    } else if (status == "DELETED" || status == "SOFT_DELETED" ||
               TextOf(element, "OS-EXT-STS:task_state") == "deleting") {
      observed.state = ResourceState::kDeleting;
    }
    return observed;
  }

 private:
  static json Wanted(const DriverContext& context) {
    return ObjectOf(context.resource.desired, "metadata");
  }

  Catalogue& catalogue_;
};

// --- the node directory -----------------------------------------------------

// Every server's metadata lists the control-plane nodes' names and addresses.
// So nodes find each other without any right in the cloud. Written when all
// servers are there, again when control-plane nodes come or go.
class DirectoryDriver final : public ResourceDriver {
 public:
  explicit DirectoryDriver(Client& client) : client_(client) {}

  DriverTraits Traits() const override {
    return {.create_is_idempotent = true};
  }

  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    Observed found = Look(context);
    return found.attributes["servers"].empty() ? std::vector<Observed>()
                                               : std::vector{std::move(found)};
  }

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    const json wanted = Wanted(context);
    for (const json& name : context.resource.desired["servers"]) {
      const Observed* server =
          context.dependency(name.get_ref<const std::string&>());
      if (server == nullptr) {
        return MakeCloudError({.kind = CloudErrorKind::kNotFound,
                               .message = "a server is not there yet"});
      }
      RETURN_IF_ERROR(Write(*server, wanted, context.stop));
    }
    Observed written = Look(context);
    for (const json& name : context.resource.desired["servers"]) {
      written.attributes["servers"][name.get_ref<const std::string&>()] =
          wanted;
    }
    return written;
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    const json wanted = Wanted(context);
    const json present = ObjectOf(observed.attributes, "servers");
    for (const json& name : context.resource.desired["servers"]) {
      const auto found = present.find(name.get_ref<const std::string&>());
      if (found == present.end() || *found != wanted) {
        return {
            {.attribute = "control-plane nodes of " + name.get<std::string>(),
             .from = found == present.end() ? json() : *found,
             .to = wanted}};
      }
    }
    return {};
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& /*observed*/) override {
    return Create(context, "");
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& /*context*/,
                                   const Observed& observed) override {
    return observed;
  }

  absl::Status Delete(const DriverContext& /*context*/,
                      const Observed& /*observed*/) override {
    return GoesWithOwner("servers");
  }

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return std::vector<Stray>();
  }

 private:
  // {"port-...": address} -> metadata keys and values.
  // Ports and servers have the same number at the end of their names.
  static json Wanted(const DriverContext& context) {
    std::vector<DirectoryEntry> entries;
    for (const json& name : context.resource.desired["ports"]) {
      const std::string port = name.get<std::string>();
      const Observed* observed = context.dependency(port);
      entries.push_back(
          {.name = "node" + port.substr(port.find('-')),
           .address = observed == nullptr
                          ? ""
                          : TextOf(observed->attributes, "address")});
    }
    return DirectoryToMetadata(entries);
  }

  // The directory's keys alone, out of a server's metadata.
  static json Look(const Observed& server) {
    json keys = json::object();
    const json metadata = ObjectOf(server.attributes, "metadata");
    for (const auto& [key, value] : metadata.items()) {
      if (key.starts_with(kMetaPeers)) {
        keys[key] = value;
      }
    }
    return keys;
  }

  static Observed Look(const DriverContext& context) {
    Observed found{.id = std::string(kDirectoryName),
                   .attributes = {{"servers", json::object()}}};
    if (!context.dependency || !context.resource.desired.contains("servers")) {
      return found;
    }
    for (const json& name : context.resource.desired["servers"]) {
      const Observed* server =
          context.dependency(name.get_ref<const std::string&>());
      if (server != nullptr && !Look(*server).empty()) {
        found.attributes["servers"][name.get_ref<const std::string&>()] =
            Look(*server);
      }
    }
    return found;
  }

  // First the new keys, then what is left over of a longer list: a node that
  // reads in between sees one node too many rather than none.
  absl::Status Write(const Observed& server, const json& wanted,
                     const std::stop_token& stop) {
    const json present = Look(server);
    if (present == wanted) {
      return absl::OkStatus();
    }
    const std::string path =
        fmt::format("/servers/{}/metadata", Escaped(server.id));
    RETURN_IF_ERROR(client_
                        .Send({.method = "POST",
                               .path = path,
                               .body = {{"metadata", wanted}},
                               .repeatable = true,
                               .stop = stop})
                        .status());
    for (const auto& [key, value] : present.items()) {
      if (wanted.contains(key)) {
        continue;
      }
      const absl::Status status =
          client_
              .Send(
                  {.method = "DELETE", .path = path + "/" + key, .stop = stop})
              .status();
      if (CloudErrorKindOf(status) != CloudErrorKind::kNotFound) {
        RETURN_IF_ERROR(status);
      }
    }
    return absl::OkStatus();
  }

  Client& client_;
};

// --- volumes ----------------------------------------------------------------

// Kubernetes' persistent volumes; nodes' own go with their servers.
class VolumeDriver final : public ApiDriver {
 public:
  using ApiDriver::ApiDriver;

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    ASSIGN_OR_RETURN(const bool there, client_.Has(kBlockStorage));
    return there ? ApiDriver::List(cluster) : std::vector<Stray>();
  }

 protected:
  std::string Query(const ClusterIdentity& /*cluster*/,
                    std::string_view /*name*/) const override {
    return "";
  }
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    const json metadata = ObjectOf(element, "metadata");
    return TextOf(metadata, kCsiKey) == KubernetesClusterName(cluster)
               ? std::optional(std::string())
               : std::nullopt;
  }
  absl::StatusOr<json> Body(const DriverContext& /*context*/) override {
    return MakeCloudError({.kind = CloudErrorKind::kInvalid,
                           .message = "volumes are made by Kubernetes"});
  }
  Observed Read(const json& element) const override {
    const std::string status = TextOf(element, "status");
    return {.id = TextOf(element, "id"),
            .state = status == "deleting" ? ResourceState::kDeleting
                                          : ResourceState::kReady,
            .detail = status};
  }
};

}  // namespace

// The lock is held while asking, so that many servers of one plan ask once.
absl::StatusOr<json> Catalogue::Flavor(const std::string& name) {
  const absl::MutexLock lock(&mutex_);
  if (const auto found = flavors_.find(name); found != flavors_.end()) {
    return found->second;
  }
  ASSIGN_OR_RETURN(const json flavor, FindFlavor(name));
  flavors_[name] = flavor;
  return flavor;
}

// Names are not unique in nova; to guess would choose a price.
absl::StatusOr<json> Catalogue::FindFlavor(const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<json> all, client_.List(kFlavors, ""));
  std::vector<json> named;
  for (const json& flavor : all) {
    if (TextOf(flavor, "id") == name) {
      return flavor;
    }
    if (TextOf(flavor, "name") == name) {
      named.push_back(flavor);
    }
  }
  if (named.size() == 1) {
    return named.front();
  }
  return MakeCloudError(
      {.kind = CloudErrorKind::kUnsupportedType,
       .message = fmt::format(
           "{} flavor \"{}\" for this project",
           named.empty() ? "there is no" : "there is more than one", name),
       .subject = name});
}

absl::StatusOr<json> Catalogue::Image(const std::string& id) {
  const absl::MutexLock lock(&mutex_);
  if (const auto found = images_.find(id); found != images_.end()) {
    return found->second;
  }
  const absl::StatusOr<json> image = client_.Get(kImages, id);
  if (!image.ok() &&
      CloudErrorKindOf(image.status()) == CloudErrorKind::kNotFound) {
    // Not kNotFound: that would read as "not yet".
    return MakeCloudError(
        {.kind = CloudErrorKind::kInvalid,
         .message = fmt::format("there is no image \"{}\": upload it with "
                                "`constellation image upload`",
                                id),
         .subject = id});
  }
  RETURN_IF_ERROR(image.status());
  images_[id] = *image;
  return *image;
}

int BootVolumeGb(int wanted, const json& image) {
  constexpr uint64_t kMaxGb = 1024;
  const auto min = image.is_object() ? image.find("min_disk") : image.end();
  return min == image.end() || !min->is_number_unsigned()
             ? wanted
             : std::max(wanted, static_cast<int>(
                                    std::min(min->get<uint64_t>(), kMaxGb)));
}

std::unique_ptr<ResourceDriver> MakeComputeDriver(std::string_view kind,
                                                  Client& client,
                                                  Catalogue& catalogue) {
  if (kind == kKindServerGroup) {
    return std::make_unique<ServerGroupDriver>(client, kServerGroups);
  }
  if (kind == kKindServer) {
    return std::make_unique<ServerDriver>(client, catalogue);
  }
  if (kind == kKindDirectory) {
    return std::make_unique<DirectoryDriver>(client);
  }
  if (kind == kKindVolume) {
    return std::make_unique<VolumeDriver>(client, kVolumes);
  }
  return nullptr;
}

}  // namespace constellation::cloud::openstack
