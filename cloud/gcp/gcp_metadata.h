// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_GCP_METADATA_H_
#define CONSTELLATION_CLOUD_GCP_GCP_METADATA_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/http/http_transport.h"
#include "cloud/metadata.h"
#include "common/clock.h"

namespace constellation::cloud::gcp {

// A node's view of Compute Engine. Itself it finds in the metadata server, by
// address: neither name service nor proxy is needed. Other instances it asks
// the Compute API for, with the token of the VM's service account
// (compute.instances.list is all that needs), through TLS. Everything read is
// bounded and checked for syntax; see MetadataClient for codes.
//
// Status goes into the guest attribute "constellation/status", which the
// owner's tools can read. Thread-safe.
class GcpMetadataClient final : public MetadataClient {
 public:
  struct Options {
    HttpTransport& transport;  // without retries; must outlive the client
    Clock& clock;              // likewise
    std::string metadata_root = "http://169.254.169.254";
    std::string compute_root = "https://compute.googleapis.com";
  };

  explicit GcpMetadataClient(Options options);
  ~GcpMetadataClient() override;

  absl::StatusOr<InstanceMetadata> Self() override;
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override;
  absl::StatusOr<std::string> Endpoint() override;
  absl::StatusOr<std::string> EnrolledTpms() override;
  absl::Status ReportStatus(std::string_view json) override;

 private:
  class Api;

  // A value below computeMetadata/v1/.
  absl::StatusOr<std::string> Get(std::string_view path);
  absl::StatusOr<std::string> Project();

  const Options options_;
  const std::unique_ptr<Api> api_;
};

// Reads the metadata server's "instance/?recursive=true" (an object with name,
// zone, networkInterfaces, attributes). Hostile input. INVALID_ARGUMENT names
// the field; `project` is the project's id.
absl::StatusOr<InstanceMetadata> ParseSelf(std::string_view json,
                                           std::string_view project);

// "203.0.113.7:6443" or "name.example:6443". INVALID_ARGUMENT otherwise.
absl::Status CheckEndpoint(std::string_view endpoint);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_GCP_METADATA_H_
