// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/testing/gce_machine.h"

#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"

namespace constellation::testing {
namespace {

const TestKey& RootKey() {
  static const TestKey& key = *new TestKey(TestKeyType::kRsa);
  return key;
}

const TestKey& IntermediateKey() {
  static const TestKey& key = *new TestKey(TestKeyType::kRsa);
  return key;
}

// A TLV with a length below 64 KiB.
Bytes Tlv(uint8_t tag, const Bytes& contents) {
  Bytes out{tag};
  if (contents.size() >= 0x100) {
    out.push_back(0x82);
    out.push_back(static_cast<uint8_t>(contents.size() >> 8U));
  } else if (contents.size() >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<uint8_t>(contents.size()));
  out.insert(out.end(), contents.begin(), contents.end());
  return out;
}

Bytes Integer(uint64_t value) {
  Bytes contents;
  for (int shift = 64; shift >= 0; shift -= 8) {
    const auto octet = static_cast<uint8_t>(
        shift == 64 ? 0 : value >> static_cast<unsigned>(shift));
    if (octet != 0 || !contents.empty() || shift == 0) {
      contents.push_back(octet);
    }
  }
  if (contents[0] >= 0x80) {
    contents.insert(contents.begin(), 0);
  }
  return Tlv(2, contents);
}

void Append(Bytes& out, const Bytes& more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

Bytes InstanceSpec::Build() const {
  const auto text = [](const std::string& s) {
    return Tlv(0x0c, {s.begin(), s.end()});
  };
  Bytes contents = text(zone);
  Append(contents, Integer(project_number));
  Append(contents, text(project_id));
  Append(contents, Integer(instance_id));
  Append(contents, text(instance_name));
  if (!properties.empty()) {
    Append(contents, Tlv(0xa0, Tlv(0x30, properties)));
  }
  return Tlv(0x30, contents);
}

std::string MarkerOf(uint8_t number) {
  std::string data("GCE NonHostInfo\0", 16);
  data.push_back(static_cast<char>(number));
  data.append(15, '\0');
  return data;
}

GceMachine::GceMachine()
    : root(CaSpec("root", "root")),
      intermediate(CaSpec("intermediate", "root")),
      events({{0, 0x11, MarkerOf(4)},
              {7, attestation::kEvSeparator, std::string(4, '\0')},
              {0, attestation::kEvSeparator, std::string(4, '\0')},
              {10, attestation::kEvIpl, "grows"}}) {
  leaf.issuer = "intermediate";
  Refresh();
}

void GceMachine::Refresh() {
  CertificateSpec spec = leaf;
  spec.extensions.push_back({.oid = "1.3.6.1.4.1.11129.2.1.21",
                             .critical = false,
                             .value = instance.Build()});
  leaf_der = MakeCertificate(spec, Signer().Spki(), IntermediateKey());
  candidates = {*crypto::Certificate::FromDer(
                    MakeCertificate(root, RootKey(), RootKey())),
                *crypto::Certificate::FromDer(MakeCertificate(
                    intermediate, IntermediateKey(), RootKey()))};
  EventLogBuilder log({attestation::kTpmAlgSha256});
  log.Add(0, 8, "firmware");
  for (const Event& event : events) {
    log.Add(event.pcr, event.type, event.data);
  }
  event_log = log.bytes();
  const auto parsed = attestation::ParseEventLogUnverified(event_log);
  pcr0 = attestation::Replay(*parsed, attestation::kTpmAlgSha256)->at(0);
  pcr10 = Bytes(32, 0x10);  // whatever IMA made of it
  Bytes values = pcr0;
  Append(values, pcr10);
  QuoteParts parts;
  parts.extra_data = nonce;
  parts.selections = {
      {.hash_algorithm = attestation::kTpmAlgSha256, .pcrs = {0, 10}}};
  parts.pcr_digest =
      *attestation::TpmDigest(attestation::kTpmAlgSha256, values);
  attest = MarshalAttest(parts);
  signature = Signer().SignTpmt(attest);
}

attestation::GcpEvidenceUnverified GceMachine::Evidence() const {
  return {.ak_certificate = leaf_der,
          .quote = {.attest = attest,
                    .signature = signature,
                    .ak = ak,
                    .bank = attestation::kTpmAlgSha256,
                    .registers = {{.index = 0, .value = pcr0},
                                  {.index = 10, .value = pcr10}}},
          .event_log = event_log};
}

attestation::GcpTrust GceMachine::Trust() const {
  attestation::GcpTrust trust;
  trust.roots = {crypto::Sha256(RootKey().Spki())};
  trust.now = absl::UnixEpoch() + absl::Hours(24 * 365 * 50);
  return trust;
}

crypto::RevocationList GceMachine::Listed(bool by_root, CrlSpec spec) {
  spec.issuer = by_root ? "root" : "intermediate";
  return *crypto::RevocationList::FromDer(
      MakeCrl(spec, by_root ? RootKey() : IntermediateKey()));
}

const QuoteSigner& GceMachine::Signer() {
  static const QuoteSigner& signer =
      *new QuoteSigner(SignerKind::kP256, attestation::kTpmAlgSha256);
  return signer;
}

}  // namespace constellation::testing
