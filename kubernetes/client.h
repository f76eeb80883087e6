// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_CLIENT_H_
#define CONSTELLATION_KUBERNETES_CLIENT_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kubernetes/http_transport.h"
#include "kubernetes/json.h"

namespace constellation::kubernetes {

// Which objects of a collection.
// Both empty: all objects.
struct Selection {
  std::string labels = {};  // a label selector, such as "app=joinservice"
  std::string fields =
      {};  // a field selector, such as "metadata.name=join-config"
};

// A collection at one moment.
struct ObjectList {
  std::vector<Json> items;
  std::string resource_version;  // where a watch continues
};

// RFC 7386, Kubernetes's own, RFC 6902.
enum class PatchType { kMerge, kStrategicMerge, kJson };

// Speaks the Kubernetes REST API. Paths are those of the API, for instance
// "/api/v1/namespaces/kube-system/configmaps/join-config"; names that come from
// outside must have passed IsDnsSubdomain() or UrlEncode().
//
// Every call returns the errors of HttpTransport and of StatusOfAnswer().
// INVALID_ARGUMENT also if an answer is no JSON object. Objects that hold
// secrets are as secret afterwards as before: the serialised request is wiped,
// the Json values of the caller are not. Thread-safe.
class Client final {
 public:
  explicit Client(std::unique_ptr<HttpTransport> transport)
      : transport_(std::move(transport)) {}

  // A client for the (current) context of a kubeconfig. See ParseKubeconfig()
  // for what is refused.
  static absl::StatusOr<std::unique_ptr<Client>> FromKubeconfig(
      std::string_view yaml, std::string_view context = "");

  // How long one request may take. Set it before the client is shared.
  void set_timeout(absl::Duration timeout) { timeout_ = timeout; }

  // Ends all calls, those under way and later ones, with CANCELLED: for the end
  // of a program. Watches that use this client end, too.
  void CancelAll() { stop_.request_stop(); }
  std::stop_token stop_token() const { return stop_.get_token(); }

  // The object at `path`; NOT_FOUND if there is none.
  absl::StatusOr<Json> Get(std::string_view path);

  // All objects of the collection at `path`, fetched in pages.
  absl::StatusOr<ObjectList> List(std::string_view path,
                                  const Selection& selection = {});

  // Creates `object` in the collection at `path`; ALREADY_EXISTS if it is
  // there.
  absl::StatusOr<Json> Create(std::string_view path, const Json& object);

  // Replaces the object at `path`; ABORTED if `object` carries a resource
  // version and the object has changed since.
  absl::StatusOr<Json> Replace(std::string_view path, const Json& object);

  // Server-side apply: makes the fields of `object` so, creating it if
  // necessary, and records them as `field_manager`'s. ABORTED if a field
  // belongs to another manager, unless `force`. `object` names its apiVersion,
  // kind and metadata.name; the path is found by asking the API server.
  absl::StatusOr<Json> Apply(const Json& object, std::string_view field_manager,
                             bool force);

  // Changes parts of the object at `path` and returns all of it.
  absl::StatusOr<Json> Patch(std::string_view path, PatchType type,
                             const Json& patch);

  // Deletes the object at `path`. NOT_FOUND if there is none. Returns when the
  // API server has accepted it: finalizers may keep the object for a while.
  absl::Status Delete(std::string_view path);

  // Path of the object that `object` describes; namespace "default" if its kind
  // is namespaced and it names none. NOT_FOUND if the API server does not know
  // the kind. Answers of the API server about kinds are remembered.
  absl::StatusOr<std::string> PathOfObject(const Json& object);

  // OK if the API server says that it is ready (/readyz).
  absl::Status CheckReady();

  // For watches, which read an answer without end.
  HttpTransport& transport() { return *transport_; }

 private:
  struct Resource {
    std::string plural;
    bool namespaced = false;
  };

  absl::StatusOr<Json> Call(std::string_view method, std::string_view target,
                            std::string_view content_type, const Json* body);
  absl::StatusOr<Resource> FindResource(const std::string& api_version,
                                        const std::string& kind);

  std::unique_ptr<HttpTransport> transport_;
  absl::Duration timeout_ = absl::Seconds(30);
  std::stop_source stop_;
  absl::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Resource> resources_
      ABSL_GUARDED_BY(mutex_);
};

// The query part, beginning with `separator`, that selects `selection`; empty
// for everything.
std::string QueryOf(const Selection& selection, char separator);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_CLIENT_H_
