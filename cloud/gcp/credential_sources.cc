// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/credential_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "absl/time/time.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/gcp_error.h"
#include "cloud/http/jwt.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Endpoints = std::shared_ptr<TokenEndpoints>;

// Far more than tokens have; bounds what a broken server makes us keep.
constexpr size_t kMaxToken = size_t{64} * 1024;
// The longest that Google accepts for a signed token.
constexpr absl::Duration kLifetime = absl::Hours(1);

// Never with the token or key in its text.
absl::Status BadToken(std::string_view what) {
  return MakeCloudError(
      {.kind = CloudErrorKind::kBadCredentials, .message = std::string(what)});
}

// RFC 6749 section 5.1.
// A token goes into a header, so nothing that could end one may be in it. A
// lifetime that is missing or absurd is taken as short, or cut to twelve hours:
// asking once too often is harmless.
absl::StatusOr<AccessToken> TokenIn(const json& answer, absl::Time now) {
  AccessToken token{.value = TextOf(answer, "access_token")};
  if (token.value.empty() || token.value.size() > kMaxToken ||
      token.value.find_first_of(" \r\n\t") != std::string::npos) {
    return BadToken("the token endpoint's answer holds no access_token");
  }
  const auto seconds = answer.find("expires_in");
  int64_t lifetime = 300;
  if (seconds != answer.end() && seconds->is_number_integer()) {
    lifetime = std::clamp<int64_t>(seconds->get<int64_t>(), 0, 43200);
  }
  token.expires = now + absl::Seconds(lifetime);
  return token;
}

// The caller's own token: it never expires as far as we know, and a refusal of
// it is final.
class FixedToken final : public TokenSource {
 public:
  explicit FixedToken(std::string token) : token_(std::move(token)) {}
  absl::StatusOr<AccessToken> Fetch() override {
    return AccessToken{.value = token_};
  }

 private:
  const std::string token_;
};

// Google's APIs take tokens that the key itself signs ("self-signed JWT"),
// which needs no token endpoint; some organisations forbid it. Then, after the
// first refusal, all tokens are exchanged. Thread-safe.
class ServiceAccount final : public TokenSource {
 public:
  ServiceAccount(ServiceAccountKey key, Endpoints endpoints)
      : key_(std::move(key)), endpoints_(std::move(endpoints)) {}

  // With a scope and without an audience one token serves all APIs. An
  // exchanged one names the token endpoint as its audience.
  absl::StatusOr<AccessToken> Fetch() override {
    const absl::Time now = endpoints_->Now();
    json claims = {{"iss", key_.email},
                   {"scope", kCloudPlatformScope},
                   {"iat", absl::ToUnixSeconds(now)},
                   {"exp", absl::ToUnixSeconds(now + kLifetime)}};
    const json header = {{"kid", key_.key_id}};
    if (!exchange_.load()) {
      claims["sub"] = key_.email;
      ASSIGN_OR_RETURN(std::string token,
                       SignJwt(JwtAlgorithm::kRs256, header, claims, key_.key));
      return AccessToken{.value = std::move(token), .expires = now + kLifetime};
    }
    claims["aud"] = key_.token_uri;
    ASSIGN_OR_RETURN(const std::string assertion,
                     SignJwt(JwtAlgorithm::kRs256, header, claims, key_.key));
    ASSIGN_OR_RETURN(
        const json answer,
        endpoints_->PostForm(
            key_.token_uri,
            {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
             {"assertion", assertion}},
            ""));
    return TokenIn(answer, now);
  }

  void Refused() override { exchange_.store(true); }

 private:
  const ServiceAccountKey key_;
  const Endpoints endpoints_;
  std::atomic<bool> exchange_{false};
};

// What `gcloud auth application-default login` left. A refresh token that has
// run out is explained: only the user can log in anew.
class Refreshing final : public TokenSource {
 public:
  Refreshing(RefreshToken token, Endpoints endpoints)
      : token_(std::move(token)), endpoints_(std::move(endpoints)) {}

  absl::StatusOr<AccessToken> Fetch() override {
    const absl::Time now = endpoints_->Now();
    std::vector<std::pair<std::string, std::string>> form = {
        {"grant_type", "refresh_token"},
        {"refresh_token", token_.refresh_token}};
    std::string authorization;
    if (token_.basic_authorization) {
      authorization =
          "Basic " + Base64Encode(AsBytes(fmt::format("{}:{}", token_.client_id,
                                                      token_.client_secret)));
    } else {
      form.emplace_back("client_id", token_.client_id);
      form.emplace_back("client_secret", token_.client_secret);
    }
    const auto answer =
        endpoints_->PostForm(token_.token_uri, form, authorization);
    if (!answer.ok()) {
      CloudError error = CloudErrorOf(answer.status());
      if (error.kind == CloudErrorKind::kExpiredToken) {
        error.message =
            fmt::format("{}: run `gcloud auth application-default login`",
                        error.message.empty() ? error.code : error.message);
        return MakeCloudError(error);
      }
      return answer.status();
    }
    return TokenIn(*answer, now);
  }

 private:
  const RefreshToken token_;
  const Endpoints endpoints_;
};

// Workload identity federation. Thread-safe, as everything is read anew.
class Federated final : public TokenSource {
 public:
  Federated(FederatedToken token, Endpoints endpoints)
      : token_(std::move(token)), endpoints_(std::move(endpoints)) {}

