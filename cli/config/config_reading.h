// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CONFIG_CONFIG_READING_H_
#define CONSTELLATION_CLI_CONFIG_CONFIG_READING_H_

#include "cli/config/config.h"
#include "cli/yaml/map_reader.h"

// The parts of ParseConfig(); nobody else calls them. Each reads one section of
// the file, adds what is wrong to the problems, and goes on. Order: provider,
// attestation, node groups: each needs what the one before it read.
namespace constellation::cli {

// What the sections share while one file is read.
struct ConfigReading {
  // The whole document; its Finish() is called by ParseConfig().
  MapReader& top;
  // Where every mistake goes; no section ends the reading.
  Problems& problems;
  const ConfigOptions& options;
  Config& config;
};

// `provider`: exactly one of the known ones, and `allowedSources`,
// `internalLoadBalancer`, `debugCluster`, which depend on it.
void ReadProviderSection(ConfigReading& reading);
// `attestation`: at most one variant, which must be the provider's.
void ReadAttestationSection(ConfigReading& reading);
// `nodeGroups`.
void ReadNodeGroupsSection(ConfigReading& reading);

// Reports `mistake` of `key` unless unknown places are accepted.
void ReportPlace(const ConfigReading& reading, MapReader& reader,
                 std::string_view key,
                 const std::optional<std::string>& mistake);

// Sections of RenderConfig().
std::string RenderCloudProvider(const Config& config);
std::string RenderCloudAttestation(const Config& config);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CONFIG_CONFIG_READING_H_
