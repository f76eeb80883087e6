// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/enrollment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tss2/tss2_esys.h>

#include <memory>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/testing/ek_certificate.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_device.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/random.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::ReplaceCertificate;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EnrollmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
  }

  std::unique_ptr<EsysContext> OpenEsys() {
    auto esys = EsysContext::Open(swtpm_->tcti());
    EXPECT_THAT(esys, IsOk());
    return *std::move(esys);
  }

  // How many objects and sessions are inside the TPM.
  static size_t LoadedHandles(EsysContext& esys) {
    size_t count = 0;
    for (const TPM2_HANDLE first :
         {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST,
          TPM2_ACTIVE_SESSION_FIRST}) {
      TPMI_YES_NO more = 0;
      TPMS_CAPABILITY_DATA* data = nullptr;
      EXPECT_EQ(Esys_GetCapability(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, TPM2_CAP_HANDLES, first, 16,
                                   &more, &data),
                TSS2_RC_SUCCESS);
      const EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
      count += owned->data.handles.count;
    }
    return count;
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
};

TEST_F(EnrollmentTest, PinsCertificateAndKey) {
  ASSERT_OK_AND_ASSIGN(const EnrolledTpm enrolled, EnrollTpm(swtpm_->tcti()));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tpm> tpm,
                       Tpm::Open(swtpm_->tcti()));
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo ak, tpm->AttestationKey());
  ASSERT_OK_AND_ASSIGN(const Bytes certificate, tpm->ReadEkCertificate());
  EXPECT_EQ(enrolled.ak_name, ak.name);
  EXPECT_EQ(enrolled.ek_certificate_sha256, crypto::Sha256(certificate));
}

TEST_F(EnrollmentTest, GivesTheSameAgain) {
  ASSERT_OK_AND_ASSIGN(const EnrolledTpm first, EnrollTpm(swtpm_->tcti()));
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  ASSERT_OK_AND_ASSIGN(const EnrolledTpm again, EnrollTpm(swtpm_->tcti()));
  EXPECT_EQ(first, again);
}

TEST_F(EnrollmentTest, LeavesNothingInTheTpm) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(EnrollTpm(swtpm_->tcti()), IsOk()) << i;
  }
  EXPECT_EQ(LoadedHandles(*OpenEsys()), 0U);
}

TEST_F(EnrollmentTest, LeavesNothingWhenItFails) {
  ReplaceCertificate(*OpenEsys(), crypto::RandomBytes(700));
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(EnrollTpm(swtpm_->tcti()),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(LoadedHandles(*OpenEsys()), 0U);
}

TEST_F(EnrollmentTest, RefusesCertificateOfAnotherTpm) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SwtpmProcess> other,
                       SwtpmProcess::Start(dir.path()));
  Bytes certificate;
  {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tpm> tpm,
                         Tpm::Open(other->tcti()));
    ASSERT_OK_AND_ASSIGN(certificate, tpm->ReadEkCertificate());
  }
  ReplaceCertificate(*OpenEsys(), certificate);
  EXPECT_THAT(EnrollTpm(swtpm_->tcti()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("another key than this TPM's EK")));
}

TEST_F(EnrollmentTest, NeedsCertificate) {
  ReplaceCertificate(*OpenEsys(), {});
  EXPECT_THAT(EnrollTpm(swtpm_->tcti()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("0x01c00002")));
  // Evidence can be made without one; no policy will accept it.
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TpmAttester> attester,
      TpmAttester::Create(swtpm_->tcti(), "qemu-vtpm", "/nonexistent"));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence,
                       attester->Attest(Bytes(kUserDataSize)));
  EXPECT_THAT(evidence.tpm.ek_certificate, IsEmpty());
}

TEST_F(EnrollmentTest, SaysWhenNoTpmIsThere) {
  EXPECT_THAT(EnrollTpm("swtpm:path=/nonexistent/socket"),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::attestation
