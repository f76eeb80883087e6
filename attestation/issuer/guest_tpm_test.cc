// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/guest_tpm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/issuer/azure_guest.h"
#include "attestation/issuer/platform_attester.h"
#include "attestation/issuer/testing/cloud_keys.h"
#include "attestation/issuer/testing/cloud_tpm.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_device.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::CloudTpm;
using ::constellation::attestation::testing::EccKeyTemplate;
using ::constellation::attestation::testing::KeepKey;
using ::constellation::attestation::testing::RsaKeyTemplate;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

const Bytes kQualifyingData(32, 0x42);

// A cloud's TPM, one per test.
class GuestTpmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    cloud_ = std::make_unique<CloudTpm>(
        swtpm_->tcti().substr(std::string("swtpm:path=").size()),
        dir_.Join("cloud"));
  }
  std::unique_ptr<GuestTpm> Open(AttestationKeyChoice key = OwnKey()) {
    auto tpm = GuestTpm::Open(cloud_->tcti(), key);
    EXPECT_THAT(tpm, IsOk());
    return *std::move(tpm);
  }
  // Whether a quote with `tpm`'s key verifies.
  static void ExpectGoodQuote(GuestTpm& tpm) {
    ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo key, tpm.AttestationKey());
    ASSERT_OK_AND_ASSIGN(const auto pcrs, tpm.ReadPcrs(kQuotedPcrMask));
    ASSERT_OK_AND_ASSIGN(const TpmQuote quote,
                         tpm.Quote(kQualifyingData, kQuotedPcrMask));
    ASSERT_OK_AND_ASSIGN(const VerifiedQuote verified,
                         VerifyQuote({.attest = quote.attest,
                                      .signature = quote.signature,
                                      .ak_public = key.public_area,
                                      .ek_certificate = {},
                                      .pcrs = pcrs,
                                      .event_log = {}},
                                     kQualifyingData));
    EXPECT_EQ(verified.ak_name(), key.name);
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<CloudTpm> cloud_;
};

TEST_F(GuestTpmTest, QuotesWithOurOwnKeyAsTpmDoes) {
  AttestationKeyInfo ours;
  {
    const auto tpm = Open();
    ExpectGoodQuote(*tpm);
    ASSERT_OK_AND_ASSIGN(ours, tpm->AttestationKey());
  }
  ASSERT_OK_AND_ASSIGN(const auto plain, Tpm::Open(swtpm_->tcti()));
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo key, plain->AttestationKey());
  EXPECT_EQ(key.public_area, ours.public_area)
      << "enrolled TPMs must stay enrolled";
}

TEST_F(GuestTpmTest, QuotesWithKeyThatThePlatformKeeps) {
  const Bytes area =
      KeepKey(cloud_->tcti(), RsaKeyTemplate(), kHclAttestationKey.handle);
  const auto tpm = Open(kHclAttestationKey);
  ExpectGoodQuote(*tpm);
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo key, tpm->AttestationKey());
  EXPECT_EQ(key.public_area, area);
}

TEST_F(GuestTpmTest, MissingPlatformKeyIsNotFound) {
  EXPECT_THAT(
      Open(kHclAttestationKey)->AttestationKey(),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("key 0x81000003")));
  EXPECT_THAT(Open(kHclAttestationKey)->Quote(kQualifyingData, 1),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Open(TemplateKey{kGcpEccTemplateIndex})->AttestationKey(),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(GuestTpmTest, QuotesWithKeyOfThePlatformsTemplate) {
  for (const Bytes& key_template : {EccKeyTemplate(), RsaKeyTemplate()}) {
    cloud_->SetIndex(kGcpEccTemplateIndex, key_template);
    AttestationKeyInfo key;
    {
      const auto tpm = Open(TemplateKey{kGcpEccTemplateIndex});
      ExpectGoodQuote(*tpm);
      ASSERT_OK_AND_ASSIGN(key, tpm->AttestationKey());
    }
    // The same with a size before it.
    Bytes sized = {static_cast<uint8_t>(key_template.size() >> 8U),
                   static_cast<uint8_t>(key_template.size())};
    sized.insert(sized.end(), key_template.begin(), key_template.end());
    cloud_->SetIndex(kGcpEccTemplateIndex, sized);
    const auto tpm = Open(TemplateKey{kGcpEccTemplateIndex});
    ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo same, tpm->AttestationKey());
    EXPECT_EQ(same.public_area, key.public_area);
  }
}

