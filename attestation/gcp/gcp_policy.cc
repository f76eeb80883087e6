// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/gcp_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace constellation::attestation {
namespace {

using Id = GcpPolicyCheckId;
using Rows = CheckRows<GcpPolicyCheckId>;

// A row that passes if `value` is in the list or the list is empty.
template <typename T>
void AddListed(Rows& rows, Id id, const std::vector<T>& list, const T& value,
               std::string_view advice) {
  rows.Add(id, list.empty() || std::ranges::find(list, value) != list.end(),
           list.empty() ? "any" : fmt::format("{}", fmt::join(list, " or ")),
           fmt::format("{}", value), advice);
}

// Whether `zone` is `wanted` or lies in the region `wanted`.
bool InZone(std::string_view zone, std::string_view wanted) {
  return zone == wanted ||
         (zone.size() > wanted.size() && zone.starts_with(wanted) &&
          zone[wanted.size()] == '-' && !wanted.empty() &&
          zone.find('-', wanted.size() + 1) == std::string_view::npos);
}

// What the firmware measured; without a log nobody knows.
void AddTechnology(const VerifiedGcp& machine, const GcpPolicy& policy,
                   Rows& rows) {
  std::vector<std::string_view> names;
  for (const GceTechnology technology : policy.technologies) {
    names.push_back(ToString(technology));
  }
  const auto technology = machine.technology();
  rows.Add(Id::kTechnology,
           policy.any_technology ||
               (technology.has_value() &&
                std::ranges::find(policy.technologies, *technology) !=
                    policy.technologies.end()),
           policy.any_technology ? "any"
           : names.empty()       ? "none"
                                 : fmt::format("{}", fmt::join(names, " or ")),
           technology.has_value() ? std::string(ToString(*technology))
                                  : "unknown: no event log",
           "the machine was not made as this kind of confidential VM: set its "
           "confidential instance type, or admit the technology in the policy");
}

// What Google says of the host. Not saying it is not saying yes.
void AddHost(const GceInstance& instance, const GcpPolicy& policy, Rows& rows) {
  rows.Add(Id::kProduction,
           !policy.require_production || instance.is_production == true,
           policy.require_production ? "yes" : "any",
           !instance.is_production.has_value() ? "not said"
           : *instance.is_production           ? "yes"
                                               : "no",
           "the host is not one of Google's production hosts, or its "
           "certificate is too old to say");
  const auto minimum = policy.minimum_security_version;
  rows.Add(Id::kSecurityVersion,
           !minimum.has_value() || (instance.security_version.has_value() &&
                                    *instance.security_version >= *minimum),
           minimum.has_value() ? fmt::format("at least {}", *minimum) : "any",
           instance.security_version.has_value()
               ? fmt::format("{}", *instance.security_version)
               : "not said",
           "the vTPM of the host is older than the policy wants: move the "
           "machine, or lower the minimum");
}

}  // namespace

std::string_view ToString(GcpPolicyCheckId id) {
  switch (id) {
    case Id::kTechnology:
      return "technology";
    case Id::kProjectId:
      return "project id";
    case Id::kProjectNumber:
      return "project number";
    case Id::kZone:
      return "zone";
    case Id::kInstanceId:
      return "instance id";
    case Id::kInstanceName:
      return "instance name";
    case Id::kProduction:
      return "production host";
    case Id::kSecurityVersion:
      return "security version";
  }
  return "unknown";
}

// Only what Google's certificate and the firmware's log say; registers are the
// profile's.
std::vector<GcpPolicyCheck> AppraiseGcp(const VerifiedGcp& machine,
                                        const GcpPolicy& policy) {
  const GceInstance& instance = machine.instance();
  Rows rows;
  AddTechnology(machine, policy, rows);
  AddListed(rows, Id::kProjectId, policy.project_ids, instance.project_id,
            "the machine belongs to another project: add it if it is yours");
  AddListed(rows, Id::kProjectNumber, policy.project_numbers,
            instance.project_number,
            "the machine belongs to another project: add it if it is yours");
  rows.Add(Id::kZone,
           policy.zones.empty() ||
               std::ranges::any_of(policy.zones,
                                   [&instance](const std::string& wanted) {
                                     return InZone(instance.zone, wanted);
                                   }),
           policy.zones.empty()
               ? "any"
               : fmt::format("{}", fmt::join(policy.zones, " or ")),
           instance.zone,
           "the machine runs elsewhere than the policy allows: move it, or "
           "add its zone or region");
  AddListed(rows, Id::kInstanceId, policy.instance_ids, instance.instance_id,
            "this machine is not in the policy's list: add it if it is yours");
  AddListed(rows, Id::kInstanceName, policy.instance_names,
            instance.instance_name,
            "this machine is not in the policy's list: add it if it is yours");
  AddHost(instance, policy, rows);
  return rows.Take();
}

}  // namespace constellation::attestation
