// SPDX-License-Identifier: Apache-2.0
#include "cloud/metadata_factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "cloud/aws/aws_metadata.h"
#include "cloud/azure/azure_metadata.h"
#include "cloud/gcp/gcp_metadata.h"
#include "cloud/http/curl_transport.h"
#include "cloud/http/environment.h"
#include "cloud/openstack/openstack_metadata.h"
#include "cloud/qemu/qemu_metadata.h"
#include "common/files.h"
#include "common/hypervisor.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// The kernel bounds both far below this.
constexpr size_t kMaxCommandLine = size_t{64} << 10U;
constexpr size_t kMaxDmiField = 4096;

constexpr std::array<std::string_view, 5> kPlatforms = {
    kPlatformQemu, kPlatformAws, kPlatformAzure, kPlatformGcp,
    kPlatformOpenStack};

// A machine whose file `file` of the DMI folder holds `value`. A value that
// ends in '*' stands for a beginning.
struct DmiRow {
  std::string_view file;
  std::string_view value;
  std::string_view platform;
};

// In this order: OpenStack's machines are QEMU's, too, and a chassis tag says
// more than the vendor. Azure's chassis tag is fixed by Azure, unlike the
// vendor, which every Hyper-V has.
constexpr DmiRow kDmiRows[] = {
    {"sys_vendor", "Amazon EC2", kPlatformAws},
    {"bios_vendor", "Amazon EC2", kPlatformAws},
    {"chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", kPlatformAzure},
    {"product_name", "Google Compute Engine", kPlatformGcp},
    {"sys_vendor", "Google", kPlatformGcp},
    {"product_name", "OpenStack *", kPlatformOpenStack},
    {"sys_vendor", "OpenStack Foundation", kPlatformOpenStack},
    {"chassis_asset_tag", "OpenStack *", kPlatformOpenStack},
    {"sys_vendor", "QEMU", kPlatformQemu},
};

bool Matches(std::string_view text, std::string_view value) {
  if (value.ends_with('*')) {
    return text.starts_with(value.substr(0, value.size() - 1));
  }
  return text == value;
}

