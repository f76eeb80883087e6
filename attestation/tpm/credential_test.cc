// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/esys.h"
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

// The heart of enrolment: what the TPM must and must not be able to decrypt.
class CredentialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    ASSERT_OK_AND_ASSIGN(esys_, EsysContext::Open(swtpm_->tcti()));
    ASSERT_OK_AND_ASSIGN(ek_, CreateEndorsementPrimary(*esys_, EkTemplate()));
    ASSERT_OK_AND_ASSIGN(ak_, CreateEndorsementPrimary(*esys_, AkTemplate()));
    ASSERT_OK_AND_ASSIGN(ak_name_, NameOf(ak_.public_area));
  }
  void TearDown() override {
    ak_ = {};
    ek_ = {};
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<EsysContext> esys_;
  PrimaryKey ek_, ak_;
  TpmName ak_name_{};
  const SecretBytes secret_ = crypto::RandomSecret(32);
};

TEST_F(CredentialTest, SucceedsForBothKeysInOneTpm) {
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_), IsOk());
}

TEST_F(CredentialTest, FailsForAnotherName) {
  ak_name_.back() ^= 1U;
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("TPM2_ActivateCredential")));
}

TEST_F(CredentialTest, FailsForTheEkOfAnotherTpm) {
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

TEST_F(CredentialTest, FailsForAnotherSecret) {
  ASSERT_OK_AND_ASSIGN(
      const Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  EXPECT_THAT(
      CheckActivation(*esys_, ak_, ek_, credential, crypto::RandomSecret(32)),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("another secret")));
}

TEST_F(CredentialTest, FailsForChangedBlob) {
  ASSERT_OK_AND_ASSIGN(
      Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  credential.blob.credential[credential.blob.size - 1] ^= 1U;
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(CredentialTest, FailsForChangedSeed) {
  ASSERT_OK_AND_ASSIGN(
      Credential credential,
      MakeCredential(*esys_, ek_.public_area, ak_name_, secret_));
  credential.seed.secret[credential.seed.size - 1] ^= 1U;
  EXPECT_THAT(CheckActivation(*esys_, ak_, ek_, credential, secret_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(CredentialTest, SecretsAreAtMostADigest) {
  EXPECT_THAT(MakeCredential(*esys_, ek_.public_area, ak_name_,
                             crypto::RandomSecret(65)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CredentialTest, WantsAKeyToEncryptFor) {
  EXPECT_FALSE(MakeCredential(*esys_, Bytes(5), ak_name_, secret_).ok());
  // A signing key decrypts nothing.
  EXPECT_FALSE(MakeCredential(*esys_, ak_.public_area, ak_name_, secret_).ok());
}

}  // namespace
}  // namespace constellation::attestation
