// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/quota_needs.h"

#include <algorithm>
#include <set>

namespace constellation::cloud {
namespace {

int64_t Believable(int64_t amount) {
  return std::clamp<int64_t>(amount, 0, 1'000'000'000);
}

}  // namespace

void QuotaNeeds::Want(std::string_view group, std::string_view quota,
                      int64_t amount) {
  want_[{std::string(group), std::string(quota)}] += Believable(amount);
}

void QuotaNeeds::Have(std::string_view group, std::string_view quota,
                      int64_t amount) {
  have_[{std::string(group), std::string(quota)}] += Believable(amount);
}

QuotaNeeds::Amounts QuotaNeeds::Missing() const {
  Amounts missing;
  std::set<std::string> wanted;
  for (const auto& [key, amount] : want_) {
    const auto there = have_.find(key);
    missing[key.second] += std::max<int64_t>(
        0, amount - (there == have_.end() ? 0 : there->second));
    if (amount > 0) {
      wanted.insert(key.first);
    }
  }
  for (const auto& [key, amount] : have_) {
    if (const auto found = missing.find(key.second);
        found != missing.end() && !wanted.contains(key.first)) {
      found->second -= amount;
    }
  }
  std::erase_if(missing, [](const auto& entry) { return entry.second <= 0; });
  return missing;
}

}  // namespace constellation::cloud
