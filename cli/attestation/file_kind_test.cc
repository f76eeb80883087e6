// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/file_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/show.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::EventLogBuilder;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestProduct;

Bytes ToBytes(std::string_view text) {
  return {text.begin(), text.end()};
}

attestation::Evidence TpmEvidence() {
  testing::SoftwareTpm tpm;
  return tpm.Attest(Bytes(attestation::kUserDataSize, 7)).value();
}

// One good file of every kind that the tests can make.
const std::map<FileKind, Bytes>& Samples() {
  static const auto* const kSamples = new std::map<FileKind, Bytes>([] {
    std::map<FileKind, Bytes> samples;
    const SnpTestEvidence snp = SnpSigner::For(SnpTestProduct::kMilan).Make();
    const testing::IntelTestEvidence intel = IntelSigner::Get().Make();
    const attestation::Evidence tpm = TpmEvidence();
    samples[FileKind::kSnpReport] = snp.report;
    samples[FileKind::kSnpCertificateTable] = testing::SnpCertificateTable(
        {{testing::kSnpVcekGuid, snp.leaf}, {testing::kSnpArkGuid, snp.ark}});
    Bytes extended = snp.report;
    const Bytes& table = samples[FileKind::kSnpCertificateTable];
    extended.insert(extended.end(), table.begin(), table.end());
    samples[FileKind::kSnpExtendedReport] = extended;
    Bytes response(32, 0);
    response[4] = 0xa0;
    response[5] = 0x04;
    response.insert(response.end(), snp.report.begin(), snp.report.end());
    samples[FileKind::kSnpReportResponse] = response;
    const testing::SnpTestIdEvidence id = testing::SignIdBlock({});
    samples[FileKind::kSnpIdBlock] = id.id_block;
    samples[FileKind::kSnpIdAuth] = id.id_auth;
    samples[FileKind::kCertificate] = snp.leaf;
    samples[FileKind::kRevocationList] = snp.crl;
    samples[FileKind::kIntelQuote] = intel.quote;
    samples[FileKind::kTcbInfo] = ToBytes(intel.tcb_info);
    samples[FileKind::kEnclaveIdentity] = ToBytes(intel.qe_identity);
    samples[FileKind::kTpmAttest] = tpm.tpm.attest;
    samples[FileKind::kTpmSignature] = tpm.tpm.signature;
    samples[FileKind::kTpmPublic] = tpm.tpm.ak_public;
    samples[FileKind::kEventLog] = EventLogBuilder({attestation::kTpmAlgSha256})
                                       .Add(0, 4, "separator")
                                       .Add(4, 13, "loader")
                                       .bytes();
    samples[FileKind::kPcrJson] =
        ToBytes(R"({"bank": "sha256", "pcrs": {"0": "00"}})");
    samples[FileKind::kPolicy] = ToBytes(R"({"version": 1, "profiles": []})");
    samples[FileKind::kCollateralBundle] = ToBytes(
        R"({"format": "constellation-collateral-bundle/v1", "entries": []})");
    return samples;
  }());
  return *kSamples;
}

TEST(RecogniseFileTest, KnowsEveryKindByContent) {
  for (const auto& [kind, bytes] : Samples()) {
    EXPECT_EQ(KindId(RecogniseFile(bytes).kind), KindId(kind));
  }
}

TEST(RecogniseFileTest, UnpacksHexAndBase64) {
  for (const FileKind kind : {FileKind::kSnpReport, FileKind::kIntelQuote,
                              FileKind::kCertificate, FileKind::kTpmAttest}) {
    const Bytes& bytes = Samples().at(kind);
    const RecognisedFile hex = RecogniseFile(AsBytes(HexEncode(bytes) + "\n"));
    EXPECT_EQ(KindId(hex.kind), KindId(kind));
    EXPECT_EQ(hex.content, bytes);
    EXPECT_EQ(hex.wrapping, "hex");
    const RecognisedFile base64 = RecogniseFile(AsBytes(Base64Encode(bytes)));
    EXPECT_EQ(KindId(base64.kind), KindId(kind));
    EXPECT_EQ(base64.content, bytes);
  }
}

