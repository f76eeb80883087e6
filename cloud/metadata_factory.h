// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_METADATA_FACTORY_H_
#define CONSTELLATION_CLOUD_METADATA_FACTORY_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cloud/metadata.h"
#include "common/clock.h"

namespace constellation::cloud {

class HttpTransport;

// Where a node runs: "qemu", "aws", "azure", "gcp", "openstack".
inline constexpr std::string_view kPlatformQemu = "qemu";
inline constexpr std::string_view kPlatformAws = "aws";
inline constexpr std::string_view kPlatformAzure = "azure";
inline constexpr std::string_view kPlatformGcp = "gcp";
inline constexpr std::string_view kPlatformOpenStack = "openstack";

// The word of the kernel's command line that names the platform,
// "constel.csp=aws". The command line is measured, the machine's own strings
// (SMBIOS) are the host's: the word wins.
inline constexpr std::string_view kPlatformWord = "constel.csp=";

// Where the factory looks. The defaults are those of a node.
struct MetadataFactoryOptions {
  std::string command_line_path = "/proc/cmdline";
  std::string dmi_folder = "/sys/class/dmi/id";
  // If not empty, the platform is qemu and this Unix socket its metadata
  // service: nothing else is looked at. For tests and the owner's machine.
  std::string qemu_metadata_socket = {};
  Clock* clock = &Clock::System();  // must outlive the client
};

// The platform of this machine, one of the words above: the command line's
// word, else what SMBIOS says of vendor, product and chassis. Both only say
// where to look; whom to believe is decided by evidence.
//
// FAILED_PRECONDITION if neither tells, INVALID_ARGUMENT if the command line
// names an unknown platform or two different ones; codes of ReadFile() if the
// command line cannot be read. Absent SMBIOS files count as empty.
absl::StatusOr<std::string> DetectPlatform(
    const MetadataFactoryOptions& options);

// The metadata client of this machine's platform. No metadata service is asked
// yet. Codes of DetectPlatform(); UNIMPLEMENTED for a platform whose client is
// not part of this build.
absl::StatusOr<std::unique_ptr<MetadataClient>> MakeMetadataClient(
    const MetadataFactoryOptions& options);

namespace internal {

using MakeClient =
    std::function<std::unique_ptr<MetadataClient>(HttpTransport&)>;

// InstanceMetadata::time_scale of a machine with this HypervisorSignature(): 10
// for QEMU's emulation of a processor, which clouds use where they have no KVM
// (nova's virt_type=qemu), else 1.
unsigned TimeScaleOf(std::string_view hypervisor);

// The client that `make` makes, and the transport that it stands on (without a
// proxy: metadata services are asked directly). Its Self() says `time_scale`
// unless the service says more.
std::unique_ptr<MetadataClient> MakeOwningClient(const MakeClient& make,
                                                 unsigned time_scale);

}  // namespace internal

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_METADATA_FACTORY_H_
