// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace constellation::bootstrapper {
namespace {

constexpr size_t kMaxLabelValue = 63;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsAlphanumeric(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsLabelValue(std::string_view value) {
  return !value.empty() && value.size() <= kMaxLabelValue &&
         IsAlphanumeric(value.front()) && IsAlphanumeric(value.back()) &&
         std::ranges::all_of(value, [](char c) {
           return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

std::string NodeLabels(const NodeIdentity& self) {
  const bool numbered = !self.region.empty() && !self.zone.empty() &&
                        std::ranges::all_of(self.zone, IsDigit);
  const std::string zone =
      numbered ? fmt::format("{}-{}", self.region, self.zone) : self.zone;
  std::string labels;
  const auto add = [&labels](std::string_view key, std::string_view value) {
    if (!IsLabelValue(value)) return;
    labels += fmt::format("{}topology.kubernetes.io/{}={}",
                          labels.empty() ? "" : ",", key, value);
  };
  add("region", self.region);
  add("zone", zone);
  return labels;
}

}  // namespace constellation::bootstrapper
