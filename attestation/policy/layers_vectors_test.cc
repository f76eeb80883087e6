// SPDX-License-Identifier: Apache-2.0
// Real evidence of Azure's machines through the composition: CPU report,
// runtime data, attestation key and quote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/policy/layers.h"
#include "attestation/policy/tcb_report.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::kNoVectors;
using ::constellation::testing::LoadVectorQuote;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorQuote;
using ::constellation::testing::VectorsFolder;
using ::testing::IsEmpty;
using ::testing::Not;

// What lies beside one HCL report.
struct Group {
  std::string name;
  Bytes hcl;
  Bytes vcek;
  VectorQuote quote;
};

std::vector<Group> SnpGroups() {
  std::vector<Group> groups;
  for (const nlohmann::json& entry : VectorEntries("azure/")) {
    const std::string path = entry["path"];
    const size_t at = path.find("-hcl-report.bin");
    const std::string stem = path.substr(0, at);
    if (at == std::string::npos ||
        VectorEntries(stem + "-quote.attest.bin").empty() ||
        VectorEntries(stem + "-vcek.der").empty()) {
      continue;
    }
    groups.push_back(
        {.name = stem,
         .hcl = ReadVector(path),
         .vcek = ReadVector(stem + "-vcek.der"),
         .quote = LoadVectorQuote(VectorEntry(stem + "-quote.attest.bin"))});
  }
  return groups;
}

AppraisalCollateral Authorities() {
  AppraisalCollateral collateral;
  for (const char* product : {"milan", "genoa", "turin"}) {
    for (const char* role : {"ask", "ark"}) {
      const Bytes pem =
          ReadVector(std::string("snp/") + product + "-" + role + ".pem");
      collateral.certificates.push_back(
          crypto::Certificate::FromPem(AsText(pem)).value());
    }
  }
  return collateral;
}

// Accepts any genuine machine: the vectors are of many.
Profile AnyGenuineMachine() {
  Profile profile;
  profile.name = "any";
  profile.variant = "azure-sev-snp";
  profile.snp.emplace();
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    profile.snp->policy.products[product].minimum = {
        .fmc = product == SnpProduct::kTurin ? std::optional<uint8_t>(0)
                                             : std::nullopt,
        .boot_loader = 0,
        .tee = 0,
        .snp = 0,
        .microcode = 0};
  }
  profile.snp->policy.insecure_any_measurement = true;
  profile.azure.emplace();
  profile.azure->policy.require_secure_boot = false;
  return profile;
}

LayerFindings Check(const Group& group) {
  static const AppraisalCollateral& authorities =
      *new AppraisalCollateral(Authorities());
  const crypto::Certificate vcek =
      crypto::Certificate::FromDer(group.vcek).value();
  return CheckLayers(*FindVariant("azure-sev-snp"),
                     {.hardware_report = group.hcl,
                      .endorsements = {group.vcek},
                      .quote = group.quote.View(),
                      .nonce = group.quote.nonce},
                     AnyGenuineMachine(), authorities,
                     vcek.NotBefore().value() + absl::Hours(24));
}

std::vector<std::string> Failed(const LayerFindings& found) {
  std::vector<std::string> names;
  for (const CheckRow& row : found.rows) {
    if (row.verdict == CheckVerdict::kFailed) {
      names.push_back(row.layer + " " + row.name + ": " + row.got);
    }
  }
  return names;
}

class LayersVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

TEST_F(LayersVectorsTest, EveryGroupIsBound) {
  const std::vector<Group> groups = SnpGroups();
  EXPECT_GE(groups.size(), 3U);
  for (const Group& group : groups) {
    SCOPED_TRACE(group.name);
    const LayerFindings found = Check(group);
    EXPECT_THAT(Failed(found), IsEmpty());
    EXPECT_THAT(found.key_vouched_by, Not(IsEmpty()));
    EXPECT_FALSE(found.insecure_root);
    const Profile profile = AnyGenuineMachine();
    const TcbFacts facts{.variant = FindVariant(profile.variant),
                         .profile = &profile,
                         .layers = found,
                         .image_known = false};
    EXPECT_EQ(RestsOn(facts), "paravisor-rooted");
    EXPECT_TRUE(MakeTcbReport(facts)[1].met);
  }
}

// Genuine pieces of different machines do not add up.
TEST_F(LayersVectorsTest, PiecesOfTwoMachinesAreRefused) {
  const std::vector<Group> groups = SnpGroups();
  for (const Group& one : groups) {
    for (const Group& other : groups) {
      if (&one == &other) {
        continue;
      }
      Group mixed = one;
      mixed.quote = other.quote;
      EXPECT_THAT(Failed(Check(mixed)), Not(IsEmpty()));
      EXPECT_THAT(Check(mixed).key_vouched_by, IsEmpty());
      mixed = one;
      mixed.hcl = other.hcl;
      EXPECT_THAT(Failed(Check(mixed)), Not(IsEmpty()));
    }
  }
}

}  // namespace
}  // namespace constellation::attestation
