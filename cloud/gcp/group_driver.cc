// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/group_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/find_by_sweep.h"
#include "cloud/gcp/gcp_error.h"
#include "cloud/json_fields.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Change = Compute::Change;
using Progress = Compute::Progress;
using Kind = CloudErrorKind;

// The template that new machines get. Older groups name it at the top only.
std::string TemplateOf(const json& group) {
  const auto versions = group.find("versions");
  if (versions != group.end() && versions->is_array() && !versions->empty()) {
    return TextOf(versions->front(), "instanceTemplate");
  }
  return TextOf(group, "instanceTemplate");
}

// -1 if the answer has no size, which differs from any that is wanted.
int64_t SizeOf(const json& group) {
  const auto size = group.find("targetSize");
  return size != group.end() && size->is_number_integer() ? size->get<int64_t>()
                                                          : -1;
}

// "projects/p/..." of a link.
std::string PathOf(std::string_view link) {
  return fmt::format("projects/{}", AfterProjects(link));
}

// The API refuses changes of a thing that is being made; so do we, with an
// error that passes by itself.
absl::Status Busy(const std::string& id) {
  return MakeCloudError({.kind = Kind::kConflict,
                         .message = "it is still being made",
                         .subject = id});
}

}  // namespace

// A template cannot be changed, so its name holds a digest of its contents:
// equal contents find the same template, others make a new one.
std::string TemplateName(const ClusterIdentity& cluster, std::string_view name,
                         const json& properties) {
  const std::string hash =
      HexEncode(crypto::Sha256(AsBytes(DumpJson(properties))));
  return fmt::format("{}-{}", CloudName(cluster, name), hash.substr(0, 8));
}

DriverTraits GroupDriver::Traits() const {
  // Confidential machines boot slowly, and deleting waits for all of them.
  return {.create_is_idempotent = true,
          .ready_timeout = absl::Minutes(30),
          .gone_timeout = absl::Minutes(30)};
}

// All templates of one group, by their marks; a run that died may have left
// more than one.
absl::StatusOr<std::vector<std::string>> GroupDriver::Templates(
    const ClusterIdentity& cluster, std::string_view name) {
  std::vector<std::string> paths;
  RETURN_IF_ERROR(compute_.client().List(
      {.path = fmt::format("projects/{}/global/instanceTemplates", project_),
       .query = {{"maxResults", "500"},
                 {"filter",
                  fmt::format("name eq \"{}-.*\"", BaseName(cluster))}}},
      "", [&](const json& thing) -> absl::Status {
        if (NameInMark(thing, cluster) == name && !IdOf(thing).empty()) {
          paths.push_back(IdOf(thing));
        }
        return absl::OkStatus();
      }));
  return paths;
}

// Finds or makes the template of what is wanted. With a token the request id
// makes a repeat harmless; without one (see Update()) the name does.
absl::StatusOr<std::string> GroupDriver::EnsureTemplate(
    const DriverContext& context, std::string_view token) {
  const json& wanted = context.resource.desired.at("template");
  ASSIGN_OR_RETURN(const json properties,
                   ResolveReferences(wanted.at("properties"), context));
  const std::string name =
      TemplateName(context.cluster, context.resource.name, properties);
  const std::string parent = TextOf(wanted, "parent");
  const std::string id = fmt::format("{}/{}", parent, name);
  const absl::StatusOr<json> there = compute_.Get(id, context.stop);
  if (there.ok() &&
      NameInMark(*there, context.cluster) == context.resource.name) {
    return id;
  }
  if (!there.ok() && !absl::IsNotFound(there.status())) {
    return there.status();
  }
  const json body = {
      {"name", name},
      {"description", MarkOf(context.cluster, context.resource.name)},
      {"properties", properties}};
  RETURN_IF_ERROR(compute_.Start(
      {.method = "POST",
       .path = parent,
       .body = DumpJson(body),
       .request_id =
           token.empty() ? "" : RequestId(fmt::format("{}/{}", token, id)),
       .stop = context.stop},
      id, Change::kMake));
  RETURN_IF_ERROR(compute_.Await(id, Change::kMake, context.stop));
  return id;
}

