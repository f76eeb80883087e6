// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_FETCH_FILES_H_
#define CONSTELLATION_CLI_ATTESTATION_FETCH_FILES_H_

#include <string>
#include <vector>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "attestation/gcp/ak_certificate.h"
#include "cli/attestation/evidence_set.h"
#include "crypto/hash.h"

namespace constellation::cli {

// What was got for one piece of evidence.
struct FetchedFor {
  std::string file;
  std::string what;  // "Milan, chip 3ac3...: VCEK, ASK, ARK, CRL"
};

// What chains of clouds must end at: SPKI digests.
struct CloudRoots {
  std::vector<crypto::Sha256Digest> google = attestation::GcpTrust().roots;
  std::vector<crypto::Sha256Digest> amazon =
      attestation::NitroExpectation().roots;
};

// Gets what the vendors publish for the evidence in `set`: for SEV-SNP reports
// (also inside HCL reports) chain, VCEK and revocation list; for quotes TCB
// info, identity and both revocation lists, and, if the server has them, the
// TCB evaluation data numbers that a policy may demand; for certificates of
// Google's attestation keys their chain and the revocation lists that it names;
// for Nitro documents the lists that their chain names. Certificates of the set
// are used first. Everything is verified against the pinned roots before the
// fetcher stores it.
//
// INVALID_ARGUMENT if a report, quote or document does not parse, or if no file
// needs collateral; else as FetchSnpCollateral(), FetchIntelCollateral(),
// FetchGoogleChain() and FetchChainCrls(), naming the file.
absl::StatusOr<std::vector<FetchedFor>> FetchForFiles(
    const EvidenceSet& set, const attestation::CollateralEndpoints& endpoints,
    attestation::CollateralFetcher& fetcher, const CloudRoots& roots = {});

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_FETCH_FILES_H_
