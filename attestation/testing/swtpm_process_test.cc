// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/swtpm_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "attestation/tpm/tpm_device.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::testing {
namespace {

using attestation::Tpm;

TEST(SwtpmProcessTest, KeepsItsIdentityInItsFolder) {
  const TempDir dir;
  Bytes certificate;
  {
    ASSERT_OK_AND_ASSIGN(const auto swtpm, SwtpmProcess::Start(dir.path()));
    ASSERT_OK_AND_ASSIGN(const auto tpm, Tpm::Open(swtpm->tcti()));
    ASSERT_OK_AND_ASSIGN(certificate, tpm->ReadEkCertificate());
  }
  ASSERT_OK_AND_ASSIGN(const auto again, SwtpmProcess::Start(dir.path()));
  ASSERT_OK_AND_ASSIGN(const auto tpm, Tpm::Open(again->tcti()));
  EXPECT_THAT(tpm->ReadEkCertificate(), IsOkAndHolds(certificate));
}

TEST(SwtpmProcessTest, NothingListensAfterItsEnd) {
  const TempDir dir;
  std::string tcti;
  {
    ASSERT_OK_AND_ASSIGN(const auto swtpm, SwtpmProcess::StartCopy(dir.path()));
    tcti = swtpm->tcti();
    EXPECT_THAT(Tpm::Open(tcti), IsOk());
  }
  EXPECT_THAT(Tpm::Open(tcti), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(SwtpmProcessTest, CopiesHaveTheSameKeysAndTheirOwnRegisters) {
  const TempDir a_dir;
  const TempDir b_dir;
  ASSERT_OK_AND_ASSIGN(const auto a, SwtpmProcess::StartCopy(a_dir.path()));
  ASSERT_OK_AND_ASSIGN(const auto b, SwtpmProcess::StartCopy(b_dir.path()));
  ASSERT_OK_AND_ASSIGN(const auto tpm_a, Tpm::Open(a->tcti()));
  ASSERT_OK_AND_ASSIGN(const auto tpm_b, Tpm::Open(b->tcti()));
  ASSERT_OK_AND_ASSIGN(const auto ak_a, tpm_a->AttestationKey());
  ASSERT_OK_AND_ASSIGN(const auto ak_b, tpm_b->AttestationKey());
  EXPECT_EQ(ak_a.name, ak_b.name);
  ASSERT_THAT(tpm_a->ExtendPcr(12, {}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto pcrs_a, tpm_a->ReadPcrs(1U << 12U));
  ASSERT_OK_AND_ASSIGN(const auto pcrs_b, tpm_b->ReadPcrs(1U << 12U));
  EXPECT_NE(pcrs_a, pcrs_b);
}

TEST(SwtpmProcessTest, RefusesFolderThatIsNotThere) {
  EXPECT_FALSE(SwtpmProcess::StartCopy("/proc/nonexistent").ok());
}

}  // namespace
}  // namespace constellation::testing
