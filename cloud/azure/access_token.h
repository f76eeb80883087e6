// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ACCESS_TOKEN_H_
#define CONSTELLATION_CLOUD_AZURE_ACCESS_TOKEN_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/azure/arm_client.h"
#include "cloud/http/http_transport.h"
#include "common/clock.h"

namespace constellation::cloud::azure {

// A bearer token and until when it may be used. Secret, in memory only.
struct AccessToken {
  std::string value = {};
  absl::Time expires = absl::InfinitePast();
};

// Reads what token endpoints answer: {"access_token", "expires_in" or
// "expires_on", numbers or decimal text}. At most 64 KiB. UNAUTHENTICATED with
// Entra's own words ("AADSTS...") for a refusal, UNAVAILABLE for 429 and 5xx,
// INVALID_ARGUMENT for anything else. The token is in no message.
// A life of more than a day counts as a day.
absl::StatusOr<AccessToken> ParseTokenAnswer(const HttpResponse& response,
                                             absl::Time now);

// A token that is fetched when needed and renewed five minutes before it ends;
// if that fails, the old one is used as long as it is valid. One fetch at a
// time. Thread-safe.
class CachedToken final {
 public:
  // `claims`: see TokenProvider::Renew().
  using Fetch =
      std::function<absl::StatusOr<AccessToken>(std::string_view claims)>;

  // `clock` must outlive it.
  CachedToken(Clock& clock, Fetch fetch)
      : clock_(clock), fetch_(std::move(fetch)) {}

  // The errors of `fetch`. Waits while another thread fetches.
  absl::StatusOr<std::string> Get();
  // Forgets the token. False if the one at hand is younger than a minute: a
  // new one would be refused as well.
  bool Renew(std::string_view claims);

 private:
  Clock& clock_;
  const Fetch fetch_;
  absl::Mutex mutex_;
  AccessToken token_ ABSL_GUARDED_BY(mutex_);
  std::string claims_ ABSL_GUARDED_BY(mutex_);
  absl::Time fetched_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

// The identity of the machine that we run on, from its metadata service (or,
// in App Service and its kin, IDENTITY_ENDPOINT).
struct ManagedIdentity {
  std::string endpoint = "http://169.254.169.254";
  std::string client_id = {};  // empty: the machine's only one
  // The audience of the token, with the slash at the end that Azure wants.
  std::string resource = "https://management.azure.com/";
  // App Service's protocol: `endpoint` is used as it is, with this header.
  std::string identity_header = {};
};

// Asks for a token, up to five times where the service says "not yet" (404,
// 410, 429, 5xx). `patient` false: once, and connecting may take a second (is
// there such a service at all?). Never through a proxy. NOT_FOUND if the
// machine has no identity or, where it is asked once, if another cloud's
// service answers; UNAVAILABLE if nobody does; else as ParseTokenAnswer().
absl::StatusOr<AccessToken> FetchManagedIdentityToken(
    HttpTransport& transport, Clock& clock, const ManagedIdentity& identity,
    bool patient);

// Tokens of a node's own identity. Everything must outlive it. Thread-safe.
// Claims challenges have no answer here: the service takes none, so Renew()
// only makes it ask for a new token.
class ManagedIdentityTokens final : public TokenProvider {
 public:
  ManagedIdentityTokens(HttpTransport& transport, Clock& clock,
                        ManagedIdentity identity);

  absl::StatusOr<std::string> Token() override { return token_.Get(); }
  bool Renew(std::string_view claims) override { return token_.Renew(claims); }

 private:
  CachedToken token_;
};

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ACCESS_TOKEN_H_
