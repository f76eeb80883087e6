// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/vm_test/guest_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::disk_mapper::vm_test {
namespace {

constexpr int kLargeFiles = 60;
constexpr size_t kLargeSize = size_t{2} << 20U;
constexpr int kSmallFiles = 3000;
constexpr size_t kOverwriteAt = 12345;
constexpr size_t kOverwriteSize = 7000;
constexpr std::string_view kMarker = "state-disk-marker-8f1e-not-in-clear\n";
constexpr size_t kMarkerCopies = 116509;  // about 4 MiB
constexpr int kChurnRound = 16;
constexpr int kCreators = 6;
constexpr int kCreations = 2500;  // of each thread

// Contents that depend on `seed` and on the position only.
std::vector<uint8_t> Pattern(uint32_t seed, size_t size) {
  std::vector<uint8_t> bytes(size);
  uint32_t state = seed * 2654435761U + 1;
  for (uint8_t& octet : bytes) {
    state = state * 1664525U + 1013904223U;
    octet = static_cast<uint8_t>(state >> 24U);
  }
  return bytes;
}

absl::Status WriteWhole(const std::string& path,
                        std::span<const uint8_t> bytes) {
  UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "create", path);
  }
  return Annotate(WriteAll(fd.get(), bytes), path);
}

absl::Status WriteAt(const std::string& path, off_t offset,
                     std::span<const uint8_t> bytes) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid() || lseek(fd.get(), offset, SEEK_SET) != offset) {
    return ErrnoStatus(errno, "open", path);
  }
  return Annotate(WriteAll(fd.get(), bytes), path);
}

// Compares octet by octet: dm-integrity must not let a changed one through.
absl::Status ExpectContents(const std::string& path,
                            std::span<const uint8_t> wanted) {
  ASSIGN_OR_RETURN(const std::string got, ReadFile(path));
  if (!std::equal(wanted.begin(), wanted.end(), AsBytes(got).begin(),
                  AsBytes(got).end())) {
    return DataLoss(fmt::format("{}: other contents than written", path));
  }
  return absl::OkStatus();
}

std::string Large(const std::string& folder, int i) {
  return fmt::format("{}/large{}", folder, i);
}
std::string Small(const std::string& folder, int i) {
  return fmt::format("{}/d{}/small{}", folder, i % 30, i);
}
size_t SmallSize(int i) {
  return static_cast<size_t>(i * 7 % 9000);
}

// What FillLarge() leaves of a file, patch and cut included.
std::vector<uint8_t> LargeContents(int i) {
  std::vector<uint8_t> bytes = Pattern(static_cast<uint32_t>(i), kLargeSize);
  const auto patch = Pattern(static_cast<uint32_t>(1000 + i), kOverwriteSize);
  std::copy(patch.begin(), patch.end(), bytes.begin() + kOverwriteAt);
  if (i % 5 == 0) {
    bytes.resize(kLargeSize - 100'001);  // cut within a block
  }
  return bytes;
}

absl::Status FillLarge(const std::string& folder) {
  for (int i = 0; i < kLargeFiles; ++i) {
    const std::string path = Large(folder, i);
    RETURN_IF_ERROR(
        WriteWhole(path, Pattern(static_cast<uint32_t>(i), kLargeSize)));
    if (i % 2 == 0) {
      sync();  // so that half of the overwrites meet blocks on the disk
    }
    RETURN_IF_ERROR(
        WriteAt(path, kOverwriteAt,
                Pattern(static_cast<uint32_t>(1000 + i), kOverwriteSize)));
    if (i % 5 == 0 && truncate(path.c_str(), kLargeSize - 100'001) != 0) {
      return ErrnoStatus(errno, "truncate", path);
    }
  }
  return absl::OkStatus();
}

// Every tenth file is deleted again, so that freed blocks are used anew.
absl::Status FillSmall(const std::string& folder) {
  for (int i = 0; i < kSmallFiles; ++i) {
    const std::string path = Small(folder, i);
    if (i < 30) {
      RETURN_IF_ERROR(MakeDirectories(fmt::format("{}/d{}", folder, i)));
    }
    RETURN_IF_ERROR(
        WriteWhole(path, Pattern(static_cast<uint32_t>(i), SmallSize(i))));
    if (i % 10 == 9 && unlink(path.c_str()) != 0) {
      return ErrnoStatus(errno, "unlink", path);
    }
  }
  return absl::OkStatus();
}

std::string MarkerText() {
  std::string text;
  for (size_t i = 0; i < kMarkerCopies; ++i) {
    text += kMarker;
  }
  return text;
}

// What one thread of CreateInParallel() does.
absl::Status Create(const std::string& folder, int creator) {
  for (int i = 0; i < kCreations; ++i) {
    const std::string shared = fmt::format("{}/d{}", folder, i / 50);
    if (mkdir(shared.c_str(), 0700) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, "create", shared);
    }
    const std::string path = fmt::format("{}/{}-{}", shared, creator, i);
    RETURN_IF_ERROR(WriteWhole(path, {}));
    if (i % 7 == 0 && unlink(path.c_str()) != 0) {
      return ErrnoStatus(errno, "unlink", path);
    }
  }
  return absl::OkStatus();
}

size_t ChurnSize(int i) {
  return static_cast<size_t>(20'000 + i * 997 % 90'000);
}

}  // namespace

