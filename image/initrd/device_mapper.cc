// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/device_mapper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "common/status_macros.h"

namespace constellation::image::initrd {
namespace {

constexpr size_t kBufferSize = 4096;

// One request to the kernel: a dm_ioctl header with room for a table behind it.
class Request final {
 public:
  explicit Request(std::string_view name) : buffer_(kBufferSize) {
    dm_ioctl header{};
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = kBufferSize;
    header.data_start = sizeof(dm_ioctl);
    name.copy(header.name, sizeof(header.name) - 1);
    Store(header);
  }

  dm_ioctl header() const {
    dm_ioctl header{};
    std::memcpy(&header, buffer_.data(), sizeof(header));
    return header;
  }

  void SetReadOnly() {
    dm_ioctl changed = header();
    changed.flags |= DM_READONLY_FLAG;
    Store(changed);
  }

  // CreateReadOnlyDevice() has seen that type and table fit; the kernel reads
  // up to a zero octet.
  void SetTarget(std::string_view type, uint64_t sectors,
                 std::string_view table) {
    dm_ioctl changed = header();
    changed.target_count = 1;
    Store(changed);
    dm_target_spec spec{};
    spec.length = sectors;
    type.copy(spec.target_type, sizeof(spec.target_type) - 1);
    std::memcpy(buffer_.data() + sizeof(dm_ioctl), &spec, sizeof(spec));
    table.copy(buffer_.data() + sizeof(dm_ioctl) + sizeof(spec), table.size());
  }

  // The kernel's answer replaces the request.
  absl::Status Send(int control, unsigned long command, std::string_view step) {
    if (ioctl(control, command, buffer_.data()) < 0) {
      const std::string message =
          fmt::format("device mapper: {}: {}", step, std::strerror(errno));
      return absl::InternalError(message);
    }
    return absl::OkStatus();
  }

 private:
  void Store(const dm_ioctl& header) {
    std::memcpy(buffer_.data(), &header, sizeof(header));
  }

  std::vector<char> buffer_;
};

// On failure the machine restarts, so nothing is taken back here.
absl::StatusOr<std::string> Create(int control, std::string_view name,
                                   std::string_view target_type,
                                   uint64_t sectors, std::string_view table) {
  Request create(name);
  RETURN_IF_ERROR(create.Send(control, DM_DEV_CREATE, "create"));
  Request load(name);
  load.SetReadOnly();
  load.SetTarget(target_type, sectors, table);
  RETURN_IF_ERROR(load.Send(control, DM_TABLE_LOAD, "load table"));
  Request resume(name);  // without the suspend flag this resumes
  RETURN_IF_ERROR(resume.Send(control, DM_DEV_SUSPEND, "activate"));
  return fmt::format("/dev/dm-{}", minor(resume.header().dev));
}

}  // namespace

absl::StatusOr<std::string> CreateReadOnlyDevice(std::string_view name,
                                                 std::string_view target_type,
                                                 uint64_t sectors,
                                                 std::string_view table) {
  constexpr size_t kRoom =
      kBufferSize - sizeof(dm_ioctl) - sizeof(dm_target_spec);
  if (name.empty() || name.size() >= DM_NAME_LEN || target_type.empty() ||
      target_type.size() >= DM_MAX_TYPE_NAME || table.size() >= kRoom) {
    return absl::InvalidArgumentError(
        "device mapper: name, type or table too long");
  }
  const int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
  if (control < 0) {
    const std::string message =
        fmt::format("open /dev/mapper/control: {}", std::strerror(errno));
    return absl::InternalError(message);
  }
  auto node = Create(control, name, target_type, sectors, table);
  close(control);
  return node;
}

}  // namespace constellation::image::initrd
