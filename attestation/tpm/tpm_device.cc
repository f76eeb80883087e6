// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_device.h"

#include <fmt/format.h>
#include <tss2/tss2_esys.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/pcr_commands.h"
#include "attestation/tpm/tpm_operations.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kPcrCount = 24;

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

  absl::StatusOr<std::vector<PcrValue>> ReadPcrs(uint32_t mask)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ReadPcrsFrom(*esys_, mask);
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
    RETURN_IF_ERROR(EnsureAk());
    return QuoteWith(*esys_, ak_.handle.get(), qualifying_data, mask);
  }

 private:
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
