// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_JWT_H_
#define CONSTELLATION_CLOUD_HTTP_JWT_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "crypto/rsa_private_key.h"

namespace constellation::cloud {

// How a token is signed (RFC 7518 section 3.1): RSASSA-PKCS1-v1_5 or PSS, each
// with SHA-256.
enum class JwtAlgorithm { kRs256, kPs256 };

// Base64url without padding (RFC 7515 section 2). Decoding is strict: no
// padding, no white space, zero trailing bits; INVALID_ARGUMENT otherwise.
std::string Base64UrlEncode(std::span<const uint8_t> bytes);
absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text);

// A signed JWT in JWS compact form (RFC 7519, RFC 7515 section 7.1). `header`
// and `claims` are objects; "alg" and "typ" are put into the header here, over
// whatever it has of that name ("kid", "x5t#S256" are the caller's). Times in
// claims are whole seconds since 1970. INVALID_ARGUMENT unless both are
// objects; INTERNAL if signing fails. Thread-safe.
absl::StatusOr<std::string> SignJwt(JwtAlgorithm algorithm,
                                    const nlohmann::json& header,
                                    const nlohmann::json& claims,
                                    const crypto::RsaPrivateKey& key);

// The claims of a compact JWT of at most 64 KiB, an object. Nothing about the
// token is verified, neither signature nor times: for messages, and to see when
// a token that somebody else will judge runs out. INVALID_ARGUMENT if it is not
// a JWT; never quotes it.
absl::StatusOr<nlohmann::json> JwtClaimsUnverified(std::string_view token);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_JWT_H_
