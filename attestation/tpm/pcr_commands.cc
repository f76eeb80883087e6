// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/pcr_commands.h"

#include <fmt/format.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>
#include <map>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kPcrCount = 24;
constexpr uint8_t kSelectSize = 3;

// Three octets of selection: the 24 registers of a PC client TPM.
absl::StatusOr<TPML_PCR_SELECTION> SelectionOf(uint32_t mask) {
  if (mask == 0 || mask >> kPcrCount != 0) {
    return InvalidArgument(
        fmt::format("PCR mask: want some of PCR 0-23, got {:#x}", mask));
  }
  TPML_PCR_SELECTION selection{};
  selection.count = 1;
  TPMS_PCR_SELECTION& bank = selection.pcrSelections[0];
  bank.hash = TPM2_ALG_SHA256;
  bank.sizeofSelect = kSelectSize;
  for (uint32_t i = 0; i < kSelectSize; ++i) {
    bank.pcrSelect[i] = static_cast<uint8_t>(mask >> (8 * i));
  }
  return selection;
}

// The registers of one answer of TPM2_PCR_Read, which gives as many as it likes
// in ascending order. Counts and sizes are the TPM's word, so they are bounded.
absl::StatusOr<std::map<uint32_t, crypto::Sha256Digest>> RegistersIn(
    const TPML_PCR_SELECTION& selection, const TPML_DIGEST& digests) {
  std::map<uint32_t, crypto::Sha256Digest> registers;
  const TPMS_PCR_SELECTION& bank = selection.pcrSelections[0];
  if (selection.count != 1 || bank.hash != TPM2_ALG_SHA256) {
    return registers;
  }
  uint32_t position = 0;
  const uint32_t octets = std::min(bank.sizeofSelect, kSelectSize);
  for (uint32_t index = 0; index < 8 * octets; ++index) {
    if ((bank.pcrSelect[index / 8] >> (index % 8) & 1U) == 0) {
      continue;
    }
    crypto::Sha256Digest& value = registers[index];
    if (position >= digests.count || position >= std::size(digests.digests) ||
        digests.digests[position].size != value.size()) {
      return Internal(fmt::format(
          "TPM2_PCR_Read: PCR{}: want a 32-byte digest, got none", index));
    }
    const uint8_t* octet = digests.digests[position++].buffer;
    std::copy(octet, octet + value.size(), value.begin());
  }
  return registers;
}

// One TPM2_PCR_Read: some of `mask`.
absl::StatusOr<std::map<uint32_t, crypto::Sha256Digest>> ReadSome(
    EsysContext& esys, uint32_t mask) {
  ASSIGN_OR_RETURN(const TPML_PCR_SELECTION wanted, SelectionOf(mask));
  TPML_PCR_SELECTION* selected = nullptr;
  TPML_DIGEST* digests = nullptr;
  RETURN_IF_ERROR(TssStatus(
      Esys_PCR_Read(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                    &wanted, nullptr, &selected, &digests),
      "TPM2_PCR_Read"));
  const EsysPtr<TPML_PCR_SELECTION> owned_selected(selected);
  const EsysPtr<TPML_DIGEST> owned_digests(digests);
  return RegistersIn(*owned_selected, *owned_digests);
}

}  // namespace

// Asks for what is missing until nothing is. A TPM that gives nothing, or what
// it was not asked for, would make this loop go on for ever.
absl::StatusOr<std::vector<PcrValue>> ReadPcrsFrom(EsysContext& esys,
                                                   uint32_t mask) {
  RETURN_IF_ERROR(SelectionOf(mask).status());
  std::map<uint32_t, crypto::Sha256Digest> all;
  for (uint32_t missing = mask; missing != 0;) {
    ASSIGN_OR_RETURN(const auto some, ReadSome(esys, missing));
    uint32_t got = 0;
    for (const auto& [index, value] : some) {
      got |= 1U << index;
    }
    if (got == 0 || (got & ~missing) != 0) {
      return NotFound(fmt::format(
          "TPM2_PCR_Read: want PCRs {:#x} of the sha256 bank, got {:#x}",
          missing, got));
    }
    missing &= ~got;
    all.insert(some.begin(), some.end());
  }
  std::vector<PcrValue> sorted;
  sorted.reserve(all.size());
  for (const auto& [index, value] : all) {
    sorted.push_back({index, value});
  }
  return sorted;
}

// Scheme NULL: the key's own, which the verifier demands as well.
absl::StatusOr<TpmQuote> QuoteWith(EsysContext& esys, ESYS_TR key,
                                   std::span<const uint8_t> qualifying_data,
                                   uint32_t mask) {
  ASSIGN_OR_RETURN(const TPML_PCR_SELECTION selection, SelectionOf(mask));
  TPM2B_DATA data{};
  RETURN_IF_ERROR(CopyInto(qualifying_data, data.buffer, data.size));
  const TPMT_SIG_SCHEME scheme{.scheme = TPM2_ALG_NULL, .details = {}};
  TPM2B_ATTEST* attest = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  RETURN_IF_ERROR(TssStatus(
      Esys_Quote(esys.get(), key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                 &data, &scheme, &selection, &attest, &signature),
      "TPM2_Quote"));
  const EsysPtr<TPM2B_ATTEST> owned_attest(attest);
  const EsysPtr<TPMT_SIGNATURE> owned_signature(signature);
  std::array<uint8_t, sizeof(TPMT_SIGNATURE)> buffer{};
  size_t size = 0;
  RETURN_IF_ERROR(
      TssStatus(Tss2_MU_TPMT_SIGNATURE_Marshal(
                    owned_signature.get(), buffer.data(), buffer.size(), &size),
                "marshal TPMT_SIGNATURE"));
  TpmQuote quote;
  quote.attest.assign(owned_attest->attestationData,
                      owned_attest->attestationData + owned_attest->size);
  quote.signature.assign(buffer.begin(),
                         buffer.begin() + static_cast<ptrdiff_t>(size));
  return quote;
}

bool QuoteCovers(const AttestUnverified& attest,
                 std::span<const PcrValue> pcrs) {
  crypto::Sha256Hasher hasher;
  for (const PcrValue& pcr : pcrs) {
    hasher.Update(pcr.sha256);
  }
  return attest.quote.has_value() &&
         std::ranges::equal(hasher.Finish(), attest.quote->pcr_digest);
}

}  // namespace constellation::attestation
