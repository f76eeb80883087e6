// SPDX-License-Identifier: Apache-2.0
#include "cli/image/launch_prediction.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "attestation/eventlog/event_log.h"
#include "attestation/launch/ovmf.h"
#include "attestation/launch/snp_launch.h"
#include "attestation/launch/tdx_launch.h"
#include "attestation/launch/tdx_log.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/rtmr.h"

namespace constellation::cli {
namespace {

using attestation::OvmfFirmware;
using attestation::SnpLaunchOptions;
using attestation::SnpVmm;

// Limits for kernel, initrd and log, which are read whole.
constexpr size_t kMaxBootFile = size_t{1} << 30U;
constexpr size_t kMaxEventLog = size_t{1} << 20U;

// The whole text must be the number; `what` is the flag.
template <typename T>
absl::StatusOr<T> ParseNumber(std::string_view text, int base,
                              std::string_view what) {
  if (base == 16 && text.starts_with("0x")) {
    text.remove_prefix(2);
  }
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || rest != end) {
    return InvalidArgument(fmt::format("{}: \"{}\" is no number", what, text));
  }
  return value;
}

// Nothing for no path: the monitor hashes an empty initrd, too.
absl::StatusOr<std::string> ReadOptional(
    const std::optional<std::string>& path) {
  return path.has_value() ? ReadFile(*path, kMaxBootFile)
                          : absl::StatusOr<std::string>("");
}

// Hashes that the monitor puts into the firmware's table; nothing if the
// firmware boots from a disk.
absl::StatusOr<std::optional<attestation::DirectBootHashes>> DirectBoot(
    const LaunchRequest& request) {
  if (!request.kernel.has_value()) {
    if (request.initrd.has_value() || request.command_line.has_value()) {
      return InvalidArgument(
          "--initrd and --cmdline: only with --kernel, which the monitor then "
          "boots itself");
    }
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::string kernel, ReadOptional(request.kernel));
  ASSIGN_OR_RETURN(const std::string initrd, ReadOptional(request.initrd));
  return attestation::HashDirectBoot(AsBytes(kernel), AsBytes(initrd),
                                     request.command_line.value_or(""));
}

// Flags of this are checked first, whatever the firmware can do.
absl::StatusOr<SnpLaunchOptions> SnpOptions(const LaunchRequest& request) {
  SnpLaunchOptions options;
  ASSIGN_OR_RETURN(options.vmm, attestation::ParseSnpVmm(request.vmm));
  ASSIGN_OR_RETURN(options.vcpus,
                   ParseNumber<uint32_t>(request.vcpus, 10, "--vcpus"));
  ASSIGN_OR_RETURN(
      options.sev_features,
      ParseNumber<uint64_t>(request.sev_features, 16, "--sev-features"));
  if (!request.vcpu_type.empty()) {
    ASSIGN_OR_RETURN(options.cpu_signature,
                     attestation::CpuSignatureOfVcpuType(request.vcpu_type));
  }
  ASSIGN_OR_RETURN(options.direct_boot, DirectBoot(request));
  return options;
}

absl::StatusOr<std::string> Hex(
    const absl::StatusOr<crypto::Sha384Digest>& digest) {
  if (!digest.ok()) {
    return digest.status();
  }
  return HexEncode(*digest);
}

absl::StatusOr<std::string> SnpValue(const OvmfFirmware& firmware,
                                     const SnpLaunchOptions& options) {
  if (options.vmm == SnpVmm::kQemu && options.cpu_signature == 0 &&
      !firmware.sev_sections().empty()) {
    return FailedPrecondition(
        "QEMU puts the vCPU's type into the measured state; give --vcpu-type");
  }
  return Hex(PredictSnpLaunchDigest(firmware, options));
}

// Google's firmware measures a separator into RTMR1 that OVMF does not.
absl::StatusOr<image::measure::PredictedRtmrs> Rtmrs(
    const LaunchRequest& request, SnpVmm vmm) {
  if (!request.image.has_value()) {
    return FailedPrecondition(
        "follows the disk that boots, and none was measured");
  }
  ASSIGN_OR_RETURN(const auto disk,
                   image::measure::FileSource::Open(*request.image));
  return image::measure::PredictRtmrsOfDisk(
      *disk, {.separator_in_rtmr1 = vmm == SnpVmm::kGce});
}

// Without a log: for a machine without devices that the firmware measures.
absl::StatusOr<std::string> Rtmr0Value(const OvmfFirmware& firmware,
                                       const LaunchRequest& request) {
  if (!request.event_log.has_value()) {
    return Hex(PredictTdxRtmr0(firmware, {}));
  }
  ASSIGN_OR_RETURN(const std::string bytes,
                   ReadFile(*request.event_log, kMaxEventLog));
  ASSIGN_OR_RETURN(const attestation::EventLogUnverified log,
                   attestation::ParseEventLogUnverified(AsBytes(bytes)));
  ASSIGN_OR_RETURN(const attestation::TdxRtmr0Events events,
                   TdxRtmr0EventsOfLog(log));
  return Hex(PredictTdxRtmr0(firmware, events));
}

// A value that cannot be told does not hide the others.
void AddTdx(const OvmfFirmware& firmware, const LaunchRequest& request,
            SnpVmm vmm, std::vector<LaunchValue>& values) {
  const auto add = [&](std::string_view name,
                       absl::StatusOr<std::string> value) {
    values.push_back({"tdx", std::string(name), std::move(value)});
  };
  const auto mrtd = PredictTdxMrtd(firmware);
  add("mrtd", Hex(mrtd));
  if (!mrtd.ok()) {
    return;  // no trust domain: the registers mean nothing
  }
  add("rtmr0", Rtmr0Value(firmware, request));
  const auto rtmrs = Rtmrs(request, vmm);
  add("rtmr1", rtmrs.ok() ? absl::StatusOr<std::string>(HexEncode(rtmrs->rtmr1))
                          : rtmrs.status());
  add("rtmr2", rtmrs.ok() ? absl::StatusOr<std::string>(HexEncode(rtmrs->rtmr2))
                          : rtmrs.status());
}

}  // namespace

