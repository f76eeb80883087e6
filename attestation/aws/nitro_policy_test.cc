// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/nitro_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::kNoVectors;
using ::constellation::testing::LoadVectorQuote;
using ::constellation::testing::MarshalAttest;
using ::constellation::testing::NitroBuilder;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::QuoteSigner;
using ::constellation::testing::ReadVector;
using ::constellation::testing::SignerKind;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorQuote;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

VerifiedNitroDocument Document(const NitroBuilder& builder) {
  return *VerifyNitroDocument(builder.Build(), builder.Expectation());
}

crypto::Sha384Digest Filled(uint8_t value) {
  crypto::Sha384Digest digest;
  digest.fill(value);
  return digest;
}

NitroPolicy GoodPolicy() {
  NitroPolicy policy;
  policy.pcrs = {{0, {Filled(9), Filled(1)}}, {2, {Filled(3)}}};
  return policy;
}

template <typename Row>
std::set<std::string_view> FailedOf(const std::vector<Row>& rows) {
  std::set<std::string_view> names;
  for (const Row& row : rows) {
    if (!row.passed) {
      names.insert(ToString(row.id));
    }
  }
  return names;
}

std::set<std::string_view> Failed(const NitroBuilder& builder,
                                  const NitroPolicy& policy) {
  return FailedOf(AppraiseNitro(Document(builder), policy));
}

TEST(NitroPolicyTest, ListedImagePasses) {
  EXPECT_THAT(Failed(NitroBuilder(), GoodPolicy()), IsEmpty());
}

TEST(NitroPolicyTest, EmptyPolicyAdmitsNothing) {
  EXPECT_THAT(Failed(NitroBuilder(), NitroPolicy()), ElementsAre("register"));
  NitroPolicy any;
  any.any_pcrs = true;
  EXPECT_THAT(Failed(NitroBuilder(), any), IsEmpty());
  NitroPolicy none = GoodPolicy();
  none.pcrs[0].clear();
  EXPECT_THAT(Failed(NitroBuilder(), none), ElementsAre("register"));
}

TEST(NitroPolicyTest, OtherRegisterIsRefused) {
  NitroPolicy policy = GoodPolicy();
  policy.pcrs[2] = {Filled(4)};
  const auto rows = AppraiseNitro(Document(NitroBuilder()), policy);
  const NitroPolicyCheck* failed = FirstFailed(rows);
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(DescribeFailure("nitro", *failed),
            "nitro: register: expected PCR2: " + HexEncode(Filled(4)) +
                ", got PCR2: " + HexEncode(Filled(3)) +
                "; another image, role or instance runs than the policy names");
  policy = GoodPolicy();
  policy.pcrs[31] = {Filled(0)};  // the document does not have it
  EXPECT_THAT(Failed(NitroBuilder(), policy), ElementsAre("register"));
}

TEST(NitroPolicyTest, DebugEnclaveIsRefused) {
  NitroPolicy policy;
  policy.any_pcrs = true;
  for (const uint32_t index : {0U, 1U, 2U}) {
    NitroBuilder builder;
    builder.pcrs[index] = Bytes(48);
    EXPECT_THAT(Failed(builder, policy), ElementsAre("debug mode")) << index;
    builder.pcrs.erase(index);
    EXPECT_THAT(Failed(builder, policy), ElementsAre("debug mode")) << index;
  }
  NitroBuilder builder;
  builder.pcrs[0] = Bytes(48);
  policy.allow_debug = true;
  EXPECT_THAT(Failed(builder, policy), IsEmpty());
}

TEST(NitroPolicyTest, KindModuleAndUserDataAreCompared) {
  NitroBuilder builder;
  builder.user_data = Bytes{1, 2};
  NitroPolicy policy = GoodPolicy();
  policy.kind = NitroKind::kNitroTpm;
  EXPECT_THAT(Failed(builder, policy), ElementsAre("kind"));
  policy = GoodPolicy();
  policy.module_ids = {"other", builder.module_id};
  EXPECT_THAT(Failed(builder, policy), IsEmpty());
  policy.module_ids = {"other"};
  EXPECT_THAT(Failed(builder, policy), ElementsAre("module"));
  policy = GoodPolicy();
  policy.user_data = Bytes{1, 2};
  EXPECT_THAT(Failed(builder, policy), IsEmpty());
  policy.user_data = Bytes{1};
  EXPECT_THAT(Failed(builder, policy), ElementsAre("user data"));
  builder.user_data = std::nullopt;
  EXPECT_THAT(Failed(builder, policy), ElementsAre("user data"));
}

