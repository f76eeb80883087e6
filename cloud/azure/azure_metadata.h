// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_AZURE_METADATA_H_
#define CONSTELLATION_CLOUD_AZURE_AZURE_METADATA_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/azure/wireserver.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/metadata.h"
#include "common/clock.h"

namespace constellation::cloud::azure {

// What the instance metadata service says about this VM.
struct OwnInstance {
  InstanceMetadata metadata = {};
  std::string subscription = {};
  std::string resource_group = {};
};

// Reads an answer of /metadata/instance (api-version 2021-02-01) of at most 1
// MiB: hostile input. INVALID_ARGUMENT names the field that is not what it must
// be.
absl::StatusOr<OwnInstance> ParseInstanceMetadata(std::string_view text);

// Where a node asks.
struct AzureMetadataOptions {
  HttpTransport& transport;  // repeats nothing; no proxy for local hosts
  Clock& clock;
  std::string imds = "http://169.254.169.254";
  std::string arm = "https://management.azure.com";
  std::string wireserver = std::string(kWireserver);
};

// A node's view of Azure: itself from the instance metadata service (no
// credentials, kept for an hour), its peers and the load balancer from ARM with
// the identity of the VM, which `iam create azure` lets read just that. None of
// it is trusted. Thread-safe.
//
// Errors as MetadataClient; the service's 429 and 5xx are asked again for half
// a minute before they become UNAVAILABLE.
class AzureMetadataClient final : public MetadataClient {
 public:
  explicit AzureMetadataClient(const AzureMetadataOptions& options);
  ~AzureMetadataClient() override;

  absl::StatusOr<InstanceMetadata> Self() override;
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override;
  absl::StatusOr<std::string> Endpoint() override;
  // "[]": Azure's hypervisor vouches for its vTPMs (docs/security.md).
  absl::StatusOr<std::string> EnrolledTpms() override;
  // Nobody watches in Azure but the serial log, so `json` stays here. The first
  // report tells Azure that the VM has booted (wireserver.h): a VM of which it
  // does not hear that counts as failed. Errors are those of ReportReady(), and
  // the next report tries again.
  absl::Status ReportStatus(std::string_view json) override;

 private:
  struct Arm;

  // From memory for an hour, then asked again; the errors of Self().
  absl::StatusOr<OwnInstance> Own();
  Arm& ArmOf();

  const AzureMetadataOptions options_;
  absl::Mutex report_mutex_;
  bool reported_ready_ ABSL_GUARDED_BY(report_mutex_) = false;
  absl::Mutex mutex_;
  std::optional<OwnInstance> own_ ABSL_GUARDED_BY(mutex_);
  absl::Time asked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  const std::unique_ptr<Arm> arm_;
};

// The default addresses, or those of AZURE_POD_IDENTITY_AUTHORITY_HOST and
// AZURE_RESOURCE_MANAGER_ENDPOINT. INVALID_ARGUMENT for a wrong one.
absl::StatusOr<AzureMetadataOptions> AzureMetadataOptionsFrom(
    const Environment& environment, HttpTransport& transport, Clock& clock);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_AZURE_METADATA_H_
