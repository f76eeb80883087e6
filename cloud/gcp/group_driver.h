// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_GROUP_DRIVER_H_
#define CONSTELLATION_CLOUD_GCP_GROUP_DRIVER_H_

#include <string>
#include <string_view>
#include <vector>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/compute.h"

namespace constellation::cloud::gcp {

// A zonal managed instance group together with its instance template.
// Templates cannot be changed and cannot be deleted while a group uses them, so
// they are no resources of their own: the driver makes one named after its
// contents before the group, points the group to another one when the contents
// change, and deletes the old one then.
//
// Resource::desired is {"parent": "projects/p/zones/z/instanceGroupManagers",
// "body": group without a template, "template": {"parent": "projects/p/global/
// instanceTemplates", "properties"}}. The id is the group's path. Attributes
// are the group as the cloud shows it, with "template" (its properties).
//
// An instance that the cloud cannot make (quota, capacity) fails Refresh() with
// the cloud's reason; the group itself goes on trying.
class GroupDriver final : public ResourceDriver {
 public:
  // `compute` must outlive it.
  GroupDriver(Compute& compute, std::string project)
      : compute_(compute), project_(std::move(project)) {}

  DriverTraits Traits() const override;
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override;
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 private:
  // The path of the template for this config, made if it is not there.
  absl::StatusOr<std::string> EnsureTemplate(const DriverContext& context,
                                             std::string_view token);
  // Paths of all templates of the group `name`.
  absl::StatusOr<std::vector<std::string>> Templates(
      const ClusterIdentity& cluster, std::string_view name);
  // Deletes those but `keep`.
  absl::Status DeleteTemplates(const DriverContext& context,
                               std::string_view keep);
  absl::StatusOr<Observed> Look(const std::string& id,
                                const std::stop_token& stop);
  // Sets state and detail by the group's instances.
  absl::Status JudgeInstances(Observed& observed, const std::stop_token& stop);

  Compute& compute_;
  const std::string project_;
};

// "<cluster>-<uid>-<name>-<hash of the properties>".
std::string TemplateName(const ClusterIdentity& cluster, std::string_view name,
                         const nlohmann::json& properties);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_GROUP_DRIVER_H_
