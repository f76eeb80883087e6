// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_INTEL_SELECTION_H_
#define CONSTELLATION_CLI_ATTESTATION_INTEL_SELECTION_H_

#include <string>
#include <vector>

#include "attestation/intel/collateral.h"
#include "attestation/intel/quote.h"
#include "cli/attestation/verify_context.h"

namespace constellation::cli {

// The collateral among files that suits one quote.
struct IntelSelection {
  attestation::IntelCollateral collateral;
  std::string missing;         // "TCB info, ..."; empty if all is there
  std::string fmspc;           // hex, if the quote's certificate tells
  bool nothing_given = false;  // neither TCB info nor identity is there at all
};

// Chooses by content: TCB info of the PCK's FMSPC and the quote's kind,
// identity of its quoting enclave, lists of root and PCK CA; among several the
// newest of those that are valid now, else the newest. Verifies nothing but
// which certificate signed a document, so that the right one is chosen.
IntelSelection SelectIntelCollateral(
    const VerifyContext& context,
    const attestation::IntelQuoteUnverified& quote);

// Roots that may end Intel's chains beside Intel's own: those named with the
// insecure option, and those of the set that the policy names by digest.
std::vector<crypto::Certificate> IntelRoots(const VerifyContext& context);

// PCK certificate, its CA and root among the set (DER, one behind the other),
// for quotes that carry none; empty without a PCK certificate.
Bytes PckChainFor(const EvidenceSet& set);

// The certificate of `certificates` whose key signed `body` with `signature`
// (r and s, 64 octets, P-256), or null.
const crypto::Certificate* SignerOf(
    const std::vector<SetCertificate>& certificates, std::string_view body,
    std::span<const uint8_t> signature);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_INTEL_SELECTION_H_
