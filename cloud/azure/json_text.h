// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_JSON_TEXT_H_
#define CONSTELLATION_CLOUD_AZURE_JSON_TEXT_H_

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace constellation::cloud::azure {

// The text at `pointer` (RFC 6901) of an answer, whose shape is never trusted:
// empty if nothing is there, if it is no text, or if it is longer than
// `max_size` octets. `pointer` is ours and well-formed. Pure.
std::string TextAt(const nlohmann::json& object, std::string_view pointer,
                   size_t max_size = size_t{1} << 20U);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_JSON_TEXT_H_
