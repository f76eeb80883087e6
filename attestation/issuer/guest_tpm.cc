// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/guest_tpm.h"

#include <fmt/format.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tcti.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/synchronization/mutex.h"
#include "attestation/byte_reader.h"
#include "attestation/issuer/guest_tpm_nv.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/pcr_commands.h"
#include "attestation/tpm/tpm_operations.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Amazon's vendor command, and where its NV index may lie: the owner's range
// of "TCG Registry of Reserved TPM 2.0 Handles and Localities".
constexpr uint32_t kNsmCommand = 0x20000001;
constexpr uint32_t kFirstNsmIndex = 0x01200000;
constexpr uint32_t kNsmIndexTries = 32;
constexpr uint32_t kPasswordSessionSize = 9;

// The TPM's own octets: Names are digests of them.
absl::StatusOr<Bytes> MarshalPublic(const TPMT_PUBLIC& area) {
  std::array<uint8_t, sizeof(TPMT_PUBLIC)> buffer{};
  size_t size = 0;
  RETURN_IF_ERROR(TssStatus(
      Tss2_MU_TPMT_PUBLIC_Marshal(&area, buffer.data(), buffer.size(), &size),
      "marshal TPMT_PUBLIC"));
  return Bytes(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
}

// A key template as platforms keep it: TPMT_PUBLIC, or with its size before it.
absl::StatusOr<TPM2B_PUBLIC> TemplateOf(std::span<const uint8_t> bytes) {
  if (bytes.size() > 2 &&
      (size_t{bytes[0]} << 8U | bytes[1]) == bytes.size() - 2) {
    bytes = bytes.subspan(2);
  }
  TPM2B_PUBLIC out{};
  size_t offset = 0;
  const TSS2_RC rc = Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes.data(), bytes.size(),
                                                   &offset, &out.publicArea);
  if (rc != TSS2_RC_SUCCESS || offset != bytes.size()) {
    return InvalidArgument(fmt::format(
        "template of the attestation key: want a TPMT_PUBLIC, got {} bytes",
        bytes.size()));
  }
  return out;
}

}  // namespace

class GuestTpm::Impl final {
 public:
  Impl(std::string tcti, AttestationKeyChoice choice,
       std::unique_ptr<EsysContext> esys)
      : tcti_(std::move(tcti)), choice_(choice), esys_(std::move(esys)) {}
  ~Impl() {
    const absl::MutexLock lock(&mutex_);
    ForgetKey();  // goes through the context: must go first
  }

