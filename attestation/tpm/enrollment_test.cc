// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/enrollment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tss2/tss2_esys.h>

#include <algorithm>
#include <memory>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/credential.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_device.h"
#include "attestation/tpm/tpm_operations.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/random.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
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

  // Replaces the EK certificate by `contents`; removes it if empty.
  static void ReplaceCertificate(EsysContext& esys, const Bytes& contents) {
    ESYS_TR index = ESYS_TR_NONE;
    ASSERT_EQ(
        Esys_TR_FromTPMPublic(esys.get(), kEkCertificateIndex, ESYS_TR_NONE,
                              ESYS_TR_NONE, ESYS_TR_NONE, &index),
        TSS2_RC_SUCCESS);
    ASSERT_EQ(
        Esys_NV_UndefineSpace(esys.get(), ESYS_TR_RH_PLATFORM, index,
                              ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
        TSS2_RC_SUCCESS);
    if (contents.empty()) {
      return;
    }
    TPM2B_NV_PUBLIC area{};
    area.nvPublic.nvIndex = kEkCertificateIndex;
    area.nvPublic.nameAlg = TPM2_ALG_SHA256;
    area.nvPublic.attributes = TPMA_NV_PPWRITE | TPMA_NV_PPREAD |
                               TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD |
                               TPMA_NV_NO_DA | TPMA_NV_PLATFORMCREATE;
    area.nvPublic.dataSize = static_cast<uint16_t>(contents.size());
    const TPM2B_AUTH no_auth{};
    ASSERT_EQ(Esys_NV_DefineSpace(esys.get(), ESYS_TR_RH_PLATFORM,
                                  ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                  &no_auth, &area, &index),
              TSS2_RC_SUCCESS);
    for (size_t offset = 0; offset < contents.size(); offset += 512) {
      TPM2B_MAX_NV_BUFFER chunk{};
      const size_t size = std::min<size_t>(512, contents.size() - offset);
      ASSERT_THAT(CopyInto(std::span(contents).subspan(offset, size),
                           chunk.buffer, chunk.size),
                  IsOk());
      ASSERT_EQ(Esys_NV_Write(esys.get(), ESYS_TR_RH_PLATFORM, index,
                              ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                              &chunk, static_cast<uint16_t>(offset)),
                TSS2_RC_SUCCESS);
    }
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

TEST_F(EnrollmentTest, ReadsCertificateWithPaddingBehindIt) {
  Bytes padded;
  {
    const std::unique_ptr<EsysContext> esys = OpenEsys();
    ASSERT_OK_AND_ASSIGN(const Bytes certificate, ReadEkCertificateFrom(*esys));
    padded = certificate;
    padded.resize(certificate.size() + 50, 0xff);
    ReplaceCertificate(*esys, padded);
    ASSERT_OK_AND_ASSIGN(const Bytes read, ReadEkCertificateFrom(*esys));
    EXPECT_EQ(read, certificate);
  }
  EXPECT_THAT(EnrollTpm(swtpm_->tcti()), IsOk());
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

// The heart of enrolment: what the TPM must and must not be able to decrypt.
class ActivationTest : public EnrollmentTest {
 protected:
  void SetUp() override {
    EnrollmentTest::SetUp();
    esys_ = OpenEsys();
    ASSERT_OK_AND_ASSIGN(ek_, CreateEndorsementPrimary(*esys_, EkTemplate()));
    ASSERT_OK_AND_ASSIGN(ak_, CreateEndorsementPrimary(*esys_, AkTemplate()));
    ASSERT_OK_AND_ASSIGN(ak_name_, NameOf(ak_.public_area));
  }
  void TearDown() override {
    ak_ = {};
    ek_ = {};
  }

  std::unique_ptr<EsysContext> esys_;
  PrimaryKey ek_, ak_;
  TpmName ak_name_{};
  const SecretBytes secret_ = crypto::RandomSecret(32);
};

TEST_F(ActivationTest, SucceedsForBothKeysInOneTpm) {
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_), IsOk());
}

TEST_F(ActivationTest, FailsForAnotherName) {
  ak_name_.back() ^= 1U;
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("TPM2_ActivateCredential")));
}

TEST_F(ActivationTest, FailsForTheEkOfAnotherTpm) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SwtpmProcess> other,
                       SwtpmProcess::Start(dir.path()));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EsysContext> other_esys,
                       EsysContext::Open(other->tcti()));
  ASSERT_OK_AND_ASSIGN(const PrimaryKey other_ek,
                       CreateEndorsementPrimary(*other_esys, EkTemplate()));
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, other_ek.public_area, ak_name_, secret_));
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(ActivationTest, FailsForAnotherSecret) {
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  EXPECT_THAT(
      CheckActivation(*esys_, ak_, ek_, credential, crypto::RandomSecret(32)),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("another secret")));
}

TEST_F(ActivationTest, FailsForChangedBlob) {
  ASSERT_OK_AND_ASSIGN(
      Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  credential.blob.credential[credential.blob.size - 1] ^= 1U;
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace constellation::attestation
