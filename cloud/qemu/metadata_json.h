// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_METADATA_JSON_H_
#define CONSTELLATION_CLOUD_QEMU_METADATA_JSON_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/metadata.h"

namespace constellation::cloud::qemu {

// Limits of the metadata protocol, kept by both sides.
inline constexpr size_t kMaxMetadataAnswer = size_t{1} << 20U;
inline constexpr size_t kMaxBootStatus = size_t{8} << 10U;
inline constexpr size_t kMaxInstances = 1000;

// The JSON form of one instance, and of {"instances": [...]}.
std::string InstanceToJson(const InstanceMetadata& instance);
std::string InstancesToJson(const std::vector<InstanceMetadata>& instances);

// Read what a metadata service says: every known field's type and syntax is
// checked, unknown fields are ignored (an older node may meet a newer
// supervisor). INVALID_ARGUMENT names the field.
absl::StatusOr<InstanceMetadata> ParseInstance(std::string_view json);
absl::StatusOr<std::vector<InstanceMetadata>> ParseInstances(
    std::string_view json);
// {"endpoint": "<IPv4>:<port>"}
// The port is 1 to 65535.
std::string EndpointToJson(std::string_view endpoint);
absl::StatusOr<std::string> ParseEndpoint(std::string_view json);
// {"enrolledTPMs": [...]} <-> the array.
std::string EnrolledTpmsToJson(std::string_view array);
absl::StatusOr<std::string> ParseEnrolledTpms(std::string_view json);

// Whether `text` is a JSON array (at most kMaxMetadataAnswer / 2 octets); a
// boot status, i.e. one JSON object within kMaxBootStatus.
// Neither looks into the elements. INVALID_ARGUMENT.
absl::Status CheckJsonArray(std::string_view text);
absl::Status CheckBootStatus(std::string_view text);

// Whether `text` is 64 lower-case hex digits.
bool IsSha256Hex(std::string_view text);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_METADATA_JSON_H_
