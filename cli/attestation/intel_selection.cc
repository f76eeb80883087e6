// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/intel_selection.h"

#include <algorithm>

#include "attestation/intel/collateral_json.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/intel/tcb_info.h"
#include "cli/attestation/pem.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using attestation::EnclaveKind;
using attestation::IntelQuoteUnverified;
using attestation::IntelTee;
using crypto::Certificate;
using Octets = std::span<const uint8_t>;

// A document with its dates, for choosing.
// `text` refers into the set of files.
struct Candidate {
  std::string_view text;
  absl::Time from;
  absl::Time until;
};

// Valid before not valid, then newer before older.
bool Better(const Candidate& a, const Candidate& b, absl::Time now) {
  const bool a_valid = a.from <= now && now <= a.until;
  const bool b_valid = b.from <= now && now <= b.until;
  return a_valid != b_valid ? a_valid : a.from > b.from;
}

// Keeps the better one; of equals the first, so the choice is stable.
void Offer(const Candidate& candidate, absl::Time now,
           std::optional<Candidate>& best) {
  if (!best.has_value() || Better(candidate, *best, now)) {
    best = candidate;
  }
}

// One for the same kind of TEE; without a readable PCK certificate any FMSPC is
// taken, so that the verifier can say what does not fit.
std::optional<Candidate> FindTcbInfo(
    const VerifyContext& context, IntelTee tee,
    const std::optional<attestation::PckExtension>& pck) {
  std::optional<Candidate> best;
  for (const SetFile& file : context.set.Of(FileKind::kTcbInfo)) {
    const std::string_view text = AsText(file.content);
    const auto document =
        attestation::ParseSignedJsonUnverified(text, "tcbInfo");
    const auto info =
        document.ok() ? attestation::ParseTcbInfoUnverified(document->body)
                      : absl::StatusOr<attestation::TcbInfo>(document.status());
    if (info.ok() && info->tee == tee &&
        (!pck.has_value() || info->fmspc == pck->fmspc)) {
      Offer({text, info->issue_date, info->next_update}, context.now, best);
    }
  }
  return best;
}

// SGX quotes are made by the QE, TDX quotes by the TD QE; each has its own
// identity document.
std::optional<Candidate> FindIdentity(const VerifyContext& context,
                                      IntelTee tee) {
  const EnclaveKind wanted =
      tee == IntelTee::kTdx ? EnclaveKind::kTdQe : EnclaveKind::kQe;
  std::optional<Candidate> best;
  for (const SetFile& file : context.set.Of(FileKind::kEnclaveIdentity)) {
    const std::string_view text = AsText(file.content);
    const auto document =
        attestation::ParseSignedJsonUnverified(text, "enclaveIdentity");
    if (!document.ok()) {
      continue;
    }
    const auto identity =
        attestation::ParseEnclaveIdentityUnverified(document->body);
    if (identity.ok() && identity->kind == wanted) {
      Offer({text, identity->issue_date, identity->next_update}, context.now,
            best);
    }
  }
  return best;
}

// The list of the authority called `issuer`; of several with that name one that
// `key` signed, if it is known. If there is none, one that was given all the
// same: it is damaged or forged, which the verifier says.
Bytes FindCrl(const VerifyContext& context, Octets issuer,
              const std::optional<crypto::PublicKey>& key) {
  std::optional<Candidate> best;
  std::optional<Candidate> unsigned_best;
  for (const SetCrl& entry : context.set.crls()) {
    if (!std::ranges::equal(entry.list.issuer_name(), issuer)) {
      continue;
    }
    const bool good = !key.has_value() || entry.list.VerifySignedBy(*key).ok();
    if (good || entry.given) {
      Offer({AsText(entry.list.der()), entry.list.ThisUpdate(),
             entry.list.NextUpdate().value_or(absl::InfiniteFuture())},
            context.now, good ? best : unsigned_best);
    }
  }
  if (!best.has_value()) {
    best = unsigned_best;
  }
  if (!best.has_value()) {
    return {};
  }
  const Octets der = AsBytes(best->text);
  return {der.begin(), der.end()};
}

