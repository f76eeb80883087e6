// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/request_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cloud/gcp/compute.h"
#include "cloud/gcp/desired.h"
#include "common/ipv4.h"
#include "common/status.h"

namespace constellation::cloud::gcp {
namespace {

// Instances get five characters behind the name of their group, templates nine.
constexpr size_t kMaxGroupName = 63 - 9;
constexpr int kMaxNodes = 256;  // a /24 of kPodCidr each
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kLabelLetters =
    "abcdefghijklmnopqrstuvwxyz0123456789_-";

// Whether two networks share an address.
bool Overlap(const Ipv4Network& a, const Ipv4Network& b) {
  return a.base <= b.base + (b.size() - 1) && b.base <= a.base + (a.size() - 1);
}

// Collects what is wrong.
// All findings at once, each with its place in the config.
class Checker final {
 public:
  explicit Checker(const ClusterRequest& request) : request_(request) {}

  absl::Status Run() {
    const auto* const settings = std::get_if<GcpSettings>(&request_.settings);
    if (settings == nullptr) {
      return InvalidArgument("provider.gcp: missing");
    }
    CheckSettings(*settings);
    CheckIdentity();
    CheckVariant();
    CheckGroups(*settings);
    CheckNetwork();
    CheckTags();
    if (findings_.empty()) {
      return absl::OkStatus();
    }
    std::string all;
    for (const std::string& finding : findings_) {
      all += (all.empty() ? "" : "\n") + finding;
    }
    return InvalidArgument(all);
  }

 private:
  void Find(std::string finding) { findings_.push_back(std::move(finding)); }

  // What becomes part of paths and addresses has to be well-formed.
  void CheckSettings(const GcpSettings& settings) {
    // 6-30 characters; older ones have a domain ("example.com:project").
    const std::string_view project = settings.project;
    const std::string_view plain = project.substr(project.find(':') + 1);
    if (!IsResourceName(plain, 30) || plain.size() < 4) {
      Find(
          fmt::format("provider.gcp.project: want the id of a project, 6-30 "
                      "characters of [a-z0-9-], got \"{}\"",
                      project));
    }
    if (!IsResourceName(settings.region)) {
      Find(
          fmt::format("provider.gcp.region: want a region such as "
                      "europe-west3, got \"{}\"",
                      settings.region));
    }
    if (!IsZoneOf(settings.zone, settings.region)) {
      Find(
          fmt::format("provider.gcp.zone: want a zone of region {}, such as "
                      "{}-a, got \"{}\"",
                      settings.region, settings.region, settings.zone));
    }
    const std::string& account = settings.iam_service_account_vm;
    if (account.find('@') == std::string::npos ||
        !account.ends_with(".gserviceaccount.com") ||
        account.find_first_of(" \t\n\"/") != std::string::npos) {
      Find(fmt::format(
          "provider.gcp.IAMServiceAccountVM: want the e-mail address of a "
          "service account (`constellation iam create gcp` makes one), got "
          "\"{}\"",
          account));
    }
  }

  // Names are checked for the longest thing that is made of them.
  void CheckIdentity() {
    if (!IsResourceName(BaseName(request_.identity), 40)) {
      Find(fmt::format(
          "name: with \"-{}\" behind it, it has to be at most 40 characters of "
          "[a-z0-9-] that start with a letter, got \"{}\"",
          request_.identity.uid, request_.identity.name));
    }
    const std::string& hash = request_.init_secret_sha256;
    if (hash.size() != 64 ||
        hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
      Find("init secret: want the SHA-256 in hex");
    }
    if (request_.image.find("projects/") == std::string::npos ||
        request_.image.find("/global/images/") == std::string::npos) {
      Find(
          fmt::format("image: want projects/<project>/global/images/<name>, "
                      "got \"{}\"",
                      request_.image));
    }
  }

  void CheckVariant() {
    confidentiality_ = ConfidentialityOf(request_.attestation_variant);
    if (confidentiality_ == nullptr) {
      Find(
          fmt::format("attestation: want gcp-sev-es, gcp-sev-snp or gcp-tdx, "
                      "got \"{}\"",
                      request_.attestation_variant));
    }
  }

