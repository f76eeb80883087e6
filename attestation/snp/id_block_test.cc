// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/id_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "attestation/testing/snp_signer.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"
#include "crypto/der.h"
#include "crypto/p256.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntry;
using crypto::testing::TestKey;
using crypto::testing::TestScheme;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kWrong = absl::StatusCode::kUnauthenticated;

// Offsets in the page.
constexpr size_t kBlockSignature = 0x40;
constexpr size_t kIdKey = 0x240;
constexpr size_t kIdKeySignature = 0x680;
constexpr size_t kAuthorKey = 0x880;

class IdBlockTest : public ::testing::Test {
 protected:
  IdBlockTest() {
    block_[0] = 0x11;   // launch digest
    block_[48] = 0x22;  // family ID
    block_[64] = 0x33;  // image ID
    block_[80] = 1;     // version
    block_[84] = 7;     // guest SVN
    block_[90] = 3;     // policy 0x30000
    page_[0] = 1;
    page_[4] = 1;
    PutKey(kIdKey, id_key_);
    PutKey(kAuthorKey, author_key_);
    Sign();
  }

  void PutKey(size_t offset, const TestKey& key) {
    const Bytes spki = key.Spki();
    const auto point = std::span(spki).last(96);
    page_[offset] = 2;
    PutReversed(offset + 4, point.first(48));
    PutReversed(offset + 4 + 72, point.last(48));
  }
  void PutReversed(size_t offset, std::span<const uint8_t> octets) {
    std::ranges::reverse_copy(octets,
                              page_.begin() + static_cast<ptrdiff_t>(offset));
  }
  void PutSignature(size_t offset, const TestKey& key,
                    std::span<const uint8_t> message) {
    std::fill_n(page_.begin() + static_cast<ptrdiff_t>(offset), 512, 0);
    const Bytes der = key.Sign(TestScheme::kEcdsaSha384, message);
    const auto signature = crypto::ParseEcdsaSignature(der).value();
    PutReversed(offset, signature.r);
    PutReversed(offset + 72, signature.s);
  }
  void Sign() {
    PutSignature(kBlockSignature, id_key_, block_);
    PutSignature(kIdKeySignature, author_key_,
                 std::span(page_).subspan(kIdKey, kSnpIdKeySize));
  }
  void DropAuthor() {
    page_[4] = 0;
    std::fill_n(page_.begin() + kIdKeySignature, 512, 0);
    std::fill_n(page_.begin() + kAuthorKey, kSnpIdKeySize, 0);
  }
  absl::StatusOr<VerifiedSnpIdBlock> Verify() const {
    return VerifySnpIdBlock(block_, page_);
  }
  // A report as the firmware would make it.
  SnpReportUnverified Report() const {
    SnpReportUnverified report;
    report.measurement[0] = 0x11;
    report.family_id[0] = 0x22;
    report.image_id[0] = 0x33;
    report.guest_svn = 7;
    report.policy.raw = 0x30000;
    report.id_key_digest = SnpIdKeyDigest(id_key_.Public()).value();
    report.author_key_digest = SnpIdKeyDigest(author_key_.Public()).value();
    report.author_key_enabled = true;
    return report;
  }

  const TestKey id_key_ = TestKey::GenerateEc(crypto::EcCurve::kP384);
  const TestKey author_key_ = TestKey::GenerateEc(crypto::EcCurve::kP384);
  Bytes block_ = Bytes(kSnpIdBlockSize);
  Bytes page_ = Bytes(kSnpIdAuthSize);
};

TEST_F(IdBlockTest, GivesFieldsAndDigests) {
  ASSERT_OK_AND_ASSIGN(const VerifiedSnpIdBlock verified, Verify());
  EXPECT_EQ(verified.block().launch_digest[0], 0x11);
  EXPECT_EQ(verified.block().guest_svn, 7U);
  EXPECT_EQ(verified.block().policy.raw, 0x30000U);
  EXPECT_EQ(verified.id_key_digest(), SnpIdKeyDigest(id_key_.Public()).value());
  EXPECT_EQ(verified.author_key_digest(),
            SnpIdKeyDigest(author_key_.Public()).value());
  EXPECT_THAT(verified.CheckReport(Report()), IsOk());
}

TEST_F(IdBlockTest, TheAuthorMayBeMissing) {
  DropAuthor();
  ASSERT_OK_AND_ASSIGN(const VerifiedSnpIdBlock verified, Verify());
  EXPECT_EQ(verified.author_key_digest(), std::nullopt);
  SnpReportUnverified report = Report();
  EXPECT_THAT(verified.CheckReport(report),
              StatusIs(kWrong, HasSubstr("author key: want 0x0, got 0x1")));
  report.author_key_enabled = false;
  EXPECT_THAT(verified.CheckReport(report),
              StatusIs(kWrong, HasSubstr("author key digest: want 0000")));
  report.author_key_digest = {};
  EXPECT_THAT(verified.CheckReport(report), IsOk());
}

