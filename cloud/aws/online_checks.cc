// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/aws/desired.h"
#include "cloud/aws/desired_checks.h"
#include "cloud/aws/driver_support.h"
#include "cloud/aws/inventory.h"
#include "cloud/engine/cloud_error.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// Collects findings, all of them, before it answers. Calls that fail for other
// reasons (permissions, network) end it: then nothing is known.
class OnlineChecks final {
 public:
  OnlineChecks(AwsClient& client, const ClusterRequest& request)
      : client_(client), request_(request) {}

  // Each type is asked about once, however many groups have it.
  absl::Status Run() {
    RETURN_IF_ERROR(CheckZones());
    std::map<std::string, std::set<std::string>> types;  // with their zones
    const auto* settings = std::get_if<AwsSettings>(&request_.settings);
    for (const NodeGroupRequest& group : request_.groups) {
      types[group.instance_type].insert(
          group.zone.empty() && settings != nullptr ? settings->zone
                                                    : group.zone);
    }
    for (const auto& [type, zones] : types) {
      RETURN_IF_ERROR(CheckType(type, zones));
    }
    RETURN_IF_ERROR(CheckImage());
    if (settings != nullptr) {
      RETURN_IF_ERROR(CheckProfile("provider.aws.iamProfileControlPlane",
                                   settings->iam_profile_control_plane));
      RETURN_IF_ERROR(CheckProfile("provider.aws.iamProfileWorkerNodes",
                                   settings->iam_profile_worker_nodes));
    }
    return findings_.empty() ? absl::OkStatus() : InvalidArgument(findings_);
  }

 private:
  // Adds a line for the user.
  void Finding(std::string_view text) {
    findings_ += (findings_.empty() ? "" : "\n") + std::string(text);
  }

  // Zones that are listed but closed to the account count as missing.
  absl::Status CheckZones() {
    ASSIGN_OR_RETURN(
        const XmlDocument answer,
        client_.Call(
            kEc2, "DescribeAvailabilityZones",
            {{"Filter", Json::array({Filter("state", {"available"})})}}));
    std::set<std::string> available;
    for (const XmlElement& zone :
         answer.result().List("availabilityZoneInfo")) {
      available.insert(zone.Text("zoneName"));
    }
    for (const std::string& zone : ZonesOf(request_)) {
      if (!available.contains(zone)) {
        Finding(
            fmt::format("zone {}: not available to this account in {}; "
                        "available: {}",
                        zone, client_.region(), fmt::join(available, ", ")));
      }
    }
    return absl::OkStatus();
  }

  // Whether the region has the type, and the type what the variant needs.
  absl::Status CheckType(const std::string& type,
                         const std::set<std::string>& zones) {
    const auto answer = client_.Call(kEc2, "DescribeInstanceTypes",
                                     {{"InstanceType", Json::array({type})}});
    const Kind kind = CloudErrorKindOf(answer.status());
    if (!answer.ok() &&
        (kind == Kind::kUnsupportedType || kind == Kind::kInvalid)) {
      Finding(
          fmt::format("instance type {}: not in {}", type, client_.region()));
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(answer.status());
    bool snp = false;
    bool tpm = false;
    for (const XmlElement& item : answer->result().List("instanceTypeSet")) {
      for (const XmlElement& feature :
           item.List("processorInfo/supportedFeatures")) {
        snp |= feature.Text() == "amd-sev-snp";
      }
      tpm |= item.Text("nitroTpmSupport") == "supported";
    }
    if (request_.attestation_variant == kSevSnpVariant && !snp) {
      Finding(
          fmt::format("instance type {}: no SEV-SNP; want one of the m6a, "
                      "c6a, r6a families",
                      type));
    }
    if (request_.attestation_variant == kNitroTpmVariant && !tpm) {
      Finding(fmt::format("instance type {}: no NitroTPM", type));
    }
    return CheckOffers(type, zones);
  }

  // A region may offer a type in some of its zones only.
  absl::Status CheckOffers(const std::string& type,
                           const std::set<std::string>& zones) {
    std::set<std::string> offered;
    RETURN_IF_ERROR(client_.CallPaged(
        kEc2, "DescribeInstanceTypeOfferings",
        {{"LocationType", "availability-zone"},
         {"Filter", Json::array({Filter("instance-type", {type})})}},
        {}, [&](XmlElement page) {
          for (const XmlElement& offer : page.List("instanceTypeOfferingSet")) {
            offered.insert(offer.Text("location"));
          }
          return absl::OkStatus();
        }));
    for (const std::string& zone : zones) {
      if (!offered.contains(zone)) {
        Finding(fmt::format("instance type {}: not in zone {}; it is in: {}",
                            type, zone, fmt::join(offered, ", ")));
      }
    }
    return absl::OkStatus();
  }

  // NitroTPM works with UEFI images only, and only if the image asks for it.
  absl::Status CheckImage() {
    if (!request_.image.starts_with("ami-")) {
      return absl::OkStatus();  // resolve:ssm: is resolved at launch
    }
    const auto answer = client_.Call(
        kEc2, "DescribeImages", {{"ImageId", Json::array({request_.image})}});
    const Kind kind = CloudErrorKindOf(answer.status());
    if (!answer.ok() && kind != Kind::kInvalid && kind != Kind::kNotFound) {
      return answer.status();
    }
    const auto images = answer.ok() ? answer->result().List("imagesSet")
                                    : std::vector<XmlElement>();
    if (images.empty()) {
      Finding(
          fmt::format("image {}: not in {}, or not shared with this "
                      "account",
                      request_.image, client_.region()));
      return absl::OkStatus();
    }
    for (const auto& [path, want] :
         {std::pair("imageState", "available"), std::pair("bootMode", "uefi"),
          std::pair("tpmSupport", "v2.0"),
          std::pair("architecture", "x86_64")}) {
      if (images.front().Text(path) != want) {
        Finding(fmt::format("image {}: {}: want \"{}\", got \"{}\"",
                            request_.image, path, want,
                            images.front().Text(path)));
      }
    }
    return absl::OkStatus();
  }

  // EC2 takes a profile without a role and gives the machine no keys: better
  // found out now.
  absl::Status CheckProfile(std::string_view field, const std::string& name) {
    const auto answer = client_.Call(kIam, "GetInstanceProfile",
                                     {{"InstanceProfileName", name}});
    if (IsKind(answer.status(), Kind::kNotFound)) {
      Finding(fmt::format("{}: no instance profile \"{}\"", field, name));
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(answer.status());
    if (answer->result().List("InstanceProfile/Roles").empty()) {
      Finding(
          fmt::format("{}: instance profile \"{}\" has no role", field, name));
    }
    return absl::OkStatus();
  }

  AwsClient& client_;
  const ClusterRequest& request_;
  std::string findings_;
};

}  // namespace

absl::Status CheckRequestOnline(AwsClient& client,
                                const ClusterRequest& request) {
  return OnlineChecks(client, request).Run();
}

}  // namespace constellation::cloud::aws
