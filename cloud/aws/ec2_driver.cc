// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/ec2_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// The words of all kinds; none means two things.
// Words that are not known count as ready: a new word of AWS must not make the
// engine wait for ever.
ResourceState StateOf(std::string_view word) {
  constexpr std::array<std::string_view, 3> kPending = {"pending", "creating",
                                                        "stopping"};
  constexpr std::array<std::string_view, 4> kDeleting = {
      "deleting", "shutting-down", "deleted", "terminated"};
  if (std::ranges::find(kPending, word) != kPending.end()) {
    return ResourceState::kPending;
  }
  if (std::ranges::find(kDeleting, word) != kDeleting.end()) {
    return ResourceState::kDeleting;
  }
  return word == "failed" || word == "error" ? ResourceState::kFailed
                                             : ResourceState::kReady;
}

// Shown for an hour after it is gone.
bool IsGone(const Observed& observed) {
  return observed.detail == "deleted" || observed.detail == "terminated";
}

}  // namespace

// Tags are part of the create call. So there is no moment at which a thing
// exists without its mark, and a killed run leaks nothing.
Json CreateParameters(const Ec2Kind& kind, const Json& wanted, const Json& tags,
                      std::string_view token) {
  Json parameters = Pick(wanted, kind.parameters);
  parameters["TagSpecification"] =
      Json::array({{{"ResourceType", kind.tag_type}, {"Tag", TagList(tags)}}});
  if (kind.token) {
    parameters["ClientToken"] = token;
  }
  return parameters;
}

// A name that is unique makes a repeat as harmless as a client token: it is
// refused.
Ec2Driver::Ec2Driver(AwsClient& client, Ec2Kind kind)
    : client_(client), kind_(std::move(kind)) {
  kind_.traits.create_is_idempotent = kind_.token || kind_.unique;
}

// One thing as a list shows it. `read` adds what takes more than a path.
absl::StatusOr<Observed> Ec2Driver::Read(XmlElement item) {
  Observed observed{.id = item.Text(kind_.id_element)};
  if (!kind_.state.empty()) {
    observed.detail = item.Text(kind_.state);
    observed.state = StateOf(observed.detail);
  }
  observed.attributes["Tags"] = ReadTags(item.List("tagSet"));
  for (const auto& [name, path] : kind_.attributes) {
    observed.attributes[std::string(name)] = item.Text(path);
  }
  if (kind_.read) {
    RETURN_IF_ERROR(kind_.read(client_, item, observed.attributes));
  }
  if (const std::string why = item.Text("failureMessage"); !why.empty()) {
    observed.detail = why;  // NAT gateways
  }
  return observed;
}

