// SPDX-License-Identifier: Apache-2.0
// Every vector through the verifiers themselves; conformance.py does the same
// through the command. What to expect is read from the manifest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/azure/hcl_report.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/snp/id_block.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/tdx/td_report_struct.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/file_kind.h"
#include "cli/attestation/pem.h"

namespace constellation {
namespace {

using cli::FileKind;
using nlohmann::json;
using testing::ReadVector;

bool StartsWith(const json& entry, std::string_view text) {
  return entry["verdict"].get<std::string>().starts_with(text);
}

bool IsValid(const json& entry) {
  return StartsWith(entry, "valid");
}

// Every certificate that is shipped.
const std::vector<crypto::Certificate>& AllCertificates() {
  static const auto* const kAll = new std::vector<crypto::Certificate>([] {
    std::vector<crypto::Certificate> all;
    for (const json& entry : testing::VectorEntries("")) {
      const Bytes bytes = ReadVector(entry["path"]);
      if (cli::RecogniseFile(bytes).kind != FileKind::kCertificate) {
        continue;
      }
      if (auto some = cli::CertificatesOf(bytes); some.ok()) {
        all.insert(all.end(), some->begin(), some->end());
      }
    }
    return all;
  }());
  return *kAll;
}

// Whether some authority of that name signed what `verify` verifies.
template <typename Verify>
bool SomeIssuer(std::span<const uint8_t> name, Verify verify) {
  for (const crypto::Certificate& candidate : AllCertificates()) {
    if (std::ranges::equal(candidate.subject_name(), name) &&
        verify(candidate)) {
      return true;
    }
  }
  return false;
}

void CheckCertificates(const json& entry, const Bytes& bytes) {
  const auto certificates = cli::CertificatesOf(bytes);
  ASSERT_TRUE(certificates.ok()) << certificates.status();
  for (const crypto::Certificate& certificate : *certificates) {
    EXPECT_EQ(SomeIssuer(certificate.issuer_name(),
                         [&](const crypto::Certificate& issuer) {
                           return certificate.VerifySignedBy(issuer).ok();
                         }),
              IsValid(entry));
  }
}

void CheckCrl(const json& entry, const Bytes& bytes) {
  const auto list = attestation::ParseCrlUnverified(bytes);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(SomeIssuer(list->issuer_name(),
                       [&](const crypto::Certificate& issuer) {
                         const auto key = issuer.Key();
                         return key.ok() && list->VerifySignedBy(*key).ok();
                       }),
            IsValid(entry));
}

void CheckSignedJson(const json& entry, const Bytes& bytes,
                     std::string_view name) {
  const auto document =
      attestation::ParseSignedJsonUnverified(AsText(bytes), name);
  ASSERT_TRUE(document.ok()) << document.status();
  const std::span<const uint8_t> signature = document->signature;
  bool signed_by_some = false;
  for (const crypto::Certificate& candidate : AllCertificates()) {
    const auto key = candidate.Key();
    signed_by_some = signed_by_some ||
                     (key.ok() && key->curve() == crypto::EcCurve::kP256 &&
                      key->VerifyEcdsa(crypto::HashAlgorithm::kSha256,
                                       AsBytes(document->body),
                                       signature.first(32), signature.last(32))
                          .ok());
  }
  EXPECT_EQ(signed_by_some, IsValid(entry));
}

void CheckSnpReport(const json& entry, const Bytes& bytes) {
  attestation::SnpVerificationInput input{
      .report = bytes, .endorsements = {}, .options = {}};
  const json expect = entry.value("expect", json::object());
  const json signers = expect.value("signers", json::array());
  std::vector<crypto::Certificate> certificates = AllCertificates();
  absl::Time now = absl::UnixEpoch();
  if (!signers.empty()) {
    const auto signer = cli::CertificatesOf(ReadVector(signers[0]));
    ASSERT_TRUE(signer.ok());
    certificates.insert(certificates.begin(), signer->begin(), signer->end());
    now = testing::Middle(*testing::VectorWindow(expect["verify_time_window"]));
  }
  // Test roots have AMD's names, too; those of this folder come first.
  std::vector<crypto::Certificate> chain;
  for (const crypto::Certificate& certificate : certificates) {
    const std::string name = certificate.SubjectCommonName().value_or("");
    if (&certificate == &certificates.front() ||
        (name.find("VCEK") == std::string::npos && !signers.empty() &&
         (name.ends_with(expect["product"].get<std::string>())))) {
      chain.push_back(certificate);
    }
  }
  input.endorsements = attestation::SelectSnpEndorsements(chain);
  EXPECT_EQ(attestation::VerifySnp(input, now).ok(), IsValid(entry));
}

void CheckQuote(const json& entry, const Bytes& bytes) {
  const json expect = entry.value("expect", json::object());
  absl::Time now = absl::FromUnixSeconds(1751328000);  // 2025-07-01
  if (expect.contains("pck_validity")) {
    now = testing::Middle(*testing::VectorWindow(expect["pck_validity"]));
  }
  const attestation::IntelChainVerification result =
      attestation::CheckIntelQuoteChain(bytes, testing::ProductionAnchors(),
                                        {.now = now});
  EXPECT_EQ(result.quote.has_value(), StartsWith(entry, "valid signatures"));
}

void CheckEventLog(const json& entry, const Bytes& bytes) {
  const attestation::EventLogReading reading =
      attestation::ReadEventLogUnverified(bytes);
  if (IsValid(entry)) {
    EXPECT_TRUE(reading.status.ok()) << reading.status;
  }
  if (StartsWith(entry, "must be rejected")) {
    EXPECT_FALSE(reading.status.ok());
  }
  const json expect = entry.value("expect", json::object());
  const json banks = expect.value("pcrs", json::object());
  for (const uint16_t algorithm : reading.log.algorithms) {
    const std::string name = attestation::AlgorithmName(algorithm);
    if (!banks.contains(name)) {
      continue;
    }
    const auto replayed = attestation::Replay(reading.log, algorithm);
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    for (const auto& [index, value] : banks[name].items()) {
      const auto found =
          replayed->find(static_cast<uint32_t>(std::stoul(index)));
      const Bytes wanted = *HexDecode(value.get<std::string>());
      const Bytes got =
          found == replayed->end() ? Bytes(wanted.size(), 0) : found->second;
      EXPECT_EQ(HexEncode(got), HexEncode(wanted)) << name << " " << index;
    }
  }
}

void CheckNitro(const json& entry, const Bytes& bytes) {
  attestation::NitroExpectation expectation;
  const auto cose = attestation::ParseCoseSign1Unverified(bytes);
  ASSERT_TRUE(cose.ok());
  const auto document =
      attestation::ParseNitroDocumentUnverified(cose->payload);
  ASSERT_TRUE(document.ok());
  expectation.now = document->timestamp;
  EXPECT_EQ(attestation::VerifyNitroDocument(bytes, expectation).ok(),
            IsValid(entry));
}

void CheckHcl(const json& entry, const Bytes& bytes) {
  const auto hcl = attestation::ParseHclReportUnverified(bytes);
  ASSERT_TRUE(hcl.ok()) << hcl.status();
  const Bytes binding =
      attestation::HclReportData(hcl->hash, hcl->runtime_data);
  EXPECT_EQ(std::ranges::equal(binding, hcl->report_data),
            !StartsWith(entry, "INVALID"));
}

// Returns false for what is data.
bool CheckVector(const json& entry) {
  const std::string path = entry["path"];
  if (entry["verdict"] == "data" || path.ends_with(".sig.bin")) {
    return false;
  }
  const cli::RecognisedFile file = cli::RecogniseFile(ReadVector(path));
  switch (file.kind) {
    case FileKind::kCertificate:
      if (!StartsWith(entry, "must be rejected")) {
        CheckCertificates(entry, file.content);
      }
      return true;
    case FileKind::kRevocationList:
      CheckCrl(entry, file.content);
      return true;
    case FileKind::kTcbInfo:
      CheckSignedJson(entry, file.content, "tcbInfo");
      return true;
    case FileKind::kEnclaveIdentity:
      CheckSignedJson(entry, file.content, "enclaveIdentity");
      return true;
    case FileKind::kTcbEvaluationNumbers:
      CheckSignedJson(entry, file.content, "tcbEvaluationDataNumbers");
      return true;
    case FileKind::kSnpReport:
      CheckSnpReport(entry, file.content);
      return true;
    case FileKind::kIntelQuote:
      CheckQuote(entry, file.content);
      return true;
    case FileKind::kTdReport:
      EXPECT_EQ(attestation::ParseTdReportStructUnverified(file.content).ok(),
                entry["verdict"] == "structure hashes match");
      return true;
    case FileKind::kTpmAttest: {
      const testing::VectorQuote quote = testing::LoadVectorQuote(entry);
      EXPECT_EQ(attestation::VerifyPcrQuote(quote.View(), quote.nonce).ok(),
                entry["verdict"] == "valid");
      return true;
    }
    case FileKind::kEventLog:
      CheckEventLog(entry, file.content);
      return true;
    case FileKind::kCose:
      CheckNitro(entry, file.content);
      return true;
    case FileKind::kHclReport:
      CheckHcl(entry, file.content);
      return true;
    default:
      return false;
  }
}

TEST(VectorsTest, EveryOneGetsTheVerdictOfTheManifest) {
  if (!testing::VectorsFolder().has_value()) {
    GTEST_SKIP() << testing::kNoVectors;
  }
  std::map<bool, size_t> counts;
  for (const json& entry : testing::VectorEntries("")) {
    SCOPED_TRACE(entry["path"].get<std::string>() + ": " +
                 entry["verdict"].get<std::string>());
    ++counts[CheckVector(entry)];
  }
  // The others are data, signatures (checked with what they sign), prediction
  // cases and structures that prove nothing.
  EXPECT_GT(counts[true], 3 * counts[false]);
}

}  // namespace
}  // namespace constellation
