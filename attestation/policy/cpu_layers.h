// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_CPU_LAYERS_H_
#define CONSTELLATION_ATTESTATION_POLICY_CPU_LAYERS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "attestation/layer_binding.h"
#include "attestation/policy/appraisal_collateral.h"
#include "attestation/policy/check_row.h"
#include "attestation/snp/snp_policy.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/tdx/tdx_quote.h"
#include "crypto/x509.h"

// The CPU's report as rows of an appraisal: the right collateral is chosen,
// the report verified, then compared. Pure but for the caches; thread-safe.
namespace constellation::attestation {

// What a report is verified with. Refers to the caller's objects.
struct CpuLayerContext {
  const std::vector<crypto::Certificate>& evidence_certificates;
  const AppraisalCollateral& collateral;
  absl::Time now;
};

struct SnpLayer {
  std::vector<CheckRow> rows;               // layer "snp"
  std::optional<VerifiedSnpReport> report;  // only if every row passed
};

// Checks an ATTESTATION_REPORT of 1184 octets. Among the certificates, those of
// the evidence first, the signer is the one whose chip and levels are the
// report's; its issuers and the revocation list are found by name.
SnpLayer CheckSnpLayer(std::span<const uint8_t> report, const SnpPolicy& policy,
                       const std::optional<ReportData>& report_data,
                       const CpuLayerContext& context);

struct TdxLayer {
  std::vector<CheckRow> rows;             // layers "collateral" and "tdx"
  std::optional<VerifiedTdxQuote> quote;  // only if every row passed
};

// Checks a TD quote with the first collateral that suits it, else with the one
// that leaves the fewest rows failed. Roots beside Intel's are those among the
// certificates whose digests the policy names. Without `report_data` they are
// not compared.
TdxLayer CheckTdxLayer(std::span<const uint8_t> quote, const TdxPolicy& policy,
                       const std::optional<ReportData>& report_data,
                       const CpuLayerContext& context);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_CPU_LAYERS_H_
