// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_status.h"

#include <gtest/gtest.h>

namespace constellation::attestation {
namespace {

using S = TcbStatus;

constexpr S kAll[] = {S::kUpToDate,
                      S::kSwHardeningNeeded,
                      S::kConfigurationNeeded,
                      S::kConfigurationAndSwHardeningNeeded,
                      S::kOutOfDate,
                      S::kOutOfDateConfigurationNeeded,
                      S::kRevoked,
                      S::kTdRelaunchAdvised,
                      S::kTdRelaunchAdvisedConfigurationNeeded,
                      S::kNotSupported};

TEST(TcbStatusTest, WordsAreIntels) {
  for (const S status : kAll) {
    EXPECT_EQ(TcbStatusFromString(ToString(status)), status);
  }
  EXPECT_EQ(ToString(S::kSwHardeningNeeded), "SWHardeningNeeded");
  EXPECT_EQ(ToString(S::kTdRelaunchAdvised), "TDRelaunchAdvised");
  for (const char* word : {"", "uptodate", "UpToDate ", "unknown"}) {
    EXPECT_FALSE(TcbStatusFromString(word).has_value()) << word;
  }
  EXPECT_EQ(ToString(static_cast<S>(99)), "unknown");
}

TEST(TcbStatusTest, ResultsOfTheVerificationAreNeverStated) {
  for (const S status : kAll) {
    const bool result = status == S::kTdRelaunchAdvised ||
                        status == S::kTdRelaunchAdvisedConfigurationNeeded ||
                        status == S::kNotSupported;
    EXPECT_EQ(IsStatedByCollateral(status), !result) << ToString(status);
  }
}

TEST(TcbStatusTest, AnUpToDatePartChangesNothing) {
  for (const S status : kAll) {
    EXPECT_EQ(MergeTcbStatus(status, S::kUpToDate), status);
  }
}

TEST(TcbStatusTest, AnOldPartMakesThePlatformOld) {
  EXPECT_EQ(MergeTcbStatus(S::kUpToDate, S::kOutOfDate), S::kOutOfDate);
  EXPECT_EQ(MergeTcbStatus(S::kSwHardeningNeeded, S::kOutOfDate),
            S::kOutOfDate);
  for (const S status :
       {S::kConfigurationNeeded, S::kConfigurationAndSwHardeningNeeded}) {
    EXPECT_EQ(MergeTcbStatus(status, S::kOutOfDate),
              S::kOutOfDateConfigurationNeeded);
  }
  for (const S status : {S::kOutOfDate, S::kOutOfDateConfigurationNeeded,
                         S::kRevoked, S::kNotSupported}) {
    EXPECT_EQ(MergeTcbStatus(status, S::kOutOfDate), status);
  }
}

TEST(TcbStatusTest, TheWorstWins) {
  for (const S status : kAll) {
    EXPECT_EQ(MergeTcbStatus(S::kNotSupported, status), S::kNotSupported);
    EXPECT_EQ(MergeTcbStatus(status, S::kRevoked),
              status == S::kNotSupported ? S::kNotSupported : S::kRevoked);
  }
  // Outside of Intel's algorithm.
  for (const S part : {S::kSwHardeningNeeded, S::kConfigurationNeeded,
                       S::kTdRelaunchAdvised, S::kNotSupported}) {
    EXPECT_EQ(MergeTcbStatus(S::kUpToDate, part), S::kNotSupported);
  }
}

}  // namespace
}  // namespace constellation::attestation
