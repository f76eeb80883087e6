// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_LAYERS_H_
#define CONSTELLATION_ATTESTATION_POLICY_LAYERS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "attestation/layer_binding.h"
#include "attestation/policy/appraisal_collateral.h"
#include "attestation/policy/check_row.h"
#include "attestation/policy/policy.h"
#include "attestation/policy/variants.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/tdx/tdx_quote.h"
#include "attestation/tpm/pcr_quote.h"
#include "common/hex.h"

namespace constellation::attestation {

// Evidence of the layers beside a vTPM quote, with the quote itself: what
// Evidence holds, or raw files of any origin. Refers to the caller's octets.
// Nothing in it is verified.
struct LayerEvidenceUnverified {
  // SNP report, TD quote, or on Azure HCL report; empty if there is none.
  std::span<const uint8_t> hardware_report = {};
  // DER certificates, TD quotes, COSE documents, told apart by their first
  // octets (docs/formats/evidence-binding.md).
  std::vector<std::span<const uint8_t>> endorsements = {};
  // For Azure, GCP and AWS, whose keys vouch for the quote's.
  PcrQuoteUnverified quote = {};
  Bytes nonce = {};  // what the quote's qualifying data must be
  std::span<const uint8_t> event_log = {};
  // What a report must carry whose data the guest chose. Nothing: not compared;
  // whoever calls compares the verified report's.
  std::optional<ReportData> report_data = {};
  // What the document of NitroTPM must carry; nothing: not compared.
  std::optional<Bytes> document_user_data = {};
};

// What the layers show. Rows in the order cpu, cloud.
struct LayerFindings {
  std::vector<CheckRow> rows;
  // Set only if verified and accepted by the profile.
  std::optional<VerifiedSnpReport> snp;
  std::optional<VerifiedTdxQuote> tdx;
  // What vouches for the quote's attestation key, in words; empty if nothing
  // does.
  std::string key_vouched_by;
  // Octets that came first in a chain ended at a root that only the policy
  // trusts: genuine hardware did not make this evidence.
  bool insecure_root = false;

  // How many rows failed.
  size_t failures() const;
};

// Verifies every layer that `variant` has, compares it with `profile` (which
// must be of that variant), and binds the layers to each other: CPU report to
// what the guest put in (`report_data`), or on Azure to the runtime data that
// name the attestation key; on GCP the key's certificate to the quote; on AWS
// the NitroTPM document to the quote's key and nonce. Makes every check, also
// after one failed. Pure but for the caches of `collateral`. Register values
// are not compared.
LayerFindings CheckLayers(const Variant& variant,
                          const LayerEvidenceUnverified& evidence,
                          const Profile& profile,
                          const AppraisalCollateral& collateral,
                          absl::Time now);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_LAYERS_H_
