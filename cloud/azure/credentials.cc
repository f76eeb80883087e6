// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/credentials.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/azure/arm_names.h"
#include "cloud/http/endpoints.h"
#include "cloud/http/jwt.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/rsa_private_key.h"
#include "crypto/x509.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kMaxFile = size_t{256} << 10U;
constexpr size_t kMaxProfile = size_t{4} << 20U;
constexpr size_t kMaxChain = 10;
constexpr absl::Duration kAssertionLife = absl::Minutes(10);
constexpr absl::Duration kAzTimeout = absl::Seconds(20);

constexpr std::string_view kEnvironment = "EnvironmentCredential";
constexpr std::string_view kWorkload = "WorkloadIdentityCredential";
constexpr std::string_view kManaged = "ManagedIdentityCredential";
constexpr std::string_view kCli = "AzureCliCredential";
constexpr std::array kSources = {kEnvironment, kWorkload, kManaged, kCli};

// Says "this source is not configured"; the next one is tried.
absl::Status NotConfigured(std::string_view why) {
  return NotFound(why);
}

// The words after which the search goes on.
bool IsNotConfigured(const absl::Status& status) {
  return absl::IsNotFound(status);
}

// Token files and the words of programs end with a newline.
std::string Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  const size_t last = text.find_last_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? ""
             : std::string(text.substr(first, last - first + 1));
}

// The assertion by which the owner of a certificate proves to be it (Microsoft
// identity platform, "certificate credentials"). PS256 with the SHA-256 of the
// certificate, as Microsoft advises.
absl::StatusOr<std::string> CertificateAssertion(const std::string& pem,
                                                 std::string_view audience,
                                                 std::string_view client,
                                                 bool send_chain,
                                                 absl::Time now) {
  const SecretBytes secret(AsBytes(pem));
  ASSIGN_OR_RETURN(const crypto::RsaPrivateKey key,
                   crypto::RsaPrivateKey::FromPem(secret));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                   crypto::Certificate::ListFromPem(pem, kMaxChain));
  if (chain.front().Spki() != key.PublicSpki()) {
    return InvalidArgument(
        "the first certificate in the file is not that of its private key");
  }
  json header = {{"x5t#S256", Base64UrlEncode(chain.front().Fingerprint())}};
  if (send_chain) {
    for (const crypto::Certificate& certificate : chain) {
      header["x5c"].push_back(Base64Encode(certificate.der()));
    }
  }
  const int64_t seconds = absl::ToUnixSeconds(now);
  return SignJwt(JwtAlgorithm::kPs256, header,
                 {{"aud", audience},
                  {"iss", client},
                  {"sub", client},
                  {"jti", crypto::RandomUuid()},
                  {"nbf", seconds},
                  {"iat", seconds},
                  {"exp", seconds + absl::ToInt64Seconds(kAssertionLife)}},
                 key);
}

// RFC 7523, 2.2: a signed statement in place of a password.
std::string AssertionForm(std::string_view assertion) {
  return fmt::format(
      "&client_assertion_type={}&client_assertion={}",
      UrlEncode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
      UrlEncode(assertion));
}

// As Azure's SDKs read AZURE_CLIENT_SEND_CERTIFICATE_CHAIN.
bool Truth(const std::optional<std::string>& value) {
  const std::string word = Lower(value.value_or(""));
  return word == "1" || word == "true";
}

// Which sources AZURE_TOKEN_CREDENTIALS leaves.
absl::StatusOr<std::vector<std::string_view>> Wanted(
    const Environment& environment) {
  const std::string word =
      Lower(NonEmpty(environment, "AZURE_TOKEN_CREDENTIALS").value_or(""));
  std::vector<std::string_view> wanted;
  for (const std::string_view source : kSources) {
    const bool development = source == kCli;
    if (word.empty() || word == Lower(source) ||
        (word == "prod" && !development) || (word == "dev" && development)) {
      wanted.push_back(source);
    }
  }
  if (wanted.empty()) {
    return InvalidArgument(fmt::format(
        "AZURE_TOKEN_CREDENTIALS: want prod, dev or one of {}, got \"{}\"",
        fmt::join(kSources, ", "), word.substr(0, 80)));
  }
  return wanted;
}

}  // namespace

