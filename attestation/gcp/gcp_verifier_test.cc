// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/gcp_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::GceMachine;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::LoadVectorQuote;
using ::constellation::testing::MarkerOf;
using ::constellation::testing::QuoteSigner;
using ::constellation::testing::ReadVector;
using ::constellation::testing::SignerKind;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorQuote;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

GcpVerification CheckOf(const GceMachine& machine) {
  return CheckGcp(machine.Evidence(), machine.candidates, machine.Trust(),
                  machine.nonce);
}

std::set<std::string_view> Failed(const GcpVerification& result) {
  std::set<std::string_view> names;
  for (const GcpCheck& check : result.checks) {
    if (!check.passed) {
      names.insert(ToString(check.id));
    }
  }
  EXPECT_EQ(result.checks.size(), 5U);
  EXPECT_EQ(result.machine.has_value(), names.empty());
  return names;
}

std::set<std::string_view> Failed(const GceMachine& machine) {
  return Failed(CheckOf(machine));
}

TEST(GcpVerifierTest, AcceptsGoodMachine) {
  const GceMachine machine;
  ASSERT_OK_AND_ASSIGN(const VerifiedGcp verified,
                       VerifyGcp(machine.Evidence(), machine.candidates,
                                 machine.Trust(), machine.nonce));
  EXPECT_EQ(verified.technology(), GceTechnology::kSevSnp);
  EXPECT_EQ(verified.instance().instance_name, "node-1");
  EXPECT_EQ(verified.quote().ak_spki(), GceMachine::Signer().Spki());
}

TEST(GcpVerifierTest, MakesEveryCheckEvenOfNothing) {
  const GcpVerification result = CheckGcp({}, {}, {}, {});
  EXPECT_THAT(Failed(result),
              ElementsAre("AK certificate", "quote", "quote key"));
  EXPECT_EQ(result.certificate_checks.size(), 7U);
  EXPECT_EQ(result.quote_checks.size(), 11U);
}

TEST(GcpVerifierTest, KeyOfQuoteMustBeTheCertificates) {
  GceMachine machine;
  machine.ak = GceMachine::Signer().Tpmt();
  EXPECT_THAT(Failed(machine), IsEmpty());
  const QuoteSigner other(SignerKind::kP256, kTpmAlgSha256);
  machine.ak = other.Tpmt();
  machine.signature = other.SignTpmt(machine.attest);
  EXPECT_THAT(Failed(machine), ElementsAre("quote key"));
  machine.ak = {};
  EXPECT_THAT(Failed(machine), ElementsAre("event log", "quote", "technology"));
}

TEST(GcpVerifierTest, CertificateMustBeTrusted) {
  GceMachine machine;
  machine.candidates.clear();
  machine.ak = GceMachine::Signer().Tpmt();
  EXPECT_THAT(Failed(machine), ElementsAre("AK certificate", "quote key"));
  EXPECT_THAT(VerifyGcp(machine.Evidence(), machine.candidates, machine.Trust(),
                        machine.nonce),
              StatusIs(kUnauthenticated, HasSubstr("AK certificate")));
}

TEST(GcpVerifierTest, NonceIsCompared) {
  GceMachine machine;
  machine.nonce[0] ^= 1U;
  EXPECT_THAT(Failed(machine), ElementsAre("event log", "quote", "technology"));
}

// Without PCR 0 nothing ties the log's technology to the quote.
TEST(GcpVerifierTest, LogMustBeAboutPcr0) {
  GceMachine machine;
  machine.event_log = constellation::testing::EventLogBuilder({kTpmAlgSha256})
                          .Add(7, 0x11, constellation::testing::MarkerOf(4))
                          .bytes();
  const GcpVerification result = CheckOf(machine);
  EXPECT_FALSE(result.machine.has_value());
  std::string got;
  for (const GcpCheck& check : result.checks) {
    got += check.got + "\n";
  }
  EXPECT_THAT(got, HasSubstr("the log has no event of it"));
}