// PEM of the certificate that signed `text` and of its issuer, if both are
// there; else of everything that may be meant.
std::string ChainOf(const VerifyContext& context, std::string_view text,
                    std::string_view name) {
  const auto document = attestation::ParseSignedJsonUnverified(text, name);
  if (!document.ok()) {
    return "";
  }
  const Certificate* signer =
      SignerOf(context.set.certificates(), document->body, document->signature);
  if (signer == nullptr) {
    // Nobody's signature: any signing certificate will show that.
    for (const SetCertificate& entry : context.set.certificates()) {
      if (entry.certificate.SubjectCommonName() == "Intel SGX TCB Signing") {
        signer = &entry.certificate;
      }
    }
  }
  if (signer == nullptr) {
    return "";
  }
  std::string pem = ToPem(*signer);
  if (const Certificate* root = context.set.IssuerOf(*signer)) {
    pem += ToPem(*root);
  }
  return pem;
}

// Adds `what` to the list of what is missing.
void Note(bool missing, std::string_view what, std::string& text) {
  if (missing) {
    text += (text.empty() ? "" : ", ") + std::string(what);
  }
}

// Who issued the PCK, and who the CA: names, and the CA's key.
struct ChainFacts {
  std::optional<attestation::PckExtension> pck;
  Bytes ca_name;
  Bytes root_name;
  std::optional<crypto::PublicKey> ca_key;
  std::optional<crypto::PublicKey> root_key;
};

// The root that came with the chain, else the one among the files.
std::optional<crypto::PublicKey> RootKey(
    const EvidenceSet& set, const attestation::PckChainUnverified& chain) {
  const Certificate* root =
      chain.root.has_value() ? &*chain.root : set.IssuerOf(chain.ca);
  if (root == nullptr) {
    return std::nullopt;
  }
  auto key = root->Key();
  return key.ok() ? std::optional(*std::move(key)) : std::nullopt;
}

// All empty if the quote's chain cannot be read: the selection then has little
// to go by, and the verifier says why.
ChainFacts FactsOf(const EvidenceSet& set, const IntelQuoteUnverified& quote,
                   Octets further) {
  ChainFacts facts;
  const auto chain = attestation::ParsePckChainUnverified(
      quote.certification_type, quote.certification_data, further);
  if (!chain.ok()) {
    return facts;
  }
  if (auto pck = attestation::PckExtensionOf(chain->leaf); pck.ok()) {
    facts.pck = *pck;
  }
  const Octets ca = chain->ca.subject_name();
  const Octets root = chain->ca.issuer_name();
  facts.ca_name = Bytes(ca.begin(), ca.end());
  facts.root_name = Bytes(root.begin(), root.end());
  if (auto key = chain->ca.Key(); key.ok()) {
    facts.ca_key = *std::move(key);
  }
  facts.root_key = RootKey(set, *chain);
  return facts;
}

}  // namespace

// Intel's TCB signing certificate is called "Intel SGX TCB Signing"; looking
// only at names with "Signing" keeps the number of signature checks small. At
// most 64 are tried.
const Certificate* SignerOf(const std::vector<SetCertificate>& certificates,
                            std::string_view body, Octets signature) {
  constexpr size_t kMaxTried = 64, kHalf = 32;
  size_t tried = 0;
  for (const SetCertificate& entry : certificates) {
    const std::string name = entry.certificate.SubjectCommonName().value_or("");
    if (name.find("Signing") == std::string::npos || ++tried > kMaxTried) {
      continue;
    }
    const auto key = entry.certificate.Key();
    if (key.ok() && signature.size() == 2 * kHalf &&
        key->VerifyEcdsa(crypto::HashAlgorithm::kSha256, AsBytes(body),
                         signature.first(kHalf), signature.last(kHalf))
            .ok()) {
      return &entry.certificate;
    }
  }
  return nullptr;
}

