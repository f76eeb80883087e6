// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/credential_sources.h"
#include "cloud/gcp/gcp_error.h"
#include "cloud/http/endpoints.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Endpoints = std::shared_ptr<TokenEndpoints>;
using Found = std::pair<Identity, std::unique_ptr<TokenSource>>;

constexpr size_t kMaxFile = size_t{1} << 20U;
constexpr size_t kMaxField = size_t{64} * 1024;
// Each level costs a request; a file that nests deeper is a mistake or a trap.
constexpr int kMaxDepth = 3;  // of credentials inside of credentials
constexpr std::string_view kDefaultTokenUri =
    "https://oauth2.googleapis.com/token";

// Where tokens are sent to: TLS, or this machine.
absl::Status CheckUrl(const std::string& url, std::string_view field) {
  const std::string host = HostOfUrl(url);
  if (host.empty() || !(url.starts_with("https://") ||
                        (url.starts_with("http://") && IsLocalHost(host)))) {
    return InvalidArgument(
        fmt::format("\"{}\": want an https:// address", field));
  }
  return absl::OkStatus();
}

// Sources nest, so this and ParseImpersonated() call each other.
absl::StatusOr<std::unique_ptr<TokenSource>> ParseSource(const json& object,
                                                         Endpoints endpoints,
                                                         int depth);

// The key is wiped from the text that it was read from, and never quoted.
absl::StatusOr<std::unique_ptr<TokenSource>> ParseServiceAccount(
    const json& object, Endpoints endpoints) {
  JsonFields fields(object, "service account key");
  const std::string email = fields.String("client_email");
  const std::string key_id = fields.StringOr("private_key_id", "");
  const std::string uri = fields.StringOr("token_uri", kDefaultTokenUri);
  std::string pem = fields.String("private_key", kMaxField);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(CheckUrl(uri, "token_uri"));
  auto key = crypto::RsaPrivateKey::FromPem(SecretBytes(AsBytes(pem)));
  Wipe({reinterpret_cast<uint8_t*>(pem.data()), pem.size()});
  if (!key.ok()) {
    return Annotate(key.status(), "\"private_key\"");
  }
  return MakeServiceAccount({.email = email,
                             .key_id = key_id,
                             .token_uri = uri,
                             .key = *std::move(key)},
                            std::move(endpoints));
}

// `workforce`: external_account_authorized_user, which has its own token
// endpoint and wants the client's secret in a header.
absl::StatusOr<std::unique_ptr<TokenSource>> ParseUser(const json& object,
                                                       bool workforce,
                                                       Endpoints endpoints) {
  JsonFields fields(object, "user credentials");
  RefreshToken token{
      .token_uri = workforce ? fields.String("token_url")
                             : fields.StringOr("token_uri", kDefaultTokenUri),
      .client_id = fields.String("client_id"),
      .client_secret = fields.String("client_secret"),
      .refresh_token = fields.String("refresh_token", kMaxField),
      .basic_authorization = workforce};
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(CheckUrl(token.token_uri, "token_uri"));
  return MakeRefreshToken(std::move(token), std::move(endpoints));
}

// Where the foreign token comes from. Programs are refused: a credential file
// that is handed around must not start one. AWS's and certificates' forms are
// not implemented.
absl::StatusOr<FederatedToken> ParseSubject(const json& source,
                                            FederatedToken token) {
  JsonFields fields(source, "credential_source");
  token.file = fields.StringOr("file", "");
  token.url = fields.StringOr("url", "");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  for (const char* unsupported :
       {"executable", "environment_id", "certificate"}) {
    if (source.contains(unsupported)) {
      return InvalidArgument(fmt::format(
          "credential_source: \"{}\" is not supported: use a file or a url, or "
          "`gcloud auth print-access-token` in GOOGLE_OAUTH_ACCESS_TOKEN",
          unsupported));
    }
  }
  if (token.file.empty() == token.url.empty()) {
    return InvalidArgument("credential_source: want \"file\" or \"url\"");
  }
  if (!token.url.empty()) {
    RETURN_IF_ERROR(CheckUrl(token.url, "url"));
  }
  const json headers = source.value("headers", json::object());
  for (const auto& [name, value] : headers.items()) {
    if (value.is_string()) {
      token.url_headers.emplace_back(name, value.get<std::string>());
    }
  }
  const json format = source.value("format", json::object());
  if (TextOf(format, "type") == "json") {
    token.json_field = TextOf(format, "subject_token_field_name");
    if (token.json_field.empty()) {
      return InvalidArgument(
          "credential_source: format: want \"subject_token_field_name\"");
    }
  }
  return token;
}

