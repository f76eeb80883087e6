// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/json_compare.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/arm_names.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

// Null if it is no object or its name is no text.
const json* NameOf(const json& element) {
  const auto found = element.is_object() ? element.find("name") : element.end();
  return element.is_object() && found != element.end() && found->is_string()
             ? &*found
             : nullptr;
}

// An empty list is not one: nothing in it says whose it is.
bool IsNamedList(const json& list) {
  return list.is_array() && !list.empty() &&
         std::ranges::all_of(list, [](const json& element) {
           return NameOf(element) != nullptr;
         });
}

// Names of children are compared like ids: ARM does not keep their case.
const json* FindNamed(const json& list, const json& name) {
  for (const json& element : list) {
    const json* const own = NameOf(element);
    if (own != nullptr && SameId(own->get_ref<const std::string&>(),
                                 name.get_ref<const std::string&>())) {
      return &element;
    }
  }
  return nullptr;
}

bool IsOwn(const json& element) {
  const json* const name = NameOf(element);
  return name != nullptr &&
         Lower(name->get_ref<const std::string&>()).starts_with(kOwnChild);
}

// A child called like ours that is not wanted any more is a difference, so that
// a port which is closed in the plan gets closed.
bool CoversList(const json& got, const json& want) {
  if (!got.is_array()) {
    return false;
  }
  if (IsNamedList(want)) {
    const bool no_leftovers =
        std::ranges::none_of(got, [&](const json& element) {
          return IsOwn(element) && FindNamed(want, *NameOf(element)) == nullptr;
        });
    return no_leftovers && std::ranges::all_of(want, [&](const json& element) {
             const json* const found = FindNamed(got, *NameOf(element));
             return found != nullptr && Covers(*found, element);
           });
  }
  return got.size() == want.size() &&
         std::ranges::all_of(want, [&](const json& element) {
           return std::ranges::any_of(got, [&](const json& candidate) {
             return Covers(candidate, element);
           });
         });
}

// ARM refuses a PUT that contains what only itself may write.
void DropReadOnly(json& value) {
  if (value.is_object()) {
    for (const char* key : {"etag", "provisioningState", "resourceGuid"}) {
      value.erase(key);
    }
  }
  for (json& child : value) {
    if (child.is_structured()) {
      DropReadOnly(child);
    }
  }
}

}  // namespace

bool Covers(const json& got, const json& want) {
  if (want.is_object()) {
    for (const auto& [key, value] : want.items()) {
      const auto found = got.is_object() ? got.find(key) : got.end();
      if (found == got.end() || !Covers(*found, value)) {
        return false;
      }
    }
    return got.is_object();
  }
  if (want.is_array()) {
    return CoversList(got, want);
  }
  if (want.is_string() && got.is_string()) {
    const auto& text = want.get_ref<const std::string&>();
    return text.starts_with("/subscriptions/")
               ? SameId(got.get_ref<const std::string&>(), text)
               : got == want;
  }
  return got == want;
}

// Without this, a change of ours would remove the rules of a service of type
// LoadBalancer until Kubernetes notices.
json KeepForeignChildren(const json& want, const json& got) {
  if (want.is_object() && got.is_object()) {
    json merged = want;
    for (auto& [key, value] : merged.items()) {
      const auto other = got.find(key);
      if (other == got.end()) {
        continue;
      }
      value = KeepForeignChildren(value, *other);
      if (key == "tags" && other->is_object() && value.is_object()) {
        for (const auto& [tag, text] : other->items()) {
          value.emplace(tag, text);
        }
      }
    }
    return merged;
  }
  if (!IsNamedList(want) || !got.is_array()) {
    return want;
  }
  json merged = json::array();
  for (const json& element : want) {
    const json* const other = FindNamed(got, *NameOf(element));
    merged.push_back(other == nullptr ? element
                                      : KeepForeignChildren(element, *other));
  }
  for (const json& element : got) {
    const json* const name = NameOf(element);
    if (name != nullptr && !IsOwn(element) &&
        FindNamed(want, *name) == nullptr) {
      json kept = element;
      DropReadOnly(kept);
      merged.push_back(std::move(kept));
    }
  }
  return merged;
}

}  // namespace constellation::cloud::azure
