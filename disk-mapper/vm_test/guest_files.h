// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_VM_TEST_GUEST_FILES_H_
#define CONSTELLATION_DISK_MAPPER_VM_TEST_GUEST_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Work for the file system under test, with contents that can be checked
// afterwards.
namespace constellation::disk_mapper::vm_test {

// 60 files of 2 MiB, 3,000 small ones, overwrites in the middle of files,
// truncation, deletion, sparse files; synced at the end.
absl::Status Fill(const std::string& folder);
// Whether everything that Fill() wrote is there.
// DATA_LOSS names the first file that differs; so does CheckChurned().
absl::Status CheckFilled(const std::string& folder);

// 4 MiB of one recognisable line; the host looks for it in the disk's file.
absl::Status WriteMarker(const std::string& path);
// DATA_LOSS if it is not exactly that.
absl::Status ReadMarker(const std::string& path);

// Writes, syncs, deletes files for ever; returns only with an error. Each file
// that is named in `folder`/synced was complete on the disk before.
absl::Status Churn(const std::string& folder);
// Whether every file that Churn() had noted as synced is complete.
absl::Status CheckChurned(const std::string& folder);

// Creates and deletes thousands of files and folders from several threads at
// once, in folders that they share: two inodes that are new at the same time
// must not meet in a block of the inode table that was never written.
absl::Status CreateInParallel(const std::string& folder);

// First physical block (4 KiB) of a file on its file system.
absl::StatusOr<uint64_t> FirstBlockOf(const std::string& path);

}  // namespace constellation::disk_mapper::vm_test

#endif  // CONSTELLATION_DISK_MAPPER_VM_TEST_GUEST_FILES_H_