TEST_F(GuestTpmTest, RefusesTemplateThatIsNone) {
  const Bytes good = EccKeyTemplate();
  Bytes longer = good;
  longer.push_back(0);
  for (const Bytes& bad : {Bytes(), Bytes{0x00}, Bytes(100, 0xff),
                           Bytes(good.begin(), good.end() - 1), longer}) {
    cloud_->SetIndex(kGcpEccTemplateIndex, bad);
    EXPECT_THAT(Open(TemplateKey{kGcpEccTemplateIndex})->AttestationKey(),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(GuestTpmTest, ReadsIndicesWithEitherAuthorisation) {
  Bytes contents(2600);
  for (size_t i = 0; i < contents.size(); ++i) {
    contents[i] = static_cast<uint8_t>(i * 7);
  }
  cloud_->SetIndex(0x01400001, contents, CloudTpm::kByOwner);
  cloud_->SetIndex(0x01400003, contents, CloudTpm::kByIndex);
  const auto tpm = Open();
  EXPECT_THAT(tpm->ReadNv(0x01400001), IsOkAndHolds(contents));
  EXPECT_THAT(tpm->ReadNv(0x01400003), IsOkAndHolds(contents));
  EXPECT_THAT(tpm->ReadNv(0x01400004),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("NV index 0x01400004: not defined")));
}

TEST_F(GuestTpmTest, RefusesHugeIndices) {
  cloud_->SetIndex(0x01400001, Bytes(kMaxGuestNvSize + 1));
  EXPECT_THAT(Open()->ReadNv(0x01400001),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want at most 16384 bytes")));
}

TEST_F(GuestTpmTest, WritesIndicesAndDefinesMissingOnes) {
  const auto tpm = Open();
  const Bytes data(1300, 0xaa);
  ASSERT_THAT(tpm->WriteNv(0x01400002, data), IsOk());
  EXPECT_EQ(cloud_->index(0x01400002), data);
  const Bytes shorter(64, 0xbb);
  ASSERT_THAT(tpm->WriteNv(0x01400002, shorter), IsOk());
  EXPECT_EQ(cloud_->index(0x01400002)->size(), data.size());
  EXPECT_EQ(cloud_->index(0x01400002)->at(63), 0xbb);
  EXPECT_EQ(cloud_->index(0x01400002)->at(64), 0xaa);
  EXPECT_THAT(tpm->WriteNv(0x01400002, Bytes(1301)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has 1300 bytes")));
  cloud_->SetIndex(0x01400005, Bytes(64), CloudTpm::kByIndex);
  EXPECT_THAT(tpm->WriteNv(0x01400005, shorter), IsOk());
  cloud_->SetIndex(0x01400006, Bytes(64), 0x00020000);  // not writable
  EXPECT_FALSE(tpm->WriteNv(0x01400006, shorter).ok());
}

TEST_F(GuestTpmTest, RealTpmKeepsIndices) {
  ASSERT_OK_AND_ASSIGN(const auto tpm, GuestTpm::Open(swtpm_->tcti()));
  const Bytes data(1500, 0x33);
  ASSERT_THAT(tpm->WriteNv(0x01500001, data), IsOk());
  EXPECT_THAT(tpm->ReadNv(0x01500001), IsOkAndHolds(data));
}

TEST_F(GuestTpmTest, RefusesRegistersThatAreNone) {
  const auto tpm = Open();
  for (const uint32_t mask : {0U, 1U << 24U, 0xffffffffU}) {
    EXPECT_THAT(tpm->ReadPcrs(mask),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(tpm->Quote(kQualifyingData, mask),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(tpm->Quote(Bytes(65), 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(GuestTpmTest, ReadsAllRegistersInOrder) {
  ASSERT_OK_AND_ASSIGN(const auto pcrs, Open()->ReadPcrs(0xffffff));
  ASSERT_EQ(pcrs.size(), 24U);
  for (uint32_t i = 0; i < pcrs.size(); ++i) {
    EXPECT_EQ(pcrs[i].index, i);
  }
  EXPECT_EQ(pcrs[17].sha256[0], 0xff);
}

TEST_F(GuestTpmTest, OpensTheTpmAgainAfterItWasGone) {
  const auto tpm = Open();
  ExpectGoodQuote(*tpm);
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  EXPECT_THAT(tpm->Quote(kQualifyingData, 1),
              StatusIs(absl::StatusCode::kUnavailable));
  ExpectGoodQuote(*tpm);
}

TEST_F(GuestTpmTest, RunsNsmRequestsAndLeavesNothingBehind) {
  const size_t before = cloud_->index_count();
  cloud_->nsm = [](const Bytes& contents) {
    EXPECT_EQ(contents.size(), 8192U);
    EXPECT_EQ(contents[999], 0x0f);
    return Bytes(5000, 0xd0);
  };
  ASSERT_OK_AND_ASSIGN(const Bytes answer,
                       Open()->RunNsmRequest(Bytes(1000, 0x0f), 8192));
  ASSERT_EQ(answer.size(), 8192U);
  EXPECT_EQ(answer[4999], 0xd0);
  EXPECT_EQ(answer[5000], 0xff);
  EXPECT_EQ(cloud_->index_count(), before);
}

TEST_F(GuestTpmTest, NsmRequestTakesAFreeIndex) {
  cloud_->nsm = [](const Bytes&) { return Bytes{1}; };
  cloud_->SetIndex(0x01200000, Bytes(8));
  cloud_->SetIndex(0x01200001, Bytes(8));
  const auto tpm = Open();
  EXPECT_THAT(tpm->RunNsmRequest(Bytes(10), 100), IsOk());
  EXPECT_EQ(cloud_->index_count(), 2U);
  for (uint32_t i = 0; i < 32; ++i) {
    cloud_->SetIndex(0x01200000 + i, Bytes(8));
  }
  EXPECT_THAT(
      tpm->RunNsmRequest(Bytes(10), 100),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no free NV index")));
}

TEST_F(GuestTpmTest, OtherTpmsKnowNoNsmRequest) {
  EXPECT_THAT(Open()->RunNsmRequest(Bytes(10), 100),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(cloud_->index_count(), 0U);
  cloud_.reset();
  ASSERT_OK_AND_ASSIGN(const auto real, GuestTpm::Open(swtpm_->tcti()));
  EXPECT_THAT(real->RunNsmRequest(Bytes(10), 100),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(real->ReadNv(0x01200000), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(real->RunNsmRequest(Bytes(101), 100),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(real->ReadNv(0x01200000), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(GuestTpmTest, RefusesAddressThatIsNone) {
  EXPECT_THAT(GuestTpm::Open("mssim:host"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(GuestTpm::Open("swtpm:path=" + dir_.Join("nothing")),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::attestation
