// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_IMAGE_UPLOAD_H_
#define CONSTELLATION_CLOUD_GCP_IMAGE_UPLOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "cloud/gcp/compute.h"
#include "cloud/provider.h"

namespace constellation::cloud::gcp {

// Packs the image, uploads it resumably into a bucket of the project, makes a
// Compute Engine image of it with the features of confidential machines, and
// deletes the object. Returns "projects/p/global/images/<name>".
//
// An image of this name with the same SHA-256 is taken as it is; with another
// one it is kNameTaken. An upload that was interrupted goes on where the
// service says that it stopped; its session's address, which authorises, is
// kept in `upload.state_file` (mode 0600). What arrived is compared by CRC-32C.
// INVALID_ARGUMENT if the file's SHA-256 is not `upload.sha256`.
absl::StatusOr<std::string> UploadGcpImage(Compute& compute,
                                           const ImageUpload& upload,
                                           const ProviderProgress& progress);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_IMAGE_UPLOAD_H_
