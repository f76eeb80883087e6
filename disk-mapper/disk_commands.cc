// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_commands.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "disk-mapper/state_folders.h"

namespace constellation::disk_mapper {
namespace {

using Json = nlohmann::json;

// The ends are zeroed first: reading a block that was never written is an
// error, and mkfs reads there.
absl::Status FillFormatted(const NodePaths& paths, Mounter& mounter,
                           CommandRunner& runner, const std::string& device) {
  {
    ASSIGN_OR_RETURN(const auto opened, FileBlockDevice::Open(device));
    RETURN_IF_ERROR(ZeroEnds(*opened));
  }
  RETURN_IF_ERROR(MakeFileSystem(runner, device, kMakeFileSystemTimeout));
  RETURN_IF_ERROR(MountState(mounter, paths, device));
  return BindStateFolders(mounter, paths);
}

// In tmpfs: gone with the next boot, like the opened disk.
absl::Status Note(const NodePaths& paths, const std::string& path,
                  std::string_view disk_uuid) {
  const Json note = {{"device", path}, {"diskUUID", disk_uuid}};
  RETURN_IF_ERROR(MakeDirectories(paths.Runtime()));
  return WriteFileAtomically(paths.OpenedDisk(), note.dump() + "\n");
}

}  // namespace

absl::Status FormatDisk(const NodePaths& paths, StateDisk& disk,
                        Mounter& mounter, CommandRunner& runner,
                        const std::string& path, std::string_view disk_uuid,
                        const SecretBytes& state_disk_key) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const std::string device,
                   disk.Format(state_disk_key, disk_uuid));
  const absl::Time formatted = absl::Now();
  absl::Status status = FillFormatted(paths, mounter, runner, device);
  if (status.ok()) {
    status = Note(paths, path, disk_uuid);
  }
  if (!status.ok()) {
    UnmountState(mounter, paths).IgnoreError();  // the first error counts
    disk.Close().IgnoreError();
    return status;
  }
  spdlog::info("event=formatted disk={} uuid={} formatMs={} fileSystemMs={}",
               path, disk_uuid, absl::ToInt64Milliseconds(formatted - start),
               absl::ToInt64Milliseconds(absl::Now() - formatted));
  return absl::OkStatus();
}

// INTERNAL for a note that is not ours: nobody else writes there.
absl::StatusOr<FormattedDisk> ReadFormattedDisk(const NodePaths& paths) {
  const auto text = ReadFile(paths.OpenedDisk());
  if (absl::IsNotFound(text.status())) {
    return FailedPrecondition("no state disk has been formatted in this boot");
  }
  RETURN_IF_ERROR(text.status());
  const Json note = Json::parse(*text, nullptr, false);
  if (!note.is_object() || !note.contains("device") ||
      !note["device"].is_string() || !note.contains("diskUUID") ||
      !note["diskUUID"].is_string()) {
    return Internal(paths.OpenedDisk() + ": not what we write");
  }
  return FormattedDisk{note["device"].get<std::string>(),
                       note["diskUUID"].get<std::string>()};
}

// Data before label: a disk that is called ours must hold all that makes a
// member.
absl::Status CommitDisk(const NodePaths& paths, StateDisk& disk,
                        std::string_view disk_uuid) {
  const UniqueFd state(
      open(paths.State().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state.valid()) {
    return ErrnoStatus(errno, "open", paths.State());
  }
  if (syncfs(state.get()) != 0) {
    return ErrnoStatus(errno, "sync", paths.State());
  }
  return disk.Commit(disk_uuid);
}

}  // namespace constellation::disk_mapper