CredentialChain::CredentialChain(CredentialOptions options)
    : options_(std::move(options)),
      token_(options_.clock,
             [this](std::string_view claims) { return Fetch(claims); }) {}

std::string CredentialChain::source() const {
  const absl::MutexLock lock(&mutex_);
  return source_;
}

std::optional<std::string> CredentialChain::Variable(
    std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (auto value = NonEmpty(options_.environment, name)) {
      return value;
    }
  }
  return std::nullopt;
}

std::string CredentialChain::Tenant() const {
  return options_.tenant.empty()
             ? Variable({"AZURE_TENANT_ID", "ARM_TENANT_ID"}).value_or("")
             : options_.tenant;
}

// A source that is configured but fails ends the search: to go on would act
// with an identity that nobody chose.
absl::StatusOr<AccessToken> CredentialChain::Fetch(std::string_view claims) {
  ASSIGN_OR_RETURN(const std::vector<std::string_view> wanted,
                   Wanted(options_.environment));
  std::vector<std::string> tried;
  for (const std::string_view source : wanted) {
    absl::StatusOr<AccessToken> token = Try(source, claims);
    if (token.ok()) {
      const absl::MutexLock lock(&mutex_);
      source_ = std::string(source);
      return token;
    }
    if (!IsNotConfigured(token.status())) {
      return Annotate(token.status(), source);
    }
    tried.push_back(fmt::format("{}: {}", source, Message(token.status())));
  }
  return Unauthenticated(fmt::format(
      "no credentials for Azure; tried {}. `az login` is the simplest way",
      fmt::join(tried, "; ")));
}

absl::StatusOr<AccessToken> CredentialChain::Try(std::string_view source,
                                                 std::string_view claims) {
  if (source == kEnvironment) {
    return FromEnvironment(claims);
  }
  if (source == kWorkload) {
    return FromWorkloadIdentity(claims);
  }
  return source == kManaged ? FromManagedIdentity() : FromAzureCli();
}

absl::StatusOr<std::string> CredentialChain::TokenUrl(
    std::string_view tenant) const {
  const bool good =
      !tenant.empty() && tenant.size() <= 255 &&
      std::ranges::all_of(tenant, [](char c) {
        return std::string_view(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                   "UVWXYZ0123456789.-")
                   .find(c) != std::string_view::npos;
      });
  if (!good) {
    return InvalidArgument(
        "tenant: want a UUID or a domain (provider.azure.tenant, "
        "AZURE_TENANT_ID)");
  }
  ASSIGN_OR_RETURN(const Endpoint login,
                   ResolveEndpoint("azure", "login", {}, options_.environment));
  return fmt::format("{}/{}/oauth2/v2.0/token", login.url, tenant);
}

// A token for the public cloud is worth nothing in a sovereign one. Emulators
// and private endpoints take tokens of the public cloud.
std::string ArmAudience(std::string_view endpoint) {
  const std::string host = HostOfUrl(endpoint);
  for (const std::string_view sovereign :
       {"management.usgovcloudapi.net", "management.chinacloudapi.cn"}) {
    if (host == sovereign) {
      return fmt::format("https://{}", sovereign);
    }
  }
  return "https://management.azure.com";
}

// Repeated here because the transport repeats nothing. A failure of TLS is
// final: whoever sits in the middle is not offered the secret three more times.
absl::StatusOr<AccessToken> CredentialChain::AskEntra(std::string_view tenant,
                                                      std::string form,
                                                      std::string_view claims) {
  ASSIGN_OR_RETURN(const std::string url, TokenUrl(tenant));
  ASSIGN_OR_RETURN(const Endpoint arm,
                   ResolveEndpoint("azure", "arm", {}, options_.environment));
  form = fmt::format("grant_type=client_credentials&scope={}{}",
                     UrlEncode(ArmAudience(arm.url) + "/.default"), form);
  if (!claims.empty()) {
    form += "&claims=" + UrlEncode(claims);
  }
  const HttpRequest request{
      .method = "POST",
      .url = url,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"Accept", "application/json"}},
      .body = std::move(form),
      .max_answer_size = kMaxFile};
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    const auto response = options_.transport.Send(request);
    absl::StatusOr<AccessToken> token =
        response.ok() ? ParseTokenAnswer(*response, options_.clock.Now())
                      : absl::StatusOr<AccessToken>(response.status());
    const bool later = response.ok() ? absl::IsUnavailable(token.status())
                                     : TransportErrorOf(response.status()) !=
                                           TransportError::kTls;
    if (token.ok() || !later || attempt >= kAttempts) {
      return token;
    }
    options_.clock.Sleep(absl::Seconds(1 << attempt));
  }
}

