// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/platform_attester.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/azure/hcl_report.h"
#include "attestation/collateral/curl_http_transport.h"
#include "attestation/issuer/nsm_messages.h"
#include "attestation/layer_binding.h"
#include "attestation/snp/certificate_table.h"
#include "attestation/tpm/pcr_commands.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_operations.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxCcEventLogSize = size_t{256} << 10U;
// Registers that change between reading and quoting are read again.
constexpr int kAttempts = 5;
constexpr uint8_t kUncompressedPoint = 0x04;  // X9.62
constexpr size_t kP256CoordinateSize = 32;

// The area of a CCEL is as large as the firmware reserved it, and ends in ff. A
// few are left: they end the log, and may be an event's own last octets.
Bytes WithoutPadding(Bytes log) {
  constexpr size_t kLeft = 16;
  size_t used = log.size();
  while (used > 0 && log[used - 1] == 0xff) {
    --used;
  }
  log.resize(std::min(log.size(), used + kLeft));
  return log;
}

// A certificate in an NV index, without the padding behind it. NOT_FOUND if
// there is no index; INVALID_ARGUMENT if it does not hold a DER sequence.
absl::StatusOr<Bytes> ReadCertificate(GuestTpm& tpm, uint32_t index) {
  ASSIGN_OR_RETURN(Bytes contents, tpm.ReadNv(index));
  return WithoutPaddingBehindDer(std::move(contents),
                                 fmt::format("NV index {:#010x}", index));
}

// The host's certificates, leaf first. A table that does not parse is left out:
// it only saves verifiers a download.
std::vector<Bytes> CertificatesIn(std::span<const uint8_t> table) {
  const absl::StatusOr<SnpCertificateTableUnverified> entries =
      SnpCertificateTableUnverified::Parse(table);
  if (!entries.ok()) {
    spdlog::warn("event=snp-certificate-table-unusable reason=\"{}\"",
                 Message(entries.status()));
    return {};
  }
  std::vector<Bytes> out;
  for (const std::span<const uint8_t> der :
       {entries->vcek, entries->vlek, entries->ask, entries->ark}) {
    if (!der.empty()) {
      out.emplace_back(der.begin(), der.end());
    }
  }
  return out;
}

// The AK as Amazon's document carries it: an uncompressed point of P-256.
absl::StatusOr<Bytes> PointOf(std::span<const uint8_t> public_area) {
  ASSIGN_OR_RETURN(const PublicAreaUnverified area,
                   ParsePublicAreaUnverified(public_area));
  if (area.type != kTpmAlgEcc || area.ecc_curve != kTpmEccNistP256 ||
      area.ecc_x.size() > kP256CoordinateSize ||
      area.ecc_y.size() > kP256CoordinateSize) {
    return InvalidArgument("attestation key: want a P-256 key");
  }
  Bytes point = {kUncompressedPoint};
  for (const Bytes& coordinate : {area.ecc_x, area.ecc_y}) {
    point.insert(point.end(), kP256CoordinateSize - coordinate.size(), 0);
    point.insert(point.end(), coordinate.begin(), coordinate.end());
  }
  return point;
}

// configfs-tsm where the kernel has it, else the driver's own device.
class AnyHardwareReportProvider final : public HardwareReportProvider {
 public:
  AnyHardwareReportProvider(const PlatformPaths& paths, Clock& clock)
      : tsm_({.folder = paths.tsm_folder}, TsmFiles::System(), clock),
        sev_({.path = paths.sev_guest}, clock) {}

  absl::StatusOr<HardwareReport> Report(const ReportData& data) override {
    absl::StatusOr<HardwareReport> report = tsm_.Report(data);
    if (!absl::IsNotFound(report.status())) {
      return report;
    }
    absl::StatusOr<HardwareReport> direct = sev_.Report(data);
    return absl::IsNotFound(direct.status()) ? report : direct;
  }

 private:
  TsmReportProvider tsm_;
  SevGuestDevice sev_;
};

}  // namespace

// What does not change while the machine runs is gathered once.
absl::StatusOr<std::unique_ptr<PlatformAttester>> PlatformAttester::Create(
    PlatformAttesterParts parts, Clock& clock) {
  ASSIGN_OR_RETURN(AttestationKeyInfo key, parts.tpm->AttestationKey());
  Evidence base;
  base.variant = parts.variant;
  base.tpm.ak_public = key.public_area;
  base.tpm.event_log = parts.event_log;
  base.cc_event_log = parts.cc_event_log;
  absl::StatusOr<Bytes> certificate =
      ReadCertificate(*parts.tpm, kEkCertificateIndex);
  if (certificate.ok()) {
    base.tpm.ek_certificate = *std::move(certificate);
  } else if (!absl::IsNotFound(certificate.status())) {
    return Annotate(certificate.status(), "EK certificate");
  }
  return std::unique_ptr<PlatformAttester>(new PlatformAttester(
      std::move(parts), std::move(key), std::move(base), clock));
}

