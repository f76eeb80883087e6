// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/group_contents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cloud/azure/json_text.h"
#include "common/status.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kMaxShown = 10;
constexpr size_t kMaxUid = 64;

// Empty if there is none, or if it is nothing that we ever wrote.
std::string UidOf(const json& body) {
  std::string uid = TextAt(body, fmt::format("/tags/{}", kUidTag), kMaxUid);
  return Consists(uid, "abcdefghijklmnopqrstuvwxyz0123456789-", kMaxUid) ? uid
                                                                         : "";
}

// What else the group holds, sorted for people.
struct Others {
  std::vector<std::string> ids;    // longest first: children before parents
  std::set<std::string> clusters;  // uids of things that carry one
  bool image = false;              // a gallery, or what is in one
  size_t count = 0;                // of all, also those without a proper id
};

Others OthersAmong(const ArmScope& scope, std::string_view uid,
                   const std::vector<json>& contents) {
  const std::string identities =
      CollectionId(scope, "Microsoft.ManagedIdentity/userAssignedIdentities");
  const std::string galleries =
      CollectionId(scope, "Microsoft.Compute/galleries");
  Others others;
  for (const json& body : contents) {
    const std::string id = TextAt(body, "/id");
    const std::string owner = UidOf(body);
    if (IsBelow(id, identities) && owner == uid) {
      continue;
    }
    ++others.count;
    if (!owner.empty() && owner != uid) {
      others.clusters.insert(owner);
    }
    others.image |= IsBelow(id, galleries);
    if (IsArmId(id)) {
      others.ids.push_back(id);
    }
  }
  std::ranges::sort(others.ids, [](const auto& a, const auto& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  others.ids.resize(std::min(others.ids.size(), kMaxShown));
  return others;
}

}  // namespace

absl::Status CheckOnlyIdentities(const ArmScope& scope, std::string_view uid,
                                 const std::vector<json>& contents) {
  const Others others = OthersAmong(scope, uid, contents);
  if (others.count == 0) {
    return absl::OkStatus();
  }
  std::string text = fmt::format(
      "nothing was deleted: resource group {} would take along {} thing{} that "
      "`iam create` did not make:\n",
      scope.resource_group, others.count, others.count == 1 ? "" : "s");
  for (const std::string& id : others.ids) {
    text += fmt::format("  {}\n", id);
  }
  if (others.ids.size() < others.count) {
    text += fmt::format("  and {} more\n", others.count - others.ids.size());
  }
  if (!others.clusters.empty()) {
    text += fmt::format(
        "Cluster {}: run `constellation terminate` in its "
        "folder.\n",
        fmt::join(others.clusters, ", "));
  }
  if (others.image) {
    text +=
        "Uploaded images: run `az resource delete --ids ID` for every version, "
        "then every image, then the gallery.\n";
  }
  text +=
      "Move or delete what else is listed, then run `constellation iam "
      "destroy` again.";
  return FailedPrecondition(text);
}

}  // namespace constellation::cloud::azure
