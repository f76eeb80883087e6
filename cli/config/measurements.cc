// SPDX-License-Identifier: Apache-2.0
#include "cli/config/measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "cli/config/syntax.h"

namespace constellation::cli {
namespace {

// Registers that firmware, boot loader and image fill; 15 is the cluster's and
// what lies above belongs to no boot.
constexpr uint32_t kLastPcr = 14;
constexpr uint32_t kClusterPcr = 15;
// Boot loader, initrd, unified kernel image: without these a node may run
// anything.
constexpr std::array<uint32_t, 3> kNeededPcrs = {4, 9, 11};
// A policy must name these (attestation/policy/policy.h), so none of them can
// merely warn.
constexpr std::array<uint32_t, 7> kStrictPcrs = {4, 8, 9, 11, 12, 13, 14};
constexpr size_t kSha256HexDigits = 64;

// Only the plain decimal form: "04" and "+4" would make two entries of one
// register.
std::optional<uint32_t> PcrIndex(const std::string& text) {
  uint32_t index = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() ||
      (index > kLastPcr && index != kClusterPcr) ||
      std::to_string(index) != text) {
    return std::nullopt;
  }
  return index;
}

// Hex digits only; the rest stays as it is and fails the check.
std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return text;
}

}  // namespace

Measurements ReadMeasurements(MapReader& reader, std::string_view key,
                              Problems& problems) {
  Measurements measurements;
  const YamlValue* map = reader.ChildMap(key);
  if (map == nullptr) {
    return measurements;
  }
  for (const YamlValue::Entry& entry : map->entries) {
    const std::string path =
        fmt::format("{}.{}", reader.PathOf(key), entry.key);
    const auto index = PcrIndex(entry.key);
    if (!index) {
      problems.Add(
          entry.line,
          fmt::format("{}: the index of a PCR that can be pinned is 0 to 14",
                      path));
      continue;
    }
    if (*index == kClusterPcr) {
      problems.Add(entry.line,
                   fmt::format("{}: PCR 15 follows from the cluster ID and "
                               "cannot be set; delete the entry",
                               path));
      continue;
    }
    MapReader fields(entry.value, path, problems);
    Measurement measurement;
    fields.Require("expected");
    if (const auto expected = fields.Text("expected")) {
      measurement.expected = LowerCase(*expected);
      if (!IsHexOfLength(*expected, kSha256HexDigits)) {
        fields.Problem("expected", "must be 64 hex digits (a SHA-256)");
      }
    }
    measurement.warn_only = fields.Truth("warnOnly").value_or(false);
    if (measurement.warn_only &&
        std::find(kStrictPcrs.begin(), kStrictPcrs.end(), *index) !=
            kStrictPcrs.end()) {
      fields.Problem("warnOnly",
                     "must be false: with true, any image would be accepted");
    }
    fields.Finish();
    measurements[*index] = measurement;
  }
  // An empty map means "predict them"; a partial one is a mistake.
  for (const uint32_t index : kNeededPcrs) {
    if (!map->entries.empty() && !measurements.contains(index)) {
      problems.Add(map->line,
                   fmt::format("{}: PCR {} is missing; leave the whole map "
                               "empty to have it predicted from the image",
                               reader.PathOf(key), index));
    }
  }
  return measurements;
}

std::string RenderMeasurements(const Measurements& measurements,
                               std::string_view indent) {
  std::string text;
  for (const auto& [index, measurement] : measurements) {
    text +=
        fmt::format("{0}{1}:\n{0}  expected: \"{2}\"\n{0}  warnOnly: {3}\n",
                    indent, index, measurement.expected, measurement.warn_only);
  }
  return text;
}

}  // namespace constellation::cli