  // Runs `command` on an open TPM. After UNAVAILABLE the context may be in the
  // middle of a command: it is thrown away.
  template <typename Command>
  std::invoke_result_t<Command, Impl&> Run(Command command)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    if (esys_ == nullptr) {
      ASSIGN_OR_RETURN(esys_, EsysContext::Open(tcti_));
    }
    auto result = command(*this);
    if (absl::IsUnavailable(StatusOf(result))) {
      key_.handle.Abandon();
      persistent_ = ESYS_TR_NONE;
      key_.public_area.clear();
      esys_.reset();
    }
    return result;
  }

  absl::StatusOr<Bytes> ReadNv(uint32_t index)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ASSIGN_OR_RETURN(NvIndex nv, NvIndex::Open(*esys_, index));
    return nv.Read();
  }

  absl::Status WriteNv(uint32_t index, std::span<const uint8_t> data)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::StatusOr<NvIndex> nv = NvIndex::Open(*esys_, index);
    if (absl::IsNotFound(nv.status())) {
      ASSIGN_OR_RETURN(
          NvIndex defined,
          NvIndex::Define(*esys_, index, static_cast<uint16_t>(data.size())));
      return defined.Write(data);
    }
    RETURN_IF_ERROR(nv.status());
    return nv->Write(data);
  }

  absl::StatusOr<std::vector<PcrValue>> ReadPcrs(uint32_t mask)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ReadPcrsFrom(*esys_, mask);
  }

  absl::StatusOr<AttestationKeyInfo> AttestationKey()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(EnsureKey());
    AttestationKeyInfo info{.public_area = key_.public_area, .name = {}};
    ASSIGN_OR_RETURN(info.name, NameOf(key_.public_area));
    return info;
  }

  absl::StatusOr<TpmQuote> Quote(std::span<const uint8_t> qualifying_data,
                                 uint32_t mask)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(EnsureKey());
    const ESYS_TR key =
        persistent_ != ESYS_TR_NONE ? persistent_ : key_.handle.get();
    return QuoteWith(*esys_, key, qualifying_data, mask);
  }

  // A vendor command: request and answer lie in an NV index, which is made for
  // it and removed again, also after a failure.
  absl::StatusOr<Bytes> RunNsmRequest(std::span<const uint8_t> request,
                                      uint16_t buffer_size)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (uint32_t i = 0; i < kNsmIndexTries; ++i) {
      const uint32_t index = kFirstNsmIndex + i;
      absl::StatusOr<NvIndex> nv = NvIndex::Define(*esys_, index, buffer_size);
      if (absl::IsAlreadyExists(nv.status())) {
        continue;  // another process's
      }
      RETURN_IF_ERROR(nv.status());
      const absl::Cleanup remove = [&] {
        if (absl::Status status = nv->Undefine(); !status.ok()) {
          spdlog::warn("event=nsm-index-left index={:#x} reason=\"{}\"", index,
                       Message(status));
        }
      };
      RETURN_IF_ERROR(nv->Write(request));
      RETURN_IF_ERROR(SendNsmCommand(index));
      return nv->Read();
    }
    return Unavailable("NSM request: no free NV index");
  }

 private:
  static const absl::Status& StatusOf(const absl::Status& status) {
    return status;
  }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

  // A persistent key stays in the TPM; only our handle of it is closed.
  void ForgetKey() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (persistent_ != ESYS_TR_NONE && esys_ != nullptr) {
      (void)Esys_TR_Close(esys_->get(), &persistent_);
    }
    key_ = {};
  }

  // Which key the platform's vendor vouches for differs: made from our
  // template, from one in NV (GCP), or there already (Azure).
  absl::Status EnsureKey() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!key_.public_area.empty()) {
      return absl::OkStatus();
    }
    if (const auto* persistent = std::get_if<PersistentKey>(&choice_)) {
      return OpenPersistentKey(persistent->handle);
    }
    TPM2B_PUBLIC key_template = AkTemplate();
    if (const auto* kept = std::get_if<TemplateKey>(&choice_)) {
      ASSIGN_OR_RETURN(const Bytes bytes, ReadNv(kept->nv_index));
      ASSIGN_OR_RETURN(key_template, TemplateOf(bytes));
    }
    ASSIGN_OR_RETURN(key_, CreateEndorsementPrimary(*esys_, key_template));
    return absl::OkStatus();
  }

  absl::Status OpenPersistentKey(uint32_t handle)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const TSS2_RC found =
        Esys_TR_FromTPMPublic(esys_->get(), handle, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, &persistent_);
    if ((found & (TPM2_RC_FMT1 | 0x3fU)) == TPM2_RC_HANDLE) {
      persistent_ = ESYS_TR_NONE;
      return NotFound(fmt::format("key {:#010x}: not in this TPM", handle));
    }
    RETURN_IF_ERROR(TssStatus(found, "TPM2_ReadPublic"));
    TPM2B_PUBLIC* area = nullptr;
    TPM2B_NAME* name = nullptr;
    TPM2B_NAME* qualified_name = nullptr;
    RETURN_IF_ERROR(TssStatus(
        Esys_ReadPublic(esys_->get(), persistent_, ESYS_TR_NONE, ESYS_TR_NONE,
                        ESYS_TR_NONE, &area, &name, &qualified_name),
        "TPM2_ReadPublic"));
    const EsysPtr<TPM2B_PUBLIC> owned(area);
    const EsysPtr<TPM2B_NAME> owned_name(name);
    const EsysPtr<TPM2B_NAME> owned_qualified(qualified_name);
    ASSIGN_OR_RETURN(key_.public_area, MarshalPublic(owned->publicArea));
    return absl::OkStatus();
  }

  // tpm2-tss does not know the command: it is put together here and sent
  // through the context's own transport. Handles: the authority and the index;
  // one password session with an empty password; no parameters.
  absl::Status SendNsmCommand(uint32_t index)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Bytes command;
    const auto append = [&command](uint32_t number, size_t octets) {
      for (size_t i = octets; i-- > 0;) {
        command.push_back(static_cast<uint8_t>(number >> (8 * i)));
      }
    };
    constexpr uint32_t kCommandSize =
        10 + 2 * 4 + 4 + kPasswordSessionSize;  // header, handles, sessions
    append(TPM2_ST_SESSIONS, 2);
    append(kCommandSize, 4);
    append(kNsmCommand, 4);
    append(index, 4);
    append(index, 4);
    append(kPasswordSessionSize, 4);
    append(TPM2_RS_PW, 4);
    append(0, 2);  // nonce
    append(0, 1);  // attributes
    append(0, 2);  // password
    TSS2_TCTI_CONTEXT* tcti = nullptr;
    RETURN_IF_ERROR(TssStatus(Esys_GetTcti(esys_->get(), &tcti), "GetTcti"));
    RETURN_IF_ERROR(
        TssStatus(Tss2_Tcti_Transmit(tcti, command.size(), command.data()),
                  "NSM request"));
    std::array<uint8_t, 4096> response{};
    size_t size = response.size();
    RETURN_IF_ERROR(TssStatus(Tss2_Tcti_Receive(tcti, &size, response.data(),
                                                TSS2_TCTI_TIMEOUT_BLOCK),
                              "NSM request"));
    BigEndianReader reader(std::span<const uint8_t>(response).first(
        std::min(size, response.size())));
    RETURN_IF_ERROR(reader.Read<uint16_t>("response tag").status());
    RETURN_IF_ERROR(reader.Read<uint32_t>("response size").status());
    ASSIGN_OR_RETURN(const uint32_t code,
                     reader.Read<uint32_t>("response code"));
    // Of the TPM, or of the kernel's resource manager.
    if ((code & ~TSS2_RC_LAYER_MASK) == TPM2_RC_COMMAND_CODE) {
      return NotFound(
          "NSM request: this TPM, or the kernel before it, does not know it");
    }
    return TssStatus(code, "NSM request");
  }

  absl::Mutex mutex_;
  const std::string tcti_;
  const AttestationKeyChoice choice_;
  std::unique_ptr<EsysContext> esys_ ABSL_GUARDED_BY(mutex_);
  // The key, once it was used: `handle` if it was created, `persistent_` if it
  // lives in the TPM.
  PrimaryKey key_ ABSL_GUARDED_BY(mutex_);
  ESYS_TR persistent_ ABSL_GUARDED_BY(mutex_) = ESYS_TR_NONE;
};

