// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/device_mapper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::disk_mapper {
namespace {

constexpr size_t kBufferSize = size_t{16} << 10U;
constexpr size_t kTableRoom =
    kBufferSize - sizeof(dm_ioctl) - sizeof(dm_target_spec) - 1;
constexpr const char* kControlNode = "/dev/mapper/control";

// Upper half of event_nr, where udev's rules for the device mapper look (libdm
// calls them DM_UDEV_DISABLE_...): leave this device alone. A probe would read
// sectors that nobody has written.
constexpr uint32_t kUdevHandsOff = 0x0002U | 0x0004U | 0x0008U;

// One request to the kernel, in memory that is wiped: a dm_ioctl header and
// room for a table behind it.
class Request final {
 public:
  explicit Request(std::string_view name) : buffer_(kBufferSize) {
    dm_ioctl header{};
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = kBufferSize;
    header.data_start = sizeof(dm_ioctl);
    header.flags = DM_SECURE_DATA_FLAG;
    name.copy(header.name, sizeof(header.name) - 1);
    Store(header);
  }

  dm_ioctl header() const {
    dm_ioctl header{};
    std::memcpy(&header, buffer_.Expose().data(), sizeof(header));
    return header;
  }

  // The buffer is opaque octets: the header is copied out and in again.
  void AddFlags(uint32_t flags) {
    dm_ioctl changed = header();
    changed.flags |= flags;
    Store(changed);
  }

  // For requests that make udev events: activation and removal.
  void SetUdevFlags(uint32_t flags) {
    dm_ioctl changed = header();
    changed.event_nr = flags << 16U;
    Store(changed);
  }

  // CheckTarget() has seen that it fits; the kernel reads up to a zero octet.
  void SetTarget(const DmTarget& target) {
    dm_ioctl changed = header();
    changed.target_count = 1;
    Store(changed);
    dm_target_spec spec{};
    spec.length = target.sectors;
    target.type.copy(spec.target_type, sizeof(spec.target_type) - 1);
    uint8_t* data = buffer_.ExposeMutable().data() + sizeof(dm_ioctl);
    std::memcpy(data, &spec, sizeof(spec));
    const auto parameters = target.parameters.Expose();
    std::memcpy(data + sizeof(spec), parameters.data(), parameters.size());
    data[sizeof(spec) + parameters.size()] = 0;
  }

  // The parameters of the only target in the kernel's answer.
  absl::StatusOr<SecretBytes> Parameters() const {
    const dm_ioctl answer = header();
    const auto bytes = buffer_.Expose();
    if (answer.target_count != 1 || answer.data_start > kBufferSize ||
        kBufferSize - answer.data_start <= sizeof(dm_target_spec)) {
      return Internal(fmt::format("device mapper: want one target, got {}",
                                  answer.target_count));
    }
    const auto text = bytes.subspan(answer.data_start + sizeof(dm_target_spec));
    const auto end = std::find(text.begin(), text.end(), 0);
    return SecretBytes(
        text.first(static_cast<size_t>(std::distance(text.begin(), end))));
  }

  // The kernel's answer replaces the request.
  absl::Status Send(const UniqueFd& control, unsigned long command,
                    std::string_view step) {
    if (ioctl(control.get(), command, buffer_.ExposeMutable().data()) == 0) {
      return absl::OkStatus();
    }
    return ErrnoStatus(errno, step,
                       fmt::format("mapped device {}", header().name));
  }

 private:
  void Store(const dm_ioctl& header) {
    std::memcpy(buffer_.ExposeMutable().data(), &header, sizeof(header));
  }