// The federated token alone, or a service account's that it may act for.
absl::StatusOr<std::unique_ptr<TokenSource>> ParseExternal(
    const json& object, Endpoints endpoints) {
  JsonFields fields(object, "external account");
  FederatedToken token{
      .token_url = fields.String("token_url"),
      .audience = fields.String("audience"),
      .subject_token_type = fields.String("subject_token_type")};
  const std::string impersonation =
      fields.StringOr("service_account_impersonation_url", "");
  const json* const source = fields.Object("credential_source");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(CheckUrl(token.token_url, "token_url"));
  ASSIGN_OR_RETURN(token, ParseSubject(*source, std::move(token)));
  auto federated = MakeFederatedToken(std::move(token), endpoints);
  if (impersonation.empty()) {
    return federated;
  }
  RETURN_IF_ERROR(CheckUrl(impersonation, "service_account_impersonation_url"));
  return MakeImpersonation(std::move(federated), impersonation, {},
                           std::move(endpoints));
}

// Delegates are passed on as they are: Google judges the chain.
absl::StatusOr<std::unique_ptr<TokenSource>> ParseImpersonated(
    const json& object, Endpoints endpoints, int depth) {
  JsonFields fields(object, "impersonated service account");
  const std::string url = fields.String("service_account_impersonation_url");
  const json* const source = fields.Object("source_credentials");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(CheckUrl(url, "service_account_impersonation_url"));
  std::vector<std::string> delegates;
  for (const json& name : object.value("delegates", json::array())) {
    if (name.is_string()) {
      delegates.push_back(name.get<std::string>());
    }
  }
  ASSIGN_OR_RETURN(auto base, ParseSource(*source, endpoints, depth + 1));
  return MakeImpersonation(std::move(base), url, std::move(delegates),
                           std::move(endpoints));
}

absl::StatusOr<std::unique_ptr<TokenSource>> ParseSource(const json& object,
                                                         Endpoints endpoints,
                                                         int depth) {
  const std::string type = TextOf(object, "type");
  if (depth > kMaxDepth) {
    return InvalidArgument("source_credentials: nested too deeply");
  }
  if (type == "service_account") {
    return ParseServiceAccount(object, std::move(endpoints));
  }
  if (type == "authorized_user" || type == "external_account_authorized_user") {
    return ParseUser(object, type != "authorized_user", std::move(endpoints));
  }
  if (type == "external_account") {
    return ParseExternal(object, std::move(endpoints));
  }
  if (type == "impersonated_service_account") {
    return ParseImpersonated(object, std::move(endpoints), depth);
  }
  return InvalidArgument(
      "\"type\": want service_account, authorized_user, external_account, "
      "external_account_authorized_user or impersonated_service_account");
}

// Failures name the variable that led here (`why`), not only the path.
absl::StatusOr<Found> FromFile(const std::string& path, std::string_view why,
                               const Endpoints& endpoints) {
  const std::string where = fmt::format("{} ({})", path, why);
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFile);
  if (!text.ok()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kBadCredentials,
         .message = fmt::format("{}: {}", why, Message(text.status()))});
  }
  auto found = ParseCredentials(*text, where, endpoints);
  Wipe({reinterpret_cast<uint8_t*>(text->data()), text->size()});
  return found;
}

