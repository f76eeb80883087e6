// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_CHECKS_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_CHECKS_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "attestation/intel/collateral.h"
#include "attestation/intel/trust_anchors.h"
#include "attestation/snp/snp_chain.h"
#include "attestation/snp/snp_roots.h"
#include "attestation/snp/snp_tcb.h"
#include "common/hex.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

// Joins fetching and verifying: the checks that content must pass before it is
// used or stored, and whole sets of collateral. Checks are pure and
// thread-safe; what they refer to, they own.
namespace constellation::attestation {

// Accepts a chain (PEM) of two certificates: an ASK or ASVK that the ARK
// signed, then the ARK of `product`, which signed itself and whose key is built
// in or one of `more_roots`. UNAUTHENTICATED or INVALID_ARGUMENT otherwise.
// Whether the ASK is revoked is CheckSnpChain()'s to say.
CollateralCheck AmdCertChainCheck(SnpProduct product,
                                  std::vector<SnpRoot> more_roots = {});

// Accepts a revocation list that the ARK `root` (DER, already verified) signed.
CollateralCheck AmdCrlCheck(Bytes root);

// Certificates of one signing key, DER; empty if absent.
struct SnpCollateral {
  Bytes signer;        // VCEK or VLEK
  Bytes intermediate;  // ASK or ASVK
  Bytes root;          // ARK
  Bytes crl;

  // Points into this value.
  SnpEndorsements Endorsements() const {
    return {.signer = signer,
            .intermediate = intermediate,
            .root = root,
            .crl = crl};
  }
};

// Accepts the VCEK of exactly this chip and TCB, below `chain` (whose signer is
// not looked at). A genuine certificate of another chip is refused: under this
// key it would only keep the right one away. Owns all it needs.
CollateralCheck VcekCheck(SnpProduct product, Bytes hardware_id, SnpTcb tcb,
                          SnpCollateral chain,
                          std::vector<SnpRoot> more_roots = {});

// What a SEV-SNP report needs.
struct SnpCollateralRequest {
  SnpProduct product = SnpProduct::kMilan;
  AmdKeyKind kind = AmdKeyKind::kVcek;  // who signed, as the report says
  Bytes hardware_id = {};               // chip ID of the report
  SnpTcb tcb = {};                      // reported TCB
  bool crl = true;                      // also the revocation list
  std::vector<SnpRoot> more_roots = {};
};

// Gets it: what `given` (DER certificates that came with the evidence, any
// number and kind) has of it, then the fetcher's other sources. NOT_FOUND for a
// VLEK that was not given: AMD hands those to cloud providers only. Otherwise
// as CollateralFetcher::Get(), naming what is missing. The result is genuine,
// in date and not rolled back, but not compared with a report: VerifySnp()
// does.
absl::StatusOr<SnpCollateral> FetchSnpCollateral(
    CollateralFetcher& fetcher, const CollateralEndpoints& endpoints,
    const SnpCollateralRequest& request, std::span<const Bytes> given = {});

// Accepts TCB info of `tee` for `fmspc` whose issuer chain ends at an anchor
// and whose signer is "Intel SGX TCB Signing". Genuine info of another platform
// is refused, as above.
CollateralCheck TcbInfoCheck(IntelTrustAnchors anchors, IntelTee tee,
                             Bytes fmspc);

// Accepts the identity of the quoting enclave of `tee`, signed likewise.
CollateralCheck QeIdentityCheck(IntelTrustAnchors anchors, IntelTee tee);

// Accepts the list of TCB evaluation data numbers of `tee`, signed likewise.
CollateralCheck EvaluationNumbersCheck(IntelTrustAnchors anchors, IntelTee tee);

// Accepts a revocation list that a trusted root signed.
CollateralCheck IntelRootCrlCheck(IntelTrustAnchors anchors);

// Accepts the revocation list of `ca`, signed by the certificate of that name
// in its issuer chain, which a trusted root signed.
CollateralCheck PckCrlCheck(IntelTrustAnchors anchors, PckCa ca);

// Accepts a chain (PEM, nearest first) whose certificates are authorities, each
// signed by the next, the last by itself, with a key in `roots` (SPKI digests),
// and whose first one signed `leaf`, if there is one.
CollateralCheck GoogleChainCheck(std::vector<crypto::Sha256Digest> roots,
                                 std::optional<crypto::Certificate> leaf);

// Gets the certificates above `leaf`, an attestation key's certificate of
// Google's, from where each says that its issuer is published: at most three,
// the last of which has a key in `roots` (SPKI digests). Nothing is stored
// before that is known. NOT_FOUND if a certificate does not say, PERMISSION_
// DENIED if it names a host that is not Google's, UNAUTHENTICATED if what is
// there did not sign it; otherwise as CollateralFetcher::Get().
absl::StatusOr<std::vector<crypto::Certificate>> FetchGoogleChain(
    CollateralFetcher& fetcher, const crypto::Certificate& leaf,
    std::span<const crypto::Sha256Digest> roots);

// Gets what quotes of platforms called `fmspc` (6 octets), with PCKs of `ca`,
// need. Codes as CollateralFetcher::Get(). Verify the set as a whole with
// VerifyIntelCollateral().
absl::StatusOr<IntelCollateral> FetchIntelCollateral(
    CollateralFetcher& fetcher, const CollateralEndpoints& endpoints,
    IntelTee tee, std::span<const uint8_t> fmspc, PckCa ca,
    const IntelTrustAnchors& anchors);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_CHECKS_H_