// The template first, which is awaited: the group refers to it.
absl::StatusOr<Observed> GroupDriver::Create(const DriverContext& context,
                                             std::string_view token) {
  ASSIGN_OR_RETURN(const std::string instance_template,
                   EnsureTemplate(context, token));
  const json& desired = context.resource.desired;
  json body = desired.at("body");
  body["versions"] = json::array({{{"instanceTemplate", instance_template}}});
  const std::string parent = TextOf(desired, "parent");
  const std::string id = fmt::format("{}/{}", parent, TextOf(body, "name"));
  RETURN_IF_ERROR(
      compute_.Start({.method = "POST",
                      .path = parent,
                      .body = DumpJson(body),
                      .request_id = RequestId(fmt::format("{}/{}", token, id)),
                      .stop = context.stop},
                     id, Change::kMake));
  return Observed{.id = id, .state = ResourceState::kPending};
}

// The group with its template's contents as "template", for Differs(). A
// template that is gone leaves that empty.
absl::StatusOr<Observed> GroupDriver::Look(const std::string& id,
                                           const std::stop_token& stop) {
  ASSIGN_OR_RETURN(json group, compute_.Get(id, stop));
  const std::string link = TemplateOf(group);
  if (!link.empty()) {
    const absl::StatusOr<json> used = compute_.Get(PathOf(link), stop);
    if (used.ok()) {
      group["template"] = used->value("properties", json::object());
    } else if (!absl::IsNotFound(used.status())) {
      return used.status();
    }
  }
  Observed observed{.id = id, .attributes = std::move(group)};
  RETURN_IF_ERROR(JudgeInstances(observed, stop));
  return observed;
}

// A group is ready when all its machines run and none is too many. The reason
// why one does not come stands only in that machine's last attempt.
absl::Status GroupDriver::JudgeInstances(Observed& observed,
                                         const std::stop_token& stop) {
  int64_t total = 0;
  int64_t running = 0;
  absl::Status failure;
  // Asked with POST, changes nothing.
  ApiRequest request{
      .method = "POST",
      .path = fmt::format("{}/listManagedInstances", observed.id),
      .query = {{"maxResults", "500"}},
      .repeatable = true,
      .stop = stop};
  const auto look = [&](const json& instance) {
    ++total;
    running += TextOf(instance, "currentAction") == "NONE" &&
               TextOf(instance, "instanceStatus") == "RUNNING";
    const json attempt = instance.value("lastAttempt", json::object());
    if (attempt.is_object() && TextOf(instance, "currentAction") != "NONE") {
      const json errors = attempt.value("errors", json::object());
      if (OperationFailed({{"error", errors}}) && failure.ok()) {
        failure = MakeCloudError(OperationErrorOf({{"error", errors}}));
      }
    }
  };
  for (int page = 0; page < 100; ++page) {
    ASSIGN_OR_RETURN(const json answer, compute_.client().Call(request));
    for (const json& instance :
         answer.value("managedInstances", json::array())) {
      if (instance.is_object()) {
        look(instance);
      }
    }
    const std::string next = TextOf(answer, "nextPageToken");
    if (next.empty()) {
      break;
    }
    request.query = {{"maxResults", "500"}, {"pageToken", next}};
  }
  const int64_t wanted = SizeOf(observed.attributes);
  if (running < wanted || total > wanted) {
    observed.state = ResourceState::kPending;
    observed.detail =
        fmt::format("{} of {} instances are running", running, wanted);
    return failure;
  }
  return absl::OkStatus();
}

