// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/snp_signer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/testing/status_matchers.h"
#include "crypto/crl.h"
#include "crypto/public_key.h"
#include "crypto/x509.h"

namespace constellation::testing {
namespace {

using crypto::Certificate;

constexpr SnpTestProduct kProducts[] = {
    SnpTestProduct::kMilan, SnpTestProduct::kGenoa, SnpTestProduct::kTurin};

Bytes BigEndianPart(const Bytes& report, size_t offset) {
  const auto start = report.begin() + static_cast<ptrdiff_t>(offset);
  Bytes number(start, start + 48);
  std::reverse(number.begin(), number.end());
  return number;
}

absl::Status VerifyReport(const Bytes& report, const Bytes& leaf) {
  const Certificate certificate = Certificate::FromDer(leaf).value();
  return certificate.Key()->VerifyEcdsa(
      crypto::HashAlgorithm::kSha384,
      std::span<const uint8_t>(report).first(0x2a0),
      BigEndianPart(report, 0x2a0), BigEndianPart(report, 0x2a0 + 72));
}

TEST(SnpSignerTest, ChainsVerifyForEveryProduct) {
  for (const SnpTestProduct product : kProducts) {
    const SnpSigner& signer = SnpSigner::For(product);
    for (const auto kind : {SnpTestLeafKind::kVcek, SnpTestLeafKind::kVlek}) {
      const SnpTestEvidence evidence = signer.Make({}, kind);
      ASSERT_OK_AND_ASSIGN(const Certificate ark,
                           Certificate::FromDer(evidence.ark));
      ASSERT_OK_AND_ASSIGN(const Certificate intermediate,
                           Certificate::FromDer(evidence.intermediate));
      ASSERT_OK_AND_ASSIGN(const Certificate leaf,
                           Certificate::FromDer(evidence.leaf));
      EXPECT_THAT(ark.VerifySignedBy(ark), IsOk());
      EXPECT_THAT(intermediate.VerifySignedBy(ark), IsOk());
      EXPECT_THAT(leaf.VerifySignedBy(intermediate), IsOk());
      EXPECT_EQ(ark.Key()->bits(), 4096);
      EXPECT_THAT(VerifyReport(evidence.report, evidence.leaf), IsOk());
      ASSERT_OK_AND_ASSIGN(const crypto::RevocationList crl,
                           crypto::RevocationList::FromDer(evidence.crl));
      EXPECT_THAT(crl.VerifySignedBy(*ark.Key()), IsOk());
    }
  }
}

TEST(SnpSignerTest, RootsSayThatTheyAreInsecure) {
  for (const SnpTestProduct product : kProducts) {
    const SnpSigner& signer = SnpSigner::For(product);
    for (const Bytes& authority : {signer.ark(), signer.ask(), signer.asvk()}) {
      EXPECT_NE(AsText(authority).find("INSECURE TEST"), std::string::npos);
    }
  }
}

TEST(SnpSignerTest, ProductsDoNotShareKeys) {
  EXPECT_NE(SnpSigner::For(SnpTestProduct::kMilan).ArkSpkiSha256(),
            SnpSigner::For(SnpTestProduct::kGenoa).ArkSpkiSha256());
}

TEST(SnpSignerTest, LaysOutTheTcbByProduct) {
  const SnpTestTcb tcb = {
      .fmc = 1, .boot_loader = 2, .tee = 3, .snp = 4, .microcode = 5};
  EXPECT_EQ(HexEncode(MarshalTcb(tcb, SnpTestProduct::kMilan)),
            "0203000000000405");
  EXPECT_EQ(HexEncode(MarshalTcb(tcb, SnpTestProduct::kTurin)),
            "0102030400000005");
}

TEST(SnpSignerTest, AnOverlayIsSigned) {
  const SnpSigner& signer = SnpSigner::For(SnpTestProduct::kTurin);
  SnpTestReport fields;
  fields.version = 5;
  fields.overlays = {{.offset = 0x18b, .octets = {0x77}}};
  const Bytes report = signer.SignReport(fields);
  EXPECT_EQ(report.size(), 1184);
  EXPECT_EQ(report[0x18b], 0x77);
  EXPECT_THAT(VerifyReport(report, signer.MakeLeaf({})), IsOk());
}

TEST(SnpSignerTest, AnOmittedExtensionIsAbsent) {
  const SnpSigner& signer = SnpSigner::For(SnpTestProduct::kMilan);
  const Certificate whole = Certificate::FromDer(signer.MakeLeaf({})).value();
  SnpTestLeaf leaf;
  leaf.omitted = {{3, 8}};
  const Certificate part = Certificate::FromDer(signer.MakeLeaf(leaf)).value();
  EXPECT_EQ(part.extensions().size() + 1, whole.extensions().size());
}

TEST(SnpSignerTest, CertificateTablePointsAtItsBlobs) {
  const Bytes table =
      SnpCertificateTable({{kSnpVcekGuid, {1, 2, 3}}, {kSnpArkGuid, {4}}});
  ASSERT_EQ(table.size(), 3 * 24 + 4);
  EXPECT_EQ(table[0], 0x63);  // textual order
  EXPECT_EQ(table[16], 72);
  EXPECT_EQ(table[20], 3);
  EXPECT_EQ(table[24 + 16], 75);
  EXPECT_EQ(table[75], 4);
}

TEST(SnpSignerTest, IdBlockHasItsSizesAndDigests) {
  const SnpTestIdEvidence made = SignIdBlock({.guest_svn = 7});
  EXPECT_EQ(made.id_block.size(), 96);
  EXPECT_EQ(made.id_block[84], 7);
  ASSERT_EQ(made.id_auth.size(), 4096);
  EXPECT_EQ(made.id_key_digest,
            crypto::Sha384(
                std::span<const uint8_t>(made.id_auth).subspan(0x240, 0x404)));
  EXPECT_EQ(made.author_key_digest,
            crypto::Sha384(
                std::span<const uint8_t>(made.id_auth).subspan(0x880, 0x404)));
}

}  // namespace
}  // namespace constellation::testing
