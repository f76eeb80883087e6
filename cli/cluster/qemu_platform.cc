// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/qemu_platform.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "attestation/tpm/enrollment.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {

using cloud::qemu::ClusterSpec;
using cloud::qemu::ClusterStatus;
using cloud::qemu::StopMode;
using cloud::qemu::SupervisorClient;

// A call before Open() is our mistake, not the user's.
absl::Status QemuPlatform::CheckOpen() const {
  return client_ ? absl::OkStatus()
                 : FailedPrecondition("the supervisor is not connected");
}

bool QemuPlatform::Exists() {
  return SupervisorClient::Exists(directory_);
}

absl::Status QemuPlatform::Open(const ClusterSpec& spec) {
  if (Exists()) {
    return OpenExisting();
  }
  ASSIGN_OR_RETURN(SupervisorClient client,
                   SupervisorClient::Start(program_, directory_, spec));
  client_.emplace(std::move(client));
  return absl::OkStatus();
}

absl::Status QemuPlatform::OpenExisting() {
  ASSIGN_OR_RETURN(SupervisorClient client,
                   SupervisorClient::StartExisting(program_, directory_));
  client_.emplace(std::move(client));
  return absl::OkStatus();
}

absl::StatusOr<ClusterStatus> QemuPlatform::Status() {
  RETURN_IF_ERROR(CheckOpen());
  return client_->Status();
}

absl::Status QemuPlatform::AddNode(const cloud::qemu::NodeSpec& node) {
  RETURN_IF_ERROR(CheckOpen());
  return client_->AddNode(node).status();
}

absl::Status QemuPlatform::StartNode(std::string_view node) {
  RETURN_IF_ERROR(CheckOpen());
  return client_->StartNode(node);
}

absl::Status QemuPlatform::StopNode(std::string_view node) {
  RETURN_IF_ERROR(CheckOpen());
  return client_->StopNode(node, StopMode::kHard);
}

// The TPM is opened by this process while its machine is off: nobody else can
// answer in its place.
absl::StatusOr<attestation::EnrolledTpm> QemuPlatform::Enroll(
    std::string_view node) {
  RETURN_IF_ERROR(CheckOpen());
  ASSIGN_OR_RETURN(cloud::qemu::SwtpmSession session,
                   client_->OpenTpmForEnrollment(node));
  ASSIGN_OR_RETURN(const attestation::EnrolledTpm enrolled,
                   attestation::EnrollTpm(session.tcti()));
  RETURN_IF_ERROR(session.Close());
  return enrolled;
}

absl::Status QemuPlatform::SetEnrolledTpms(const std::string& json) {
  RETURN_IF_ERROR(CheckOpen());
  return client_->SetEnrolledTpms(json);
}

absl::Status QemuPlatform::SetInitSecretHash(std::string_view sha256_hex) {
  RETURN_IF_ERROR(CheckOpen());
  return client_->SetInitSecretHash(sha256_hex);
}

// The supervisor ends its machines itself; it alone knows their processes.
absl::Status QemuPlatform::Remove() {
  if (Exists()) {
    const absl::Status opened = OpenExisting();
    if (absl::IsDataLoss(opened)) {
      return DataLoss(fmt::format(
          "{}; nothing else says which processes are this cluster's: end the "
          "programs that name {} in their arguments (ps -ef | grep {}), remove "
          "that folder, then run the command again",
          Message(opened), directory_, directory_));
    }
    RETURN_IF_ERROR(opened);
    RETURN_IF_ERROR(client_->Shutdown(/*remove=*/true));
    client_.reset();
  }
  // What a creation that was killed half way may have left.
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  return error ? Internal(
                     fmt::format("remove {}: {}", directory_, error.message()))
               : absl::OkStatus();
}

absl::StatusOr<std::string> OwnProgram() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return Internal(fmt::format("find own program: {}", error.message()));
  }
  return path.string();
}

}  // namespace constellation::cli
