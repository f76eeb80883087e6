// SPDX-License-Identifier: Apache-2.0
// Files that somebody gives and that are damaged: refused, not overlooked as if
// they were missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/verify_files.h"
#include "cli/command_line.h"
#include "cli/commands/table.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "proto/attestation.pb.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Files = std::map<std::string, Bytes>;

constexpr int64_t kNow = 1767225600;  // 2026-01-01

Bytes ToBytes(std::string_view text) {
  return {text.begin(), text.end()};
}

// "file: reason" of each row of this check that failed.
std::vector<std::string> DamagedIn(const FileReport& report) {
  std::vector<std::string> damaged;
  for (const FileUnit& unit : report.units) {
    for (const FileRow& row : unit.rows) {
      if (row.layer == "file" && row.name == "format" &&
          row.verdict == RowVerdict::kFailed) {
        damaged.push_back(unit.name + ": " + row.got);
      }
    }
  }
  return damaged;
}

class DamagedFilesTest : public ::testing::Test {
 protected:
  // Signatures only; `kept` are in a folder of collateral.
  FileReport Verify(const Files& given, const Files& kept = {}) {
    EvidenceSet set;
    for (const auto& [name, bytes] : given) {
      set.Add(name, bytes, true);
    }
    for (const auto& [name, bytes] : kept) {
      set.Add(name, bytes, false);
    }
    VerifyFilesOptions options;
    options.now = absl::FromUnixSeconds(kNow);
    for (const Bytes& root : roots_) {
      options.insecure_roots.push_back(
          crypto::Certificate::FromDer(root).value());
    }
    return VerifyFiles(set, options);
  }

  // The same through the command.
  ExitCode Run(const Files& given) {
    std::vector<std::string> line = {"attestation", "verify",
                                     "--insecure-without-policy",
                                     "--at=2026-01-01T00:00:00Z"};
    for (const auto& [name, bytes] : given) {
      EXPECT_THAT(WriteFileAtomically(dir_.Join(name), AsText(bytes)),
                  testing::IsOk());
      line.push_back(dir_.Join(name));
    }
    for (size_t i = 0; i < roots_.size(); ++i) {
      const std::string path = dir_.Join("root" + std::to_string(i));
      EXPECT_THAT(WriteFileAtomically(path, AsText(roots_[i])),
                  testing::IsOk());
      line.push_back("--insecure-root=" + path);
    }
    CommandContext context;
    char* text[2] = {nullptr, nullptr};
    size_t size[2] = {0, 0};
    context.out = open_memstream(&text[0], &size[0]);
    context.err = open_memstream(&text[1], &size[1]);
    const ExitCode code =
        RunCommandLine(AllCommands(), AllGroups(), line, context);
    std::fclose(context.out);
    std::fclose(context.err);
    out_.assign(text[0], size[0]);
    std::free(text[0]);
    std::free(text[1]);
    return code;
  }

  TempDir dir_;
  std::vector<Bytes> roots_;
  std::string out_;
};

// Text that a lenient reader may take for the document, and what is wrong.
std::vector<std::pair<std::string, std::string>> Damages(
    const std::string& text, const std::string& inner_key) {
  const std::string nul(1, '\0');
  std::string inner = text;
  inner.insert(inner.find(inner_key), inner_key + ":\"x\",");
  return {{"\xef\xbb\xbf" + text, "want an object"},
          {text.substr(0, 1) + nul + text.substr(1), "want a key"},
          {text + nul, "want the end"},
          {text.substr(0, text.size() - 1) + ",\"signature\":\"00\"}",
           "key \"signature\" is given twice"},
          {inner, "key " + inner_key + " is given twice"},
          {text.substr(0, text.size() / 2), "got the end"}};
}

class DamagedIntelTest : public DamagedFilesTest {
 protected:
  DamagedIntelTest() {
    const IntelTestEvidence evidence = IntelSigner::Get().Make();
    roots_ = {IntelSigner::Get().root()};
    files_ = {{"chain", ToBytes(evidence.pck_crl_chain)},
              {"identity", ToBytes(evidence.qe_identity)},
              {"pck-crl", evidence.pck_crl},
              {"quote", evidence.quote},
              {"root-crl", evidence.root_crl},
              {"signing", ToBytes(evidence.tcb_signing_chain)},
              {"tcb-info", ToBytes(evidence.tcb_info)}};
  }
  Files files_;
};

