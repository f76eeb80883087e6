// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/snp/certificate_table.h"
#include "attestation/snp/id_block.h"
#include "attestation/snp/snp_report.h"
#include "attestation/snp/snp_tcb.h"
#include "cli/attestation/shown.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using attestation::SnpGuestPolicy;
using attestation::SnpPlatformInfo;
using attestation::SnpProduct;
using attestation::SnpRawTcb;
using attestation::SnpReportUnverified;
using Octets = std::span<const uint8_t>;

// Version 3 of the report brought the CPUID fields; older ones do not say which
// product made them.
std::optional<SnpProduct> ProductOf(const SnpReportUnverified& report) {
  return report.cpuid.has_value()
             ? attestation::SnpProductFromCpuid(report.cpuid->family,
                                                report.cpuid->model)
             : std::nullopt;
}

// Without CPUID the layout is that of Milan or Genoa: Turin came with it.
// The raw octets, then their meaning for the product.
std::string TcbText(const SnpRawTcb& raw, std::optional<SnpProduct> product) {
  return fmt::format("{} ({})", HexEncode(raw),
                     ToString(attestation::DecodeSnpTcb(
                         raw, product.value_or(SnpProduct::kMilan))));
}

// All bits by name (AMD 56860, guest policy); whether they are good is for the
// policy.
void AddGuestPolicy(const SnpGuestPolicy& policy, ShownPart& part) {
  part.HexNumber("policy", policy.raw)
      .Text("policy ABI",
            fmt::format("{}.{}", policy.abi_major(), policy.abi_minor()))
      .YesNo("policy SMT allowed", policy.smt_allowed())
      .YesNo("policy migration agent allowed", policy.migration_agent_allowed())
      .YesNo("policy debug allowed", policy.debug_allowed())
      .YesNo("policy single socket only", policy.single_socket_only())
      .YesNo("policy CXL allowed", policy.cxl_allowed())
      .YesNo("policy AES-256-XTS required", policy.aes256_xts_required())
      .YesNo("policy RAPL must be off", policy.rapl_must_be_off())
      .YesNo("policy ciphertext hiding required",
             policy.ciphertext_hiding_required())
      .YesNo("policy page swap disabled", policy.page_swap_disabled());
}

// PLATFORM_INFO (AMD 56860): what the host had switched on at launch.
void AddPlatform(const SnpPlatformInfo& info, ShownPart& part) {
  part.HexNumber("platform info", info.raw)
      .YesNo("platform SMT enabled", info.smt_enabled())
      .YesNo("platform TSME enabled", info.tsme_enabled())
      .YesNo("platform ECC enabled", info.ecc_enabled())
      .YesNo("platform RAPL off", info.rapl_off())
      .YesNo("platform ciphertext hiding", info.ciphertext_hiding())
      .YesNo("platform alias check complete", info.alias_check_complete())
      .YesNo("platform TIO enabled", info.tio_enabled());
}

// Four TCBs: reported is what the signing key was derived from, committed what
// cannot be rolled back, launch what ran when the guest began.
void AddTcbs(const SnpReportUnverified& report, ShownPart& part) {
  const std::optional<SnpProduct> product = ProductOf(report);
  if (report.cpuid.has_value()) {
    part.Text("CPUID",
              fmt::format("family {:#x}, model {:#x}, stepping {:#x} ({})",
                          report.cpuid->family, report.cpuid->model,
                          report.cpuid->stepping,
                          product ? ToString(*product) : "unknown product"));
  }
  part.Text("current TCB", TcbText(report.current_tcb, product))
      .Text("reported TCB", TcbText(report.reported_tcb, product))
      .Text("committed TCB", TcbText(report.committed_tcb, product))
      .Text("launch TCB", TcbText(report.launch_tcb, product))
      .Text("current firmware", ToString(report.current_version))
      .Text("committed firmware", ToString(report.committed_version))
      .HexNumber("launch mitigations", report.launch_mitigations)
      .HexNumber("current mitigations", report.current_mitigations);
}

