// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/testing/test_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "attestation/snp/snp_certificates.h"
#include "crypto/der.h"

namespace constellation::attestation::testing {
namespace {

namespace ct = crypto::testing;

constexpr size_t kSignatureOffset = kSnpSignedSize;

class Writer final {
 public:
  template <typename T>
  void Number(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      octets_.push_back(static_cast<uint8_t>(uint64_t{value} >> (8 * i)));
    }
  }
  void Octets(std::span<const uint8_t> octets) {
    octets_.insert(octets_.end(), octets.begin(), octets.end());
  }
  void Zeros(size_t count) { octets_.resize(octets_.size() + count); }
  void Version(const SnpFirmwareVersion& version) {
    Octets(std::array{version.build, version.minor, version.major, uint8_t{0}});
  }
  Bytes Take() { return std::move(octets_); }

 private:
  Bytes octets_;
};

ct::TestExtension AmdExtension(std::vector<uint8_t> arcs, Bytes value) {
  ct::TestExtension extension;
  extension.oid = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
  extension.oid.insert(extension.oid.end(), arcs.begin(), arcs.end());
  extension.value = std::move(value);
  return extension;
}

Bytes DerText(std::string_view text) {
  return ct::Der(crypto::kDerIa5String, AsBytes(text));
}

}  // namespace

const TestSnpKeys& TestSnpKeys::Shared() {
  static const TestSnpKeys& keys = *new TestSnpKeys{
      .root = ct::TestKey::GenerateRsa(),
      .intermediate = ct::TestKey::GenerateRsa(),
      .signer = ct::TestKey::GenerateEc(crypto::EcCurve::kP384)};
  return keys;
}

TestSnpPlatform TestSnpPlatform::Create(SnpProduct product,
                                        SnpSigningKey kind) {
  const bool turin = product == SnpProduct::kTurin;
  const bool vlek = kind == SnpSigningKey::kVlek;
  TestSnpPlatform platform;
  platform.product = product;
  platform.kind = kind;
  platform.tcb = EncodeSnpTcb(
      {.fmc = 1, .boot_loader = 4, .tee = 2, .snp = 24, .microcode = 219},
      product);
  if (!vlek) {
    platform.hardware_id.assign(turin ? 8 : 64, 0xc1);
  }
  const std::string_view name = ToString(product);
  platform.root.subject = fmt::format("ARK-{}", name);
  platform.root.issuer = platform.root.subject;
  platform.root.extensions = {ct::CaExtension()};
  platform.intermediate.subject =
      fmt::format("SEV-{}{}", vlek ? "VLEK-" : "", name);
  platform.intermediate.issuer = platform.root.subject;
  platform.intermediate.serial = {2, 0, 2};
  platform.intermediate.extensions = {ct::CaExtension()};
  platform.signer.subject = vlek ? "SEV-VLEK" : "SEV-VCEK";
  platform.signer.issuer = platform.intermediate.subject;
  platform.signer.serial = {0};
  platform.signer.extensions = SignerExtensions(platform);
  platform.crl.issuer = platform.root.subject;

  SnpReportUnverified& report = platform.report;
  report.version = turin ? 5 : 3;
  report.guest_svn = 3;
  report.policy.raw = 0x30000;
  report.signature_algorithm = 1;
  report.platform_info.raw = 0x25;
  report.signing_key = kind;
  report.report_data.fill(0xda);
  report.measurement.fill(0x3e);
  report.host_data.fill(0x40);
  report.report_id_ma.fill(0xff);
  report.reported_tcb = platform.tcb;
  report.current_tcb = platform.tcb;
  report.committed_tcb = platform.tcb;
  report.launch_tcb = platform.tcb;
  report.cpuid = turin ? SnpCpuid{.family = 0x1a, .model = 2, .stepping = 1}
                       : SnpCpuid{.family = 0x19, .model = 1, .stepping = 1};
  if (product == SnpProduct::kGenoa) {
    report.cpuid->model = 0x11;
  }
  report.chip_id = SnpChipIdOf(platform.hardware_id);
  report.current_version = {.major = 1, .minor = 55, .build = 29};
  report.committed_version = report.current_version;
  return platform;
}

