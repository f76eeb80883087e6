// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/intel/collateral_json.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/report_body.h"
#include "attestation/intel/tcb_info.h"
#include "attestation/tdx/td_report_struct.h"
#include "cli/attestation/shown.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using attestation::EnclaveReport;
using attestation::IntelQuoteUnverified;
using attestation::IsvSvnLevel;
using attestation::TcbLevel;
using attestation::TdReport;
using Octets = std::span<const uint8_t>;

// TDREPORT body (Intel TDX DCAP, TD quote body). Attribute bits that decide
// over trust, debug above all, are spelt out.
void AddTdReport(const TdReport& report, ShownPart& part) {
  part.Hex("TEE TCB SVN", report.tee_tcb_svn)
      .Hex("MRSEAM", report.mr_seam)
      .Hex("MRSIGNERSEAM", report.mr_signer_seam)
      .Hex("SEAM attributes", report.seam_attributes)
      .HexNumber("TD attributes", report.td_attributes)
      .YesNo("debug", report.debug())
      .YesNo("SEPT_VE_DISABLE",
             (report.td_attributes & TdReport::kSeptVeDisable) != 0)
      .YesNo("migratable", (report.td_attributes & TdReport::kMigratable) != 0)
      .HexNumber("XFAM", report.xfam)
      .Hex("MRTD", report.mr_td)
      .Hex("MRCONFIGID", report.mr_config_id)
      .Hex("MROWNER", report.mr_owner)
      .Hex("MROWNERCONFIG", report.mr_owner_config);
  for (size_t i = 0; i < report.rtmr.size(); ++i) {
    part.Hex(fmt::format("RTMR{}", i), report.rtmr[i]);
  }
  part.Hex("report data", report.report_data);
  if (report.tee_tcb_svn_2.has_value()) {
    part.Hex("TEE TCB SVN 2", *report.tee_tcb_svn_2);
  }
  if (report.mr_service_td.has_value()) {
    part.Hex("MRSERVICETD", *report.mr_service_td);
  }
}

// REPORT body of an enclave (Intel SDM Vol. 3D, REPORT structure).
void AddEnclaveReport(const EnclaveReport& report, ShownPart& part) {
  part.Hex("CPUSVN", report.cpu_svn)
      .Hex("MISCSELECT", report.misc_select)
      .Hex("attributes", report.attributes)
      .YesNo("debug", report.debug())
      .Hex("MRENCLAVE", report.mr_enclave)
      .Hex("MRSIGNER", report.mr_signer)
      .Number("ISVPRODID", report.isv_prod_id)
      .Number("ISVSVN", report.isv_svn)
      .Hex("report data", report.report_data);
}

// Parsing the quote has checked the body's length; a body that does not parse
// leaves an empty part.
void AddBody(const IntelQuoteUnverified& quote, Decoded& decoded) {
  ShownPart& part = decoded.Add("body");
  if (quote.tee == attestation::IntelTee::kTdx) {
    if (const auto td = attestation::ParseTdReportUnverified(quote.body);
        td.ok()) {
      AddTdReport(*td, part);
    }
    return;
  }
  if (const auto enclave =
          attestation::ParseEnclaveReportUnverified(quote.body);
      enclave.ok()) {
    AddEnclaveReport(*enclave, part);
  }
}

// "INTEL-SA-00615, INTEL-SA-00657".
std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

// Component SVNs in their order, 16 of them.
std::string SvnText(std::span<const uint16_t> svns) {
  std::string text;
  for (const uint16_t svn : svns) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", svn);
  }
  return text;
}

// Levels of a module or enclave, highest first as the document has them.
void AddIsvLevels(const std::vector<IsvSvnLevel>& levels, std::string_view name,
                  ShownPart& part) {
  for (const IsvSvnLevel& level : levels) {
    part.Text(fmt::format("{} ISVSVN {}", name, level.isv_svn),
              fmt::format("{}, {}{}{}", ToString(level.status),
                          ShownTime(level.tcb_date),
                          level.advisories.empty() ? "" : ", ",
                          Joined(level.advisories)));
  }
}

}  // namespace

