// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "attestation/snp/id_block.h"
#include "attestation/snp/snp_report.h"
#include "attestation/snp/verify_snp.h"

// Any octets give a value or a status, never a crash; none of them are a report
// that verifies without certificates.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace ca = constellation::attestation;
  const std::span<const uint8_t> octets(data, size);
  (void)ca::SnpReportUnverified::Parse(octets);
  (void)ca::UnwrapSnpReportResponse(octets);
  if (size >= ca::kSnpIdBlockSize) {
    (void)ca::VerifySnpIdBlock(octets.first(ca::kSnpIdBlockSize),
                               octets.subspan(ca::kSnpIdBlockSize));
  }
  const ca::SnpVerificationInput input{
      .report = octets, .endorsements = {}, .options = {}};
  if (ca::CheckSnp(input, absl::UnixEpoch()).report.has_value()) {
    __builtin_trap();
  }
  return 0;
}
