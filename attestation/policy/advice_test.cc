// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "attestation/policy/policy.h"

namespace constellation::attestation {
namespace {

using ::testing::HasSubstr;

TEST(AdviceTest, EveryRegisterOfAProfileHasAWord) {
  for (const uint32_t index : kRequiredPcrs) {
    EXPECT_FALSE(PcrAdvice(index).empty()) << index;
  }
  EXPECT_THAT(std::string(PcrAdvice(11)), HasSubstr("unified kernel image"));
  EXPECT_EQ(PcrAdvice(8), PcrAdvice(12));
  EXPECT_NE(PcrAdvice(4), PcrAdvice(9));
  EXPECT_THAT(std::string(PcrAdvice(0)), HasSubstr("does not know"));
}

// A replay must not read like a forgery.
TEST(AdviceTest, TellsReplaysFromForgeries) {
  EXPECT_THAT(std::string(QuoteAdvice(QuoteCheckId::kQualifyingData)),
              HasSubstr("replayed"));
  EXPECT_THAT(std::string(QuoteAdvice(QuoteCheckId::kSignature)),
              HasSubstr("another key"));
  EXPECT_EQ(QuoteAdvice(QuoteCheckId::kPcrList),
            QuoteAdvice(QuoteCheckId::kPcrDigest));
  for (int id = 0; id <= static_cast<int>(QuoteCheckId::kBank); ++id) {
    EXPECT_FALSE(QuoteAdvice(static_cast<QuoteCheckId>(id)).empty()) << id;
  }
}

// What the owner can mend names a command or a key of the policy.
TEST(AdviceTest, SaysWhatTheOwnerCanMend) {
  for (const SnpCheckId id :
       {SnpCheckId::kRootCertificate, SnpCheckId::kIntermediateCertificate,
        SnpCheckId::kSignerCertificate}) {
    EXPECT_THAT(std::string(SnpAdvice(id)),
                HasSubstr("constellation collateral fetch"));
  }
  EXPECT_THAT(std::string(SnpAdvice(SnpCheckId::kRevocationList)),
              HasSubstr("requireRevocationList"));
  EXPECT_THAT(std::string(SnpAdvice(SnpCheckId::kNotRevoked)),
              HasSubstr("another host"));
  EXPECT_THAT(std::string(SnpAdvice(SnpCheckId::kRootPinned)),
              HasSubstr("not genuine"));
  std::set<std::string_view> words;
  for (int id = 0; id <= static_cast<int>(SnpCheckId::kSignature); ++id) {
    EXPECT_FALSE(SnpAdvice(static_cast<SnpCheckId>(id)).empty()) << id;
    words.insert(SnpAdvice(static_cast<SnpCheckId>(id)));
  }
  EXPECT_EQ(words.size(), 7U);
}

}  // namespace
}  // namespace constellation::attestation
