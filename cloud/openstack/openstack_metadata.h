// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_METADATA_H_
#define CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_METADATA_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/http/http_transport.h"
#include "cloud/metadata.h"

namespace constellation::cloud::openstack {

// What meta_data.json says: this node, and the control-plane nodes.
struct MetadataDocument {
  InstanceMetadata self = {};
  std::vector<InstanceMetadata> control_planes = {};  // the node directory
  std::string endpoint = {};                          // "10.0.0.10:6443"
  std::string enrolled_tpms = "[]";  // MetadataClient::EnrolledTpms()
};

// Reads a meta_data.json of nova, hostile: at most 1 MiB; every field that is
// used is checked for type, size and syntax. NOT_FOUND if the server carries no
// metadata of a cluster (yet); INVALID_ARGUMENT names the field.
absl::StatusOr<MetadataDocument> ParseMetadataDocument(std::string_view json);

// Reads the metadata service of an OpenStack cloud. Thread-safe.
//
// A node holds no right in the cloud, not even for reading: all it needs was
// written into its server's metadata by the cli, and Peers() are the
// control-plane nodes listed there and this node. Until that list is written
// (or where it cannot be) the endpoint's address stands in for them, since
// whoever joins needs no more than one control-plane node, whichever.
class OpenStackMetadataClient final : public MetadataClient {
 public:
  struct Options {
    std::string url = "http://169.254.169.254";
    absl::Duration timeout = absl::Seconds(10);  // of one question
    // Where boot statuses go: the serial console, which nova shows to whoever
    // may see the server (os-getConsoleOutput).
    std::string console_path = "/dev/console";
  };

  // `transport` must outlive this.
  OpenStackMetadataClient(HttpTransport& transport, Options options);
  explicit OpenStackMetadataClient(HttpTransport& transport);

  // Every method asks anew: the list of control planes changes. UNAVAILABLE if
  // the service does not answer or answers 429 or 5xx, NOT_FOUND for 404 and
  // for a server without a cluster's metadata, INVALID_ARGUMENT for anything
  // else.
  absl::StatusOr<InstanceMetadata> Self() override;
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override;
  absl::StatusOr<std::string> Endpoint() override;
  // "[]" unless the owner enrolled the TPMs, which in a cloud of his own he can
  // (docs/clouds/openstack.md).
  absl::StatusOr<std::string> EnrolledTpms() override;
  // A line "constellation-status {...}" on the console.
  absl::Status ReportStatus(std::string_view json) override;

 private:
  // One request, not repeated: callers have their own patience.
  absl::StatusOr<MetadataDocument> Ask();

  HttpTransport& transport_;
  const Options options_;
};

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_METADATA_H_