TEST_F(DamagedIntelTest, DocumentsAreRefused) {
  ASSERT_EQ(Run(files_), ExitCode::kSuccess) << out_;
  for (const char* name : {"tcb-info", "identity"}) {
    const Files good = files_;
    for (const auto& [text, why] :
         Damages(std::string(AsText(files_[name])), "\"issueDate\"")) {
      files_[name] = ToBytes(text);
      const FileReport report = Verify(files_);
      EXPECT_EQ(report.verdict(), RowVerdict::kFailed) << text;
      EXPECT_THAT(DamagedIn(report),
                  ElementsAre(AllOf(HasSubstr(name), HasSubstr(why))))
          << text;
      EXPECT_EQ(Run(files_), ExitCode::kRefused) << text;
      EXPECT_THAT(out_, HasSubstr("get it again"));
    }
    files_ = good;
  }
}

// The envelope is whole, what was signed is not.
TEST_F(DamagedIntelTest, WhatIsNoDocumentOfItsKindIsRefused) {
  const std::string signature =
      ",\"signature\":\"" + std::string(128, '0') + "\"}";
  for (const char* kind :
       {"tcbInfo", "enclaveIdentity", "tcbEvaluationDataNumbers"}) {
    Files files = files_;
    files["new"] = ToBytes("{\"" + std::string(kind) + "\":{}" + signature);
    const FileReport report = Verify(files);
    EXPECT_EQ(report.verdict(), RowVerdict::kFailed) << kind;
    EXPECT_THAT(DamagedIn(report), ElementsAre(HasSubstr("is missing")))
        << kind;
    EXPECT_EQ(Run(files), ExitCode::kRefused) << kind;
  }
}

// Also if a good one is kept, and if the file is of no use for this quote.
TEST_F(DamagedIntelTest, AGivenDocumentIsJudgedWhateverElseThereIs) {
  const Files kept = {{"kept", files_["tcb-info"]}};
  files_["tcb-info"].insert(files_["tcb-info"].begin(), {0xef, 0xbb, 0xbf});
  EXPECT_EQ(Verify(files_, kept).verdict(), RowVerdict::kFailed);
  SnpTestEvidence snp = SnpSigner::For(SnpTestProduct::kMilan).Make();
  roots_ = {snp.ark};
  Files report = {{"ark", snp.ark},
                  {"ask", snp.intermediate},
                  {"report", snp.report},
                  {"vcek", snp.leaf}};
  EXPECT_EQ(Verify(report).verdict(), RowVerdict::kPassed);
  report["tcb-info"] = files_["tcb-info"];
  EXPECT_EQ(Verify(report).verdict(), RowVerdict::kFailed);
}

// Nobody named what lies in a folder; there it counts as missing.
TEST_F(DamagedIntelTest, AKeptDocumentIsLeftOut) {
  Files kept = {{"tcb-info", files_["tcb-info"]}};
  kept["tcb-info"].push_back(0);
  files_.erase("tcb-info");
  const FileReport report = Verify(files_, kept);
  EXPECT_EQ(report.verdict(), RowVerdict::kUnchecked);
  EXPECT_THAT(DamagedIn(report), IsEmpty());
}

// On its own it has a row of its format already: one unit for one file.
TEST_F(DamagedIntelTest, ADocumentAloneIsRefusedOnce) {
  files_["tcb-info"].push_back(0);
  const Files alone = {{"tcb-info", files_["tcb-info"]}};
  const FileReport report = Verify(alone);
  EXPECT_EQ(report.verdict(), RowVerdict::kFailed);
  EXPECT_EQ(report.units.size(), 1U);
  EXPECT_EQ(Run(alone), ExitCode::kRefused);
}

class DamagedQuoteTest : public DamagedFilesTest {
 protected:
  DamagedQuoteTest() {
    testing::SoftwareTpm tpm;
    const attestation::Evidence evidence =
        tpm.Attest(Bytes(attestation::kUserDataSize, 7)).value();
    std::string values;
    for (const attestation::PcrValue& pcr : evidence.tpm.pcrs) {
      values += (values.empty() ? "\"" : ",\"") + std::to_string(pcr.index) +
                "\":\"" + HexEncode(pcr.sha256) + "\"";
    }
    files_ = {{"attest", evidence.tpm.attest},
              {"key", evidence.tpm.ak_public},
              {"signature", evidence.tpm.signature},
              {"values", ToBytes("{\"pcrs\":{" + values + "}}")}};
    own_ = ToBytes(attestation::EvidenceToProto(evidence).SerializeAsString());
  }
  Files files_;
  Bytes own_;
};

