// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/cluster_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cloud/json_fields.h"
#include "cloud/qemu/unix_socket.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr size_t kMaxDirectory = 900;
// "/n200.meta", "/vde/ctl" and the names that libvdeplug and tss2 append
// ("/vde/.12345678-12345", "/n200.tss.ctrl") stay below this.
constexpr size_t kLongestSocketName = 32;

// FNV-1a: tells folders apart, protects nothing (MakeRuntimeDirectory does).
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

// Whether the longest socket in it has a path that the system takes.
bool Fits(const std::string& runtime_directory) {
  return runtime_directory.size() + kLongestSocketName <= kMaxSocketPath;
}

// Whether ChooseRuntimeDirectory(directory) may have returned `runtime` under
// any environment. Removal deletes this folder, so no other may be named.
bool IsRuntimeDirectoryOf(const std::string& directory,
                          const std::string& runtime) {
  const std::string suffix = fmt::format("{:016x}", Hash(directory));
  const std::string name = std::filesystem::path(runtime).filename().string();
  return runtime == directory + "/run" || name == "constellation-" + suffix ||
         name == fmt::format("constellation-{}-{}", geteuid(), suffix);
}

}  // namespace

NodePaths::NodePaths(const ClusterPaths& cluster, const NodeSpec& node)
    : directory(cluster.Nodes() + "/" + node.name),
      runtime_prefix(fmt::format("{}/n{}", cluster.runtime, node.index)) {}

absl::StatusOr<std::string> AbsoluteDirectory(const std::string& directory) {
  std::error_code error;
  std::string path =
      std::filesystem::absolute(directory, error).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  // swtpm's options cannot escape a comma.
  const bool awkward = std::any_of(path.begin(), path.end(), [](char c) {
    return (c >= 0 && c < ' ') || c == 0x7f || c == ',';
  });
  if (error || awkward || !IsUtf8(path) || path.size() > kMaxDirectory) {
    return InvalidArgument(
        fmt::format("directory: want a path of at most {} octets without "
                    "commas or control characters",
                    kMaxDirectory));
  }
  return path;
}

// The name outside follows from the directory alone, so that every command
// finds the same sockets without asking anybody.
std::string ChooseRuntimeDirectory(const std::string& directory) {
  const std::string inside = directory + "/run";
  if (Fits(inside)) {
    return inside;
  }
  const uint64_t hash = Hash(directory);
  if (const char* base = std::getenv("XDG_RUNTIME_DIR");
      base != nullptr && base[0] == '/') {
    const std::string path =
        fmt::format("{}/constellation-{:016x}", base, hash);
    if (Fits(path)) {
      return path;
    }
  }
  return fmt::format("/tmp/constellation-{}-{:016x}", geteuid(), hash);
}

// lstat() and not stat(): somebody else's symbolic link in /tmp must not lead
// our sockets into his folder.
absl::Status MakeRuntimeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kPrivateDirectoryMode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "create", path);
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "look at", path);
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
      (info.st_mode & 0077U) != 0) {
    return PermissionDenied(fmt::format(
        "{} exists, but is not a folder that only this user can enter", path));
  }
  return absl::OkStatus();
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) {
    return ErrnoStatus(error.value(), "delete", path);
  }
  return absl::OkStatus();
}

// Known names only, never the whole folder: it is the user's workspace, in
// which his own files lie.
absl::Status RemoveClusterFiles(const ClusterPaths& paths) {
  for (const std::string& tree :
       {paths.Nodes(), paths.TpmCa(), paths.runtime}) {
    if (!tree.empty()) {
      RETURN_IF_ERROR(RemoveTree(tree));
    }
  }
  for (const std::string& file :
       {paths.EnrolledTpms(), paths.SupervisorPid(), paths.SwitchPid(),
        paths.SwitchLog(), paths.SupervisorLog(), paths.Lock(), paths.Spec()}) {
    if (unlink(file.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "delete", file);
    }
  }
  rmdir(paths.directory.c_str());  // stays if the user put something into it
  return absl::OkStatus();
}

// A copied or edited file could name any folder as that of its sockets, and
// removal deletes that folder: hence the check.
absl::StatusOr<ClusterSpec> ReadClusterSpec(const std::string& directory) {
  const std::string path = ClusterPaths{directory, ""}.Spec();
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  auto spec = ParseClusterSpec(text);
  if (!spec.ok()) {
    return DataLoss(fmt::format("{}: {}", path, Message(spec.status())));
  }
  if (!IsRuntimeDirectoryOf(directory, spec->runtime_directory)) {
    return FailedPrecondition(fmt::format(
        "{}: its sockets are in {}, which belongs to a cluster in another "
        "folder; move it back to where it was created",
        path, spec->runtime_directory));
  }
  return spec;
}

}  // namespace constellation::cloud::qemu