// A NitroTPM whose registers 0 and 4 are quoted.
struct TpmCase {
  TpmCase() {
    document.pcrs_name = "nitrotpm_pcrs";
    document.nonce = Bytes(32, 7);
    document.public_key = signer.Point();
  }
  VerifiedPcrQuote Quote() const {
    const size_t size = *TpmDigestSize(bank);
    const Bytes zero(size, first);
    const Bytes four(size, 5);
    Bytes values = zero;
    values.insert(values.end(), four.begin(), four.end());
    QuoteParts parts;
    parts.extra_data = Bytes(32, 7);
    parts.selections = {{.hash_algorithm = bank, .pcrs = {0, 4}}};
    parts.pcr_digest = *TpmDigest(kTpmAlgSha256, values);
    const Bytes attest = MarshalAttest(parts);
    const Bytes signature = signer.Sign(attest);
    const Bytes ak = signer.Tpmt();
    return *VerifyPcrQuote({.attest = attest,
                            .signature = signature,
                            .ak = ak,
                            .bank = bank,
                            .registers = {{.index = 0, .value = zero},
                                          {.index = 4, .value = four}}},
                           parts.extra_data);
  }
  std::set<std::string_view> Failed() const {
    const auto rows = CheckNitroTpm(Document(document), Quote());
    EXPECT_EQ(rows.size(), 5U);
    return FailedOf(rows);
  }

  QuoteSigner signer{SignerKind::kP256, kTpmAlgSha256};
  NitroBuilder document;
  uint16_t bank = kTpmAlgSha384;
  uint8_t first = 1;
};

TEST(NitroTpmTest, QuoteGoesWithItsDocument) {
  TpmCase tpm;
  EXPECT_THAT(tpm.Failed(), IsEmpty());
  tpm.document.public_key = tpm.signer.Spki();
  EXPECT_THAT(tpm.Failed(), IsEmpty());
}

TEST(NitroTpmTest, EachTieIsChecked) {
  TpmCase kind;
  kind.document.pcrs_name = "pcrs";
  EXPECT_THAT(kind.Failed(), ElementsAre("kind"));

  TpmCase key;
  key.document.public_key =
      QuoteSigner(SignerKind::kP256, kTpmAlgSha256).Point();
  EXPECT_THAT(key.Failed(), ElementsAre("public key"));
  key.document.public_key = std::nullopt;
  EXPECT_THAT(key.Failed(), ElementsAre("public key"));
  const auto rows = CheckNitroTpm(Document(key.document), key.Quote());
  EXPECT_THAT(DescribeFailure("nitro", *FirstFailed(rows)),
              HasSubstr("got the document has no public key"));
  key.document.public_key = Bytes{4, 1};
  EXPECT_THAT(key.Failed(), ElementsAre("public key"));

  TpmCase nonce;
  nonce.document.nonce = Bytes(32, 8);
  EXPECT_THAT(nonce.Failed(), ElementsAre("nonce"));
  nonce.document.nonce = std::nullopt;
  EXPECT_THAT(nonce.Failed(), ElementsAre("nonce"));

  TpmCase value;
  value.first = 2;
  EXPECT_THAT(value.Failed(), ElementsAre("registers"));
  TpmCase missing;
  missing.document.pcrs.erase(4);
  EXPECT_THAT(missing.Failed(), ElementsAre("registers"));
}

// The guest chooses public key and nonce. Without the hypervisor's registers a
// key of the guest's own could quote anything.
TEST(NitroTpmTest, OtherBankIsRefused) {
  TpmCase tpm;
  tpm.bank = kTpmAlgSha256;
  EXPECT_THAT(tpm.Failed(), ElementsAre("bank", "registers"));
}

TEST(NitroTpmVectorsTest, ShippedQuoteGoesWithItsDocument) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  const VectorQuote loaded =
      LoadVectorQuote(VectorEntry("nitro/nitrotpm.attest.bin"));
  ASSERT_OK_AND_ASSIGN(const VerifiedPcrQuote quote,
                       VerifyPcrQuote(loaded.View(), loaded.nonce));
  NitroExpectation want;
  want.now = absl::FromUnixMillis(1770113522437);
  want.nonce = loaded.nonce;
  ASSERT_OK_AND_ASSIGN(
      const VerifiedNitroDocument document,
      VerifyNitroDocument(ReadVector("nitro/nitrotpm-2026-02.cose"), want));
  EXPECT_THAT(FailedOf(CheckNitroTpm(document, quote)), IsEmpty());
}

TEST(NitroTpmVectorsTest, DebugDocumentIsRefusedByPolicyOnly) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  NitroExpectation want;
  want.now = absl::FromUnixMillis(
      VectorEntry("nitro/nsm-debug-2022.cose")["expect"]["timestamp_ms"]
          .get<int64_t>());
  ASSERT_OK_AND_ASSIGN(
      const VerifiedNitroDocument document,
      VerifyNitroDocument(ReadVector("nitro/nsm-debug-2022.cose"), want));
  NitroPolicy policy;
  policy.any_pcrs = true;
  EXPECT_THAT(FailedOf(AppraiseNitro(document, policy)),
              ElementsAre("debug mode"));
}

}  // namespace
}  // namespace constellation::attestation
