// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_SETTING_DRIVER_H_
#define CONSTELLATION_CLOUD_GCP_SETTING_DRIVER_H_

#include <string>
#include <vector>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/compute.h"

namespace constellation::cloud::gcp {

// One member of a thing that its insert does not take, but a method of its own
// sets: the named ports of a group's instances, the security policy of a
// backend service. Resource::desired is {"target": path of the thing, "member",
// "value"}; the method follows from the member. The id is "<path>#<member>", so
// that a deletion needs no config. Gone with its target: nothing is listed.
// Thread-safe.
class SettingDriver final : public ResourceDriver {
 public:
  // `compute` must outlive it.
  explicit SettingDriver(Compute& compute) : compute_(compute) {}

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
  absl::StatusOr<Observed> Look(const std::string& id,
                                const std::stop_token& stop);
  absl::Status Set(const std::string& id, const nlohmann::json& value,
                   Compute::Change change, const std::stop_token& stop);

  Compute& compute_;
};

// Desired state for a SettingDriver. `member` is "namedPorts" or
// "securityPolicy".
nlohmann::json SettingOf(const std::string& target, const std::string& member,
                         nlohmann::json value);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_SETTING_DRIVER_H_
