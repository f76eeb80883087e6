// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_evaluation.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Every component from `first` on is at least what the level wants.
bool Reaches(std::span<const uint8_t> got, std::span<const uint16_t> wanted,
             size_t first) {
  for (size_t i = first; i < wanted.size(); ++i) {
    if (got[i] < wanted[i]) {
      return false;
    }
  }
  return true;
}

template <size_t kSize>
absl::Status ExpectEqual(std::string_view field,
                         const std::array<uint8_t, kSize>& expected,
                         const std::array<uint8_t, kSize>& got) {
  if (expected == got) {
    return absl::OkStatus();
  }
  return Unauthenticated(fmt::format("{}: want {}, got {}", field,
                                     HexEncode(expected), HexEncode(got)));
}

// Equal where the mask has ones. Intel's values have zeros elsewhere.
template <size_t kSize>
absl::Status ExpectMasked(std::string_view field,
                          const std::array<uint8_t, kSize>& expected,
                          const std::array<uint8_t, kSize>& mask,
                          const std::array<uint8_t, kSize>& got) {
  for (size_t i = 0; i < kSize; ++i) {
    if ((got[i] & mask[i]) != expected[i]) {
      return Unauthenticated(fmt::format("{}: want {} under mask {}, got {}",
                                         field, HexEncode(expected),
                                         HexEncode(mask), HexEncode(got)));
    }
  }
  return absl::OkStatus();
}

// The module is Intel's and of the kind that the TCB info was made for.
absl::Status CheckModule(const TdxModule& module, const TdReport& report) {
  RETURN_IF_ERROR(
      ExpectEqual("MRSIGNERSEAM", module.mr_signer, report.mr_signer_seam));
  return ExpectMasked("SEAM attributes", module.attributes,
                      module.attributes_mask, report.seam_attributes);
}

// Step 3 without the SVN, which decides the QE's status only.
absl::Status CheckQeIdentity(const EnclaveIdentity& identity,
                             const EnclaveReport& report) {
  RETURN_IF_ERROR(ExpectMasked("MISCSELECT", identity.misc_select,
                               identity.misc_select_mask, report.misc_select));
  RETURN_IF_ERROR(ExpectMasked("attributes", identity.attributes,
                               identity.attributes_mask, report.attributes));
  RETURN_IF_ERROR(
      ExpectEqual("MRSIGNER", identity.mr_signer, report.mr_signer));
  if (report.isv_prod_id != identity.isv_prod_id) {
    return Unauthenticated(fmt::format("ISVPRODID: want {}, got {}",
                                       identity.isv_prod_id,
                                       report.isv_prod_id));
  }
  return absl::OkStatus();
}

// The three statuses whose cure is a BIOS setting.
bool NeedsConfiguration(TcbStatus status) {
  return status == TcbStatus::kConfigurationNeeded ||
         status == TcbStatus::kConfigurationAndSwHardeningNeeded ||
         status == TcbStatus::kOutOfDateConfigurationNeeded;
}

// The two statuses whose cure is an update.
bool IsOutOfDate(TcbStatus status) {
  return status == TcbStatus::kOutOfDate ||
         status == TcbStatus::kOutOfDateConfigurationNeeded;
}

// The identity of a module's major version, by Intel's naming.
const TdxModuleIdentity* FindModule(const TcbInfo& info, uint8_t version) {
  const std::string id = fmt::format("TDX_{:02X}", version);
  for (const TdxModuleIdentity& identity : info.tdx_module_identities) {
    if (identity.id == id ||
        identity.id == fmt::format("TDX_{:02x}", version)) {
      return &identity;
    }
  }
  return nullptr;
}

// One run of the algorithm.
class Evaluator final {
 public:
  Evaluator(const TcbInfo& info, const EnclaveIdentity& identity,
            const TcbSubject& subject)
      : info_(info), identity_(identity), subject_(subject) {}

  TcbEvaluation Run() {
    CheckIdentifiers();  // step 1
    CheckTdxModule();    // step 2
    CheckQe();           // step 3
    FindLevels();        // step 4
    TcbStatus status = result_.platform_level(is_tdx()).has_value()
                           ? result_.platform_level(is_tdx())->status
                           : TcbStatus::kNotSupported;
    if (result_.module_status.has_value()) {  // step 5
      status = MergeTcbStatus(status, *result_.module_status);
    }
    status = AdviseRelaunch(status);                      // step 6
    result_.status = MergeTcbStatus(status, QeStatus());  // step 7
    if (!result_.tee.ok() || !result_.fmspc.ok() || !result_.pce_id.ok() ||
        !result_.tdx_module.ok() || !result_.qe_identity.ok()) {
      result_.status = TcbStatus::kNotSupported;
    }
    return std::move(result_);
  }

 private:
  bool is_tdx() const { return subject_.td_report != nullptr; }

  // Collateral of another platform or TEE would compare numbers that mean
  // something else.
  void CheckIdentifiers() {
    const IntelTee tee = is_tdx() ? IntelTee::kTdx : IntelTee::kSgx;
    const EnclaveKind kind = is_tdx() ? EnclaveKind::kTdQe : EnclaveKind::kQe;
    if (info_.tee != tee || identity_.kind != kind) {
      result_.tee = Unauthenticated(fmt::format(
          "want TCB info {} with enclave identity {}, got {} with {}",
          ToString(tee), ToString(kind), ToString(info_.tee),
          ToString(identity_.kind)));
    }
    result_.fmspc = ExpectEqual("FMSPC", subject_.pck.fmspc, info_.fmspc);
    result_.pce_id = ExpectEqual("PCE-ID", subject_.pck.pce_id, info_.pce_id);
  }

