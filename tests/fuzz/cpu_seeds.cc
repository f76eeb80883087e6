// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/http_transport.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/tcb_info.h"
#include "attestation/issuer/azure_guest.h"
#include "attestation/issuer/nsm_messages.h"
#include "attestation/snp/certificate_table.h"
#include "attestation/snp/id_block.h"
#include "attestation/snp/snp_report.h"
#include "attestation/tdx/td_report_struct.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/testing/test_keys.h"
#include "common/status.h"
#include "crypto/hash.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using namespace attestation;  // NOLINT(build/namespaces): the parsers
using testing::IntelSigner;
using testing::IntelTestBody;
using testing::IntelTestQuote;
using testing::SnpSigner;
using testing::SnpTestLeafKind;
using testing::SnpTestProduct;
using testing::SnpTestReport;

// The kernel's MSG_REPORT_RSP around a report.
Bytes ReportResponse(const Bytes& report) {
  Bytes response(32, 0);
  response[4] = static_cast<uint8_t>(report.size());
  response[5] = static_cast<uint8_t>(report.size() >> 8U);
  response.insert(response.end(), report.begin(), report.end());
  return response;
}

void AddSnp(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_snp_report_fuzz";
  const SnpSigner& signer = SnpSigner::For(SnpTestProduct::kMilan);
  const auto add = [&](std::string_view name, const Bytes& report) {
    Add(seeds, kTarget, name, report,
        SnpReportUnverified::Parse(report).status());
  };
  const testing::SnpTestEvidence made = signer.Make();
  add("version3", made.report);
  add("version2", signer.SignReport({.version = 2}));
  add("version5", signer.SignReport({.version = 5}));
  add("vlek", signer.SignReport({}, SnpTestLeafKind::kVlek));
  const Bytes response = ReportResponse(made.report);
  Add(seeds, kTarget, "response", response,
      UnwrapSnpReportResponse(response).status());
  const testing::SnpTestIdEvidence id = testing::SignIdBlock({});
  Bytes block = id.id_block;
  block.insert(block.end(), id.id_auth.begin(), id.id_auth.end());
  Add(seeds, kTarget, "id_block", block,
      VerifySnpIdBlock(id.id_block, id.id_auth).status());

  const Bytes table =
      testing::SnpCertificateTable({{testing::kSnpVcekGuid, made.leaf},
                                    {testing::kSnpAskGuid, made.intermediate},
                                    {testing::kSnpArkGuid, made.ark},
                                    {testing::kSnpVlekGuid, made.crl}});
  Add(seeds, "attestation_certificate_table_fuzz", "four_entries", table,
      SnpCertificateTableUnverified::Parse(table).status());
  const Bytes short_table =
      testing::SnpCertificateTable({{testing::kSnpVcekGuid, made.leaf}});
  Add(seeds, "attestation_certificate_table_fuzz", "vcek", short_table,
      SnpCertificateTableUnverified::Parse(short_table).status());
}

// A TDREPORT_STRUCT that agrees with itself.
Bytes TdReportStruct(uint8_t version) {
  Bytes bytes(kTdReportStructSize);
  bytes[0] = 0x81;
  bytes[2] = version;
  const std::span<const uint8_t> all = bytes;
  std::ranges::copy(crypto::Sha384(all.subspan(256, 239)), bytes.begin() + 32);
  std::ranges::copy(crypto::Sha384(all.subspan(512, 512)), bytes.begin() + 80);
  return bytes;
}

void AddQuotes(std::vector<Seed>& seeds) {
  const IntelSigner& signer = IntelSigner::Get();
  const auto add = [&](std::string_view name, const IntelTestQuote& fields) {
    const Bytes quote = signer.MakeQuote(fields);
    Add(seeds, "attestation_intel_quote_fuzz", name, quote,
        ParseIntelQuoteUnverified(quote).status());
  };
  add("td10_version4", {});
  add("td10_version5", {.version = 5});
  add("td15_version5", {.version = 5, .body = IntelTestBody::kTd15});
  add("sgx_version3", {.version = 3, .body = IntelTestBody::kSgx});
  add("sgx_version4", {.body = IntelTestBody::kSgx});
  for (const uint8_t version : {uint8_t{0}, uint8_t{1}}) {
    const Bytes report = TdReportStruct(version);
    Add(seeds, "attestation_td_report_struct_fuzz",
        version == 0 ? "version0" : "version1", report,
        ParseTdReportStructUnverified(report).status());
  }
  for (const bool platform : {false, true}) {
    const Bytes pck = signer.MakePck({.platform_ca = platform});
    const auto certificate = crypto::Certificate::FromDer(pck);
    Add(seeds, "attestation_intel_pck_extension_fuzz",
        platform ? "platform" : "processor", pck,
        PckExtensionOf(*certificate).status());
    // The value alone, as the first function of the target reads it.
    for (const auto& extension : certificate->extensions()) {
      if (ParsePckExtension(extension.value).ok()) {
        Add(seeds, "attestation_intel_pck_extension_fuzz",
            platform ? "platform_value" : "processor_value",
            {extension.value.begin(), extension.value.end()}, absl::OkStatus());
      }
    }
  }
}

