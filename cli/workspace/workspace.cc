// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/workspace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20U;

// Contents of `path`; a missing file's message ends with `hint`.
absl::StatusOr<std::string> Load(const std::string& path,
                                 std::string_view hint) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (text.ok() || !absl::IsNotFound(text.status())) {
    return text;
  }
  return NotFound(fmt::format("{} does not exist; {}", path, hint));
}

}  // namespace

absl::StatusOr<Workspace> Workspace::Open(const std::string& folder) {
  const std::unique_ptr<char, void (*)(void*)> absolute(
      realpath(folder.empty() ? "." : folder.c_str(), nullptr), std::free);
  if (absolute == nullptr) {
    if (errno == ENOENT) {
      return NotFound(fmt::format("workspace {} does not exist", folder));
    }
    return ErrnoStatus(errno, "open workspace", folder);
  }
  struct stat status {};
  if (stat(absolute.get(), &status) != 0) {
    return ErrnoStatus(errno, "open workspace", folder);
  }
  if (!S_ISDIR(status.st_mode)) {
    return FailedPrecondition(
        fmt::format("workspace {} is not a folder", folder));
  }
  return Workspace(absolute.get());
}

std::string Workspace::Path(std::string_view name) const {
  return folder_ == "/" ? fmt::format("/{}", name)
                        : fmt::format("{}/{}", folder_, name);
}

absl::StatusOr<Config> Workspace::LoadConfig(
    const ConfigOptions& options) const {
  ASSIGN_OR_RETURN(
      const std::string text,
      Load(config_path(), "make one with: constellation config generate qemu"));
  return ParseConfig(text, config_path(), options);
}

absl::StatusOr<State> Workspace::LoadState() const {
  ASSIGN_OR_RETURN(
      const std::string text,
      Load(state_path(),
           "is this the right folder (-C)? `constellation apply` makes it"));
  return ParseState(text, state_path());
}

// Only what is certainly not there is empty: a link whose disk is not mounted,
// or a file that cannot be looked at, must not begin a second cluster.
absl::StatusOr<State> Workspace::LoadStateOrEmpty() const {
  struct stat status {};
  if (lstat(state_path().c_str(), &status) != 0) {
    return errno == ENOENT ? absl::StatusOr<State>(State{})
                           : ErrnoStatus(errno, "look at", state_path());
  }
  if (S_ISLNK(status.st_mode) && !FileExists(state_path())) {
    return FailedPrecondition(fmt::format(
        "{} is a link to a file that is not there; is its disk mounted?",
        state_path()));
  }
  return LoadState();
}

absl::Status Workspace::SaveState(const State& state) const {
  return WriteFileAtomically(state_path(), RenderState(state));
}

absl::StatusOr<MasterSecret> Workspace::LoadMasterSecret() const {
  ASSIGN_OR_RETURN(
      std::string text,
      Load(master_secret_path(),
           "without the master secret nobody can do this; look for a backup"));
  const absl::Cleanup wipe = [&] {
    Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  };
  return ParseMasterSecret(text, master_secret_path());
}

// Created exclusively: two commands at once must not overwrite each other's
// secret.
absl::StatusOr<MasterSecret> Workspace::LoadOrCreateMasterSecret(
    bool* created) const {
  *created = false;
  if (FileExists(master_secret_path())) {
    return LoadMasterSecret();
  }
  MasterSecret secret = GenerateMasterSecret();
  std::string text = RenderMasterSecret(secret);
  const absl::Cleanup wipe = [&] {
    Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  };
  RETURN_IF_ERROR(CreateFileExclusively(master_secret_path(), text));
  *created = true;
  return secret;
}

absl::Status Workspace::SaveKubeconfig(std::string_view yaml) const {
  return WriteFileAtomically(kubeconfig_path(), yaml);
}

absl::Status Workspace::CheckWritable() const {
  // access() answers for root even where writing fails (read-only mounts give
  // EROFS), and folders without the write bit are writable to root.
  if (access(folder_.c_str(), W_OK | X_OK) != 0) {
    return PermissionDenied(fmt::format(
        "workspace {} cannot be written: {}", folder_,
        errno == EROFS ? "read-only file system" : "permission denied"));
  }
  return absl::OkStatus();
}

absl::StatusOr<WorkspaceLock> WorkspaceLock::Take(const Workspace& workspace) {
  RETURN_IF_ERROR(workspace.CheckWritable());
  UniqueFd fd(
      open(workspace.folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open workspace", workspace.folder());
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return FailedPrecondition(fmt::format(
          "another constellation command is working in {}; wait for it to end",
          workspace.folder()));
    }
    return ErrnoStatus(errno, "lock workspace", workspace.folder());
  }
  return WorkspaceLock(std::move(fd));
}

}  // namespace constellation::cli
