// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/azure_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/azure/testing/azure_machine.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::AzureMachine;
using ::constellation::testing::IsOk;
using ::constellation::testing::kGoodClaims;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::LoadVectorQuote;
using ::constellation::testing::QuoteSigner;
using ::constellation::testing::ReadVector;
using ::constellation::testing::RuntimeJson;
using ::constellation::testing::SignerKind;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorQuote;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

AzureVerification CheckOf(const AzureMachine& machine) {
  return CheckAzure(machine.Evidence(), machine.Hardware(), machine.nonce);
}

absl::StatusOr<VerifiedAzure> Verify(const AzureMachine& machine) {
  return VerifyAzure(machine.Evidence(), machine.Hardware(), machine.nonce);
}

std::set<std::string_view> Failed(const AzureVerification& result) {
  std::set<std::string_view> names;
  for (const AzureCheck& check : result.checks) {
    if (!check.passed) {
      names.insert(ToString(check.id));
    }
  }
  EXPECT_EQ(result.machine.has_value(), names.empty());
  return names;
}

TEST(AzureVerifierTest, AcceptsGoodMachineOfEitherKindWithEveryHash) {
  for (const HclReportType type : {HclReportType::kSnp, HclReportType::kTdx}) {
    for (const HclHashType hash :
         {HclHashType::kSha256, HclHashType::kSha384, HclHashType::kSha512}) {
      AzureMachine machine;
      machine.hcl.type = type;
      machine.hcl.hash = hash;
      machine.Refresh();
      ASSERT_OK_AND_ASSIGN(const VerifiedAzure verified, Verify(machine));
      EXPECT_EQ(verified.hardware(), type);
      EXPECT_EQ(verified.hcl_version(), 1U);
      EXPECT_EQ(verified.runtime_data().configuration.vm_unique_id, "ab-12");
      EXPECT_EQ(verified.quote().ak_spki(), AzureMachine::Signer().Spki());
      EXPECT_THAT(Failed(CheckOf(machine)), IsEmpty());
    }
  }
}

TEST(AzureVerifierTest, LooksAtThePublicAreaIfItIsGiven) {
  AzureMachine machine;
  machine.ak = AzureMachine::Signer().Tpmt();
  ASSERT_OK_AND_ASSIGN(const VerifiedAzure verified, Verify(machine));
  EXPECT_FALSE(verified.quote().ak_name().empty());
  machine.ak = AzureMachine::Signer().Tpmt(0x00040072);  // not restricted
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("quote"));
}

TEST(AzureVerifierTest, OlderParavisorsCallTheKeyOneForEncryption) {
  AzureMachine machine;
  machine.hcl.runtime_data =
      RuntimeJson(AzureMachine::Signer().Modulus(), kGoodClaims, "encrypt");
  machine.Refresh();
  EXPECT_THAT(Verify(machine), IsOk());
  machine.hcl.runtime_data =
      RuntimeJson(AzureMachine::Signer().Modulus(), kGoodClaims, "wrapKey");
  machine.Refresh();
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("attestation key"));
}

TEST(AzureVerifierTest, MakesEveryCheckEvenOfNothing) {
  const AzureVerification result = CheckAzure({}, {}, {});
  EXPECT_EQ(result.checks.size(), 8U);
  for (const AzureCheck& check : result.checks) {
    EXPECT_FALSE(check.passed) << ToString(check.id);
    EXPECT_FALSE(check.got.empty()) << ToString(check.id);
  }
  EXPECT_EQ(result.quote_checks.size(), 11U);
  EXPECT_FALSE(result.machine.has_value());
  EXPECT_THAT(VerifyAzure({}, {}, {}), StatusIs(kInvalid));
}