PlatformAttester::PlatformAttester(PlatformAttesterParts parts,
                                   AttestationKeyInfo key, Evidence base,
                                   Clock& clock)
    : parts_(std::move(parts)),
      key_(std::move(key)),
      base_(std::move(base)),
      clock_(clock) {}

// All or nothing: registers, report and quote must agree, or it starts again.
absl::StatusOr<Evidence> PlatformAttester::Attest(
    std::span<const uint8_t> user_data) {
  if (user_data.size() != kUserDataSize) {
    return InvalidArgument(fmt::format("user data: want {} bytes, got {}",
                                       kUserDataSize, user_data.size()));
  }
  const absl::MutexLock lock(&mutex_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Evidence evidence = base_;
    ASSIGN_OR_RETURN(const bool stable, AttestOnce(user_data, evidence));
    if (stable) {
      return evidence;
    }
  }
  return Unavailable(fmt::format(
      "evidence: PCRs changed while it was made, {} times", kAttempts));
}

// Returns whether the quote covers the registers that the hardware report does.
absl::StatusOr<bool> PlatformAttester::AttestOnce(
    std::span<const uint8_t> user_data, Evidence& evidence) {
  ASSIGN_OR_RETURN(evidence.tpm.pcrs, parts_.tpm->ReadPcrs(kQuotedPcrMask));
  ASSIGN_OR_RETURN(const ReportData data,
                   HardwareReportData(key_.name, evidence.tpm.pcrs, user_data));
  if (parts_.azure != nullptr) {
    RETURN_IF_ERROR(AddAzure(data, evidence));
  } else if (parts_.hardware != nullptr) {
    RETURN_IF_ERROR(AddHardware(data, evidence));
  }
  evidence.endorsements.insert(evidence.endorsements.end(),
                               parts_.key_certificates.begin(),
                               parts_.key_certificates.end());
  const crypto::Sha256Digest qualifying_data =
      QuoteQualifyingData(user_data, evidence.hardware_report);
  ASSIGN_OR_RETURN(TpmQuote quote,
                   parts_.tpm->Quote(qualifying_data, kQuotedPcrMask));
  ASSIGN_OR_RETURN(const AttestUnverified attest,
                   ParseAttestUnverified(quote.attest));
  if (!QuoteCovers(attest, evidence.tpm.pcrs)) {
    return false;
  }
  evidence.tpm.attest = std::move(quote.attest);
  evidence.tpm.signature = std::move(quote.signature);
  if (parts_.nitro_tpm) {
    RETURN_IF_ERROR(AddNitro(qualifying_data, user_data, evidence));
  }
  return true;
}

// The report carries the digest that binds key, registers and channel.
absl::Status PlatformAttester::AddHardware(const ReportData& data,
                                           Evidence& evidence) {
  ASSIGN_OR_RETURN(HardwareReport report, parts_.hardware->Report(data));
  if (report.kind == HardwareKind::kSnp) {
    evidence.endorsements = CertificatesIn(report.certificates);
  }
  evidence.hardware_report = std::move(report.report);
  return absl::OkStatus();
}

// There the paravisor fills the report; our binding goes into its user data.
absl::Status PlatformAttester::AddAzure(const ReportData& data,
                                        Evidence& evidence) {
  ASSIGN_OR_RETURN(evidence.hardware_report,
                   ReadHclReport(*parts_.tpm, clock_, data));
  ASSIGN_OR_RETURN(const HclReportUnverified hcl,
                   ParseHclReportUnverified(evidence.hardware_report));
  if (hcl.type == HclReportType::kTdx) {
    ASSIGN_OR_RETURN(Bytes quote, parts_.azure->TdQuote(hcl.hardware_report));
    evidence.endorsements = {std::move(quote)};
    return absl::OkStatus();
  }
  if (azure_certificates_.empty()) {
    absl::StatusOr<std::vector<Bytes>> certificates =
        parts_.azure->SnpCertificates();
    if (certificates.ok()) {
      azure_certificates_ = *std::move(certificates);
    } else {
      spdlog::warn("event=no-host-certificates reason=\"{}\"",
                   Message(certificates.status()));
    }
  }
  evidence.endorsements = azure_certificates_;
  return absl::OkStatus();
}

