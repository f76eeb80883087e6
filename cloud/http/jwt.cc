// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/jwt.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// Octets of a token; real ones are a few thousand.
constexpr size_t kMaxTokenSize = size_t{64} * 1024;

// One part of a token.
std::string Encode(const nlohmann::json& part) {
  return Base64UrlEncode(AsBytes(DumpJson(part)));
}

}  // namespace

// RFC 4648 section 5, without padding.
std::string Base64UrlEncode(std::span<const uint8_t> bytes) {
  std::string text = Base64Encode(bytes);
  text.resize(text.find_last_not_of('=') + 1);
  for (char& c : text) {
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return text;
}

// A character of the other alphabet is refused, since the text would then have
// two forms. Base64Decode() checks the trailing bits.
absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text) {
  std::string standard(text);
  for (char& c : standard) {
    if (c == '+' || c == '/' || c == '=') {
      return InvalidArgument("base64url: it holds a character of base64");
    }
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  standard.append((4 - standard.size() % 4) % 4, '=');
  return Base64Decode(standard);
}

// The header's "alg" is set here, so a caller cannot announce another one than
// is used.
absl::StatusOr<std::string> SignJwt(JwtAlgorithm algorithm,
                                    const nlohmann::json& header,
                                    const nlohmann::json& claims,
                                    const crypto::RsaPrivateKey& key) {
  if (!header.is_object() || !claims.is_object()) {
    return InvalidArgument("JWT: header and claims must be JSON objects");
  }
  const bool pss = algorithm == JwtAlgorithm::kPs256;
  nlohmann::json full_header = header;
  full_header["alg"] = pss ? "PS256" : "RS256";
  full_header["typ"] = "JWT";
  std::string token = fmt::format("{}.{}", Encode(full_header), Encode(claims));
  ASSIGN_OR_RETURN(const Bytes signature,
                   pss ? key.SignPssSha256(AsBytes(token))
                       : key.SignPkcs1Sha256(AsBytes(token)));
  return fmt::format("{}.{}", token, Base64UrlEncode(signature));
}

// Three parts: encrypted tokens have five and show no claims.
absl::StatusOr<nlohmann::json> JwtClaimsUnverified(std::string_view token) {
  if (token.size() > kMaxTokenSize) {
    return InvalidArgument(fmt::format("JWT: {} octets, at most {} are allowed",
                                       token.size(), kMaxTokenSize));
  }
  const size_t first = token.find('.');
  const size_t second =
      first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos ||
      token.find('.', second + 1) != std::string_view::npos) {
    return InvalidArgument("JWT: want three parts separated by dots");
  }
  const absl::StatusOr<Bytes> claims =
      Base64UrlDecode(token.substr(first + 1, second - first - 1));
  if (!claims.ok()) {
    return InvalidArgument("JWT: the claims are not base64url");
  }
  return ParseJsonObject(AsText(*claims), "JWT claims", kMaxTokenSize);
}

}  // namespace constellation::cloud
