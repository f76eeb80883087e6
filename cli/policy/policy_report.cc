// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/policy_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "attestation/policy/json_reader.h"
#include "attestation/policy/tcb_report.h"
#include "attestation/policy/variants.h"
#include "cli/policy/profile_words.h"

namespace constellation::cli {
namespace {

using attestation::FormatUtc;
using attestation::Policy;
using attestation::Profile;
using attestation::Variant;
using Json = nlohmann::json;

constexpr int kIndent = 2;
// Time enough to get a new policy signed.
constexpr absl::Duration kSoon = absl::Hours(24 * 30);

bool ValidAt(const Profile& profile, absl::Time now) {
  return (!profile.not_before.has_value() || now >= *profile.not_before) &&
         (!profile.not_after.has_value() || now <= *profile.not_after);
}

// What a node would rest on that this profile accepts.
std::string_view RestsOn(const Profile& profile) {
  const attestation::LayerFindings nothing;
  return attestation::RestsOn(
      {.variant = attestation::FindVariant(profile.variant),
       .profile = &profile,
       .layers = nothing,
       .image_known = false});
}

// A profile that has ended refuses every node from one second to the next.
void WarnAboutTime(const Profile& profile, absl::Time now,
                   std::vector<std::string>& warnings) {
  if (profile.not_before.has_value() && now < *profile.not_before) {
    warnings.push_back(fmt::format("profile \"{}\" counts from {} on only",
                                   profile.name,
                                   FormatUtc(*profile.not_before)));
  }
  if (!profile.not_after.has_value()) {
    return;
  }
  if (now > *profile.not_after) {
    warnings.push_back(fmt::format("profile \"{}\" has ended at {}",
                                   profile.name,
                                   FormatUtc(*profile.not_after)));
  } else if (*profile.not_after - now < kSoon) {
    warnings.push_back(fmt::format("profile \"{}\" ends soon, at {}",
                                   profile.name,
                                   FormatUtc(*profile.not_after)));
  }
}

// The places of a profile's values, by path below `place`. Objects are entered,
// lists are values.
// Lists stay whole: which of two lists' entries belong together is nothing that
// a program can know.
void Flatten(const Json& value, const std::string& place,
             std::map<std::string, std::string>& out) {
  if (!value.is_object() || value.empty()) {
    out[place] = value.dump();
    return;
  }
  for (const auto& [key, member] : value.items()) {
    Flatten(member, fmt::format("{}.{}", place, key), out);
  }
}

// Lists of objects become maps by name: order in the file means nothing.
std::map<std::string, std::string> Places(const Policy& policy) {
  // A policy's own text is JSON.
  const Json document = Json::parse(policy.ToJson(), nullptr, false);
  std::map<std::string, std::string> places;
  const std::pair<const char*, const char*> lists[] = {
      {"profiles", "name"}, {"enrolledTPMs", "nodeName"}};
  for (const auto& [list, key] : lists) {
    for (Json entry : document[list]) {
      const auto name = entry[key].get<std::string>();
      entry.erase(key);
      Flatten(entry, fmt::format("{}[\"{}\"]", list, name), places);
    }
  }
  return places;
}

// By the key's name, so that new ones are found, too.
void WarnAboutInsecureKeys(const Policy& policy,
                           std::vector<std::string>& warnings) {
  for (const auto& [place, value] : Places(policy)) {
    const size_t dot = place.rfind('.');
    const std::string_view key =
        std::string_view(place).substr(dot == std::string::npos ? 0 : dot + 1);
    if (key.starts_with("insecure")) {
      warnings.push_back(
          fmt::format("{} is for tests only: {}", place,
                      key == "insecureRoots"
                          ? "whoever has that root's key makes any evidence"
                          : "it switches a protection off"));
    }
  }
}

// Zero is legal and means that any old firmware passes.
void WarnAboutFloors(const Profile& profile,
                     std::vector<std::string>& warnings) {
  if (!profile.snp.has_value()) {
    return;
  }
  for (const auto& [product, floors] : profile.snp->policy.products) {
    if (floors.minimum.microcode == 0 && floors.minimum.snp == 0) {
      warnings.push_back(fmt::format(
          "profile \"{}\" has floors of zero for {}: it accepts firmware with "
          "known holes",
          profile.name, attestation::ToString(product)));
    }
  }
}

}  // namespace

// A policy that accepts nothing is as worth a warning as one that accepts too
// much.
std::vector<std::string> PolicyWarnings(const Policy& policy, absl::Time now) {
  std::vector<std::string> warnings;
  if (policy.profiles().empty()) {
    warnings.emplace_back("no profiles: nothing is accepted");
  } else if (std::ranges::none_of(policy.profiles(), [now](const Profile& one) {
               return ValidAt(one, now);
             })) {
    warnings.emplace_back("no profile is valid now: nothing is accepted");
  }
  for (const Profile& profile : policy.profiles()) {
    WarnAboutTime(profile, now, warnings);
    const Variant* const variant = attestation::FindVariant(profile.variant);
    if (variant->enrolled_only && policy.enrolled().empty()) {
      warnings.push_back(fmt::format(
          "profile \"{}\": variant {} accepts enrolled TPMs only, and there "
          "are none",
          profile.name, profile.variant));
    }
    WarnAboutFloors(profile, warnings);
  }
  WarnAboutInsecureKeys(policy, warnings);
  return warnings;
}

std::string ExplainPolicy(const Policy& policy, absl::Time now) {
  std::string text;
  for (const Profile& profile : policy.profiles()) {
    text += fmt::format("Profile \"{}\" accepts nodes of {}{}.\n", profile.name,
                        profile.variant,
                        ValidAt(profile, now) ? "" : ", but not now");
    text += fmt::format("  Rests on: {}\n", RestsOnInWords(RestsOn(profile)));
    for (const std::string& demand : DemandsInWords(profile)) {
      text += fmt::format("  - {}\n", demand);
    }
  }
  if (policy.profiles().empty()) {
    text += "There are no profiles: nothing is accepted.\n";
  }
  text += fmt::format("{} enrolled TPMs.\n", policy.enrolled().size());
  return text;
}

// Keys are an interface, the sentences inside are not.
std::string ExplainPolicyJson(const Policy& policy, absl::Time now) {
  Json document = {{"profiles", Json::array()},
                   {"enrolledTPMs", policy.enrolled().size()}};
  for (const Profile& profile : policy.profiles()) {
    document["profiles"].push_back({{"name", profile.name},
                                    {"variant", profile.variant},
                                    {"restsOn", std::string(RestsOn(profile))},
                                    {"validNow", ValidAt(profile, now)},
                                    {"demands", DemandsInWords(profile)}});
  }
  return document.dump(kIndent) + "\n";
}

std::string_view ToString(PolicyChange::Kind kind) {
  switch (kind) {
    case PolicyChange::Kind::kAdded:
      return "added";
    case PolicyChange::Kind::kRemoved:
      return "removed";
    case PolicyChange::Kind::kChanged:
      return "changed";
  }
  return "changed";
}

// Sorted by place, so that the output does not depend on what changed.
std::vector<PolicyChange> DiffPolicies(const Policy& before,
                                       const Policy& after) {
  const std::map<std::string, std::string> old_places = Places(before);
  const std::map<std::string, std::string> new_places = Places(after);
  std::vector<PolicyChange> changes;
  for (const auto& [place, value] : old_places) {
    const auto found = new_places.find(place);
    if (found == new_places.end()) {
      changes.push_back({.kind = PolicyChange::Kind::kRemoved,
                         .place = place,
                         .before = value,
                         .after = {}});
    } else if (found->second != value) {
      changes.push_back({.kind = PolicyChange::Kind::kChanged,
                         .place = place,
                         .before = value,
                         .after = found->second});
    }
  }
  for (const auto& [place, value] : new_places) {
    if (!old_places.contains(place)) {
      changes.push_back({.kind = PolicyChange::Kind::kAdded,
                         .place = place,
                         .before = {},
                         .after = value});
    }
  }
  std::ranges::stable_sort(changes, {}, &PolicyChange::place);
  return changes;
}

}  // namespace constellation::cli
