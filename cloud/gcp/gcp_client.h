// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_GCP_CLIENT_H_
#define CONSTELLATION_CLOUD_GCP_GCP_CLIENT_H_

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
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
#include "cloud/gcp/token_source.h"
#include "cloud/http/backoff.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/retrying_transport.h"
#include "common/clock.h"

namespace constellation::cloud::gcp {

// Who asks, for whom it is counted, and in which partition: what a credential
// brings along beside its tokens.
struct Identity {
  std::string source = {};         // "the file /home/me/key.json"
  std::string account = {};        // e-mail address, if known
  std::string project = {};        // if the credential names one
  std::string quota_project = {};  // for x-goog-user-project; may be empty
  std::string universe = "googleapis.com";
};

// Finds out who we are, once; a failure lists what was tried.
using Login = std::function<
    absl::StatusOr<std::pair<Identity, std::unique_ptr<TokenSource>>>()>;

// One request to a Google API.
struct ApiRequest {
  std::string service = "compute";  // word of ResolveEndpoint()
  std::string method = "GET";
  // Below the service's root: "projects/p/global/networks" for compute,
  // "v1/projects/p/roles" for others.
  std::string path = {};
  std::vector<std::pair<std::string, std::string>> query = {};  // unescaped
  // JSON text; empty for none.
  std::string body = {};
  // For compute: makes a repeat of the same request harmless for 24 hours. A
  // UUID; see RequestId().
  std::string request_id = {};
  std::optional<bool> repeatable = {};  // as in HttpRequest
  std::stop_token stop = {};
};

// Google's APIs with a login, repeats and decoded errors. Thread-safe.
class GcpClient final {
 public:
  struct Options {
    HttpTransport* transport = nullptr;  // below retries; must outlive it
    Clock* clock = nullptr;              // must outlive it
    Environment environment = {};
    RandomSource random = SystemRandom();
    Login login = {};
    // Below the quotas of a project, 1,500 requests of each kind a minute; the
    // burst is a plan of a whole cluster.
    RateLimit rate_limit = {.per_second = 20, .burst = 100};
  };
  explicit GcpClient(Options options);

  // The decoded answer, at most 16 MiB. Failures are made by MakeCloudError(),
  // or are a transport's.
  absl::StatusOr<nlohmann::json> Call(const ApiRequest& request);
  // The answer as it came, any status: for uploads and their status 308.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request);

  // Calls `each` with every element of every page's `items`; for aggregated
  // lists, whose `items` is an object of objects, with the elements of the list
  // `aggregated` of every place. At most 1,000 pages. The first status that is
  // not OK ends it.
  absl::Status List(
      ApiRequest request, std::string_view aggregated,
      const std::function<absl::Status(const nlohmann::json&)>& each);

  // Logs in if that did not happen yet.
  absl::StatusOr<Identity> Whoami();
  // The address of `service`, without the part of the path that names it.
  absl::StatusOr<std::string> Root(std::string_view service);

 private:
  absl::Status LogIn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Authorise(HttpRequest& request);
  bool Renew(const HttpResponse& answer);

  const Options options_;
  RetryingTransport transport_;
  absl::Mutex mutex_;
  std::optional<Identity> identity_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<TokenSource> source_ ABSL_GUARDED_BY(mutex_);
  std::optional<AccessToken> token_ ABSL_GUARDED_BY(mutex_);
};

// A version 5 style UUID made from `seed`: the same for the same text.
std::string RequestId(std::string_view seed);
// `text` with everything but A-Z a-z 0-9 - . _ ~ percent-encoded.
std::string EscapeQuery(std::string_view text);
// The part of a compute URL or path behind "projects/", so that the two
// spellings of one thing compare equal; `text` itself if it has none.
std::string_view AfterProjects(std::string_view text);
// The last part of a path.
std::string_view LastPart(std::string_view path);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_GCP_CLIENT_H_
