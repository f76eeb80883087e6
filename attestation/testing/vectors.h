// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_VECTORS_H_
#define CONSTELLATION_ATTESTATION_TESTING_VECTORS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "common/hex.h"

namespace constellation::testing {

// The folder of real evidence that is kept beside the sources: environment
// variable CONSTELLATION_VECTORS, else ../shared/vectors from
// CONSTELLATION_SOURCE_DIR. Nothing if it is absent; tests then skip with
// kNoVectors.
std::optional<std::string> VectorsFolder();

inline constexpr char kNoVectors[] =
    "NO VECTORS: set CONSTELLATION_VECTORS to the folder with MANIFEST.json";

// Contents of `name` inside the folder; ends the program if it is not there.
Bytes ReadVector(const std::string& name);
// The manifest's entry about `name`; ends the program if there is none.
nlohmann::json VectorEntry(const std::string& name);
// All entries whose path begins with `prefix`.
std::vector<nlohmann::json> VectorEntries(const std::string& prefix);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_VECTORS_H_
