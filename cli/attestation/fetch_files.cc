// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/fetch_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/azure/hcl_report.h"
#include "attestation/collateral/cloud_revocation.h"
#include "attestation/collateral/vendor_checks.h"
#include "attestation/gcp/instance_info.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/intel/quote.h"
#include "attestation/snp/snp_report.h"
#include "attestation/snp/snp_tcb.h"
#include "cli/attestation/chain_lists.h"
#include "cli/attestation/intel_selection.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using attestation::AmdKeyKind;
using attestation::CollateralEndpoints;
using attestation::CollateralFetcher;
using attestation::SnpProduct;
using attestation::SnpReportUnverified;
using Octets = std::span<const uint8_t>;

// Reports without CPUID are of Milan or Genoa.
std::vector<SnpProduct> ProductsOf(const SnpReportUnverified& report) {
  if (report.cpuid.has_value()) {
    if (const auto product = attestation::SnpProductFromCpuid(
            report.cpuid->family, report.cpuid->model)) {
      return {*product};
    }
  }
  return {SnpProduct::kMilan, SnpProduct::kGenoa};
}

// DER of all certificates at hand: what fits among them need not be fetched.
std::vector<Bytes> GivenCertificates(const EvidenceSet& set) {
  std::vector<Bytes> given;
  for (const SetCertificate& entry : set.certificates()) {
    given.push_back(entry.certificate.der());
  }
  return given;
}

// What all fetches of one call share. Refers to the caller's objects.
struct FetchJob {
  const EvidenceSet& set;
  const CollateralEndpoints& endpoints;
  CollateralFetcher& fetcher;
  const CloudRoots& roots;
};

// Asks AMD's key service for the chip and TCB that the report claims (AMD
// 57230). A false claim gains nothing: the certificate that comes back does not
// fit the signature then. Turin has hardware IDs of 8 octets, the others of 64.
// NOT_FOUND of one product leads to the next candidate; any other error ends
// the search, because a service that is down knows no product.
absl::StatusOr<FetchedFor> FetchSnp(const FetchJob& job,
                                    const std::string& file, Octets bytes) {
  constexpr size_t kTurinIdSize = 8;
  ASSIGN_OR_RETURN(const SnpReportUnverified report,
                   SnpReportUnverified::Parse(bytes));
  const std::vector<Bytes> given = GivenCertificates(job.set);
  absl::Status last;
  for (const SnpProduct product : ProductsOf(report)) {
    const size_t id_size =
        product == SnpProduct::kTurin ? kTurinIdSize : report.chip_id.size();
    attestation::SnpCollateralRequest request;
    request.product = product;
    request.kind = report.signing_key == attestation::SnpSigningKey::kVlek
                       ? AmdKeyKind::kVlek
                       : AmdKeyKind::kVcek;
    request.hardware_id =
        Bytes(report.chip_id.begin(),
              report.chip_id.begin() + static_cast<ptrdiff_t>(id_size));
    request.tcb = attestation::DecodeSnpTcb(report.reported_tcb, product);
    const auto got = attestation::FetchSnpCollateral(job.fetcher, job.endpoints,
                                                     request, given);
    if (got.ok()) {
      return FetchedFor{file,
                        fmt::format("{}, {}: {}, its chain, revocation list",
                                    ToString(product), ToString(request.tcb),
                                    ToString(report.signing_key))};
    }
    last = got.status();
    if (!absl::IsNotFound(last)) {
      break;
    }
  }
  return last;
}

// FMSPC and PCK CA come from the quote's own certificates, which are not
// verified here: they only choose the address. What is stored was verified by
// the fetcher against Intel's root.
absl::StatusOr<FetchedFor> FetchIntel(const FetchJob& job,
                                      const SetFile& file) {
  ASSIGN_OR_RETURN(const attestation::IntelQuoteUnverified quote,
                   attestation::ParseIntelQuoteUnverified(file.content));
  const Bytes further = PckChainFor(job.set);
  ASSIGN_OR_RETURN(
      const attestation::PckChainUnverified chain,
      attestation::ParsePckChainUnverified(quote.certification_type,
                                           quote.certification_data, further));
  ASSIGN_OR_RETURN(const attestation::PckExtension pck,
                   attestation::PckExtensionOf(chain.leaf));
  ASSIGN_OR_RETURN(const attestation::IntelTrustAnchors anchors,
                   attestation::IntelTrustAnchors::Create());
  const std::string name = chain.ca.SubjectCommonName().value_or("");
  // Intel's two PCK authorities publish a revocation list each.
  const auto ca = name.find("Processor") != std::string::npos
                      ? attestation::PckCa::kProcessor
                      : attestation::PckCa::kPlatform;
  RETURN_IF_ERROR(attestation::FetchIntelCollateral(job.fetcher, job.endpoints,
                                                    quote.tee, pck.fmspc, ca,
                                                    anchors)
                      .status());
  // For people who write policies; no verification needs them, and mirrors may
  // not have them.
  const bool numbers =
      job.fetcher
          .Get(attestation::EvaluationNumbersItem(job.endpoints, quote.tee),
               attestation::EvaluationNumbersCheck(anchors, quote.tee))
          .ok();
  return FetchedFor{
      file.name,
      fmt::format("{}, FMSPC {}: TCB info, QE identity, revocation lists{}",
                  ToString(quote.tee), HexEncode(pck.fmspc),
                  numbers ? ", evaluation data numbers" : "")};
}

