// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/desired_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include "cloud/aws/desired.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

// <name>-<uid>-bootstrapper must fit into the 32 characters of a target group.
constexpr size_t kMaxBase = 32 - sizeof("-bootstrapper") + 1;
constexpr size_t kMaxRules = 60;  // of a security group, AWS's default quota
constexpr size_t kPortsOfBalancer = 5;

// RFC 1918. The nodes' network must not be reachable from outside by mistake.
bool IsPrivate(uint32_t address) {
  return address >> 24U == 10 || address >> 20U == (172U << 4U | 1U) ||
         address >> 16U == (192U << 8U | 168U);
}

bool Consists(std::string_view text, std::string_view of) {
  return !text.empty() && text.find_first_not_of(of) == std::string_view::npos;
}

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyz0123456789-";

// Collects what is wrong.
// All findings come at once, one a line, so that a config is mended in one go.
class Findings final {
 public:
  void Want(bool good, std::string_view field, std::string_view wanted,
            std::string_view got) {
    if (!good) {
      text_ += fmt::format("{}{}: want {}, got \"{}\"",
                           text_.empty() ? "" : "\n", field, wanted, got);
    }
  }
  absl::Status Status() const {
    return text_.empty() ? absl::OkStatus() : InvalidArgument(text_);
  }

 private:
  std::string text_;
};

// EBS User Guide, "Amazon EBS volume types".
int LeastDiskSize(std::string_view type) {
  if (type == "st1" || type == "sc1") {
    return 125;
  }
  return type == "io1" || type == "io2" ? 4 : 1;
}

// One node group. Limits are those of Auto Scaling, EBS and of the names that
// are made of the group's.
void CheckGroup(const NodeGroupRequest& group, const AwsSettings& settings,
                Findings& findings) {
  constexpr std::array<std::string_view, 6> kDiskTypes = {"gp2", "gp3", "io1",
                                                          "io2", "st1", "sc1"};
  const std::string field = "nodeGroups." + group.name;
  findings.Want(
      Consists(group.name, "abcdefghijklmnopqrstuvwxyz0123456789-_") &&
          group.name.size() <= 40 && IsNodeName(GroupSlug(group.name)),
      field, "a name of 1-40 of [a-z0-9_-], first and last [a-z0-9]",
      group.name);
  const std::string& zone = group.zone.empty() ? settings.zone : group.zone;
  findings.Want(zone.size() == settings.region.size() + 1 &&
                    zone.starts_with(settings.region) && zone.back() >= 'a' &&
                    zone.back() <= 'z',
                group.zone.empty() ? "provider.aws.zone" : field + ".zone",
                "a zone of provider.aws.region (\"" + settings.region + "a\")",
                zone);
  findings.Want(Consists(group.instance_type,
                         "abcdefghijklmnopqrstuvwxyz"
                         "0123456789-.") &&
                    group.instance_type.find('.') != std::string::npos,
                field + ".instanceType", "a type like \"m6a.xlarge\"",
                group.instance_type);
  findings.Want(
      std::ranges::find(kDiskTypes, group.state_disk_type) != kDiskTypes.end(),
      field + ".stateDiskType", "gp2, gp3, io1, io2, st1 or sc1",
      group.state_disk_type);
  const int least = LeastDiskSize(group.state_disk_type);
  findings.Want(
      group.state_disk_size_gb >= least && group.state_disk_size_gb <= 16384,
      field + ".stateDiskSizeGB",
      fmt::format("{}-16384 for {}", least, group.state_disk_type),
      std::to_string(group.state_disk_size_gb));
  const bool control_plane = group.role == NodeRole::kControlPlane;
  findings.Want(group.count >= (control_plane ? 1 : 0) && group.count <= 1000,
                field + ".initialCount", control_plane ? "1-1000" : "0-1000",
                std::to_string(group.count));
}

// The rules that the sources will become are counted before anything is made: a
// security group that is full would stop the run half-way.
void CheckSources(const ClusterRequest& request, size_t zones,
                  Findings& findings) {
  for (const std::string& source : request.allowed_sources) {
    findings.Want(ParseIpv4Network(source).has_value(), "allowedSources",
                  "IPv4 networks like \"203.0.113.7/32\" (the load balancer "
                  "has IPv4 addresses only)",
                  source);
  }
  findings.Want(!request.allowed_sources.empty(), "allowedSources",
                "at least one network", "");
  const size_t rules =
      (request.allowed_sources.size() + 1 + zones) * kPortsOfBalancer;
  findings.Want(rules <= kMaxRules, "allowedSources",
                fmt::format("at most {} rules in the load balancer's security "
                            "group (AWS's quota; {} for each network)",
                            kMaxRules, kPortsOfBalancer),
                std::to_string(rules));
}

