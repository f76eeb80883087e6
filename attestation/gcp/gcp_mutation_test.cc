// SPDX-License-Identifier: Apache-2.0
// Thousands of changed machines: what still verifies must say the same.
#include <gtest/gtest.h>

#include "attestation/gcp/gcp_verifier.h"
#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/tpm/testing/mutator.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::GceMachine;
using ::constellation::testing::InstanceSpec;
using ::constellation::testing::Mutator;

constexpr size_t kMutants = 6000;

GcpVerification CheckOf(const GceMachine& machine) {
  return CheckGcp(machine.Evidence(), machine.candidates, machine.Trust(),
                  machine.nonce);
}

void ExpectTheSame(const VerifiedGcp& got, const VerifiedGcp& want) {
  EXPECT_EQ(got.instance(), want.instance());
  EXPECT_EQ(got.technology(), want.technology());
  EXPECT_EQ(got.quote().ak_spki(), want.quote().ak_spki());
  EXPECT_EQ(got.quote().nonce(), want.quote().nonce());
  EXPECT_EQ(got.quote().indices(), want.quote().indices());
  for (const uint32_t index : want.quote().indices()) {
    EXPECT_TRUE(
        std::ranges::equal(got.quote().pcr(index), want.quote().pcr(index)));
  }
}

TEST(GcpMutationTest, WhateverPassesSaysTheSame) {
  const GceMachine genuine;
  const GcpVerification want = CheckOf(genuine);
  ASSERT_TRUE(want.machine.has_value());
  Mutator mutator(4);
  size_t accepted = 0;
  for (size_t i = 0; i < kMutants; ++i) {
    GceMachine mutant = genuine;
    Bytes* const fields[] = {
        &mutant.leaf_der,  &mutant.leaf_der, &mutant.event_log, &mutant.attest,
        &mutant.signature, &mutant.pcr0,     &mutant.pcr10,     &mutant.nonce};
    Bytes& field = *fields[mutator.Below(std::size(fields))];
    field = mutator.Mutate(field);
    if (mutant.event_log.empty()) {
      continue;  // none was given: that is allowed, and known to the result
    }
    const GcpVerification got = CheckOf(mutant);
    ASSERT_EQ(got.checks.size(), 5U);
    if (got.machine.has_value()) {
      ++accepted;
      SCOPED_TRACE(i);
      // Only data that no digest covers may differ.
      EXPECT_EQ(mutant.leaf_der, genuine.leaf_der);
      EXPECT_EQ(mutant.attest, genuine.attest);
      ExpectTheSame(*got.machine, *want.machine);
    }
  }
  EXPECT_LT(accepted, kMutants / 10);
}

TEST(GcpMutationTest, ChangedAuthoritiesVouchForNothingElse) {
  const GceMachine genuine;
  const GcpVerification want = CheckOf(genuine);
  Mutator mutator(5);
  size_t parsed = 0;
  for (size_t i = 0; i < kMutants; ++i) {
    GceMachine mutant = genuine;
    const size_t which = mutator.Below(mutant.candidates.size());
    const auto changed = crypto::Certificate::FromDer(
        mutator.Mutate(mutant.candidates[which].der()));
    if (!changed.ok()) {
      continue;
    }
    ++parsed;
    mutant.candidates[which] = *changed;
    const GcpVerification got = CheckOf(mutant);
    if (got.machine.has_value()) {
      // Nobody signs a root but itself: it is pinned by its key.
      EXPECT_EQ(which, 0U) << i;
      EXPECT_EQ(changed->SpkiFingerprint(),
                genuine.candidates[0].SpkiFingerprint());
      ExpectTheSame(*got.machine, *want.machine);
    }
  }
  EXPECT_GT(parsed, kMutants / 10);
}

// The extension of an instance comes from a certificate, but is read before the
// chain is known to hold.
TEST(GcpMutationTest, InstanceReaderSurvivesAnything) {
  const Bytes genuine = InstanceSpec().Build();
  Mutator mutator(6);
  size_t read = 0;
  for (size_t i = 0; i < kMutants; ++i) {
    const auto instance = ParseGceInstanceUnverified(mutator.Mutate(genuine));
    if (instance.ok()) {
      ++read;
      EXPECT_FALSE(instance->zone.empty());
      EXPECT_LE(instance->instance_name.size(), 256U);
    }
  }
  EXPECT_LT(read, kMutants);
}

}  // namespace
}  // namespace constellation::attestation
