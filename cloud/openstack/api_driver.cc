// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/api_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/bodies.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {

using nlohmann::json;

// The list is filtered here again: a service ignores filters that it does not
// know, and would then offer everything in the project.
absl::StatusOr<std::vector<Observed>> ApiDriver::Find(
    const DriverContext& context) {
  const std::string& name = context.resource.name;
  ASSIGN_OR_RETURN(
      const std::vector<json> elements,
      client_.List(where_, Query(context.cluster, name), context.stop));
  std::vector<Observed> found;
  for (const json& element : elements) {
    if (ListedName(context.cluster, element) == name) {
      found.push_back(Read(element));
    }
  }
  const bool known =
      context.known_id.empty() ||
      std::ranges::find(found, context.known_id, &Observed::id) != found.end();
  if (!known) {
    const auto element = client_.Get(where_, context.known_id, context.stop);
    if (element.ok()) {
      // The id is the journal's: without our mark it is somebody else's thing,
      // and as a double of ours it would be deleted.
      if (ListedName(context.cluster, *element)) {
        found.push_back(Read(*element));
      }
    } else if (CloudErrorKindOf(element.status()) !=
               CloudErrorKind::kNotFound) {
      return element.status();
    }
  }
  std::erase_if(found, [](const Observed& observed) {
    return observed.state == ResourceState::kDeleting;
  });
  return found;
}

absl::StatusOr<Observed> ApiDriver::Create(const DriverContext& context,
                                           std::string_view /*token*/) {
  ASSIGN_OR_RETURN(const json body, Body(context));
  return Post(body, context.stop);
}

// An answer without an id would leave a thing that nobody can name; it counts
// as a lost answer.
absl::StatusOr<Observed> ApiDriver::Post(const json& body,
                                         const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const json answer,
                   client_.Send({.service = where_.service,
                                 .method = "POST",
                                 .path = std::string(where_.path),
                                 .body = body,
                                 .stop = stop}));
  const auto element = answer.find(std::string(where_.singular));
  if (element == answer.end() || TextOf(*element, "id").empty()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kUnclear,
         .message = fmt::format("POST {}: the answer has no \"{}\" with an id",
                                where_.path, where_.singular)});
  }
  return Read(*element);
}

std::vector<AttributeChange> ApiDriver::Differs(
    const DriverContext& /*context*/, const Observed& /*observed*/) {
  return {};
}

absl::StatusOr<Observed> ApiDriver::Update(const DriverContext& /*context*/,
                                           const Observed& observed) {
  return observed;
}

absl::StatusOr<Observed> ApiDriver::Refresh(const DriverContext& context,
                                            const Observed& observed) {
  ASSIGN_OR_RETURN(const json element,
                   client_.Get(where_, observed.id, context.stop));
  return Read(element);
}

absl::Status ApiDriver::DeletePath(const std::string& path,
                                   const std::stop_token& stop) {
  return client_
      .Send({.service = where_.service,
             .method = "DELETE",
             .path = path,
             .stop = stop})
      .status();
}

absl::Status ApiDriver::Delete(const DriverContext& context,
                               const Observed& observed) {
  return DeletePath(fmt::format("{}/{}", where_.path, Escaped(observed.id)),
                    context.stop);
}

// What Kubernetes has left behind is among it, with an empty name.
absl::StatusOr<std::vector<Stray>> ApiDriver::List(
    const ClusterIdentity& cluster) {
  ASSIGN_OR_RETURN(const std::vector<json> elements,
                   client_.List(where_, Query(cluster, "")));
  std::vector<Stray> strays;
  for (const json& element : elements) {
    if (const auto name = ListedName(cluster, element)) {
      strays.push_back({.name = *name, .observed = Read(element)});
    }
  }
  return strays;
}

// "Not there" is how a deletion ends in the engine's eyes.
absl::Status GoesWithOwner(std::string_view owner) {
  return MakeCloudError({.kind = CloudErrorKind::kNotFound,
                         .message = fmt::format("goes with its {}", owner)});
}

}  // namespace constellation::cloud::openstack
