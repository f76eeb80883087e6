// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/pcr_file.h"

#include <fmt/format.h>

#include <utility>

#include "attestation/byte_reader.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kSelectionSlots = 16;  // TPM2_NUM_PCR_BANKS
constexpr size_t kBitmapSlot = 4;         // sizeofSelect at most
constexpr uint32_t kDigestSlots = 8;      // in a TPML_DIGEST
constexpr size_t kDigestSlot = 64;        // sizeof(TPMU_HA)
constexpr uint32_t kMaxLists = 64;        // 16 banks of 32 registers

// A TPMS_PCR_SELECTION as it lies in memory.
absl::StatusOr<PcrFileBankUnverified> ReadSlot(LittleEndianReader& reader) {
  PcrFileBankUnverified bank;
  ASSIGN_OR_RETURN(bank.hash_algorithm, reader.Read<uint16_t>("hash"));
  ASSIGN_OR_RETURN(const uint8_t size, reader.Read<uint8_t>("sizeofSelect"));
  ASSIGN_OR_RETURN(const auto bitmap, reader.Take(kBitmapSlot, "pcrSelect"));
  RETURN_IF_ERROR(reader.Take(1, "padding").status());
  if (size > kBitmapSlot) {
    return InvalidArgument(fmt::format("sizeofSelect: want at most {}, got {}",
                                       kBitmapSlot, size));
  }
  for (uint32_t i = 0; i < size * 8U; ++i) {
    if ((bitmap[i / 8] >> (i % 8) & 1U) != 0) {
      bank.registers.push_back({.index = i, .value = {}});
    }
  }
  return bank;
}

// A C structure written as it lay in memory: all slots are there, used or not,
// and what is unused is garbage.
absl::StatusOr<std::vector<PcrFileBankUnverified>> ReadSelections(
    LittleEndianReader& reader) {
  ASSIGN_OR_RETURN(const uint32_t count, reader.Read<uint32_t>("banks"));
  if (count > kSelectionSlots) {
    return InvalidArgument(
        fmt::format("banks: want at most {}, got {}", kSelectionSlots, count));
  }
  std::vector<PcrFileBankUnverified> banks;
  for (uint32_t i = 0; i < kSelectionSlots; ++i) {
    if (i >= count) {  // not in use: whatever was in memory
      RETURN_IF_ERROR(reader.Take(8, "unused bank").status());
      continue;
    }
    ASSIGN_OR_RETURN(PcrFileBankUnverified bank, ReadSlot(reader));
    if (bank.registers.empty()) {
      continue;
    }
    if (!TpmDigestSize(bank.hash_algorithm).has_value()) {
      return InvalidArgument(fmt::format("bank {}: want a known hash, got {}",
                                         i,
                                         AlgorithmName(bank.hash_algorithm)));
    }
    banks.push_back(std::move(bank));
  }
  return banks;
}

// The digests in use of one TPML_DIGEST, to the end of `digests`.
absl::Status ReadList(LittleEndianReader& reader,
                      std::vector<std::span<const uint8_t>>& digests) {
  ASSIGN_OR_RETURN(const uint32_t count, reader.Read<uint32_t>("digests"));
  if (count > kDigestSlots) {
    return InvalidArgument(
        fmt::format("digests: want at most {}, got {}", kDigestSlots, count));
  }
  for (uint32_t i = 0; i < kDigestSlots; ++i) {
    ASSIGN_OR_RETURN(const uint16_t size, reader.Read<uint16_t>("digest size"));
    ASSIGN_OR_RETURN(const auto slot, reader.Take(kDigestSlot, "digest"));
    if (i >= count) {
      continue;
    }
    if (size > kDigestSlot) {
      return InvalidArgument(fmt::format("digest size: want at most {}, got {}",
                                         kDigestSlot, size));
    }
    digests.push_back(slot.first(size));
  }
  return absl::OkStatus();
}

// Gives the registers their values, in the order of both lists.
absl::Status Assign(const std::vector<std::span<const uint8_t>>& digests,
                    std::vector<PcrFileBankUnverified>& banks) {
  size_t next = 0;
  for (PcrFileBankUnverified& bank : banks) {
    const size_t size = TpmDigestSize(bank.hash_algorithm).value_or(0);
    for (RegisterView& value : bank.registers) {
      if (next == digests.size() || digests[next].size() != size) {
        return InvalidArgument(fmt::format(
            "{}:{}: want a digest of {} bytes, got {}",
            AlgorithmName(bank.hash_algorithm), value.index, size,
            next == digests.size() ? std::string("none")
                                   : fmt::format("{}", digests[next].size())));
      }
      value.value = digests[next++];
    }
  }
  if (next != digests.size()) {
    return InvalidArgument(fmt::format("digests: want the {} selected, got {}",
                                       next, digests.size()));
  }
  return absl::OkStatus();
}

}  // namespace

// The order in which tpm2_quote writes selections and digests is the order in
// which they belong together.
absl::StatusOr<std::vector<PcrFileBankUnverified>> ParsePcrFileUnverified(
    std::span<const uint8_t> bytes) {
  LittleEndianReader reader(bytes);
  ASSIGN_OR_RETURN(std::vector<PcrFileBankUnverified> banks,
                   ReadSelections(reader));
  ASSIGN_OR_RETURN(const uint32_t lists, reader.Read<uint32_t>("digest lists"));
  if (lists > kMaxLists) {
    return InvalidArgument(
        fmt::format("digest lists: want at most {}, got {}", kMaxLists, lists));
  }
  std::vector<std::span<const uint8_t>> digests;
  for (uint32_t i = 0; i < lists; ++i) {
    RETURN_IF_ERROR(ReadList(reader, digests));
  }
  RETURN_IF_ERROR(reader.ExpectEnd("PCR file"));
  RETURN_IF_ERROR(Assign(digests, banks));
  return banks;
}

}  // namespace constellation::attestation
