// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_KEYSTONE_H_
#define CONSTELLATION_CLOUD_OPENSTACK_KEYSTONE_H_

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/credentials/clouds_yaml.h"
#include "cloud/http/environment.h"
#include "cloud/http/retrying_transport.h"
#include "common/clock.h"

namespace constellation::cloud::openstack {

// Services by one name each, whatever the catalog calls them.
inline constexpr std::string_view kIdentity = "identity";
inline constexpr std::string_view kCompute = "compute";
inline constexpr std::string_view kNetwork = "network";
inline constexpr std::string_view kImage = "image";
inline constexpr std::string_view kBlockStorage = "block-storage";
inline constexpr std::string_view kLoadBalancer = "load-balancer";

// The body of POST /v3/auth/tokens for an entry of clouds.yaml (Keystone API
// v3, "Password authentication ...", "Token ...", "Application credential").
// auth_type password, token, v3applicationcredential, or none: then the keys
// decide. INVALID_ARGUMENT names what is missing, never a value of a secret;
// also for other types and for a scope other than a project.
absl::StatusOr<nlohmann::json> AuthRequest(const CloudEntry& entry);

// `auth.auth_url` with /v3 at its end. INVALID_ARGUMENT unless it is an http(s)
// URL without user, query and fragment.
absl::StatusOr<std::string> IdentityUrl(const CloudEntry& entry);

// A login: what keystone said about the token.
// The token is secret: in memory and in one header only.
struct Login {
  std::string token = {};
  absl::Time expires = absl::InfinitePast();
  std::string user_id = {};
  std::string user_name = {};
  std::string project_id = {};
  std::string project_name = {};
  std::string region = {};  // wanted, or the only one; empty: none named
  // Addresses by service, no slash at the end, version included.
  std::map<std::string, std::string, std::less<>> endpoints = {};
};

// Reads an answer to POST /v3/auth/tokens: `body` is at most 4 MiB of JSON, not
// trusted. Endpoints: of `interface` ("public"; "publicURL" is understood) and
// `region` (empty: any, but then all must be of one region). INVALID_ARGUMENT
// names the field; a region that no endpoint has is kUnsupportedRegion.
absl::StatusOr<Login> ParseLogin(std::string_view body, std::string_view token,
                                 std::string_view region,
                                 std::string_view interface);

// Where the login's data come from; asked at the first login only.
using CredentialSource = std::function<absl::StatusOr<CloudEntry>()>;

// Logs in when first needed and again before the token expires; never writes
// anything to disk. Thread-safe: one login at a time, the others wait for it.
class Keystone final {
 public:
  // `transport` must repeat by itself (RetryingTransport); it and `clock` must
  // outlive this.
  Keystone(HttpTransport& transport, Clock& clock, Environment environment,
           CredentialSource source)
      : transport_(transport),
        clock_(clock),
        environment_(std::move(environment)),
        source_(std::move(source)) {}

  // The present login. kBadCredentials, kWrongProject and so on as keystone
  // says; a transport's failure.
  absl::StatusOr<Login> Current();
  // Drops `token` after a 401, if it is still the present one.
  void Reject(std::string_view token);

 private:
  // One request to keystone, and after a refusal those that explain it; reads
  // the credentials before the first one.
  absl::StatusOr<Login> LogIn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // INVALID_ARGUMENT for an address that is no http(s) URL.
  absl::Status Override(Login& login) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  HttpTransport& transport_;
  Clock& clock_;
  const Environment environment_;
  const CredentialSource source_;
  absl::Mutex mutex_;
  std::optional<CloudEntry> entry_ ABSL_GUARDED_BY(mutex_);
  Login login_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_KEYSTONE_H_
