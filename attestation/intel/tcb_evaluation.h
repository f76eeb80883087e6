// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TCB_EVALUATION_H_
#define CONSTELLATION_ATTESTATION_INTEL_TCB_EVALUATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/intel/report_body.h"
#include "attestation/intel/tcb_info.h"
#include "attestation/intel/tcb_status.h"

namespace constellation::attestation {

// A level that was reached.
struct ReachedTcbLevel {
  size_t index = 0;  // in the TCB info; 0 is the newest
  TcbStatus status{};
  absl::Time tcb_date;
};

// What Intel's TCB info and enclave identity say about one quote. Plain values.
struct TcbEvaluation {
  // The outcome; kNotSupported if no level was reached.
  TcbStatus status = TcbStatus::kNotSupported;
  // The first level whose SGX components and PCESVN the platform reaches; and
  // (TDX only) the first one whose TDX components it reaches as well.
  std::optional<ReachedTcbLevel> sgx_level;
  std::optional<ReachedTcbLevel> tdx_level;
  // TDX: "TDX_03", or "tdxModule" for a module of version 0, which has no
  // status of its own.
  std::string module_id;
  std::optional<TcbStatus> module_status;
  std::optional<TcbStatus> qe_status;
  // What is known against the reached levels of platform, module and QE.
  std::vector<std::string> advisories;
  std::vector<std::string> module_advisories;
  std::vector<std::string> qe_advisories;

  // Single comparisons, for rows: OK or UNAUTHENTICATED with both values.
  absl::Status tee;
  absl::Status fmspc;
  absl::Status pce_id;
  absl::Status tdx_module;
  absl::Status qe_identity;

  // The level that decides: TDX's for a TD, else SGX's.
  const std::optional<ReachedTcbLevel>& platform_level(bool tdx) const {
    return tdx ? tdx_level : sgx_level;
  }
};

// What is evaluated. All of it must have been authenticated, or the result
// means nothing.
struct TcbSubject {
  const PckExtension& pck;
  const EnclaveReport& qe_report;
  const TdReport* td_report = nullptr;  // null for SGX
};

// Intel's algorithm ("Intel SGX and TDX PCS API", "Determining the TCB status
// of a TDX TEE" and of SGX): steps 1 to 7 of it, every one also after another
// failed. Dates and signatures are not looked at. Pure.
TcbEvaluation EvaluateTcb(const TcbInfo& tcb_info,
                          const EnclaveIdentity& enclave_identity,
                          const TcbSubject& subject);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_TCB_EVALUATION_H_
