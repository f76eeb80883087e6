// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/testing/synthetic.h"

#include <stdio.h>
#include <stdlib.h>

namespace constellation::testing {

using attestation::IntelCheck;
using attestation::IntelCheckId;
using attestation::IntelCollateral;
using attestation::IntelTrustAnchors;

IntelCollateral SyntheticCollateral(const IntelTestEvidence& evidence) {
  return {.tcb_info = evidence.tcb_info,
          .enclave_identity = evidence.qe_identity,
          .tcb_signing_chain = evidence.tcb_signing_chain,
          .enclave_identity_chain = {},
          .pck_crl = evidence.pck_crl,
          .root_crl = evidence.root_crl,
          .pck_crl_issuer_chain = {},
          .pck_chain = {}};
}

const IntelTrustAnchors& SyntheticAnchors() {
  static const IntelTrustAnchors& anchors = *new IntelTrustAnchors([] {
    const crypto::Certificate root =
        crypto::Certificate::FromDer(IntelSigner::Get().root()).value();
    return IntelTrustAnchors::Create({&root, 1}).value();
  }());
  return anchors;
}

attestation::IntelQuoteVerification CheckSynthetic(
    const IntelTestEvidence& evidence, absl::Time now,
    attestation::IntelVerificationCache* cache) {
  const auto collateral = attestation::CheckIntelCollateral(
      SyntheticCollateral(evidence), SyntheticAnchors(), kSyntheticNow);
  if (!collateral.collateral.has_value()) {
    const absl::Status status =
        attestation::FirstFailure(collateral.checks, "collateral");
    fprintf(stderr, "synthetic collateral: %s\n", status.ToString().c_str());
    abort();
  }
  return attestation::CheckIntelQuote(evidence.quote, *collateral.collateral,
                                      SyntheticAnchors(),
                                      {.now = now, .cache = cache});
}

crypto::testing::TestCrl Revoking(std::vector<Bytes> serials) {
  crypto::testing::TestCrl list;
  list.revoked = std::move(serials);
  return list;
}

std::vector<IntelCheckId> FailedChecks(const std::vector<IntelCheck>& rows) {
  std::vector<IntelCheckId> failed;
  for (const IntelCheck& row : rows) {
    if (!row.passed) {
      failed.push_back(row.id);
    }
  }
  return failed;
}

std::string GotOf(const std::vector<IntelCheck>& rows, IntelCheckId id) {
  for (const IntelCheck& row : rows) {
    if (row.id == id) {
      return row.got;
    }
  }
  return "";
}

std::string FixOf(const std::vector<IntelCheck>& rows, IntelCheckId id) {
  for (const IntelCheck& row : rows) {
    if (row.id == id) {
      return row.fix;
    }
  }
  return "";
}

}  // namespace constellation::testing
