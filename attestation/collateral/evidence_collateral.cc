// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/evidence_collateral.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/azure/hcl_report.h"
#include "attestation/collateral/cloud_revocation.h"
#include "attestation/collateral/collateral_cache.h"
#include "attestation/collateral/curl_http_transport.h"
#include "attestation/collateral/vendor_checks.h"
#include "attestation/gcp/ak_certificate.h"
#include "attestation/gcp/instance_info.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/intel/quote.h"
#include "attestation/policy/variants.h"
#include "attestation/snp/snp_report.h"
#include "attestation/snp/snp_tcb.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;

constexpr size_t kCachedChains = 64;
constexpr size_t kTurinIdSize = 8;

// Reports without CPUID are of Milan or Genoa.
std::vector<SnpProduct> ProductsOf(const SnpReportUnverified& report) {
  if (report.cpuid.has_value()) {
    if (const auto product =
            SnpProductFromCpuid(report.cpuid->family, report.cpuid->model)) {
      return {*product};
    }
  }
  return {SnpProduct::kMilan, SnpProduct::kGenoa};
}

// What the profiles of one variant say about whom to believe.
struct PolicyTrust {
  bool any_profile = false;
  std::vector<SnpRoot> snp_roots;
  std::vector<crypto::Sha256Digest> intel_roots;                      // SPKI
  std::vector<crypto::Sha256Digest> google_roots = GcpTrust().roots;  // SPKI
  std::vector<crypto::Sha256Digest> amazon_roots = NitroExpectation().roots;
  // Some profile refuses chains of clouds without revocation lists.
  bool needs_cloud_crls = false;
  // Of every profile, if all of them list chips; else empty: any chip.
  std::vector<Bytes> chips;
};

// A union over the variant's profiles: gathering too much is harmless, as the
// appraisal asks each profile again.
PolicyTrust TrustOf(const Policy& policy, const std::string& variant) {
  PolicyTrust trust;
  bool every_profile_lists_chips = true;
  for (const Profile& profile : policy.profiles()) {
    if (profile.variant != variant) {
      continue;
    }
    trust.any_profile = true;
    if (profile.snp.has_value()) {
      const SnpPolicy& snp = profile.snp->policy;
      trust.snp_roots.insert(trust.snp_roots.end(), snp.more_roots.begin(),
                             snp.more_roots.end());
      every_profile_lists_chips &= !snp.chip_ids.empty();
      trust.chips.insert(trust.chips.end(), snp.chip_ids.begin(),
                         snp.chip_ids.end());
    }
    if (profile.gcp.has_value()) {
      trust.google_roots.insert(trust.google_roots.end(),
                                profile.gcp->insecure_roots.begin(),
                                profile.gcp->insecure_roots.end());
      trust.needs_cloud_crls |= profile.gcp->require_revocation_list;
    }
    if (profile.aws.has_value()) {
      trust.amazon_roots.insert(trust.amazon_roots.end(),
                                profile.aws->insecure_roots.begin(),
                                profile.aws->insecure_roots.end());
      trust.needs_cloud_crls |= profile.aws->require_revocation_list;
    }
    if (profile.tdx.has_value()) {
      const auto& roots = profile.tdx->policy.tcb.insecure_roots;
      trust.intel_roots.insert(trust.intel_roots.end(), roots.begin(),
                               roots.end());
    }
  }
  if (!every_profile_lists_chips) {
    trust.chips.clear();
  }
  return trust;
}

// Gathers for one piece of evidence.
class Gatherer final {
 public:
  Gatherer(CollateralFetcher& fetcher, const CollateralEndpoints& endpoints,
           const Evidence& evidence, PolicyTrust trust, GatheredCollateral& out)
      : fetcher_(fetcher),
        endpoints_(endpoints),
        evidence_(evidence),
        trust_(std::move(trust)),
        out_(out) {}

