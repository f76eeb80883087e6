// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_SIGV4_H_
#define CONSTELLATION_CLOUD_AWS_SIGV4_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cloud/http/http_transport.h"
#include "common/secret_bytes.h"

namespace constellation::cloud::aws {

// What requests are signed with.
struct Credentials {
  std::string access_key_id = {};
  SecretBytes secret_access_key = {};
  std::string session_token = {};  // empty for long-lived keys
  absl::Time expires = absl::InfiniteFuture();
};

// For whom a signature is good, and what it covers.
struct SigningScope {
  std::string region = {};   // "eu-west-1"
  std::string service = {};  // "ec2", "s3", ...
  // Leave the body out (UNSIGNED-PAYLOAD): S3 and EBS direct, over TLS, which
  // then carries its own checksum header.
  bool unsigned_payload = false;
};

// Signs `request` with AWS Signature Version 4 (AWS General Reference,
// "Signature Version 4 signing process"): adds X-Amz-Date, Authorization, where
// needed X-Amz-Security-Token and X-Amz-Content-Sha256, in place of any of that
// name. Covers the host, the query and every header that the request has, so
// add none afterwards. The URL must be percent-encoded as RFC 3986 wants it
// (UriEncode()); it is sent as it is.
//
// INVALID_ARGUMENT: a URL without host, a fragment in it, no key, or a file as
// body without `unsigned_payload`. Thread-safe.
absl::Status SignRequest(const Credentials& credentials,
                         const SigningScope& scope, absl::Time now,
                         HttpRequest& request);

// `text` with everything but A-Z a-z 0-9 - . _ ~ percent-encoded (never '+');
// with `keep_slash` also '/' stays.
std::string UriEncode(std::string_view text, bool keep_slash = false);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_SIGV4_H_
