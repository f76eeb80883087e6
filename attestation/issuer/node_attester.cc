// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/node_attester.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <string_view>

#include "attestation/issuer/platform_attester.h"
#include "attestation/tpm/tpm_attester.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// As the policy calls it (kVariantQemuVtpm); makers do not link the policy.
constexpr std::string_view kVtpmVariant = "qemu-vtpm";
constexpr char kConfigFolder[] = "/sys/kernel/config";

// configfs is not part of a container's /sys, and on a host it is mounted when
// its module is loaded. Without it there are no reports over configfs-tsm, but
// the drivers' own devices may do: so a failure is no error.
void MountConfigFs(const PlatformPaths& paths) {
  if (paths.tsm_folder != kTsmReportFolder || FileExists(paths.tsm_folder) ||
      !FileExists(kConfigFolder)) {
    return;
  }
  if (mount("configfs", kConfigFolder, "configfs",
            MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr) != 0 &&
      errno != EBUSY) {
    spdlog::info("event=no-configfs reason=\"{}\"",
                 Message(ErrnoStatus(errno, "mount", kConfigFolder)));
  }
}

absl::StatusOr<std::unique_ptr<NodeAttester>> CreateVtpmOnly(
    const PlatformPaths& paths) {
  std::string variant(kVtpmVariant);
  ASSIGN_OR_RETURN(std::unique_ptr<TpmAttester> attester,
                   TpmAttester::Create(paths.tcti, variant, paths.event_log));
  Tpm& tpm = attester->tpm();
  return std::make_unique<NodeAttester>(std::move(attester), nullptr, tpm,
                                        std::move(variant));
}

}  // namespace

// An unknown platform counts as QEMU: it then has what the vTPM shows, and
// policies decide whether that is enough.
NodePlatform DetectNodePlatform(const PlatformPaths& paths) {
  const absl::StatusOr<CloudKind> cloud = DetectCloud(paths);
  if (!cloud.ok()) {
    spdlog::warn("event=unknown-platform reason=\"{}\" effect=\"as QEMU\"",
                 Message(cloud.status()));
  }
  NodePlatform platform;
  platform.cloud = cloud.value_or(CloudKind::kQemu);
  const bool has_own_word = platform.cloud == CloudKind::kAws ||
                            platform.cloud == CloudKind::kAzure ||
                            platform.cloud == CloudKind::kGcp;
  platform.has_platform_evidence =
      has_own_word || DetectHardware(paths).has_value();
  return platform;
}

// A variant that the owner asked for must be the one found. Falling back to a
// weaker one would be noticed only at the first join.
absl::StatusOr<std::unique_ptr<NodeAttester>> NodeAttester::Create(
    const NodeAttesterOptions& options, Clock& clock) {
  if (options.variant == kVtpmVariant) {
    return CreateVtpmOnly(options.paths);
  }
  MountConfigFs(options.paths);
  const NodePlatform platform = DetectNodePlatform(options.paths);
  std::unique_ptr<NodeAttester> made;
  if (platform.has_platform_evidence) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<PlatformAttester> attester,
        CreatePlatformAttester(platform.cloud, options.paths, clock));
    ASSIGN_OR_RETURN(
        std::unique_ptr<Tpm> tpm,
        Tpm::Open(options.register_tcti.empty() ? options.paths.tcti
                                                : options.register_tcti));
    Tpm& registers = *tpm;
    std::string variant = attester->variant();
    made = std::make_unique<NodeAttester>(std::move(attester), std::move(tpm),
                                          registers, std::move(variant));
  } else {
    ASSIGN_OR_RETURN(made, CreateVtpmOnly(options.paths));
  }
  if (!options.variant.empty() && options.variant != made->variant()) {
    return FailedPrecondition(
        fmt::format("platform: want {}, but this machine is {}: its guest "
                    "driver may be missing",
                    options.variant, made->variant()));
  }
  return made;
}

}  // namespace constellation::attestation
