// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_metadata.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/json_fields.h"
#include "cloud/openstack/directory.h"
#include "cloud/openstack/names.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr size_t kMaxDocument = size_t{1} << 20U;
constexpr size_t kMaxStatus = size_t{8} << 10U;
constexpr size_t kMaxValue = 255;  // nova's own limit

// Letters, digits and `extra`.
bool IsOneOf(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
  });
}

// "192.168.178.10:6443"
bool IsEndpoint(std::string_view text) {
  const size_t colon = text.find(':');
  unsigned port = 0;
  if (colon == std::string_view::npos || !ParseIpv4(text.substr(0, colon))) {
    return false;
  }
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() &&
         port > 0 && port < 65536 && digits[0] != '0';
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The name without what only this server has: "demo-1a2b-" of
// "demo-1a2b-node-x-0".
std::string Prefix(std::string_view name, std::string_view uid) {
  const size_t at = name.find(fmt::format("-{}-", uid));
  return at == std::string_view::npos
             ? ""
             : std::string(name.substr(0, at + uid.size() + 2));
}

// The metadata is the operator's, but passes through the cloud: each field is
// held to the syntax that its users rely on. None of it is trusted.
void ReadCluster(const json& meta, JsonFields& fields,
                 MetadataDocument& document) {
  InstanceMetadata& self = document.self;
  self.uid = fields.String(kMetaUid, kMaxValue);
  if (self.uid.empty() || self.uid.size() > 64 || !IsOneOf(self.uid, "-")) {
    fields.Reject(kMetaUid, "want 1 to 64 of [a-zA-Z0-9-]");
  }
  const auto role = ParseNodeRole(fields.String(kMetaRole, kMaxValue));
  if (role.ok()) {
    self.role = *role;
  } else {
    fields.Reject(kMetaRole, "want control-plane or worker");
  }
  self.cluster_ip = fields.String(kMetaAddress, kMaxValue);
  const auto network = ParseIpv4Network(fields.String(kMetaCidr, kMaxValue));
  const auto address = ParseIpv4(self.cluster_ip);
  if (!network || !address ||
      (*address & ~static_cast<uint32_t>(network->size() - 1)) !=
          network->base) {
    fields.Reject(kMetaAddress, "want an IPv4 address of the nodes' network");
  } else {
    self.cluster_prefix_length = network->prefix_length;
  }
  document.endpoint = fields.String(kMetaEndpoint, kMaxValue);
  if (!IsEndpoint(document.endpoint)) {
    fields.Reject(kMetaEndpoint, "want address:port");
  }
  self.init_secret_sha256 = fields.StringOr(kMetaSecret, "", kMaxValue);
  if (meta.contains(std::string(kMetaSecret)) &&
      !IsSha256(self.init_secret_sha256)) {
    fields.Reject(kMetaSecret, "want 64 lower-case hex digits");
  }
}

// Entries are stored without the cluster's prefix, to fit more of them into 255
// characters.
absl::Status ReadDirectory(const json& meta, MetadataDocument& document) {
  ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                   DirectoryFromMetadata(meta));
  const std::string prefix = Prefix(document.self.name, document.self.uid);
  for (const DirectoryEntry& entry : entries) {
    InstanceMetadata peer{.name = prefix + entry.name,
                          .role = NodeRole::kControlPlane,
                          .uid = document.self.uid,
                          .cluster_ip = entry.address};
    peer.cluster_prefix_length = document.self.cluster_prefix_length;
    if (!IsNodeName(peer.name)) {
      return InvalidArgument("metadata: node directory: a name is too long");
    }
    document.control_planes.push_back(std::move(peer));
  }
  return absl::OkStatus();
}

}  // namespace

