// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_WORKSPACE_WORKSPACE_H_
#define CONSTELLATION_CLI_WORKSPACE_WORKSPACE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/config/config.h"
#include "cli/workspace/master_secret.h"
#include "cli/workspace/state.h"
#include "common/unique_fd.h"

namespace constellation::cli {

// The folder that describes one cluster, and the files in it. Files are private
// (0600) and replaced atomically. Holds no contents itself: what is loaded is
// the caller's.
class Workspace final {
 public:
  // NOT_FOUND if `folder` does not exist, FAILED_PRECONDITION if it is not a
  // folder. Takes no lock and needs no right to write.
  static absl::StatusOr<Workspace> Open(const std::string& folder);

  // Absolute, symbolic links resolved.
  const std::string& folder() const { return folder_; }
  std::string config_path() const { return Path("constellation-conf.yaml"); }
  std::string state_path() const { return Path("constellation-state.yaml"); }
  std::string master_secret_path() const {
    return Path("constellation-mastersecret.json");
  }
  std::string kubeconfig_path() const {
    return Path("constellation-admin.conf");
  }
  // Disks, logs and sockets of the local platform.
  std::string qemu_folder() const { return Path("constellation-qemu"); }

  // What is being made, or exists, in a cloud (docs/formats/cloud-journal.md).
  std::string cloud_journal_path() const {
    return Path("constellation-cloud.journal");
  }
  // Likewise of `iam create`, and whose identities they are.
  std::string iam_journal_path() const {
    return Path("constellation-iam.journal");
  }
  std::string iam_record_path() const { return Path("constellation-iam.json"); }
  // How far an upload of an image got.
  std::string upload_path() const { return Path("constellation-upload.json"); }
  // A file that a cloud's identity needs, `name` being a file name.
  std::string key_file_path(std::string_view name) const { return Path(name); }

  // NOT_FOUND tells which command makes the file; INVALID_ARGUMENT lists all
  // its mistakes.
  absl::StatusOr<Config> LoadConfig(const ConfigOptions& options = {}) const;
  absl::StatusOr<State> LoadState() const;
  // Like LoadState, but an absent file is an empty state. FAILED_PRECONDITION
  // for a link to nowhere.
  absl::StatusOr<State> LoadStateOrEmpty() const;
  // Replaces the file atomically, mode 0600, as the next one does.
  absl::Status SaveState(const State& state) const;
  // NOT_FOUND if it is gone: without it nothing of the cluster can be
  // recovered.
  absl::StatusOr<MasterSecret> LoadMasterSecret() const;
  // The master secret; made and written first if there is none.
  absl::StatusOr<MasterSecret> LoadOrCreateMasterSecret(bool* created) const;
  absl::Status SaveKubeconfig(std::string_view yaml) const;

  // OK if files can be created here; otherwise PERMISSION_DENIED saying so.
  absl::Status CheckWritable() const;

 private:
  explicit Workspace(std::string folder) : folder_(std::move(folder)) {}
  std::string Path(std::string_view name) const;

  std::string folder_;  // absolute
};

// Keeps two commands that change a cluster from running at once. Held until
// destruction; the kernel lets go of it when the process dies. The lock is on
// the folder itself, so no file is left behind.
class WorkspaceLock final {
 public:
  // FAILED_PRECONDITION if another process holds it, PERMISSION_DENIED if the
  // folder cannot be written.
  static absl::StatusOr<WorkspaceLock> Take(const Workspace& workspace);

 private:
  explicit WorkspaceLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_WORKSPACE_WORKSPACE_H_
