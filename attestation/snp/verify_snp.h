// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_VERIFY_SNP_H_
#define CONSTELLATION_ATTESTATION_SNP_VERIFY_SNP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/snp/snp_chain.h"
#include "attestation/snp/snp_check.h"
#include "attestation/snp/snp_report.h"
#include "common/hex.h"

namespace constellation::attestation {

// An SEV-SNP report that a genuine processor signed. Only CheckSnp() makes one,
// so a parameter of this type is the proof. It is not judged: what runs there,
// on which firmware, with which settings, is for AppraiseSnp(), and that
// report_data is fresh for whoever asked. Immutable; thread-safe.
class VerifiedSnpReport final {
 public:
  const SnpReportUnverified& report() const { return report_; }
  SnpProduct product() const { return chain_->facts().product; }
  // Whether a chip's own key (VCEK) or a provider's (VLEK) signed.
  SnpSigningKey signer() const { return chain_->facts().kind; }
  // The levels in the product's layout.
  SnpTcb reported_tcb() const;
  SnpTcb current_tcb() const;
  SnpTcb committed_tcb() const;
  SnpTcb launch_tcb() const;
  // The chip: 64 octets, 8 on Turin, from the VCEK even if the host hid it in
  // the report. Nothing with a VLEK.
  const std::optional<Bytes>& chip_id() const {
    return chain_->facts().hardware_id;
  }
  // The chain that vouches for it.
  const VerifiedSnpChain& chain() const { return *chain_; }

 private:
  friend class SnpChecker;
  VerifiedSnpReport(const SnpReportUnverified& report,
                    std::shared_ptr<const VerifiedSnpChain> chain)
      : report_(report), chain_(std::move(chain)) {}
  SnpReportUnverified report_;
  // shared_ptr: immutable, and a cache may hold it too.
  std::shared_ptr<const VerifiedSnpChain> chain_;
};

// What is verified. The octets must outlive the call.
struct SnpVerificationInput {
  std::span<const uint8_t> report;  // 1184 octets
  SnpEndorsements endorsements;
  SnpChainOptions options;
};

// Every check with its result; `report` only if all passed.
struct SnpVerification {
  std::vector<SnpCheck> checks;
  std::optional<VerifiedSnpReport> report;
};

// Makes every check of SnpCheckId at the instant `now`, also after one failed.
// Pure but for `cache`, which may be null; see CheckSnpChain().
SnpVerification CheckSnp(const SnpVerificationInput& input, absl::Time now,
                         SnpChainCache* cache = nullptr);

// The same for who wants a Status: INVALID_ARGUMENT if the report does not
// parse, UNAUTHENTICATED naming the first failed check otherwise.
absl::StatusOr<VerifiedSnpReport> VerifySnp(const SnpVerificationInput& input,
                                            absl::Time now,
                                            SnpChainCache* cache = nullptr);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_VERIFY_SNP_H_
