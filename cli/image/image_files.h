// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_IMAGE_IMAGE_FILES_H_
#define CONSTELLATION_CLI_IMAGE_IMAGE_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/cluster/tools.h"

namespace constellation::cli {

// Where `image build` leaves an image when nothing else is said:
// <user's cache folder>/constellation/image.
std::string DefaultImageFolder();

// Finds the image that `image` names (a path; empty: the default one), predicts
// its measurements and reads what it holds from constellation.json beside it.
// NOT_FOUND says how to make one; else what PredictPcrs() says.
absl::StatusOr<ImageFacts> InspectImageFile(const std::string& image);

// The script that builds images: $CONSTELLATION_SHARE_DIR/image/build, or that
// of the source tree or installation this program lies in. NOT_FOUND lists
// where was looked.
absl::StatusOr<std::string> FindImageBuilder();

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_IMAGE_IMAGE_FILES_H_