TEST_F(IdBlockTest, HalfAnAuthorIsRefused) {
  const Bytes whole = page_;
  DropAuthor();
  page_[kAuthorKey] = 2;
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("author key: want zero")));
  DropAuthor();
  page_[kAuthorKey] = 0;
  page_[kIdKeySignature] = 1;
  EXPECT_THAT(Verify(),
              StatusIs(kInvalid, HasSubstr("author signature: want zeros")));
}

TEST_F(IdBlockTest, EveryBitOfTheBlockIsSigned) {
  for (size_t bit = 0; bit < block_.size() * 8; bit += 3) {
    block_[bit / 8] = static_cast<uint8_t>(block_[bit / 8] ^ 1U << bit % 8);
    EXPECT_FALSE(Verify().ok()) << bit;
    block_[bit / 8] = static_cast<uint8_t>(block_[bit / 8] ^ 1U << bit % 8);
  }
  EXPECT_THAT(Verify(), IsOk());
}

TEST_F(IdBlockTest, EveryOctetOfThePageMatters) {
  for (size_t i = 0; i < page_.size(); ++i) {
    page_[i] ^= 0x10U;
    EXPECT_FALSE(Verify().ok()) << i;
    page_[i] ^= 0x10U;
  }
}

TEST_F(IdBlockTest, NamesWhatIsWrong) {
  block_[84] = 8;
  EXPECT_THAT(Verify(),
              StatusIs(kWrong, HasSubstr("SNP ID block: signature: ")));
  PutSignature(kBlockSignature, id_key_, block_);
  EXPECT_THAT(Verify(), IsOk());
  PutSignature(kIdKeySignature, id_key_,
               std::span(page_).subspan(kIdKey, kSnpIdKeySize));
  EXPECT_THAT(Verify(),
              StatusIs(kWrong, HasSubstr("SNP ID key: author's signature: ")));
}

TEST_F(IdBlockTest, RefusesAlgorithmsCurvesAndPoints) {
  page_[0] = 2;
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("ID key algorithm: want "
                                                     "1 (ECDSA P-384 with "
                                                     "SHA-384), got 2")));
  page_[0] = 1;
  page_[4] = 2;
  EXPECT_THAT(Verify(),
              StatusIs(kInvalid, HasSubstr("author key algorithm: want 1")));
  page_[4] = 1;
  page_[kIdKey] = 1;
  EXPECT_THAT(Verify(),
              StatusIs(kInvalid, HasSubstr("ID key: want curve 2 (P-384), ")));
  page_[kIdKey] = 2;
  page_[kIdKey + 4] ^= 1U;
  EXPECT_THAT(Verify(), StatusIs(kInvalid, HasSubstr("not a point")));
}

TEST_F(IdBlockTest, RefusesOtherSizesAndVersions) {
  EXPECT_THAT(VerifySnpIdBlock(std::span(block_).first(95), page_),
              StatusIs(kInvalid, HasSubstr("want 96 octets, got 95")));
  EXPECT_THAT(VerifySnpIdBlock(block_, std::span(page_).first(4095)),
              StatusIs(kInvalid, HasSubstr("want 4096 octets, got 4095")));
  block_[80] = 2;
  EXPECT_THAT(SnpIdBlock::ParseUnverified(block_),
              StatusIs(kInvalid, HasSubstr("want version 1, got 2")));
}

TEST_F(IdBlockTest, NamesTheFieldOfAReportThatDiffers) {
  ASSERT_OK_AND_ASSIGN(const VerifiedSnpIdBlock verified, Verify());
  const auto with = [this](auto change) {
    SnpReportUnverified report = Report();
    change(report);
    return report;
  };
  EXPECT_THAT(
      verified.CheckReport(with([](auto& r) { r.measurement[1] = 1; })),
      StatusIs(kWrong, HasSubstr("SNP ID block: measurement: want 1100")));
  EXPECT_THAT(verified.CheckReport(with([](auto& r) { r.family_id[1] = 1; })),
              StatusIs(kWrong, HasSubstr("family ID")));
  EXPECT_THAT(verified.CheckReport(with([](auto& r) { r.image_id[1] = 1; })),
              StatusIs(kWrong, HasSubstr("image ID")));
  EXPECT_THAT(verified.CheckReport(with([](auto& r) { r.guest_svn = 8; })),
              StatusIs(kWrong, HasSubstr("guest SVN: want 0x7, got 0x8")));
  EXPECT_THAT(
      verified.CheckReport(with([](auto& r) { r.policy.raw = 0xb0000; })),
      StatusIs(kWrong, HasSubstr("policy: want 0x30000, got 0xb0000")));
  EXPECT_THAT(
      verified.CheckReport(with([](auto& r) { r.id_key_digest[1] ^= 1U; })),
      StatusIs(kWrong, HasSubstr("ID key digest")));
  EXPECT_THAT(
      verified.CheckReport(with([](auto& r) { r.author_key_digest[1] ^= 1U; })),
      StatusIs(kWrong, HasSubstr("author key digest")));
}

