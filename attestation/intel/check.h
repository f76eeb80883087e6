// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_CHECK_H_
#define CONSTELLATION_ATTESTATION_INTEL_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace constellation::attestation {

// Every check that is made of Intel evidence, in the order in which rows
// appear: first the collateral (if it is verified in the same call), then the
// quote, its chain, the TCB, last the policy.
enum class IntelCheckId {
  // Collateral of Intel's Provisioning Certification Service.
  kTcbInfoFormat,             // JSON as documented, within limits
  kEnclaveIdentityFormat,     // likewise
  kTcbSigningChain,           // "Intel SGX TCB Signing" issued by a pinned root
  kTcbInfoSignature,          // over the exact text of the inner object
  kEnclaveIdentitySignature,  // likewise
  kRootCrl,                   // parses, by the pinned root
  kPckCrl,                    // parses, by the CA that issued the PCK
  kCollateralDates,           // issueDate/nextUpdate, CRLs, signing certificate
  kTcbSignerRevocation,       // the signing certificate is not in the root CRL
  // The quote.
  kQuoteFormat,         // parses
  kAttestationKeyType,  // ECDSA P-256
  kQeVendor,            // Intel's quoting enclave
  kQuoteSignature,      // by the attestation key over header and body
  kQeBinding,           // QE report data = SHA-256(key || auth data) || 0
  kQeReportSignature,   // by the PCK
  kPckChain,            // PCK by CA by pinned root
  kPckDates,            // of each certificate of the chain
  kSameRoot,            // collateral and PCK end at one root
  kRevocation,          // neither PCK nor CA is in its issuer's CRL
  // TCB, in the order of Intel's algorithm.
  kTeeMatch,    // TCB info and enclave identity are for this kind of TEE
  kFmspc,       // equal in PCK and TCB info
  kPceId,       // likewise
  kTdxModule,   // signer and attributes of the TDX module
  kQeIdentity,  // measured fields of the quoting enclave
  kTcbLevel,    // some level of the TCB info is reached
  // Policy, common to TDX and SGX.
  kPolicyComplete,  // every value that must be there is there
  kPolicyRoot,      // root is Intel's, or one that the policy names
  kTcbStatus,
  kAdvisories,
  kEvaluationDataNumber,
  kDebug,
  kReportData,
  // TDX.
  kTdReserved,
  kSeptVeDisable,
  kXfam,
  kMrTd,
  kMrSeam,
  kMrSignerSeam,
  kMrConfigId,
  kMrOwner,
  kMrOwnerConfig,
  kRtmr0,
  kRtmr1,
  kRtmr2,
  kRtmr3,
  // SGX.
  kMrEnclave,
  kMrSigner,
  kIsvProdId,
  kIsvSvn,
};

// Stable name of a check, e.g. "quote signature"; for people and machines.
std::string_view ToString(IntelCheckId id);

// One comparison.
struct IntelCheck {
  IntelCheckId id{};
  std::string expected;
  std::string got;
  std::string fix;  // what an operator may do; empty if passed
  bool passed = false;
};

// Rows in the making. Not thread-safe.
class IntelCheckList final {
 public:
  IntelCheckList() { rows_.reserve(kTypicalRows); }
  // Appends a row; `fix` is dropped if it passed.
  void Add(IntelCheckId id, bool passed, std::string expected, std::string got,
           std::string_view fix = {});
  // A row that says the message of `status`: "as expected" if it is OK.
  void AddStatus(IntelCheckId id, const absl::Status& status,
                 std::string expected, std::string_view fix = {});
  // A failed row: the check could not be made because of `why`.
  void AddUnavailable(IntelCheckId id, std::string expected,
                      std::string_view why);
  // Appends the rows of `other`.
  void Append(const std::vector<IntelCheck>& other);

  // Whether every row so far passed; also if there is none.
  bool AllPassed() const;
  // The rows; the list is empty then.
  std::vector<IntelCheck> Take() { return std::move(rows_); }

 private:
  static constexpr size_t kTypicalRows = 32;
  std::vector<IntelCheck> rows_;
};

// OK if every row passed. Otherwise the first failed row as a status,
// "<what>: <name>: expected ..., got ...; <fix>", with INVALID_ARGUMENT for
// what does not parse and for an incomplete policy, FAILED_PRECONDITION for
// dates, PERMISSION_DENIED for policy, UNAUTHENTICATED for everything else.
absl::Status FirstFailure(const std::vector<IntelCheck>& rows,
                          std::string_view what);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_CHECK_H_
