// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/directory.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "absl/strings/numbers.h"
#include "cloud/json_fields.h"
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

json TpmsToMetadata(std::string_view list) {
  json metadata = json::object();
  if (list.empty() || list == "[]") {
    return metadata;
  }
  size_t pieces = 0;
  for (size_t at = 0; at < list.size(); at += kMaxValue) {
    metadata[fmt::format("{}{}", kMetaTpms, pieces++)] =
        std::string(list.substr(at, kMaxValue));
  }
  metadata[std::string(kMetaTpmPieces)] = std::to_string(pieces);
  return metadata;
}

absl::StatusOr<std::string> TpmsFromMetadata(const json& metadata) {
  const std::string count_key(kMetaTpmPieces);
  if (!metadata.contains(count_key)) {
    return std::string("[]");
  }
  const json& count = metadata[count_key];
  size_t pieces = 0;
  if (!count.is_string() ||
      !absl::SimpleAtoi(count.get_ref<const std::string&>(), &pieces) ||
      pieces > kMaxTpmPieces) {
    return InvalidArgument(fmt::format("metadata: {}: want a number up to {}",
                                       count_key, kMaxTpmPieces));
  }
  std::string list;
  for (size_t number = 0; number < pieces; ++number) {
    const std::string key = fmt::format("{}{}", kMetaTpms, number);
    const auto found = metadata.find(key);
    if (found == metadata.end() || !found->is_string() ||
        found->get_ref<const std::string&>().size() > kMaxValue) {
      return InvalidArgument(fmt::format(
          "metadata: {}: want a text of up to {} characters", key, kMaxValue));
    }
    list += found->get_ref<const std::string&>();
  }
  if (!IsShallowJson(list) ||
      !json::parse(list, nullptr, /*allow_exceptions=*/false).is_array()) {
    return InvalidArgument(
        fmt::format("metadata: {}0: want a JSON array", kMetaTpms));
  }
  return list;
}

}  // namespace constellation::cloud::openstack