// Every field of the report, in the order of interest rather than of offsets.
void AddReport(const SnpReportUnverified& report, ShownPart& part) {
  part.Number("version", report.version)
      .Number("guest SVN", report.guest_svn)
      .Number("VMPL", report.vmpl)
      .Number("signature algorithm", report.signature_algorithm)
      .Text("signing key", ToString(report.signing_key))
      .YesNo("author key enabled", report.author_key_enabled)
      .YesNo("chip key masked", report.mask_chip_key)
      .Hex("measurement", report.measurement)
      .Hex("report data", report.report_data)
      .Hex("host data", report.host_data)
      .Hex("ID key digest", report.id_key_digest)
      .Hex("author key digest", report.author_key_digest)
      .Hex("family ID", report.family_id)
      .Hex("image ID", report.image_id)
      .Hex("report ID", report.report_id)
      .Hex("report ID of migration agent", report.report_id_ma)
      .Hex("chip ID", report.chip_id)
      .YesNo("chip ID masked", report.chip_id_is_masked());
  AddGuestPolicy(report.policy, part);
  AddPlatform(report.platform_info, part);
  AddTcbs(report, part);
  part.Hex("signature r", report.signature_r)
      .Hex("signature s", report.signature_s);
}

// Empty slots of the table are no parts.
void AddTable(Octets table, Decoded& decoded) {
  const auto parsed = attestation::SnpCertificateTableUnverified::Parse(table);
  if (!parsed.ok()) {
    decoded.problem = parsed.status();
    return;
  }
  for (const auto& [name, der] :
       {std::pair("VCEK", parsed->vcek), std::pair("VLEK", parsed->vlek),
        std::pair("ASK", parsed->ask), std::pair("ARK", parsed->ark)}) {
    if (!der.empty()) {
      AddCertificate(fmt::format("certificate table: {}", name), der, decoded);
    }
  }
}

}  // namespace

Decoded ShowSnpReport(Octets bytes) {
  Decoded decoded;
  const auto report = SnpReportUnverified::Parse(bytes);
  if (!report.ok()) {
    decoded.problem = report.status();
    return decoded;
  }
  AddReport(*report, decoded.Add("SEV-SNP report"));
  return decoded;
}

Decoded ShowSnpExtendedReport(Octets bytes) {
  if (bytes.size() < attestation::kSnpReportSize) {
    return ShowSnpReport(bytes);
  }
  Decoded decoded = ShowSnpReport(bytes.first(attestation::kSnpReportSize));
  AddTable(bytes.subspan(attestation::kSnpReportSize), decoded);
  return decoded;
}

Decoded ShowSnpReportResponse(Octets bytes) {
  const auto report = attestation::UnwrapSnpReportResponse(bytes);
  if (!report.ok()) {
    return {.parts = {}, .problem = report.status()};
  }
  return ShowSnpReport(*report);
}

Decoded ShowSnpCertificateTable(Octets bytes) {
  Decoded decoded;
  AddTable(bytes, decoded);
  return decoded;
}

Decoded ShowSnpIdBlock(Octets bytes) {
  Decoded decoded;
  const auto block = attestation::SnpIdBlock::ParseUnverified(bytes);
  if (!block.ok()) {
    decoded.problem = block.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("SEV-SNP ID block");
  part.Hex("launch digest", block->launch_digest)
      .Hex("family ID", block->family_id)
      .Hex("image ID", block->image_id)
      .Number("guest SVN", block->guest_svn);
  AddGuestPolicy(block->policy, part);
  return decoded;
}

// Field offsets: AMD 56860, ID authentication information structure.
Decoded ShowSnpIdAuth(Octets bytes) {
  constexpr size_t kAtIdSignature = 0x40, kAtIdKey = 0x240,
                   kAtAuthorSignature = 0x680, kAtAuthorKey = 0x880;
  constexpr size_t kScalars = 144;
  Decoded decoded;
  if (bytes.size() != attestation::kSnpIdAuthSize) {
    decoded.problem = absl::InvalidArgumentError("not 4096 octets");
    return decoded;
  }
  decoded.Add("SEV-SNP ID authentication")
      .Number("ID key algorithm", bytes[0])
      .Number("author key algorithm", bytes[4])
      .Hex("ID block signature (r, s)", bytes.subspan(kAtIdSignature, kScalars))
      .Hex("ID key (curve, x, y)", bytes.subspan(kAtIdKey, kScalars + 4))
      .Hex("ID key signature (r, s)",
           bytes.subspan(kAtAuthorSignature, kScalars))
      .Hex("author key (curve, x, y)",
           bytes.subspan(kAtAuthorKey, kScalars + 4));
  return decoded;
}

}  // namespace constellation::cli
