// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_GUEST_DEVICE_H_
#define CONSTELLATION_ATTESTATION_ISSUER_GUEST_DEVICE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/issuer/hardware_report.h"
#include "common/clock.h"

namespace constellation::attestation {

inline constexpr char kSevGuestDevice[] = "/dev/sev-guest";
inline constexpr char kTdxGuestDevice[] = "/dev/tdx_guest";

// ioctl(2): 0, or -1 and errno. The seam by which tests replace a driver.
using IoctlFunction =
    std::function<int(int fd, unsigned long request, void* argument)>;
IoctlFunction SystemIoctl();

// How a guest device is asked.
struct GuestDeviceOptions {
  std::string path;
  IoctlFunction ioctl = SystemIoctl();
  int attempts = 6;  // while the host is busy
  absl::Duration first_delay = absl::Milliseconds(100);  // doubled each time
};

// SEV-SNP reports from the driver of Linux 5.19 and later (Documentation/virt/
// coco/sev-guest.rst), for kernels without configfs-tsm: SNP_GET_EXT_REPORT,
// with the host's certificate table, or SNP_GET_REPORT where the host has none.
// Asks again with more room if the host's table is larger, and later if the
// host is busy. Thread-safe.
class SevGuestDevice final : public HardwareReportProvider {
 public:
  // `clock` must outlive this.
  explicit SevGuestDevice(
      GuestDeviceOptions options = {.path = kSevGuestDevice},
      Clock& clock = Clock::System());

  // NOT_FOUND without device, UNAVAILABLE if the host stayed busy,
  // RESOURCE_EXHAUSTED if it wants a table of more than 64 KiB, INTERNAL with
  // the firmware's error code otherwise.
  absl::StatusOr<HardwareReport> Report(const ReportData& data) override;

 private:
  absl::StatusOr<HardwareReport> ReportOnce(int fd, const ReportData& data);

  const GuestDeviceOptions options_;
  Clock& clock_;
};

// A TDREPORT_STRUCT (1024 octets) of this trust domain with `data` as report
// data, from the driver of Linux 6.2 and later (TDX_CMD_GET_REPORT0). Only the
// same machine can check it; making a quote of it takes a quoting service
// (README.md). NOT_FOUND without device, DATA_LOSS if the TDX module refuses.
absl::StatusOr<Bytes> GetTdReport(const ReportData& data,
                                  const GuestDeviceOptions& options = {
                                      .path = kTdxGuestDevice});

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_GUEST_DEVICE_H_