absl::Status Fill(const std::string& folder) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(FillLarge(folder));
  RETURN_IF_ERROR(FillSmall(folder));
  // A hole of 300 MiB, then data: far away block groups come into use.
  RETURN_IF_ERROR(
      WriteAt(folder + "/sparse", off_t{300} << 20U, Pattern(77, 5000)));
  sync();
  return absl::OkStatus();
}

absl::Status CheckFilled(const std::string& folder) {
  for (int i = 0; i < kLargeFiles; ++i) {
    RETURN_IF_ERROR(ExpectContents(Large(folder, i), LargeContents(i)));
  }
  for (int i = 0; i < kSmallFiles; ++i) {
    const std::string path = Small(folder, i);
    if (i % 10 == 9) {
      if (FileExists(path)) {
        return DataLoss(fmt::format("{}: was deleted, is there", path));
      }
      continue;
    }
    RETURN_IF_ERROR(
        ExpectContents(path, Pattern(static_cast<uint32_t>(i), SmallSize(i))));
  }
  return absl::OkStatus();
}

absl::Status WriteMarker(const std::string& path) {
  RETURN_IF_ERROR(WriteWhole(path, AsBytes(MarkerText())));
  sync();
  return absl::OkStatus();
}

absl::Status ReadMarker(const std::string& path) {
  return ExpectContents(path, AsBytes(MarkerText()));
}

absl::Status Churn(const std::string& folder) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  const std::string notes = folder + "/synced";
  for (int i = 0;; ++i) {
    const std::string path = fmt::format("{}/churn{}", folder, i);
    RETURN_IF_ERROR(
        WriteWhole(path, Pattern(static_cast<uint32_t>(i), ChurnSize(i))));
    if (i % kChurnRound == kChurnRound - 1) {
      sync();
      RETURN_IF_ERROR(WriteFileAtomically(notes, std::to_string(i + 1)));
      sync();
    }
    if (i % 3 == 0) {
      WriteAt(folder + "/scratch", i * 1000, Pattern(1, 3000)).IgnoreError();
    }
  }
}

absl::Status CheckChurned(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string count, ReadFile(folder + "/synced"));
  const int files = std::atoi(count.c_str());
  if (files < kChurnRound) {
    return DataLoss(fmt::format("{}: only {} files noted", folder, files));
  }
  for (int i = 0; i < files; ++i) {
    RETURN_IF_ERROR(
        ExpectContents(fmt::format("{}/churn{}", folder, i),
                       Pattern(static_cast<uint32_t>(i), ChurnSize(i))));
  }
  return absl::OkStatus();
}

absl::Status CreateInParallel(const std::string& folder) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  std::vector<absl::Status> results(kCreators);
  std::vector<std::thread> creators;
  for (int i = 0; i < kCreators; ++i) {
    creators.emplace_back([&folder,
                           &result = results.at(static_cast<size_t>(i)),
                           i] { result = Create(folder, i); });
  }
  for (std::thread& creator : creators) {
    creator.join();
  }
  sync();
  for (const absl::Status& result : results) {
    RETURN_IF_ERROR(result);
  }
  return absl::OkStatus();
}

// FIEMAP (Linux, Documentation/filesystems/fiemap.rst).
absl::StatusOr<uint64_t> FirstBlockOf(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  alignas(fiemap) std::array<uint8_t, sizeof(fiemap) + sizeof(fiemap_extent)>
      buffer{};
  fiemap request{};
  request.fm_length = ~uint64_t{0};
  request.fm_flags = FIEMAP_FLAG_SYNC;
  request.fm_extent_count = 1;
  std::memcpy(buffer.data(), &request, sizeof(request));
  if (ioctl(fd.get(), FS_IOC_FIEMAP, buffer.data()) != 0) {
    return ErrnoStatus(errno, "map", path);
  }
  fiemap_extent extent{};
  std::memcpy(&extent, buffer.data() + sizeof(fiemap), sizeof(extent));
  return extent.fe_physical / 4096;
}

}  // namespace constellation::disk_mapper::vm_test