  // Limits of Compute Engine for names, disks and groups.
  void CheckGroup(const NodeGroupRequest& group, const GcpSettings& settings) {
    const std::string at = fmt::format("nodeGroups.{}", group.name);
    std::string name = group.name;
    std::ranges::replace(name, '_', '-');
    if (!IsResourceName(name) ||
        CloudName(request_.identity, name).size() > kMaxGroupName) {
      Find(
          fmt::format("{}: want a name of [a-z0-9_-] that is at most {} "
                      "characters long with the cluster's before it",
                      at, kMaxGroupName));
    }
    if (!names_.insert(name).second) {
      Find(fmt::format("{}: there is another group of this name", at));
    }
    if (!group.zone.empty() && !IsZoneOf(group.zone, settings.region)) {
      Find(fmt::format("{}.zone: want a zone of region {}, got \"{}\"", at,
                       settings.region, group.zone));
    }
    if (confidentiality_ != nullptr &&
        !SupportsMachine(*confidentiality_, group.instance_type)) {
      Find(fmt::format("{}.instanceType: {} needs one of {}*, got \"{}\"", at,
                       confidentiality_->variant,
                       fmt::join(confidentiality_->machines, "*, "),
                       group.instance_type));
    }
    // "pd-standard" does not work with confidential machines' NVMe.
    constexpr std::array<std::string_view, 4> kDisks = {
        "pd-ssd", "pd-balanced", "hyperdisk-balanced", "hyperdisk-extreme"};
    if (std::ranges::find(kDisks, group.state_disk_type) == kDisks.end()) {
      Find(fmt::format("{}.stateDiskType: want {}, got \"{}\"", at,
                       fmt::join(kDisks, ", "), group.state_disk_type));
    }
    if (group.state_disk_size_gb < 10 || group.state_disk_size_gb > 65536) {
      Find(fmt::format("{}.stateDiskSizeGB: want 10 to 65536, got {}", at,
                       group.state_disk_size_gb));
    }
    if (group.count < 0 || group.count > kMaxNodes) {
      Find(fmt::format("{}.initialCount: want 0 to {}, got {}", at, kMaxNodes,
                       group.count));
    }
  }

  // Counted over all groups: each node needs a range for its pods.
  void CheckGroups(const GcpSettings& settings) {
    int64_t total = 0;
    int64_t control_planes = 0;
    for (const NodeGroupRequest& group : request_.groups) {
      CheckGroup(group, settings);
      total += group.count;
      control_planes += group.role == NodeRole::kControlPlane ? group.count : 0;
    }
    if (total > kMaxNodes) {
      Find(
          fmt::format("nodeGroups: want at most {} nodes, one range of pods "
                      "each, got {}",
                      kMaxNodes, total));
    }
    if (control_planes < 1) {
      Find("nodeGroups: want at least one control-plane node");
    }
  }

  // The node network must not overlap those that are fixed here. Sources are
  // IPv4 only, as the load balancer is.
  void CheckNetwork() {
    const auto nodes = ParseIpv4Network(request_.node_cidr);
    if (!nodes) {
      Find(
          fmt::format("node network: want an IPv4 range such as "
                      "192.168.178.0/24, got \"{}\"",
                      request_.node_cidr));
    } else {
      for (const std::string_view taken :
           {kPodCidr, kProxyCidr, kBalancerCidr}) {
        if (Overlap(*nodes, *ParseIpv4Network(taken))) {
          Find(fmt::format("node network: {} overlaps {}, which is in use",
                           request_.node_cidr, taken));
        }
      }
    }
    if (request_.allowed_sources.empty()) {
      Find("allowed sources: want at least one range");
    }
    for (const std::string& source : request_.allowed_sources) {
      if (!ParseIpv4Network(source)) {
        Find(
            fmt::format("allowed sources: want an IPv4 range such as "
                        "203.0.113.7/32, got \"{}\"",
                        source));
      }
    }
  }

  // Labels of Google are stricter than other clouds' tags: lower case, no
  // blanks. Our own keys cannot be replaced.
  void CheckTags() {
    const auto is_label = [](std::string_view text) {
      return text.size() <= 63 &&
             text.find_first_not_of(kLabelLetters) == std::string_view::npos;
    };
    for (const auto& [key, value] : request_.tags) {
      if (key.empty() || kLower.find(key[0]) == std::string_view::npos ||
          !is_label(key) || key.starts_with("constellation-")) {
        Find(
            fmt::format("tags: Google's labels want keys of [a-z0-9_-] that "
                        "start with a letter, not with \"constellation-\", "
                        "got \"{}\"",
                        key));
      }
      if (!is_label(value)) {
        Find(
            fmt::format("tags.{}: Google's labels want at most 63 characters "
                        "of [a-z0-9_-], got \"{}\"",
                        key, value));
      }
    }
  }

  const ClusterRequest& request_;
  const Confidentiality* confidentiality_ = nullptr;
  std::set<std::string> names_;
  std::vector<std::string> findings_;
};

}  // namespace

bool IsZoneOf(std::string_view zone, std::string_view region) {
  return IsResourceName(zone) && zone.size() == region.size() + 2 &&
         zone.starts_with(region) && zone[region.size()] == '-';
}

absl::Status CheckRequest(const ClusterRequest& request) {
  return Checker(request).Run();
}

}  // namespace constellation::cloud::gcp