// After the quote, with the same nonce, so that document and quote belong to
// one request.
absl::Status PlatformAttester::AddNitro(
    std::span<const uint8_t> qualifying_data,
    std::span<const uint8_t> user_data, Evidence& evidence) {
  NsmAttestationRequest request;
  request.nonce.assign(qualifying_data.begin(), qualifying_data.end());
  request.user_data.assign(user_data.begin(), user_data.end());
  ASSIGN_OR_RETURN(request.public_key, PointOf(key_.public_area));
  ASSIGN_OR_RETURN(const Bytes message, EncodeNsmRequest(request));
  const absl::StatusOr<Bytes> answer =
      parts_.tpm->RunNsmRequest(message, parts_.nitro_buffer_size);
  if (absl::IsNotFound(answer.status()) && parts_.hardware != nullptr) {
    // The hardware report vouches for the key as well.
    spdlog::warn("event=no-nitro-document reason=\"{}\"",
                 Message(answer.status()));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(answer.status());
  ASSIGN_OR_RETURN(Bytes document, DecodeNsmAnswer(*answer));
  evidence.endorsements.push_back(std::move(document));
  return absl::OkStatus();
}

namespace {

// Google's key: elliptic if there is one, else RSA. Nothing to be found is no
// error: VMs that are not confidential have no certificate.
absl::Status ChooseGcpKey(const PlatformPaths& paths,
                          PlatformAttesterParts& parts) {
  constexpr std::pair<uint32_t, uint32_t> kIndices[] = {
      {kGcpEccCertificateIndex, kGcpEccTemplateIndex},
      {kGcpRsaCertificateIndex, kGcpRsaTemplateIndex}};
  for (const auto& [certificate_index, template_index] : kIndices) {
    absl::StatusOr<Bytes> certificate =
        ReadCertificate(*parts.tpm, certificate_index);
    if (absl::IsNotFound(certificate.status()) ||
        absl::IsNotFound(parts.tpm->ReadNv(template_index).status())) {
      continue;
    }
    RETURN_IF_ERROR(certificate.status());
    parts.key_certificates = {*std::move(certificate)};
    parts.tpm.reset();  // a TPM simulator serves one connection at a time
    ASSIGN_OR_RETURN(parts.tpm,
                     GuestTpm::Open(paths.tcti, TemplateKey{template_index}));
    return absl::OkStatus();
  }
  spdlog::warn("event=no-attestation-key-certificate cloud=gcp");
  return absl::OkStatus();
}

// What Azure's paravisor has put into the vTPM, if there is one.
absl::StatusOr<std::optional<HardwareKind>> ChooseAzureKey(
    const PlatformPaths& paths, PlatformAttesterParts& parts) {
  const absl::StatusOr<Bytes> report = parts.tpm->ReadNv(kHclReportIndex);
  if (absl::IsNotFound(report.status())) {
    return std::nullopt;  // trusted launch
  }
  RETURN_IF_ERROR(report.status());
  ASSIGN_OR_RETURN(const HclReportUnverified hcl,
                   ParseHclReportUnverified(*report));
  parts.transport = std::make_unique<CurlHttpTransport>(
      CurlHttpOptions{.allow_plain_http = true});
  parts.azure =
      std::make_unique<AzureMetadata>(*parts.transport, paths.azure_metadata);
  const HardwareKind kind =
      hcl.type == HclReportType::kSnp ? HardwareKind::kSnp : HardwareKind::kTdx;
  parts.tpm.reset();
  ASSIGN_OR_RETURN(parts.tpm, GuestTpm::Open(paths.tcti, kHclAttestationKey));
  return kind;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PlatformAttester>> CreatePlatformAttester(
    const PlatformPaths& paths, Clock& clock) {
  ASSIGN_OR_RETURN(const CloudKind cloud, DetectCloud(paths));
  return CreatePlatformAttester(cloud, paths, clock);
}

absl::StatusOr<std::unique_ptr<PlatformAttester>> CreatePlatformAttester(
    CloudKind cloud, const PlatformPaths& paths, Clock& clock) {
  PlatformAttesterParts parts;
  ASSIGN_OR_RETURN(parts.tpm, GuestTpm::Open(paths.tcti));
  std::optional<HardwareKind> hardware;
  if (cloud == CloudKind::kAzure) {
    ASSIGN_OR_RETURN(hardware, ChooseAzureKey(paths, parts));
  } else {
    hardware = DetectHardware(paths);
    if (hardware.has_value()) {
      parts.hardware =
          std::make_unique<AnyHardwareReportProvider>(paths, clock);
    }
  }
  if (cloud == CloudKind::kGcp) {
    RETURN_IF_ERROR(ChooseGcpKey(paths, parts));
  }
  parts.nitro_tpm = cloud == CloudKind::kAws;
  parts.variant = VariantOf(cloud, hardware);
  parts.event_log = ReadLogIfAny(paths.event_log, kMaxEventLogSize);
  if (hardware == HardwareKind::kTdx) {
    parts.cc_event_log =
        WithoutPadding(ReadLogIfAny(paths.ccel, kMaxCcEventLogSize));
  }
  spdlog::info("event=platform cloud={} variant={}", ToString(cloud),
               parts.variant);
  return PlatformAttester::Create(std::move(parts), clock);
}

}  // namespace constellation::attestation
