// SPDX-License-Identifier: Apache-2.0
// Quotes of other people's TPMs: swtpm, Microsoft's simulator, clouds' vTPMs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <string>

#include "attestation/testing/software_tpm.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TpmWriter;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

constexpr uint32_t kAkAttributes = 0x00050072;

Bytes Number(EVP_PKEY* key, const char* name, int size) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1);
  Bytes bytes(static_cast<size_t>(size));
  EXPECT_GT(BN_bn2binpad(number, bytes.data(), size), 0);
  BN_free(number);
  return bytes;
}

// Some vectors have the key as PEM only: the public area that it would have.
Bytes PublicAreaOfPem(const std::string& name) {
  const Bytes pem = ReadVector(name);
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  TpmWriter writer;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key);
    writer.U16(kTpmAlgRsa).U16(kTpmAlgSha256).U32(kAkAttributes).Sized({});
    writer.U16(kTpmAlgNull).U16(kTpmAlgRsassa).U16(kTpmAlgSha256);
    writer.U16(static_cast<uint16_t>(bits)).U32(0);
    writer.Sized(Number(key, OSSL_PKEY_PARAM_RSA_N, bits / 8));
  } else {
    writer.U16(kTpmAlgEcc).U16(kTpmAlgSha256).U32(kAkAttributes).Sized({});
    writer.U16(kTpmAlgNull).U16(kTpmAlgEcdsa).U16(kTpmAlgSha256);
    writer.U16(kTpmEccNistP256).U16(kTpmAlgNull);
    writer.Sized(Number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32));
    writer.Sized(Number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
  }
  EVP_PKEY_free(key);
  return writer.Take();
}

std::vector<PcrValue> PcrsOf(const nlohmann::json& entry) {
  std::vector<PcrValue> pcrs;
  for (const auto& [index, hex] : entry["expect"]["pcrs"].items()) {
    const Bytes value = *HexDecode(hex.get<std::string>());
    PcrValue pcr{.index = static_cast<uint32_t>(std::stoul(index)),
                 .sha256 = {}};
    std::copy_n(value.begin(), std::min(value.size(), pcr.sha256.size()),
                pcr.sha256.begin());
    pcrs.push_back(pcr);
  }
  std::ranges::sort(pcrs, {}, &PcrValue::index);
  return pcrs;
}

// `stem`.attest.bin, .sig.bin and the key beside it, whatever its form.
TpmEvidence Load(const std::string& stem, const std::string& ak_stem) {
  TpmEvidence evidence;
  evidence.attest = ReadVector(stem + ".attest.bin");
  evidence.signature = ReadVector(stem + ".sig.bin");
  if (evidence.signature.size() == 256) {  // bare, as Azure stores it
    evidence.signature = TpmWriter()
                             .U16(kTpmAlgRsassa)
                             .U16(kTpmAlgSha256)
                             .Sized(evidence.signature)
                             .Take();
  }
  const std::string tpmt = ak_stem + "ak.tpmt.bin";
  const bool has_tpmt = !VectorEntries(tpmt).empty();
  evidence.ak_public =
      has_tpmt ? ReadVector(tpmt) : PublicAreaOfPem(ak_stem + "ak.pem");
  evidence.pcrs = PcrsOf(VectorEntry(stem + ".attest.bin"));
  return evidence;
}

Bytes NonceOf(const std::string& stem) {
  const nlohmann::json entry = VectorEntry(stem + ".attest.bin");
  return *HexDecode(entry["expect"]["attest"]["extraData"].get<std::string>());
}

class ValidQuoteTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
    stem_ = GetParam();
    // azure/x-quote goes with azure/x-ak.pem, the others with x.ak.*
    const size_t quote = stem_.find("-quote");
    const std::string ak = stem_.starts_with("azure/")
                               ? stem_.substr(0, quote) + "-"
                               : stem_ + ".";
    evidence_ = Load(stem_, ak);
    nonce_ = NonceOf(stem_);
  }
  std::string stem_;
  TpmEvidence evidence_;
  Bytes nonce_;
};

