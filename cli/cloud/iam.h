// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_IAM_H_
#define CONSTELLATION_CLI_CLOUD_IAM_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/cluster/tools.h"
#include "cli/workspace/workspace.h"
#include "cloud/provider_settings.h"

namespace constellation::cli {

// What `iam create` is asked for. Options have the names of its flags without
// dashes: "prefix", "zone", "resourceGroup", ...
struct IamRequest {
  std::string provider = {};  // "aws", "azure", "gcp"
  std::map<std::string, std::string> options = {};

  bool operator==(const IamRequest&) const = default;
};

// What `iam create` made.
struct IamResult {
  std::map<std::string, std::string> config_values = {};  // key -> value
  std::vector<std::string> key_files = {};                // written, mode 0600
};

// Where the identities of `request` belong. INVALID_ARGUMENT lists every flag
// that is missing or wrong, with the nearest known region.
absl::StatusOr<cloud::ProviderSettings> IamSettingsOf(
    const IamRequest& request);

// Makes, or finishes, the identities that `request` names; asks
// CloudTools::approve first. What they are is noted in the workspace before
// anything is made. FAILED_PRECONDITION if others are noted there.
absl::StatusOr<IamResult> CreateIam(const Workspace& workspace,
                                    const IamRequest& request,
                                    ClusterTools& tools);

// What is noted in the workspace; NOT_FOUND if nothing is.
absl::StatusOr<IamRequest> LoadIamRequest(const Workspace& workspace);

// Deletes the identities that the workspace notes, key files too.
// FAILED_PRECONDITION while a cluster's state file is there: its nodes would
// lose their rights; or while others' things are in what would be deleted.
// Nothing is deleted then.
absl::Status DestroyIam(const Workspace& workspace, ClusterTools& tools);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_IAM_H_
