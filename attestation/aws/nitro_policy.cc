// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/nitro_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

using Rows = CheckRows<NitroPolicyCheckId>;
using TpmRows = CheckRows<NitroTpmCheckId>;

// Registers of an enclave in debug mode are zero.
bool AllZero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

// Zero registers 0 to 2 tell of debug mode; so does their absence.
bool IsDebug(const VerifiedNitroDocument& document) {
  for (const uint32_t index : {0U, 1U, 2U}) {
    const auto found = document.pcrs().find(index);
    if (found == document.pcrs().end() || AllZero(found->second)) {
      return true;
    }
  }
  return false;
}

// One row per register; a policy without registers has to say that it means
// it.
void AddPcrs(const VerifiedNitroDocument& document, const NitroPolicy& policy,
             Rows& rows) {
  if (policy.pcrs.empty()) {
    rows.Add(NitroPolicyCheckId::kPcr, policy.any_pcrs,
             policy.any_pcrs ? "not compared here" : "a register to compare",
             "none in the policy",
             "the policy would admit every image: give the registers of your "
             "image (`nitro-cli describe-eif`)");
  }
  for (const auto& [index, values] : policy.pcrs) {
    std::vector<std::string> wanted;
    for (const crypto::Sha384Digest& value : values) {
      wanted.push_back(HexEncode(value));
    }
    const auto found = document.pcrs().find(index);
    const bool has = found != document.pcrs().end();
    rows.Add(
        NitroPolicyCheckId::kPcr,
        has && std::ranges::any_of(
                   values,
                   [&found = found->second](const crypto::Sha384Digest& value) {
                     return std::ranges::equal(value, found);
                   }),
        fmt::format("PCR{}: {}", index,
                    wanted.empty()
                        ? "none"
                        : fmt::format("{}", fmt::join(wanted, " or "))),
        fmt::format("PCR{}: {}", index,
                    has ? HexEncode(found->second) : "none"),
        "another image, role or instance runs than the policy names");
  }
}

// Canonical, to be compared with the quote's.
absl::StatusOr<Bytes> DocumentKey(const VerifiedNitroDocument& document) {
  if (!document.public_key().has_value()) {
    return InvalidArgument("the document has no public key");
  }
  auto key = ParseAttestationKeyUnverified(*document.public_key());
  if (!key.ok()) {
    return key.status();
  }
  return std::move(key->spki);
}

// Registers that are not quoted do not matter here.
void CheckRegisters(const VerifiedNitroDocument& document,
                    const VerifiedPcrQuote& quote, TpmRows& rows) {
  std::vector<uint32_t> different;
  for (const uint32_t index : quote.indices()) {
    const auto found = document.pcrs().find(index);
    if (found == document.pcrs().end() ||
        !std::ranges::equal(found->second, quote.pcr(index))) {
      different.push_back(index);
    }
  }
  rows.Add(NitroTpmCheckId::kRegisters,
           different.empty() && !quote.indices().empty(),
           "the document's values",
           different.empty()
               ? fmt::format("{} equal registers", quote.indices().size())
               : fmt::format("others in PCR {}", fmt::join(different, ", ")),
           "a register was extended between quote and document, or the quote "
           "is not of this machine's NitroTPM");
}

}  // namespace

std::string_view ToString(NitroPolicyCheckId id) {
  switch (id) {
    case NitroPolicyCheckId::kKind:
      return "kind";
    case NitroPolicyCheckId::kDebug:
      return "debug mode";
    case NitroPolicyCheckId::kPcr:
      return "register";
    case NitroPolicyCheckId::kModuleId:
      return "module";
    case NitroPolicyCheckId::kUserData:
      return "user data";
  }
  return "unknown";
}

std::string_view ToString(NitroTpmCheckId id) {
  switch (id) {
    case NitroTpmCheckId::kKind:
      return "kind";
    case NitroTpmCheckId::kPublicKey:
      return "public key";
    case NitroTpmCheckId::kNonce:
      return "nonce";
    case NitroTpmCheckId::kBank:
      return "bank";
    case NitroTpmCheckId::kRegisters:
      return "registers";
  }
  return "unknown";
}

// A row for each demand, also for those that the policy leaves open.
std::vector<NitroPolicyCheck> AppraiseNitro(
    const VerifiedNitroDocument& document, const NitroPolicy& policy) {
  Rows rows;
  rows.Add(NitroPolicyCheckId::kKind, document.kind() == policy.kind,
           std::string(ToString(policy.kind)),
           std::string(ToString(document.kind())),
           "the document was made by another kind of module");
  const bool debug =
      document.kind() == NitroKind::kEnclave && IsDebug(document);
  rows.Add(NitroPolicyCheckId::kDebug, policy.allow_debug || !debug,
           policy.allow_debug ? "on or off" : "off", debug ? "on" : "off",
           "PCR 0-2 are zero: the enclave was started with --debug-mode, so "
           "its memory can be read; start it without");
  AddPcrs(document, policy, rows);
  rows.Add(NitroPolicyCheckId::kModuleId,
           policy.module_ids.empty() ||
               std::ranges::find(policy.module_ids, document.module_id()) !=
                   policy.module_ids.end(),
           policy.module_ids.empty()
               ? "any"
               : fmt::format("one of {} modules", policy.module_ids.size()),
           document.module_id(),
           "this module is not in the policy's list: add it if it is yours");
  rows.Add(
      NitroPolicyCheckId::kUserData,
      !policy.user_data.has_value() || document.user_data() == policy.user_data,
      policy.user_data.has_value() ? HexEncode(*policy.user_data) : "any",
      document.user_data().has_value() ? HexEncode(*document.user_data())
                                       : "none",
      "the document was made for other user data");
  return rows.Take();
}

// Ties a quote to the document: key, nonce, and the registers of a common bank.
std::vector<NitroTpmCheck> CheckNitroTpm(const VerifiedNitroDocument& document,
                                         const VerifiedPcrQuote& quote) {
  TpmRows rows;
  rows.Add(NitroTpmCheckId::kKind, document.kind() == NitroKind::kNitroTpm,
           std::string(ToString(NitroKind::kNitroTpm)),
           std::string(ToString(document.kind())));
  const absl::StatusOr<Bytes> key = DocumentKey(document);
  const auto digest = [](std::span<const uint8_t> spki) {
    return fmt::format("SPKI sha256 {}", HexEncode(crypto::Sha256(spki)));
  };
  rows.Add(
      NitroTpmCheckId::kPublicKey, key.ok() && *key == quote.ak_spki(),
      digest(quote.ak_spki()),
      key.ok() ? digest(*key) : std::string(Message(key.status())),
      "the document was made for another attestation key than the quote's");
  rows.Add(NitroTpmCheckId::kNonce,
           document.nonce().has_value() && *document.nonce() == quote.nonce(),
           HexEncode(quote.nonce()),
           document.nonce().has_value() ? HexEncode(*document.nonce()) : "none",
           "document and quote were made for different requests");
  rows.Add(NitroTpmCheckId::kBank, quote.bank() == kTpmAlgSha384,
           AlgorithmName(kTpmAlgSha384), AlgorithmName(quote.bank()),
           "the hypervisor vouches for the SHA-384 bank only: quote that one");
  CheckRegisters(document, quote, rows);
  return rows.Take();
}

}  // namespace constellation::attestation
