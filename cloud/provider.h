// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_PROVIDER_H_
#define CONSTELLATION_CLOUD_PROVIDER_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/engine/resource.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/metadata.h"
#include "cloud/provider_settings.h"

namespace constellation::cloud {

// One group of equal nodes in one zone; several groups may have the same role.
struct NodeGroupRequest {
  std::string name = {};  // key in the config, "worker_default"
  NodeRole role = NodeRole::kWorker;
  std::string zone = {};           // empty: the provider's default zone
  std::string instance_type = {};  // the cloud's word
  std::string state_disk_type = {};
  int state_disk_size_gb = 30;
  int count = 1;

  bool operator==(const NodeGroupRequest&) const = default;
};

// The infrastructure that a user wants, all that a plan depends on. A value,
// read from a checked config.
struct ClusterRequest {
  ClusterIdentity identity = {};
  std::string attestation_variant = {};  // "aws-sev-snp", "gcp-tdx", ...
  // What the cloud calls the node image: AMI, image version id, self link,
  // UUID.
  std::string image = {};
  std::vector<NodeGroupRequest> groups = {};
  bool internal_load_balancer = false;
  bool debug = false;  // debug ports and a serial console: Insecure
  std::string custom_endpoint = {};  // DNS name in front of the load balancer
  // CIDRs from which the cluster's ports may be reached. Never empty.
  std::vector<std::string> allowed_sources = {};
  std::string init_secret_sha256 = {};  // hex; what nodes find in metadata
  // MetadataClient::EnrolledTpms() of the nodes; "" for "[]". OpenStack only:
  // nobody can enrol the TPMs of the other clouds.
  std::string enrolled_tpms = {};
  std::string node_cidr = "192.168.178.0/24";
  std::map<std::string, std::string> tags = {};  // the user's own
  ProviderSettings settings = {};
};

// What a created infrastructure offers. From the cloud, hence not trusted: it
// says where to connect, evidence says whom to believe.
struct ClusterInfrastructure {
  std::string cluster_endpoint = {};     // IP address or DNS name, no port
  std::string in_cluster_endpoint = {};  // the same for nodes
  std::vector<std::string> api_server_cert_sans = {};
  std::string ip_cidr_node = {};
  // Names and ids for the `infrastructure.<cloud>` block of the state file
  // ("resourceGroup", "projectID", "ipCidrPod", "networkID", ...).
  std::map<std::string, std::string> details = {};
};

// One VM, for `status` and for scaling.
struct ClusterInstance {
  std::string id = {};     // the cloud's
  std::string group = {};  // NodeGroupRequest::name; empty if unknown
  InstanceMetadata metadata = {};
  std::string state = {};  // the cloud's word: "running"
};

// Progress of something long, for people. `fraction` 0-1, negative if unknown.
using ProviderProgress =
    std::function<void(std::string_view what, double fraction)>;

// A node image on its way into a cloud. What is there already (by SHA-256 in a
// tag) is kept; an interrupted upload goes on where it stopped.
struct ImageUpload {
  std::string path = {};     // raw disk image
  std::string sha256 = {};   // hex, of the file
  std::string name = {};     // wanted
  std::string version = {};  // "v2.24.0"
  std::string attestation_variant = {};
  ProviderSettings settings = {};
  std::string state_file = {};  // progress is kept here between runs
};

// One cloud, as the cli drives it. Implementations hold a transport and
// credentials, do no I/O when constructed, and are thread-safe. Errors are made
// by MakeCloudError(): kind, message, next step.
class Provider {
 public:
  virtual ~Provider() = default;

  // "aws", "azure", "gcp", "openstack".
  virtual std::string_view Name() const = 0;

  // Who we are there and where things go: account, subscription or project,
  // and region. The first call that needs credentials: a failure lists every
  // source that was tried.
  virtual absl::StatusOr<std::string> Scope() = 0;

  // Asks the cloud, before anything is made, whether the request can work:
  // region, zones, instance types that support the wanted TEE, image, quota
  // where it can be read. INVALID_ARGUMENT lists every finding.
  virtual absl::Status CheckOnline(const ClusterRequest& request) = 0;

  // Every resource of the cluster. Pure: no I/O, same request, same plan.
  // INVALID_ARGUMENT lists every wrong field by its name in the config.
  virtual absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& request) = 0;

  // Drivers for every kind that Desired() may name and that `terminate` sweeps.
  virtual const DriverRegistry& Drivers() = 0;

  // What the finished plan offers, from its outputs by resource name.
  virtual absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& request,
      const std::map<std::string, Observed>& outputs) = 0;

  // Every VM with the cluster's uid.
  virtual absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& cluster) = 0;

  // Deletes one VM so that its group makes a new one from its present template
  // (after Apply() of a plan with another image), or without it.
  virtual absl::Status ReplaceInstance(const ClusterIdentity& cluster,
                                       std::string_view instance_id) = 0;

  // The end of a VM's serial console, at most 1 MiB. Not trusted.
  virtual absl::StatusOr<std::string> ConsoleLog(
      const ClusterIdentity& cluster, std::string_view instance_id) = 0;

  // Uploads and registers an image; the result goes into ClusterRequest::image.
  virtual absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload, const ProviderProgress& progress) = 0;
};

// Least-privilege identities for clusters, `iam create|destroy`. OpenStack has
// none of it. Repeating Create() finishes or confirms what is there.
class IamProvider {
 public:
  virtual ~IamProvider() = default;

  // What the resources shall be, for the engine (journal, plan, resume).
  virtual absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterIdentity& identity,
      const std::map<std::string, std::string>& options) = 0;
  // Whether all of it can be deleted now, without what others put into it (the
  // things in a resource group). FAILED_PRECONDITION says what that is and what
  // to do. Changes nothing; asked before the first deletion.
  virtual absl::Status CheckDestroy(const ClusterIdentity& /*identity*/) {
    return absl::OkStatus();  // most clouds' identities hold nothing
  }
  // Drivers of every kind that Desired() may name; they live as long as this.
  virtual const DriverRegistry& Drivers() = 0;
  // Config keys and values that --update-config writes, from the outputs:
  // {"provider.aws.iamProfileControlPlane", "..."}.
  virtual absl::StatusOr<std::map<std::string, std::string>> ConfigValues(
      const std::map<std::string, Observed>& outputs) = 0;
  // Secrets to be written to files of mode 0600, by suggested file name (GCP's
  // service account key). Empty for others.
  virtual absl::StatusOr<std::map<std::string, std::string>> KeyFiles(
      const std::map<std::string, Observed>& outputs) = 0;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_PROVIDER_H_
