// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_COLLECTION_DRIVER_H_
#define CONSTELLATION_CLOUD_GCP_COLLECTION_DRIVER_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/compute.h"

namespace constellation::cloud::gcp {

// What one kind of Compute Engine's plain collections needs beside its body.
struct CollectionKind {
  std::string_view kind;        // "gcp.network"
  std::string_view collection;  // "networks"
  // Whether "aggregated/<collection>" lists it in every place; else it is
  // global.
  bool aggregated = false;
  // Members of the body that PATCH changes; all others need a replacement.
  std::vector<std::string_view> patchable = {};
  // Members that the cloud gives back in other words, never compared.
  std::vector<std::string_view> opaque = {};
  // Values of `status` with which it is not usable yet.
  std::vector<std::string_view> pending = {};
  // Whether something without our mark is Kubernetes' and belongs to this
  // cluster: it goes with `terminate`. Empty: nothing is.
  std::function<bool(const nlohmann::json& thing,
                     const ClusterIdentity& cluster)>
      leftover = {};
  // The name in its mark is that of another kind's resource, which looks after
  // it: it is swept, never planned.
  bool anonymous = false;
};

// Everything that is made by a POST into a collection, found by its name, and
// gone after a DELETE. Resource::desired is {"parent": "projects/p/global/
// networks", "body": {"name", "description" = MarkOf(), ...}}; the id is the
// path; attributes are the thing as the cloud shows it.
class CollectionDriver : public ResourceDriver {
 public:
  // `compute` must outlive it.
  CollectionDriver(Compute& compute, std::string project, CollectionKind kind)
      : compute_(compute),
        project_(std::move(project)),
        kind_(std::move(kind)) {}

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

 protected:
  Compute& compute() { return compute_; }

 private:
  Observed Seen(const nlohmann::json& thing) const;
  bool IsOneOf(const std::vector<std::string_view>& keys,
               std::string_view key) const;

  Compute& compute_;
  const std::string project_;
  const CollectionKind kind_;
};

// Cloud Armor's policies: as above, but rules are changed one by one.
class SecurityPolicyDriver final : public CollectionDriver {
 public:
  SecurityPolicyDriver(Compute& compute, std::string project);
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
};

// Every plain kind, in the order in which they are made.
std::vector<CollectionKind> CollectionKinds();

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_COLLECTION_DRIVER_H_
