// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_TOKEN_SOURCE_H_
#define CONSTELLATION_CLOUD_GCP_TOKEN_SOURCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace constellation::cloud::gcp {

// What authorises a request, for a while. A secret: never printed or stored.
struct AccessToken {
  std::string value = {};  // goes behind "Bearer "
  absl::Time expires = absl::InfiniteFuture();
};

// Somebody who can show who we are, over and over. Implementations are
// thread-safe and ask the network only in Fetch(). Failures are made by
// MakeCloudError().
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // A new token.
  virtual absl::StatusOr<AccessToken> Fetch() = 0;
  // The last token was refused although it had not expired.
  virtual void Refused() {}
};

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_TOKEN_SOURCE_H_
