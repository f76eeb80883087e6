// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_IMAGE_UPLOAD_H_
#define CONSTELLATION_CLI_CLOUD_IMAGE_UPLOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cluster/tools.h"
#include "cli/config/config.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// An image that a cloud has now.
struct UploadedImage {
  std::string reference;  // what goes into `image` of the config
  ImageFacts facts;       // of the file
  std::string sha256;     // of the file, hex
};

// Measures the image file that `path` names (empty: the newest one built here)
// and uploads it to the cloud of `config`, a draft, under `name` and `version`.
// An interrupted upload goes on where it stopped; what is there already is
// kept. FAILED_PRECONDITION for provider qemu.
absl::StatusOr<UploadedImage> UploadImageFile(
    const Workspace& workspace, const Config& config, const std::string& path,
    const std::string& name, const std::string& version, ClusterTools& tools);

// Writes reference, Kubernetes version and measurements into the workspace's
// config file; everything else stays as it is.
absl::Status WriteImageToConfig(const Workspace& workspace,
                                const UploadedImage& image);

// SHA-256 of a file, hex. CANCELLED after Ctrl-C.
absl::StatusOr<std::string> HashFile(const std::string& path);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_IMAGE_UPLOAD_H_