  // What does not parse needs nothing: the appraisal says what is wrong.
  void Run(const Variant& variant) {
    const bool azure = variant.cloud == CloudLayer::kAzure;
    if (variant.cpu == CpuLayer::kSnp) {
      absl::StatusOr<HclReportUnverified> hcl =
          azure ? ParseHclReportUnverified(evidence_.hardware_report)
                : absl::StatusOr<HclReportUnverified>(NotFound("no paravisor"));
      if (azure && !hcl.ok()) {
        return;
      }
      GatherSnp(azure ? Octets(hcl->hardware_report)
                      : Octets(evidence_.hardware_report));
    }
    if (variant.cpu == CpuLayer::kTdx) {
      Keep(GatherIntel(azure ? TdQuoteAmongEndorsements()
                             : Octets(evidence_.hardware_report)));
    }
    if (variant.cloud == CloudLayer::kGcp) {
      Keep(GatherGoogle());
    }
    if (variant.cloud == CloudLayer::kNitroTpm ||
        variant.cloud == CloudLayer::kNitroEnclave) {
      GatherAmazon();
    }
  }

 private:
  // The first thing missing is told; the others usually have the same cause.
  void Keep(const absl::Status& status) {
    if (!status.ok() && out_.missing.ok()) {
      out_.missing = status;
    }
  }

  // What does not parse is left out: the appraisal then says which one is
  // missing.
  void AddCertificate(Octets der) {
    absl::StatusOr<crypto::Certificate> certificate =
        crypto::Certificate::FromDer(der);
    if (certificate.ok()) {
      out_.collateral.certificates.push_back(*std::move(certificate));
    }
  }

  // Version 4 or 5, little-endian, as layers.cc tells them apart.
  Octets TdQuoteAmongEndorsements() const {
    for (const Bytes& endorsement : evidence_.endorsements) {
      if (endorsement.size() > 1 && endorsement[1] == 0 &&
          (endorsement[0] == 4 || endorsement[0] == 5)) {
        return endorsement;
      }
    }
    return {};
  }

  // Asking AMD for the certificate of a chip that no profile allows would let
  // anybody make us send requests.
  bool MayUse(const SnpReportUnverified& report) const {
    return trust_.chips.empty() ||
           std::ranges::any_of(trust_.chips, [&](const Bytes& chip) {
             return SnpChipIdOf(chip) == report.chip_id;
           });
  }

  // Without CPUID (report version 2) Milan is tried first: KDS answers "not
  // found" for a chip of another product.
  void GatherSnp(Octets bytes) {
    const absl::StatusOr<SnpReportUnverified> report =
        SnpReportUnverified::Parse(bytes);
    if (!report.ok() || !MayUse(*report)) {
      return;
    }
    absl::Status last;
    for (const SnpProduct product : ProductsOf(*report)) {
      last = GatherSnpOf(product, *report);
      if (!absl::IsNotFound(last)) {
        break;
      }
    }
    Keep(last);
  }

  // Endorsements in the evidence come first, so a host that caches its VCEK
  // costs AMD no request.
  absl::Status GatherSnpOf(SnpProduct product,
                           const SnpReportUnverified& report) {
    const size_t id_size =
        product == SnpProduct::kTurin ? kTurinIdSize : report.chip_id.size();
    SnpCollateralRequest request;
    request.product = product;
    request.kind = report.signing_key == SnpSigningKey::kVlek
                       ? AmdKeyKind::kVlek
                       : AmdKeyKind::kVcek;
    request.hardware_id =
        Bytes(report.chip_id.begin(),
              report.chip_id.begin() + static_cast<ptrdiff_t>(id_size));
    request.tcb = DecodeSnpTcb(report.reported_tcb, product);
    request.crl = false;
    request.more_roots = trust_.snp_roots;
    ASSIGN_OR_RETURN(const SnpCollateral got,
                     FetchSnpCollateral(fetcher_, endpoints_, request,
                                        evidence_.endorsements));
    AddCertificate(got.signer);
    AddCertificate(got.intermediate);
    AddCertificate(got.root);
    // Whether evidence without a list is good enough is the policy's to say.
    const absl::StatusOr<Collateral> crl = fetcher_.Get(
        AmdCrlItem(endpoints_, request.kind, product), AmdCrlCheck(got.root));
    RETURN_IF_ERROR(crl.status());
    ASSIGN_OR_RETURN(crypto::RevocationList list,
                     crypto::RevocationList::FromDer(crl->content));
    out_.collateral.crls.push_back(std::move(list));
    return absl::OkStatus();
  }

