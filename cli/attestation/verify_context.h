// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_VERIFY_CONTEXT_H_
#define CONSTELLATION_CLI_ATTESTATION_VERIFY_CONTEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "attestation/policy/policy.h"
#include "cli/attestation/evidence_set.h"
#include "cli/attestation/file_report.h"
#include "cli/attestation/verify_files.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

namespace constellation::cli {

// What the verifiers of this folder are given. Refers to its parts.
struct VerifyContext {
  // All files, given ones and collateral.
  const EvidenceSet& set;
  absl::Time now;
  // What evidence must contain to be fresh.
  std::optional<Bytes> nonce;
  // Says that freshness does not matter.
  bool insecure_any_nonce = false;
  // Trusted beside the vendors' roots; for tests.
  std::vector<crypto::Certificate> insecure_roots;
  // What evidence must satisfy; null without a policy.
  const attestation::Profile* profile = nullptr;
  // Layers that the profile names may be missing.
  bool partial = false;
};

// Rows in the making. Not thread-safe.
class RowList final {
 public:
  // `rows` must outlive this object; other lists may add to it as well.
  explicit RowList(std::vector<FileRow>& rows) : rows_(rows) {}

  // A comparison that was made. Returns `passed`, so that a caller can go on
  // only then. Advice is kept for failures alone.
  bool Add(std::string_view layer, std::string_view name, bool passed,
           std::string expected, std::string got,
           std::string_view advice = {}) {
    rows_.push_back({std::string(layer), std::string(name), std::move(expected),
                     std::move(got),
                     passed ? RowVerdict::kPassed : RowVerdict::kFailed,
                     std::string(passed ? "" : advice)});
    return passed;
  }
  // Something worth knowing that neither helps nor harms the verdict.
  void Info(std::string_view layer, std::string_view name, std::string got) {
    rows_.push_back({std::string(layer), std::string(name), "", std::move(got),
                     RowVerdict::kInfo, ""});
  }
  // What the check needs is missing; `advice` says how to get it.
  // Keeps the verdict from success without calling the evidence false.
  void Unchecked(std::string_view layer, std::string_view name,
                 std::string expected, std::string got,
                 std::string_view advice) {
    rows_.push_back({std::string(layer), std::string(name), std::move(expected),
                     std::move(got), RowVerdict::kUnchecked,
                     std::string(advice)});
  }
  // Rows of a verifier of attestation/; failed ones of which `missing` is true
  // could not be made for want of input. A row that passed unchecked, since
  // nothing demands the check, is information.
  template <typename CheckType, typename Missing>
  void Append(std::string_view layer, const std::vector<CheckType>& checks,
              Missing missing) {
    for (const CheckType& check : checks) {
      FileRow row{std::string(layer),
                  std::string(ToString(check.id)),
                  check.expected,
                  check.got,
                  check.passed ? RowVerdict::kPassed : RowVerdict::kFailed,
                  AdviceOf(check)};
      if (!check.passed && missing(check.id)) {
        row.verdict = RowVerdict::kUnchecked;
      } else if (check.passed && !WasMade(check)) {
        row.verdict = RowVerdict::kInfo;
      }
      rows_.push_back(std::move(row));
    }
  }
  // Likewise with nothing missing: each failure counts.
  template <typename CheckType>
  void Append(std::string_view layer, const std::vector<CheckType>& checks) {
    Append(layer, checks, [](auto) { return false; });
  }

 private:
  // Some verifiers have rows for what they did not check.
  template <typename CheckType>
  static bool WasMade(const CheckType& check) {
    if constexpr (requires { check.checked; }) {
      return check.checked;
    } else {
      return true;
    }
  }

  // The verifiers call it `advice` or `fix`; some have none.
  template <typename CheckType>
  static std::string AdviceOf(const CheckType& check) {
    if constexpr (requires { check.advice; }) {
      return check.advice;
    } else if constexpr (requires { check.fix; }) {
      return check.fix;
    } else {
      return "";
    }
  }

  std::vector<FileRow>& rows_;
};

// The row about freshness: `got`, a field that the attester fills, must hold
// the nonce and then zeros (a field of fixed size may be longer). Without a
// nonce it is unchecked, or information if that was demanded or if there is no
// policy.
void CheckNonce(const VerifyContext& context, std::string_view layer,
                std::span<const uint8_t> got, RowList& rows);

// A unit that has no rows yet.
FileUnit UnitFor(const SetFile& file, std::string_view what);

// Each: one unit per piece of evidence of its kind, with every check. `context`
// without profile: signatures, chains and the links between layers only.
std::vector<FileUnit> VerifySnpFiles(const VerifyContext& context);
std::vector<FileUnit> VerifyIdBlockFiles(const VerifyContext& context);
std::vector<FileUnit> VerifyIntelFiles(const VerifyContext& context);
std::vector<FileUnit> VerifyTdReportFiles(const VerifyContext& context);
// TPM quotes with what vouches for their key: Azure's HCL report, Google's
// certificate, or the policy's enrolment. And Nitro documents.
std::vector<FileUnit> VerifyTpmFiles(const VerifyContext& context);
std::vector<FileUnit> VerifyNitroFiles(const VerifyContext& context);
// Evidence as Constellation's services send it, made for the nonce as user
// data. Sets `profile` to the one that matched or came closest. What it lacks
// because a kept list or document is no longer valid makes rows unchecked, not
// failed.
std::vector<FileUnit> VerifyOwnEvidence(const VerifyContext& context,
                                        const VerifyFilesOptions& options,
                                        std::string& profile);
// Certificates, revocation lists and signed JSON that were given as evidence:
// for a run in which nothing else is.
std::vector<FileUnit> VerifyTrustFiles(const VerifyContext& context);

// Rows of one SEV-SNP report. `bound_elsewhere`: its report data were compared
// by a layer above.
void CheckSnpReport(const VerifyContext& context,
                    std::span<const uint8_t> report, bool bound_elsewhere,
                    RowList& rows);
// Rows of one SGX or TDX quote, likewise.
void CheckIntelQuoteFile(const VerifyContext& context,
                         std::span<const uint8_t> quote, bool bound_elsewhere,
                         RowList& rows);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_VERIFY_CONTEXT_H_
