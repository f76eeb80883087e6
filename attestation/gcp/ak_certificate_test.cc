// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/ak_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CaSpec;
using ::constellation::testing::GceMachine;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::MakeCertificate;
using ::constellation::testing::PemToDer;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TestKey;
using ::constellation::testing::TestKeyType;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

std::set<std::string_view> Failed(const GcpCertificateVerification& result) {
  std::set<std::string_view> names;
  for (const GcpCertificateCheck& check : result.checks) {
    if (!check.passed) {
      names.insert(ToString(check.id));
    }
  }
  EXPECT_EQ(result.checks.size(), 7U);
  EXPECT_EQ(result.ak.has_value(), names.empty());
  return names;
}

std::set<std::string_view> Failed(GceMachine& machine) {
  machine.Refresh();
  return Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                      machine.Trust()));
}

crypto::Certificate Parse(const Bytes& der) {
  return *crypto::Certificate::FromDer(der);
}

TEST(AkCertificateTest, AcceptsGoodChainInAnyOrder) {
  GceMachine machine;
  EXPECT_THAT(Failed(machine), IsEmpty());
  std::swap(machine.candidates[0], machine.candidates[1]);
  ASSERT_OK_AND_ASSIGN(
      const VerifiedGcpAk ak,
      VerifyGcpAkCertificate(machine.leaf_der, machine.candidates,
                             machine.Trust()));
  EXPECT_EQ(ak.spki(), GceMachine::Signer().Spki());
  EXPECT_EQ(ak.instance().project_id, "my-project");
}

TEST(AkCertificateTest, MakesEveryCheckEvenOfNothing) {
  const GcpCertificateVerification result = CheckGcpAkCertificate({}, {}, {});
  EXPECT_EQ(Failed(result).size(), 7U);
  EXPECT_THAT(VerifyGcpAkCertificate({}, {}, {}), StatusIs(kInvalid));
}

TEST(AkCertificateTest, RefusesOtherRoot) {
  const GceMachine machine;
  GcpTrust trust = machine.Trust();
  trust.roots = {kGoogleEkAkRootSpki, kGoogleTpmEkRootSpki};
  EXPECT_THAT(Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                           trust)),
              ElementsAre("chain"));
  trust.roots.clear();
  EXPECT_THAT(
      VerifyGcpAkCertificate(machine.leaf_der, machine.candidates, trust),
      StatusIs(kUnauthenticated, HasSubstr("no way from \"CN=leaf\"")));
}

// What a caller verified before need not be verified again.
TEST(AkCertificateTest, ChainMayEndAtAnIntermediateThatIsPinned) {
  GceMachine machine;
  GcpTrust trust = machine.Trust();
  trust.roots = {machine.candidates[1].SpkiFingerprint()};
  machine.candidates.erase(machine.candidates.begin());
  EXPECT_THAT(Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                           trust)),
              IsEmpty());
  // Another key under its name is not it.
  const TestKey other(TestKeyType::kP256);
  machine.candidates = {
      Parse(MakeCertificate(CaSpec("intermediate", "root"), other, other))};
  machine.leaf_der =
      MakeCertificate(machine.leaf, GceMachine::Signer().Spki(), other);
  EXPECT_THAT(Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                           trust)),
              ::testing::Contains("chain"));
}

TEST(AkCertificateTest, RefusesMissingIntermediate) {
  GceMachine machine;
  machine.candidates.pop_back();
  EXPECT_THAT(Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                           machine.Trust())),
              ElementsAre("chain"));
}

// A genuine name says nothing: another key has it too.
TEST(AkCertificateTest, FindsTheIssuerAmongEqualNames) {
  const TestKey other(TestKeyType::kP256);
  GceMachine machine;
  const auto impostor =
      Parse(MakeCertificate(CaSpec("intermediate", "root"), other, other));
  auto without_ids = CaSpec("intermediate", "root");
  without_ids.key_ids = false;
  const auto nameless = Parse(MakeCertificate(without_ids, other, other));
  machine.candidates.insert(machine.candidates.begin(), 3, impostor);
  machine.candidates.insert(machine.candidates.begin(), 3, nameless);
  EXPECT_THAT(VerifyGcpAkCertificate(machine.leaf_der, machine.candidates,
                                     machine.Trust()),
              IsOk());
  // Without key identifiers they are tried one after the other.
  machine.leaf.key_ids = false;
  machine.Refresh();
  machine.candidates.insert(machine.candidates.begin(), 3, impostor);
  EXPECT_THAT(VerifyGcpAkCertificate(machine.leaf_der, machine.candidates,
                                     machine.Trust()),
              IsOk());
  // But not for ever.
  machine.candidates.insert(machine.candidates.begin(), 6, impostor);
  EXPECT_THAT(VerifyGcpAkCertificate(machine.leaf_der, machine.candidates,
                                     machine.Trust()),
              StatusIs(kUnauthenticated, HasSubstr("8 signatures tried")));
}

