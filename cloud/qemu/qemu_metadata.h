// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_QEMU_METADATA_H_
#define CONSTELLATION_CLOUD_QEMU_QEMU_METADATA_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/metadata.h"

namespace constellation::cloud::qemu {

// Where every VM of the local platform finds its own metadata endpoint: an
// address of the user-mode network (first interface, MAC 52:54:00:c0:...),
// which has a route to it as soon as DHCP (or the fixed 10.0.2.15/24) is up.
// No name service and no default route is needed.
inline constexpr std::string_view kMetadataUrl = "http://10.0.2.100";

// MAC prefixes: first interface (user-mode network, DHCP) and second interface
// (network between the nodes; static address, see
// InstanceMetadata::cluster_ip and cluster_mac).
inline constexpr std::string_view kUserNetworkMacPrefix = "52:54:00:c0:";
inline constexpr std::string_view kClusterNetworkMacPrefix = "52:54:00:c1:";

// Reads the metadata of the local platform over HTTP. Thread-safe.
// Asks anew each time. NOT_FOUND for 404, UNAVAILABLE for 429 and 5xx,
// INVALID_ARGUMENT for other statuses and for answers of the wrong form; else
// codes of CallHttp().
class QemuMetadataClient final : public MetadataClient {
 public:
  struct Options {
    std::string url = std::string(kMetadataUrl);
    // If not empty, connects to this Unix socket instead of the URL's host.
    std::string unix_socket = {};
    absl::Duration timeout = absl::Seconds(10);  // of one call, all included
  };

  QemuMetadataClient();
  explicit QemuMetadataClient(Options options);
  ~QemuMetadataClient() override;

  absl::StatusOr<InstanceMetadata> Self() override;
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override;
  absl::StatusOr<std::string> Endpoint() override;
  absl::StatusOr<std::string> EnrolledTpms() override;
  absl::Status ReportStatus(std::string_view json) override;

 private:
  // The body of a 200.
  absl::StatusOr<std::string> Get(std::string_view path);

  const Options options_;
};

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_QEMU_METADATA_H_
