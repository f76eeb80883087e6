// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_IAM_DRIVER_BASE_H_
#define CONSTELLATION_CLOUD_GCP_IAM_DRIVER_BASE_H_

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/gcp_client.h"

namespace constellation::cloud::gcp {

// kNotFound about `id`: the engine takes it as gone.
absl::Status IamThingNotThere(const std::string& id);

// `status`, but kConflict, which the engine repeats, if IAM says that an
// account does not exist: it shows a new one to itself later than to its maker,
// and refuses for up to a minute what names it.
absl::Status PatientAboutNewAccounts(const absl::Status& status);

// What the drivers of IAM have in common: calls that are done when they are
// answered, nothing to wait for. Thread-safe.
class IamDriver : public ResourceDriver {
 public:
  // `client` must outlive it.
  IamDriver(GcpClient& client, std::string project)
      : client_(client), project_(std::move(project)) {}

  DriverTraits Traits() const override { return {}; }
  // Nothing can be changed in place unless a derived class says how.
  std::vector<AttributeChange> Differs(const DriverContext& /*context*/,
                                       const Observed& /*observed*/) override {
    return {};
  }
  absl::StatusOr<Observed> Update(const DriverContext& /*context*/,
                                  const Observed& observed) override {
    return observed;
  }
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override;
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override;
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;
  // Found through what they belong to, unless a derived class says how.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return std::vector<Stray>();
  }

 protected:
  // The id that follows from name and config alone; empty if there is none.
  virtual std::string IdFor(const DriverContext& context) const = 0;
  // Whether such things carry our mark, without which they are not ours.
  virtual bool CarriesMark() const { return false; }
  // What is at `id`; kNotFound if nothing is.
  virtual absl::StatusOr<Observed> Look(const std::string& id);

  // Everything in the project's `collection` with the cluster's mark, all
  // pages. `items` is the answer's list, `id_of` gives an element's id.
  absl::StatusOr<std::vector<Stray>> ListMarked(
      const ClusterIdentity& cluster, std::string_view collection,
      std::string_view items, const std::string& page_size,
      const std::function<std::string(const nlohmann::json&)>& id_of);

  GcpClient& client() { return client_; }
  const std::string& project() const { return project_; }

 private:
  GcpClient& client_;
  const std::string project_;
};

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_IAM_DRIVER_BASE_H_
