// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/file_system.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "common/status.h"

namespace constellation::disk_mapper {
namespace {

constexpr const char* kFileSystem = "ext4";
// Not used inode tables stay unwritten for ever: no background zeroing, and no
// read-ahead into them.
constexpr const char* kMountOptions =
    "noinit_itable,inode_readahead_blks=0,errors=remount-ro";

}  // namespace

std::vector<std::string> MakeFileSystemCommand(const std::string& device) {
  return {
      "mkfs.ext4",
      "-q",
      "-F",
      "-b",
      "4096",
      // An inode fills a block. If several shared one, two that are new at the
      // same time would make the kernel read it, though it was never written.
      "-I",
      "4096",
      "-i",
      "32768",
      // No backup superblocks and no resize inode: mkfs writes those in parts
      // of a block, and the kernel would have to read the rest.
      "-O",
      "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,"
      "sparse_super2,large_file,huge_file,dir_nlink,extra_isize,metadata_csum",
      "-E",
      "num_backup_sb=0,nodiscard,lazy_itable_init=1,lazy_journal_init=0,"
      "packed_meta_blocks=1",
      "-J",
      "size=64",
      "-m",
      "1",
      "-L",
      "state",
      device,
  };
}

absl::Status MakeFileSystem(CommandRunner& runner, const std::string& device,
                            absl::Duration timeout) {
  CommandOptions options;
  options.timeout = timeout;
  // Only what stands here decides, not a configuration file.
  options.environment = {"MKE2FS_CONFIG=/dev/null"};
  return RunChecked(runner, MakeFileSystemCommand(device), options).status();
}

absl::Status KernelMounter::MountState(const std::string& device,
                                       const std::string& target) {
  constexpr unsigned long kFlags = MS_NODEV | MS_NOATIME;
  if (mount(device.c_str(), target.c_str(), kFileSystem, kFlags,
            kMountOptions) == 0) {
    return absl::OkStatus();
  }
  const int error = errno;
  // The superblock's block fails its tag (EIO, EILSEQ), or holds something else
  // (EINVAL), or a block behind it is not what it should be (EFSBADCRC).
  if (error == EIO || error == EILSEQ || error == EINVAL || error == EBADMSG ||
      error == EUCLEAN) {
    return DataLoss(
        fmt::format("state disk damaged: mount {}: {}", device,
                    Message(ErrnoStatus(error, "file system on", device))));
  }
  return ErrnoStatus(error, "mount", device);
}

absl::Status KernelMounter::Bind(const std::string& source,
                                 const std::string& target) {
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return ErrnoStatus(errno, "bind " + source + " to", target);
  }
  return absl::OkStatus();
}

// Does not follow a symbolic link: the last folder must be the mount itself.
absl::Status KernelMounter::Unmount(const std::string& target) {
  if (umount2(target.c_str(), UMOUNT_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, "unmount", target);
  }
  return absl::OkStatus();
}

// Another device above, or the root. A folder that is bound from the same file
// system would not be noticed; ours come from the state disk.
bool KernelMounter::IsMountPoint(const std::string& path) {
  struct stat here {};
  struct stat above {};
  return stat(path.c_str(), &here) == 0 &&
         stat((path + "/..").c_str(), &above) == 0 &&
         (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
}

}  // namespace constellation::disk_mapper
