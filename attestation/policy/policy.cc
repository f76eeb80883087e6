// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "attestation/policy/json_reader.h"
#include "attestation/policy/profile_json.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using crypto::Sha256Digest;
using Json = nlohmann::json;

constexpr uint64_t kVersion = 1;
constexpr size_t kMaxProfiles = 64;
constexpr size_t kMaxEnrolled = 5000;
constexpr size_t kMaxNodeName = 253;  // a DNS subdomain name, RFC 1123
constexpr uint8_t kNameAlgorithm[] = {0x00, 0x0b};

constexpr std::string_view kPolicyKeys[] = {"enrolledTPMs", "profiles",
                                            "version"};
constexpr std::string_view kEnrolledKeys[] = {"akName", "ekCertificateSHA256",
                                              "nodeName", "role"};

template <size_t kSize>
std::array<uint8_t, kSize> ToArray(const Bytes& bytes) {
  std::array<uint8_t, kSize> array{};
  std::copy_n(bytes.begin(), kSize, array.begin());
  return array;
}

// RFC 1123 subdomain, as Kubernetes demands of node names.
bool IsNodeName(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > kMaxNodeName) {
    return false;
  }
  char previous = '.';
  for (const char c : name) {
    const bool separator = c == '.' || c == '-';
    if ((!separator && !alphanumeric(c)) ||
        (c == '.' && !alphanumeric(previous)) ||
        (previous == '.' && !alphanumeric(c))) {
      return false;
    }
    previous = c;
  }
  return alphanumeric(previous);
}

// Only Names over SHA-256: with two name algorithms one TPM could be enrolled
// twice, under two Names.
absl::Status CheckEnrolled(const EnrolledNode& node, const std::string& place) {
  if (!IsNodeName(node.node_name)) {
    return InvalidArgument(fmt::format(
        "{}.nodeName: want a lower-case DNS name of 1 to {} characters", place,
        kMaxNodeName));
  }
  if (node.role != kRoleControlPlane && node.role != kRoleWorker) {
    return InvalidArgument(fmt::format("{}.role: want \"{}\" or \"{}\"", place,
                                       kRoleControlPlane, kRoleWorker));
  }
  if (!std::equal(std::begin(kNameAlgorithm), std::end(kNameAlgorithm),
                  node.tpm.ak_name.begin())) {
    return InvalidArgument(
        fmt::format("{}.akName: want 000b (sha256) at the start", place));
  }
  return absl::OkStatus();
}

// Says that `what` of entry `place` stands in an earlier entry too.
absl::Status Twice(const std::string& place, std::string_view what) {
  return InvalidArgument(fmt::format("{}.{}: given twice", place, what));
}

// Names are unique because messages, logs and the CLI know a profile by its
// name alone.
absl::Status CheckProfiles(const std::vector<Profile>& profiles) {
  if (profiles.size() > kMaxProfiles) {
    return InvalidArgument(
        fmt::format("policy.profiles: want at most {}, got {}", kMaxProfiles,
                    profiles.size()));
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < profiles.size(); ++i) {
    const std::string place = fmt::format("policy.profiles[{}]", i);
    RETURN_IF_ERROR(CheckProfile(profiles[i], place));
    if (!names.insert(profiles[i].name).second) {
      return Twice(place, "name");
    }
  }
  return absl::OkStatus();
}