std::vector<ct::TestExtension> SignerExtensions(
    const TestSnpPlatform& platform) {
  const bool turin = platform.product == SnpProduct::kTurin;
  std::vector<ct::TestExtension> extensions = {
      AmdExtension({1}, ct::DerNumber(turin ? 1 : 0)),
      AmdExtension({2}, DerText(ToString(platform.product)))};
  static constexpr std::array<uint8_t, 8> kMilan = {1, 2, 4, 5, 6, 7, 3, 8};
  static constexpr std::array<uint8_t, 8> kTurin = {9, 1, 2, 3, 5, 6, 7, 8};
  for (size_t i = 0; i < 8; ++i) {
    extensions.push_back(AmdExtension({3, (turin ? kTurin : kMilan)[i]},
                                      ct::DerNumber(platform.tcb[i])));
  }
  if (platform.kind == SnpSigningKey::kVlek) {
    extensions.push_back(AmdExtension({5}, DerText("CN=provider.example")));
  } else {
    extensions.push_back(AmdExtension({4}, platform.hardware_id));
  }
  return extensions;
}

Bytes EncodeReport(const SnpReportUnverified& report) {
  Writer out;
  out.Number(report.version);
  out.Number(report.guest_svn);
  out.Number(report.policy.raw);
  out.Octets(report.family_id);
  out.Octets(report.image_id);
  out.Number(report.vmpl);
  out.Number(report.signature_algorithm);
  out.Octets(report.current_tcb);
  out.Number(report.platform_info.raw);
  out.Number((report.author_key_enabled ? 1U : 0U) |
             (report.mask_chip_key ? 2U : 0U) |
             static_cast<uint32_t>(report.signing_key) << 2U);
  out.Zeros(4);
  out.Octets(report.report_data);
  out.Octets(report.measurement);
  out.Octets(report.host_data);
  out.Octets(report.id_key_digest);
  out.Octets(report.author_key_digest);
  out.Octets(report.report_id);
  out.Octets(report.report_id_ma);
  out.Octets(report.reported_tcb);
  const SnpCpuid cpuid = report.cpuid.value_or(SnpCpuid());
  out.Octets(std::array{cpuid.family, cpuid.model, cpuid.stepping});
  out.Zeros(21);
  out.Octets(report.chip_id);
  out.Octets(report.committed_tcb);
  out.Version(report.current_version);
  out.Version(report.committed_version);
  out.Octets(report.launch_tcb);
  out.Number(report.launch_mitigations);
  out.Number(report.current_mitigations);
  out.Zeros(152 + 512);
  return out.Take();
}

Bytes SignReport(Bytes report, const ct::TestKey& key) {
  const Bytes der = key.Sign(ct::TestScheme::kEcdsaSha384,
                             std::span(report).first(kSnpSignedSize));
  const crypto::EcdsaSignature signature =
      crypto::ParseEcdsaSignature(der).value();
  const auto put = [&report](size_t offset, std::span<const uint8_t> number) {
    std::ranges::reverse_copy(number,
                              report.begin() + static_cast<ptrdiff_t>(offset));
  };
  put(kSignatureOffset, signature.r);
  put(kSignatureOffset + 72, signature.s);
  return report;
}

SnpVerificationInput TestSnpEvidence::Input() const {
  return {.report = report,
          .endorsements = {.signer = signer,
                           .intermediate = intermediate,
                           .root = root,
                           .crl = crl},
          .options = {.more_roots = roots, .crl_required = false}};
}

TestSnpEvidence MakeEvidence(const TestSnpPlatform& platform) {
  const TestSnpKeys& keys = TestSnpKeys::Shared();
  TestSnpEvidence evidence;
  evidence.report = SignReport(EncodeReport(platform.report), keys.signer);
  evidence.signer = ct::MakeCertificate(platform.signer, keys.signer,
                                        keys.intermediate, platform.scheme);
  evidence.intermediate = ct::MakeCertificate(
      platform.intermediate, keys.intermediate, keys.root, platform.scheme);
  evidence.root =
      ct::MakeCertificate(platform.root, keys.root, keys.root, platform.scheme);
  evidence.crl = ct::MakeCrl(platform.crl, keys.root, platform.scheme);
  evidence.roots = {{.product = platform.product,
                     .spki_sha256 = crypto::Sha256(keys.root.Spki()),
                     .certificate_sha256 = std::nullopt}};
  return evidence;
}

}  // namespace constellation::attestation::testing