  absl::StatusOr<AccessToken> Fetch() override {
    const absl::Time now = endpoints_->Now();
    ASSIGN_OR_RETURN(const std::string subject, Subject());
    ASSIGN_OR_RETURN(
        const json answer,
        endpoints_->PostForm(
            token_.token_url,
            {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
             {"audience", token_.audience},
             {"scope", std::string(kCloudPlatformScope)},
             {"requested_token_type",
              "urn:ietf:params:oauth:token-type:access_token"},
             {"subject_token_type", token_.subject_token_type},
             {"subject_token", subject}},
            ""));
    return TokenIn(answer, now);
  }

 private:
  // Read anew each time: what writes it renews it.
  // A file or an URL; its text, or one field of its JSON.
  absl::StatusOr<std::string> Subject() {
    std::string text;
    if (!token_.file.empty()) {
      ASSIGN_OR_RETURN(text, ReadFile(token_.file, kMaxToken));
    } else {
      ASSIGN_OR_RETURN(
          const HttpResponse answer,
          endpoints_->Get(token_.url, token_.url_headers, absl::Seconds(30)));
      if (answer.status != 200 || answer.body.size() > kMaxToken) {
        return BadToken(fmt::format(
            "the source of the subject token, {}, answered with status {}",
            UrlForMessages(token_.url), answer.status));
      }
      text = answer.body;
    }
    if (!token_.json_field.empty()) {
      ASSIGN_OR_RETURN(const json object,
                       ParseJsonObject(text, "subject token", kMaxToken));
      text = TextOf(object, token_.json_field);
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
      text.pop_back();
    }
    if (text.empty()) {
      return BadToken("the source of the subject token gave none");
    }
    return text;
  }

  const FederatedToken token_;
  const Endpoints endpoints_;
};

// A token for another service account, by right of `base`'s. Scope and lifetime
// are ours to choose; the answer says when it ends.
class Impersonating final : public TokenSource {
 public:
  Impersonating(std::unique_ptr<TokenSource> base, std::string url,
                std::vector<std::string> delegates, Endpoints endpoints)
      : base_(std::move(base)),
        url_(std::move(url)),
        delegates_(std::move(delegates)),
        endpoints_(std::move(endpoints)) {}

  absl::StatusOr<AccessToken> Fetch() override {
    ASSIGN_OR_RETURN(const AccessToken base, base_->Fetch());
    json body = {{"scope", {kCloudPlatformScope}}, {"lifetime", "3600s"}};
    if (!delegates_.empty()) {
      body["delegates"] = delegates_;
    }
    ASSIGN_OR_RETURN(const json answer,
                     endpoints_->PostJson(url_, body, "Bearer " + base.value));
    AccessToken token{.value = TextOf(answer, "accessToken")};
    std::string problem;
    if (token.value.empty() || token.value.size() > kMaxToken ||
        !absl::ParseTime(absl::RFC3339_full, TextOf(answer, "expireTime"),
                         &token.expires, &problem)) {
      return BadToken("generateAccessToken's answer holds no token");
    }
    return token;
  }

  void Refused() override { base_->Refused(); }

 private:
  const std::unique_ptr<TokenSource> base_;
  const std::string url_;
  const std::vector<std::string> delegates_;
  const Endpoints endpoints_;
};

// The token of the VM's own service account. The answer must carry the flavor
// header, so that no proxy's page is taken for one.
class MetadataToken final : public TokenSource {
 public:
  MetadataToken(std::string root, Endpoints endpoints)
      : root_(std::move(root)), endpoints_(std::move(endpoints)) {}

  absl::StatusOr<AccessToken> Fetch() override {
    const absl::Time now = endpoints_->Now();
    ASSIGN_OR_RETURN(
        const HttpResponse answer,
        endpoints_->Get(
            fmt::format("{}/computeMetadata/v1/instance/service-accounts/"
                        "default/token?scopes={}",
                        root_, EscapeQuery(kCloudPlatformScope)),
            {{"Metadata-Flavor", "Google"}}, absl::Seconds(3)));
    if (answer.status != 200 || answer.Header("metadata-flavor") != "Google") {
      return BadToken(fmt::format(
          "the metadata server has no token (status {}): does the VM have a "
          "service account?",
          answer.status));
    }
    ASSIGN_OR_RETURN(const json object,
                     ParseJsonObject(answer.body, "token", kMaxToken));
    return TokenIn(object, now);
  }

 private:
  const std::string root_;
  const Endpoints endpoints_;
};

}  // namespace

std::unique_ptr<TokenSource> MakeFixedToken(std::string token) {
  return std::make_unique<FixedToken>(std::move(token));
}

std::unique_ptr<TokenSource> MakeServiceAccount(ServiceAccountKey key,
                                                Endpoints endpoints) {
  return std::make_unique<ServiceAccount>(std::move(key), std::move(endpoints));
}

std::unique_ptr<TokenSource> MakeRefreshToken(RefreshToken token,
                                              Endpoints endpoints) {
  return std::make_unique<Refreshing>(std::move(token), std::move(endpoints));
}

std::unique_ptr<TokenSource> MakeFederatedToken(FederatedToken token,
                                                Endpoints endpoints) {
  return std::make_unique<Federated>(std::move(token), std::move(endpoints));
}

std::unique_ptr<TokenSource> MakeImpersonation(
    std::unique_ptr<TokenSource> base, std::string url,
    std::vector<std::string> delegates, Endpoints endpoints) {
  return std::make_unique<Impersonating>(std::move(base), std::move(url),
                                         std::move(delegates),
                                         std::move(endpoints));
}

std::unique_ptr<TokenSource> MakeMetadataToken(std::string root,
                                               Endpoints endpoints) {
  return std::make_unique<MetadataToken>(std::move(root), std::move(endpoints));
}

}  // namespace constellation::cloud::gcp