// By name and mark. A template without its group counts as a failed group, so
// that it is deleted and made anew. A group whose machines cannot be judged is
// pending, not absent.
absl::StatusOr<std::vector<Observed>> GroupDriver::Find(
    const DriverContext& context) {
  const json& desired = context.resource.desired;
  std::string id = context.known_id;
  if (desired.contains("parent")) {
    id = fmt::format("{}/{}", TextOf(desired, "parent"),
                     CloudName(context.cluster, context.resource.name));
  }
  if (id.empty()) {
    return FindBySweep(*this, context);
  }
  std::vector<Observed> found;
  absl::StatusOr<json> group = compute_.Get(id, context.stop);
  if (group.ok()) {
    if (NameInMark(*group, context.cluster) == context.resource.name) {
      absl::StatusOr<Observed> seen = Look(id, context.stop);
      if (seen.ok()) {
        found.push_back(*std::move(seen));
      } else {  // it is there, and its instances are in trouble
        found.push_back({.id = id,
                         .state = ResourceState::kPending,
                         .detail = std::string(Message(seen.status())),
                         .attributes = *std::move(group)});
      }
    }
    return found;
  }
  if (!absl::IsNotFound(group.status())) {
    return group.status();
  }
  // A run may have died between template and group.
  ASSIGN_OR_RETURN(const std::vector<std::string> templates,
                   Templates(context.cluster, context.resource.name));
  if (!templates.empty()) {
    found.push_back({.id = id,
                     .state = ResourceState::kFailed,
                     .detail = "only its template exists"});
  }
  return found;
}

// Size, and what is in the template. The template's name tells whether anything
// differs at all; its contents, what.
std::vector<AttributeChange> GroupDriver::Differs(const DriverContext& context,
                                                  const Observed& observed) {
  const json& desired = context.resource.desired;
  std::vector<AttributeChange> changes;
  const auto size = SizeOf(observed.attributes);
  const json& wanted_size = desired.at("body").at("targetSize");
  if (json(size) != wanted_size) {
    changes.push_back(
        {.attribute = "targetSize", .from = size, .to = wanted_size});
  }
  const auto properties =
      ResolveReferences(desired.at("template").at("properties"), context);
  const std::string used(LastPart(TemplateOf(observed.attributes)));
  if (!properties.ok()) {
    changes.push_back({.attribute = "template", .from = used, .to = nullptr});
    return changes;
  }
  const std::string name =
      TemplateName(context.cluster, context.resource.name, *properties);
  if (used == name) {
    return changes;
  }
  const json got = observed.attributes.value("template", json::object());
  const size_t before = changes.size();
  for (const auto& [key, value] : properties->items()) {
    const json there = got.is_object() ? got.value(key, json()) : json();
    if (!Covers(there, value)) {
      changes.push_back(
          {.attribute = "template." + key, .from = there, .to = value});
    }
  }
  if (changes.size() == before) {
    changes.push_back({.attribute = "template", .from = used, .to = name});
  }
  return changes;
}

// The new template, then the size. Machines that run stay as they are. Former
// templates are deleted if nothing uses them.
absl::StatusOr<Observed> GroupDriver::Update(const DriverContext& context,
                                             const Observed& observed) {
  const auto making = compute_.Check(observed.id, Change::kMake, context.stop);
  if (making.ok() && *making == Progress::kRunning) {
    return Busy(observed.id);
  }
  // Without a token: the same contents may have been wanted, deleted and be
  // wanted again within the day that the cloud remembers requests.
  ASSIGN_OR_RETURN(const std::string instance_template,
                   EnsureTemplate(context, ""));
  const std::string used = TemplateOf(observed.attributes);
  if (LastPart(used) != LastPart(instance_template)) {
    RETURN_IF_ERROR(compute_.Start(
        {.method = "POST",
         .path = fmt::format("{}/setInstanceTemplate", observed.id),
         .body = DumpJson({{"instanceTemplate", instance_template}}),
         .repeatable = true,
         .stop = context.stop},
        observed.id, Change::kMake));
    RETURN_IF_ERROR(compute_.Await(observed.id, Change::kMake, context.stop));
  }
  // One that is still in use somewhere goes with the cluster.
  (void)DeleteTemplates(context, instance_template);
  const json& size = context.resource.desired.at("body").at("targetSize");
  if (json(SizeOf(observed.attributes)) != size) {
    RETURN_IF_ERROR(
        compute_.Start({.method = "POST",
                        .path = fmt::format("{}/resize", observed.id),
                        .query = {{"size", DumpJson(size)}},
                        .repeatable = true,
                        .stop = context.stop},
                       observed.id, Change::kMake));
  }
  Observed changed = observed;
  changed.state = ResourceState::kPending;
  return changed;
}