// Keys that begin with "aws:" are refused by AWS; ours would overrule what
// finds the cluster's things. At most 30, since AWS's 50 include ours and
// Kubernetes'.
void CheckTags(const ClusterRequest& request, Findings& findings) {
  findings.Want(request.tags.size() <= 30, "tags", "at most 30",
                std::to_string(request.tags.size()));
  for (const auto& [key, value] : request.tags) {
    findings.Want(!key.empty() && key.size() <= 128 && value.size() <= 256 &&
                      !key.starts_with("aws:") &&
                      !key.starts_with("constellation-"),
                  "tags",
                  "keys of 1-128 characters that start with neither \"aws:\" "
                  "nor \"constellation-\", values of at most 256",
                  key);
  }
}

}  // namespace

std::string LetterOfZone(std::string_view zone) {
  return zone.empty() ? "" : std::string(zone.substr(zone.size() - 1));
}

// Deterministic: zone letters decide which /24 is whose, so that a zone that is
// added or removed later leaves all other subnets as they are.
absl::StatusOr<NetworkPlan> PlanNetwork(std::string_view node_cidr,
                                        const std::vector<std::string>& zones) {
  const auto cidr = ParseIpv4Network(node_cidr);
  const uint32_t block = cidr ? cidr->base & 0xFFFFF000U : 0;
  const uint32_t vpc = cidr ? cidr->base & 0xFFFF0000U : 0;
  if (!cidr || cidr->prefix_length != 24 || !IsPrivate(cidr->base) ||
      block == vpc) {
    return InvalidArgument(fmt::format(
        "nodeCIDR: want a private /24 outside of the first 4096 addresses of "
        "its /16 (\"192.168.178.0/24\"), got \"{}\"",
        node_cidr));
  }
  NetworkPlan plan{.vpc_cidr = Ipv4Text(vpc) + "/16",
                   .nodes_cidr = Ipv4Text(block) + "/20"};
  for (const std::string& zone : zones) {
    const std::string letter = LetterOfZone(zone);
    const auto index =
        static_cast<uint32_t>(letter.empty() ? 0 : letter.front() - 'a');
    const uint32_t private_subnet = cidr->base + index * 256;
    if (index > 15 || (private_subnet & 0xFFFFF000U) != block) {
      return InvalidArgument(
          fmt::format("nodeCIDR: {} leaves no /24 for zone {} in {}: choose a "
                      "lower one (\"192.168.176.0/24\")",
                      node_cidr, zone, plan.nodes_cidr));
    }
    plan.zones.push_back({.name = zone,
                          .letter = letter,
                          .private_cidr = Ipv4Text(private_subnet) + "/24",
                          .public_cidr = Ipv4Text(vpc + index * 256) + "/24"});
  }
  return plan;
}

// Everything that can be known without asking AWS. Names are checked for their
// longest use, in target groups.
absl::Status CheckRequest(const ClusterRequest& request) {
  const auto* settings = std::get_if<AwsSettings>(&request.settings);
  if (settings == nullptr) {
    return InvalidArgument("provider: want settings of aws");
  }
  Findings findings;
  const std::string base = BaseName(request.identity);
  findings.Want(
      Consists(base, kNameCharacters) && base.size() <= kMaxBase &&
          !request.identity.uid.empty() && base.front() != '-' &&
          base.back() != '-' && !base.starts_with("internal-"),
      "name",
      fmt::format("[a-z0-9-], at most {} characters with the uid \"{}\" "
                  "(names of target groups have 32)",
                  kMaxBase, request.identity.uid),
      request.identity.name);
  findings.Want(Consists(settings->region, kNameCharacters),
                "provider.aws.region", "a region like \"eu-west-1\"",
                settings->region);
  findings.Want(request.image.starts_with("ami-") ||
                    request.image.starts_with("resolve:ssm:"),
                "image", "an AMI (\"ami-...\")", request.image);
  findings.Want(request.attestation_variant == kSevSnpVariant ||
                    request.attestation_variant == kNitroTpmVariant,
                "attestation", "awsSEVSNP or awsNitroTPM",
                request.attestation_variant);
  for (const auto& [field, value] :
       {std::pair("provider.aws.iamProfileControlPlane",
                  &settings->iam_profile_control_plane),
        std::pair("provider.aws.iamProfileWorkerNodes",
                  &settings->iam_profile_worker_nodes)}) {
    findings.Want(!value->empty() && value->size() <= 128, field,
                  "the name of an instance profile (`constellation iam create "
                  "aws` makes it)",
                  *value);
  }
  findings.Want(request.init_secret_sha256.empty() ||
                    (request.init_secret_sha256.size() == 64 &&
                     Consists(request.init_secret_sha256, "0123456789abcdef")),
                "init secret", "64 hex digits", request.init_secret_sha256);
  std::set<std::string> slugs;
  bool control_plane = false;
  for (const NodeGroupRequest& group : request.groups) {
    CheckGroup(group, *settings, findings);
    findings.Want(slugs.insert(GroupSlug(group.name)).second,
                  "nodeGroups." + group.name, "a name of its own", group.name);
    control_plane |= group.role == NodeRole::kControlPlane;
  }
  findings.Want(control_plane, "nodeGroups", "a group of control planes", "");
  CheckSources(request, ZonesOf(request).size(), findings);
  CheckTags(request, findings);
  return findings.Status();
}

}  // namespace constellation::cloud::aws
