// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_attester.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "attestation/tpm/pcr_commands.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Registers that change between reading and quoting are read again.
constexpr int kAttempts = 5;

}  // namespace

// A log only explains, so a node without one is attested all the same.
Bytes ReadLogIfAny(const std::string& path, size_t max_size) {
  const absl::StatusOr<std::string> log = ReadFile(path, max_size);
  if (!log.ok()) {
    spdlog::info("event=no-event-log reason=\"{}\"", Message(log.status()));
    return {};
  }
  const std::span<const uint8_t> bytes = AsBytes(*log);
  return {bytes.begin(), bytes.end()};
}

absl::StatusOr<std::unique_ptr<TpmAttester>> TpmAttester::Create(
    const std::string& tcti, const std::string& variant,
    const std::string& event_log_path) {
  ASSIGN_OR_RETURN(std::unique_ptr<Tpm> tpm, Tpm::Open(tcti));
  return Create(std::move(tpm), variant, event_log_path);
}

absl::StatusOr<std::unique_ptr<TpmAttester>> TpmAttester::Create(
    std::unique_ptr<Tpm> tpm, const std::string& variant,
    const std::string& event_log_path) {
  Evidence base;
  base.variant = variant;
  ASSIGN_OR_RETURN(AttestationKeyInfo ak, tpm->AttestationKey());
  base.tpm.ak_public = std::move(ak.public_area);
  absl::StatusOr<Bytes> certificate = tpm->ReadEkCertificate();
  if (certificate.ok()) {
    base.tpm.ek_certificate = *std::move(certificate);
  } else if (!absl::IsNotFound(certificate.status())) {
    return Annotate(certificate.status(), "read EK certificate");
  }
  base.tpm.event_log = ReadLogIfAny(event_log_path, kMaxEventLogSize);
  return std::unique_ptr<TpmAttester>(
      new TpmAttester(std::move(tpm), std::move(base)));
}

TpmAttester::TpmAttester(std::unique_ptr<Tpm> tpm, Evidence base)
    : tpm_(std::move(tpm)), base_(std::move(base)) {}

// Registers may be extended between reading and quoting; then both are made
// again, so that evidence never contradicts itself.
absl::StatusOr<Evidence> TpmAttester::Attest(
    std::span<const uint8_t> user_data) {
  if (user_data.size() != kUserDataSize) {
    return InvalidArgument(fmt::format("user data: want {} bytes, got {}",
                                       kUserDataSize, user_data.size()));
  }
  const crypto::Sha256Digest qualifying_data =
      QuoteQualifyingData(user_data, base_.hardware_report);
  const absl::MutexLock lock(&mutex_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Evidence evidence = base_;
    ASSIGN_OR_RETURN(evidence.tpm.pcrs, tpm_->ReadPcrs(kQuotedPcrMask));
    ASSIGN_OR_RETURN(TpmQuote quote,
                     tpm_->Quote(qualifying_data, kQuotedPcrMask));
    ASSIGN_OR_RETURN(const AttestUnverified attest,
                     ParseAttestUnverified(quote.attest));
    if (QuoteCovers(attest, evidence.tpm.pcrs)) {
      evidence.tpm.attest = std::move(quote.attest);
      evidence.tpm.signature = std::move(quote.signature);
      return evidence;
    }
  }
  return Unavailable(fmt::format(
      "quote: PCRs changed while they were read, {} times", kAttempts));
}

}  // namespace constellation::attestation
