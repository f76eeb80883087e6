// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/image_upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cli/cluster/policy_builder.h"
#include "cli/terminal/interrupt.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"

namespace constellation::cli {

// In pieces of 1 MiB: images are larger than memory may be.
absl::StatusOr<std::string> HashFile(const std::string& path) {
  constexpr size_t kChunk = size_t{1} << 20U;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  crypto::Sha256Hasher hasher;
  std::vector<uint8_t> chunk(kChunk);
  while (true) {
    RETURN_IF_ERROR(CheckInterrupted());
    const ssize_t got = read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoStatus(errno, "read", path);
    }
    if (got == 0) {
      return HexEncode(hasher.Finish());
    }
    hasher.Update({chunk.data(), static_cast<size_t>(got)});
  }
}

// The digest is part of the name, so another image is never taken for this one.
// How far the upload got is kept in the workspace.
absl::StatusOr<UploadedImage> UploadImageFile(
    const Workspace& workspace, const Config& config, const std::string& path,
    const std::string& name, const std::string& version, ClusterTools& tools) {
  if (!config.IsCloud()) {
    return FailedPrecondition(
        "provider qemu boots the image file itself; nothing is uploaded");
  }
  UploadedImage image;
  tools.progress.Begin("Measuring the node image");
  ASSIGN_OR_RETURN(image.facts, tools.inspect_image(path));
  ASSIGN_OR_RETURN(image.sha256, HashFile(image.facts.path));
  tools.progress.Done();
  ASSIGN_OR_RETURN(const std::unique_ptr<CloudConnection> connection,
                   tools.cloud->connect(config.cloud));
  constexpr size_t kShownDigits = 12;
  const cloud::ImageUpload upload = {
      .path = image.facts.path,
      .sha256 = image.sha256,
      .name = name.empty() ? fmt::format("constellation-{}",
                                         image.sha256.substr(0, kShownDigits))
                           : name,
      .version = version,
      .attestation_variant = config.attestation_variant,
      .settings = config.cloud,
      .state_file = workspace.upload_path()};
  tools.progress.Begin(fmt::format("Uploading {} to {}", image.facts.path,
                                   connection->provider().Name()));
  absl::StatusOr<std::string> reference = connection->provider().UploadImage(
      upload, [&tools](std::string_view what, double fraction) {
        constexpr double kPercent = 100;
        tools.progress.Detail(fraction < 0 ? std::string(what)
                                           : fmt::format("{}: {:.0f} %", what,
                                                         fraction * kPercent));
      });
  RETURN_IF_ERROR(CheckInterrupted());
  if (!reference.ok()) {
    return Annotate(reference.status(), "upload");
  }
  image.reference = *std::move(reference);
  tools.progress.Done(image.reference);
  return image;
}

// One write for all values: a config with the new image and the old
// measurements would refuse every node.
absl::Status WriteImageToConfig(const Workspace& workspace,
                                const UploadedImage& image) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(workspace.config_path()));
  std::map<std::string, std::string> values = {{"image", image.reference}};
  if (!image.facts.kubernetes_version.empty()) {
    values["kubernetesVersion"] = image.facts.kubernetes_version;
  }
  ASSIGN_OR_RETURN(std::string updated, UpdateConfigText(text, values));
  ASSIGN_OR_RETURN(updated, UpdateMeasurements(
                                updated, MeasurementsOf(image.facts.profile)));
  return WriteFileAtomically(workspace.config_path(), updated);
}

}  // namespace constellation::cli
