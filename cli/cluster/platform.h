// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_PLATFORM_H_
#define CONSTELLATION_CLI_CLUSTER_PLATFORM_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "cloud/qemu/cluster_spec.h"
#include "cloud/qemu/supervisor_client.h"

namespace constellation::cli {

// What runs the VMs of one cluster. Nothing it says is trusted: evidence
// decides. Codes are those of cloud::qemu::SupervisorClient.
class Platform {
 public:
  virtual ~Platform() = default;

  // Whether anything of a cluster is there, running or not.
  virtual bool Exists() = 0;
  // Creates the cluster of `spec` with all nodes stopped, or continues with the
  // one that is there.
  virtual absl::Status Open(const cloud::qemu::ClusterSpec& spec) = 0;
  // Opens the one that is there; NOT_FOUND otherwise.
  virtual absl::Status OpenExisting() = 0;

  // All nodes with their state; UNAVAILABLE if the supervisor died.
  virtual absl::StatusOr<cloud::qemu::ClusterStatus> Status() = 0;
  // Makes a stopped node; starts one; takes the plug from one.
  virtual absl::Status AddNode(const cloud::qemu::NodeSpec& node) = 0;
  virtual absl::Status StartNode(std::string_view node) = 0;
  virtual absl::Status StopNode(std::string_view node) = 0;
  // Proves which TPM the stopped node has.
  virtual absl::StatusOr<attestation::EnrolledTpm> Enroll(
      std::string_view node) = 0;
  // What the metadata endpoint tells nodes.
  virtual absl::Status SetEnrolledTpms(const std::string& json) = 0;
  virtual absl::Status SetInitSecretHash(std::string_view sha256_hex) = 0;
  // Stops and deletes everything. OK if there is nothing.
  virtual absl::Status Remove() = 0;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_PLATFORM_H_
