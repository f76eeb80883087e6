// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cloud::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

// ASCII only: header names and hosts have nothing else.
std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string HashHex(std::string_view text) {
  return HexEncode(crypto::Sha256(AsBytes(text)));
}

// Without spaces at the ends; several in a row count as one.
std::string Collapse(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) {
      out += c;
    }
  }
  while (out.ends_with(' ')) {
    out.pop_back();
  }
  return out;
}

// The parts of a URL that are signed.
struct UrlParts {
  std::string host;  // with its port unless that is the scheme's own
  std::string path;
  std::string query;
};

// Strict where a server might read a URL in another way than we do: no user, no
// fragment, http or https.
absl::StatusOr<UrlParts> Split(std::string_view url) {
  const bool https = url.starts_with("https://");
  if ((!https && !url.starts_with("http://")) ||
      url.find('#') != std::string_view::npos) {
    return InvalidArgument("signing: want an http(s) URL without a fragment");
  }
  url.remove_prefix(https ? 8 : 7);
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  UrlParts parts{
      .host = LowerCase(url.substr(0, end)), .path = "/", .query = ""};
  const std::string_view port = https ? ":443" : ":80";
  if (parts.host.ends_with(port)) {
    parts.host.resize(parts.host.size() - port.size());
  }
  if (parts.host.empty() || parts.host.find('@') != std::string::npos) {
    return InvalidArgument("signing: want a URL with a host and no user");
  }
  url.remove_prefix(end);
  const size_t question = std::min(url.find('?'), url.size());
  if (question > 0) {
    parts.path = std::string(url.substr(0, question));
  }
  if (question < url.size()) {
    parts.query = std::string(url.substr(question + 1));
  }
  return parts;
}

// RFC 3986, 5.2.4, and no empty segments.
// So the canonical request is the same whether or not a proxy tidies the path.
std::string RemoveDots(std::string_view path) {
  std::vector<std::string_view> kept;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment == "..") {
      if (!kept.empty()) {
        kept.pop_back();
      }
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    start = end + 1;
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out += "/";
    out += segment;
  }
  return out.empty() || path.ends_with('/') ? out + "/" : out;
}

std::string CanonicalPath(const std::string& path, const SigningScope& scope) {
  // S3 signs its keys as they are; the others encode once more.
  return scope.service == "s3"
             ? path
             : UriEncode(RemoveDots(path), /*keep_slash=*/true);
}

// Sorted by encoded name, then value. A name without '=' counts as one with an
// empty value.
std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!part.empty()) {
      const size_t equals = std::min(part.find('='), part.size());
      pairs.emplace_back(part.substr(0, equals),
                         part.substr(std::min(equals + 1, part.size())));
    }
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [key, value] : pairs) {
    out += (out.empty() ? "" : "&") + key + "=" + value;
  }
  return out;
}

// Puts the header in place of any of that name; without a value removes it. A
// request that is signed again must not carry the former signature.
void SetHeader(HttpRequest& request, std::string_view name,
               std::string_view value) {
  std::erase_if(request.headers, [&](const auto& header) {
    return LowerCase(header.first) == LowerCase(name);
  });
  if (!value.empty()) {
    request.headers.emplace_back(name, value);
  }
}

// One step of the key's derivation; the intermediate digest is wiped.
SecretBytes Chain(const SecretBytes& key, std::string_view data) {
  auto digest = crypto::HmacSha256(key, AsBytes(data));
  SecretBytes next{std::span<const uint8_t>(digest)};
  Wipe(digest);
  return next;
}

// kSigning = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service),
// "aws4_request"): good for one day, one region, one service.
SecretBytes SigningKey(const Credentials& credentials,
                       const SigningScope& scope, std::string_view date) {
  constexpr std::string_view kPrefix = "AWS4";
  const auto secret = credentials.secret_access_key.Expose();
  SecretBytes key(kPrefix.size() + secret.size());
  std::ranges::copy(AsBytes(kPrefix), key.ExposeMutable().begin());
  std::ranges::copy(secret, key.ExposeMutable().begin() + kPrefix.size());
  for (const std::string_view part :
       {date, std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = Chain(key, part);
  }
  return key;
}

// A file is read while it is sent, so its hash is not known when signing.
absl::StatusOr<std::string> PayloadHash(const SigningScope& scope,
                                        const HttpRequest& request) {
  if (scope.unsigned_payload) {
    return std::string(kUnsigned);
  }
  if (request.file) {
    return InvalidArgument("signing: a file as body needs unsigned_payload");
  }
  return HashHex(request.body);
}

// Both forms of the headers that the algorithm wants.
struct CanonicalHeaders {
  std::string lines;
  std::string names;  // separated by ';'
};

// Every header of the request is signed, so none can be changed or dropped on
// the way. Values of one name are joined by commas.
CanonicalHeaders CanonicalHeadersOf(const HttpRequest& request,
                                    const std::string& host) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers) {
    const auto [entry, added] =
        headers.emplace(LowerCase(name), Collapse(value));
    if (!added) {
      entry->second += "," + Collapse(value);
    }
  }
  headers["host"] = host;
  CanonicalHeaders out;
  for (const auto& [name, value] : headers) {
    out.lines += name + ":" + value + "\n";
    out.names += (out.names.empty() ? "" : ";") + name;
  }
  return out;
}

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kSafe =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kSafe.find(c) != std::string_view::npos || (keep_slash && c == '/')) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// The order of the steps is the specification's: canonical request, string to
// sign, key, signature.
absl::Status SignRequest(const Credentials& credentials,
                         const SigningScope& scope, absl::Time now,
                         HttpRequest& request) {
  if (credentials.access_key_id.empty() ||
      credentials.secret_access_key.empty()) {
    return InvalidArgument("signing: no AWS credentials");
  }
  ASSIGN_OR_RETURN(const UrlParts url, Split(request.url));
  ASSIGN_OR_RETURN(const std::string payload, PayloadHash(scope, request));
  const std::string time =
      absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  const std::string date = time.substr(0, 8);
  SetHeader(request, "Authorization", "");
  SetHeader(request, "X-Amz-Date", time);
  SetHeader(request, "X-Amz-Security-Token", credentials.session_token);
  if (scope.service == "s3" || scope.unsigned_payload) {
    SetHeader(request, "X-Amz-Content-Sha256", payload);
  }
  const CanonicalHeaders headers = CanonicalHeadersOf(request, url.host);
  const std::string canonical = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{}", request.method, CanonicalPath(url.path, scope),
      CanonicalQuery(url.query), headers.lines, headers.names, payload);
  const std::string range =
      fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time,
                                          range, HashHex(canonical));
  const crypto::Sha256Digest signature = crypto::HmacSha256(
      SigningKey(credentials, scope, date), AsBytes(to_sign));
  SetHeader(request, "Authorization",
            fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                        kAlgorithm, credentials.access_key_id, range,
                        headers.names, HexEncode(signature)));
  return absl::OkStatus();
}

}  // namespace constellation::cloud::aws
