// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/aws/nitro_policy.h"
#include "attestation/aws/nitro_verifier.h"
#include "cli/attestation/chain_lists.h"
#include "cli/attestation/quote_inputs.h"
#include "cli/attestation/verify_context.h"

namespace constellation::cli {
namespace {

using attestation::NitroVerification;
using attestation::VerifiedNitroDocument;

constexpr std::string_view kNitroLayer = "Nitro";

// Roots of tests are added to Amazon's own. Without a policy a document may be
// five minutes old (NitroExpectation): whoever looks at an old one says the
// time at which it was new.
attestation::NitroExpectation ExpectationOf(const VerifyContext& context) {
  attestation::NitroExpectation expectation;
  expectation.now = context.now;
  expectation.nonce = context.nonce;
  for (const crypto::Certificate& root : context.insecure_roots) {
    expectation.roots.push_back(root.SpkiFingerprint());
  }
  if (context.profile != nullptr && context.profile->aws.has_value()) {
    const attestation::AwsProfile& aws = *context.profile->aws;
    expectation.max_age = aws.max_age;
    expectation.require_crls = aws.require_revocation_list;
    expectation.roots.insert(expectation.roots.end(),
                             aws.insecure_roots.begin(),
                             aws.insecure_roots.end());
  }
  return expectation;
}

// PCR0 of zeros means a debug enclave (AWS Nitro Enclaves, cryptographic
// attestation): information without policy, refused with one.
void AddPolicyRows(const VerifyContext& context,
                   const VerifiedNitroDocument& document, RowList& rows) {
  if (context.profile == nullptr) {
    if (document.kind() == attestation::NitroKind::kEnclave &&
        document.pcrs().contains(0) &&
        document.pcrs().at(0) == Bytes(document.pcrs().at(0).size(), 0)) {
      rows.Info(kNitroLayer, "debug mode",
                "PCR0 is zero: a debug enclave, which a policy refuses");
    }
    return;
  }
  if (!context.profile->aws.has_value()) {
    rows.Add(kNitroLayer, "policy", false, "demands on AWS in the profile",
             fmt::format("profile {} has no \"aws\"", context.profile->name),
             "use a policy for this kind of evidence");
    return;
  }
  rows.Append("Nitro policy", attestation::AppraiseNitro(
                                  document, context.profile->aws->policy));
}

}  // namespace

// NitroTPM: the document carries the TPM's attestation key, so every quote that
// is there must be signed by it. A quote that does not verify makes the link
// unchecked here and fails in its own unit.
std::vector<FileUnit> VerifyNitroFiles(const VerifyContext& context) {
  std::vector<FileUnit> units;
  for (const SetFile& file : context.set.Of(FileKind::kCose)) {
    FileUnit unit = UnitFor(file, "AWS Nitro attestation document");
    RowList rows(unit.rows);
    attestation::NitroExpectation expectation = ExpectationOf(context);
    const auto chain = attestation::NitroChainUnverified(file.content);
    const std::vector<crypto::RevocationList> lists = ListsFor(
        context.set, chain.ok() ? *chain : std::vector<crypto::Certificate>(),
        context.now);
    expectation.crls = lists;
    const NitroVerification result =
        attestation::CheckNitroDocument(file.content, expectation);
    rows.Append(kNitroLayer, result.checks);
    // With a nonce CheckNitroDocument() has a row about it.
    if (!context.nonce.has_value()) {
      CheckNonce(context, kNitroLayer, {}, rows);
    }
    if (result.document.has_value()) {
      AddPolicyRows(context, *result.document, rows);
      for (const QuoteInputs& inputs : CollectQuotes(context)) {
        const auto quote =
            attestation::CheckPcrQuote(inputs.View(), inputs.nonce);
        if (!quote.quote.has_value()) {
          rows.Unchecked("NitroTPM", "quote", "a quote that verifies",
                         "not available", "see the rows of the quote");
        } else {
          rows.Append("NitroTPM", attestation::CheckNitroTpm(*result.document,
                                                             *quote.quote));
        }
      }
    }
    units.push_back(std::move(unit));
  }
  return units;
}

}  // namespace constellation::cli
