// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/credential_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/aws/key_documents.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/endpoints.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

// Renewed so long before they expire, so that no request under way loses them.
constexpr absl::Duration kRenewBefore = absl::Minutes(10);
constexpr size_t kMaxDocument = 64 * 1024;
constexpr int kMaxRoles = 5;  // chained by source_profile

// SecretBytes are not copied by accident, so it is spelt out.
Credentials Copy(const Credentials& keys) {
  return {.access_key_id = keys.access_key_id,
          .secret_access_key = keys.secret_access_key.Clone(),
          .session_token = keys.session_token,
          .expires = keys.expires};
}

// Keys that were found and do not change.
class FixedSource final : public CredentialSource {
 public:
  explicit FixedSource(Credentials keys) : keys_(std::move(keys)) {}
  absl::StatusOr<Credentials> Get() override { return Copy(keys_); }
  void Discard() override {}

 private:
  const Credentials keys_;
};

}  // namespace

// Keys near their end are renewed; if that fails, the old ones serve until they
// have really expired, so a short outage of IMDS ends nothing.
absl::StatusOr<Credentials> CredentialChain::Get() {
  const absl::MutexLock lock(&mutex_);
  if (!keys_ || options_.clock.Now() >= keys_->expires - kRenewBefore) {
    absl::StatusOr<Credentials> keys = Search();
    if (keys.ok()) {
      keys_ = *std::move(keys);
    } else if (!keys_ || options_.clock.Now() >= keys_->expires) {
      return keys.status();
    }
  }
  return Copy(*keys_);
}

// After AWS has refused them: the next Get() searches again.
void CredentialChain::Discard() {
  const absl::MutexLock lock(&mutex_);
  keys_.reset();
}

std::string CredentialChain::source() const {
  const absl::MutexLock lock(&mutex_);
  return source_;
}

// Goes through the sources in the order of AWS's own tools. A source that is
// not configured is passed over; one that is configured but fails ends the
// search, since other keys could be another account's. A profile named in the
// config excludes the environment's keys.
absl::StatusOr<Credentials> CredentialChain::Search() {
  ASSIGN_OR_RETURN(const Profiles profiles,
                   Profiles::Load(options_.environment));
  const std::string profile =
      Profiles::Choose(options_.environment, options_.profile);
  if (!options_.profile.empty() && !profiles.Has(profile)) {
    return MakeKeyError(
        fmt::format("profile \"{}\" is in neither of AWS's files", profile));
  }
  // One source; `run` is empty-handed if it is not configured.
  struct Step {
    std::string name;
    std::function<Found()> run;
  };
  const auto files = [&](auto run) {
    return [&, run] { return run(profiles, profile); };
  };
  const std::vector<Step> steps = {
      {"environment (AWS_ACCESS_KEY_ID)",
       [&] {
         return options_.profile.empty() ? FromEnvironment()
                                         : Found(std::nullopt);
       }},
      {fmt::format("profile \"{}\" (role, web identity, sso, keys, "
                   "credential_process)",
                   profile),
       files([&](const Profiles& all, const std::string& name) {
         return FromProfile(all, name, 0);
       })},
      {"container (AWS_CONTAINER_CREDENTIALS_*_URI)",
       [&] { return FromContainer(); }},
      {"instance role (IMDSv2)", [&] { return FromInstance(); }}};
  std::string tried;
  for (const Step& step : steps) {
    ASSIGN_OR_RETURN(std::optional<Credentials> keys, step.run());
    if (keys) {
      source_ = step.name;
      return *std::move(keys);
    }
    tried += (tried.empty() ? "" : ", ") + step.name;
  }
  return MakeKeyError("no AWS credentials; tried: " + tried);
}