// One TPM is one node: a certificate or key that stands in two entries would
// let one machine be two nodes, or have two roles.
absl::Status CheckEnrolledNodes(const std::vector<EnrolledNode>& enrolled,
                                const std::string& place_of_all) {
  if (enrolled.size() > kMaxEnrolled) {
    return InvalidArgument(fmt::format("{}: want at most {}, got {}",
                                       place_of_all, kMaxEnrolled,
                                       enrolled.size()));
  }
  std::set<std::string_view> names;
  std::set<TpmName> aks;
  std::set<Sha256Digest> certificates;
  for (size_t i = 0; i < enrolled.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", place_of_all, i);
    const EnrolledNode& node = enrolled[i];
    RETURN_IF_ERROR(CheckEnrolled(node, place));
    if (!names.insert(node.node_name).second) {
      return Twice(place, "nodeName");
    }
    if (!aks.insert(node.tpm.ak_name).second) {
      return Twice(place, "akName");
    }
    if (!certificates.insert(node.tpm.ek_certificate_sha256).second) {
      return Twice(place, "ekCertificateSHA256");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<EnrolledNode> ReadEnrolled(const Json& value,
                                          const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kEnrolledKeys));
  EnrolledNode node;
  ASSIGN_OR_RETURN(node.node_name, object.String("nodeName"));
  ASSIGN_OR_RETURN(node.role, object.String("role"));
  ASSIGN_OR_RETURN(const Bytes certificate,
                   object.Hex("ekCertificateSHA256", Sha256Digest().size()));
  ASSIGN_OR_RETURN(const Bytes name, object.Hex("akName", TpmName().size()));
  node.tpm.ek_certificate_sha256 = ToArray<Sha256Digest().size()>(certificate);
  node.tpm.ak_name = ToArray<TpmName().size()>(name);
  RETURN_IF_ERROR(CheckEnrolled(node, place));
  return node;
}

absl::StatusOr<std::vector<EnrolledNode>> ReadEnrolledNodes(
    const Json& array, const std::string& place) {
  std::vector<EnrolledNode> nodes;
  for (size_t i = 0; i < array.size(); ++i) {
    ASSIGN_OR_RETURN(EnrolledNode node,
                     ReadEnrolled(array[i], fmt::format("{}[{}]", place, i)));
    nodes.push_back(std::move(node));
  }
  RETURN_IF_ERROR(CheckEnrolledNodes(nodes, place));
  return nodes;
}

Json ToJsonValue(std::span<const EnrolledNode> enrolled) {
  Json array = Json::array();
  for (const EnrolledNode& node : enrolled) {
    array.push_back(
        {{"nodeName", node.node_name},
         {"role", node.role},
         {"ekCertificateSHA256", HexEncode(node.tpm.ek_certificate_sha256)},
         {"akName", HexEncode(node.tpm.ak_name)}});
  }
  return array;
}

// Times are written with whole seconds: keep no more than that.
std::optional<absl::Time> WholeSeconds(const std::optional<absl::Time>& time) {
  if (!time.has_value()) {
    return time;
  }
  return absl::FromUnixSeconds(absl::ToUnixSeconds(*time));
}

constexpr int kIndent = 2;

}  // namespace

absl::StatusOr<Policy> Policy::Parse(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseStrictJson(json));
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(document, "policy", kPolicyKeys));
  ASSIGN_OR_RETURN(const uint64_t version, object.Number("version"));
  if (version != kVersion) {
    return InvalidArgument(
        fmt::format("policy.version: want {}, got {}", kVersion, version));
  }
  ASSIGN_OR_RETURN(const Json* profiles, object.Array("profiles"));
  std::vector<Profile> read_profiles;
  for (size_t i = 0; i < profiles->size(); ++i) {
    ASSIGN_OR_RETURN(
        Profile profile,
        ReadProfile((*profiles)[i], fmt::format("policy.profiles[{}]", i)));
    read_profiles.push_back(std::move(profile));
  }
  ASSIGN_OR_RETURN(const Json* enrolled, object.Array("enrolledTPMs"));
  ASSIGN_OR_RETURN(std::vector<EnrolledNode> read_enrolled,
                   ReadEnrolledNodes(*enrolled, "policy.enrolledTPMs"));
  return Create(std::move(read_profiles), std::move(read_enrolled));
}

// The one gate: Parse() ends here too, so values made in memory and values read
// obey the same rules.
absl::StatusOr<Policy> Policy::Create(std::vector<Profile> profiles,
                                      std::vector<EnrolledNode> enrolled) {
  for (Profile& profile : profiles) {
    profile.not_before = WholeSeconds(profile.not_before);
    profile.not_after = WholeSeconds(profile.not_after);
  }
  RETURN_IF_ERROR(CheckProfiles(profiles));
  RETURN_IF_ERROR(CheckEnrolledNodes(enrolled, "policy.enrolledTPMs"));
  Policy policy;
  policy.profiles_ = std::move(profiles);
  policy.enrolled_ = std::move(enrolled);
  return policy;
}

std::string Policy::ToJson() const {
  Json document = {{"version", kVersion},
                   {"profiles", Json::array()},
                   {"enrolledTPMs", ToJsonValue(enrolled_)}};
  for (const Profile& profile : profiles_) {
    document["profiles"].push_back(ToJsonValue(profile));
  }
  return document.dump(kIndent) + "\n";
}

absl::StatusOr<Profile> ParseProfile(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseStrictJson(json));
  return ReadProfile(document, "profile");
}

std::string ProfileToJson(const Profile& profile) {
  return ToJsonValue(profile).dump(kIndent) + "\n";
}

// The list comes from the cloud's metadata, thus from the enemy: it is bounded
// and checked like a policy, and trusted only as far as
// docs/adr/0006-enrolled-tpm.md says.
absl::StatusOr<std::vector<EnrolledNode>> ParseEnrolledNodes(
    std::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseStrictJson(json));
  if (!document.is_array()) {
    return InvalidArgument(
        fmt::format("enrolledTPMs: want an array, got {}", KindOf(document)));
  }
  return ReadEnrolledNodes(document, "enrolledTPMs");
}

std::string EnrolledNodesToJson(std::span<const EnrolledNode> enrolled) {
  return ToJsonValue(enrolled).dump(kIndent) + "\n";
}

}  // namespace constellation::attestation
