// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_metadata.h"

#include <fmt/format.h>

#include <bit>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/credential_sources.h"
#include "cloud/gcp/credentials.h"
#include "cloud/gcp/desired.h"
#include "cloud/gcp/gcp_client.h"
#include "cloud/gcp/instances.h"
#include "cloud/json_fields.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

constexpr size_t kMaxAnswer = size_t{2} << 20U;  // attributes may hold 512 KiB
constexpr size_t kMaxPeers = 1000;
constexpr size_t kMaxStatus = 8192;
constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr std::string_view kHex = "0123456789abcdef";

// Never quotes the value: it is somebody else's text.
absl::Status Bad(std::string_view field, std::string_view wanted) {
  return InvalidArgument(
      fmt::format("metadata of Google Cloud: {}: want {}", field, wanted));
}

// A little longer than those that the cli makes.
bool IsUid(std::string_view uid) {
  return !uid.empty() && uid.size() <= 40 &&
         uid.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") ==
             std::string_view::npos;
}

// The first interface is the one on the nodes' network. The mask must be ones
// followed by zeros: ~mask plus one is then a power of two.
absl::Status ReadInterface(const json& instance, InstanceMetadata& self) {
  const json interfaces = instance.value("networkInterfaces", json::array());
  if (!interfaces.is_array() || interfaces.empty()) {
    return Bad("networkInterfaces", "a list");
  }
  self.cluster_ip = TextOf(interfaces.front(), "ip");
  if (!ParseIpv4(self.cluster_ip)) {
    return Bad("networkInterfaces[0].ip", "an IPv4 address");
  }
  const auto mask = ParseIpv4(TextOf(interfaces.front(), "subnetmask"));
  const uint32_t bits = mask.value_or(0);
  if (bits == 0 || (~bits & (~bits + 1)) != 0) {
    return Bad("networkInterfaces[0].subnetmask", "an IPv4 mask");
  }
  self.cluster_prefix_length = static_cast<unsigned>(std::popcount(bits));
  return absl::OkStatus();
}

// What MetadataClient promises: nobody outside knows cloud errors.
absl::Status Plain(const absl::Status& status) {
  switch (CloudErrorKindOf(status)) {
    case CloudErrorKind::kNotFound:
    case CloudErrorKind::kInvalid:
      return status;
    default:
      return Unavailable(Message(status));
  }
}

}  // namespace

// Lives as long as its client; nothing is asked before the first call.
// The Compute API with the VM's own login.
class GcpMetadataClient::Api final {
 public:
  explicit Api(const Options& options)
      : endpoints_(std::make_shared<TokenEndpoints>(CredentialOptions{
            .transport = &options.transport, .clock = &options.clock})),
        client_({.transport = &options.transport,
                 .clock = &options.clock,
                 .environment =
                     [root = options.compute_root](
                         std::string_view name) -> std::optional<std::string> {
                   return name == "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"
                              ? std::optional(root)
                              : std::nullopt;
                 },
                 .login = [this, root = options.metadata_root]()
                     -> absl::StatusOr<
                         std::pair<Identity, std::unique_ptr<TokenSource>>> {
                   return std::pair<Identity, std::unique_ptr<TokenSource>>(
                       Identity{}, MakeMetadataToken(root, endpoints_));
                 }}) {}

  GcpClient& client() { return client_; }

 private:
  // shared_ptr: token sources keep it.
  std::shared_ptr<TokenEndpoints> endpoints_;
  GcpClient client_;
};

GcpMetadataClient::GcpMetadataClient(Options options)
    : options_(std::move(options)), api_(std::make_unique<Api>(options_)) {}
GcpMetadataClient::~GcpMetadataClient() = default;

// One document, two MiB at most, in five seconds. Nothing is repeated here: the
// caller does.
absl::StatusOr<std::string> GcpMetadataClient::Get(std::string_view path) {
  ASSIGN_OR_RETURN(
      HttpResponse answer,
      options_.transport.Send({.url = fmt::format("{}/computeMetadata/v1/{}",
                                                  options_.metadata_root, path),
                               .headers = {{"Metadata-Flavor", "Google"}},
                               .timeout = kTimeout,
                               .connect_timeout = kTimeout,
                               .max_answer_size = kMaxAnswer}));
  if (answer.status == 404) {
    return NotFound(fmt::format("metadata of Google Cloud: no {}", path));
  }
  if (answer.status != 200) {
    return Unavailable(fmt::format("metadata of Google Cloud: {}: status {}",
                                   path, answer.status));
  }
  // So that no other server is taken for it.
  if (answer.Header("metadata-flavor") != "Google") {
    return Bad(path, "an answer with Metadata-Flavor: Google");
  }
  return std::move(answer.body);
}

// Ids of projects may have a domain in front ("example.com:name"). It becomes
// part of paths, hence the check.
absl::StatusOr<std::string> GcpMetadataClient::Project() {
  ASSIGN_OR_RETURN(std::string project, Get("project/project-id"));
  if (!IsResourceName(project.substr(project.find(':') + 1)) ||
      project.size() > 128 ||
      project.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.:") !=
          std::string::npos) {
    return Bad("project-id", "the id of a project");
  }
  return project;
}