TEST(AkCertificateTest, SelfIssuedCandidatesEnd) {
  const TestKey other(TestKeyType::kP256);
  const auto loop = Parse(
      MakeCertificate(CaSpec("intermediate", "intermediate"), other, other));
  GceMachine machine;
  machine.leaf_der =
      MakeCertificate(machine.leaf, GceMachine::Signer().Spki(), other);
  const std::vector<crypto::Certificate> candidates(40, loop);
  EXPECT_THAT(
      VerifyGcpAkCertificate(machine.leaf_der, candidates, machine.Trust()),
      StatusIs(kUnauthenticated, HasSubstr("among 32 certificates")));
}

TEST(AkCertificateTest, RefusesIssuersThatMayNot) {
  GceMachine no_ca;
  no_ca.intermediate.ca = false;
  EXPECT_THAT(Failed(no_ca), ElementsAre("chain"));
  GceMachine usage;
  usage.intermediate.key_usage = "digitalSignature";
  EXPECT_THAT(Failed(usage), ElementsAre("chain"));
  GceMachine length;
  length.root.path_length = 0;
  EXPECT_THAT(Failed(length), ElementsAre("chain"));
  length.root.path_length = 1;
  length.intermediate.path_length = 0;
  EXPECT_THAT(Failed(length), IsEmpty());
  GceMachine names;
  names.leaf.issuer = "elsewhere";
  EXPECT_THAT(Failed(names), ElementsAre("chain"));
}

TEST(AkCertificateTest, RefusesLeafForAnythingElse) {
  GceMachine ca;
  ca.leaf.ca = true;
  EXPECT_THAT(Failed(ca), ElementsAre("use"));
  GceMachine endorsement;
  endorsement.leaf.key_usage = "keyEncipherment";
  EXPECT_THAT(Failed(endorsement), ElementsAre("use"));
  endorsement.leaf.key_usage = "digitalSignature,keyEncipherment";
  EXPECT_THAT(Failed(endorsement), ElementsAre("use"));
  endorsement.leaf.key_usage = "digitalSignature,keyCertSign";
  EXPECT_THAT(Failed(endorsement), ElementsAre("use"));
  GceMachine none;
  none.leaf.key_usage = "";
  EXPECT_THAT(Failed(none), ElementsAre("use"));
}

TEST(AkCertificateTest, EveryCertificateMustBeValidNow) {
  const absl::Time now = GceMachine().Trust().now;
  for (auto field :
       {&GceMachine::root, &GceMachine::intermediate, &GceMachine::leaf}) {
    GceMachine expired;
    (expired.*field).not_after = now - absl::Seconds(1);
    EXPECT_THAT(Failed(expired), ElementsAre("validity"));
    EXPECT_THAT(VerifyGcpAkCertificate(expired.leaf_der, expired.candidates,
                                       expired.Trust()),
                StatusIs(kPrecondition));
    GceMachine early;
    (early.*field).not_before = now + absl::Seconds(1);
    EXPECT_THAT(Failed(early), ElementsAre("validity"));
    GceMachine critical;
    (critical.*field).extensions = {
        {.oid = "2.5.29.30", .critical = true, .value = {0x30, 0}}};
    EXPECT_THAT(Failed(critical), ElementsAre("extensions"));
  }
}

TEST(AkCertificateTest, RefusesChangedSignature) {
  GceMachine machine;
  machine.leaf_der.back() ^= 1U;
  EXPECT_THAT(Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                           machine.Trust())),
              ElementsAre("chain"));
}

// What the row says about the machine with lists of its authorities.
std::string RevocationWith(const GceMachine& machine,
                           const std::vector<crypto::RevocationList>& lists) {
  GcpTrust trust = machine.Trust();
  trust.crls = lists;
  const auto result =
      CheckGcpAkCertificate(machine.leaf_der, machine.candidates, trust);
  for (const GcpCertificateCheck& check : result.checks) {
    if (check.id == GcpCertificateCheckId::kRevocation) {
      EXPECT_EQ(result.ak.has_value(), check.passed);
      EXPECT_EQ(check.checked, !check.got.starts_with("not checked"));
      return check.got;
    }
  }
  return "no row";
}

TEST(AkCertificateTest, RevocationIsLookedForInTheListsGiven) {
  GceMachine machine;
  machine.root.serial = 1;
  machine.intermediate.serial = 2;
  machine.leaf.serial = 3;
  machine.Refresh();
  EXPECT_EQ(RevocationWith(machine, {}), "not checked: no list is given");
  EXPECT_EQ(RevocationWith(machine, {GceMachine::Listed(true, {}),
                                     GceMachine::Listed(false, {})}),
            "not in 3 lists");
  EXPECT_THAT(
      RevocationWith(machine, {GceMachine::Listed(false, {.revoked = {3}})}),
      HasSubstr("\"CN=leaf\" with serial number 03 is revoked"));
  EXPECT_THAT(
      RevocationWith(machine, {GceMachine::Listed(true, {.revoked = {2}})}),
      HasSubstr("\"CN=intermediate\""));
  // Another authority's list of the same numbers says nothing.
  EXPECT_EQ(
      RevocationWith(machine, {GceMachine::Listed(true, {.revoked = {3}})}),
      "not in 2 lists");
}

