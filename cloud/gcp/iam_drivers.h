// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_IAM_DRIVERS_H_
#define CONSTELLATION_CLOUD_GCP_IAM_DRIVERS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/gcp_client.h"

namespace constellation::cloud::gcp {

// What the drivers of IAM have in common: calls that are done when they are
// answered, nothing to wait for.
class IamDriver : public ResourceDriver {
 public:
  // `client` must outlive it.
  IamDriver(GcpClient& client, std::string project)
      : client_(client), project_(std::move(project)) {}

  DriverTraits Traits() const override { return {}; }
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 protected:
  // The id that follows from name and config alone; empty if there is none.
  virtual std::string IdFor(const DriverContext& context) const = 0;
  // What is at `id`; kNotFound if nothing of ours.
  virtual absl::StatusOr<Observed> Look(const std::string& id) = 0;

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override;
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;

  GcpClient& client() { return client_; }
  const std::string& project() const { return project_; }

 private:
  GcpClient& client_;
  const std::string project_;
};

// Service accounts. Desired: {"displayName"}; the account is named
// "<cluster>-<name>"; ids are "projects/p/serviceAccounts/<email>".
class ServiceAccountDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 protected:
  std::string IdFor(const DriverContext& context) const override;
  absl::StatusOr<Observed> Look(const std::string& id) override;
};

// Keys of service accounts. Desired: {"account": email}. The private part comes
// once, in the attribute "privateKeyData" (Base64 of a key file), and is kept
// nowhere; a key whose answer was lost goes with its account.
class ServiceAccountKeyDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;

 protected:
  std::string IdFor(const DriverContext& context) const override;
  absl::StatusOr<Observed> Look(const std::string& id) override;
};

// Custom roles. Desired: {"title", "includedPermissions"}; the role's id is
// "<cluster>_<name>" with '_' for '-'. Deleted roles keep their ids for weeks:
// they are undeleted.
class RoleDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 protected:
  std::string IdFor(const DriverContext& context) const override;
  absl::StatusOr<Observed> Look(const std::string& id) override;
};

// Roles of one member in the project's policy, changed under its etag. Desired:
// {"account": email, "roles"}. Other members and conditional bindings stay as
// they are. Ids are "projects/p/policy/<email>".
class PolicyDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 protected:
  std::string IdFor(const DriverContext& context) const override;
  absl::StatusOr<Observed> Look(const std::string& id) override;

 private:
  absl::StatusOr<nlohmann::json> Policy();
  absl::Status SetPolicy(const nlohmann::json& policy);
};

// "<cluster>-<name>@<project>.iam.gserviceaccount.com".
std::string AccountEmail(const ClusterIdentity& cluster, std::string_view name,
                         std::string_view project);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_IAM_DRIVERS_H_
