// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_CREDENTIALS_H_
#define CONSTELLATION_CLOUD_GCP_CREDENTIALS_H_

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/gcp/gcp_client.h"
#include "cloud/gcp/token_source.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/retrying_transport.h"
#include "common/clock.h"

namespace constellation::cloud::gcp {

// What finding a login needs. Transport and clock must outlive the result.
struct CredentialOptions {
  HttpTransport* transport = nullptr;  // below retries
  Clock* clock = nullptr;
  Environment environment = {};
  RandomSource random = SystemRandom();
};

// A login from where Google's own tools look (Application Default Credentials),
// in this order; what is set but does not work ends the search:
//  1. GOOGLE_OAUTH_ACCESS_TOKEN, CLOUDSDK_AUTH_ACCESS_TOKEN: a token;
//  2. GOOGLE_CREDENTIALS: a key as JSON, or the path of one;
//  3. GOOGLE_APPLICATION_CREDENTIALS: the path of one;
//  4. gcloud's application_default_credentials.json in CLOUDSDK_CONFIG or
//     ~/.config/gcloud;
//  5. the metadata server (GCE_METADATA_HOST).
// Nothing is asked before the first token is fetched, except by the metadata
// server. UNAUTHENTICATED names every place where nothing was found;
// INVALID_ARGUMENT names the file and what is wrong with it. Never quotes
// secrets.
Login FindLogin(CredentialOptions options);

// Requests to token endpoints, repeated where that is harmless. Thread-safe.
class TokenEndpoints final {
 public:
  explicit TokenEndpoints(const CredentialOptions& options);

  // POST of a form to `url`; the decoded JSON answer.
  absl::StatusOr<nlohmann::json> PostForm(
      const std::string& url,
      const std::vector<std::pair<std::string, std::string>>& form,
      const std::string& authorization);
  absl::StatusOr<nlohmann::json> PostJson(const std::string& url,
                                          const nlohmann::json& body,
                                          const std::string& authorization);
  absl::StatusOr<HttpResponse> Get(const std::string& url, HttpHeaders headers,
                                   absl::Duration timeout);
  absl::Time Now() const { return clock_.Now(); }

 private:
  Clock& clock_;
  RetryingTransport transport_;
};

// A key file's contents, of any type that we know: service_account,
// authorized_user, external_account (subject token from a file or a URL),
// external_account_authorized_user, impersonated_service_account. `where` names
// it in messages. Executables as sources are refused.
absl::StatusOr<std::pair<Identity, std::unique_ptr<TokenSource>>>
ParseCredentials(const std::string& json_text, std::string_view where,
                 std::shared_ptr<TokenEndpoints> endpoints);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_CREDENTIALS_H_