  // A test root counts only if a profile names its key and the evidence brings
  // its certificate.
  absl::StatusOr<IntelTrustAnchors> AnchorsFor(
      const PckChainUnverified& chain) {
    std::vector<crypto::Certificate> further;
    if (chain.root.has_value() &&
        std::ranges::find(trust_.intel_roots, chain.root->SpkiFingerprint()) !=
            trust_.intel_roots.end()) {
      further.push_back(*chain.root);
      out_.collateral.certificates.push_back(*chain.root);
    }
    return IntelTrustAnchors::Create(further);
  }

  // The platform (FMSPC) and the issuing CA stand in the PCK certificate; with
  // them the items of Intel's service are known.
  absl::Status GatherIntel(Octets bytes) {
    const absl::StatusOr<IntelQuoteUnverified> quote =
        ParseIntelQuoteUnverified(bytes);
    if (!quote.ok() || quote->tee != IntelTee::kTdx) {
      return absl::OkStatus();
    }
    const absl::StatusOr<PckChainUnverified> chain = ParsePckChainUnverified(
        quote->certification_type, quote->certification_data, {});
    if (!chain.ok()) {
      return absl::OkStatus();
    }
    const absl::StatusOr<PckExtension> pck = PckExtensionOf(chain->leaf);
    if (!pck.ok()) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const IntelTrustAnchors anchors, AnchorsFor(*chain));
    // A certificate that nobody trusts must not make us ask for its platform.
    if (!VerifyPckChain(*chain, anchors).ok()) {
      return absl::OkStatus();
    }
    const std::string name = chain->ca.SubjectCommonName().value_or("");
    const PckCa ca = name.find("Processor") != std::string::npos
                         ? PckCa::kProcessor
                         : PckCa::kPlatform;
    ASSIGN_OR_RETURN(IntelCollateral got,
                     FetchIntelCollateral(fetcher_, endpoints_, quote->tee,
                                          pck->fmspc, ca, anchors));
    out_.collateral.intel.push_back(std::move(got));
    return absl::OkStatus();
  }

  // Certificates above the attestation key's, which is the one that names an
  // instance. What the evidence or the policy lacks is not missed here.
  absl::Status GatherGoogle() {
    for (const Bytes& endorsement : evidence_.endorsements) {
      const auto leaf = crypto::Certificate::FromDer(endorsement);
      if (!leaf.ok() || leaf->is_ca() || !GceInstanceOfUnverified(*leaf).ok()) {
        continue;
      }
      ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                       FetchGoogleChain(fetcher_, *leaf, trust_.google_roots));
      out_.collateral.certificates.insert(out_.collateral.certificates.end(),
                                          chain.begin(), chain.end());
      std::vector<crypto::Certificate> whole = {*leaf};
      whole.insert(whole.end(), chain.begin(), chain.end());
      GatherCrls(CloudAuthority::kGoogle, whole, trust_.google_roots);
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // The document brings its chain, root first; only lists are apart.
  void GatherAmazon() {
    for (const Bytes& endorsement : evidence_.endorsements) {
      const absl::StatusOr<std::vector<crypto::Certificate>> chain =
          NitroChainUnverified(endorsement);
      if (chain.ok()) {
        GatherCrls(CloudAuthority::kAmazon, *chain, trust_.amazon_roots);
        return;
      }
    }
  }

  // A cluster that does not demand lists asks nobody for them: admission must
  // not wait for a server that it can do without. What is kept counts.
  void GatherCrls(CloudAuthority authority,
                  std::span<const crypto::Certificate> chain,
                  std::span<const crypto::Sha256Digest> roots) {
    ChainCrls got = FetchChainCrls(
        fetcher_, authority, chain, roots,
        trust_.needs_cloud_crls ? CrlSources::kAll : CrlSources::kKept);
    std::ranges::move(got.lists, std::back_inserter(out_.collateral.crls));
    if (trust_.needs_cloud_crls) {
      Keep(got.missing);
    }
  }

  CollateralFetcher& fetcher_;
  const CollateralEndpoints& endpoints_;
  const Evidence& evidence_;
  const PolicyTrust trust_;
  GatheredCollateral& out_;
};

