// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_CREDENTIAL_SOURCES_H_
#define CONSTELLATION_CLOUD_GCP_CREDENTIAL_SOURCES_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/gcp/credentials.h"
#include "cloud/gcp/token_source.h"
#include "crypto/rsa_private_key.h"

namespace constellation::cloud::gcp {

// The one scope that we ask for.
inline constexpr std::string_view kCloudPlatformScope =
    "https://www.googleapis.com/auth/cloud-platform";

// shared_ptr everywhere below: sources may be nested and outlive the search.

// A token that somebody else got. Cannot be renewed.
std::unique_ptr<TokenSource> MakeFixedToken(std::string token);

// A service account's key: signs its own tokens (RS256, no request at all), and
// once one was refused, exchanges signed assertions for tokens at `token_uri`
// (RFC 7523).
struct ServiceAccountKey {
  std::string email;
  std::string key_id;
  std::string token_uri;
  crypto::RsaPrivateKey key;
};
std::unique_ptr<TokenSource> MakeServiceAccount(
    ServiceAccountKey key, std::shared_ptr<TokenEndpoints> endpoints);

// A person's, or a workforce's, refresh token (RFC 6749 section 6).
struct RefreshToken {
  std::string token_uri;
  std::string client_id;
  std::string client_secret;
  std::string refresh_token;
  bool basic_authorization = false;  // client id and secret in a header
};
std::unique_ptr<TokenSource> MakeRefreshToken(
    RefreshToken token, std::shared_ptr<TokenEndpoints> endpoints);

// Workload identity federation (RFC 8693): a foreign token from a file or a URL
// for one of Google's.
struct FederatedToken {
  std::string token_url;
  std::string audience;
  std::string subject_token_type;
  std::string file = {};  // one of the two
  std::string url = {};
  HttpHeaders url_headers = {};
  std::string json_field = {};  // empty: the whole text is the token
};
std::unique_ptr<TokenSource> MakeFederatedToken(
    FederatedToken token, std::shared_ptr<TokenEndpoints> endpoints);

// A service account's token got with somebody else's (generateAccessToken).
std::unique_ptr<TokenSource> MakeImpersonation(
    std::unique_ptr<TokenSource> base, std::string url,
    std::vector<std::string> delegates,
    std::shared_ptr<TokenEndpoints> endpoints);

// The default service account of the VM we run in. `root` is
// "http://metadata.google.internal".
std::unique_ptr<TokenSource> MakeMetadataToken(
    std::string root, std::shared_ptr<TokenEndpoints> endpoints);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_CREDENTIAL_SOURCES_H_