TEST_P(ValidQuoteTest, Verifies) {
  EXPECT_THAT(VerifyQuote(evidence_, nonce_), IsOk());
}

TEST_P(ValidQuoteTest, HasTheFieldsOfTheManifest) {
  ASSERT_OK_AND_ASSIGN(const AttestUnverified attest,
                       ParseAttestUnverified(evidence_.attest));
  const nlohmann::json want =
      VectorEntry(stem_ + ".attest.bin")["expect"]["attest"];
  EXPECT_EQ(HexEncode(attest.qualified_signer), want["qualifiedSigner"]);
  EXPECT_EQ(attest.clock, want["clock"]);
  EXPECT_EQ(attest.reset_count, want["resetCount"]);
  EXPECT_EQ(attest.restart_count, want["restartCount"]);
  EXPECT_EQ(HexEncode(attest.quote->pcr_digest), want["pcrDigest"]);
  EXPECT_EQ(attest.quote->selections[0].pcrs,
            want["pcrSelect"][0][1].get<std::vector<uint32_t>>());
}

TEST_P(ValidQuoteTest, RefusesChangedSignature) {
  evidence_.signature.back() ^= 1U;
  EXPECT_THAT(
      VerifyQuote(evidence_, nonce_),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("signature")));
}

TEST_P(ValidQuoteTest, RefusesChangedRegister) {
  evidence_.pcrs[1].sha256[0] ^= 1U;
  EXPECT_THAT(
      VerifyQuote(evidence_, nonce_),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("PCR digest")));
}

TEST_P(ValidQuoteTest, RefusesOtherNonce) {
  nonce_[0] ^= 1U;
  EXPECT_THAT(VerifyQuote(evidence_, nonce_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("qualifying data")));
}

std::string NameOfStem(const ::testing::TestParamInfo<std::string>& stem) {
  std::string name = stem.param;
  std::ranges::replace_if(
      name, [](char c) { return isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, ValidQuoteTest,
    ::testing::Values("tpm/simulator-rsa-pcr15-16-22", "tpm/swtpm-rsa-24pcr",
                      "gcp/vtpm-gce-cos-85-nonce9009-sha256",
                      "azure/snp-milan-v2-quote", "azure/snp-genoa-v3-quote",
                      "azure/tdx-quote"),
    NameOfStem);

class InvalidQuoteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

TEST_F(InvalidQuoteTest, RefusesCertifyWithGoodSignature) {
  TpmEvidence evidence;
  evidence.attest = ReadVector("tpm/parsec-certify.attest.bin");
  evidence.signature = ReadVector("tpm/parsec-certify.sig.bin");
  evidence.ak_public = PublicAreaOfPem("tpm/parsec-certify.ak.pem");
  const QuoteVerification result = CheckQuote(evidence, Bytes(32));
  for (const QuoteCheck& check : result.checks) {
    if (check.id == QuoteCheckId::kSignature) {
      EXPECT_TRUE(check.passed) << check.got;
    }
    if (check.id == QuoteCheckId::kType) {
      EXPECT_FALSE(check.passed);
      EXPECT_EQ(check.got, "0x8017 (certify)");
    }
  }
  EXPECT_FALSE(result.quote.has_value());
}

TEST_F(InvalidQuoteTest, RefusesBadMagic) {
  TpmEvidence evidence =
      Load("tpm/simulator-rsa-pcr15-16-22", "tpm/simulator-rsa-pcr15-16-22.");
  evidence.attest = ReadVector("tpm/derived-simulator-bad-magic.attest.bin");
  EXPECT_THAT(VerifyQuote(evidence, NonceOf("tpm/simulator-rsa-pcr15-16-22")),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("magic: expected 0xff544347")));
}

TEST_F(InvalidQuoteTest, RefusesGenuineQuoteOfAnotherBank) {
  const std::string stem = "gcp/vtpm-gce-cos-85-nonce9009-sha384";
  const TpmEvidence evidence = Load(stem, stem + ".");
  EXPECT_THAT(VerifyQuote(evidence, NonceOf(stem)),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("selection: expected one bank: sha256")));
}

}  // namespace
}  // namespace constellation::attestation
