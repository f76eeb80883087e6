// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_CLIENT_H_
#define CONSTELLATION_CLOUD_OPENSTACK_CLIENT_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/credentials/clouds_yaml.h"
#include "cloud/http/backoff.h"
#include "cloud/http/environment.h"
#include "cloud/http/retrying_transport.h"
#include "cloud/openstack/keystone.h"
#include "common/clock.h"

namespace constellation::cloud::openstack {

// The microversion of nova that we speak: 2.67 (Stein) has the volume type of
// block devices, tags at create (2.52), extra specs inside flavors (2.61) and
// one policy per server group (2.64). Other services: their base version.
inline constexpr std::string_view kComputeMicroversion = "2.67";

// One request to one service.
// `path` and `content_type` are ours: nothing from an answer goes into them
// unescaped.
struct ServiceCall {
  std::string_view service = kCompute;
  std::string method = "GET";
  std::string path = {};     // "/servers?tags=..."; below the endpoint
  nlohmann::json body = {};  // null: none
  std::optional<bool> repeatable = {};  // see HttpRequest
  std::optional<FileBody> file = {};    // instead of `body`
  std::string content_type = "application/json";
  absl::Duration timeout = absl::Seconds(60);
  std::stop_token stop = {};
};

// Where to find a collection and how its answer is laid out.
struct Collection {
  std::string_view service;
  std::string_view path;    // "/servers"
  std::string_view detail;  // "/servers/detail"; what is asked for lists
  std::string_view plural;  // key in a list's answer
  std::string_view singular;
};

// `text` for a query: everything but [A-Za-z0-9-._~] as %XX.
std::string Escaped(std::string_view text);

// Speaks to OpenStack's services with the login's token: JSON in and out,
// errors as MakeCloudError(), repeats as RetryingTransport; a 401 leads to one
// new login. Thread-safe.
class Client final {
 public:
  // `transport` (below retries) and `clock` must outlive this.
  Client(HttpTransport& transport, Clock& clock, const Environment& environment,
         CredentialSource source);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Logs in if need be. The token in it is secret.
  absl::StatusOr<Login> CurrentLogin() { return keystone_.Current(); }
  // Whether the catalog has the service.
  absl::StatusOr<bool> Has(std::string_view service);

  // Sleeps by the client's clock; false after a stop. For the short pauses that
  // octavia needs between two changes.
  bool Pause(absl::Duration duration, const std::stop_token& stop) {
    return SleepUnlessStopped(clock_, duration, stop);
  }

  // The answer's object; empty for an answer without a body. An answer of 300
  // or more is an error. kUnsupportedRegion if the catalog lacks the service.
  // kUnclear for an answer that is no JSON object: it may have had an effect.
  absl::StatusOr<nlohmann::json> Send(const ServiceCall& call);

  // The one element of `collection` with this id. kNotFound.
  absl::StatusOr<nlohmann::json> Get(const Collection& collection,
                                     std::string_view id,
                                     const std::stop_token& stop = {});

  // All elements on all pages, at most 20,000; `query` without '?'. Pages are
  // asked for by the last element's id: the links in answers are never
  // followed, they could lead our token elsewhere.
  absl::StatusOr<std::vector<nlohmann::json>> List(
      const Collection& collection, std::string_view query,
      const std::stop_token& stop = {});

 private:
  // What both transports do alike: the token, throttling, one new login.
  RetryOptions Retries(absl::Duration deadline);

  Clock& clock_;
  RetryingTransport login_transport_;
  Keystone keystone_;
  const std::unique_ptr<HttpTransport> guard_;  // notices refused tokens
  RetryingTransport transport_;
  RetryingTransport upload_transport_;  // hours instead of minutes
};

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_CLIENT_H_