// Nova writes many fields that nobody here needs: unknown ones are passed over.
absl::StatusOr<MetadataDocument> ParseMetadataDocument(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "meta_data.json", kMaxDocument));
  JsonFields fields(object, "meta_data.json");
  MetadataDocument document;
  InstanceMetadata& self = document.self;
  self.name = fields.String("name", kMaxValue);
  if (!IsNodeName(self.name)) {
    fields.Reject("name", "not a host name of one label");
  }
  const std::string uuid = fields.String("uuid", kMaxValue);
  if (uuid.empty() || !IsOneOf(uuid, "-")) {
    fields.Reject("uuid", "want letters, digits and hyphens");
  }
  self.provider_id = "openstack:///" + uuid;
  self.zone = fields.StringOr("availability_zone", "", kMaxValue);
  if (!IsOneOf(self.zone, "-_.:")) {
    fields.Reject("availability_zone", "want letters, digits and -_.:");
  }
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  const auto meta = object.find("meta");
  if (meta == object.end() || !meta->is_object() ||
      !meta->contains(std::string(kMetaUid))) {
    return NotFound(fmt::format(
        "meta_data.json: no \"{}\": this server is not part of a cluster",
        kMetaUid));
  }
  JsonFields cluster(*meta, "metadata");
  ReadCluster(*meta, cluster, document);
  RETURN_IF_ERROR(cluster.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(ReadDirectory(*meta, document));
  ASSIGN_OR_RETURN(document.enrolled_tpms, TpmsFromMetadata(*meta));
  return document;
}

OpenStackMetadataClient::OpenStackMetadataClient(HttpTransport& transport)
    : OpenStackMetadataClient(transport, Options()) {}

OpenStackMetadataClient::OpenStackMetadataClient(HttpTransport& transport,
                                                 Options options)
    : transport_(transport), options_(std::move(options)) {}

absl::StatusOr<MetadataDocument> OpenStackMetadataClient::Ask() {
  const auto answer =
      transport_.Send({.url = options_.url + "/openstack/latest/meta_data.json",
                       .headers = {{"Accept", "application/json"}},
                       .timeout = options_.timeout,
                       .connect_timeout = options_.timeout,
                       .max_answer_size = kMaxDocument});
  if (!answer.ok()) {
    // An answer beyond the limit is a wrong one, not a missing one.
    return TransportErrorOf(answer.status()) == TransportError::kTooLarge
               ? InvalidArgument(Message(answer.status()))
               : answer.status();
  }
  const std::string what =
      fmt::format("metadata service: HTTP status {}", answer->status);
  if (answer->status == 200) {
    return ParseMetadataDocument(answer->body);
  }
  if (answer->status == 404) {
    return NotFound(what);
  }
  return answer->status >= 500 || answer->status == 429 ? Unavailable(what)
                                                        : InvalidArgument(what);
}

absl::StatusOr<InstanceMetadata> OpenStackMetadataClient::Self() {
  ASSIGN_OR_RETURN(MetadataDocument document, Ask());
  return std::move(document.self);
}

absl::StatusOr<std::vector<InstanceMetadata>> OpenStackMetadataClient::Peers() {
  ASSIGN_OR_RETURN(MetadataDocument document, Ask());
  std::vector<InstanceMetadata> peers = std::move(document.control_planes);
  if (peers.empty()) {
    const std::string address =
        document.endpoint.substr(0, document.endpoint.find(':'));
    peers.push_back({.name = "endpoint",
                     .role = NodeRole::kControlPlane,
                     .uid = document.self.uid,
                     .cluster_ip = address});
    peers.back().cluster_prefix_length = document.self.cluster_prefix_length;
  }
  const bool listed = std::ranges::find(peers, document.self.name,
                                        &InstanceMetadata::name) != peers.end();
  if (!listed) {
    document.self.init_secret_sha256.clear();
    peers.push_back(std::move(document.self));
  }
  return peers;
}

absl::StatusOr<std::string> OpenStackMetadataClient::Endpoint() {
  ASSIGN_OR_RETURN(MetadataDocument document, Ask());
  return std::move(document.endpoint);
}

absl::StatusOr<std::string> OpenStackMetadataClient::EnrolledTpms() {
  ASSIGN_OR_RETURN(MetadataDocument document, Ask());
  return std::move(document.enrolled_tpms);
}

// JSON that cannot be parsed is not written: whoever reads the console expects
// one object a line.
absl::Status OpenStackMetadataClient::ReportStatus(std::string_view text) {
  ASSIGN_OR_RETURN(const json status,
                   ParseJsonObject(text, "boot status", kMaxStatus));
  const UniqueFd console(open(options_.console_path.c_str(),
                              O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC));
  if (console.get() < 0) {
    return ErrnoStatus(errno, "open", options_.console_path);
  }
  // Written anew: one line, whatever the sender's layout.
  const std::string line =
      fmt::format("constellation-status {}\n", DumpJson(status));
  return WriteAll(console.get(), AsBytes(line));
}

}  // namespace constellation::cloud::openstack
