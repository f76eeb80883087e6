// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_IMAGE_UPLOAD_H_
#define CONSTELLATION_CLOUD_AWS_IMAGE_UPLOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "cloud/aws/client.h"
#include "cloud/provider.h"

namespace constellation::cloud::aws {

// Makes an AMI of a raw disk image through the EBS direct APIs: a snapshot
// block by block (512 KiB, zeros left out, each with its SHA-256, all of them
// under one aggregated checksum that AWS verifies when it is completed), then
// RegisterImage with UEFI and NitroTPM. An image whose tag has the file's
// digest is kept. Progress is in `upload.state_file` (mode 0600, JSON), so that
// an interrupted upload goes on. Returns the AMI's id.
//
// INVALID_ARGUMENT if the file is empty, larger than 64 GiB, or not the one
// that `upload.sha256` names; DATA_LOSS if AWS has got something else, which is
// deleted; otherwise cloud errors.
absl::StatusOr<std::string> UploadToEbs(AwsClient& client,
                                        const ImageUpload& upload,
                                        const ProviderProgress& progress);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_IMAGE_UPLOAD_H_
