// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_TSM_REPORT_PROVIDER_H_
#define CONSTELLATION_ATTESTATION_ISSUER_TSM_REPORT_PROVIDER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/issuer/hardware_report.h"
#include "common/clock.h"

namespace constellation::attestation {

// Where Linux 6.7 and later show the interface, once configfs is mounted.
inline constexpr char kTsmReportFolder[] = "/sys/kernel/config/tsm/report";

// The operations on configfs that a report takes. The seam by which tests
// replace the kernel. Implementations are thread-safe; errors as ErrnoStatus().
class TsmFiles {
 public:
  virtual ~TsmFiles() = default;
  virtual absl::Status MakeEntry(const std::string& path) = 0;    // mkdir
  virtual absl::Status RemoveEntry(const std::string& path) = 0;  // rmdir
  // The whole of `path`; INVALID_ARGUMENT beyond `max_size` octets.
  virtual absl::StatusOr<Bytes> Read(const std::string& path,
                                     size_t max_size) = 0;
  // One write(2) of all of `bytes`, then close(2).
  virtual absl::Status Write(const std::string& path,
                             std::span<const uint8_t> bytes) = 0;

  // The real thing. Never destroyed.
  static TsmFiles& System();
};

// How a TsmReportProvider behaves.
struct TsmReportOptions {
  std::string folder = kTsmReportFolder;
  // Privilege level (VMPL) to report, 0-3; the kernel's choice if not set.
  std::optional<uint32_t> privilege_level = {};
  int attempts = 8;  // at busy or disturbed interfaces
  absl::Duration first_delay = absl::Milliseconds(20);  // doubled each time
};

// Hardware reports over configfs-tsm (Linux, Documentation/ABI/testing/
// configfs-tsm-report): an entry of its own is made for every report, the data
// written, the report read, and the entry removed, whatever happens. The
// kernel counts writes in `generation`; a count that is not the expected one
// means that somebody else wrote to our entry, or that a write was lost: then
// the report is thrown away and made again. Thread-safe.
class TsmReportProvider final : public HardwareReportProvider {
 public:
  // `files` and `clock` must outlive this.
  explicit TsmReportProvider(TsmReportOptions options = {},
                             TsmFiles& files = TsmFiles::System(),
                             Clock& clock = Clock::System());

  // NOT_FOUND if there is no such folder or no provider behind it, UNAVAILABLE
  // if it stayed busy or disturbed for all attempts, INVALID_ARGUMENT for a
  // provider or report that is not known.
  absl::StatusOr<HardwareReport> Report(const ReportData& data) override;

  // Which technology the kernel reports with. Codes as above.
  absl::StatusOr<HardwareKind> Kind();

 private:
  template <typename Result, typename Action>
  Result WithEntry(Action action);
  absl::StatusOr<HardwareKind> ReadKind(const std::string& entry);
  absl::StatusOr<uint64_t> ReadNumber(const std::string& path);
  absl::Status ExpectGeneration(const std::string& entry, uint64_t expected);
  absl::StatusOr<HardwareReport> ReportOnce(const std::string& entry,
                                            const ReportData& data);

  const TsmReportOptions options_;
  TsmFiles& files_;
  Clock& clock_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_TSM_REPORT_PROVIDER_H_