// The host chooses what is quoted: a log whose PCR 0 nobody compares would tell
// any technology.
TEST(GcpVerifierTest, Pcr0MustBeQuoted) {
  GceMachine machine;
  constellation::testing::QuoteParts parts;
  parts.extra_data = machine.nonce;
  parts.selections = {{.hash_algorithm = kTpmAlgSha256, .pcrs = {10}}};
  parts.pcr_digest = *TpmDigest(kTpmAlgSha256, machine.pcr10);
  machine.attest = constellation::testing::MarshalAttest(parts);
  machine.signature = GceMachine::Signer().SignTpmt(machine.attest);
  GcpEvidenceUnverified evidence = machine.Evidence();
  evidence.quote.registers = {{.index = 10, .value = machine.pcr10}};
  const GcpVerification result =
      CheckGcp(evidence, machine.candidates, machine.Trust(), machine.nonce);
  EXPECT_THAT(Failed(result), ElementsAre("event log"));
  EXPECT_THAT(
      VerifyGcp(evidence, machine.candidates, machine.Trust(), machine.nonce),
      StatusIs(kUnauthenticated, HasSubstr("PCR 0 is not quoted")));
}

TEST(GcpVerifierTest, RefusesAKeyThatIsNone) {
  for (const Bytes& octets : {Bytes{1, 2, 3}, Bytes(300, 0x30)}) {
    GceMachine machine;
    machine.ak = octets;
    EXPECT_THAT(Failed(machine),
                ElementsAre("event log", "quote", "quote key", "technology"));
  }
}

TEST(GcpVerifierTest, LogMustReplay) {
  GceMachine machine;
  const Bytes good = machine.event_log;
  machine.event_log[60] ^= 1U;  // a digest of the first record's
  GceMachine other;
  other.events[0].data = MarkerOf(3);
  other.Refresh();
  machine.event_log = other.event_log;
  EXPECT_THAT(Failed(machine), ElementsAre("event log"));
  machine.event_log = good;
  machine.event_log.pop_back();
  EXPECT_THAT(Failed(machine), ElementsAre("event log", "technology"));
}

TEST(GcpVerifierTest, WithoutLogTheTechnologyIsUnknown) {
  GceMachine machine;
  machine.event_log.clear();
  const GcpVerification result = CheckOf(machine);
  EXPECT_THAT(Failed(result), IsEmpty());
  EXPECT_FALSE(result.machine->technology().has_value());
}

TEST(GcpVerifierTest, EveryTechnologyHasItsNumber) {
  for (uint8_t number = 0; number <= 4; ++number) {
    GceMachine machine;
    machine.events[0].data = MarkerOf(number);
    machine.Refresh();
    const GcpVerification result = CheckOf(machine);
    ASSERT_THAT(Failed(result), IsEmpty());
    EXPECT_EQ(static_cast<uint8_t>(*result.machine->technology()), number);
  }
  GceMachine machine;
  machine.events[0].data = MarkerOf(5);
  machine.Refresh();
  EXPECT_THAT(Failed(machine), ElementsAre("technology"));
}

TEST(GcpVerifierTest, OnlyTheFirmwaresMarkerCounts) {
  GceMachine none;
  none.events.erase(none.events.begin());
  none.Refresh();
  EXPECT_THAT(Failed(none), ElementsAre("technology"));

  // Written by the operating system, behind the separator.
  GceMachine late;
  late.events.erase(late.events.begin());
  late.events.push_back({0, 0x11, MarkerOf(4)});
  late.Refresh();
  EXPECT_THAT(Failed(late), ElementsAre("technology"));

  GceMachine twice;
  twice.events.insert(twice.events.begin(), {0, 0x11, MarkerOf(1)});
  twice.Refresh();
  EXPECT_THAT(Failed(twice), ElementsAre("technology"));

  // And one behind the separator beside the firmware's.
  GceMachine added;
  added.events.push_back({0, 0x11, MarkerOf(4)});
  added.Refresh();
  EXPECT_THAT(Failed(added), ElementsAre("technology"));

  GceMachine other_pcr;
  other_pcr.events[0].pcr = 10;
  other_pcr.Refresh();
  EXPECT_THAT(Failed(other_pcr), ElementsAre("technology"));

  GceMachine longer;
  longer.events[0].data = MarkerOf(4) + "x";
  longer.Refresh();
  EXPECT_THAT(Failed(longer), ElementsAre("technology"));
}

