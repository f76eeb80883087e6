// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_device.h"

#include <fmt/format.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>
#include <map>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/tpm_operations.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "common/status_macros.h"

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
  selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
  selection.pcrSelections[0].sizeofSelect = kSelectSize;
  for (uint32_t i = 0; i < kSelectSize; ++i) {
    selection.pcrSelections[0].pcrSelect[i] =
        static_cast<uint8_t>(mask >> (8 * i));
  }
  return selection;
}

// The registers that a TPM says it returned, as a mask of the SHA-256 bank.
uint32_t MaskOf(const TPML_PCR_SELECTION& selection) {
  uint32_t mask = 0;
  const uint32_t count =
      std::min<uint32_t>(selection.count, TPM2_NUM_PCR_BANKS);
  for (uint32_t i = 0; i < count; ++i) {
    const TPMS_PCR_SELECTION& bank = selection.pcrSelections[i];
    if (bank.hash != TPM2_ALG_SHA256) {
      continue;
    }
    for (uint32_t byte = 0; byte < std::min(bank.sizeofSelect, kSelectSize);
         ++byte) {
      mask |= static_cast<uint32_t>(bank.pcrSelect[byte]) << (8 * byte);
    }
  }
  return mask;
}

}  // namespace

class Tpm::Impl final {
 public:
  Impl(std::string tcti, std::unique_ptr<EsysContext> esys)
      : tcti_(std::move(tcti)), esys_(std::move(esys)) {}
  ~Impl() {
    const absl::MutexLock lock(&mutex_);
    ak_ = {};  // is flushed through the context: must go first
  }