absl::StatusOr<std::vector<LaunchValue>> PredictLaunch(
    const LaunchRequest& request) {
  ASSIGN_OR_RETURN(const SnpLaunchOptions options, SnpOptions(request));
  ASSIGN_OR_RETURN(const std::string bytes,
                   ReadFile(request.firmware, attestation::kMaxFirmwareSize));
  const auto firmware = OvmfFirmware::Parse(AsBytes(bytes));
  if (!firmware.ok()) {
    return Annotate(firmware.status(), request.firmware);
  }
  std::vector<LaunchValue> values;
  values.push_back({"snp", "launchDigest", SnpValue(*firmware, options)});
  if (options.vmm != SnpVmm::kEc2) {  // has no trust domains
    AddTdx(*firmware, request, options.vmm, values);
  }
  // One value that can be told is success: each of the others says why not.
  std::string reasons;
  for (const LaunchValue& value : values) {
    if (value.value.ok()) {
      return values;
    }
    reasons += fmt::format("\n  {} {}: {}", value.technology, value.name,
                           Message(value.value.status()));
  }
  return FailedPrecondition(fmt::format("{}: nothing can be predicted:{}",
                                        request.firmware, reasons));
}

std::string LaunchValuesToJson(const std::vector<LaunchValue>& values) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const LaunchValue& value : values) {
    nlohmann::ordered_json& technology = json[value.technology];
    if (value.value.ok()) {
      technology[value.name] = *value.value;
    } else {
      technology["notPredictable"][value.name] =
          std::string(Message(value.value.status()));
    }
  }
  return json.dump(2);
}

}  // namespace constellation::cli