IntelSelection SelectIntelCollateral(const VerifyContext& context,
                                     const IntelQuoteUnverified& quote) {
  IntelSelection selection;
  // For quotes that only name their PCK (certification data of type 1 to 4).
  const Bytes further = PckChainFor(context.set);
  const ChainFacts facts = FactsOf(context.set, quote, further);
  if (facts.pck.has_value()) {
    selection.fmspc = HexEncode(facts.pck->fmspc);
  }
  const auto info = FindTcbInfo(context, quote.tee, facts.pck);
  const auto identity = FindIdentity(context, quote.tee);
  attestation::IntelCollateral& parts = selection.collateral;
  if (info.has_value()) {
    parts.tcb_info = std::string(info->text);
    parts.tcb_signing_chain = ChainOf(context, info->text, "tcbInfo");
  }
  if (identity.has_value()) {
    parts.enclave_identity = std::string(identity->text);
    parts.enclave_identity_chain =
        ChainOf(context, identity->text, "enclaveIdentity");
  }
  parts.pck_crl = FindCrl(context, facts.ca_name, facts.ca_key);
  parts.root_crl = FindCrl(context, facts.root_name, facts.root_key);
  parts.pck_chain = further;
  selection.nothing_given = !info.has_value() && !identity.has_value();
  Note(parts.tcb_info.empty(), "TCB info", selection.missing);
  Note(parts.enclave_identity.empty(), "QE identity", selection.missing);
  Note(parts.tcb_signing_chain.empty() && info.has_value(), "TCB signing chain",
       selection.missing);
  Note(parts.pck_crl.empty(), "CRL of the PCK CA", selection.missing);
  Note(parts.root_crl.empty(), "CRL of the root", selection.missing);
  return selection;
}

// Only self-signed P-256 authorities can be anchors; anything else that was
// named is left out here and thus not trusted.
std::vector<Certificate> IntelRoots(const VerifyContext& context) {
  std::vector<Certificate> roots;
  const auto offer = [&roots](const Certificate& certificate) {
    const auto key = certificate.Key();
    if (certificate.is_ca() && key.ok() &&
        key->curve() == crypto::EcCurve::kP256 &&
        certificate.VerifySignedBy(*key).ok() &&
        std::ranges::none_of(roots, [&](const Certificate& known) {
          return known.Fingerprint() == certificate.Fingerprint();
        })) {
      roots.push_back(certificate);
    }
  };
  for (const Certificate& root : context.insecure_roots) {
    offer(root);
  }
  if (context.profile == nullptr) {
    return roots;
  }
  std::vector<crypto::Sha256Digest> named;
  if (context.profile->tdx.has_value()) {
    named = context.profile->tdx->policy.tcb.insecure_roots;
  } else if (context.profile->sgx.has_value()) {
    named = context.profile->sgx->policy.tcb.insecure_roots;
  }
  for (const SetCertificate& entry : context.set.certificates()) {
    if (std::ranges::find(named, entry.certificate.SpkiFingerprint()) !=
        named.end()) {
      offer(entry.certificate);
    }
  }
  return roots;
}

// Of several PCK certificates a given one wins over one of the cache. The chain
// ends at a self-issued certificate or after 16 KiB: names may form a circle.
Bytes PckChainFor(const EvidenceSet& set) {
  const Certificate* leaf = nullptr;
  for (const SetCertificate& entry : set.certificates()) {
    if (!entry.certificate.is_ca() &&
        attestation::PckExtensionOf(entry.certificate).ok() &&
        (leaf == nullptr || entry.given)) {
      leaf = &entry.certificate;
    }
  }
  Bytes chain;
  for (const Certificate* next = leaf; next != nullptr;) {
    const Bytes& der = next->der();
    chain.insert(chain.end(), der.begin(), der.end());
    const Certificate* issuer = set.IssuerOf(*next);
    const bool ends =
        issuer == nullptr ||
        std::ranges::equal(next->issuer_name(), next->subject_name()) ||
        chain.size() > size_t{16} * 1024;
    next = ends ? nullptr : issuer;
  }
  return chain;
}

}  // namespace constellation::cli
