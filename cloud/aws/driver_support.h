// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_DRIVER_SUPPORT_H_
#define CONSTELLATION_CLOUD_AWS_DRIVER_SUPPORT_H_

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/aws/xml.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::aws {

// `value` with every "${name}" in its strings replaced by the id of that
// dependency and "${name.Attribute}" by its attribute. kNotFound for a
// dependency that is not known yet. Pure.
absl::StatusOr<nlohmann::json> Resolve(const nlohmann::json& value,
                                       const DriverContext& context);

// The tags of a resource: uid, resource name, Name for people, the user's own.
nlohmann::json TagsOf(const DriverContext& context);
// The same as a list of {"Key", "Value"}.
nlohmann::json TagList(const nlohmann::json& tags);
// {"Key": "Value"} of a list of <key>/<value> or <Key>/<Value> elements.
nlohmann::json ReadTags(const std::vector<XmlElement>& elements);
// Whether `tags` are of this cluster: our uid, or Kubernetes' mark of it.
bool IsOfCluster(const nlohmann::json& tags, const ClusterIdentity& cluster);
// The value of tag `key`, or "".
std::string TagOf(const nlohmann::json& tags, std::string_view key);

// One row of a filter: {"Name": name, <values>: [value...]}.
nlohmann::json Filter(std::string_view name,
                      const std::vector<std::string>& values,
                      std::string_view values_key = "Value");

// Differences between what `context` wants and the attributes found, for every
// key that both have; those not in `changeable` need a replacement. Wanted tags
// that are missing count as "Tags". Wants that name unknown dependencies are
// not compared.
std::vector<AttributeChange> Compare(
    const DriverContext& context, const Observed& observed,
    std::span<const std::string_view> changeable);

// Parts of `object` under `keys`, where present.
nlohmann::json Pick(const nlohmann::json& object,
                    std::span<const std::string_view> keys);

// Whether `status` is a cloud error of `kind`.
bool IsKind(const absl::Status& status, CloudErrorKind kind);
// OK for the errors that mean "is already so": of `kind`; else `status`.
absl::Status Unless(CloudErrorKind kind, const absl::Status& status);
// A cloud error kNotFound about `what`.
absl::Status MakeNotFound(std::string_view what);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_DRIVER_SUPPORT_H_
