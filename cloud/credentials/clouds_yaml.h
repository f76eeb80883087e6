// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_CREDENTIALS_CLOUDS_YAML_H_
#define CONSTELLATION_CLOUD_CREDENTIALS_CLOUDS_YAML_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cloud/http/environment.h"

namespace constellation::cloud {

// One entry of clouds.yaml, nested maps with dots: "auth.auth_url",
// "region_name". Scalars as they stand in the file. May hold secrets.
using CloudEntry = std::map<std::string, std::string, std::less<>>;
using CloudEntries = std::map<std::string, CloudEntry, std::less<>>;

// The maps below `root` ("clouds", "public-clouds") of a clouds.yaml,
// clouds.json or secure.yaml, by name. At most 1 MiB, one document, nested 16
// deep; lists are skipped, anchors and aliases refused. A file without `root`
// holds no entries. INVALID_ARGUMENT names `what` and the line, nothing of the
// contents. Meaning and completeness of the keys are not checked.
absl::StatusOr<CloudEntries> ParseCloudsYaml(std::string_view text,
                                             std::string_view what,
                                             std::string_view root = "clouds");

// Which entry is asked for. Both names may be empty.
struct CloudChoice {
  std::string cloud = {};  // provider.openstack.cloud of the config
  std::string path = {};   // provider.openstack.cloudsYAMLPath
  const Environment& environment;
  // Reads a file; NOT_FOUND if there is none. For tests.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read = {};
};

// The entry that was found, and where.
struct ChosenCloud {
  std::string name = {};
  std::string source = {};  // a path, or "OS_* variables"; for messages
  CloudEntry entry = {};
};

// Finds the entry as openstacksdk does: the config's name, else OS_CLOUD; in
// the config's file, else OS_CLIENT_CONFIG_FILE, else clouds.{yaml,yml,json} in
// the working directory, ~/.config/openstack, /etc/openstack: the first that
// exists. secure.{yaml,...} (OS_CLIENT_SECURE_FILE) is merged over it,
// clouds-public.* supplies what `profile` names. Without a name: the entry
// "envvars" (OS_CLOUD_NAME) made of OS_* variables if OS_AUTH_URL or another
// of them is set, else the only entry of the file. OS_REGION_NAME and the like
// do not change an entry that comes from a file.
//
// NOT_FOUND, listing what was tried, if there is no such entry;
// INVALID_ARGUMENT if it is not clear which one is meant or a file is damaged.
absl::StatusOr<ChosenCloud> ChooseCloud(const CloudChoice& choice);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_CREDENTIALS_CLOUDS_YAML_H_
