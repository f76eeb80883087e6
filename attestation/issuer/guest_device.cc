// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/guest_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kPage = 4096;
constexpr uint32_t kFirstTableSize = 4 * kPage;
constexpr uint32_t kMaxTableSize = 16 * kPage;
constexpr uint8_t kMessageVersion = 1;
// MSG_REPORT_RSP (AMD 56860): status, size, 24 reserved octets, report.
constexpr size_t kResponseHeaderSize = 32;
constexpr uint32_t kReportSize = 0x4a0;
// Firmware errors begin behind this value of the driver's own: the firmware was
// never asked (psp-sev.h, SEV_RET_NO_FW_CALL).
constexpr uint32_t kNoFirmwareCall = 0xffffffff;
constexpr size_t kTdReportSize = 1024;

// include/uapi/linux/tdx-guest.h, which Debian 12 does not have yet.
struct TdxReportRequest {
  uint8_t report_data[kReportDataSize];
  uint8_t td_report[kTdReportSize];
};
constexpr unsigned long kTdxGetReport0 = _IOWR('T', 1, TdxReportRequest);

absl::StatusOr<UniqueFd> OpenDevice(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  return fd;
}

uint32_t LittleEndian32(const uint8_t* at) {
  return uint32_t{at[0]} | uint32_t{at[1]} << 8U | uint32_t{at[2]} << 16U |
         uint32_t{at[3]} << 24U;
}

// MSG_REPORT_RSP: the firmware's status stands before the report.
absl::StatusOr<Bytes> ReportOf(const snp_report_resp& response) {
  const uint8_t* data = response.data;
  const uint32_t status = LittleEndian32(data);
  const uint32_t size = LittleEndian32(data + 4);
  static_assert(sizeof(response.data) >= kResponseHeaderSize + kReportSize);
  if (status != 0) {
    return Internal(fmt::format(
        "SNP report: the firmware answers with status {:#x}", status));
  }
  if (size != kReportSize) {
    return InvalidArgument(
        fmt::format("SNP report: want {} bytes, got {}", kReportSize, size));
  }
  return Bytes(data + kResponseHeaderSize,
               data + kResponseHeaderSize + kReportSize);
}

// The codes of the driver, sev-guest.rst: the upper half is the host's, the
// lower the firmware's.
absl::Status FailureOf(int error, const snp_guest_request_ioctl& request,
                       const std::string& path) {
  const std::string message =
      fmt::format("{}: {}; host error {}, firmware error {:#x}", path,
                  std::strerror(error), request.vmm_error, request.fw_error);
  if (request.vmm_error == SNP_GUEST_VMM_ERR_BUSY || error == EAGAIN ||
      error == EBUSY || error == EINTR) {
    return Unavailable(message);
  }
  return Internal(message);
}

}  // namespace

IoctlFunction SystemIoctl() {
  return [](int fd, unsigned long request, void* argument) {
    return ::ioctl(fd, request, argument);
  };
}

SevGuestDevice::SevGuestDevice(GuestDeviceOptions options, Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

// The host may be busy or throttle: backs off, doubling.
absl::StatusOr<HardwareReport> SevGuestDevice::Report(const ReportData& data) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenDevice(options_.path));
  absl::Duration delay = options_.first_delay;
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<HardwareReport> report = ReportOnce(fd.get(), data);
    if (!absl::IsUnavailable(report.status()) || attempt >= options_.attempts) {
      return report;
    }
    clock_.Sleep(delay);
    delay *= 2;
  }
}

// Extended first, for its certificates save the verifier a download; a host
// without them is asked for a plain report. The table grows as the host says,
// within bounds.
absl::StatusOr<HardwareReport> SevGuestDevice::ReportOnce(
    int fd, const ReportData& data) {
  HardwareReport out;
  out.kind = HardwareKind::kSnp;
  Bytes table(kFirstTableSize);
  while (true) {
    snp_report_resp response{};
    snp_ext_report_req extended{};
    std::copy(data.begin(), data.end(), extended.data.user_data);
    extended.certs_address = reinterpret_cast<uint64_t>(table.data());
    extended.certs_len = static_cast<uint32_t>(table.size());
    snp_guest_request_ioctl request{};
    request.msg_version = kMessageVersion;
    request.req_data = reinterpret_cast<uint64_t>(&extended);
    request.resp_data = reinterpret_cast<uint64_t>(&response);
    request.fw_error = kNoFirmwareCall;
    unsigned long command = SNP_GET_EXT_REPORT;
    if (table.empty()) {
      request.req_data = reinterpret_cast<uint64_t>(&extended.data);
      command = SNP_GET_REPORT;
    }
    if (options_.ioctl(fd, command, &request) == 0) {
      ASSIGN_OR_RETURN(out.report, ReportOf(response));
      RETURN_IF_ERROR(CheckReportCarries(out, data));
      const bool empty =
          std::ranges::all_of(table, [](uint8_t octet) { return octet == 0; });
      out.certificates = empty ? Bytes() : std::move(table);
      return out;
    }
    const int error = errno;
    if (request.vmm_error == SNP_GUEST_VMM_ERR_INVALID_LEN && !table.empty()) {
      // The driver has written how much the host wants.
      if (extended.certs_len > kMaxTableSize) {
        return ErrnoStatus(
            ENOMEM,
            fmt::format("certificate table of {} bytes", extended.certs_len),
            options_.path);
      }
      const size_t larger =
          std::max<size_t>(extended.certs_len, table.size() + kPage);
      if (larger > kMaxTableSize) {
        return Internal(fmt::format(
            "{}: the host refuses every size of its certificate table",
            options_.path));
      }
      table.assign((larger + kPage - 1) / kPage * kPage, 0);
      continue;
    }
    const absl::Status failure = FailureOf(error, request, options_.path);
    if (absl::IsUnavailable(failure) || table.empty()) {
      return failure;
    }
    table.clear();  // a host without extended reports: ask for a plain one
  }
}

absl::StatusOr<Bytes> GetTdReport(const ReportData& data,
                                  const GuestDeviceOptions& options) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenDevice(options.path));
  TdxReportRequest request{};
  std::copy(data.begin(), data.end(), request.report_data);
  if (options.ioctl(fd.get(), kTdxGetReport0, &request) != 0) {
    return ErrnoStatus(errno, "get TDREPORT from", options.path);
  }
  return Bytes(std::begin(request.td_report), std::end(request.td_report));
}

}  // namespace constellation::attestation
