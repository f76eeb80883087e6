// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_TESTING_COMPOSED_NODE_H_
#define CONSTELLATION_ATTESTATION_POLICY_TESTING_COMPOSED_NODE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/evidence.h"
#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/policy/appraisal_collateral.h"
#include "attestation/policy/policy.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "crypto/hash.h"

// Nodes of every variant that exist in this process only: all their layers are
// signed below test roots and bound to each other as docs/formats/
// evidence-binding.md says, until a test spoils one field. For tests only.
namespace constellation::testing {

// When all of it is valid.
inline constexpr absl::Time kComposedNow = absl::FromUnixSeconds(1700000000);

// One node. Change a field, then ask for Evidence() and Profile(): both are
// made of the fields as they then are.
struct ComposedNode {
  // `variant` is one of variants.h with CPU evidence or a cloud's.
  explicit ComposedNode(const std::string& variant);

  // The node's evidence for `user_data`; its profile, which accepts it; what
  // its verifier has fetched. `collateral` may be spoilt as well.
  attestation::Evidence Evidence() const;
  attestation::Profile Profile() const;
  attestation::AppraisalCollateral Collateral() const;

  std::string variant;
  Bytes user_data = Bytes(attestation::kUserDataSize, 0x42);
  std::map<uint32_t, crypto::Sha256Digest> pcrs;  // 0-15
  SnpTestReport snp;
  IntelTestQuote tdx;
  IntelTestTcbInfo tcb_info;
  GceMachine gce;
  NitroBuilder nitro;
  std::string azure_claims;
  // What the layers are made to cover; default: what they must.
  Bytes snp_report_data = {};
  Bytes quote_nonce = {};
  Bytes document_nonce = {};
  Bytes document_key = {};

 private:
  const QuoteSigner& Signer() const;
  void AddCpu(attestation::Evidence& evidence) const;
  void AddAzure(attestation::Evidence& evidence) const;
  void AddCloud(attestation::Evidence& evidence, const Bytes& nonce) const;
  Bytes RuntimeData() const;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_POLICY_TESTING_COMPOSED_NODE_H_
