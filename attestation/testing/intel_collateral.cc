// SPDX-License-Identifier: Apache-2.0
// The texts of Intel's collateral (PCS API v4), member by member in its order.
#include <fmt/format.h>

#include "attestation/testing/intel_signer.h"

namespace constellation::testing {
namespace {

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Join(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ","));
}

std::string Advisories(const std::vector<std::string>& ids) {
  if (ids.empty()) {
    return "";
  }
  return fmt::format(R"(,"advisoryIDs":["{}"])", fmt::join(ids, R"(",")"));
}

std::string Components(const Svns& svns) {
  std::vector<std::string> parts;
  for (const uint8_t svn : svns) {
    parts.push_back(fmt::format(R"({{"svn":{}}})", svn));
  }
  return Join(parts);
}

std::string SvnLevels(const std::vector<IntelTestSvnLevel>& levels) {
  std::vector<std::string> parts;
  for (const IntelTestSvnLevel& level : levels) {
    parts.push_back(fmt::format(
        R"({{"tcb":{{"isvsvn":{}}},"tcbDate":"2023-08-09T00:00:00Z",)"
        R"("tcbStatus":"{}"{}}})",
        level.isv_svn, level.status, Advisories(level.advisories)));
  }
  return Join(parts);
}

std::string TcbLevels(const IntelTestTcbInfo& info) {
  std::vector<std::string> parts;
  for (const IntelTestTcbLevel& level : info.levels) {
    const std::string tdx =
        info.id == "TDX"
            ? fmt::format(R"(,"tdxtcbcomponents":[{}])", Components(level.tdx))
            : "";
    parts.push_back(
        fmt::format(R"({{"tcb":{{"sgxtcbcomponents":[{}],"pcesvn":{}{}}},)"
                    R"("tcbDate":"2023-08-09T00:00:00Z","tcbStatus":"{}"{}}})",
                    Components(level.sgx), level.pce_svn, tdx, level.status,
                    Advisories(level.advisories)));
  }
  return Join(parts);
}

std::string ModuleMembers(const crypto::Sha384Digest& mr_signer) {
  return fmt::format(R"("mrsigner":"{}","attributes":"0000000000000000",)"
                     R"("attributesMask":"FFFFFFFFFFFFFFFF")",
                     HexEncode(mr_signer));
}

// What TDX has in front of the levels.
std::string TdxMembers(const IntelTestTcbInfo& info) {
  if (info.id != "TDX") {
    return "";
  }
  std::vector<std::string> parts;
  for (const IntelTestModule& module : info.modules) {
    parts.push_back(fmt::format(R"({{"id":"{}",{},"tcbLevels":[{}]}})",
                                module.id, ModuleMembers(module.mr_signer),
                                SvnLevels(module.levels)));
  }
  return fmt::format(R"("tdxModule":{{{}}},"tdxModuleIdentities":[{}],)",
                     ModuleMembers(info.module_mr_signer), Join(parts));
}

}  // namespace

std::string TcbInfoText(const IntelTestTcbInfo& info) {
  return fmt::format(
      R"({{"id":"{}","version":3,"issueDate":"{}","nextUpdate":"{}",)"
      R"("fmspc":"{}","pceId":"{}","tcbType":0,"tcbEvaluationDataNumber":{},)"
      R"({}"tcbLevels":[{}]}})",
      info.id, TimeText(info.issue_date), TimeText(info.next_update),
      HexEncode(info.fmspc), HexEncode(info.pce_id), info.evaluation_number,
      TdxMembers(info), TcbLevels(info));
}

std::string IdentityText(const IntelTestIdentity& identity) {
  return fmt::format(
      R"({{"id":"{}","version":2,"issueDate":"{}","nextUpdate":"{}",)"
      R"("tcbEvaluationDataNumber":{},"miscselect":"{}",)"
      R"("miscselectMask":"{}","attributes":"{}","attributesMask":"{}",)"
      R"("mrsigner":"{}","isvprodid":{},"tcbLevels":[{}]}})",
      identity.id, TimeText(identity.issue_date),
      TimeText(identity.next_update), identity.evaluation_number,
      identity.misc_select, identity.misc_select_mask, identity.attributes,
      identity.attributes_mask, HexEncode(identity.mr_signer),
      identity.isv_prod_id, SvnLevels(identity.levels));
}

}  // namespace constellation::testing