// The field without the line break that the kernel adds; empty if absent.
std::string DmiField(const std::string& folder, std::string_view file) {
  absl::StatusOr<std::string> text =
      ReadFile(fmt::format("{}/{}", folder, file), kMaxDmiField);
  if (!text.ok()) {
    return "";
  }
  const size_t end = text->find_last_not_of(" \n");
  text->resize(end == std::string::npos ? 0 : end + 1);
  return *std::move(text);
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

// `text` without quotes and control characters, for messages.
std::string Quoted(std::string_view text) {
  std::string clean(text.substr(0, 64));
  for (char& c : clean) {
    if (c < ' ' || c > '~' || c == '"') {
      c = '?';
    }
  }
  return fmt::format("\"{}\"", clean);
}

// The value of `kPlatformWord`, or nothing. A platform named twice the same way
// is fine.
absl::StatusOr<std::optional<std::string>> PlatformOfCommandLine(
    std::string_view line) {
  std::optional<std::string> platform;
  for (size_t begin = 0; begin < line.size();) {
    if (IsBlank(line[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < line.size() && !IsBlank(line[end])) {
      ++end;
    }
    const std::string_view word = line.substr(begin, end - begin);
    begin = end;
    if (!word.starts_with(kPlatformWord)) {
      continue;
    }
    const std::string_view value = word.substr(kPlatformWord.size());
    if (platform && *platform != value) {
      return InvalidArgument(
          fmt::format("kernel command line: {} is there twice, as {} and as {}",
                      kPlatformWord, Quoted(*platform), Quoted(value)));
    }
    platform = std::string(value);
  }
  return platform;
}

absl::Status CheckPlatform(std::string_view platform) {
  for (const std::string_view known : kPlatforms) {
    if (platform == known) {
      return absl::OkStatus();
    }
  }
  return InvalidArgument(fmt::format(
      "kernel command line: {} wants qemu, aws, azure, gcp or openstack, got "
      "{}",
      kPlatformWord, Quoted(platform)));
}

// As cloud/qemu has it for local VMs.
constexpr unsigned kEmulatedTimeScale = 10;

class OwningClient final : public MetadataClient {
 public:
  OwningClient(const internal::MakeClient& make, unsigned time_scale)
      : transport_(CurlOptions{}),
        client_(make(transport_)),
        time_scale_(time_scale) {}

  absl::StatusOr<InstanceMetadata> Self() override {
    ASSIGN_OR_RETURN(InstanceMetadata self, client_->Self());
    self.time_scale = std::max(self.time_scale, time_scale_);
    return self;
  }
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override {
    return client_->Peers();
  }
  absl::StatusOr<std::string> Endpoint() override {
    return client_->Endpoint();
  }
  absl::StatusOr<std::string> EnrolledTpms() override {
    return client_->EnrolledTpms();
  }
  absl::Status ReportStatus(std::string_view json) override {
    return client_->ReportStatus(json);
  }

 private:
  CurlTransport transport_;
  const std::unique_ptr<MetadataClient> client_;
  const unsigned time_scale_;
};

// The way to make the client of a cloud; null if it is not part of this build.
internal::MakeClient CloudClientMaker(std::string_view platform, Clock& clock) {
  if (platform == kPlatformAws) {
    return
        [&clock](HttpTransport& transport) -> std::unique_ptr<MetadataClient> {
          // The client keeps a reference: no variable moves a node's endpoints.
          static const Environment* const kNone =
              new Environment([](std::string_view /*name*/) {
                return std::optional<std::string>();
              });
          return aws::MakeAwsMetadataClient(
              {.environment = *kNone, .transport = transport, .clock = clock});
        };
  }
  if (platform == kPlatformAzure) {
    return [&clock](
               HttpTransport& transport) -> std::unique_ptr<MetadataClient> {
      return std::make_unique<azure::AzureMetadataClient>(
          azure::AzureMetadataOptions{.transport = transport, .clock = clock});
    };
  }
  if (platform == kPlatformGcp) {
    return
        [&clock](HttpTransport& transport) -> std::unique_ptr<MetadataClient> {
          return std::make_unique<gcp::GcpMetadataClient>(
              gcp::GcpMetadataClient::Options{.transport = transport,
                                              .clock = clock});
        };
  }
  if (platform == kPlatformOpenStack) {
    return [](HttpTransport& transport) -> std::unique_ptr<MetadataClient> {
      return std::make_unique<openstack::OpenStackMetadataClient>(transport);
    };
  }
  return nullptr;
}

}  // namespace

unsigned internal::TimeScaleOf(std::string_view hypervisor) {
  return hypervisor == kQemuEmulation ? kEmulatedTimeScale : 1;
}

std::unique_ptr<MetadataClient> internal::MakeOwningClient(
    const MakeClient& make, unsigned time_scale) {
  return std::make_unique<OwningClient>(make, time_scale);
}

absl::StatusOr<std::string> DetectPlatform(
    const MetadataFactoryOptions& options) {
  if (!options.qemu_metadata_socket.empty()) {
    return std::string(kPlatformQemu);
  }
  ASSIGN_OR_RETURN(const std::string line,
                   ReadFile(options.command_line_path, kMaxCommandLine));
  ASSIGN_OR_RETURN(const std::optional<std::string> named,
                   PlatformOfCommandLine(line));
  if (named) {
    RETURN_IF_ERROR(CheckPlatform(*named));
    return *named;
  }
  for (const DmiRow& row : kDmiRows) {
    if (Matches(DmiField(options.dmi_folder, row.file), row.value)) {
      return std::string(row.platform);
    }
  }
  return FailedPrecondition(fmt::format(
      "this machine's platform is not known: the kernel command line has no "
      "{}..., and {} says vendor {}, product {}, chassis {}",
      kPlatformWord, options.dmi_folder,
      Quoted(DmiField(options.dmi_folder, "sys_vendor")),
      Quoted(DmiField(options.dmi_folder, "product_name")),
      Quoted(DmiField(options.dmi_folder, "chassis_asset_tag"))));
}

absl::StatusOr<std::unique_ptr<MetadataClient>> MakeMetadataClient(
    const MetadataFactoryOptions& options) {
  ASSIGN_OR_RETURN(const std::string platform, DetectPlatform(options));
  if (platform == kPlatformQemu) {
    return std::make_unique<qemu::QemuMetadataClient>(
        qemu::QemuMetadataClient::Options{.unix_socket =
                                              options.qemu_metadata_socket});
  }
  if (const auto make = CloudClientMaker(platform, *options.clock)) {
    // No cloud says of its machines that they are slow.
    return internal::MakeOwningClient(
        make, internal::TimeScaleOf(HypervisorSignature()));
  }
  return absl::UnimplementedError(fmt::format(
      "nodes on {} cannot find their cluster with this build", platform));
}

}  // namespace constellation::cloud