// Data are only a comment unless they are what was hashed.
TEST(GcpVerifierTest, MarkerMustBeWhatWasMeasured) {
  GceMachine machine;
  const std::string text(AsText(machine.event_log));
  const size_t at = text.find("GCE NonHostInfo") + 16;
  machine.event_log[at] = 3;
  EXPECT_THAT(Failed(machine), ElementsAre("technology"));
}

class GcpVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

TEST_F(GcpVectorsTest, QuotesWithChainFilesVerify) {
  size_t seen = 0;
  for (const nlohmann::json& entry : VectorEntries("gcp/")) {
    const std::string path = entry["path"];
    const size_t at = path.find("-ak-chain.pem");
    if (at == std::string::npos ||
        VectorEntries(path.substr(0, at) + ".attest.bin").empty()) {
      continue;
    }
    SCOPED_TRACE(path);
    const VectorQuote quote =
        LoadVectorQuote(VectorEntry(path.substr(0, at) + ".attest.bin"));
    const Bytes pem = ReadVector(path);
    ASSERT_OK_AND_ASSIGN(const auto chain,
                         crypto::Certificate::ListFromPem(AsText(pem), 8));
    GcpTrust trust;
    trust.now = absl::FromUnixSeconds(1770120000);
    GcpEvidenceUnverified evidence{.ak_certificate = chain[0].der(),
                                   .quote = quote.View(),
                                   .event_log = {}};
    const std::span others = std::span(chain).subspan(1);
    const auto result = CheckGcp(evidence, others, trust, quote.nonce);
    EXPECT_THAT(Failed(result), IsEmpty());
    evidence.quote.ak = {};
    EXPECT_THAT(Failed(CheckGcp(evidence, others, trust, quote.nonce)),
                IsEmpty());
    // The certificate of another instance's key.
    const auto other = crypto::Certificate::FromPem(
        AsText(ReadVector("gcp/pca-tpm-ecc-sign-cert.pem")));
    evidence.ak_certificate = other->der();
    EXPECT_FALSE(
        CheckGcp(evidence, others, trust, quote.nonce).machine.has_value());
    ++seen;
  }
  EXPECT_GE(seen, 1U);
}

TEST_F(GcpVectorsTest, LogsTellTheirTechnology) {
  const std::pair<const char*, GceTechnology> cases[] = {
      {"eventlog/cos-93-amd-sev.bin", GceTechnology::kSev},
      {"eventlog/ubuntu-1804-amd-sev.bin", GceTechnology::kSev},
      {"eventlog/gce-cos-85-quote-log.bin", GceTechnology::kSev},
      {"eventlog/ubuntu-2404-amd-sevsnp.bin", GceTechnology::kSevSnp},
      {"eventlog/rhel8-uefi.bin", GceTechnology::kNone}};
  for (const auto& [path, want] : cases) {
    SCOPED_TRACE(path);
    ASSERT_OK_AND_ASSIGN(const EventLogUnverified log,
                         ParseEventLogUnverified(ReadVector(path)));
    for (const uint16_t bank : log.algorithms) {
      ASSERT_OK_AND_ASSIGN(const GceTechnology got,
                           FindGceTechnologyUnverified(log, bank));
      EXPECT_EQ(got, want);
    }
  }
  ASSERT_OK_AND_ASSIGN(const EventLogUnverified other,
                       ParseEventLogUnverified(
                           ReadVector("eventlog/arch-linux-workstation.bin")));
  EXPECT_THAT(FindGceTechnologyUnverified(other, kTpmAlgSha256),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::attestation