// All pages. Doubles and things that are gone are left out: a list that changes
// while it is read may show one twice.
absl::StatusOr<std::vector<Observed>> Ec2Driver::Describe(
    Json parameters, const std::stop_token& stop) {
  std::vector<Observed> found;
  std::set<std::string> seen;
  // Machines are listed within reservations.
  const bool nested = kind_.describe == "DescribeInstances";
  const auto take = [&](XmlElement parent,
                        std::string_view list) -> absl::Status {
    for (const XmlElement& item : parent.List(list)) {
      ASSIGN_OR_RETURN(Observed observed, Read(item));
      if (!observed.id.empty() && !IsGone(observed) &&
          seen.insert(observed.id).second) {
        found.push_back(std::move(observed));
      }
    }
    return absl::OkStatus();
  };
  const auto take_page = [&](XmlElement page) -> absl::Status {
    if (!nested) {
      return take(page, kind_.list);
    }
    for (const XmlElement& reservation : page.List("reservationSet")) {
      RETURN_IF_ERROR(take(reservation, kind_.list));
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(client_.CallPaged(kEc2, kind_.describe, std::move(parameters),
                                    stop, take_page));
  return found;
}

// A thing that is not there is an empty list, not an error.
absl::StatusOr<std::vector<Observed>> Ec2Driver::ById(
    const std::string& id, const std::stop_token& stop) {
  auto found =
      Describe({{std::string(kind_.id_parameter), Json::array({id})}}, stop);
  if (IsKind(found.status(), Kind::kNotFound)) {
    return std::vector<Observed>();
  }
  return found;
}

// By both tags; then by the journal's id, for things whose tags EC2 does not
// show yet. What is being deleted does not count.
absl::StatusOr<std::vector<Observed>> Ec2Driver::Find(
    const DriverContext& context) {
  const Json filters = {
      Filter(fmt::format("tag:{}", kUidTag), {context.cluster.uid}),
      Filter(fmt::format("tag:{}", kResourceTag), {context.resource.name})};
  ASSIGN_OR_RETURN(std::vector<Observed> found,
                   Describe({{"Filter", filters}}, context.stop));
  // What follows deletes doubles: a filter that was not heeded must not
  // make some.
  std::erase_if(found, [&](const Observed& observed) {
    const Json& tags = observed.attributes.at("Tags");
    return TagOf(tags, kUidTag) != context.cluster.uid ||
           TagOf(tags, kResourceTag) != context.resource.name;
  });
  if (found.empty() && !context.known_id.empty()) {
    ASSIGN_OR_RETURN(found, ById(context.known_id, context.stop));
  }
  std::erase_if(found, [](const Observed& observed) {
    return observed.state == ResourceState::kDeleting;
  });
  return found;
}

// Whatever is made is complete only after `finish` (rules, routes), which is
// harmless to repeat. If the name is taken, it is looked whether by ourselves.
absl::StatusOr<Observed> Ec2Driver::Create(const DriverContext& context,
                                           std::string_view token) {
  ASSIGN_OR_RETURN(const Json wanted,
                   Resolve(context.resource.desired, context));
  const auto answer =
      client_.Call(kEc2, kind_.create,
                   CreateParameters(kind_, wanted, TagsOf(context), token),
                   context.stop, kind_.traits.create_is_idempotent);
  Observed made{.state = ResourceState::kPending, .detail = "asked for"};
  if (answer.ok()) {
    made.id = answer->result().Text(kind_.created);
  } else if (kind_.unique && IsKind(answer.status(), Kind::kNameTaken)) {
    ASSIGN_OR_RETURN(const std::vector<Observed> found, Find(context));
    if (found.empty()) {
      return answer.status();
    }
    made.id = found.front().id;
  } else {
    return answer.status();
  }
  if (made.id.empty()) {
    // Executed, perhaps: kUnclear makes the engine look for it.
    return MakeCloudError(
        {.kind = Kind::kUnclear,
         .message = fmt::format("{}: no id in the answer", kind_.create)});
  }
  if (kind_.finish) {
    RETURN_IF_ERROR(kind_.finish(client_, context, made, wanted));
  }
  return made;
}

std::vector<AttributeChange> Ec2Driver::Differs(const DriverContext& context,
                                                const Observed& observed) {
  return Compare(context, observed, kind_.changeable);
}

// Tags first: CreateTags overwrites, so a repeat changes nothing.
absl::StatusOr<Observed> Ec2Driver::Update(const DriverContext& context,
                                           const Observed& observed) {
  ASSIGN_OR_RETURN(const Json wanted,
                   Resolve(context.resource.desired, context));
  RETURN_IF_ERROR(client_
                      .Call(kEc2, "CreateTags",
                            {{"ResourceId", Json::array({observed.id})},
                             {"Tag", TagList(TagsOf(context))}},
                            context.stop)
                      .status());
  if (kind_.finish) {
    RETURN_IF_ERROR(kind_.finish(client_, context, observed, wanted));
  }
  return Refresh(context, observed);
}

// kNotFound if it is gone, which ends a deletion.
absl::StatusOr<Observed> Ec2Driver::Refresh(const DriverContext& context,
                                            const Observed& observed) {
  ASSIGN_OR_RETURN(std::vector<Observed> found,
                   ById(observed.id, context.stop));
  if (found.empty()) {
    return MakeNotFound(observed.id);
  }
  return std::move(found.front());
}

// What is tied to it goes first; all of these steps may be repeated.
absl::Status Ec2Driver::Delete(const DriverContext& context,
                               const Observed& observed) {
  if (kind_.before_delete) {
    RETURN_IF_ERROR(kind_.before_delete(client_, observed));
  }
  // TerminateInstances is the one that takes a list.
  Json id = observed.id;
  if (kind_.kind == kInstance) {
    id = Json::array({observed.id});
  }
  return client_
      .Call(kEc2, kind_.remove, {{std::string(kind_.id_parameter), id}},
            context.stop)
      .status();
}

// By our tag and by Kubernetes'. The filters only save traffic: each thing's
// own tags decide, as what is found here will be deleted.
absl::StatusOr<std::vector<Stray>> Ec2Driver::List(
    const ClusterIdentity& cluster) {
  std::vector<Stray> strays;
  std::set<std::string> seen;
  for (const Json& filter :
       {Filter(fmt::format("tag:{}", kUidTag), {cluster.uid}),
        Filter("tag:" + KubernetesTag(cluster.uid), {"owned"})}) {
    Json filters = kind_.filters;
    filters.push_back(filter);
    ASSIGN_OR_RETURN(const std::vector<Observed> found,
                     Describe({{"Filter", filters}}, {}));
    for (const Observed& observed : found) {
      if (!IsOfCluster(observed.attributes.at("Tags"), cluster) ||
          !seen.insert(observed.id).second) {
        continue;
      }
      if (kind_.sweeps) {
        ASSIGN_OR_RETURN(const bool ours, kind_.sweeps(client_, observed));
        if (!ours) {
          continue;
        }
      }
      strays.push_back(
          {.name = TagOf(observed.attributes["Tags"], kResourceTag),
           .observed = observed});
    }
  }
  return strays;
}

}  // namespace constellation::cloud::aws
