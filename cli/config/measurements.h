// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CONFIG_MEASUREMENTS_H_
#define CONSTELLATION_CLI_CONFIG_MEASUREMENTS_H_

#include <string>

#include "cli/config/config.h"
#include "cli/yaml/map_reader.h"

namespace constellation::cli {

// Reads the map under `key`: PCR index -> {expected: hex, warnOnly: bool}.
// Problems go to the reader. PCR 15 is refused: it follows from the cluster ID.
// A map that is there but names none of PCR 4, 9 and 11 is a problem: such a
// policy would accept any image. warnOnly is refused for registers that a
// policy must name.
Measurements ReadMeasurements(MapReader& reader, std::string_view key,
                              Problems& problems);

// The map as YAML, each line indented by `indent`; "{}" is not written by this
// function.
std::string RenderMeasurements(const Measurements& measurements,
                               std::string_view indent);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CONFIG_MEASUREMENTS_H_