// The secret comes before the certificate, as in Azure's tools. A certificate's
// audience is the token endpoint itself.
absl::StatusOr<AccessToken> CredentialChain::FromEnvironment(
    std::string_view claims) {
  const auto client = Variable({"AZURE_CLIENT_ID", "ARM_CLIENT_ID"});
  const auto secret = Variable({"AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"});
  const auto file = Variable(
      {"AZURE_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PATH"});
  const std::string tenant = Tenant();
  if (!client || tenant.empty() || (!secret && !file)) {
    return NotConfigured(
        "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or "
        "AZURE_CLIENT_CERTIFICATE_PATH are not all set");
  }
  const std::string form = "&client_id=" + UrlEncode(*client);
  if (secret) {
    return AskEntra(tenant, form + "&client_secret=" + UrlEncode(*secret),
                    claims);
  }
  if (Variable({"AZURE_CLIENT_CERTIFICATE_PASSWORD",
                "ARM_CLIENT_CERTIFICATE_PASSWORD"})) {
    return InvalidArgument(
        "certificates with a password are not supported: write key and "
        "certificate into one PEM file of mode 0600");
  }
  const absl::StatusOr<std::string> pem = ReadFile(*file, kMaxFile);
  if (!pem.ok()) {
    return InvalidArgument(Message(pem.status()));  // configured, but wrong
  }
  ASSIGN_OR_RETURN(const std::string url, TokenUrl(tenant));
  const absl::StatusOr<std::string> assertion = CertificateAssertion(
      *pem, url, *client,
      Truth(Variable({"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"})),
      options_.clock.Now());
  if (!assertion.ok()) {
    return Annotate(assertion.status(), *file);
  }
  return AskEntra(tenant, form + AssertionForm(*assertion), claims);
}

// The file is read for every token: Kubernetes and CI systems rewrite it within
// the hour.
absl::StatusOr<AccessToken> CredentialChain::FromWorkloadIdentity(
    std::string_view claims) {
  const auto client = Variable({"AZURE_CLIENT_ID", "ARM_CLIENT_ID"});
  const auto file =
      Variable({"AZURE_FEDERATED_TOKEN_FILE", "ARM_OIDC_TOKEN_FILE_PATH"});
  const auto inline_token = Variable({"ARM_OIDC_TOKEN"});
  const std::string tenant = Tenant();
  if (!client || tenant.empty() || (!file && !inline_token)) {
    return NotConfigured(
        "AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID and AZURE_TENANT_ID are "
        "not all set");
  }
  std::string token = inline_token.value_or("");
  if (file) {
    absl::StatusOr<std::string> read = ReadFile(*file, kMaxFile);
    if (!read.ok()) {
      return InvalidArgument(Message(read.status()));
    }
    token = *std::move(read);
  }
  return AskEntra(
      tenant,
      "&client_id=" + UrlEncode(*client) + AssertionForm(Trimmed(token)),
      claims);
}