// The metadata server is the host's, so every field is checked for its syntax
// before anything uses it. The provider id is what Google's cloud controller
// expects.
absl::StatusOr<InstanceMetadata> ParseSelf(std::string_view text,
                                           std::string_view project) {
  ASSIGN_OR_RETURN(
      const json instance,
      ParseJsonObject(text, "metadata of Google Cloud", kMaxAnswer));
  const json attributes = instance.value("attributes", json::object());
  InstanceMetadata self{
      .name = TextOf(instance, "name"),
      .uid = TextOf(attributes, kUidKey),
      .zone = std::string(LastPart(TextOf(instance, "zone"))),
      .init_secret_sha256 = TextOf(attributes, kInitSecretKey)};
  if (!IsNodeName(self.name)) {
    return Bad("name", "a name of [a-z0-9-]");
  }
  if (!IsUid(self.uid)) {
    return Bad(kUidKey, "the cluster's uid, [a-z0-9]");
  }
  const std::string place = TextOf(instance, "zone");
  if (!IsResourceName(self.zone) || !place.starts_with("projects/") ||
      !place.ends_with("/zones/" + self.zone)) {
    return Bad("zone", "projects/<number>/zones/<zone>");
  }
  const std::string& hash = self.init_secret_sha256;
  if (!hash.empty() && (hash.size() != 64 ||
                        hash.find_first_not_of(kHex) != std::string::npos)) {
    return Bad(kInitSecretKey, "64 lower-case hex digits");
  }
  ASSIGN_OR_RETURN(self.role, ParseNodeRole(TextOf(attributes, kRoleKey)));
  RETURN_IF_ERROR(ReadInterface(instance, self));
  // A zone is its region's name with a hyphen and a letter.
  self.region = self.zone.substr(0, self.zone.find_last_of('-'));
  self.provider_id =
      fmt::format("gce://{}/{}/{}", project, self.zone, self.name);
  return self;
}

absl::StatusOr<InstanceMetadata> GcpMetadataClient::Self() {
  ASSIGN_OR_RETURN(const std::string project, Project());
  ASSIGN_OR_RETURN(const std::string text, Get("instance/?recursive=true"));
  return ParseSelf(text, project);
}

// By the Compute API, as the metadata server knows no other VM. Only running
// ones with an address; too many are refused rather than cut.
absl::StatusOr<std::vector<InstanceMetadata>> GcpMetadataClient::Peers() {
  ASSIGN_OR_RETURN(const std::string project, Project());
  ASSIGN_OR_RETURN(const std::string uid,
                   Get(fmt::format("instance/attributes/{}", kUidKey)));
  if (!IsUid(uid)) {
    return Bad(kUidKey, "the cluster's uid, [a-z0-9]");
  }
  const auto instances =
      ListInstances(api_->client(), project, ClusterIdentity{.uid = uid});
  if (!instances.ok()) {
    return Plain(instances.status());
  }
  std::vector<InstanceMetadata> peers;
  for (const ClusterInstance& instance : *instances) {
    if (instance.state == "RUNNING" && !instance.metadata.cluster_ip.empty()) {
      peers.push_back(instance.metadata);
    }
  }
  if (peers.size() > kMaxPeers) {
    return Bad("instances", fmt::format("at most {}", kMaxPeers));
  }
  return peers;
}

// By syntax: a host name or address, and a port of 1-65535 without leading
// zeros.
absl::Status CheckEndpoint(std::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  const std::string_view host = endpoint.substr(0, colon);
  const std::string_view port =
      colon == std::string_view::npos ? "" : endpoint.substr(colon + 1);
  const bool good_host =
      !host.empty() && host.size() <= 253 && host.front() != '-' &&
      host.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
          std::string_view::npos;
  const bool good_port =
      !port.empty() && port.size() <= 5 && port.front() != '0' &&
      port.find_first_not_of("0123456789") == std::string_view::npos &&
      (port.size() < 5 || port <= "65535");
  return good_host && good_port ? absl::OkStatus()
                                : Bad(kEndpointKey, "host:port");
}

absl::StatusOr<std::string> GcpMetadataClient::Endpoint() {
  ASSIGN_OR_RETURN(std::string endpoint,
                   Get(fmt::format("instance/attributes/{}", kEndpointKey)));
  RETURN_IF_ERROR(CheckEndpoint(endpoint));
  return endpoint;
}

absl::StatusOr<std::string> GcpMetadataClient::EnrolledTpms() {
  return std::string("[]");  // Google vouches for its vTPMs
}

// Guest attributes: the owner reads them with the Compute API. Size only is
// checked; anyone in the VM can write them.
absl::Status GcpMetadataClient::ReportStatus(std::string_view status) {
  if (status.size() > kMaxStatus) {
    return InvalidArgument(
        fmt::format("status: {} octets, at most {} are allowed", status.size(),
                    kMaxStatus));
  }
  ASSIGN_OR_RETURN(
      const HttpResponse answer,
      options_.transport.Send(
          {.method = "PUT",
           .url = fmt::format("{}/computeMetadata/v1/instance/guest-attributes/"
                              "constellation/status",
                              options_.metadata_root),
           .headers = {{"Metadata-Flavor", "Google"}},
           .body = std::string(status),
           .timeout = kTimeout,
           .connect_timeout = kTimeout,
           .max_answer_size = kMaxAnswer}));
  return answer.status == 200 || answer.status == 204
             ? absl::OkStatus()
             : Unavailable(fmt::format(
                   "metadata of Google Cloud: guest attributes: status {}",
                   answer.status));
}

}  // namespace constellation::cloud::gcp
