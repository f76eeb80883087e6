// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/aws_metadata.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "cloud/aws/client.h"
#include "cloud/aws/credential_chain.h"
#include "cloud/aws/driver_support.h"
#include "cloud/aws/imds.h"
#include "cloud/aws/inventory.h"
#include "cloud/aws/names.h"
#include "cloud/json_fields.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDocument = 64 * 1024;
constexpr size_t kMaxStatus = 8 * 1024;
constexpr size_t kMaxPeers = 1000;
constexpr size_t kDigestDigits = 64;
constexpr int kApiServerPort = 6443;

// What EC2 says about this machine without being asked for permission.
// The `identity` document is not signed here: attestation proves the machine,
// this only tells where to ask.
struct Identity {
  std::string instance_id;
  std::string region;
  std::string zone;
};

// A region becomes part of host names: nothing but lower-case letters, digits
// and hyphens may get in.
bool IsRegion(std::string_view region) {
  return !region.empty() && region.size() <= 32 &&
         region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
             std::string_view::npos;
}

// By syntax: what follows is a connection, and the tag may be anybody's.
bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '-' &&
         host.front() != '.' &&
         host.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyz"
             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
             std::string_view::npos;
}

// Endpoints may be moved, keys may not be injected.
// A node takes its keys from its instance role only. If variables could name
// keys, files or processes, whoever writes the environment could choose the
// identity.
Environment OnlyEndpoints(const Environment& environment) {
  return [&environment](std::string_view name) -> std::optional<std::string> {
    if (name.starts_with("AWS_ENDPOINT_URL") ||
        name == "AWS_EC2_METADATA_SERVICE_ENDPOINT") {
      return environment(name);
    }
    return std::nullopt;
  };
}

class AwsMetadataClient final : public MetadataClient {
 public:
  // `options.transport` and `options.clock` must outlive it.
  explicit AwsMetadataClient(const AwsMetadataOptions& options)
      : options_(options),
        environment_(OnlyEndpoints(options.environment)),
        imds_(environment_, options.transport, options.clock),
        chain_({.environment = environment_,
                .transport = options.transport,
                .clock = options.clock,
                .runner = runner_}) {}

  // The digest's form is checked, as `init` compares with it; an absent one
  // means that this cluster has none.
  absl::StatusOr<InstanceMetadata> Self() override {
    ASSIGN_OR_RETURN(Machine self, DescribeSelf());
    const std::string digest = TagOf(self.tags, kSecretTag);
    if (!digest.empty()) {
      if (digest.size() != kDigestDigits || !HexDecode(digest).ok()) {
        return InvalidArgument(fmt::format("tag {}: want {} hex digits",
                                           kSecretTag, kDigestDigits));
      }
      self.instance.metadata.init_secret_sha256 = digest;
    }
    return self.instance.metadata;
  }

  // Machines that have no address yet cannot be asked and are left out. More
  // than kMaxPeers are refused rather than cut: some of them would be missed
  // silently.
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override {
    ASSIGN_OR_RETURN(const Machine self, DescribeSelf());
    ASSIGN_OR_RETURN(AwsClient * client, Client());
    ASSIGN_OR_RETURN(std::vector<ClusterInstance> instances,
                     ListInstances(*client, self.instance.metadata.uid,
                                   /*only_running=*/true));
    std::vector<InstanceMetadata> peers;
    for (ClusterInstance& instance : instances) {
      if (!instance.metadata.cluster_ip.empty()) {
        peers.push_back(std::move(instance.metadata));
      }
    }
    if (peers.size() > kMaxPeers) {
      return InvalidArgument(fmt::format("peers: want at most {}, got {}",
                                         kMaxPeers, peers.size()));
    }
    return peers;
  }

  // The load balancer's name, or the owner's own, as the launch template's tags
  // carry it.
  absl::StatusOr<std::string> Endpoint() override {
    ASSIGN_OR_RETURN(const Machine self, DescribeSelf());
    const std::string host = TagOf(self.tags, kEndpointTag);
    if (host.empty()) {
      return NotFound(fmt::format("this machine has no tag {}", kEndpointTag));
    }
    if (!IsHostName(host)) {
      return InvalidArgument(
          fmt::format("tag {}: want a host name", kEndpointTag));
    }
    return fmt::format("{}:{}", host, kApiServerPort);
  }