  // Runs `command`, a member function below, on an open TPM. Whatever comes
  // back as UNAVAILABLE may have left the context in the middle of a command:
  // it is thrown away.
  template <typename Command>
  std::invoke_result_t<Command, Impl&> Run(Command command)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(EnsureOpen());
    auto result = command(*this);
    if (IsUnavailable(result)) {
      ak_.handle.Abandon();
      esys_.reset();
    }
    return result;
  }

  // TPM2_PCR_Read gives at most eight values at a time, so it is asked again
  // for the rest.
  absl::StatusOr<std::vector<PcrValue>> ReadPcrs(uint32_t mask)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(SelectionOf(mask).status());
    std::map<uint32_t, crypto::Sha256Digest> values;
    uint32_t missing = mask;
    while (missing != 0) {
      ASSIGN_OR_RETURN(const uint32_t got, ReadSomePcrs(missing, values));
      if (got == 0 || (got & ~missing) != 0) {
        return NotFound(fmt::format(
            "TPM2_PCR_Read: want PCRs {:#x} of the sha256 bank, got {:#x}",
            missing, got));
      }
      missing &= ~got;
    }
    std::vector<PcrValue> sorted;
    sorted.reserve(values.size());
    for (const auto& [index, digest] : values) {
      sorted.push_back({index, digest});
    }
    return sorted;
  }

  absl::Status ExtendPcr(uint32_t index, const crypto::Sha256Digest& digest)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (index >= kPcrCount) {
      return InvalidArgument(
          fmt::format("PCR index: want 0-23, got {}", index));
    }
    TPML_DIGEST_VALUES digests{};
    digests.count = 1;
    digests.digests[0].hashAlg = TPM2_ALG_SHA256;
    std::copy(digest.begin(), digest.end(), digests.digests[0].digest.sha256);
    return TssStatus(
        Esys_PCR_Extend(esys_->get(), ESYS_TR_PCR0 + index, ESYS_TR_PASSWORD,
                        ESYS_TR_NONE, ESYS_TR_NONE, &digests),
        "TPM2_PCR_Extend");
  }

  absl::StatusOr<Bytes> ReadEkCertificate()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ReadEkCertificateFrom(*esys_);
  }

  absl::StatusOr<AttestationKeyInfo> AttestationKey()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(EnsureAk());
    AttestationKeyInfo info{.public_area = ak_.public_area, .name = {}};
    ASSIGN_OR_RETURN(info.name, NameOf(ak_.public_area));
    return info;
  }

  absl::StatusOr<TpmQuote> Quote(std::span<const uint8_t> qualifying_data,
                                 uint32_t mask)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ASSIGN_OR_RETURN(const TPML_PCR_SELECTION selection, SelectionOf(mask));
    TPM2B_DATA data{};
    RETURN_IF_ERROR(CopyInto(qualifying_data, data.buffer, data.size));
    const TPMT_SIG_SCHEME scheme{.scheme = TPM2_ALG_NULL, .details = {}};
    RETURN_IF_ERROR(EnsureAk());
    TPM2B_ATTEST* attest = nullptr;
    TPMT_SIGNATURE* signature = nullptr;
    RETURN_IF_ERROR(
        TssStatus(Esys_Quote(esys_->get(), ak_.handle.get(), ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme,
                             &selection, &attest, &signature),
                  "TPM2_Quote"));
    const EsysPtr<TPM2B_ATTEST> owned_attest(attest);
    const EsysPtr<TPMT_SIGNATURE> owned_signature(signature);
    std::array<uint8_t, sizeof(TPMT_SIGNATURE)> buffer{};
    size_t size = 0;
    RETURN_IF_ERROR(TssStatus(
        Tss2_MU_TPMT_SIGNATURE_Marshal(owned_signature.get(), buffer.data(),
                                       buffer.size(), &size),
        "marshal TPMT_SIGNATURE"));
    TpmQuote quote;
    quote.attest.assign(owned_attest->attestationData,
                        owned_attest->attestationData + owned_attest->size);
    quote.signature.assign(buffer.begin(),
                           buffer.begin() + static_cast<ptrdiff_t>(size));
    return quote;
  }

 private:
  // Reads as many of `mask` as the TPM gives at once; returns which.
  absl::StatusOr<uint32_t> ReadSomePcrs(
      uint32_t mask, std::map<uint32_t, crypto::Sha256Digest>& values)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ASSIGN_OR_RETURN(const TPML_PCR_SELECTION wanted, SelectionOf(mask));
    TPML_PCR_SELECTION* selected = nullptr;
    TPML_DIGEST* digests = nullptr;
    RETURN_IF_ERROR(TssStatus(
        Esys_PCR_Read(esys_->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                      &wanted, nullptr, &selected, &digests),
        "TPM2_PCR_Read"));
    const EsysPtr<TPML_PCR_SELECTION> owned_selected(selected);
    const EsysPtr<TPML_DIGEST> owned_digests(digests);
    const uint32_t got = MaskOf(*owned_selected);
    uint32_t position = 0;
    for (uint32_t index = 0; index < kPcrCount; ++index) {
      if ((got >> index & 1U) == 0) {
        continue;
      }
      crypto::Sha256Digest value{};
      if (position >= owned_digests->count ||
          owned_digests->digests[position].size != value.size()) {
        return Internal(fmt::format(
            "TPM2_PCR_Read: PCR{}: want a 32-byte digest, got none", index));
      }
      const uint8_t* bytes = owned_digests->digests[position++].buffer;
      std::copy(bytes, bytes + value.size(), value.begin());
      values[index] = value;
    }
    return got;
  }

  static bool IsUnavailable(const absl::Status& status) {
    return absl::IsUnavailable(status);
  }
  template <typename T>
  static bool IsUnavailable(const absl::StatusOr<T>& result) {
    return absl::IsUnavailable(result.status());
  }

  absl::Status EnsureOpen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (esys_ == nullptr) {
      ASSIGN_OR_RETURN(esys_, EsysContext::Open(tcti_));
    }
    return absl::OkStatus();
  }

  absl::Status EnsureAk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ak_.handle.valid()) {
      ASSIGN_OR_RETURN(ak_, CreateEndorsementPrimary(*esys_, AkTemplate()));
    }
    return absl::OkStatus();
  }

  absl::Mutex mutex_;
  const std::string tcti_;
  std::unique_ptr<EsysContext> esys_ ABSL_GUARDED_BY(mutex_);
  PrimaryKey ak_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<Tpm>> Tpm::Open(const std::string& tcti) {
  ASSIGN_OR_RETURN(std::unique_ptr<EsysContext> esys, EsysContext::Open(tcti));
  return std::unique_ptr<Tpm>(
      new Tpm(std::make_unique<Impl>(tcti, std::move(esys))));
}

Tpm::Tpm(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tpm::~Tpm() = default;

// Run() holds the mutex while it calls these.

absl::StatusOr<std::vector<PcrValue>> Tpm::ReadPcrs(uint32_t mask) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.ReadPcrs(mask);
  });
}

absl::Status Tpm::ExtendPcr(uint32_t index,
                            const crypto::Sha256Digest& digest) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.ExtendPcr(index, digest);
  });
}

absl::StatusOr<Bytes> Tpm::ReadEkCertificate() {
  return impl_->Run([](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.ReadEkCertificate();
  });
}

absl::StatusOr<AttestationKeyInfo> Tpm::AttestationKey() {
  return impl_->Run([](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.AttestationKey();
  });
}

absl::StatusOr<TpmQuote> Tpm::Quote(std::span<const uint8_t> qualifying_data,
                                    uint32_t mask) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.Quote(qualifying_data, mask);
  });
}

}  // namespace constellation::attestation
