// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_API_DRIVER_H_
#define CONSTELLATION_CLOUD_OPENSTACK_API_DRIVER_H_

#include <string>
#include <string_view>
#include <vector>

#include "cloud/engine/resource_driver.h"
#include "cloud/openstack/client.h"

namespace constellation::cloud::openstack {

// What all kinds have in common: a collection, elements with ids, searches by
// marker and name. OpenStack knows no idempotency tokens and no unique names:
// the engine searches after a lost answer. Thread-safe if the hooks are.
// A driver of one kind overrides the hooks; the rest is here. Errors are those
// of Client; the contract of each method is ResourceDriver's.
class ApiDriver : public ResourceDriver {
 public:
  // `client` must outlive it.
  ApiDriver(Client& client, const Collection& where)
      : client_(client), where_(where) {}

  // Creation is not idempotent: a POST twice makes two things.
  DriverTraits Traits() const override { return {}; }
  // By marker and name, and by the known id. What is being deleted is not
  // found.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  // Nothing differs unless a kind says otherwise, so Update() is never asked
  // then.
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override;
  // kNotFound if it is not there.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 protected:
  // The query of a list that contains at least everything that ListedName()
  // accepts; with `name` it may be narrower.
  virtual std::string Query(const ClusterIdentity& cluster,
                            std::string_view name) const = 0;
  // Whether `element` belongs to the cluster, and as which resource: its name,
  // empty for Kubernetes' own. Nothing: not ours.
  virtual std::optional<std::string> ListedName(
      const ClusterIdentity& cluster, const nlohmann::json& element) const = 0;
  // The document of the POST that makes it; kNotFound while a dependency is
  // missing.
  virtual absl::StatusOr<nlohmann::json> Body(const DriverContext& context) = 0;
  // What the cloud's element says.
  virtual Observed Read(const nlohmann::json& element) const = 0;

  // POST `body`; what was made.
  // kUnclear if the answer does not say what: the engine searches then.
  absl::StatusOr<Observed> Post(const nlohmann::json& body,
                                const std::stop_token& stop);
  // DELETE of any path of the service; for kinds that need a query with it.
  absl::Status DeletePath(const std::string& path, const std::stop_token& stop);

  Client& client_;
  const Collection where_;
};

// A part of something else that has no life of its own: a set of rules, a
// pool's members. It goes with its owner, so deleting it is finished at once.
absl::Status GoesWithOwner(std::string_view owner);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_API_DRIVER_H_