// A cache that cannot be opened only makes it slower.
std::unique_ptr<CollateralCache> OpenCache(const std::string& folder) {
  if (folder.empty()) {
    return nullptr;
  }
  absl::StatusOr<std::unique_ptr<CollateralCache>> cache =
      CollateralCache::Open({.directory = folder});
  if (!cache.ok()) {
    spdlog::warn("event=no-collateral-cache reason=\"{}\"",
                 Message(cache.status()));
    return nullptr;
  }
  return *std::move(cache);
}

std::unique_ptr<HttpTransport> TransportFor(const CollateralSetup& setup) {
  if (setup.offline) {
    return nullptr;
  }
  // Google's certificates name http:// URLs, and mirrors may have no more.
  // Whatever comes is verified; the vendors' own endpoints are https.
  return std::make_unique<CurlHttpTransport>(
      CurlHttpOptions{.allow_plain_http = true});
}

CollateralFetcherOptions With(CollateralFetcherOptions options, bool offline) {
  options.offline = options.offline || offline;
  return options;
}

}  // namespace

EvidenceCollateral::EvidenceCollateral(CollateralFetcher& fetcher,
                                       CollateralEndpoints endpoints)
    : fetcher_(fetcher),
      endpoints_(std::move(endpoints)),
      snp_cache_(kCachedChains) {}

// A variant that no profile is about gets nothing: it will be refused, so it
// must not cost a request.
GatheredCollateral EvidenceCollateral::For(const Evidence& evidence,
                                           const Policy& policy) {
  GatheredCollateral out;
  out.collateral.snp_cache = &snp_cache_;
  out.collateral.intel_cache = &intel_cache_;
  out.offline = fetcher_.offline();
  const Variant* variant = FindVariant(evidence.variant);
  PolicyTrust trust = TrustOf(policy, evidence.variant);
  if (variant == nullptr || !trust.any_profile) {
    return out;
  }
  Gatherer(fetcher_, endpoints_, evidence, std::move(trust), out).Run(*variant);
  return out;
}

// A node waits with its own join deadline behind it, so it gives up sooner than
// the CLI.
CollateralFetcherOptions NodeFetcherOptions() {
  CollateralFetcherOptions options;
  options.request_timeout = absl::Seconds(5);
  options.retry.max_delay = absl::Seconds(4);
  options.retry.give_up_after = absl::Seconds(8);
  return options;
}

struct CollateralService::Parts {
  Parts(const CollateralSetup& setup, const CollateralFetcherOptions& options,
        Clock& clock)
      : transport(TransportFor(setup)),
        cache(OpenCache(setup.folder)),
        fetcher(transport.get(), cache.get(), /*bundle=*/nullptr, clock,
                With(options, setup.offline)),
        source(fetcher, setup.endpoints) {}

  const std::unique_ptr<HttpTransport> transport;
  const std::unique_ptr<CollateralCache> cache;  // null: none
  CollateralFetcher fetcher;
  EvidenceCollateral source;
};

CollateralService::CollateralService(CollateralSetup setup,
                                     const CollateralFetcherOptions& options,
                                     Clock& clock)
    : setup_(std::move(setup)), options_(options), clock_(clock) {}

CollateralService::~CollateralService() = default;

// Made at first use: clusters on QEMU never need it, nor libcurl.
GatheredCollateral CollateralService::For(const Evidence& evidence,
                                          const Policy& policy) {
  const Variant* variant = FindVariant(evidence.variant);
  if (variant == nullptr || (variant->cpu == CpuLayer::kNone &&
                             variant->cloud == CloudLayer::kNone)) {
    return {};
  }
  EvidenceCollateral* source = nullptr;
  {
    const absl::MutexLock lock(&mutex_);
    if (parts_ == nullptr) {
      parts_ = std::make_unique<Parts>(setup_, options_, clock_);
    }
    source = &parts_->source;
  }
  return source->For(evidence, policy);
}

}  // namespace constellation::attestation
