// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_IMAGE_UPLOAD_H_
#define CONSTELLATION_CLOUD_OPENSTACK_IMAGE_UPLOAD_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "cloud/openstack/client.h"
#include "cloud/provider.h"
#include "common/clock.h"

namespace constellation::cloud::openstack {

// The body of POST /v2/images: raw, private, UEFI on q35, and what the
// attestation variant needs: a TPM 2.0 for "...vtpm", memory encryption for
// SEV-SNP and TDX (nova's image properties; a nova that does not know one
// ignores it, the evidence does not). `size` in octets. Pure.
nlohmann::json ImageBody(const ImageUpload& upload, uint64_t size);

// Provider::UploadImage(): an active image with the same SHA-256 in its
// properties is kept after its checksum was compared; one that was announced
// but never filled is filled; a half-filled one is deleted. Glance takes the
// data in one piece: an interrupted upload starts again from its first octet.
// DATA_LOSS, and the image deleted, if glance's checksum differs.
// The image's id. FAILED_PRECONDITION if glance offers no hash to compare;
// otherwise errors of files and of Client.
absl::StatusOr<std::string> UploadImage(Client& client, Clock& clock,
                                        const ImageUpload& upload,
                                        const ProviderProgress& progress);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_IMAGE_UPLOAD_H_
