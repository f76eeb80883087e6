// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/snp_launch.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/launch/page_image.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using crypto::Sha384Digest;

// AMD 56860, table 67: page types.
enum class PageType : uint8_t {
  kNormal = 1,
  kVmsa = 2,
  kZero = 3,
  kUnmeasured = 4,
  kSecrets = 5,
  kCpuid = 6,
};

constexpr uint64_t kVmsaGpa = 0xfffffffff000;
constexpr uint32_t kBspEip = 0xfffffff0;
constexpr size_t kPageInfoSize = 0x70;

// The digest that grows with each page the monitor adds.
class LaunchDigest final {
 public:
  explicit LaunchDigest(const Sha384Digest& start) : digest_(start) {}

  // A page whose contents count.
  void AddContents(PageType type, uint64_t gpa, std::span<const uint8_t> page) {
    Add(type, gpa, crypto::Sha384(page));
  }

  // Pages whose contents do not count, or are zero.
  void AddRange(PageType type, uint64_t gpa, uint64_t size) {
    for (uint64_t offset = 0; offset < size; offset += kPageSize) {
      Add(type, gpa + offset, {});
    }
  }

  const Sha384Digest& value() const { return digest_; }

 private:
  // PAGE_INFO; the permissions of the lower VM privilege levels are none.
  void Add(PageType type, uint64_t gpa, const Sha384Digest& contents) {
    PageImage<kPageInfoSize> info;
    info.Put(0x00, digest_);
    info.Put(0x30, contents);
    info.PutLe<uint16_t>(0x60, kPageInfoSize);
    info.PutLe<uint8_t>(0x62, static_cast<uint8_t>(type));
    info.PutLe<uint64_t>(0x68, gpa);
    digest_ = crypto::Sha384(info.bytes());
  }

  Sha384Digest digest_;
};

// The page with the hashes (OVMF, BlobVerifierLibSevHashes): a table of
// {GUID, u16 size, hash} that is padded to 16 octets.
constexpr size_t kHashTableSize = 168;
constexpr size_t kHashEntrySize = 50;
constexpr std::array<uint8_t, 16> kTableGuid = {
    0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
    0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21};
constexpr std::array<uint8_t, 16> kCommandLineGuid = {
    0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c,
    0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a};
constexpr std::array<uint8_t, 16> kInitrdGuid = {
    0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b,
    0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d};
constexpr std::array<uint8_t, 16> kKernelGuid = {
    0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42,
    0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b};

absl::StatusOr<PageImage<kPageSize>> HashPage(const KernelHashTable& table,
                                              const DirectBootHashes& hashes) {
  const size_t start = table.gpa % kPageSize;
  constexpr size_t kPadded = (kHashTableSize + 15) / 16 * 16;
  if (table.size < kPadded || start + kPadded > kPageSize) {
    return FailedPrecondition(
        fmt::format("firmware: its table of kernel hashes at {:#x} has {} "
                    "bytes, want {} within one page",
                    table.gpa, table.size, kPadded));
  }
  PageImage<kPageSize> page;
  page.Put(start, kTableGuid);
  page.PutLe<uint16_t>(start + 16, kHashTableSize);
  size_t at = start + 18;
  const auto add = [&](const std::array<uint8_t, 16>& guid,
                       const crypto::Sha256Digest& hash) {
    page.Put(at, guid);
    page.PutLe<uint16_t>(at + 16, kHashEntrySize);
    page.Put(at + 18, hash);
    at += kHashEntrySize;
  };
  add(kCommandLineGuid, hashes.command_line);
  add(kInitrdGuid, hashes.initrd);
  add(kKernelGuid, hashes.kernel);
  return page;
}

absl::Status AddKernelHashes(const OvmfFirmware& firmware,
                             const SnpLaunchOptions& options,
                             const SevSection& section, LaunchDigest& digest) {
  const auto table = firmware.kernel_hash_table();
  if (!options.direct_boot.has_value()) {
    digest.AddRange(PageType::kZero, section.gpa, section.size);
    return absl::OkStatus();
  }
  if (section.size != kPageSize || !table.has_value() ||
      table->gpa / kPageSize != section.gpa / kPageSize) {
    return FailedPrecondition(
        "firmware: its page for kernel hashes and the table in it do not fit");
  }
  ASSIGN_OR_RETURN(const PageImage<kPageSize> page,
                   HashPage(*table, *options.direct_boot));
  digest.AddContents(PageType::kNormal, section.gpa, page.bytes());
  return absl::OkStatus();
}

absl::Status AddSection(const OvmfFirmware& firmware,
                        const SnpLaunchOptions& options,
                        const SevSection& section, LaunchDigest& digest) {
  switch (section.type) {
    case SevSectionType::kSecMemory:
      digest.AddRange(
          options.vmm == SnpVmm::kGce ? PageType::kUnmeasured : PageType::kZero,
          section.gpa, section.size);
      return absl::OkStatus();
    case SevSectionType::kSecrets:
      digest.AddRange(PageType::kSecrets, section.gpa, section.size);
      return absl::OkStatus();
    case SevSectionType::kCpuid:
      digest.AddRange(PageType::kCpuid, section.gpa, section.size);
      return absl::OkStatus();
    case SevSectionType::kSvsmCaa:
      digest.AddRange(PageType::kZero, section.gpa, section.size);
      return absl::OkStatus();
    case SevSectionType::kKernelHashes:
      return AddKernelHashes(firmware, options, section, digest);
  }
  return Internal("SEV section: unknown type");
}