  SecretBytes buffer_;
};

absl::StatusOr<UniqueFd> OpenControl() {
  UniqueFd control(open(kControlNode, O_RDWR | O_CLOEXEC));
  if (!control.valid()) {
    return ErrnoStatus(errno, "open", kControlNode);
  }
  return control;
}

// The kernel makes a file name of it, and a field of DM_NAME_LEN octets.
absl::Status CheckName(std::string_view name) {
  if (name.empty() || name.size() >= DM_NAME_LEN ||
      name.find_first_of(std::string_view("/\0", 2)) != name.npos) {
    return InvalidArgument("device mapper: name empty, too long or with '/'");
  }
  return absl::OkStatus();
}

// A table that was cut would map something else than was asked for.
absl::Status CheckTarget(const DmTarget& target) {
  if (target.type.empty() || target.type.size() >= DM_MAX_TYPE_NAME ||
      target.parameters.size() > kTableRoom || target.sectors == 0) {
    return InvalidArgument("device mapper: target does not fit");
  }
  return absl::OkStatus();
}

// The new table is inactive until Resume().
absl::Status Load(const UniqueFd& control, std::string_view name,
                  const DmTarget& target) {
  Request load(name);
  load.SetTarget(target);
  return load.Send(control, DM_TABLE_LOAD, "load table");
}

// Activates the loaded table; returns the node.
absl::StatusOr<std::string> Resume(const UniqueFd& control,
                                   std::string_view name) {
  Request resume(name);
  resume.SetUdevFlags(kUdevHandsOff);
  RETURN_IF_ERROR(resume.Send(control, DM_DEV_SUSPEND, "activate"));
  return fmt::format("/dev/dm-{}", minor(resume.header().dev));
}

absl::StatusOr<std::string> LoadAndResume(const UniqueFd& control,
                                          std::string_view name,
                                          const DmTarget& target) {
  RETURN_IF_ERROR(Load(control, name, target));
  return Resume(control, name);
}

}  // namespace

absl::StatusOr<std::string> KernelDeviceMapper::Create(std::string_view name,
                                                       const DmTarget& target) {
  RETURN_IF_ERROR(CheckName(name));
  RETURN_IF_ERROR(CheckTarget(target));
  ASSIGN_OR_RETURN(const UniqueFd control, OpenControl());
  Request create(name);
  const absl::Status created = create.Send(control, DM_DEV_CREATE, "create");
  if (absl::IsUnavailable(created)) {  // EBUSY: the name is taken
    return AlreadyExists(Message(created));
  }
  RETURN_IF_ERROR(created);
  absl::StatusOr<std::string> node = LoadAndResume(control, name, target);
  if (!node.ok()) {
    Remove(name).IgnoreError();  // the first error is the one to tell
  }
  return node;
}

// Without flushing: the new table may be one that fails everything.
absl::Status KernelDeviceMapper::Replace(std::string_view name,
                                         const DmTarget& target) {
  RETURN_IF_ERROR(CheckName(name));
  RETURN_IF_ERROR(CheckTarget(target));
  ASSIGN_OR_RETURN(const UniqueFd control, OpenControl());
  RETURN_IF_ERROR(Load(control, name, target));
  Request suspend(name);
  suspend.AddFlags(DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG);
  RETURN_IF_ERROR(suspend.Send(control, DM_DEV_SUSPEND, "suspend"));
  return Resume(control, name).status();
}

absl::StatusOr<SecretBytes> KernelDeviceMapper::Table(std::string_view name) {
  RETURN_IF_ERROR(CheckName(name));
  ASSIGN_OR_RETURN(const UniqueFd control, OpenControl());
  Request table(name);
  table.AddFlags(DM_STATUS_TABLE_FLAG);
  RETURN_IF_ERROR(table.Send(control, DM_TABLE_STATUS, "read table"));
  if ((table.header().flags & DM_BUFFER_FULL_FLAG) != 0) {
    return Internal("device mapper: table larger than our buffer");
  }
  return table.Parameters();
}

absl::Status KernelDeviceMapper::Remove(std::string_view name) {
  RETURN_IF_ERROR(CheckName(name));
  ASSIGN_OR_RETURN(const UniqueFd control, OpenControl());
  Request remove(name);
  remove.SetUdevFlags(kUdevHandsOff);
  const absl::Status status = remove.Send(control, DM_DEV_REMOVE, "remove");
  // ENXIO: no such device.
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace constellation::disk_mapper
