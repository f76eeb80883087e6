// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_MANIFEST_H_
#define CONSTELLATION_KUBERNETES_MANIFEST_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kubernetes/client.h"
#include "kubernetes/json.h"

namespace constellation::kubernetes {

// The objects in `yaml`, one or several documents, as JSON; plain scalars get
// the types that kubectl gives them. INVALID_ARGUMENT if it is no YAML, uses
// aliases, or holds something that has no apiVersion, kind and metadata.name; a
// plain "yes", "no", "on" or "off" must be quoted, for readers disagree on it.
absl::StatusOr<std::vector<Json>> ParseManifest(std::string_view yaml);

// Applies every object of `yaml` server-side, in order, taking over fields that
// another manager owns. Stops at the first error, naming the object.
absl::Status ApplyManifest(Client& client, std::string_view yaml,
                           std::string_view field_manager);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_MANIFEST_H_
