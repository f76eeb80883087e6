// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ARM_DRIVER_H_
#define CONSTELLATION_CLOUD_AZURE_ARM_DRIVER_H_

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/azure/arm_client.h"
#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/arm_names.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::azure {

// Keys of Resource::desired, the same for all kinds: the ARM id that it shall
// have, and the body of the request. Text "@{resource:/pointer}" in the body
// stands for what another resource turned out to be.
inline constexpr std::string_view kDesiredId = "id";
inline constexpr std::string_view kDesiredBody = "body";

// The mark in a description: "constellation-uid=U constellation-resource=R".
std::string DescriptionMark(std::string_view uid, std::string_view resource);

// `body` with every "@{resource:/pointer}" replaced. kNotFound while a
// dependency does not have the value.
// INTERNAL for a reference without a pointer, or if `dependency` is empty.
absl::StatusOr<nlohmann::json> ResolveReferences(
    const nlohmann::json& body,
    const std::function<const Observed*(std::string_view)>& dependency);

// Drives one kind of things in ARM, whatever it is. ARM's names are chosen by
// us, so a thing is found by its id and recognised by its mark; PUT with the
// same id makes nothing twice. Asynchronous operations are followed between the
// engine's questions, so that a late failure is told with its cause.
//
// A thing whose last operation failed is reported as ready with a difference
// ("provisioningState"): in ARM that is repaired by asking again, and a scale
// set in that state usually has VMs that work. Thread-safe.
class ArmDriver final : public ResourceDriver {
 public:
  // Adds to a body what is not in the plan (a random password). May be empty.
  using Completion = std::function<void(nlohmann::json& body)>;

  // `client` and `kind` must outlive it. Ids outside of `scope` are refused,
  // whoever names them.
  ArmDriver(ArmClient& client, const ArmKind& kind, ArmScope scope,
            Completion completion = {});

  // The contract of each is ResourceDriver's; errors are those of ArmClient,
  // and kInvalid for an id outside of the scope.
  DriverTraits Traits() const override;
  // By the planned id and the known one. What is being deleted is not found.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override;
  // kNameTaken if a thing with the id exists and is not ours; kConflict while
  // ours is still being deleted.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override;
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override;
  // Looks again first, and sends the etag where ARM takes one: what somebody
  // else changed meanwhile is not overwritten.
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override;
  // Asks about the operation that goes on, else about the thing.
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override;
  // kNotFound if it is not there, kDependency for a group with anything in it.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override;
  // Everything of this kind in the scope with the cluster's mark.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override;

 private:
  // What goes on after an answer, by id; or how it failed.
  struct Running {
    ArmOperation operation;
    bool deletes = false;
    absl::Status failure = absl::OkStatus();
  };

  // kInvalid unless `id` is one of this kind in the scope.
  absl::Status CheckId(std::string_view id) const;
  // Every request of the driver to a thing: checks the id.
  absl::StatusOr<ArmAnswer> Call(const std::string& method,
                                 const std::string& id,
                                 const DriverContext& context,
                                 std::optional<nlohmann::json> body = {},
                                 std::string_view etag = "");
  // kNotFound also if its resource group is not there.
  absl::StatusOr<Observed> Get(const std::string& id,
                               const DriverContext& context);
  absl::Status CheckEmpty(const DriverContext& context, const std::string& id);
  // The body of `context`'s resource, ready to be sent.
  absl::StatusOr<nlohmann::json> BodyOf(const DriverContext& context) const;
  // Remembers the operation that `answer` announces, for Refresh().
  absl::StatusOr<Observed> Started(const std::string& id,
                                   const ArmAnswer& answer, bool deletes);
  // The state by "provisioningState" (ARM RPC): none counts as ready.
  Observed Look(const std::string& id, const nlohmann::json& body) const;
  bool IsMarked(const nlohmann::json& body, std::string_view uid,
                std::string_view name) const;
  // The name in the plan that the mark says; nothing if it is not marked with
  // `uid`.
  std::optional<std::string> MarkOf(const nlohmann::json& body,
                                    std::string_view uid) const;
  std::optional<Running> RunningOf(const std::string& id);
  void Note(const std::string& id, std::optional<Running> running);

  ArmClient& client_;
  const ArmKind& kind_;
  const ArmScope scope_;
  const Completion completion_;
  absl::Mutex mutex_;
  std::map<std::string, Running> running_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ARM_DRIVER_H_
