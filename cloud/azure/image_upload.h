// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_IMAGE_UPLOAD_H_
#define CONSTELLATION_CLOUD_AZURE_IMAGE_UPLOAD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cloud/azure/arm_client.h"
#include "cloud/provider.h"

namespace constellation::cloud::azure {

// Tag of disks and gallery versions: SHA-256 of the raw image, hex.
inline constexpr std::string_view kImageShaTag = "constellation-image-sha256";

// Names of what an upload makes. Galleries are unique in a subscription.
// All four follow from the request, so an interrupted run finds its own things.
struct ImageNames {
  std::string gallery = {};     // id
  std::string definition = {};  // id
  std::string version = {};     // id; ClusterRequest::image
  std::string disk = {};        // id, deleted at the end
};
// INVALID_ARGUMENT if name, version ("v1.2.3"), variant, location, hash or
// subscription cannot be used.
absl::StatusOr<ImageNames> NamesOfImage(const ImageUpload& upload);

// Bodies of the requests of an upload. Pure.
nlohmann::json UploadDiskBody(const ImageUpload& upload, uint64_t disk_size);
nlohmann::json GalleryBody(const ImageUpload& upload);
nlohmann::json ImageDefinitionBody(const ImageUpload& upload);
nlohmann::json ImageVersionBody(const ImageUpload& upload,
                                const std::string& disk);

// Uploads a raw image as a fixed VHD into a managed disk (page blob behind a
// signed address, 4 MiB a request, pages of zeros left out), reads it back and
// compares, makes a gallery, an image definition with the security type of the
// variant and a version from the disk, deletes the disk. Returns the version's
// id; at once if a version with the file's hash is there.
//
// `upload.state_file` keeps how far the data got (JSON, no secrets); a run with
// the same file goes on there. `blobs` repeats nothing and is not given tokens.
// ALREADY_EXISTS if the version exists with other contents; DATA_LOSS if what
// came back differs; else errors of files, ArmClient and transports.
absl::StatusOr<std::string> UploadAzureImage(ArmClient& client,
                                             HttpTransport& blobs,
                                             const ImageUpload& upload,
                                             const ProviderProgress& progress);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_IMAGE_UPLOAD_H_