  // NitroTPM's keys are vouched for by AWS: nobody enrols them.
  absl::StatusOr<std::string> EnrolledTpms() override { return "[]"; }

  // EC2 has no channel of its own for this: the owner reads the serial console.
  // Line breaks are refused, since the console is read line by line.
  absl::Status ReportStatus(std::string_view json) override {
    if (json.size() > kMaxStatus ||
        json.find_first_of("\r\n") != std::string_view::npos) {
      return InvalidArgument(fmt::format(
          "status: want one line of at most {} octets", kMaxStatus));
    }
    const UniqueFd console(::open(options_.console_path.c_str(),
                                  O_WRONLY | O_NOCTTY | O_CLOEXEC | O_APPEND));
    if (!console.valid()) {
      return ErrnoStatus(errno, "open", options_.console_path);
    }
    return WriteAll(console.get(),
                    AsBytes(fmt::format("constellation-status: {}\n", json)));
  }

 private:
  // This machine, with those tags that InstanceMetadata has no field for.
  struct Machine {
    ClusterInstance instance;
    Json tags;
  };

  // Names of machine, region and zone from IMDS. They become parts of URLs and
  // requests, so their syntax is checked before use.
  absl::StatusOr<Identity> ReadIdentity() {
    ASSIGN_OR_RETURN(const std::string text,
                     imds_.Get("/dynamic/instance-identity/document"));
    ASSIGN_OR_RETURN(
        const Json json,
        ParseJsonObject(text, "instance identity document", kMaxDocument));
    JsonFields fields(json, "instance identity document");
    Identity identity{.instance_id = fields.String("instanceId", 64),
                      .region = fields.String("region", 64),
                      .zone = fields.String("availabilityZone", 64)};
    RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
    if (!IsRegion(identity.region) || !IsNodeName(identity.instance_id) ||
        !IsNodeName(identity.zone)) {
      return InvalidArgument(
          "instance identity document: want an instance id, a region and a "
          "zone of [a-z0-9-]");
    }
    return identity;
  }

  // Two threads may both read the document; the first client that is stored
  // stays.
  // The region is known after the first question only.
  absl::StatusOr<AwsClient*> Client() {
    {
      const absl::MutexLock lock(&mutex_);
      if (client_) {
        return client_.get();
      }
    }
    ASSIGN_OR_RETURN(const Identity identity, ReadIdentity());
    const absl::MutexLock lock(&mutex_);
    if (!client_) {
      client_ = std::make_unique<AwsClient>(
          ClientOptions{.region = identity.region,
                        .environment = environment_,
                        .transport = options_.transport,
                        .clock = options_.clock,
                        .credentials = chain_});
    }
    return client_.get();
  }

  // EC2's own view of this machine. The answer may list others, and its zone
  // has to agree with the identity document's: either would be a fault of the
  // service or an attack.
  absl::StatusOr<Machine> DescribeSelf() {
    ASSIGN_OR_RETURN(const Identity identity, ReadIdentity());
    ASSIGN_OR_RETURN(AwsClient * client, Client());
    ASSIGN_OR_RETURN(
        const XmlDocument answer,
        client->Call(kEc2, "DescribeInstances",
                     {{"InstanceId", Json::array({identity.instance_id})}}));
    for (const XmlElement& reservation :
         answer.result().List("reservationSet")) {
      for (const XmlElement& item : reservation.List("instancesSet")) {
        if (item.Text("instanceId") != identity.instance_id) {
          continue;
        }
        ASSIGN_OR_RETURN(ClusterInstance instance, ParseInstance(item));
        if (instance.metadata.zone != identity.zone ||
            instance.metadata.cluster_ip.empty()) {
          return InvalidArgument(
              "this machine: its zone differs from its identity document, or "
              "it has no private address");
        }
        instance.metadata.region = identity.region;
        return Machine{.instance = std::move(instance),
                       .tags = ReadTags(item.List("tagSet"))};
      }
    }
    return NotFound("EC2 does not show this machine yet");
  }

  const AwsMetadataOptions options_;
  const Environment environment_;
  ProcessRunner runner_;  // never used: no variable names a process
  InstanceMetadataService imds_;
  CredentialChain chain_;
  absl::Mutex mutex_;
  std::unique_ptr<AwsClient> client_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<MetadataClient> MakeAwsMetadataClient(
    const AwsMetadataOptions& options) {
  return std::make_unique<AwsMetadataClient>(options);
}

}  // namespace constellation::cloud::aws
