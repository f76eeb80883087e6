// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/check_facts.h"

#include <gtest/gtest.h>

#include "attestation/tpm/testing/test_ca.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CertificateSpec;
using ::constellation::testing::CrlSpec;
using ::constellation::testing::IsOk;
using ::constellation::testing::MakeCertificate;
using ::constellation::testing::MakeCrl;
using ::constellation::testing::TestKey;
using ::constellation::testing::TestKeyType;

TEST(CheckFactsTest, ASignersDatesNarrowBothEnds) {
  const TestKey key(TestKeyType::kP256);
  const auto signer =
      crypto::Certificate::FromDer(MakeCertificate(CertificateSpec(), key, key))
          .value();
  const absl::Time from = signer.NotBefore().value();
  const absl::Time to = signer.NotAfter().value();
  CollateralFacts wide;
  wide.not_before = from - absl::Hours(1);
  wide.not_after = to + absl::Hours(1);
  ASSERT_THAT(Narrow(wide, signer), IsOk());
  EXPECT_EQ(wide.not_before, from);
  EXPECT_EQ(wide.not_after, to);
  CollateralFacts narrow;
  narrow.not_before = from + absl::Hours(1);
  narrow.not_after = to - absl::Hours(1);
  ASSERT_THAT(Narrow(narrow, signer), IsOk());
  EXPECT_EQ(narrow.not_before, from + absl::Hours(1));
  EXPECT_EQ(narrow.not_after, to - absl::Hours(1));
}

TEST(CheckFactsTest, AListIsAsOldAsItSays) {
  const TestKey key(TestKeyType::kP256);
  const auto list =
      crypto::RevocationList::FromDer(MakeCrl(CrlSpec(), key)).value();
  const CollateralFacts facts = FactsOf(list);
  EXPECT_EQ(facts.not_before, list.ThisUpdate());
  EXPECT_EQ(facts.issued, list.ThisUpdate());
  EXPECT_EQ(facts.not_after, list.NextUpdate());
}

}  // namespace
}  // namespace constellation::attestation
