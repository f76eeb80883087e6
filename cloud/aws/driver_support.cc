// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/driver_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cloud/aws/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// "name" is the id of that dependency, "name.Attribute" a text of its
// attributes. What is not there yet is kNotFound, so that a driver's Find() can
// tell "not made" from an error.
absl::StatusOr<std::string> Lookup(std::string_view reference,
                                   const DriverContext& context) {
  const size_t dot = std::min(reference.find('.'), reference.size());
  const std::string_view name = reference.substr(0, dot);
  const Observed* found = context.dependency(name);
  if (found == nullptr) {
    return MakeNotFound(fmt::format("{} (needed by {}) is not known yet", name,
                                    context.resource.name));
  }
  if (dot == reference.size()) {
    return found->id;
  }
  const auto attribute =
      found->attributes.find(std::string(reference.substr(dot + 1)));
  if (attribute == found->attributes.end() || !attribute->is_string() ||
      attribute->get_ref<const std::string&>().empty()) {
    return MakeNotFound(fmt::format("{} (needed by {}) is not known yet",
                                    reference, context.resource.name));
  }
  return attribute->get<std::string>();
}

// Replaces every "${...}" in a text. An opening without its end is plain text.
absl::StatusOr<std::string> ResolveText(std::string_view text,
                                        const DriverContext& context) {
  std::string out;
  while (true) {
    const size_t start = text.find("${");
    const size_t end =
        start == std::string_view::npos ? start : text.find('}', start);
    if (end == std::string_view::npos) {
      return out + std::string(text);
    }
    out += text.substr(0, start);
    ASSIGN_OR_RETURN(const std::string value,
                     Lookup(text.substr(start + 2, end - start - 2), context));
    out += value;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

// Depth is that of our own `desired` values, a handful of levels.
absl::StatusOr<Json> Resolve(const Json& value, const DriverContext& context) {
  if (value.is_string()) {
    ASSIGN_OR_RETURN(std::string text,
                     ResolveText(value.get_ref<const std::string&>(), context));
    return Json(std::move(text));
  }
  if (!value.is_structured()) {
    return value;
  }
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    ASSIGN_OR_RETURN(Json resolved, Resolve(member, context));
    if (value.is_array()) {
      out.push_back(std::move(resolved));
    } else {
      out[key] = std::move(resolved);
    }
  }
  return out;
}

// Ours are written last: they are how everything is found again, so no tag of
// the user may stand in their place.
Json TagsOf(const DriverContext& context) {
  Json tags = Json::object();
  for (const auto& [key, value] : context.resource.tags) {
    tags[key] = value;
  }
  tags[std::string(kUidTag)] = context.cluster.uid;
  tags[std::string(kResourceTag)] = context.resource.name;
  tags["Name"] = fmt::format("{}-{}-{}", context.cluster.name,
                             context.cluster.uid, context.resource.name);
  return tags;
}

Json TagList(const Json& tags) {
  Json list = Json::array();
  for (const auto& [key, value] : tags.items()) {
    list.push_back({{"Key", key}, {"Value", value}});
  }
  return list;
}

// EC2 writes "key" and "value", the query services "Key" and "Value". A name
// that occurs again keeps its last value.
Json ReadTags(const std::vector<XmlElement>& elements) {
  Json tags = Json::object();
  for (const XmlElement& element : elements) {
    const bool lower = static_cast<bool>(element.At("key"));
    tags[element.Text(lower ? "key" : "Key")] =
        element.Text(lower ? "value" : "Value");
  }
  return tags;
}

// Tags are read from outside: a value of another type counts as absent.
std::string TagOf(const Json& tags, std::string_view key) {
  const auto found = tags.find(std::string(key));
  return found != tags.end() && found->is_string() ? found->get<std::string>()
                                                   : "";
}

// Either mark is enough: ours, or that of Kubernetes' controllers, which do not
// know ours.
bool IsOfCluster(const Json& tags, const ClusterIdentity& cluster) {
  return TagOf(tags, kUidTag) == cluster.uid ||
         TagOf(tags, KubernetesTag(cluster.uid)) == "owned";
}

// `values_key` differs between EC2 ("Value") and the other services ("Values").
Json Filter(std::string_view name, const std::vector<std::string>& values,
            std::string_view values_key) {
  return {{"Name", name}, {std::string(values_key), values}};
}

namespace {

// Lists are sets here: the clouds show them in any order.
Json Sorted(Json value) {
  if (value.is_array()) {
    std::sort(value.begin(), value.end());
    value.erase(std::unique(value.begin(), value.end()), value.end());
  }
  return value;
}

}  // namespace

// Only what the cloud shows is compared: an attribute that it does not give
// back cannot be judged. Wanted tags must be there; others, AWS's own among
// them, are left alone.
std::vector<AttributeChange> Compare(
    const DriverContext& context, const Observed& observed,
    std::span<const std::string_view> changeable) {
  std::vector<AttributeChange> changes;
  for (const auto& [key, want] : context.resource.desired.items()) {
    const auto got = observed.attributes.find(key);
    const absl::StatusOr<Json> resolved = Resolve(want, context);
    if (got == observed.attributes.end() || !resolved.ok() ||
        Sorted(*resolved) == Sorted(*got)) {
      continue;
    }
    const bool change = std::ranges::find(changeable, key) != changeable.end();
    changes.push_back({.attribute = key,
                       .from = *got,
                       .to = *resolved,
                       .needs_replacement = !change});
  }
  const auto tags = observed.attributes.find("Tags");
  if (tags == observed.attributes.end()) {
    return changes;
  }
  const Json wanted = TagsOf(context);
  for (const auto& [key, value] : wanted.items()) {
    if (TagOf(*tags, key) != value.get<std::string>()) {
      changes.push_back({.attribute = "Tags", .from = *tags, .to = wanted});
      break;
    }
  }
  return changes;
}

// Only keys that are there: an absent option must stay absent in the request.
Json Pick(const Json& object, std::span<const std::string_view> keys) {
  Json out = Json::object();
  for (const std::string_view key : keys) {
    if (const auto found = object.find(std::string(key));
        found != object.end()) {
      out[std::string(key)] = *found;
    }
  }
  return out;
}

bool IsKind(const absl::Status& status, Kind kind) {
  return !status.ok() && CloudErrorKindOf(status) == kind;
}

// For steps that may have been done already by a run that was killed.
absl::Status Unless(Kind kind, const absl::Status& status) {
  return IsKind(status, kind) ? absl::OkStatus() : status;
}

absl::Status MakeNotFound(std::string_view what) {
  return MakeCloudError(
      {.kind = Kind::kNotFound, .message = std::string(what)});
}

}  // namespace constellation::cloud::aws
