// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "attestation/byte_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;

constexpr uint32_t kFirstVersionWithCpuid = 3;
constexpr uint32_t kFirstVersionWithMitigations = 5;
constexpr uint64_t kPolicyAlwaysOne = 1U << 17U;
constexpr uint64_t kPolicyKnownBits = (uint64_t{1} << 26U) - 1;
constexpr uint32_t kKeyInfoKnownBits = 0x1f;
constexpr size_t kResponseHeader = 32;

bool AllZero(Octets octets) {
  return std::ranges::all_of(octets, [](uint8_t octet) { return octet == 0; });
}

// Reads a report's fields in order; the first error stays and ends reading.
class FieldReader final {
 public:
  explicit FieldReader(Octets bytes) : reader_(bytes) {}

  template <typename T>
  T Number(std::string_view field) {
    if (!status_.ok()) {
      return 0;
    }
    const absl::StatusOr<T> value = reader_.Read<T>(field);
    status_ = value.status();
    return value.ok() ? *value : T{0};
  }

  template <size_t kSize>
  void Copy(std::array<uint8_t, kSize>& to, std::string_view field) {
    if (!status_.ok()) {
      return;
    }
    const absl::StatusOr<Octets> octets = reader_.Take(kSize, field);
    status_ = octets.status();
    if (octets.ok()) {
      std::ranges::copy(*octets, to.begin());
    }
  }

  // `size` octets that must be zero.
  void Zeros(size_t size, std::string_view field) {
    if (!status_.ok()) {
      return;
    }
    const size_t offset = reader_.offset();
    const absl::StatusOr<Octets> octets = reader_.Take(size, field);
    status_ = octets.status();
    if (octets.ok() && !AllZero(*octets)) {
      status_ = InvalidArgument(
          fmt::format("SNP report: {} at offset {:#x}: want {} zero octets, "
                      "got {}",
                      field, offset, size, HexEncode(*octets)));
    }
  }

  SnpFirmwareVersion Version(std::string_view field) {
    SnpFirmwareVersion version;
    version.build = Number<uint8_t>(field);
    version.minor = Number<uint8_t>(field);
    version.major = Number<uint8_t>(field);
    Zeros(1, field);
    return version;
  }

  // 72 octets, turned around.
  void Scalar(std::array<uint8_t, 72>& to, std::string_view field) {
    Copy(to, field);
    std::ranges::reverse(to);
  }

  // `condition` must hold of `value`.
  void Demand(bool condition, std::string_view wanted, uint64_t value) {
    if (status_.ok() && !condition) {
      status_ = InvalidArgument(
          fmt::format("SNP report: {}, got {:#x}", wanted, value));
    }
  }

  const absl::Status& status() const { return status_; }

 private:
  LittleEndianReader reader_;
  absl::Status status_;
};

// Up to offset 0x50. Reserved bits must be clear: a set one may mean something
// that this verifier does not know, and would accept.
void ReadHead(FieldReader& in, SnpReportUnverified& report) {
  report.version = in.Number<uint32_t>("version");
  in.Demand(report.version == 2 || report.version == 3 || report.version == 5,
            "version: want 2, 3 or 5 (a newer one needs a newer verifier)",
            report.version);
  report.guest_svn = in.Number<uint32_t>("guest_svn");
  report.policy.raw = in.Number<uint64_t>("policy");
  in.Demand((report.policy.raw & kPolicyAlwaysOne) != 0 &&
                (report.policy.raw & ~kPolicyKnownBits) == 0,
            "policy: want bit 17 set, bits 26 to 63 clear", report.policy.raw);
  in.Copy(report.family_id, "family_id");
  in.Copy(report.image_id, "image_id");
  report.vmpl = in.Number<uint32_t>("vmpl");
  report.signature_algorithm = in.Number<uint32_t>("signature_algo");
  in.Copy(report.current_tcb, "current_tcb");
  report.platform_info.raw = in.Number<uint64_t>("platform_info");
  const auto key_info = in.Number<uint32_t>("key information");
  in.Demand((key_info & ~kKeyInfoKnownBits) == 0,
            "key information: want bits 5 to 31 clear", key_info);
  report.author_key_enabled = (key_info & 1U) != 0;
  report.mask_chip_key = (key_info & 2U) != 0;
  report.signing_key = static_cast<SnpSigningKey>(key_info >> 2U & 7U);
  in.Zeros(4, "reserved");
}

