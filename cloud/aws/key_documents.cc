// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/key_documents.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/json_fields.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDocument = 64 * 1024;

// Wiped when it goes, unlike the text it came from.
SecretBytes Secret(std::string_view text) {
  return SecretBytes(AsBytes(text));
}

// Empty keys would mean "do not sign" to AwsClient, and a refusal later on that
// nobody could explain.
absl::StatusOr<Credentials> Complete(Credentials keys, std::string_view what) {
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return MakeKeyError(fmt::format("{}: the keys are empty", what));
  }
  return keys;
}

}  // namespace

absl::Status MakeKeyError(std::string_view message, CloudErrorKind kind) {
  return MakeCloudError({.kind = kind, .message = std::string(message)});
}

absl::StatusOr<absl::Time> ParseExpiry(std::string text) {
  if (text.ends_with("UTC")) {  // the cache of SSO logins
    text.replace(text.size() - 3, 3, "Z");
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return MakeKeyError(
        fmt::format("expiry: want an RFC 3339 time, got \"{:.64}\"", text));
  }
  return time;
}

absl::StatusOr<Credentials> KeysFromJson(std::string_view text,
                                         std::string_view token_name,
                                         std::string_view what) {
  const auto json = ParseJsonObject(text, what, kMaxDocument);
  if (!json.ok()) {
    return MakeKeyError(Message(json.status()));
  }
  JsonFields fields(*json, what);
  Credentials keys{
      .access_key_id = fields.String("AccessKeyId"),
      .secret_access_key = Secret(fields.String("SecretAccessKey")),
      .session_token = fields.StringOr(token_name, "", kMaxDocument)};
  const std::string expiry = fields.StringOr("Expiration", "");
  const absl::Status status = fields.Finish(/*allow_unknown=*/true);
  if (!status.ok()) {
    return MakeKeyError(Message(status));
  }
  if (!expiry.empty()) {
    ASSIGN_OR_RETURN(keys.expires, ParseExpiry(expiry));
  }
  return Complete(std::move(keys), what);
}

absl::StatusOr<Credentials> KeysFromSso(std::string_view text) {
  const auto answer = ParseJsonObject(text, "sso", kMaxDocument);
  if (!answer.ok()) {
    return MakeKeyError(Message(answer.status()));
  }
  JsonFields outer(*answer, "sso");
  const Json* role = outer.Object("roleCredentials");
  if (role == nullptr) {
    return MakeKeyError(Message(outer.Finish(/*allow_unknown=*/true)));
  }
  JsonFields inner(*role, "sso");
  Credentials keys{.access_key_id = inner.String("accessKeyId"),
                   .secret_access_key = Secret(inner.String("secretAccessKey")),
                   .session_token = inner.String("sessionToken", kMaxDocument),
                   .expires = absl::FromUnixMillis(static_cast<int64_t>(
                       inner.Unsigned("expiration", 0, uint64_t{1} << 53U)))};
  const absl::Status status = inner.Finish(/*allow_unknown=*/true);
  if (!status.ok()) {
    return MakeKeyError(Message(status));
  }
  return Complete(std::move(keys), "sso");
}

absl::StatusOr<Credentials> KeysFromSts(XmlElement result,
                                        std::string_view action) {
  const XmlElement element = result.At("Credentials");
  Credentials keys{.access_key_id = element.Text("AccessKeyId"),
                   .secret_access_key = Secret(element.Text("SecretAccessKey")),
                   .session_token = element.Text("SessionToken")};
  if (keys.access_key_id.empty() || keys.secret_access_key.empty() ||
      keys.session_token.empty()) {
    return MakeKeyError(fmt::format("sts:{}: no keys in the answer", action));
  }
  ASSIGN_OR_RETURN(keys.expires, ParseExpiry(element.Text("Expiration")));
  return keys;
}

std::optional<Credentials> KeysFromSection(const Profiles::Section& section) {
  if (ValueOf(section, "aws_access_key_id").empty() ||
      ValueOf(section, "aws_secret_access_key").empty()) {
    return std::nullopt;
  }
  return Credentials{
      .access_key_id = ValueOf(section, "aws_access_key_id"),
      .secret_access_key = Secret(ValueOf(section, "aws_secret_access_key")),
      .session_token = ValueOf(section, "aws_session_token")};
}

std::vector<std::string> SplitCommand(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  char quote = 0;
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      open = true;
    } else if (c == '\\' && i + 1 < command.size()) {
      word += command[++i];
      open = true;
    } else if (c == ' ' || c == '\t') {
      if (open) {
        words.push_back(std::exchange(word, ""));
        open = false;
      }
    } else {
      word += c;
      open = true;
    }
  }
  if (open) {
    words.push_back(word);
  }
  return words;
}

}  // namespace constellation::cloud::aws
