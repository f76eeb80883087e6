// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/evidence_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "attestation/testing/snp_signer.h"
#include "cli/attestation/pem.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const SnpTestEvidence& Snp() {
  static const auto* const kEvidence =
      new SnpTestEvidence(SnpSigner::For(SnpTestProduct::kMilan).Make());
  return *kEvidence;
}

class EvidenceSetTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, std::span<const uint8_t> bytes) {
    const std::string path = folder_.Join(name);
    EXPECT_THAT(WriteFileAtomically(path, AsText(bytes)), IsOk());
    return path;
  }

  constellation::testing::TempDir folder_;
  EvidenceSet set_;
};

TEST_F(EvidenceSetTest, SortsByKind) {
  set_.Add("r", Snp().report, true);
  set_.Add("v", Snp().leaf, true);
  set_.Add("c", Snp().crl, true);
  ASSERT_THAT(set_.Of(FileKind::kSnpReport), SizeIs(1));
  EXPECT_EQ(set_.Of(FileKind::kSnpReport)[0].content, Snp().report);
  EXPECT_EQ(set_.Of(FileKind::kSnpReport)[0].name, "r");
  ASSERT_THAT(set_.certificates(), SizeIs(1));
  EXPECT_EQ(set_.certificates()[0].file, "v");
  EXPECT_TRUE(set_.certificates()[0].given);
  ASSERT_THAT(set_.crls(), SizeIs(1));
  EXPECT_EQ(set_.crls()[0].file, "c");
  EXPECT_THAT(set_.Of(FileKind::kIntelQuote), IsEmpty());
  EXPECT_THAT(set_.unreadable(), IsEmpty());
}

// Evidence beside collateral was not asked about: it must neither pass nor
// fail anything.
TEST_F(EvidenceSetTest, EvidenceAmongCollateralIsLeftOut) {
  set_.Add("r", Snp().report, false);
  set_.Add("v", Snp().leaf, false);
  set_.Add("junk", AsBytes("junk"), false);
  EXPECT_THAT(set_.Of(FileKind::kSnpReport), IsEmpty());
  ASSERT_THAT(set_.certificates(), SizeIs(1));
  EXPECT_FALSE(set_.certificates()[0].given);
  EXPECT_THAT(set_.unreadable(), IsEmpty());
}

TEST_F(EvidenceSetTest, GivenJunkIsToldOf) {
  set_.Add("junk", AsBytes("junk"), true);
  ASSERT_THAT(set_.unreadable(), SizeIs(1));
  EXPECT_EQ(set_.unreadable()[0].file.name, "junk");
  EXPECT_EQ(set_.unreadable()[0].kind, FileKind::kUnknown);
  EXPECT_EQ(Message(set_.unreadable()[0].why),
            "the kind of this file is not known");
}

// The kind is kept, so that a damaged file can be told from a foreign one.
TEST_F(EvidenceSetTest, DamagedFilesKeepTheirKind) {
  Bytes certificate = Snp().leaf;
  certificate.resize(certificate.size() - 1);
  certificate[3] = static_cast<uint8_t>(certificate[3] - 1);  // outer length
  Bytes table =
      testing::SnpCertificateTable({{testing::kSnpVcekGuid, Snp().leaf}});
  table[16] = 0xff;  // offset
  table[18] = 0xff;
  const std::string bundle =
      R"({"format": "constellation-collateral-bundle/v1", "entries": 1})";
  Bytes response(32, 0);
  response[4] = 0xa0;
  response[5] = 0x04;
  response.insert(response.end(), Snp().report.begin(), Snp().report.end());
  response.pop_back();
  const std::string list = "-----BEGIN X509 CRL-----\nAAAA\n";
  const std::pair<FileKind, Bytes> files[] = {
      {FileKind::kCertificate, certificate},
      {FileKind::kSnpCertificateTable, table},
      {FileKind::kSnpReportResponse, response},
      {FileKind::kCollateralBundle, Bytes(bundle.begin(), bundle.end())},
      {FileKind::kRevocationList, Bytes(list.begin(), list.end())}};
  for (const auto& [kind, bytes] : files) {
    EvidenceSet set;
    set.Add("kept", bytes, false);
    EXPECT_THAT(set.unreadable(), IsEmpty()) << KindId(kind);
    set.Add("given", bytes, true);
    ASSERT_THAT(set.unreadable(), SizeIs(1)) << KindId(kind);
    EXPECT_EQ(KindId(set.unreadable()[0].kind), KindId(kind));
  }
}

