// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/commands.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/collateral/evidence_collateral.h"
#include "attestation/issuer/node_attester.h"
#include "attestation/peer_verifier.h"
#include "attestation/tpm/cluster_pcr.h"
#include "cloud/metadata_factory.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/tls_identity.h"
#include "disk-mapper/boot.h"
#include "disk-mapper/disk_commands.h"
#include "disk-mapper/disk_finder.h"
#include "disk-mapper/grpc_rejoin_source.h"
#include "disk-mapper/node_network.h"
#include "disk-mapper/state_disk/disk_keys.h"

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kRecoveryAddress = "0.0.0.0:9999";
constexpr absl::Duration kTicketLimit = absl::Seconds(30);
constexpr absl::Duration kFlushLimit = absl::Seconds(10);
// Disks and TPM may appear a little after this program starts.
constexpr int kTries = 60;
constexpr absl::Duration kTryPause = absl::Seconds(1);

// A disk with what is needed to work on it.
struct OpenDisk {
  std::string path;
  std::unique_ptr<FileBlockDevice> device;
  KernelDeviceMapper mapper;
  std::unique_ptr<StateDisk> disk;
};

// On the heap: the parts refer to each other.
absl::StatusOr<std::unique_ptr<OpenDisk>> OpenDiskAt(const std::string& path) {
  auto opened = std::make_unique<OpenDisk>();
  opened->path = path;
  ASSIGN_OR_RETURN(opened->device, FileBlockDevice::Open(path));
  opened->disk =
      std::make_unique<StateDisk>(path, *opened->device, opened->mapper);
  return opened;
}

// Takes the option `name` and its value out of `arguments`.
std::optional<std::string> Option(std::vector<std::string>& arguments,
                                  std::string_view name) {
  for (size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == name) {
      std::string value = arguments[i + 1];
      const auto at = arguments.begin() + static_cast<ptrdiff_t>(i);
      arguments.erase(at, at + 2);
      return value;
    }
  }
  return std::nullopt;
}

// Everything known has been taken out before.
absl::Status ExpectNoMore(const std::vector<std::string>& arguments) {
  return arguments.empty()
             ? absl::OkStatus()
             : InvalidArgument("unknown argument " + arguments.front());
}

// PCR15 of the node's TPM.
class TpmMark final : public ClusterMark {
 public:
  explicit TpmMark(attestation::Tpm& tpm) : tpm_(tpm) {}
  absl::StatusOr<bool> IsMember() override {
    return attestation::IsClusterMember(tpm_);
  }
  absl::Status Mark(std::span<const uint8_t> cluster_id) override {
    return attestation::MarkClusterMember(tpm_, cluster_id);
  }

 private:
  attestation::Tpm& tpm_;
};

// Calls `attempt` until it succeeds or fails otherwise than by "not there yet".
template <typename Attempt>
auto Await(Attempt attempt) {
  auto result = attempt();
  for (int i = 0; i < kTries && (absl::IsNotFound(result.status()) ||
                                 absl::IsUnavailable(result.status()));
       ++i) {
    Clock::System().Sleep(kTryPause);
    result = attempt();
  }
  return result;
}

// The policy of join services asks for PCR15, so its absence is a defect of
// ours.
absl::StatusOr<PeerProof> ProofOf(
    absl::StatusOr<attestation::PeerProof> verified) {
  RETURN_IF_ERROR(verified.status());
  if (!verified->cluster_pcr.has_value()) {
    return Internal("evidence of join service: accepted without PCR15");
  }
  return PeerProof{*verified->cluster_pcr, std::move(verified->role)};
}

// The TPM comes before the network: without evidence of its own a node has
// nothing to do there.
absl::Status BootWithStatus(cloud::MetadataClient& metadata,
                            cloud::BootStatus& status) {
  const NodePaths paths;
  Clock& clock = Clock::System();
  status.Report("tpm", cloud::BootState::kRunning);
  ASSIGN_OR_RETURN(const auto attester,
                   Await([] { return attestation::NodeAttester::Create({}); }));
  ASSIGN_OR_RETURN(attestation::Evidence own,
                   attester->Attest(Bytes(attestation::kUserDataSize)));
  ASSIGN_OR_RETURN(const crypto::TlsIdentity identity,
                   crypto::CreateTlsIdentity());
  attestation::CollateralService collateral({.folder = paths.CollateralCache()},
                                            attestation::NodeFetcherOptions(),
                                            clock);
  const attestation::PeerVerifier verifier(
      std::move(own), [&metadata] { return metadata.EnrolledTpms(); }, clock,
      &collateral);
  ProcessRunner runner;
  KernelMounter mounter;
  TpmMark mark(attester->tpm());
  // Emulated machines are slow; the time scale is not known yet.
  GrpcRejoinSource tickets(
      *attester,
      [&verifier](const attestation::Evidence& evidence,
                  std::span<const uint8_t> user_data) {
        return ProofOf(verifier.Verify(evidence, user_data));
      },
      identity, kTicketLimit);
  const BootParts parts = {paths,
                           metadata,
                           runner,
                           mounter,
                           mark,
                           *attester,
                           tickets,
                           status,
                           clock,
                           identity,
                           std::string(kRecoveryAddress),
                           &SetHostName};
  ASSIGN_OR_RETURN(const cloud::InstanceMetadata self, IntroduceNode(parts));
  tickets.set_limit(kTicketLimit * self.time_scale);
  tickets.set_node_name(self.name);
  status.Report("find-disk", cloud::BootState::kRunning);
  ASSIGN_OR_RETURN(const std::string path,
                   Await([&paths] { return FindStateDisk(paths); }));
  ASSIGN_OR_RETURN(const auto opened, OpenDiskAt(path));
  return BootFromDisk(parts, *opened->disk, path, self);
}