// The lists that the certificates of `chain` name, counted.
absl::StatusOr<std::string> FetchLists(
    const FetchJob& job, attestation::CloudAuthority authority,
    const std::vector<crypto::Certificate>& chain,
    std::span<const crypto::Sha256Digest> roots) {
  const attestation::ChainCrls got = attestation::FetchChainCrls(
      job.fetcher, authority, chain, roots, attestation::CrlSources::kAll);
  RETURN_IF_ERROR(got.missing);
  return fmt::format("{} revocation list{}", got.lists.size(),
                     got.lists.size() == 1 ? "" : "s");
}

// The signer's certificates come with the document; lists do not.
absl::StatusOr<FetchedFor> FetchNitro(const FetchJob& job,
                                      const SetFile& file) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                   attestation::NitroChainUnverified(file.content));
  ASSIGN_OR_RETURN(const std::string lists,
                   FetchLists(job, attestation::CloudAuthority::kAmazon, chain,
                              job.roots.amazon));
  return FetchedFor{file.name, "AWS Nitro: " + lists};
}

// Whether the chain ends at a root of Google's.
bool IsWhole(const FetchJob& job,
             const std::vector<crypto::Certificate>& chain) {
  return std::ranges::find(job.roots.google, chain.back().SpkiFingerprint()) !=
         job.roots.google.end();
}

// What the files lack of the chain is fetched from where it says that it is.
absl::StatusOr<FetchedFor> FetchGoogle(const FetchJob& job,
                                       const SetCertificate& ak) {
  std::vector<crypto::Certificate> chain = ChainInSet(job.set, ak.certificate);
  if (!IsWhole(job, chain)) {
    ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> above,
                     attestation::FetchGoogleChain(job.fetcher, ak.certificate,
                                                   job.roots.google));
    chain = {ak.certificate};
    chain.insert(chain.end(), above.begin(), above.end());
  }
  ASSIGN_OR_RETURN(const std::string lists,
                   FetchLists(job, attestation::CloudAuthority::kGoogle, chain,
                              job.roots.google));
  return FetchedFor{ak.file, "Google's attestation key: its chain, " + lists};
}

// Names the file in the error, or notes what was got.
absl::Status Keep(const std::string& file, absl::StatusOr<FetchedFor> got,
                  std::vector<FetchedFor>& fetched) {
  if (!got.ok()) {
    return Annotate(got.status(), file);
  }
  fetched.push_back(*std::move(got));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<FetchedFor>> FetchForFiles(
    const EvidenceSet& set, const CollateralEndpoints& endpoints,
    CollateralFetcher& fetcher, const CloudRoots& roots) {
  const FetchJob job{
      .set = set, .endpoints = endpoints, .fetcher = fetcher, .roots = roots};
  std::vector<FetchedFor> fetched;
  for (const SetFile& file : set.Of(FileKind::kSnpReport)) {
    RETURN_IF_ERROR(
        Keep(file.name, FetchSnp(job, file.name, file.content), fetched));
  }
  for (const SetFile& file : set.Of(FileKind::kHclReport)) {
    const auto hcl = attestation::ParseHclReportUnverified(file.content);
    if (!hcl.ok()) {
      return Annotate(hcl.status(), file.name);
    }
    if (hcl->type == attestation::HclReportType::kSnp) {
      RETURN_IF_ERROR(Keep(
          file.name, FetchSnp(job, file.name, hcl->hardware_report), fetched));
    }
  }
  for (const SetFile& file : set.Of(FileKind::kIntelQuote)) {
    RETURN_IF_ERROR(Keep(file.name, FetchIntel(job, file), fetched));
  }
  for (const SetFile& file : set.Of(FileKind::kCose)) {
    RETURN_IF_ERROR(Keep(file.name, FetchNitro(job, file), fetched));
  }
  for (const SetCertificate& entry : set.certificates()) {
    if (entry.given && !entry.certificate.is_ca() &&
        attestation::GceInstanceOfUnverified(entry.certificate).ok()) {
      RETURN_IF_ERROR(Keep(entry.file, FetchGoogle(job, entry), fetched));
    }
  }
  if (fetched.empty()) {
    return InvalidArgument(
        "none of the files is a SEV-SNP report, an Intel quote, an HCL report, "
        "a Nitro document or the certificate of a Google attestation key; "
        "nothing else needs a vendor's collateral");
  }
  return fetched;
}

}  // namespace constellation::cli
