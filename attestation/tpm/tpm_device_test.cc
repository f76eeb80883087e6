// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/enrollment.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

TEST(TpmDeviceTest, EnrollsThenAttests) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SwtpmProcess> swtpm,
                       SwtpmProcess::Start(dir.path()));
  ASSERT_OK_AND_ASSIGN(const EnrolledTpm enrolled, EnrollTpm(swtpm->tcti()));
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TpmAttester> attester,
      TpmAttester::Create(swtpm->tcti(), "qemu-vtpm", "/nonexistent"));
  const Bytes user_data(kUserDataSize, 7);
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(user_data));
  EXPECT_EQ(crypto::Sha256(evidence.tpm.ek_certificate),
            enrolled.ek_certificate_sha256);
  ASSERT_OK_AND_ASSIGN(
      const VerifiedQuote quote,
      VerifyQuote(evidence.tpm, QuoteQualifyingData(user_data, {})));
  EXPECT_EQ(quote.ak_name(), enrolled.ak_name);
  EXPECT_EQ(quote.pcrs().size(), 16U);
}

}  // namespace
}  // namespace constellation::attestation
