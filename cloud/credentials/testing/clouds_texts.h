// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_CREDENTIALS_TESTING_CLOUDS_TEXTS_H_
#define CONSTELLATION_CLOUD_CREDENTIALS_TESTING_CLOUDS_TEXTS_H_

namespace constellation::cloud::testing {

// Two clouds, one of a vendor's profile, with all kinds of values.
inline constexpr char kTwoClouds[] = R"(clouds:
  shop:
    profile: vendor
    auth:
      username: demo
      password: "5"
      project_name: ~
    region_name: R1
    regions: [{name: R1}, R2]
    verify: false
  other:
    auth: {auth_url: https://other.example}
cache: {expiration: 10}
)";

// The same file format as JSON, one cloud "a".
inline constexpr char kCloudsJson[] =
    R"({"clouds":{"a":{"auth":{"auth_url":"https://x"}}}})";

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_CREDENTIALS_TESTING_CLOUDS_TEXTS_H_
