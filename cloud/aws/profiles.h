// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_PROFILES_H_
#define CONSTELLATION_CLOUD_AWS_PROFILES_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cloud/credentials/ini_file.h"
#include "cloud/http/environment.h"

namespace constellation::cloud::aws {

// AWS's two files: AWS_CONFIG_FILE (~/.aws/config, sections "profile X") and
// AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials, sections "X"). Holds
// secrets. Immutable, thread-safe.
class Profiles final {
 public:
  using Section = IniFile::Section;

  // A file that does not exist is empty. Other failures name the file.
  static absl::StatusOr<Profiles> Load(const Environment& environment);

  // The profile to use: `named`, AWS_DEFAULT_PROFILE, AWS_PROFILE, "default".
  static std::string Choose(const Environment& environment,
                            std::string_view named);

  // Keys of the profile in either file; the credentials file wins.
  Section Merged(std::string_view profile) const;
  Section InConfig(std::string_view profile) const;
  Section InCredentials(std::string_view profile) const;
  // "[sso-session X]".
  Section SsoSession(std::string_view name) const;
  bool Has(std::string_view profile) const;

 private:
  IniFile config_;
  IniFile credentials_;
};

// The value of `key`, or "".
std::string ValueOf(const Profiles::Section& section, std::string_view key);

// The region that AWS's tools would use: AWS_REGION, AWS_DEFAULT_REGION, the
// profile's; empty if none is set.
std::string ConfiguredRegion(const Environment& environment,
                             const Profiles& profiles,
                             std::string_view profile);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_PROFILES_H_
