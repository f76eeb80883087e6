// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_COMPUTE_H_
#define CONSTELLATION_CLOUD_GCP_COMPUTE_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/gcp_client.h"
#include "common/clock.h"

namespace constellation::cloud::gcp {

// What is written on everything that we make. Most kinds have no labels, so the
// mark stands in `description`.
std::string MarkOf(const ClusterIdentity& cluster, std::string_view name);
// The resource's name in `thing`'s mark if it is this cluster's; nothing if it
// has no mark or another cluster's.
std::optional<std::string> NameInMark(const nlohmann::json& thing,
                                      const ClusterIdentity& cluster);
// "<cluster>-<uid>", with which the names of all our things begin.
std::string BaseName(const ClusterIdentity& cluster);
// "<cluster>-<uid>-<name>".
std::string CloudName(const ClusterIdentity& cluster, std::string_view name);

// Whether `got` has all that `want` has: every key of an object, the same
// elements of a list in any order, text exactly or, for references, behind
// "projects/".
bool Covers(const nlohmann::json& got, const nlohmann::json& want);

// `body` with every text "{ref:NAME:ATTRIBUTE}" replaced by that attribute of
// what dependency NAME turned out to be. kNotFound if one is not known yet.
absl::StatusOr<nlohmann::json> ResolveReferences(const nlohmann::json& body,
                                                 const DriverContext& context);

// Compute Engine's changes are operations that end later, perhaps badly. This
// class starts them, remembers them by the id of the thing they change (a path
// "projects/..."), and tells what became of them. What it remembers is lost
// with the process: then the thing itself is the answer. Thread-safe.
class Compute final {
 public:
  // Both must outlive it.
  Compute(GcpClient& client, Clock& clock) : client_(client), clock_(clock) {}

  // Blocks; for the few who wait outside of the engine.
  void Pause(absl::Duration duration) { clock_.Sleep(duration); }

  // What an operation does to its thing; making and changing are one.
  enum class Change { kMake, kDelete };
  // kNone: no operation is remembered.
  enum class Progress { kNone, kRunning, kDone };

  GcpClient& client() { return client_; }

  // The thing at `path`, "projects/...". Codes of GcpClient::Call().
  absl::StatusOr<nlohmann::json> Get(const std::string& path,
                                     const std::stop_token& stop);
  // Sends `request`, whose answer is an operation, and remembers that for `id`.
  absl::Status Start(const ApiRequest& request, const std::string& id,
                     Change change);
  // What became of the change of `id`. The error of an operation that failed:
  // for a deletion once, else until another change starts.
  absl::StatusOr<Progress> Check(const std::string& id, Change change,
                                 const std::stop_token& stop);
  // Why the last deletion of `id` failed after it was accepted, once; OK if it
  // did not.
  absl::Status TakeRefusal(const std::string& id);
  // Waits, at most a minute, for the change of `id`; kUnclear after that.
  absl::Status Await(const std::string& id, Change change,
                     const std::stop_token& stop);

 private:
  struct Running {
    Change change = Change::kMake;
    std::string path = {};  // of the operation
  };

  GcpClient& client_;
  Clock& clock_;
  absl::Mutex mutex_;
  std::map<std::string, Running> running_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> refusals_ ABSL_GUARDED_BY(mutex_);
};

// "projects/p/zones/z" of "projects/p/zones/z/instances/i"; of a global thing
// "projects/p/global".
std::string PlaceOf(std::string_view id);
// The path below the API's root, "projects/...", of a thing's selfLink; empty
// if it has none.
std::string IdOf(const nlohmann::json& thing);
// Text member `key`, empty if there is none or of another type.
std::string TextOf(const nlohmann::json& object, std::string_view key);

// RFC 1035 names of Compute Engine: [a-z]([-a-z0-9]*[a-z0-9])?, at most
// `max_size` characters.
bool IsResourceName(std::string_view name, size_t max_size = 63);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_COMPUTE_H_