// The report data inside the HCL report are anybody's: those of the verified
// hardware report count.
TEST(AzureVerifierTest, RefusesRuntimeDataBoundOnlyByThemselves) {
  AzureMachine machine;
  const Bytes genuine = machine.report_data;
  const QuoteSigner thief(SignerKind::kRsassa, kTpmAlgSha256);
  machine.hcl.runtime_data = RuntimeJson(thief.Modulus(), kGoodClaims);
  machine.signature = thief.Sign(machine.attest);
  machine.Refresh();
  EXPECT_THAT(Verify(machine), IsOk());  // if the CPU had signed it
  machine.report_data = genuine;
  EXPECT_THAT(Failed(CheckOf(machine)),
              ElementsAre("hardware report data", "runtime data hash"));
  // Nor does the genuine report data in the HCL report help.
  machine.hcl.report_data = genuine;
  machine.hcl_report = machine.hcl.Build();
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("runtime data hash"));
  EXPECT_THAT(Verify(machine),
              StatusIs(kUnauthenticated,
                       HasSubstr("the CPU does not vouch for this vTPM")));
}

TEST(AzureVerifierTest, RefusesDigestWithMoreBehindIt) {
  AzureMachine machine;
  machine.report_data[32] = 1;
  machine.hcl.report_data = machine.report_data;
  machine.hcl_report = machine.hcl.Build();
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("runtime data hash"));
}

TEST(AzureVerifierTest, RefusesReportDataOfAnotherLength) {
  AzureMachine machine;
  machine.report_data.resize(32);
  EXPECT_THAT(Failed(CheckOf(machine)),
              ElementsAre("hardware report data", "runtime data hash"));
}

TEST(AzureVerifierTest, RefusesHardwareOfAnotherKind) {
  const AzureMachine machine;
  AzureHardware hardware = machine.Hardware();
  hardware.type = HclReportType::kTdx;
  EXPECT_THAT(Failed(CheckAzure(machine.Evidence(), hardware, machine.nonce)),
              ElementsAre("hardware"));
}

TEST(AzureVerifierTest, RefusesQuoteOfAnotherKey) {
  const QuoteSigner other(SignerKind::kRsassa, kTpmAlgSha256);
  AzureMachine machine;
  machine.signature = other.Sign(machine.attest);
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("quote"));
  machine.ak = other.Tpmt();
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("quote key"));
  machine.ak = other.Spki();
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("quote key"));
}

TEST(AzureVerifierTest, RefusesAKeyThatIsNone) {
  for (const Bytes& octets : {Bytes{1, 2, 3}, Bytes(300, 0x30)}) {
    AzureMachine machine;
    machine.ak = octets;
    const AzureVerification result = CheckOf(machine);
    EXPECT_THAT(Failed(result), ElementsAre("quote", "quote key"));
    EXPECT_FALSE(result.machine.has_value());
  }
}

TEST(AzureVerifierTest, RefusesOtherNonceAndOtherRegister) {
  AzureMachine machine;
  machine.nonce[0] ^= 1U;
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("quote"));
  EXPECT_THAT(Verify(machine),
              StatusIs(kUnauthenticated, HasSubstr("qualifying data")));
  machine = AzureMachine();
  machine.pcr[0] ^= 1U;
  EXPECT_THAT(Failed(CheckOf(machine)), ElementsAre("quote"));
}

TEST(AzureVerifierTest, RefusesRuntimeDataWithoutTheKey) {
  AzureMachine machine;
  machine.hcl.runtime_data = R"({"keys":[]})";
  machine.Refresh();
  EXPECT_THAT(Failed(CheckOf(machine)),
              ElementsAre("attestation key", "quote", "quote key"));
  machine.hcl.runtime_data = "{";
  machine.Refresh();
  EXPECT_THAT(Verify(machine), StatusIs(kInvalid, HasSubstr("runtime data")));
}

TEST(AzureVerifierTest, RefusesShortKey) {
  AzureMachine machine;
  machine.hcl.runtime_data = RuntimeJson(Bytes(128, 0x91), kGoodClaims);
  machine.Refresh();
  EXPECT_THAT(Failed(CheckOf(machine)),
              ElementsAre("attestation key", "quote"));
}

class AzureVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
  // The report data that the hardware report beside the group has: what its
  // verifier would pass on.
  static Bytes ReportData(const nlohmann::json& entry) {
    return *HexDecode(entry["expect"]["hw_report_data"].get<std::string>());
  }
};

struct Group {
  std::string name;
  Bytes hcl;
  Bytes report_data;
  HclReportType type{};
  VectorQuote quote;

  AzureVerification Check() const {
    AzureEvidenceUnverified evidence{.hcl_report = hcl, .quote = quote.View()};
    evidence.quote.ak = {};
    return CheckAzure(evidence, {.type = type, .report_data = report_data},
                      quote.nonce);
  }
};

// HCL reports whose group has a quote.
std::vector<Group> Groups() {
  std::vector<Group> groups;
  for (const nlohmann::json& entry : VectorEntries("azure/")) {
    const std::string path = entry["path"];
    const size_t at = path.find("-hcl-report.bin");
    if (at == std::string::npos) {
      continue;
    }
    const std::string attest = path.substr(0, at) + "-quote.attest.bin";
    if (VectorEntries(attest).empty()) {
      continue;
    }
    Group group{.name = path,
                .hcl = ReadVector(path),
                .report_data = *HexDecode(
                    entry["expect"]["hw_report_data"].get<std::string>()),
                .type = static_cast<HclReportType>(
                    entry["expect"]["report_type"].get<uint32_t>()),
                .quote = LoadVectorQuote(VectorEntry(attest))};
    groups.push_back(std::move(group));
  }
  return groups;
}

TEST_F(AzureVectorsTest, EveryGroupVerifies) {
  const std::vector<Group> groups = Groups();
  EXPECT_GE(groups.size(), 6U);
  for (const Group& group : groups) {
    SCOPED_TRACE(group.name);
    EXPECT_THAT(Failed(group.Check()), IsEmpty());
  }
}

TEST_F(AzureVectorsTest, GroupsDoNotMix) {
  const std::vector<Group> groups = Groups();
  for (const Group& a : groups) {
    for (const Group& b : groups) {
      if (&a != &b) {
        Group mixed = a;
        mixed.quote = b.quote;
        EXPECT_THAT(Failed(mixed.Check()), ElementsAre("quote"));
        mixed = a;
        mixed.hcl = b.hcl;
        EXPECT_FALSE(mixed.Check().machine.has_value());
      }
    }
  }
}

TEST_F(AzureVectorsTest, DerivedReportFailsByItsHash) {
  Group group = Groups().front();
  for (const nlohmann::json& entry : VectorEntries("azure/derived-")) {
    const std::string path = entry["path"];
    if (path.find("hcl") == std::string::npos) {
      continue;
    }
    group.hcl = ReadVector(path);
    ASSERT_OK_AND_ASSIGN(const HclReportUnverified report,
                         ParseHclReportUnverified(group.hcl));
    group.type = report.type;
    group.report_data = {report.report_data.begin(), report.report_data.end()};
    EXPECT_THAT(Failed(group.Check()), ::testing::Contains("runtime data hash"))
        << path;
  }
}

// Whatever octet of the report changes: either it is in the hardware report
// (whose own signature covers it) outside the report data, or it is refused.
TEST_F(AzureVectorsTest, EveryChangeOfAReportIsRefused) {
  const Group genuine = Groups().front();
  size_t refused = 0;
  for (size_t i = 0; i < genuine.hcl.size(); ++i) {
    Group group = genuine;
    group.hcl[i] ^= static_cast<uint8_t>(1U << (i % 8));
    const bool in_hardware_report = i >= 32 && i < 32 + 1184;
    const bool in_report_data = i >= 32 + 0x50 && i < 32 + 0x90;
    const bool is_version = i == 4;  // 1 and 2 mean the same
    const bool accepted = group.Check().machine.has_value();
    if (!in_hardware_report || in_report_data) {
      EXPECT_TRUE(!accepted || is_version) << "offset " << i;
      refused += accepted ? 0 : 1;
    }
  }
  EXPECT_GE(refused, 1470U);
}

}  // namespace
}  // namespace constellation::attestation
