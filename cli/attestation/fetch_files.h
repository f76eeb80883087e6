// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_FETCH_FILES_H_
#define CONSTELLATION_CLI_ATTESTATION_FETCH_FILES_H_

#include <string>
#include <vector>

#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "cli/attestation/evidence_set.h"

namespace constellation::cli {

// What was got for one piece of evidence.
struct FetchedFor {
  std::string file;
  std::string what;  // "Milan, chip 3ac3...: VCEK, ASK, ARK, CRL"
};

// Gets what the vendors publish for the evidence in `set`: for SEV-SNP reports
// (also inside HCL reports) chain, VCEK and revocation list; for quotes TCB
// info, identity and both revocation lists, and, if the server has them, the
// TCB evaluation data numbers that a policy may demand. Certificates of the set
// are used first. Everything is verified against the pinned roots before the
// fetcher stores it.
//
// INVALID_ARGUMENT if a report or quote does not parse, or if no file needs
// collateral; else as FetchSnpCollateral() and FetchIntelCollateral(), naming
// the file.
absl::StatusOr<std::vector<FetchedFor>> FetchForFiles(
    const EvidenceSet& set, const attestation::CollateralEndpoints& endpoints,
    attestation::CollateralFetcher& fetcher);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_FETCH_FILES_H_