void AddIntelCollateral(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_intel_collateral_fuzz";
  const IntelSigner& signer = IntelSigner::Get();
  const auto tdx = signer.Make();
  // Both as documents with a signature, and what is inside of them.
  Add(seeds, kTarget, "tcb_document", TextBytes(tdx.tcb_info),
      TcbDocumentFactsUnverified(tdx.tcb_info).status());
  Add(seeds, kTarget, "identity_document", TextBytes(tdx.qe_identity),
      TcbDocumentFactsUnverified(tdx.qe_identity).status());
  for (const std::string& id : {std::string("TDX"), std::string("SGX")}) {
    const std::string info = testing::TcbInfoText({.id = id});
    Add(seeds, kTarget, id + "_tcb_info", TextBytes(info),
        ParseTcbInfoUnverified(info).status());
    const std::string identity =
        testing::IdentityText({.id = id == "TDX" ? "TD_QE" : "QE"});
    Add(seeds, kTarget, id + "_identity", TextBytes(identity),
        ParseEnclaveIdentityUnverified(identity).status());
  }
  Add(seeds, kTarget, "chain", TextBytes(tdx.tcb_signing_chain),
      ParseCertificatesUnverified(AsBytes(tdx.tcb_signing_chain)).status());
  Add(seeds, kTarget, "pck_crl", tdx.pck_crl,
      ParseCrlUnverified(tdx.pck_crl).status());
  const std::string hex =
      HexEncode(signer.MakeRootCrl({.revoked = {{1}, {2}}}));
  Add(seeds, kTarget, "crl_hex", TextBytes(hex),
      ParseCrlUnverified(AsBytes(hex)).status());
}

// A metadata service with one answer.
class OneAnswer final : public HttpTransport {
 public:
  explicit OneAnswer(std::string body) : body_(std::move(body)) {}
  absl::StatusOr<HttpResponse> Send(const HttpRequest& /*request*/) override {
    return HttpResponse{.status = 200, .headers = {}, .body = body_};
  }

 private:
  const std::string body_;
};

void AddGuestServices(std::vector<Seed>& seeds) {
  const SnpSigner& amd = SnpSigner::For(SnpTestProduct::kMilan);
  const std::string certificates =
      nlohmann::json(
          {{"vcekCert", testing::PemOf(amd.MakeLeaf({}))},
           {"tcbm", "DB18000000000004"},
           {"certificateChain", amd.ChainPem(SnpTestLeafKind::kVcek)}})
          .dump();
  OneAnswer thim(certificates);
  Add(seeds, "attestation_azure_guest_fuzz", "certificates",
      Chosen(0, AsBytes(certificates)),
      AzureMetadata(thim).SnpCertificates().status());
  const std::string quote =
      nlohmann::json(
          {{"quote", testing::Base64Url(IntelSigner::Get().MakeQuote())}})
          .dump();
  OneAnswer host(quote);
  Add(seeds, "attestation_azure_guest_fuzz", "quote", Chosen(1, AsBytes(quote)),
      AzureMetadata(host).TdQuote({}).status());

  using testing::CborWriter;
  const Bytes document = CborWriter()
                             .Map(1)
                             .Text("Attestation")
                             .Map(1)
                             .Text("document")
                             .Octets(testing::NitroBuilder().Build())
                             .Take();
  Add(seeds, "attestation_nsm_messages_fuzz", "document", document,
      DecodeNsmAnswer(document).status());
  const Bytes error =
      CborWriter().Map(1).Text("Error").Text("InvalidArgument").Take();
  Add(seeds, "attestation_nsm_messages_fuzz", "error", error,
      absl::IsInternal(DecodeNsmAnswer(error).status())
          ? absl::OkStatus()
          : InvalidArgument("not read as the module's error"));
}

}  // namespace

void AddCpuSeeds(std::vector<Seed>& seeds) {
  AddSnp(seeds);
  AddQuotes(seeds);
  AddIntelCollateral(seeds);
  AddGuestServices(seeds);
}

}  // namespace constellation::fuzz