TEST_F(DamagedQuoteTest, EachFileIsRefused) {
  ASSERT_EQ(Run(files_), ExitCode::kSuccess) << out_;
  for (const char* name : {"attest", "key", "signature", "values"}) {
    const Files good = files_;
    files_[name].push_back(0);
    EXPECT_EQ(Verify(files_).verdict(), RowVerdict::kFailed) << name;
    EXPECT_EQ(Run(files_), ExitCode::kRefused) << name;
    files_ = good;
    files_[name].pop_back();
    EXPECT_EQ(Verify(files_).verdict(), RowVerdict::kFailed) << name;
    EXPECT_EQ(Run(files_), ExitCode::kRefused) << name;
    files_ = good;
  }
}

TEST_F(DamagedQuoteTest, TwoValuesOfOneRegisterAreRefused) {
  std::string values(AsText(files_["values"]));
  files_["values"] = ToBytes("{\"pcrs\":{}," + values.substr(1));
  EXPECT_THAT(DamagedIn(Verify(files_)), Contains(HasSubstr("values: ")));
  EXPECT_EQ(Run(files_), ExitCode::kRefused);
}

TEST_F(DamagedQuoteTest, AKeyThatIsNoPemIsRefused) {
  files_["key"] =
      ToBytes("-----BEGIN PUBLIC KEY-----\nMFkw*\n-----END PUBLIC KEY-----\n");
  EXPECT_THAT(DamagedIn(Verify(files_)), Contains(HasSubstr("key: ")));
  EXPECT_EQ(Run(files_), ExitCode::kRefused);
}

// Without the other files, and beside evidence of the services.
TEST_F(DamagedQuoteTest, DamageIsToldWhateverIsMissing) {
  files_["signature"].push_back(0);
  files_["key"].push_back(0);
  for (const char* name : {"signature", "key"}) {
    EXPECT_EQ(Verify({{name, files_[name]}}).verdict(), RowVerdict::kFailed)
        << name;
  }
  EXPECT_EQ(Verify({{"own", own_}}).verdict(), RowVerdict::kUnchecked);
  EXPECT_EQ(
      Verify({{"own", own_}, {"signature", files_["signature"]}}).verdict(),
      RowVerdict::kFailed);
  const Bytes document = ToBytes("{\"tcbInfo\": 1}");
  EXPECT_EQ(Verify({{"own", own_}, {"tcb-info", document}}).verdict(),
            RowVerdict::kFailed);
}

// A certificate is read when it is given, whatever evidence there is.
TEST_F(DamagedQuoteTest, ADamagedCertificateIsRefused) {
  const std::string pem =
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const Files kept = {{"certificate", ToBytes(pem)}};
  EXPECT_EQ(Verify(files_, kept).verdict(), RowVerdict::kPassed);
  files_.insert(*kept.begin());
  EXPECT_THAT(DamagedIn(Verify(files_)), Contains(HasSubstr("certificate: ")));
  EXPECT_EQ(Run(files_), ExitCode::kRefused);
}

TEST_F(DamagedFilesTest, ADocumentWithTwoTagsIsRefused) {
  // COSE_Sign1 of the head alone, and a real document if there is one.
  Files documents = {
      {"head", {0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x40, 0x40}}};
  if (testing::VectorsFolder().has_value()) {
    documents["real"] = testing::ReadVector("nitro/nsm-2022.cose");
  }
  for (auto& [name, document] : documents) {
    document.insert(document.begin(), {0xd2, 0xd2});
    const FileReport report = Verify({{name, document}});
    EXPECT_EQ(report.verdict(), RowVerdict::kFailed) << name;
    EXPECT_EQ(Run({{name, document}}), ExitCode::kRefused) << name;
    EXPECT_THAT(out_, HasSubstr("Nitro"));
  }
}

}  // namespace
}  // namespace constellation::cli