TEST(AkCertificateTest, ADemandedListMustBeThere) {
  const GceMachine machine;
  GcpTrust trust = machine.Trust();
  trust.require_crls = true;
  const auto failed = [&] {
    return Failed(
        CheckGcpAkCertificate(machine.leaf_der, machine.candidates, trust));
  };
  EXPECT_THAT(failed(), ElementsAre("revocation"));
  const std::vector<crypto::RevocationList> lists = {
      GceMachine::Listed(false, {})};
  trust.crls = lists;
  EXPECT_THAT(failed(), IsEmpty());
}

TEST(AkCertificateTest, AnOldListIsRefused) {
  const GceMachine machine;
  EXPECT_THAT(
      RevocationWith(machine, {GceMachine::Listed(
                                  false, {.next_update = machine.Trust().now -
                                                         absl::Seconds(1)})}),
      HasSubstr("not valid"));
}

TEST(AkCertificateTest, ListsWithoutAChainAreNobodys) {
  GceMachine machine;
  GcpTrust trust = machine.Trust();
  const std::vector<crypto::RevocationList> lists = {
      GceMachine::Listed(false, {})};
  trust.crls = lists;
  machine.candidates.clear();
  EXPECT_THAT(Failed(CheckGcpAkCertificate(machine.leaf_der, machine.candidates,
                                           trust)),
              ElementsAre("chain", "revocation"));
}

TEST(AkCertificateTest, RefusesCertificateThatNamesNoInstance) {
  GceMachine machine;
  machine.instance.zone = "";
  EXPECT_THAT(Failed(machine), ElementsAre("instance"));
}

class AkCertificateVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
    trust_.now = absl::FromUnixSeconds(1770120000);  // 2026-02-03 12:00 UTC
    for (const nlohmann::json& entry : VectorEntries("gcp/")) {
      const std::string path = entry["path"];
      if (path.ends_with(".der")) {
        candidates_.push_back(Parse(ReadVector(path)));
      }
    }
  }
  GcpTrust trust_;
  std::vector<crypto::Certificate> candidates_;
};

TEST_F(AkCertificateVectorsTest, SignersOfBothHierarchiesPassAndEksDoNot) {
  size_t signers = 0;
  for (const nlohmann::json& entry : VectorEntries("gcp/")) {
    const std::string path = entry["path"];
    if (!path.ends_with("-cert.pem")) {
      continue;
    }
    SCOPED_TRACE(path);
    const auto result =
        CheckGcpAkCertificate(PemToDer(ReadVector(path)), candidates_, trust_);
    if (path.find("-enc-") != std::string::npos) {
      EXPECT_THAT(Failed(result), ElementsAre("use"));
      continue;
    }
    EXPECT_THAT(Failed(result), IsEmpty());
    ++signers;
  }
  EXPECT_GE(signers, 3U);
}

TEST_F(AkCertificateVectorsTest, ChainFilesPassWithTheirOwnCertificates) {
  size_t seen = 0;
  for (const nlohmann::json& entry : VectorEntries("gcp/")) {
    const std::string path = entry["path"];
    if (!path.ends_with("-ak-chain.pem")) {
      continue;
    }
    SCOPED_TRACE(path);
    const Bytes pem = ReadVector(path);
    ASSERT_OK_AND_ASSIGN(const auto chain,
                         crypto::Certificate::ListFromPem(AsText(pem), 8));
    const std::span others = std::span(chain).subspan(1);
    EXPECT_THAT(Failed(CheckGcpAkCertificate(chain[0].der(), others, trust_)),
                IsEmpty());
    trust_.now = absl::FromUnixSeconds(1600000000);  // 2020
    EXPECT_THAT(Failed(CheckGcpAkCertificate(chain[0].der(), others, trust_)),
                ElementsAre("validity"));
    ++seen;
  }
  EXPECT_GE(seen, 1U);
}

TEST_F(AkCertificateVectorsTest, ChangedCertificatesAreRefused) {
  const Bytes genuine = PemToDer(ReadVector("gcp/pca-tpm-ecc-sign-cert.pem"));
  for (size_t i = 0; i < genuine.size(); ++i) {
    Bytes der = genuine;
    der[i] ^= static_cast<uint8_t>(1U << (i % 8));
    EXPECT_FALSE(CheckGcpAkCertificate(der, candidates_, trust_).ak.has_value())
        << i;
  }
}

}  // namespace
}  // namespace constellation::attestation
