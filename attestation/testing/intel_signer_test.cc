// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/intel_signer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "common/testing/status_matchers.h"
#include "crypto/crl.h"
#include "crypto/public_key.h"
#include "crypto/x509.h"

namespace constellation::testing {
namespace {

using crypto::Certificate;
using crypto::HashAlgorithm;

std::span<const uint8_t> Part(const Bytes& bytes, size_t at, size_t size) {
  return std::span<const uint8_t>(bytes).subspan(at, size);
}

// Verifies the quote's own signature and that of the QE report, wherever the
// version puts them.
void ExpectSigned(const Bytes& quote, size_t signed_size, size_t qe_offset,
                  const Bytes& pck) {
  const size_t section = signed_size + 4;
  const auto key = crypto::PublicKey::FromEcPoint(
      crypto::EcCurve::kP256, Part(quote, section + 64, 32),
      Part(quote, section + 96, 32));
  ASSERT_TRUE(key.ok());
  EXPECT_THAT(
      key->VerifyEcdsa(HashAlgorithm::kSha256, Part(quote, 0, signed_size),
                       Part(quote, section, 32), Part(quote, section + 32, 32)),
      IsOk());
  const size_t qe = section + qe_offset;
  EXPECT_THAT(Certificate::FromDer(pck)->Key()->VerifyEcdsa(
                  HashAlgorithm::kSha256, Part(quote, qe, 384),
                  Part(quote, qe + 384, 32), Part(quote, qe + 416, 32)),
              IsOk());
  const auto binding = crypto::Sha256(crypto::testing::Join(
      {Bytes(quote.begin() + static_cast<ptrdiff_t>(section + 64),
             quote.begin() + static_cast<ptrdiff_t>(section + 128)),
       Bytes(32, 0xa5)}));
  EXPECT_TRUE(std::equal(binding.begin(), binding.end(),
                         quote.begin() + static_cast<ptrdiff_t>(qe + 320)));
}

TEST(IntelSignerTest, QuotesOfEveryVersionAreSigned) {
  const IntelSigner& signer = IntelSigner::Get();
  const Bytes pck = signer.MakePck();
  ExpectSigned(signer.MakeQuote(), 632, 128 + 6, pck);
  IntelTestQuote quote;
  quote.version = 5;
  ExpectSigned(signer.MakeQuote(quote), 48 + 6 + 584, 128 + 6, pck);
  quote.body = IntelTestBody::kTd15;
  ExpectSigned(signer.MakeQuote(quote), 48 + 6 + 648, 128 + 6, pck);
  quote.version = 3;
  quote.body = IntelTestBody::kSgx;
  ExpectSigned(signer.MakeQuote(quote), 432, 128, pck);
}

TEST(IntelSignerTest, CertificatesChainToTheInsecureRoot) {
  const IntelSigner& signer = IntelSigner::Get();
  ASSERT_OK_AND_ASSIGN(const Certificate root,
                       Certificate::FromDer(signer.root()));
  EXPECT_NE(root.Subject().find("INSECURE TEST"), std::string::npos);
  EXPECT_THAT(root.VerifySignedBy(root), IsOk());
  for (const bool platform : {true, false}) {
    ASSERT_OK_AND_ASSIGN(const Certificate ca,
                         Certificate::FromDer(signer.pck_ca(platform)));
    EXPECT_THAT(ca.VerifySignedBy(root), IsOk());
    IntelTestPck fields;
    fields.platform_ca = platform;
    ASSERT_OK_AND_ASSIGN(const Certificate pck,
                         Certificate::FromDer(signer.MakePck(fields)));
    EXPECT_THAT(pck.VerifySignedBy(ca), IsOk());
    ASSERT_OK_AND_ASSIGN(const auto crl, crypto::RevocationList::FromDer(
                                             signer.MakePckCrl(platform)));
    EXPECT_THAT(crl.VerifySignedBy(*ca.Key()), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const Certificate signing,
                       Certificate::FromDer(signer.tcb_signing()));
  EXPECT_THAT(signing.VerifySignedBy(root), IsOk());
}

TEST(IntelSignerTest, CollateralIsJsonSignedOverItsText) {
  const IntelSigner& signer = IntelSigner::Get();
  const Certificate signing =
      Certificate::FromDer(signer.tcb_signing()).value();
  const IntelTestEvidence tdx = signer.Make();
  IntelTestQuote quote;
  quote.version = 3;
  quote.body = IntelTestBody::kSgx;
  const IntelTestEvidence sgx = signer.Make(quote);
  for (const auto& [text, member] :
       {std::pair<std::string, std::string>{tdx.tcb_info, "tcbInfo"},
        {tdx.qe_identity, "enclaveIdentity"},
        {sgx.tcb_info, "tcbInfo"},
        {sgx.qe_identity, "enclaveIdentity"}}) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    ASSERT_TRUE(json.is_object()) << text;
    const size_t start = text.find(':') + 1;
    const std::string inner =
        text.substr(start, text.rfind(",\"signature\"") - start);
    EXPECT_EQ(json[member], nlohmann::json::parse(inner, nullptr, false));
    const Bytes signature =
        HexDecode(json["signature"].get<std::string>()).value();
    EXPECT_THAT(signing.Key()->VerifyEcdsa(
                    HashAlgorithm::kSha256, AsBytes(inner),
                    Part(signature, 0, 32), Part(signature, 32, 32)),
                IsOk());
  }
  EXPECT_EQ(nlohmann::json::parse(sgx.tcb_info)["tcbInfo"]["id"], "SGX");
}

TEST(IntelSignerTest, TextsGrowWithTheirLists) {
  IntelTestTcbInfo info;
  info.levels.push_back(info.levels[0]);
  info.levels[2].advisories = {"A", "B"};
  const auto json = nlohmann::json::parse(TcbInfoText(info), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["tcbLevels"].size(), 3);
  EXPECT_EQ(json["tcbLevels"][2]["advisoryIDs"].size(), 2);
  EXPECT_EQ(json["tcbLevels"][0]["tcb"]["tdxtcbcomponents"].size(), 16);
  EXPECT_EQ(json["tdxModuleIdentities"][0]["tcbLevels"][1]["tcbStatus"],
            "OutOfDate");
}

}  // namespace
}  // namespace constellation::testing
