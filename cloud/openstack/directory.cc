// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/directory.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "cloud/metadata.h"
#include "cloud/openstack/names.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr size_t kMaxValue = 255;
constexpr size_t kMaxEntries = 1000;

// Both halves go on into names and addresses of peers, so both are checked
// here.
absl::StatusOr<DirectoryEntry> ParseEntry(std::string_view text,
                                          std::string_view key) {
  const size_t equals = text.find('=');
  DirectoryEntry entry{.name = std::string(text.substr(0, equals))};
  if (equals != std::string_view::npos) {
    entry.address = std::string(text.substr(equals + 1));
  }
  if (!IsNodeName(entry.name) || !ParseIpv4(entry.address)) {
    return InvalidArgument(fmt::format(
        "metadata: {}: want name=address, separated by commas", key));
  }
  return entry;
}

}  // namespace

json DirectoryToMetadata(const std::vector<DirectoryEntry>& entries) {
  json metadata = json::object();
  std::string value;
  int number = 0;
  const auto flush = [&] {
    metadata[fmt::format("{}{}", kMetaPeers, number++)] = std::move(value);
    value.clear();
  };
  for (const DirectoryEntry& entry : entries) {
    const std::string text = entry.name + "=" + entry.address;
    if (!value.empty() && value.size() + 1 + text.size() > kMaxValue) {
      flush();
    }
    value += (value.empty() ? "" : ",") + text;
  }
  if (!value.empty()) {
    flush();
  }
  return metadata;
}

// The keys are counted from 0 without gaps; what is behind a gap is not read.
absl::StatusOr<std::vector<DirectoryEntry>> DirectoryFromMetadata(
    const json& metadata) {
  std::vector<DirectoryEntry> entries;
  std::set<std::string> names;
  for (int number = 0;; ++number) {
    const std::string key = fmt::format("{}{}", kMetaPeers, number);
    const auto found =
        metadata.is_object() ? metadata.find(key) : metadata.end();
    if (!metadata.is_object() || found == metadata.end()) {
      return entries;
    }
    if (!found->is_string()) {
      return InvalidArgument(fmt::format("metadata: {}: want a string", key));
    }
    std::string_view text = found->get_ref<const std::string&>();
    while (!text.empty()) {
      const size_t comma = text.find(',');
      ASSIGN_OR_RETURN(DirectoryEntry entry,
                       ParseEntry(text.substr(0, comma), key));
      text.remove_prefix(comma == std::string_view::npos ? text.size()
                                                         : comma + 1);
      if (!names.insert(entry.name).second || entries.size() >= kMaxEntries) {
        return InvalidArgument(fmt::format(
            "metadata: {}: a node occurs twice, or there are too many", key));
      }
      entries.push_back(std::move(entry));
    }
  }
}

}  // namespace constellation::cloud::openstack
