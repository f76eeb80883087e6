// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/enrollment.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/testing/ek_certificate.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::ReplaceCertificate;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// A real TPM, one per test.
class TpmOperationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    ASSERT_OK_AND_ASSIGN(esys_, EsysContext::Open(swtpm_->tcti()));
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<EsysContext> esys_;
};

TEST_F(TpmOperationsTest, ReadsCertificateWithPaddingBehindIt) {
  ASSERT_OK_AND_ASSIGN(const Bytes certificate, ReadEkCertificateFrom(*esys_));
  Bytes padded = certificate;
  padded.resize(certificate.size() + 50, 0xff);
  ReplaceCertificate(*esys_, padded);
  ASSERT_OK_AND_ASSIGN(const Bytes read, ReadEkCertificateFrom(*esys_));
  EXPECT_EQ(read, certificate);
  esys_.reset();  // swtpm serves one connection at a time
  EXPECT_THAT(EnrollTpm(swtpm_->tcti()), IsOk());
}

TEST(WithoutPaddingBehindDerTest, CutsOffWhatFollows) {
  const Bytes whole = {0x30, 0x82, 0x00, 0x02, 0x05, 0x00};
  EXPECT_THAT(WithoutPaddingBehindDer(whole, "x"), IsOkAndHolds(whole));
  Bytes padded = whole;
  padded.resize(100, 0xff);
  EXPECT_THAT(WithoutPaddingBehindDer(padded, "x"), IsOkAndHolds(whole));
}

TEST(WithoutPaddingBehindDerTest, RefusesWhatIsNoCertificate) {
  for (const Bytes& other :
       {Bytes(), Bytes(3, 0x30), Bytes{0x31, 0x82, 0, 1, 0},
        Bytes{0x30, 0x81, 0, 1, 0}}) {
    EXPECT_THAT(WithoutPaddingBehindDer(other, "x"),
                StatusIs(kInvalid, HasSubstr("x: want a DER sequence")));
  }
  // Longer than the index.
  EXPECT_THAT(WithoutPaddingBehindDer(Bytes{0x30, 0x82, 0, 2, 0}, "x"),
              StatusIs(kInvalid, HasSubstr("x: want 6 bytes, got 5")));
}

TEST_F(TpmOperationsTest, RefusesAnIndexThatHoldsSomethingElse) {
  ReplaceCertificate(*esys_, Bytes(100, 0xff));
  EXPECT_THAT(
      ReadEkCertificateFrom(*esys_),
      StatusIs(kInvalid, HasSubstr("EK certificate: want a DER sequence")));
}

TEST_F(TpmOperationsTest, SaysWhichIndexIsMissing) {
  EXPECT_THAT(ReadNvIndex(*esys_, 0x01c0ffff),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("NV index 0x01c0ffff: not defined")));
}

// Several chunks, the last one not full.
TEST_F(TpmOperationsTest, ReadsAnIndexInChunks) {
  Bytes contents(1300);
  for (size_t i = 0; i < contents.size(); ++i) {
    contents[i] = static_cast<uint8_t>(i * 7);
  }
  ReplaceCertificate(*esys_, contents);
  ASSERT_OK_AND_ASSIGN(const Bytes read,
                       ReadNvIndex(*esys_, kEkCertificateIndex));
  EXPECT_EQ(read, contents);
}

// Both templates fix keys that are enrolled or certified: TPM_Name and
// certificate would change with any octet.
TEST_F(TpmOperationsTest, TemplatesMakeTheKeysThatTheyDescribe) {
  ASSERT_OK_AND_ASSIGN(const PrimaryKey ak,
                       CreateEndorsementPrimary(*esys_, AkTemplate()));
  ASSERT_OK_AND_ASSIGN(const PublicAreaUnverified ak_area,
                       ParsePublicAreaUnverified(ak.public_area));
  EXPECT_EQ(ak_area.attributes, 0x00050472U);
  EXPECT_EQ(ak_area.ecc_curve, kTpmEccNistP256);
  EXPECT_TRUE(ak_area.auth_policy.empty());
  ASSERT_OK_AND_ASSIGN(const PrimaryKey ek,
                       CreateEndorsementPrimary(*esys_, EkTemplate()));
  ASSERT_OK_AND_ASSIGN(const PublicAreaUnverified ek_area,
                       ParsePublicAreaUnverified(ek.public_area));
  EXPECT_EQ(ek_area.attributes, 0x000300b2U);
  EXPECT_EQ(ek_area.rsa_bits, 2048);
  EXPECT_EQ(HexEncode(ek_area.auth_policy),
            "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");
}

}  // namespace
}  // namespace constellation::attestation