  // The second octet of the TCB SVN is the module's major version; from 1 on
  // each has an identity with levels of its own.
  void CheckTdxModule() {
    if (!is_tdx()) {
      return;
    }
    const TdReport& report = *subject_.td_report;
    const uint8_t version = report.tee_tcb_svn[1];
    if (version == 0) {
      result_.module_id = "tdxModule";
      result_.tdx_module =
          info_.tdx_module.has_value()
              ? CheckModule(*info_.tdx_module, report)
              : Unauthenticated("the TCB info describes no TDX module");
      return;
    }
    result_.module_id = fmt::format("TDX_{:02X}", version);
    const TdxModuleIdentity* identity = FindModule(info_, version);
    if (identity == nullptr) {
      result_.tdx_module = Unauthenticated(
          fmt::format("the TCB info does not know {}", result_.module_id));
      return;
    }
    result_.tdx_module = CheckModule(identity->module, report);
    const IsvSvnLevel* level =
        FindIsvSvnLevel(identity->levels, report.tee_tcb_svn[0]);
    result_.module_status =
        level == nullptr ? TcbStatus::kNotSupported : level->status;
    if (level != nullptr) {
      result_.module_advisories = level->advisories;
    }
  }

  // The quoting enclave signs everything else, so its own level counts as the
  // platform's.
  void CheckQe() {
    result_.qe_identity = CheckQeIdentity(identity_, subject_.qe_report);
    const IsvSvnLevel* level =
        FindIsvSvnLevel(identity_.levels, subject_.qe_report.isv_svn);
    result_.qe_status =
        level == nullptr ? TcbStatus::kNotSupported : level->status;
    if (level != nullptr) {
      result_.qe_advisories = level->advisories;
    }
  }

  // Below every level is NotSupported, which no policy accepts.
  TcbStatus QeStatus() const {
    return result_.qe_status.value_or(TcbStatus::kNotSupported);
  }

  // Levels are listed highest first, so the first one that is reached counts.
  void FindLevels() {
    for (size_t i = 0; i < info_.levels.size(); ++i) {
      const TcbLevel& level = info_.levels[i];
      if (!Reaches(subject_.pck.components, level.sgx_svns, 0) ||
          subject_.pck.pce_svn < level.pce_svn) {
        continue;
      }
      const ReachedTcbLevel reached = {
          .index = i, .status = level.status, .tcb_date = level.tcb_date};
      if (!result_.sgx_level.has_value()) {
        result_.sgx_level = reached;
      }
      if (is_tdx() && !ReachesTdx(level)) {
        continue;
      }
      if (is_tdx()) {
        result_.tdx_level = reached;
      }
      result_.advisories = level.advisories;
      return;
    }
  }

  // Components of TEE_TCB_SVN, as the TDX module reports them.
  bool ReachesTdx(const TcbLevel& level) const {
    const IntelSvns& svns = subject_.td_report->tee_tcb_svn;
    // With a module version of its own, the first two say which module it is.
    return Reaches(svns, level.tdx_svns, svns[1] > 0 ? 2 : 0);
  }

  // A TD that was launched under an old module which has been replaced since:
  // launching it again is all it needs.
  TcbStatus AdviseRelaunch(TcbStatus status) const {
    if (!is_tdx() || !subject_.td_report->tee_tcb_svn_2.has_value() ||
        !IsOutOfDate(status) || !result_.sgx_level.has_value() ||
        result_.module_status != TcbStatus::kOutOfDate ||
        QeStatus() != TcbStatus::kUpToDate) {
      return status;
    }
    const TcbStatus sgx = result_.sgx_level->status;
    if (sgx > TcbStatus::kConfigurationAndSwHardeningNeeded ||
        !RunsNewestModule(*subject_.td_report->tee_tcb_svn_2)) {
      return status;
    }
    return NeedsConfiguration(sgx) || NeedsConfiguration(status)
               ? TcbStatus::kTdRelaunchAdvisedConfigurationNeeded
               : TcbStatus::kTdRelaunchAdvised;
  }

  // Compares the module that runs now with the newest one that Intel knows of
  // the same version; for version 0 the newest level's components say it.
  bool RunsNewestModule(const IntelSvns& running) const {
    const TcbLevel& newest = info_.levels.front();
    if (running[2] < newest.tdx_svns[2]) {
      return false;
    }
    if (running[1] == 0) {
      return running[0] >= newest.tdx_svns[0];
    }
    const TdxModuleIdentity* identity = FindModule(info_, running[1]);
    return identity != nullptr && !identity->levels.empty() &&
           running[0] >= identity->levels.front().isv_svn;
  }

  const TcbInfo& info_;
  const EnclaveIdentity& identity_;
  const TcbSubject& subject_;
  TcbEvaluation result_;
};

}  // namespace

// Intel's published algorithm ("Get TCB Info", determining the TCB status), its
// steps numbered as in Evaluator::Run().
TcbEvaluation EvaluateTcb(const TcbInfo& tcb_info,
                          const EnclaveIdentity& enclave_identity,
                          const TcbSubject& subject) {
  return Evaluator(tcb_info, enclave_identity, subject).Run();
}

}  // namespace constellation::attestation
