// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_QEMU_PLATFORM_H_
#define CONSTELLATION_CLI_CLUSTER_QEMU_PLATFORM_H_

#include <memory>
#include <optional>
#include <string>

#include "cli/cluster/platform.h"

namespace constellation::cli {

// The local platform: the supervisor of the cluster in `directory`, which runs
// as `program qemu-supervisor`. Not thread-safe.
class QemuPlatform final : public Platform {
 public:
  QemuPlatform(std::string program, std::string directory)
      : program_(std::move(program)), directory_(std::move(directory)) {}

  bool Exists() override;
  absl::Status Open(const cloud::qemu::ClusterSpec& spec) override;
  absl::Status OpenExisting() override;
  absl::StatusOr<cloud::qemu::ClusterStatus> Status() override;
  absl::Status AddNode(const cloud::qemu::NodeSpec& node) override;
  absl::Status StartNode(std::string_view node) override;
  absl::Status StopNode(std::string_view node) override;
  absl::StatusOr<attestation::EnrolledTpm> Enroll(
      std::string_view node) override;
  absl::Status SetEnrolledTpms(const std::string& json) override;
  absl::Status SetInitSecretHash(std::string_view sha256_hex) override;
  absl::Status Remove() override;

 private:
  absl::Status CheckOpen() const;

  std::string program_;
  std::string directory_;
  std::optional<cloud::qemu::SupervisorClient> client_;
};

// Path of the running program, for a supervisor of our own.
absl::StatusOr<std::string> OwnProgram();

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_QEMU_PLATFORM_H_