// The last report is waited for: systemd ends the process right after.
absl::Status Boot() {
  const NodePaths paths;
  RETURN_IF_ERROR(MakeDirectories(paths.Runtime()));
  ASSIGN_OR_RETURN(const std::unique_ptr<cloud::MetadataClient> metadata,
                   cloud::MakeMetadataClient({}));
  cloud::NodeBootStatus status(
      {.component = "disk-mapper",
       .file = paths.BootStatus(),
       .console = STDOUT_FILENO,
       .max_queue = 1},
      [&metadata](std::string_view json) {
        return metadata->ReportStatus(json);
      },
      Clock::System());
  const absl::Status result = BootWithStatus(*metadata, status);
  if (!result.ok()) {
    status.Report("boot", cloud::BootState::kFailed, Message(result));
  }
  status.Flush(kFlushLimit);
  return result;
}

// Exactly as long as it must be: a text with a newline is a mistake, not a key.
absl::StatusOr<SecretBytes> ReadKey() {
  SecretBytes key(kStateDiskKeySize);
  if (!ReadExactly(STDIN_FILENO, key.ExposeMutable()).ok()) {
    return InvalidArgument(fmt::format(
        "state disk key: want {} bytes on standard input", kStateDiskKeySize));
  }
  uint8_t more = 0;
  if (ReadExactly(STDIN_FILENO, {&more, 1}).ok()) {
    return InvalidArgument("state disk key: longer than it must be");
  }
  return key;
}

// The given disk, or the one with our serial number.
absl::StatusOr<std::unique_ptr<OpenDisk>> DiskOfOption(
    std::vector<std::string>& arguments) {
  std::optional<std::string> path = Option(arguments, "--disk");
  RETURN_IF_ERROR(ExpectNoMore(arguments));
  if (!path.has_value()) {
    ASSIGN_OR_RETURN(path, FindStateDisk(NodePaths()));
  }
  return OpenDiskAt(*path);
}

absl::Status Format(std::vector<std::string>& arguments) {
  const std::optional<std::string> uuid = Option(arguments, "--uuid");
  if (!uuid.has_value()) {
    return InvalidArgument("format: want --uuid UUID");
  }
  ASSIGN_OR_RETURN(const auto opened, DiskOfOption(arguments));
  ASSIGN_OR_RETURN(const SecretBytes key, ReadKey());
  KernelMounter mounter;
  ProcessRunner runner;
  return FormatDisk(NodePaths(), *opened->disk, mounter, runner, opened->path,
                    *uuid, key);
}

absl::Status Commit(const std::vector<std::string>& arguments) {
  RETURN_IF_ERROR(ExpectNoMore(arguments));
  const NodePaths paths;
  ASSIGN_OR_RETURN(const FormattedDisk formatted, ReadFormattedDisk(paths));
  ASSIGN_OR_RETURN(const auto opened, OpenDiskAt(formatted.path));
  return CommitDisk(paths, *opened->disk, formatted.uuid);
}

absl::Status Reset(std::vector<std::string>& arguments) {
  ASSIGN_OR_RETURN(const auto opened, DiskOfOption(arguments));
  return opened->disk->Reset();
}

absl::Status Dispatch(std::vector<std::string> arguments) {
  const std::string command = arguments.empty() ? "" : arguments.front();
  if (!arguments.empty()) {
    arguments.erase(arguments.begin());
  }
  if (command == "boot") {
    RETURN_IF_ERROR(ExpectNoMore(arguments));
    return Boot();
  }
  if (command == "format") {
    return Format(arguments);
  }
  if (command == "commit") {
    return Commit(arguments);
  }
  if (command == "reset") {
    return Reset(arguments);
  }
  return InvalidArgument("no such command");
}

// A usage error and a refused disk are not worth another try; all else may be.
ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
      return ExitCode::kDiskRefused;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace

ExitCode RunCommand(std::span<char*> arguments) {
  const absl::Status status =
      Dispatch(std::vector<std::string>(arguments.begin(), arguments.end()));
  if (!status.ok()) {
    spdlog::error("event=ended error=\"{}\"", Message(status));
  }
  const ExitCode code = ExitCodeOf(status);
  const bool boots =
      !arguments.empty() && std::string_view(arguments.front()) == "boot";
  if (code == ExitCode::kUsage && !boots) {
    std::cerr << kUsage;
  }
  return code;
}

}  // namespace constellation::disk_mapper