// Quotes carry their certificates as PEM; that does not make them PEM.
TEST(RecogniseFileTest, PemInsideOfAQuoteIsTheQuotes) {
  const Bytes& quote = Samples().at(FileKind::kIntelQuote);
  EXPECT_THAT(std::string(AsText(quote)),
              ::testing::HasSubstr("-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(RecogniseFile(quote).kind, FileKind::kIntelQuote);
}

TEST(RecogniseFileTest, TakesTpm2bSizesOff) {
  for (const FileKind kind :
       {FileKind::kTpmAttest, FileKind::kTpmSignature, FileKind::kTpmPublic}) {
    const Bytes& bytes = Samples().at(kind);
    Bytes sized = {static_cast<uint8_t>(bytes.size() >> 8U),
                   static_cast<uint8_t>(bytes.size())};
    sized.insert(sized.end(), bytes.begin(), bytes.end());
    const RecognisedFile file = RecogniseFile(sized);
    EXPECT_EQ(KindId(file.kind), KindId(kind));
    EXPECT_EQ(file.content, bytes);
    EXPECT_EQ(file.wrapping, "TPM2B");
  }
}

// Damage must lead to a refusal, not to a file that is left out.
TEST(RecogniseFileTest, DamagedEvidenceKeepsItsKind) {
  Bytes report = Samples().at(FileKind::kSnpReport);
  report.pop_back();
  EXPECT_EQ(RecogniseFile(report).kind, FileKind::kSnpReport);
  Bytes quote = Samples().at(FileKind::kIntelQuote);
  quote.resize(quote.size() / 2);
  EXPECT_EQ(RecogniseFile(quote).kind, FileKind::kIntelQuote);
  Bytes attest = Samples().at(FileKind::kTpmAttest);
  attest[0] ^= 0x01U;
  EXPECT_EQ(RecogniseFile(attest).kind, FileKind::kTpmAttest);
}

// Also where the damage hits one of the fields that tell the kind.
TEST(RecogniseFileTest, OneDamagedFieldHidesNoEvidence) {
  for (const size_t at : {size_t{0x0a}, size_t{0x30}, size_t{0x34}}) {
    Bytes report = Samples().at(FileKind::kSnpReport);
    report[at] ^= 0xeeU;  // policy, VMPL, algorithm
    EXPECT_EQ(RecogniseFile(report).kind, FileKind::kSnpReport) << at;
    report.push_back(0);
    EXPECT_NE(RecogniseFile(report).kind, FileKind::kSnpReport)
        << "only of the right size";
  }
  Bytes quote = Samples().at(FileKind::kIntelQuote);
  quote[12] ^= 0x01U;  // QE vendor
  EXPECT_EQ(RecogniseFile(quote).kind, FileKind::kIntelQuote);
  quote.resize(700);  // nothing is left that would show it
  EXPECT_NE(RecogniseFile(quote).kind, FileKind::kIntelQuote);
  // COSE_Sign1 up to the middle of its payload.
  const Bytes document = {0x84, 0x44, 0xa1, 0x01, 0x38, 0x22,
                          0xa0, 0x59, 0x11, 0x00, 0xa9};
  EXPECT_EQ(RecogniseFile(document).kind, FileKind::kCose);
  Bytes tagged = document;
  tagged.insert(tagged.begin(), 0xd2);
  EXPECT_EQ(RecogniseFile(tagged).kind, FileKind::kCose);
}

// What is behind, before or between shall be refused by the kind's reader.
TEST(RecogniseFileTest, WhatIsTooMuchHidesNoKind) {
  for (const FileKind kind : {FileKind::kTpmSignature, FileKind::kTpmPublic}) {
    Bytes longer = Samples().at(kind);
    longer.push_back(0);
    EXPECT_EQ(KindId(RecogniseFile(longer).kind), KindId(kind));
    Bytes cut = Samples().at(kind);
    cut.pop_back();
    EXPECT_EQ(KindId(RecogniseFile(cut).kind), KindId(kind));
  }
  for (const FileKind kind :
       {FileKind::kTcbInfo, FileKind::kEnclaveIdentity, FileKind::kPcrJson,
        FileKind::kCollateralBundle}) {
    const std::string text(AsText(Samples().at(kind)));
    for (const std::string& damaged :
         {"\xef\xbb\xbf" + text, "\xef\xbb\xbf \n" + text,
          text + std::string(1, '\0'), text.substr(0, text.size() - 1),
          text.substr(0, 1) + std::string(1, '\0') + text.substr(1)}) {
      const RecognisedFile file = RecogniseFile(AsBytes(damaged));
      EXPECT_EQ(KindId(file.kind), KindId(kind)) << damaged.substr(0, 80);
      EXPECT_EQ(AsText(file.content), damaged) << "what is judged";
    }
  }
  const Bytes document = {0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x40};
  Bytes tagged = document;
  for (int tags = 1; tags <= 3; ++tags) {
    tagged.insert(tagged.begin(), 0xd2);
    EXPECT_EQ(RecogniseFile(tagged).kind, FileKind::kCose) << tags;
  }
  EXPECT_NE(RecogniseFile(Bytes(8, 0xd2)).kind, FileKind::kCose);
}

// Each field of the heads that stand for a magic number counts.
TEST(RecogniseFileTest, HeadsOfTpmStructuresMustFit) {
  // {offset, value that makes another file of it}
  const std::pair<size_t, uint8_t> signature[] = {
      {0, 1}, {1, 0x10}, {3, 9}, {5, 1}};
  for (const auto& [at, value] : signature) {
    Bytes changed = Samples().at(FileKind::kTpmSignature);
    changed.push_back(0);
    changed[at] = value;
    EXPECT_NE(RecogniseFile(changed).kind, FileKind::kTpmSignature) << at;
  }
  const std::pair<size_t, uint8_t> area[] = {{0, 1},    {1, 2}, {3, 9},
                                             {4, 0x80}, {7, 1}, {9, 21}};
  for (const auto& [at, value] : area) {
    Bytes changed = Samples().at(FileKind::kTpmPublic);
    changed.push_back(0);
    changed[at] = value;
    EXPECT_NE(RecogniseFile(changed).kind, FileKind::kTpmPublic) << at;
  }
}

TEST(RecogniseFileTest, RsaSignaturesHaveTheSizeOfAModulus) {
  for (const uint8_t scheme : {uint8_t{0x14}, uint8_t{0x16}}) {
    Bytes head = {0x00, scheme, 0x00, 0x0b, 0x01, 0x00};  // 256 octets
    head.resize(100);
    EXPECT_EQ(RecogniseFile(head).kind, FileKind::kTpmSignature);
    head[5] = 1;
    EXPECT_NE(RecogniseFile(head).kind, FileKind::kTpmSignature);
  }
}

// The key of a document decides only near its beginning.
TEST(RecogniseFileTest, KeysFarBehindTellNoKind) {
  const std::string far = "{\"x\": \"" + std::string(300, 'y') + "\", ";
  EXPECT_EQ(RecogniseFile(AsBytes(far + "\"tcbInfo\": ")).kind,
            FileKind::kUnknown);
  EXPECT_EQ(RecogniseFile(AsBytes(std::string("{\"tcbInfo\": "))).kind,
            FileKind::kTcbInfo);
}

TEST(RecogniseFileTest, LeavesOtherFilesAlone) {
  for (const std::string& text :
       {std::string(), std::string("hello"), std::string("{}"),
        std::string("[1, 2]"), std::string("{\"pcrs\": 1}"),
        std::string("-----BEGIN PRIVATE KEY-----\nAA==\n"),
        std::string(5000, 'a'), std::string(5000, '\xff')}) {
    EXPECT_EQ(RecogniseFile(AsBytes(text)).kind, FileKind::kUnknown) << text;
  }
}

TEST(RecogniseFileTest, EveryKindHasItsOwnWords) {
  std::set<std::string_view> ids;
  for (const auto& [kind, bytes] : Samples()) {
    EXPECT_TRUE(ids.insert(KindId(kind)).second);
    EXPECT_FALSE(ToString(kind).empty());
  }
}

// No cut and no flipped octet of any file may do worse than be refused.
TEST(ShowFileTest, SurvivesCutsAndFlippedOctets) {
  for (const auto& [kind, bytes] : Samples()) {
    const size_t step = bytes.size() / 40 + 1;
    for (size_t at = 0; at < bytes.size(); at += step) {
      const ShownFile cut = ShowFile("cut", std::span(bytes).first(at));
      EXPECT_FALSE(RenderShownTable(cut).empty());
      Bytes flipped = bytes;
      flipped[at] ^= 0xffU;
      EXPECT_FALSE(RenderShownJson(ShowFile("flipped", flipped)).empty());
    }
  }
}

TEST(ShowFileTest, DecodesEveryKindAndSaysThatNothingIsVerified) {
  for (const auto& [kind, bytes] : Samples()) {
    const ShownFile file = ShowFile("x", bytes);
    EXPECT_THAT(ToStatus(file), testing::IsOk()) << KindId(kind);
    EXPECT_FALSE(file.decoded.parts.empty()) << KindId(kind);
    EXPECT_THAT(RenderShownTable(file), ::testing::StartsWith("UNVERIFIED"));
    EXPECT_THAT(RenderShownJson(file),
                ::testing::HasSubstr("\"verified\": false"));
  }
}

TEST(ShowFileTest, ControlCharactersDoNotReachTheTerminal) {
  const Bytes log = EventLogBuilder({attestation::kTpmAlgSha256})
                        .Add(4, 13, "evil \x1b[2J\x07 text")
                        .bytes();
  const ShownFile file = ShowFile("na\x1bme", log);
  for (const std::string& text :
       {RenderShownTable(file), RenderShownJson(file)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x07'), std::string::npos);
  }
}

TEST(ShowFileTest, ShowsFieldsOfAReport) {
  const ShownFile file = ShowFile("r", Samples().at(FileKind::kSnpReport));
  const std::string text = RenderShownTable(file);
  for (const char* field : {"measurement", "report data", "reported TCB",
                            "chip ID", "policy debug allowed"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(field));
  }
}

// All brackets, and a long key over many leaves: neither stack nor memory goes.
TEST(ShowFileTest, HostileJsonIsBounded) {
  const size_t depth = 200000;
  const std::string nested = "{\"profiles\":" + std::string(depth, '[') +
                             std::string(depth, ']') + "}";
  EXPECT_THAT(RenderShownTable(ShowFile("x", AsBytes(nested))),
              ::testing::HasSubstr("nested deeper"));
  std::string wide = "{\"" + std::string(100000, 'k') + "\":[";
  for (int i = 0; i < 100000; ++i) {
    wide += "1,";
  }
  wide += "1],\"profiles\":[]}";
  EXPECT_LT(RenderShownJson(ShowFile("x", AsBytes(wide))).size(),
            size_t{2} << 20U);
}

TEST(ShowFileTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(ToStatus(ShowFile("x", AsBytes("hello"))),
              testing::StatusIs(absl::StatusCode::kInvalidArgument));
}

// Rows are bounded, whatever a log claims to hold.
TEST(ShowFileTest, LongLogsAreCutNotDropped) {
  EventLogBuilder builder({attestation::kTpmAlgSha256});
  for (int i = 0; i < 5000; ++i) {
    builder.Add(4, 13, "x");
  }
  const ShownFile file = ShowFile("log", builder.bytes());
  EXPECT_EQ(file.decoded.parts.back().fields().size(), 4096U);
  EXPECT_EQ(file.decoded.parts.back().omitted(), 904U);
}

}  // namespace
}  // namespace constellation::cli