// Half a pair is a mistake that is reported, not passed over.
CredentialChain::Found CredentialChain::FromEnvironment() {
  const auto id = NonEmpty(options_.environment, "AWS_ACCESS_KEY_ID");
  if (!id) {
    return std::nullopt;
  }
  const auto secret = NonEmpty(options_.environment, "AWS_SECRET_ACCESS_KEY");
  if (!secret) {
    return MakeKeyError(
        "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
  }
  return Credentials{
      .access_key_id = *id,
      .secret_access_key = SecretBytes(AsBytes(*secret)),
      .session_token =
          NonEmpty(options_.environment, "AWS_SESSION_TOKEN").value_or("")};
}

// The order inside of one profile is botocore's: role, web identity, SSO, keys
// in the credentials file, process, keys in the config file.
CredentialChain::Found CredentialChain::FromProfile(const Profiles& profiles,
                                                    const std::string& profile,
                                                    int depth) {
  ASSIGN_OR_RETURN(std::optional<Credentials> keys,
                   FromRole(profiles, profile, depth));
  if (!keys) {
    ASSIGN_OR_RETURN(keys, FromWebIdentity(profiles, profile));
  }
  if (!keys) {
    ASSIGN_OR_RETURN(keys, FromSso(profiles, profile));
  }
  if (!keys) {
    keys = KeysFromSection(profiles.InCredentials(profile));
  }
  const std::string process =
      ValueOf(profiles.Merged(profile), "credential_process");
  if (!keys && !process.empty()) {
    return FromProcess(process);
  }
  return keys ? std::move(keys) : KeysFromSection(profiles.InConfig(profile));
}

// Whose keys take on the role.
CredentialChain::Found CredentialChain::Source(const Profiles& profiles,
                                               const std::string& profile,
                                               const Profiles::Section& section,
                                               int depth) {
  const std::string from = ValueOf(section, "source_profile");
  const std::string source = ValueOf(section, "credential_source");
  if (from.empty() == source.empty()) {
    return MakeKeyError(
        fmt::format("profile \"{}\": want either source_profile or "
                    "credential_source beside role_arn",
                    profile));
  }
  if (source == "Environment") {
    return FromEnvironment();
  }
  if (source == "EcsContainer") {
    return FromContainer();
  }
  if (source == "Ec2InstanceMetadata") {
    return FromInstance();
  }
  if (!source.empty()) {
    return MakeKeyError(
        fmt::format("profile \"{}\": credential_source: want "
                    "Environment, EcsContainer or Ec2InstanceMetadata, "
                    "got \"{}\"",
                    profile, source));
  }
  // A profile may name itself: its own keys take on its role.
  return from == profile ? Found(KeysFromSection(profiles.Merged(profile)))
                         : FromProfile(profiles, from, depth + 1);
}

// AssumeRole with another profile's keys. Chains are bounded: files may name
// each other in a circle. MFA is refused, since a code would have to be typed
// for each renewal.
CredentialChain::Found CredentialChain::FromRole(const Profiles& profiles,
                                                 const std::string& profile,
                                                 int depth) {
  const Profiles::Section section = profiles.Merged(profile);
  const std::string role = ValueOf(section, "role_arn");
  if (role.empty() || !ValueOf(section, "web_identity_token_file").empty()) {
    return std::nullopt;
  }
  if (depth >= kMaxRoles) {
    return MakeKeyError(
        fmt::format("profile \"{}\": source_profile leads in a circle "
                    "or through more than {} profiles",
                    profile, kMaxRoles));
  }
  if (!ValueOf(section, "mfa_serial").empty()) {
    return MakeKeyError(
        fmt::format("profile \"{}\" wants an MFA code: get temporary "
                    "keys with AWS's own tool and set them in the "
                    "environment",
                    profile));
  }
  ASSIGN_OR_RETURN(std::optional<Credentials> keys,
                   Source(profiles, profile, section, depth));
  if (!keys) {
    return MakeKeyError(
        fmt::format("profile \"{}\": its source has no keys", profile));
  }
  Json parameters = {{"RoleArn", role},
                     {"RoleSessionName", "constellation"},
                     {"DurationSeconds", 3600}};
  for (const auto& [key, name] :
       {std::pair("role_session_name", "RoleSessionName"),
        std::pair("external_id", "ExternalId"),
        std::pair("duration_seconds", "DurationSeconds")}) {
    if (const std::string value = ValueOf(section, key); !value.empty()) {
      parameters[name] = value;
    }
  }
  FixedSource source(*std::move(keys));
  ASSIGN_OR_RETURN(Credentials assumed,
                   CallSts(source, "AssumeRole", parameters));
  return std::make_optional(std::move(assumed));
}

// A token that Kubernetes or a CI system wrote to a file, exchanged for keys.
// STS takes this call unsigned.
CredentialChain::Found CredentialChain::FromWebIdentity(
    const Profiles& profiles, const std::string& profile) {
  const Profiles::Section section = profiles.Merged(profile);
  const auto get = [&](const char* variable, const char* key) {
    const auto value = NonEmpty(options_.environment, variable);
    return value ? *value : ValueOf(section, key);
  };
  const std::string file =
      get("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
  if (file.empty()) {
    return std::nullopt;
  }
  const std::string role = get("AWS_ROLE_ARN", "role_arn");
  if (role.empty()) {
    return MakeKeyError(
        "web identity: a token file but no role (AWS_ROLE_ARN)");
  }
  ASSIGN_OR_RETURN(std::string token, ReadFile(file, kMaxDocument));
  while (token.ends_with('\n')) {
    token.pop_back();
  }
  const std::string session = get("AWS_ROLE_SESSION_NAME", "role_session_name");
  FixedSource anonymous((Credentials()));
  ASSIGN_OR_RETURN(
      Credentials assumed,
      CallSts(anonymous, "AssumeRoleWithWebIdentity",
              {{"RoleArn", role},
               {"RoleSessionName", session.empty() ? "constellation" : session},
               {"WebIdentityToken", token}}));
  return std::make_optional(std::move(assumed));
}

// The answer must hold complete temporary keys with their end; a missing token
// would sign requests that AWS refuses much later. us-east-1 is the default:
// STS answers there for all regions of the public partition.
absl::StatusOr<Credentials> CredentialChain::CallSts(CredentialSource& source,
                                                     std::string_view action,
                                                     const Json& parameters) {
  AwsClient client(
      {.region = options_.region.empty() ? "us-east-1" : options_.region,
       .environment = options_.environment,
       .transport = options_.transport,
       .clock = options_.clock,
       .credentials = source});
  ASSIGN_OR_RETURN(const XmlDocument answer,
                   client.Call(kSts, action, parameters, {},
                               /*repeatable=*/true));
  return KeysFromSts(answer.result(), action);
}

// A file below the user's home directory, at most 64 KiB.
absl::StatusOr<std::string> CredentialChain::HomeFile(
    std::string_view path) const {
  const auto home = NonEmpty(options_.environment, "HOME");
  if (!home) {
    return MakeKeyError("HOME is not set");
  }
  return ReadFile(*home + std::string(path), kMaxDocument);
}

// The access token that `aws sso login` left in its cache, in a file named by
// the SHA-1 of the session's name, or of the start URL if there is none. It is
// not renewed: only the user can log in.
absl::StatusOr<std::string> CredentialChain::SsoToken(
    const std::string& profile, const std::string& cache_key) const {
  const std::string hint = fmt::format(
      "run `aws sso login --profile {}`, then the same command again", profile);
  const auto cached = HomeFile(fmt::format(
      "/.aws/sso/cache/{}.json", HexEncode(crypto::Sha1(AsBytes(cache_key)))));
  if (!cached.ok()) {
    return MakeKeyError("not logged in: " + hint,
                        CloudErrorKind::kExpiredToken);
  }
  ASSIGN_OR_RETURN(const Json json,
                   ParseJsonObject(*cached, "sso cache", kMaxDocument));
  JsonFields fields(json, "sso cache");
  std::string token = fields.String("accessToken", kMaxDocument);
  const std::string expires = fields.String("expiresAt");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  ASSIGN_OR_RETURN(const absl::Time expiry, ParseExpiry(expires));
  if (expiry <= options_.clock.Now()) {
    return MakeKeyError("the login has expired: " + hint,
                        CloudErrorKind::kExpiredToken);
  }
  return token;
}

// GetRoleCredentials of the SSO portal: the token for keys of one role.
absl::StatusOr<Credentials> CredentialChain::CallSso(
    const std::string& profile, const Profiles::Section& section,
    const std::string& region, const std::string& token) {
  const std::string role = ValueOf(section, "sso_role_name");
  const std::string account = ValueOf(section, "sso_account_id");
  ASSIGN_OR_RETURN(
      const Endpoint endpoint,
      ResolveEndpoint(
          "aws", "sso",
          {.region = region, .suffix = std::string(DomainOfRegion(region))},
          options_.environment));
  ASSIGN_OR_RETURN(
      const HttpResponse response,
      options_.transport.Send(
          {.url = fmt::format(
               "{}/federation/credentials?role_name={}&account_id={}",
               endpoint.url, UriEncode(role), UriEncode(account)),
           .headers = {{"x-amz-sso_bearer_token", token}},
           .max_answer_size = kMaxDocument}));
  if (response.status == 401) {
    return MakeKeyError(
        fmt::format("the login is no longer accepted: run `aws sso "
                    "login --profile {}`, then the same command again",
                    profile),
        CloudErrorKind::kExpiredToken);
  }
  if (response.status != 200) {
    return MakeKeyError(
        fmt::format("sso: role \"{}\" in account \"{}\": HTTP status {}", role,
                    account, response.status));
  }
  return KeysFromSso(response.body);
}

// IAM Identity Center: the login is the user's, with AWS's own tool; what it
// left is exchanged for the role's keys.
CredentialChain::Found CredentialChain::FromSso(const Profiles& profiles,
                                                const std::string& profile) {
  const Profiles::Section section = profiles.Merged(profile);
  const std::string session = ValueOf(section, "sso_session");
  const Profiles::Section login =
      session.empty() ? section : profiles.SsoSession(session);
  const std::string start = ValueOf(login, "sso_start_url");
  if (start.empty()) {
    return session.empty()
               ? Found(std::nullopt)
               : MakeKeyError(fmt::format(
                     "no [sso-session {}] with sso_start_url", session));
  }
  ASSIGN_OR_RETURN(const std::string token,
                   SsoToken(profile, session.empty() ? start : session));
  ASSIGN_OR_RETURN(
      Credentials keys,
      CallSso(profile, section, ValueOf(login, "sso_region"), token));
  return std::make_optional(std::move(keys));
}

// A program that prints keys as JSON, named in the user's own file. It runs for
// a minute at most; its error output is shown, its output is not.
CredentialChain::Found CredentialChain::FromProcess(
    const std::string& command) {
  const std::vector<std::string> words = SplitCommand(command);
  if (words.empty()) {
    return MakeKeyError("credential_process: want a command");
  }
  const auto result = options_.runner.Run(words, {.timeout = absl::Minutes(1)});
  if (!result.ok()) {
    return MakeKeyError(
        fmt::format("credential_process: {}", Message(result.status())));
  }
  if (result->exit_code != 0) {
    return MakeKeyError(fmt::format("credential_process: exit code {}: {}",
                                    result->exit_code,
                                    result->err.substr(0, 500)));
  }
  ASSIGN_OR_RETURN(Credentials keys, KeysFromJson(result->out, "SessionToken",
                                                  "credential_process"));
  return std::make_optional(std::move(keys));
}

// ECS and EKS. The address must be https or local: the token that goes along
// would otherwise leave the machine unencrypted. A token with a line break
// would inject a header.
CredentialChain::Found CredentialChain::FromContainer() {
  const Environment& environment = options_.environment;
  const auto relative =
      NonEmpty(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = NonEmpty(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) {
    return std::nullopt;
  }
  HttpRequest request{
      .url = relative ? "http://169.254.170.2" + *relative : *full,
      .timeout = absl::Seconds(5),
      .max_answer_size = kMaxDocument};
  if (!request.url.starts_with("https://") &&
      !IsLocalHost(HostOfUrl(request.url))) {
    return MakeKeyError(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: want https, or an address "
        "of this machine");
  }
  std::string token =
      NonEmpty(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  if (const auto file =
          NonEmpty(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    ASSIGN_OR_RETURN(token, ReadFile(*file, kMaxDocument));
  }
  if (token.find_first_of("\r\n") != std::string::npos) {
    return MakeKeyError("container: the authorization token has a line break");
  }
  if (!token.empty()) {
    request.headers = {{"Authorization", token}};
  }
  ASSIGN_OR_RETURN(const HttpResponse response,
                   options_.transport.Send(request));
  if (response.status != 200) {
    return MakeKeyError(
        fmt::format("container: HTTP status {}", response.status));
  }
  ASSIGN_OR_RETURN(Credentials keys,
                   KeysFromJson(response.body, "Token", "container"));
  return std::make_optional(std::move(keys));
}

// The role of the EC2 instance that we run on. No answer means that this is not
// EC2: the search ends with the list of what was tried. The role's name comes
// from IMDS and is encoded before it becomes part of a path.
CredentialChain::Found CredentialChain::FromInstance() {
  if (options_.environment("AWS_EC2_METADATA_DISABLED") == "true") {
    return std::nullopt;
  }
  constexpr std::string_view kPath = "/meta-data/iam/security-credentials/";
  auto role = imds_.Get(kPath);
  if (!role.ok()) {
    return std::nullopt;  // not in EC2, or an instance without a role
  }
  role->resize(std::min(role->find('\n'), role->size()));
  ASSIGN_OR_RETURN(const std::string document,
                   imds_.Get(std::string(kPath) + UriEncode(*role)));
  ASSIGN_OR_RETURN(Credentials keys,
                   KeysFromJson(document, "Token", "instance role"));
  return std::make_optional(std::move(keys));
}

}  // namespace constellation::cloud::aws