// From offset 0x180 on. What is reserved in one version is a field in the next
// one; the version decides.
void ReadTail(FieldReader& in, SnpReportUnverified& report) {
  in.Copy(report.reported_tcb, "reported_tcb");
  if (report.version >= kFirstVersionWithCpuid) {
    SnpCpuid cpuid;
    cpuid.family = in.Number<uint8_t>("cpuid family");
    cpuid.model = in.Number<uint8_t>("cpuid model");
    cpuid.stepping = in.Number<uint8_t>("cpuid stepping");
    report.cpuid = cpuid;
  } else {
    in.Zeros(3, "reserved");
  }
  in.Zeros(21, "reserved");
  in.Copy(report.chip_id, "chip_id");
  in.Copy(report.committed_tcb, "committed_tcb");
  report.current_version = in.Version("current version");
  report.committed_version = in.Version("committed version");
  in.Copy(report.launch_tcb, "launch_tcb");
  if (report.version >= kFirstVersionWithMitigations) {
    report.launch_mitigations = in.Number<uint64_t>("launch_mit_vector");
    report.current_mitigations = in.Number<uint64_t>("current_mit_vector");
  } else {
    in.Zeros(16, "reserved");
  }
  in.Zeros(152, "reserved");
  in.Scalar(report.signature_r, "signature r");
  in.Scalar(report.signature_s, "signature s");
  in.Zeros(368, "signature: reserved");
}

}  // namespace

// The field has three bits, so values that no name exists for can occur.
std::string ToString(SnpSigningKey key) {
  switch (key) {
    case SnpSigningKey::kVcek:
      return "VCEK";
    case SnpSigningKey::kVlek:
      return "VLEK";
    case SnpSigningKey::kNone:
      return "none";
  }
  return fmt::format("reserved ({})", static_cast<unsigned>(key));
}

std::string ToString(const SnpFirmwareVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.build);
}

// Copies everything, so that the result does not point into hostile memory.
absl::StatusOr<SnpReportUnverified> SnpReportUnverified::Parse(Octets bytes) {
  if (bytes.size() != kSnpReportSize) {
    return InvalidArgument(fmt::format("SNP report: want {} octets, got {}",
                                       kSnpReportSize, bytes.size()));
  }
  FieldReader in(bytes);
  SnpReportUnverified report;
  ReadHead(in, report);
  in.Copy(report.report_data, "report_data");
  in.Copy(report.measurement, "measurement");
  in.Copy(report.host_data, "host_data");
  in.Copy(report.id_key_digest, "id_key_digest");
  in.Copy(report.author_key_digest, "author_key_digest");
  in.Copy(report.report_id, "report_id");
  in.Copy(report.report_id_ma, "report_id_ma");
  ReadTail(in, report);
  RETURN_IF_ERROR(in.status());
  return report;
}

bool SnpReportUnverified::chip_id_is_masked() const {
  return AllZero(chip_id);
}

// The kernel passes the firmware's status through; with any but zero the rest
// of the buffer is not a report.
absl::StatusOr<Octets> UnwrapSnpReportResponse(Octets response) {
  LittleEndianReader reader(response);
  ASSIGN_OR_RETURN(const auto status,
                   reader.Read<uint32_t>("SNP response: status"));
  ASSIGN_OR_RETURN(const auto size,
                   reader.Read<uint32_t>("SNP response: report size"));
  if (status != 0) {
    return FailedPrecondition(fmt::format(
        "SNP response: the firmware gave status {:#x}, no report", status));
  }
  if (size != kSnpReportSize) {
    return InvalidArgument(
        fmt::format("SNP response: want a report of {} octets, got {}",
                    kSnpReportSize, size));
  }
  RETURN_IF_ERROR(
      reader.Take(kResponseHeader - reader.offset(), "SNP response: reserved")
          .status());
  return reader.Take(size, "SNP response: report");
}

}  // namespace constellation::attestation
