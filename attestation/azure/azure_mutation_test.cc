// SPDX-License-Identifier: Apache-2.0
// Thousands of changed machines: what still verifies must say the same.
#include <gtest/gtest.h>

#include <algorithm>

#include "attestation/azure/azure_verifier.h"
#include "attestation/azure/testing/azure_machine.h"
#include "attestation/tpm/testing/mutator.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::AzureMachine;
using ::constellation::testing::Mutator;

constexpr size_t kMutants = 8000;

// Whether all that is signed or compared is as before. The rest of an HCL
// report is its version, the octets of the hardware report that somebody else
// verifies, and the number of zeros at its end.
bool SaysTheSame(const AzureMachine& mutant, const AzureMachine& genuine) {
  const auto a = ParseHclReportUnverified(mutant.hcl_report);
  const auto b = ParseHclReportUnverified(genuine.hcl_report);
  return a.ok() && b.ok() && a->type == b->type && a->hash == b->hash &&
         std::ranges::equal(a->report_data, b->report_data) &&
         std::ranges::equal(a->runtime_data, b->runtime_data) &&
         mutant.report_data == genuine.report_data &&
         mutant.attest == genuine.attest &&
         mutant.signature == genuine.signature && mutant.pcr == genuine.pcr &&
         mutant.nonce == genuine.nonce;
}

TEST(AzureMutationTest, NoChangeOfAnythingThatCountsIsAccepted) {
  const AzureMachine genuine;
  Mutator mutator(1);
  size_t accepted = 0;
  for (size_t i = 0; i < kMutants; ++i) {
    AzureMachine mutant = genuine;
    Bytes* const fields[] = {&mutant.hcl_report, &mutant.hcl_report,
                             &mutant.hcl_report, &mutant.report_data,
                             &mutant.attest,     &mutant.signature,
                             &mutant.pcr,        &mutant.nonce};
    Bytes& field = *fields[mutator.Below(std::size(fields))];
    field = mutator.Mutate(field);
    const AzureVerification result =
        CheckAzure(mutant.Evidence(), mutant.Hardware(), mutant.nonce);
    ASSERT_EQ(result.checks.size(), 8U);
    ASSERT_EQ(result.quote_checks.size(), 11U);
    if (result.machine.has_value()) {
      ++accepted;
      EXPECT_TRUE(SaysTheSame(mutant, genuine)) << "mutant " << i;
    }
  }
  // Some changes do not count; most do.
  EXPECT_LT(accepted, kMutants / 3);
}

// Every change of the runtime data, with the CPU's report data as they were.
TEST(AzureMutationTest, NoOtherRuntimeDataPass) {
  const AzureMachine genuine;
  Mutator mutator(2);
  const Bytes json(genuine.hcl.runtime_data.begin(),
                   genuine.hcl.runtime_data.end());
  for (size_t i = 0; i < kMutants / 4; ++i) {
    AzureMachine mutant = genuine;
    const Bytes other = mutator.Mutate(json);
    mutant.hcl.runtime_data.assign(other.begin(), other.end());
    mutant.hcl.report_data = genuine.report_data;
    mutant.hcl_report = mutant.hcl.Build();
    EXPECT_FALSE(CheckAzure(mutant.Evidence(), mutant.Hardware(), mutant.nonce)
                     .machine.has_value())
        << i;
  }
}

// Runtime data that the CPU does vouch for, changed: whatever parses, a quote
// counts only under the key that they name.
TEST(AzureMutationTest, QuoteCountsUnderTheNamedKeyOnly) {
  const AzureMachine genuine;
  Mutator mutator(3);
  const Bytes json(genuine.hcl.runtime_data.begin(),
                   genuine.hcl.runtime_data.end());
  for (size_t i = 0; i < kMutants / 4; ++i) {
    AzureMachine mutant = genuine;
    const Bytes other = mutator.Mutate(json);
    mutant.hcl.runtime_data.assign(other.begin(), other.end());
    mutant.Refresh();
    const AzureVerification result =
        CheckAzure(mutant.Evidence(), mutant.Hardware(), mutant.nonce);
    if (result.machine.has_value()) {
      const auto* key =
          result.machine->runtime_data().FindKey(kHclAttestationKeyId);
      ASSERT_NE(key, nullptr);
      EXPECT_EQ(key->modulus, AzureMachine::Signer().Modulus());
      EXPECT_EQ(key->exponent, 65537U);
    }
  }
}

}  // namespace
}  // namespace constellation::attestation