TEST_F(IdBlockTest, DigestsAreOfP384KeysOnly) {
  EXPECT_THAT(
      SnpIdKeyDigest(TestKey::GenerateEc(crypto::EcCurve::kP256).Public()),
      StatusIs(kInvalid, HasSubstr("on P-384")));
}

TEST(SnpIdBlockTest, EveryFieldHasItsPlace) {
  SnpIdBlock block;
  block.launch_digest.fill(1);
  block.family_id.fill(2);
  block.image_id.fill(3);
  block.guest_svn = 0x04040404;
  block.policy.raw = 0x0505050505050505;
  const auto octets = block.Marshal();
  for (size_t i = 0; i < octets.size(); ++i) {
    const int want = i < 48   ? 1
                     : i < 64 ? 2
                     : i < 80 ? 3
                     : i < 84 ? (i == 80 ? 1 : 0)
                     : i < 88 ? 4
                              : 5;
    EXPECT_EQ(octets.at(i), want) << i;
  }
  ASSERT_OK_AND_ASSIGN(const SnpIdBlock again,
                       SnpIdBlock::ParseUnverified(octets));
  EXPECT_EQ(again.Marshal(), octets);
}

TEST(SnpIdBlockTest, AgreesWithTheTestSigner) {
  const constellation::testing::SnpTestIdEvidence made =
      constellation::testing::SignIdBlock({.guest_svn = 3, .policy = 0x30000});
  SnpIdBlock block;
  block.guest_svn = 3;
  block.policy.raw = 0x30000;
  EXPECT_EQ(HexEncode(block.Marshal()), HexEncode(made.id_block));
}

class IdBlockVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!constellation::testing::VectorsFolder().has_value()) {
      GTEST_SKIP() << constellation::testing::kNoVectors;
    }
  }
};

TEST_F(IdBlockVectorsTest, VerifiesARealBlock) {
  ASSERT_OK_AND_ASSIGN(const VerifiedSnpIdBlock verified,
                       VerifySnpIdBlock(ReadVector("snp/idblock-lit.bin"),
                                        ReadVector("snp/idauth-lit.bin")));
  const json block = VectorEntry("snp/idblock-lit.bin")["expect"];
  const json auth = VectorEntry("snp/idauth-lit.bin")["expect"];
  EXPECT_EQ(HexEncode(verified.block().launch_digest), block["ld"]);
  EXPECT_EQ(verified.block().guest_svn, block["guest_svn"]);
  EXPECT_EQ(verified.block().policy.raw, 0x30000U);
  EXPECT_EQ(HexEncode(verified.id_key_digest()), auth["id_key_digest"]);
  ASSERT_TRUE(verified.author_key_digest().has_value());
  EXPECT_EQ(HexEncode(*verified.author_key_digest()),
            auth["author_key_digest"]);
}

TEST_F(IdBlockVectorsTest, GivesPublishedOctetsAndDigests) {
  const Bytes text = ReadVector("snp/id-key-digest-cases.json");
  const json cases = json::parse(AsText(text));
  ASSERT_OK_AND_ASSIGN(const Bytes octets,
                       HexDecode(cases["id_block_hex"].get<std::string>()));
  ASSERT_OK_AND_ASSIGN(const SnpIdBlock block,
                       SnpIdBlock::ParseUnverified(octets));
  EXPECT_EQ(block.policy.raw, 0x30000U);
  EXPECT_EQ(HexEncode(block.Marshal()), HexEncode(octets));
  for (const std::string kind : {"id", "author"}) {
    ASSERT_OK_AND_ASSIGN(
        const Bytes spki,
        crypto::PemDecode("PUBLIC KEY",
                          cases[kind + "_key_spki_pem"].get<std::string>()));
    ASSERT_OK_AND_ASSIGN(const auto key, crypto::PublicKey::FromSpki(spki));
    EXPECT_EQ(HexEncode(SnpIdKeyDigest(key).value()),
              cases[kind + "_key_digest"]);
  }
}

}  // namespace
}  // namespace constellation::attestation