// EC2 adds the CPUID pages after all others.
absl::Status AddMetadata(const OvmfFirmware& firmware,
                         const SnpLaunchOptions& options,
                         LaunchDigest& digest) {
  const bool cpuid_last = options.vmm == SnpVmm::kEc2;
  for (const bool second : {false, true}) {
    for (const SevSection& section : firmware.sev_sections()) {
      const bool late = cpuid_last && section.type == SevSectionType::kCpuid;
      if (late == second) {
        RETURN_IF_ERROR(AddSection(firmware, options, section, digest));
      }
    }
  }
  return absl::OkStatus();
}

bool HasKernelHashes(const OvmfFirmware& firmware) {
  const auto& sections = firmware.sev_sections();
  return std::any_of(sections.begin(), sections.end(), [](const SevSection& s) {
    return s.type == SevSectionType::kKernelHashes;
  });
}

absl::Status CheckOptions(const OvmfFirmware& firmware,
                          const SnpLaunchOptions& options) {
  if (firmware.sev_sections().empty()) {
    return FailedPrecondition(
        "firmware: no SEV metadata, so it cannot start as an SNP guest; use an "
        "OVMF built for AMD SEV");
  }
  if (options.vcpus == 0 || options.vcpus > kMaxVcpus) {
    return InvalidArgument(
        fmt::format("vCPUs: want 1 to {}, got {}", kMaxVcpus, options.vcpus));
  }
  if (options.vmm == SnpVmm::kQemu && options.cpu_signature == 0) {
    return InvalidArgument(
        "vCPU type: QEMU puts it into the measured state; say which");
  }
  if ((options.sev_features & kSevFeatureSnpActive) == 0) {
    return InvalidArgument(fmt::format(
        "SEV features {:#x}: bit 0 (SNP) is not set", options.sev_features));
  }
  if (options.direct_boot.has_value() && !HasKernelHashes(firmware)) {
    return FailedPrecondition(
        "firmware: it has no place for kernel hashes, so the kernel would "
        "start "
        "unmeasured; boot from a disk or use OVMF's AmdSev build");
  }
  if (options.vcpus > 1 && !firmware.ap_reset_eip().has_value()) {
    return FailedPrecondition(
        "firmware: no AP reset address, so only one vCPU can start");
  }
  return absl::OkStatus();
}

LaunchDigest AfterFirmware(const OvmfFirmware& firmware) {
  LaunchDigest digest{{}};
  const std::span<const uint8_t> bytes = firmware.bytes();
  for (size_t at = 0; at < bytes.size(); at += kPageSize) {
    digest.AddContents(PageType::kNormal, firmware.gpa() + at,
                       bytes.subspan(at, kPageSize));
  }
  return digest;
}

}  // namespace

absl::StatusOr<SnpVmm> ParseSnpVmm(std::string_view text) {
  if (text == "qemu") {
    return SnpVmm::kQemu;
  }
  if (text == "ec2") {
    return SnpVmm::kEc2;
  }
  if (text == "gce") {
    return SnpVmm::kGce;
  }
  return InvalidArgument(
      fmt::format("VMM: want qemu, ec2 or gce, got \"{}\"", text));
}

DirectBootHashes HashDirectBoot(std::span<const uint8_t> kernel,
                                std::span<const uint8_t> initrd,
                                std::string_view command_line) {
  Bytes with_nul(command_line.begin(), command_line.end());
  with_nul.push_back(0);
  return {.kernel = crypto::Sha256(kernel),
          .initrd = crypto::Sha256(initrd),
          .command_line = crypto::Sha256(with_nul)};
}

crypto::Sha384Digest SnpFirmwareDigest(const OvmfFirmware& firmware) {
  return AfterFirmware(firmware).value();
}

absl::StatusOr<crypto::Sha384Digest> PredictSnpLaunchDigest(
    const OvmfFirmware& firmware, const SnpLaunchOptions& options) {
  RETURN_IF_ERROR(CheckOptions(firmware, options));
  LaunchDigest digest = options.firmware_digest.has_value()
                            ? LaunchDigest(*options.firmware_digest)
                            : AfterFirmware(firmware);
  RETURN_IF_ERROR(AddMetadata(firmware, options, digest));
  digest.AddContents(PageType::kVmsa, kVmsaGpa,
                     SnpVmsaPage(options, kBspEip, /*boots=*/true));
  if (options.vcpus > 1) {
    const Bytes page = SnpVmsaPage(options, *firmware.ap_reset_eip(),
                                   /*boots=*/false);
    for (uint32_t i = 1; i < options.vcpus; ++i) {
      digest.AddContents(PageType::kVmsa, kVmsaGpa, page);
    }
  }
  return digest.value();
}

}  // namespace constellation::attestation
