// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "attestation/gcp/instance_info.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/tpm/attestation_key.h"
#include "cli/attestation/pem.h"
#include "cli/attestation/shown.h"
#include "common/hex.h"
#include "crypto/crl.h"
#include "crypto/der.h"
#include "crypto/x509.h"

namespace constellation::cli {
namespace {

using crypto::Certificate;
using Octets = std::span<const uint8_t>;

// Kind and size; the curve's name follows from the size for all that is met
// here.
std::string KeyText(const crypto::PublicKey& key) {
  switch (key.type()) {
    case crypto::KeyType::kEc:
      return fmt::format("EC, {} bits", key.bits());
    case crypto::KeyType::kRsa:
      return fmt::format("RSA, {} bits", key.bits());
    case crypto::KeyType::kOther:
      break;
  }
  return "another kind";
}

// Extensions of VCEK and VLEK (AMD 57230, certificate format). Nothing if they
// are not there: it is another certificate.
void AddAmd(const Certificate& certificate, ShownPart& part) {
  const auto facts = attestation::SnpSignerFactsUnverified::From(certificate);
  if (!facts.ok()) {
    return;
  }
  part.Text("AMD key", ToString(facts->kind))
      .Text("AMD product", facts->product_name)
      .Text("AMD TCB",
            ToString(attestation::DecodeSnpTcb(facts->tcb, facts->product)));
  if (facts->hardware_id.has_value()) {
    part.Hex("AMD hardware ID", *facts->hardware_id);
  }
  if (facts->csp_id.has_value()) {
    part.Text("AMD provider", *facts->csp_id);
  }
}

// The SGX extension of PCK certificates (Intel's PCK Certificate and CRL
// Profile).
void AddIntel(const Certificate& certificate, ShownPart& part) {
  const auto pck = attestation::PckExtensionOf(certificate);
  if (!pck.ok()) {
    return;
  }
  part.Hex("Intel FMSPC", pck->fmspc)
      .Hex("Intel PPID", pck->ppid)
      .Hex("Intel PCE-ID", pck->pce_id)
      .Hex("Intel TCB components", pck->components)
      .Number("Intel PCE SVN", pck->pce_svn)
      .Hex("Intel CPUSVN", pck->cpu_svn)
      .Number("Intel SGX type", static_cast<uint64_t>(pck->sgx_type));
  if (pck->platform_instance_id.has_value()) {
    part.Hex("Intel platform instance", *pck->platform_instance_id);
  }
}

// Google's extension that names the instance of an AK certificate.
void AddGoogle(const Certificate& certificate, ShownPart& part) {
  const auto instance = attestation::GceInstanceOfUnverified(certificate);
  if (!instance.ok()) {
    return;
  }
  part.Text("GCE zone", instance->zone)
      .Number("GCE project number", instance->project_number)
      .Text("GCE project", instance->project_id)
      .Number("GCE instance ID", instance->instance_id)
      .Text("GCE instance", instance->instance_name);
}

// Everything that a policy may pin comes first: names, dates, digests. Every
// extension is listed raw as well, so that nothing stays hidden.
void AddFields(const Certificate& certificate, ShownPart& part) {
  part.Text("subject", certificate.Subject())
      .Text("issuer", certificate.Issuer())
      .Hex("serial", certificate.serial())
      .Time("not before",
            certificate.NotBefore().value_or(absl::InfinitePast()))
      .Time("not after",
            certificate.NotAfter().value_or(absl::InfiniteFuture()))
      .YesNo("CA", certificate.is_ca())
      .Hex("SHA-256", certificate.Fingerprint())
      .Hex("SHA-256 of the key", certificate.SpkiFingerprint());
  const auto key = certificate.Key();
  part.Text("key", key.ok() ? KeyText(*key) : key.status().ToString());
  AddAmd(certificate, part);
  AddIntel(certificate, part);
  AddGoogle(certificate, part);
  for (const Certificate::Extension& extension : certificate.extensions()) {
    part.Hex(fmt::format("extension {}{}", crypto::DerOidText(extension.oid),
                         extension.critical ? " (critical)" : ""),
             extension.value);
  }
}

// Depth and the length of paths are bounded: a document may be all brackets, or
// repeat a long key.
void AddLeaves(const nlohmann::json& json, const std::string& path, int depth,
               ShownPart& part) {
  constexpr int kMaxDepth = 16;
  constexpr size_t kMaxKey = 64;
  if (!json.is_structured() || json.empty()) {
    constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
    part.Text(path, json.is_string() ? json.get<std::string>()
                                     : json.dump(-1, ' ', false, kReplace));
    return;
  }
  if (depth >= kMaxDepth) {
    part.Text(path, "(nested deeper than is shown)");
    return;
  }
  size_t index = 0;
  for (const auto& [key, value] : json.items()) {
    const std::string shown =
        json.is_array() ? fmt::format("[{}]", index) : key.substr(0, kMaxKey);
    const bool dot = !path.empty() && !json.is_array();
    AddLeaves(value, path + (dot ? "." : "") + shown, depth + 1, part);
    ++index;
  }
}

}  // namespace

// A malformed one becomes the problem of the whole file; what was decoded
// before stays.
void AddCertificate(std::string title, Octets der, Decoded& decoded) {
  const auto certificate = Certificate::FromDer(der);
  if (!certificate.ok()) {
    decoded.problem = certificate.status();
    return;
  }
  AddFields(*certificate, decoded.Add(std::move(title)));
}

Decoded ShowCertificates(Octets bytes) {
  Decoded decoded;
  const auto certificates = CertificatesOf(bytes);
  if (!certificates.ok()) {
    decoded.problem = certificates.status();
    return decoded;
  }
  for (const Certificate& certificate : *certificates) {
    AddFields(certificate, decoded.Add("certificate"));
  }
  return decoded;
}

Decoded ShowRevocationList(Octets bytes) {
  Decoded decoded;
  const auto list = attestation::ParseCrlUnverified(bytes);
  if (!list.ok()) {
    decoded.problem = list.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("certificate revocation list");
  part.Text("issuer", list->Issuer())
      .Time("this update", list->ThisUpdate())
      .Time("next update", list->NextUpdate().value_or(absl::InfiniteFuture()))
      .Number("revoked certificates", list->revoked_count());
  if (const auto number = list->crl_number()) {
    part.Hex("CRL number", *number);
  }
  return decoded;
}

Decoded ShowPublicKey(Octets bytes) {
  Decoded decoded;
  const auto spki = SpkiOf(bytes);
  if (!spki.ok()) {
    decoded.problem = spki.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("public key");
  const auto key = crypto::PublicKey::FromSpki(*spki);
  part.Text("key", key.ok() ? KeyText(*key) : key.status().ToString())
      .Hex("SHA-256 of the key", crypto::Sha256(*spki))
      .Hex("SubjectPublicKeyInfo", *spki);
  return decoded;
}

Decoded ShowEcdsaSignature(Octets bytes) {
  Decoded decoded;
  const auto signature = crypto::ParseEcdsaSignature(bytes);
  if (!signature.ok()) {
    decoded.problem = signature.status();
    return decoded;
  }
  decoded.Add("ECDSA signature").Hex("r", signature->r).Hex("s", signature->s);
  return decoded;
}

// Too large documents are only measured: parsing takes many times their size in
// memory.
Decoded ShowJson(Octets bytes) {
  constexpr size_t kMaxShownJson = size_t{1} << 20U;
  Decoded decoded;
  if (bytes.size() > kMaxShownJson) {
    decoded.Add("JSON").Number("octets", bytes.size());
    return decoded;
  }
  const nlohmann::json json =
      nlohmann::json::parse(AsText(bytes), nullptr, false);
  if (json.is_discarded()) {
    decoded.problem = absl::InvalidArgumentError("malformed JSON");
    return decoded;
  }
  AddLeaves(json, "", 0, decoded.Add("document"));
  return decoded;
}

}  // namespace constellation::cli