absl::StatusOr<std::unique_ptr<GuestTpm>> GuestTpm::Open(
    const std::string& tcti, AttestationKeyChoice key) {
  ASSIGN_OR_RETURN(std::unique_ptr<EsysContext> esys, EsysContext::Open(tcti));
  return std::unique_ptr<GuestTpm>(
      new GuestTpm(std::make_unique<Impl>(tcti, key, std::move(esys))));
}

GuestTpm::GuestTpm(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GuestTpm::~GuestTpm() = default;

// Run() holds the mutex while it calls these.

absl::StatusOr<Bytes> GuestTpm::ReadNv(uint32_t index) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.ReadNv(index);
  });
}

absl::Status GuestTpm::WriteNv(uint32_t index, std::span<const uint8_t> data) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.WriteNv(index, data);
  });
}

absl::StatusOr<std::vector<PcrValue>> GuestTpm::ReadPcrs(uint32_t mask) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.ReadPcrs(mask);
  });
}

absl::StatusOr<AttestationKeyInfo> GuestTpm::AttestationKey() {
  return impl_->Run([](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.AttestationKey();
  });
}

absl::StatusOr<TpmQuote> GuestTpm::Quote(
    std::span<const uint8_t> qualifying_data, uint32_t mask) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.Quote(qualifying_data, mask);
  });
}

absl::StatusOr<Bytes> GuestTpm::RunNsmRequest(std::span<const uint8_t> request,
                                              uint16_t buffer_size) {
  return impl_->Run([&](Impl& impl) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return impl.RunNsmRequest(request, buffer_size);
  });
}

}  // namespace constellation::attestation
