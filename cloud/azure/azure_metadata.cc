// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/azure_metadata.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/azure/access_token.h"
#include "cloud/azure/arm_client.h"
#include "cloud/azure/arm_names.h"
#include "cloud/azure/inventory.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/endpoints.h"
#include "cloud/http/retrying_transport.h"
#include "cloud/json_fields.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kMaxAnswer = size_t{1} << 20U;
constexpr size_t kMaxTags = 100;
constexpr size_t kMaxInterfaces = 64;
constexpr absl::Duration kKept = absl::Hours(1);
constexpr int kApiServerPort = 6443;

// {"name","value"} of compute.tagsList; empty if there is none.
std::string Tag(const json& tags, std::string_view name) {
  for (const json& tag : tags) {
    if (tag.is_object() && tag.value("name", json()) == json(name) &&
        tag.value("value", json()).is_string()) {
      return tag["value"].get<std::string>();
    }
  }
  return "";
}

// The first address of the first interface: Azure lists the primary one first.
// Wrong fields are noted in `fields`, whose Finish() tells them all.
void ReadAddress(JsonFields& fields, const json& network,
                 InstanceMetadata& metadata) {
  const json::json_pointer address(
      "/interface/0/ipv4/ipAddress/0/privateIpAddress");
  const json::json_pointer prefix("/interface/0/ipv4/subnet/0/prefix");
  metadata.cluster_ip =
      network.contains(address) && network.at(address).is_string()
          ? network.at(address).get<std::string>()
          : "";
  if (!ParseIpv4(metadata.cluster_ip)) {
    fields.Reject("network", "want interface/0/ipv4/ipAddress/0");
  }
  const std::string bits =
      network.contains(prefix) && network.at(prefix).is_string()
          ? network.at(prefix).get<std::string>()
          : "";
  if (bits.empty() || bits.size() > 2 ||
      bits.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(bits) > 32) {
    fields.Reject("network", "want interface/0/ipv4/subnet/0/prefix");
  } else {
    metadata.cluster_prefix_length = static_cast<unsigned>(std::stoul(bits));
  }
}

// One segment of an id: the resource group becomes part of request paths.
// `more` that is not empty allows "._()" as well.
bool IsWord(std::string_view text, std::string_view more, size_t max_size) {
  return !text.empty() && text.size() <= max_size &&
         IsArmId(fmt::format("/{}", text)) &&
         text.find('/') == std::string_view::npos &&
         (!more.empty() ||
          text.find_first_of("._()") == std::string_view::npos);
}

// The uid says which peers are ours, so it must be a plain word; an init
// secret's hash is on control planes and may be absent.
void ReadTags(JsonFields& compute, const json& tags,
              InstanceMetadata& metadata) {
  metadata.uid = Tag(tags, kUidTag);
  if (!IsWord(metadata.uid, "", 64)) {
    compute.Reject("tagsList", "want constellation-uid");
  }
  const auto role = ParseNodeRole(Tag(tags, kRoleTag));
  if (role.ok()) {
    metadata.role = *role;
  } else {
    compute.Reject("tagsList", "want constellation-role");
  }
  metadata.init_secret_sha256 = Tag(tags, kInitSecretTag);
  if (!metadata.init_secret_sha256.empty() &&
      (metadata.init_secret_sha256.size() != 64 ||
       metadata.init_secret_sha256.find_first_not_of("0123456789abcdef") !=
           std::string::npos)) {
    compute.Reject("tagsList", "want a SHA-256 of the init secret");
  }
}

// The host answers this: it may say anything. What passes here still proves
// nothing; it only cannot break whoever uses it.
absl::Status ReadCompute(const json& object, OwnInstance& own) {
  JsonFields compute(object, "instance metadata: compute");
  InstanceMetadata& metadata = own.metadata;
  own.subscription = compute.String("subscriptionId", 64);
  own.resource_group = compute.String("resourceGroupName", 90);
  const std::string id = compute.String("resourceId", 2048);
  metadata.zone = compute.StringOr("zone", "", 2);
  metadata.region = compute.StringOr("location", "", 64);
  const json* const profile = compute.Object("osProfile");
  const json* const tags = compute.Array("tagsList", kMaxTags);
  RETURN_IF_ERROR(compute.Finish(/*allow_unknown=*/true));
  JsonFields os(*profile, "instance metadata: osProfile");
  metadata.name = NodeNameOf(os.String("computerName", 64));
  if (!IsNodeName(metadata.name)) {
    os.Reject("computerName", "want a host name");
  }
  if (!IsUuid(own.subscription)) {
    compute.Reject("subscriptionId", "want a UUID");
  }
  if (!IsWord(own.resource_group, "dots", 90)) {
    compute.Reject("resourceGroupName", "want a name");
  }
  if (!IsArmId(id) || SegmentBehind(id, "virtualMachines").empty()) {
    compute.Reject("resourceId", "want the id of a VM");
  }
  if (metadata.zone.find_first_not_of("0123456789") != std::string::npos) {
    compute.Reject("zone", "want a number");
  }
  if (!IsWord(metadata.region, "", 64) && !metadata.region.empty()) {
    compute.Reject("location", "want letters and digits");
  }
  metadata.provider_id = ProviderId(id);
  ReadTags(compute, *tags, metadata);
  RETURN_IF_ERROR(os.Finish(/*allow_unknown=*/true));
  return compute.Finish(/*allow_unknown=*/true);
}

