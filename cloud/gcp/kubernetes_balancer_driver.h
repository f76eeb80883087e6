// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_KUBERNETES_BALANCER_DRIVER_H_
#define CONSTELLATION_CLOUD_GCP_KUBERNETES_BALANCER_DRIVER_H_

#include <string>
#include <utility>
#include <vector>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/compute.h"

namespace constellation::cloud::gcp {

// External load balancers that Kubernetes' cloud controller made for services:
// a regional target pool of our instances, and a forwarding rule of the same
// name. They carry nothing of ours; the pool is known by the names of its
// instances. Never made, only swept; one deletion takes rule and pool. Thread-
// safe.
class KubernetesBalancerDriver final : public ResourceDriver {
 public:
  // `compute` must outlive it.
  KubernetesBalancerDriver(Compute& compute, std::string project)
      : compute_(compute), project_(std::move(project)) {}

  DriverTraits Traits() const override { return {}; }
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
  // Deletes `path` and waits; gone already is well.
  absl::Status Remove(const std::string& path, const std::stop_token& stop);

  Compute& compute_;
  const std::string project_;
};

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_KUBERNETES_BALANCER_DRIVER_H_