// Where gcloud would put its file: CLOUDSDK_CONFIG moves its whole folder.
std::optional<std::string> GcloudFile(const Environment& environment) {
  constexpr std::string_view kFile = "application_default_credentials.json";
  if (const auto folder = NonEmpty(environment, "CLOUDSDK_CONFIG")) {
    return fmt::format("{}/{}", *folder, kFile);
  }
  const auto home = NonEmpty(environment, "HOME");
  return home ? std::optional(fmt::format("{}/.config/gcloud/{}", *home, kFile))
              : std::nullopt;
}

// NOT_FOUND if nothing answers as a metadata server does. Without a name or
// address configured this asks a link-local one: three seconds at most.
absl::StatusOr<Found> FromMetadata(const Environment& environment,
                                   const Endpoints& endpoints) {
  ASSIGN_OR_RETURN(const Endpoint endpoint,
                   ResolveEndpoint("gcp", "metadata", {}, environment));
  const auto answer = endpoints->Get(
      endpoint.url +
          "/computeMetadata/v1/instance/service-accounts/default/email",
      {{"Metadata-Flavor", "Google"}}, absl::Seconds(3));
  if (!answer.ok() || answer->status != 200 ||
      answer->Header("metadata-flavor") != "Google") {
    return NotFound("no metadata server");
  }
  return Found(Identity{.source = "the metadata server",
                        .account = answer->body.substr(0, 256)},
               MakeMetadataToken(endpoint.url, endpoints));
}

// In the order of FindLogin(). What is set must work: falling back to another
// identity would surprise its owner.
absl::StatusOr<Found> Search(const CredentialOptions& options,
                             const Endpoints& endpoints) {
  const Environment& environment = options.environment;
  for (const char* name :
       {"GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"}) {
    if (auto token = NonEmpty(environment, name)) {
      return Found(Identity{.source = name}, MakeFixedToken(*std::move(token)));
    }
  }
  if (const auto key = NonEmpty(environment, "GOOGLE_CREDENTIALS")) {
    return key->find('{') == std::string::npos
               ? FromFile(*key, "GOOGLE_CREDENTIALS", endpoints)
               : ParseCredentials(*key, "GOOGLE_CREDENTIALS", endpoints);
  }
  if (const auto path = NonEmpty(environment, "GOOGLE_APPLICATION_CREDENTIALS");
      path) {
    return FromFile(*path, "GOOGLE_APPLICATION_CREDENTIALS", endpoints);
  }
  const auto file = GcloudFile(environment);
  if (file && FileExists(*file)) {
    return FromFile(*file, "gcloud's application default credentials",
                    endpoints);
  }
  absl::StatusOr<Found> vm = FromMetadata(environment, endpoints);
  if (vm.ok() || !absl::IsNotFound(vm.status())) {
    return vm;
  }
  return MakeCloudError(
      {.kind = CloudErrorKind::kBadCredentials,
       .message = fmt::format(
           "no credentials for Google Cloud: GOOGLE_OAUTH_ACCESS_TOKEN, "
           "CLOUDSDK_AUTH_ACCESS_TOKEN, GOOGLE_CREDENTIALS and "
           "GOOGLE_APPLICATION_CREDENTIALS are not set, {} does not exist "
           "(`gcloud auth application-default login` makes it; plain `gcloud "
           "auth login` does not), and there is no metadata server",
           file.value_or("~/.config/gcloud/"
                         "application_default_credentials.json"))});
}

}  // namespace

// Fewer and faster attempts than for the API: a login should fail soon.
TokenEndpoints::TokenEndpoints(const CredentialOptions& options)
    : clock_(*options.clock),
      transport_(*options.transport, *options.clock, options.random,
                 {.max_attempts = 4,
                  .deadline = absl::Minutes(1),
                  .classify = ClassifyGcpAnswer}) {}