// IDENTITY_HEADER is a secret of App Service: it goes to this machine or over
// TLS only.
absl::StatusOr<AccessToken> CredentialChain::FromManagedIdentity() {
  ManagedIdentity identity{
      .client_id = Variable({"AZURE_CLIENT_ID", "ARM_CLIENT_ID"}).value_or("")};
  const auto endpoint = Variable({"IDENTITY_ENDPOINT"});
  const auto header = Variable({"IDENTITY_HEADER"});
  if (endpoint && header) {
    if (!IsLocalHost(HostOfUrl(*endpoint)) &&
        !endpoint->starts_with("https://")) {
      return InvalidArgument(
          "IDENTITY_ENDPOINT: want https or this machine's own address");
    }
    identity.endpoint = *endpoint;
    identity.identity_header = *header;
  } else {
    ASSIGN_OR_RETURN(
        const Endpoint imds,
        ResolveEndpoint("azure", "imds", {}, options_.environment));
    identity.endpoint = imds.url;
  }
  absl::StatusOr<AccessToken> token = FetchManagedIdentityToken(
      options_.transport, options_.clock, identity, /*patient=*/false);
  // Nobody there, or no identity: this is not a machine with one.
  return absl::IsUnavailable(token.status())
             ? NotConfigured(Message(token.status()))
             : token;
}

// `az` is run without a shell, and what is passed on is checked to be a UUID,
// so that no setting becomes an option. "expiresOn" is ignored: it has no time
// zone.
absl::StatusOr<AccessToken> CredentialChain::FromAzureCli() {
  std::vector<std::string> argv = {"az",       "account", "get-access-token",
                                   "--output", "json",    "--resource"};
  ASSIGN_OR_RETURN(const Endpoint arm,
                   ResolveEndpoint("azure", "arm", {}, options_.environment));
  argv.push_back(ArmAudience(arm.url));
  if (IsUuid(options_.tenant)) {
    argv.insert(argv.end(), {"--tenant", options_.tenant});
  } else if (IsUuid(options_.subscription)) {
    argv.insert(argv.end(), {"--subscription", options_.subscription});
  }
  const absl::StatusOr<CommandResult> result =
      options_.runner.Run(argv, {.timeout = kAzTimeout});
  if (absl::IsNotFound(result.status())) {
    return NotConfigured("there is no program `az`");
  }
  RETURN_IF_ERROR(result.status());
  if (result->exit_code != 0) {
    const std::string words = result->err.substr(0, 400);
    return words.find("az login") != std::string::npos
               ? NotConfigured("nobody is logged in: run `az login`")
               : Unauthenticated(fmt::format("az: {}", Trimmed(words)));
  }
  ASSIGN_OR_RETURN(json answer, ParseJsonObject(result->out, "az", kMaxFile));
  answer["access_token"] = answer.value("accessToken", json());
  // Versions before 2.54 say it in local time only, which nobody can read.
  if (!answer.contains("expires_on")) {
    answer["expires_in"] = 600;
  }
  return ParseTokenAnswer({.status = 200, .body = answer.dump()},
                          options_.clock.Now());
}

// A profile that cannot be read counts as nobody's choice; one that is no JSON
// is an error. `az` writes it with a byte order mark.
absl::StatusOr<std::string> DefaultSubscription(
    const Environment& environment) {
  for (const char* name : {"ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"}) {
    if (auto value = NonEmpty(environment, name)) {
      return *value;
    }
  }
  const auto home = NonEmpty(environment, "HOME");
  const std::string folder = NonEmpty(environment, "AZURE_CONFIG_DIR")
                                 .value_or(home.value_or("") + "/.azure");
  const absl::StatusOr<std::string> text =
      ReadFile(folder + "/azureProfile.json", kMaxProfile);
  if (text.ok()) {
    std::string_view body = *text;
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (body.starts_with(kByteOrderMark)) {
      body.remove_prefix(kByteOrderMark.size());
    }
    ASSIGN_OR_RETURN(const json profile,
                     ParseJsonObject(body, "azureProfile.json", kMaxProfile));
    const auto list = profile.find("subscriptions");
    for (const json& one :
         list != profile.end() && list->is_array() ? *list : json::array()) {
      if (one.is_object() && one.value("isDefault", json()) == json(true) &&
          one.value("id", json()).is_string()) {
        return one["id"].get<std::string>();
      }
    }
  }
  return NotFound(
      "no subscription: set provider.azure.subscription, or run `az account "
      "set`");
}

}  // namespace constellation::cloud::azure