// The contract's codes: what a cloud's own error says is for engines.
absl::Status ForNodes(const absl::Status& status) {
  if (status.ok()) {
    return status;
  }
  switch (CloudErrorKindOf(status)) {
    case CloudErrorKind::kNotFound:
      return NotFound(Message(status));
    case CloudErrorKind::kInvalid:
      return InvalidArgument(Message(status));
    default:
      return Unavailable(Message(status));
  }
}

}  // namespace

absl::StatusOr<OwnInstance> ParseInstanceMetadata(std::string_view text) {
  ASSIGN_OR_RETURN(const json answer,
                   ParseJsonObject(text, "instance metadata", kMaxAnswer));
  OwnInstance own;
  JsonFields top(answer, "instance metadata");
  const json* const compute = top.Object("compute");
  const json* const network = top.Object("network");
  RETURN_IF_ERROR(top.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(ReadCompute(*compute, own));
  JsonFields fields(*network, "instance metadata: network");
  fields.Array("interface", kMaxInterfaces);
  ReadAddress(fields, *network, own.metadata);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  return own;
}

// ARM with the VM's identity.
struct AzureMetadataClient::Arm {
  explicit Arm(const AzureMetadataOptions& options)
      : tokens(options.transport, options.clock,
               {.endpoint = options.imds,
                .resource = "https://management.azure.com/"}),
        client(
            options.transport, tokens, options.clock, SystemRandom(),
            {.endpoint = options.arm, .retry = {.deadline = absl::Minutes(1)}}),
        imds(options.transport, options.clock, SystemRandom(),
             {.max_attempts = 6,
              .deadline = absl::Seconds(30),
              .rate_limit = {.per_second = 2, .burst = 3}}) {}

  ManagedIdentityTokens tokens;
  ArmClient client;
  RetryingTransport imds;
};

AzureMetadataClient::AzureMetadataClient(const AzureMetadataOptions& options)
    : options_(options), arm_(std::make_unique<Arm>(options)) {}

AzureMetadataClient::~AzureMetadataClient() = default;

AzureMetadataClient::Arm& AzureMetadataClient::ArmOf() {
  return *arm_;
}

// The header "Metadata" keeps requests that were forwarded by mistake from
// being answered (Azure's rule against SSRF).
absl::StatusOr<OwnInstance> AzureMetadataClient::Own() {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = options_.clock.Now();
  if (own_ && now < asked_ + kKept) {
    return *own_;
  }
  const absl::StatusOr<HttpResponse> response = arm_->imds.Send(
      {.url = options_.imds +
              "/metadata/instance?api-version=2021-02-01&format=json",
       .headers = {{"Metadata", "true"}},
       .timeout = absl::Seconds(10),
       .connect_timeout = absl::Seconds(5),
       .max_answer_size = kMaxAnswer});
  if (!response.ok()) {
    return Unavailable(Message(response.status()));
  }
  if (response->status != 200) {
    const std::string text =
        fmt::format("instance metadata: HTTP status {}", response->status);
    return response->status == 404 ? NotFound(text) : Unavailable(text);
  }
  ASSIGN_OR_RETURN(own_, ParseInstanceMetadata(response->body));
  asked_ = now;
  return *own_;
}

absl::StatusOr<InstanceMetadata> AzureMetadataClient::Self() {
  ASSIGN_OR_RETURN(const OwnInstance own, Own());
  return own.metadata;
}

// ARM does not say the prefix of a peer's network; all are in ours.
absl::StatusOr<std::vector<InstanceMetadata>> AzureMetadataClient::Peers() {
  ASSIGN_OR_RETURN(const OwnInstance own, Own());
  absl::StatusOr<std::vector<ScaleSetInstance>> found = ListInstances(
      ArmOf().client,
      {.subscription = own.subscription, .resource_group = own.resource_group},
      own.metadata.uid);
  if (!found.ok()) {
    return ForNodes(found.status());
  }
  std::vector<InstanceMetadata> peers;
  for (ScaleSetInstance& one : *found) {
    one.metadata.cluster_prefix_length = own.metadata.cluster_prefix_length;
    peers.push_back(std::move(one.metadata));
  }
  return peers;
}

absl::StatusOr<std::string> AzureMetadataClient::Endpoint() {
  ASSIGN_OR_RETURN(const OwnInstance own, Own());
  const absl::StatusOr<std::string> address = BalancerAddress(
      ArmOf().client,
      {.subscription = own.subscription, .resource_group = own.resource_group},
      own.metadata.uid);
  if (!address.ok()) {
    return ForNodes(address.status());
  }
  return fmt::format("{}:{}", *address, kApiServerPort);
}

absl::StatusOr<std::string> AzureMetadataClient::EnrolledTpms() {
  return std::string("[]");
}

absl::Status AzureMetadataClient::ReportStatus(std::string_view /*json*/) {
  const absl::MutexLock lock(&report_mutex_);
  if (!reported_ready_) {
    RETURN_IF_ERROR(
        ReportReady(options_.transport, options_.clock, options_.wireserver));
    reported_ready_ = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<AzureMetadataOptions> AzureMetadataOptionsFrom(
    const Environment& environment, HttpTransport& transport, Clock& clock) {
  ASSIGN_OR_RETURN(Endpoint imds,
                   ResolveEndpoint("azure", "imds", {}, environment));
  ASSIGN_OR_RETURN(Endpoint arm,
                   ResolveEndpoint("azure", "arm", {}, environment));
  return AzureMetadataOptions{.transport = transport,
                              .clock = clock,
                              .imds = std::move(imds.url),
                              .arm = std::move(arm.url)};
}

}  // namespace constellation::cloud::azure