TEST_F(EvidenceSetTest, UnwrapsExtendedReports) {
  const Bytes table = constellation::testing::SnpCertificateTable(
      {{constellation::testing::kSnpVcekGuid, Snp().leaf},
       {constellation::testing::kSnpArkGuid, Snp().ark}});
  Bytes extended = Snp().report;
  extended.insert(extended.end(), table.begin(), table.end());
  set_.Add("x", extended, true);
  ASSERT_THAT(set_.Of(FileKind::kSnpReport), SizeIs(1));
  EXPECT_EQ(set_.Of(FileKind::kSnpReport)[0].content, Snp().report);
  EXPECT_THAT(set_.Of(FileKind::kSnpExtendedReport), IsEmpty());
  EXPECT_THAT(set_.certificates(), SizeIs(2));
}

TEST_F(EvidenceSetTest, UnwrapsResponsesOfTheFirmware) {
  Bytes response(32, 0);
  response[4] = 0xa0;
  response[5] = 0x04;
  response.insert(response.end(), Snp().report.begin(), Snp().report.end());
  set_.Add("x", response, true);
  ASSERT_THAT(set_.Of(FileKind::kSnpReport), SizeIs(1));
  EXPECT_EQ(set_.Of(FileKind::kSnpReport)[0].content, Snp().report);
}

TEST_F(EvidenceSetTest, ReadsFoldersToTheirDepth) {
  std::filesystem::create_directory(folder_.Join("deep"));
  Write("deep/vcek.der", Snp().leaf);
  Write("ark.der", Snp().ark);
  Write("notes.txt", AsBytes("hello"));
  ASSERT_THAT(set_.AddFolder(folder_.path()), IsOk());
  ASSERT_THAT(set_.certificates(), SizeIs(2));
  EXPECT_EQ(set_.certificates()[0].file, folder_.Join("ark.der"));
  EXPECT_EQ(set_.certificates()[1].file, folder_.Join("deep/vcek.der"));
}

TEST_F(EvidenceSetTest, TakesASingleFileForAFolder) {
  ASSERT_THAT(set_.AddFolder(Write("r", Snp().report), true), IsOk());
  EXPECT_THAT(set_.Of(FileKind::kSnpReport), SizeIs(1));
}

TEST_F(EvidenceSetTest, FollowsNoLinks) {
  const constellation::testing::TempDir elsewhere;
  const std::string target = elsewhere.Join("ark.der");
  ASSERT_THAT(WriteFileAtomically(target, AsText(Snp().ark)), IsOk());
  ASSERT_EQ(symlink(target.c_str(), folder_.Join("link").c_str()), 0);
  ASSERT_EQ(symlink(elsewhere.path().c_str(), folder_.Join("dir").c_str()), 0);
  ASSERT_THAT(set_.AddFolder(folder_.path()), IsOk());
  EXPECT_THAT(set_.certificates(), IsEmpty());
}

TEST_F(EvidenceSetTest, MissingFolderIsAnError) {
  EXPECT_THAT(
      set_.AddFolder(folder_.Join("absent")),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_.Join("absent"))));
}

TEST_F(EvidenceSetTest, TooManyFilesAreRefused) {
  for (int i = 0; i < 4097; ++i) {
    std::FILE* file = std::fopen(folder_.Join(std::to_string(i)).c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fclose(file);
  }
  EXPECT_THAT(set_.AddFolder(folder_.path()),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("more than 4096 files")));
}

TEST_F(EvidenceSetTest, IssuerIsTheOneWhoSigned) {
  // Of another product line, so with another key but names of the same form.
  set_.Add("ark", Snp().ark, false);
  set_.Add("ask", Snp().intermediate, false);
  const auto leaf = *crypto::Certificate::FromDer(Snp().leaf);
  const crypto::Certificate* issuer = set_.IssuerOf(leaf);
  ASSERT_NE(issuer, nullptr);
  EXPECT_EQ(issuer->der(), Snp().intermediate);
  const crypto::Certificate* root = set_.IssuerOf(*issuer);
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->der(), Snp().ark);
  EXPECT_EQ(EvidenceSet().IssuerOf(leaf), nullptr);
}

}  // namespace
}  // namespace constellation::cli
