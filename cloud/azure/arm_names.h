// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ARM_NAMES_H_
#define CONSTELLATION_CLOUD_AZURE_ARM_NAMES_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace constellation::cloud::azure {

// Tags on everything that we make; the last three on scale sets only, from
// where Azure hands them down to every VM and its metadata.
inline constexpr std::string_view kUidTag = "constellation-uid";
inline constexpr std::string_view kResourceTag = "constellation-resource";
inline constexpr std::string_view kRoleTag = "constellation-role";
inline constexpr std::string_view kGroupTag = "constellation-node-group";
inline constexpr std::string_view kInitSecretTag =
    "constellation-init-secret-hash";

// Where the things of a cluster are.
// Both parts come from the config and are checked there (CheckRequest()); the
// functions below only paste.
struct ArmScope {
  std::string subscription = {};    // UUID
  std::string resource_group = {};  // name
};

// "/subscriptions/S", ".../resourceGroups/RG".
std::string SubscriptionId(const ArmScope& scope);
std::string ResourceGroupId(const ArmScope& scope);
// "<group>/providers/<type>"; `type` is "Microsoft.Network/natGateways". What a
// list of that type in the group is asked from.
std::string CollectionId(const ArmScope& scope, std::string_view type);
// CollectionId() + "/" + name.
std::string ResourceId(const ArmScope& scope, std::string_view type,
                       std::string_view name);

// Whether `text` can be sent as the path of a request as it is: starts with
// "/", at most 2,048 characters of [A-Za-z0-9/._()-], no "." or ".." segment,
// no empty one. Ids come back in answers and journals.
// A "%" is refused with everything else, so that no id means something else
// after decoding.
bool IsArmId(std::string_view text);
// Whether both are the same id: ARM does not keep the case.
// ASCII only; ids have nothing else (IsArmId()).
bool SameId(std::string_view a, std::string_view b);
// Whether `id` is `parent` or below it.
bool IsBelow(std::string_view id, std::string_view parent);
// The segment behind the last occurrence of segment `key` ("virtualMachines"),
// in any case; empty if there is none.
std::string SegmentBehind(std::string_view id, std::string_view key);

// Whether `text` is 1 to `max_size` characters, all of `of`. An allow list:
// what is not in `of` may mean something to a path, a query or a shell behind
// us.
bool Consists(std::string_view text, std::string_view of, size_t max_size);
// ASCII lower case.
std::string Lower(std::string_view text);
// 8-4-4-4-12 hex digits.
bool IsUuid(std::string_view text);
// For a query: all but [A-Za-z0-9._~-] as %XX.
std::string UrlEncode(std::string_view text);
// A UUID (RFC 4122, version 5 layout over SHA-256) that depends on `text` only:
// names of role assignments must be UUIDs, and the same on a second try.
std::string UuidOf(std::string_view text);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ARM_NAMES_H_