// As CollectionDriver::Refresh(), but gone only when its templates are, too.
absl::StatusOr<Observed> GroupDriver::Refresh(const DriverContext& context,
                                              const Observed& observed) {
  const auto removal =
      compute_.Check(observed.id, Change::kDelete, context.stop);
  Observed busy = observed;
  if (removal.ok() && *removal == Progress::kRunning) {
    busy.state = ResourceState::kDeleting;
    return busy;
  }
  ASSIGN_OR_RETURN(const Progress making,
                   compute_.Check(observed.id, Change::kMake, context.stop));
  if (making == Progress::kRunning) {
    busy.state = ResourceState::kPending;
    busy.detail = "the cloud works on it";
    return busy;
  }
  absl::StatusOr<Observed> seen = Look(observed.id, context.stop);
  if (!absl::IsNotFound(seen.status())) {
    return seen;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> templates,
                   Templates(context.cluster, context.resource.name));
  if (templates.empty()) {
    return seen;
  }
  busy.state = ResourceState::kPending;  // Delete() has more to do
  busy.detail = "only its template exists";
  return busy;
}

// All templates but `keep`, one after the other: there are hardly more than
// two.
absl::Status GroupDriver::DeleteTemplates(const DriverContext& context,
                                          std::string_view keep) {
  ASSIGN_OR_RETURN(const std::vector<std::string> templates,
                   Templates(context.cluster, context.resource.name));
  for (const std::string& path : templates) {
    if (LastPart(path) == LastPart(keep)) {
      continue;
    }
    const absl::Status started =
        compute_.Start({.method = "DELETE", .path = path, .stop = context.stop},
                       path, Change::kDelete);
    if (!started.ok() && !absl::IsNotFound(started)) {
      return started;
    }
    RETURN_IF_ERROR(compute_.Await(path, Change::kDelete, context.stop));
  }
  return absl::OkStatus();
}

// The group first; only when it is gone its templates can go. Until then the
// answer is the group's, so that the engine asks again.
absl::Status GroupDriver::Delete(const DriverContext& context,
                                 const Observed& observed) {
  RETURN_IF_ERROR(compute_.TakeRefusal(observed.id));
  const auto making = compute_.Check(observed.id, Change::kMake, context.stop);
  if (making.ok() && *making == Progress::kRunning) {
    return Busy(observed.id);
  }
  const absl::Status started = compute_.Start(
      {.method = "DELETE", .path = observed.id, .stop = context.stop},
      observed.id, Change::kDelete);
  if (!absl::IsNotFound(started)) {
    return started;
  }
  RETURN_IF_ERROR(DeleteTemplates(context, ""));
  return started;
}

// By name in the request, by mark in what comes.
absl::StatusOr<std::vector<Stray>> GroupDriver::List(
    const ClusterIdentity& cluster) {
  std::vector<Stray> strays;
  RETURN_IF_ERROR(compute_.client().List(
      {.path = fmt::format("projects/{}/aggregated/instanceGroupManagers",
                           project_),
       .query = {{"maxResults", "500"},
                 {"filter",
                  fmt::format("name eq \"{}-.*\"", BaseName(cluster))}}},
      "instanceGroupManagers", [&](const json& thing) -> absl::Status {
        const auto name = NameInMark(thing, cluster);
        if (name && !IdOf(thing).empty()) {
          strays.push_back(
              {.name = *name,
               .observed = {.id = IdOf(thing), .attributes = thing}});
        }
        return absl::OkStatus();
      }));
  return strays;
}

}  // namespace constellation::cloud::gcp