// Repeatable: fetching a token twice makes two, both good.
absl::StatusOr<json> TokenEndpoints::PostForm(
    const std::string& url,
    const std::vector<std::pair<std::string, std::string>>& form,
    const std::string& authorization) {
  HttpRequest request{
      .method = "POST",
      .url = url,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
      .timeout = absl::Seconds(30),
      .max_answer_size = kMaxFile,
      .repeatable = true};
  if (!authorization.empty()) {
    request.headers.emplace_back("Authorization", authorization);
  }
  for (const auto& [key, value] : form) {
    request.body += fmt::format("{}{}={}", request.body.empty() ? "" : "&", key,
                                EscapeQuery(value));
  }
  ASSIGN_OR_RETURN(const HttpResponse answer, transport_.Send(request));
  if (answer.status != 200) {
    return MakeCloudError(GcpErrorOf(answer, /*read_only=*/true));
  }
  return ParseJsonObject(answer.body, "token", kMaxFile);
}

absl::StatusOr<json> TokenEndpoints::PostJson(
    const std::string& url, const json& body,
    const std::string& authorization) {
  ASSIGN_OR_RETURN(
      const HttpResponse answer,
      transport_.Send({.method = "POST",
                       .url = url,
                       .headers = {{"Content-Type", "application/json"},
                                   {"Authorization", authorization}},
                       .body = DumpJson(body),
                       .timeout = absl::Seconds(30),
                       .max_answer_size = kMaxFile,
                       .repeatable = true}));
  if (answer.status != 200) {
    return MakeCloudError(GcpErrorOf(answer, /*read_only=*/true));
  }
  return ParseJsonObject(answer.body, "token", kMaxFile);
}

// No redirects, a short time to connect: metadata servers are near.
absl::StatusOr<HttpResponse> TokenEndpoints::Get(const std::string& url,
                                                 HttpHeaders headers,
                                                 absl::Duration timeout) {
  return transport_.Send(
      {.url = url,
       .headers = std::move(headers),
       .timeout = timeout,
       .connect_timeout = std::min(timeout, absl::Seconds(3)),
       .max_answer_size = kMaxFile});
}

// `where` goes in front of every error; the text itself never does.
absl::StatusOr<Found> ParseCredentials(const std::string& json_text,
                                       std::string_view where,
                                       Endpoints endpoints) {
  const auto object = ParseJsonObject(json_text, "credentials", kMaxFile);
  absl::StatusOr<std::unique_ptr<TokenSource>> source =
      object.ok()
          ? ParseSource(*object, std::move(endpoints), 0)
          : absl::StatusOr<std::unique_ptr<TokenSource>>(object.status());
  if (!source.ok()) {
    return Annotate(source.status(), where);
  }
  Identity identity{.source = std::string(where),
                    .account = TextOf(*object, "client_email"),
                    .project = TextOf(*object, "project_id"),
                    .quota_project = TextOf(*object, "quota_project_id")};
  if (const std::string universe = TextOf(*object, "universe_domain");
      !universe.empty()) {
    identity.universe = universe;
  }
  return Found(std::move(identity), *std::move(source));
}

// The search runs when the login is first needed, not now.
Login FindLogin(CredentialOptions options) {
  // shared_ptr: nested token sources keep it as long as they live.
  auto endpoints = std::make_shared<TokenEndpoints>(options);
  return [options = std::move(options),
          endpoints = std::move(endpoints)]() -> absl::StatusOr<Found> {
    absl::StatusOr<Found> found = Search(options, endpoints);
    if (found.ok()) {
      if (const auto project =
              NonEmpty(options.environment, "GOOGLE_CLOUD_QUOTA_PROJECT")) {
        found->first.quota_project = *project;
      }
    }
    return found;
  };
}

}  // namespace constellation::cloud::gcp
