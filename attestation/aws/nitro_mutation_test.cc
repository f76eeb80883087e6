// SPDX-License-Identifier: Apache-2.0
// Changed documents: none may pass that differs in a signed octet.
#include <gtest/gtest.h>

#include "attestation/aws/cbor_reader.h"
#include "attestation/aws/nitro_verifier.h"
#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/tpm/testing/mutator.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::Mutator;
using ::constellation::testing::NitroBuilder;

TEST(NitroMutationTest, NoChangedDocumentPasses) {
  NitroBuilder builder;
  builder.nonce = Bytes(20, 9);
  builder.public_key = builder.nonce;
  NitroExpectation want = builder.Expectation();
  want.nonce = builder.nonce;
  const Bytes genuine = builder.Build();
  const auto original = ParseCoseSign1Unverified(genuine);
  Mutator mutator(7);
  for (size_t i = 0; i < 800; ++i) {
    const Bytes mutant = mutator.Mutate(genuine);
    const NitroVerification result = CheckNitroDocument(mutant, want);
    ASSERT_EQ(result.checks.size(), 13U);
    if (result.document.has_value()) {
      // A tag or a longer form of a length around the signed parts.
      const auto cose = ParseCoseSign1Unverified(mutant);
      EXPECT_TRUE(std::ranges::equal(cose->payload, original->payload)) << i;
      EXPECT_TRUE(std::ranges::equal(cose->protected_header,
                                     original->protected_header));
    }
  }
}

// Payloads that the hypervisor would have signed, with one field changed: they
// may pass, but must then be read as they are.
TEST(NitroMutationTest, ReadersSurviveAnything) {
  const NitroBuilder builder;
  const Bytes payload = builder.Payload();
  Mutator mutator(8);
  size_t read = 0;
  for (size_t i = 0; i < 20000; ++i) {
    const Bytes mutant = mutator.Mutate(payload);
    const auto document = ParseNitroDocumentUnverified(mutant);
    if (!document.ok()) {
      continue;
    }
    ++read;
    EXPECT_FALSE(document->module_id.empty());
    for (const NitroPcr& pcr : document->pcrs) {
      EXPECT_EQ(pcr.value.size(), 48U);
      EXPECT_LT(pcr.index, 32U);
      EXPECT_GE(pcr.value.data(), mutant.data());
      EXPECT_LE(pcr.value.data() + pcr.value.size(),
                mutant.data() + mutant.size());
    }
  }
  EXPECT_GT(read, 0U);
}

TEST(NitroMutationTest, CborReaderIsBounded) {
  Mutator mutator(9);
  const Bytes nested(9, 0x9f);
  for (size_t i = 0; i < 20000; ++i) {
    const auto item = DecodeCbor(mutator.Mutate(nested));
    EXPECT_TRUE(!item.ok() || item->items.size() <= 1024);
  }
}

}  // namespace
}  // namespace constellation::attestation