Decoded ShowIntelQuote(Octets bytes) {
  Decoded decoded;
  const auto quote = attestation::ParseIntelQuoteUnverified(bytes);
  if (!quote.ok()) {
    decoded.problem = quote.status();
    return decoded;
  }
  decoded.Add("quote")
      .Number("version", quote->version)
      .Text("TEE", ToString(quote->tee))
      .Number("attestation key type", quote->attestation_key_type)
      .Number("QE SVN", quote->qe_svn)
      .Number("PCE SVN", quote->pce_svn)
      .Hex("QE vendor", quote->qe_vendor)
      .Hex("user data", quote->user_data)
      .Number("body type", static_cast<uint64_t>(quote->body_type))
      .Hex("signature", quote->signature)
      .Hex("attestation key", quote->attestation_key)
      .Hex("QE report signature", quote->qe_report_signature)
      .Hex("QE authentication data", quote->qe_auth_data)
      .Number("certification data type", quote->certification_type)
      .Number("certification data size", quote->certification_data.size())
      .Number("octets behind the quote", quote->trailing.size());
  AddBody(*quote, decoded);
  if (const auto qe =
          attestation::ParseEnclaveReportUnverified(quote->qe_report);
      qe.ok()) {
    AddEnclaveReport(*qe, decoded.Add("quoting enclave"));
  }
  const bool has_certificates =
      quote->certification_type == attestation::kPckCertificateChain ||
      quote->certification_type == attestation::kPckLeafCertificate;
  if (!has_certificates) {
    decoded.Add("certification data").Hex("data", quote->certification_data);
    return decoded;
  }
  const auto certificates =
      attestation::ParseCertificatesUnverified(quote->certification_data);
  if (!certificates.ok()) {
    decoded.problem = certificates.status();
    return decoded;
  }
  for (const crypto::Certificate& certificate : *certificates) {
    AddCertificate("certificate in the quote", certificate.der(), decoded);
  }
  return decoded;
}

Decoded ShowTdReport(Octets bytes) {
  Decoded decoded;
  const auto report = attestation::ParseTdReportStructUnverified(bytes);
  if (!report.ok()) {
    decoded.problem = report.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("TDREPORT");
  part.Number("type", report->type)
      .Number("subtype", report->subtype)
      .Number("version", report->version)
      .Hex("CPUSVN", report->cpu_svn)
      .Hex("hash of TEE_TCB_INFO", report->tee_tcb_info_hash)
      .Hex("hash of TDINFO", report->td_info_hash);
  AddTdReport(report->report, part);
  return decoded;
}

// Shows the levels, too: which of them a platform has depends on its SVNs and
// is for the verifier.
Decoded ShowTcbInfo(Octets bytes) {
  Decoded decoded;
  const auto document =
      attestation::ParseSignedJsonUnverified(AsText(bytes), "tcbInfo");
  if (!document.ok()) {
    decoded.problem = document.status();
    return decoded;
  }
  const auto info = attestation::ParseTcbInfoUnverified(document->body);
  if (!info.ok()) {
    decoded.problem = info.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("TCB info");
  part.Number("version", info->version)
      .Text("TEE", ToString(info->tee))
      .Time("issued", info->issue_date)
      .Time("next update", info->next_update)
      .Hex("FMSPC", info->fmspc)
      .Hex("PCE-ID", info->pce_id)
      .Number("TCB evaluation data number", info->evaluation_data_number)
      .Hex("signature", document->signature);
  for (const attestation::TdxModuleIdentity& identity :
       info->tdx_module_identities) {
    AddIsvLevels(identity.levels, identity.id, part);
  }
  for (size_t i = 0; i < info->levels.size(); ++i) {
    const TcbLevel& level = info->levels[i];
    ShownPart& shown = decoded.Add(fmt::format("TCB level {}", i));
    shown.Text("status", ToString(level.status))
        .Time("date", level.tcb_date)
        .Text("SGX components", SvnText(level.sgx_svns))
        .Number("PCE SVN", level.pce_svn);
    if (info->tee == attestation::IntelTee::kTdx) {
      shown.Text("TDX components", SvnText(level.tdx_svns));
    }
    shown.Text("advisories", Joined(level.advisories));
  }
  return decoded;
}

Decoded ShowEnclaveIdentity(Octets bytes) {
  Decoded decoded;
  const auto document =
      attestation::ParseSignedJsonUnverified(AsText(bytes), "enclaveIdentity");
  if (!document.ok()) {
    decoded.problem = document.status();
    return decoded;
  }
  const auto identity =
      attestation::ParseEnclaveIdentityUnverified(document->body);
  if (!identity.ok()) {
    decoded.problem = identity.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("enclave identity");
  part.Text("enclave", ToString(identity->kind))
      .Time("issued", identity->issue_date)
      .Time("next update", identity->next_update)
      .Number("TCB evaluation data number", identity->evaluation_data_number)
      .Hex("MISCSELECT", identity->misc_select)
      .Hex("MISCSELECT mask", identity->misc_select_mask)
      .Hex("attributes", identity->attributes)
      .Hex("attributes mask", identity->attributes_mask)
      .Hex("MRSIGNER", identity->mr_signer)
      .Number("ISVPRODID", identity->isv_prod_id)
      .Hex("signature", document->signature);
  AddIsvLevels(identity->levels, "level", part);
  return decoded;
}

}  // namespace constellation::cli
