// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/nitro_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CaSpec;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::NitroBuilder;
using ::constellation::testing::PemToDer;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

std::set<std::string_view> Failed(const NitroVerification& result) {
  std::set<std::string_view> names;
  for (const NitroCheck& check : result.checks) {
    if (!check.passed) {
      names.insert(ToString(check.id));
    }
  }
  EXPECT_EQ(result.checks.size(), 13U);
  EXPECT_EQ(result.document.has_value(), names.empty());
  return names;
}

std::set<std::string_view> Failed(const NitroBuilder& builder) {
  return Failed(CheckNitroDocument(builder.Build(), builder.Expectation()));
}

TEST(NitroVerifierTest, AcceptsGoodDocument) {
  NitroBuilder builder;
  builder.public_key = Bytes(65, 4);
  builder.user_data = Bytes{1};
  builder.nonce = Bytes(20, 9);
  NitroExpectation want = builder.Expectation();
  want.nonce = builder.nonce;
  ASSERT_OK_AND_ASSIGN(const VerifiedNitroDocument document,
                       VerifyNitroDocument(builder.Build(), want));
  EXPECT_EQ(document.kind(), NitroKind::kEnclave);
  EXPECT_EQ(document.module_id(), builder.module_id);
  EXPECT_EQ(document.timestamp(), builder.timestamp);
  EXPECT_EQ(document.pcrs(), builder.pcrs);
  EXPECT_EQ(document.public_key(), builder.public_key);
  EXPECT_EQ(document.user_data(), builder.user_data);
  EXPECT_EQ(document.nonce(), builder.nonce);
}

TEST(NitroVerifierTest, AcceptsIndefiniteAndTaggedForms) {
  NitroBuilder builder;
  builder.indefinite = true;
  builder.tagged = true;
  EXPECT_THAT(Failed(builder), IsEmpty());
}

TEST(NitroVerifierTest, MakesEveryCheckEvenOfNothing) {
  const NitroVerification result = CheckNitroDocument({}, {});
  for (const NitroCheck& check : result.checks) {
    // No nonce is demanded.
    EXPECT_EQ(check.passed, check.id == NitroCheckId::kNonce);
  }
  EXPECT_THAT(VerifyNitroDocument({}, {}), StatusIs(kInvalid));
}

TEST(NitroVerifierTest, RefusesOtherRoot) {
  const NitroBuilder builder;
  NitroExpectation want = builder.Expectation();
  want.roots = {kNitroRootG1Spki};
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)),
              ElementsAre("root"));
  EXPECT_THAT(
      VerifyNitroDocument(builder.Build(), want),
      StatusIs(kUnauthenticated, HasSubstr("anybody can make such a chain")));
  want.roots.clear();
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)),
              ElementsAre("root"));
}

TEST(NitroVerifierTest, RevocationIsLookedForInTheListsGiven) {
  NitroBuilder builder;
  for (size_t i = 0; i < builder.specs.size(); ++i) {
    builder.specs[i].serial = static_cast<long>(i + 1);
  }
  NitroExpectation want = builder.Expectation();
  const auto failed = [&](const std::vector<crypto::RevocationList>& lists) {
    want.crls = lists;
    return Failed(CheckNitroDocument(builder.Build(), want));
  };
  EXPECT_THAT(failed({}), IsEmpty());
  EXPECT_THAT(failed({builder.Listed(0, {}), builder.Listed(3, {})}),
              IsEmpty());
  // Each by its own issuer, and by it alone.
  for (size_t i = 1; i < builder.specs.size(); ++i) {
    const long serial = builder.specs[i].serial;
    EXPECT_THAT(failed({builder.Listed(i - 1, {.revoked = {serial}})}),
                ElementsAre("revocation"))
        << i;
    EXPECT_THAT(failed({builder.Listed(i == 1 ? 2 : 0, {.revoked = {serial}})}),
                IsEmpty())
        << i;
  }
  // Certificates are judged at the document's time, lists now.
  want.now = builder.timestamp + absl::Minutes(2);
  EXPECT_THAT(failed({builder.Listed(
                  3, {.next_update = builder.timestamp + absl::Minutes(1)})}),
              ElementsAre("revocation"));
}

TEST(NitroVerifierTest, ADemandedListMustBeThere) {
  const NitroBuilder builder;
  NitroExpectation want = builder.Expectation();
  want.require_crls = true;
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)),
              ElementsAre("revocation"));
  const std::vector<crypto::RevocationList> lists = {builder.Listed(0, {})};
  want.crls = lists;
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)), IsEmpty());
}

TEST(NitroVerifierTest, GivesTheChainFromTheSignerUp) {
  const NitroBuilder builder;
  ASSERT_OK_AND_ASSIGN(const auto chain, NitroChainUnverified(builder.Build()));
  ASSERT_EQ(chain.size(), builder.specs.size());
  for (size_t i = 0; i < chain.size(); ++i) {
    EXPECT_EQ(chain[i].SubjectCommonName(),
              builder.specs[chain.size() - 1 - i].name);
  }
  Bytes cut = builder.Build();
  cut.pop_back();
  EXPECT_THAT(NitroChainUnverified(cut),
              StatusIs(absl::StatusCode::kInvalidArgument));
  NitroBuilder other;
  other.digest = "SHA256";
  EXPECT_THAT(NitroChainUnverified(other.Build()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NitroVerifierTest, RefusesOtherAlgorithm) {
  NitroBuilder builder;
  builder.algorithm = 6;  // -7, ES256
  EXPECT_THAT(Failed(builder), ElementsAre("algorithm"));
}

// ES384 is for keys of P-384 only (RFC 9053 section 2.1).
TEST(NitroVerifierTest, RefusesSignersOfOtherCurvesAndKinds) {
  for (const auto type : {constellation::testing::TestKeyType::kP256,
                          constellation::testing::TestKeyType::kRsa}) {
    NitroBuilder builder;
    builder.signer_spki = constellation::testing::TestKey(type).Spki();
    const auto result =
        CheckNitroDocument(builder.Build(), builder.Expectation());
    EXPECT_THAT(Failed(result), ElementsAre("signature"));
    EXPECT_THAT(
        VerifyNitroDocument(builder.Build(), builder.Expectation()),
        StatusIs(kUnauthenticated, HasSubstr("the signer's key is not of")));
  }
}

TEST(NitroVerifierTest, RefusesSignatureOfAnotherKey) {
  NitroBuilder builder;
  builder.sign_with = 3;
  EXPECT_THAT(Failed(builder), ElementsAre("signature"));
}

// What the row of `id` got.
std::string GotOf(const NitroVerification& result, NitroCheckId id) {
  for (const NitroCheck& check : result.checks) {
    if (check.id == id) {
      return check.got;
    }
  }
  return "";
}

// ES384 has r and s of 48 octets each, never anything else to cut them out of.
TEST(NitroVerifierTest, RefusesSignatureOfOtherLength) {
  const NitroBuilder builder;
  const Bytes good = builder.Build();
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{47}, size_t{95}, size_t{97}}) {
    Bytes bytes(good.begin(), good.end() - 98);  // head of two octets
    bytes.insert(bytes.end(), {0x58, static_cast<uint8_t>(size)});
    if (size < 24) {  // the shortest form
      bytes.pop_back();
      bytes.back() = static_cast<uint8_t>(0x40 | size);
    }
    bytes.insert(bytes.end(), size, 0x11);
    const NitroVerification result =
        CheckNitroDocument(bytes, builder.Expectation());
    EXPECT_THAT(Failed(result), ElementsAre("signature"));
    EXPECT_EQ(GotOf(result, NitroCheckId::kSignature),
              "want a signature of 96 bytes, got " + std::to_string(size));
  }
}

// Names fit, keys do not. The root's own signature says nothing: its key is
// pinned.
TEST(NitroVerifierTest, EveryCertificateIsSigned) {
  for (size_t index = 0; index < NitroBuilder().specs.size(); ++index) {
    NitroBuilder builder;
    builder.forged = index;
    if (index == 0) {
      EXPECT_THAT(Failed(builder), IsEmpty());
    } else {
      EXPECT_THAT(Failed(builder), ElementsAre("chain")) << index;
    }
  }
}

TEST(NitroVerifierTest, ANonceIsNotFoundInWhatCannotBeRead) {
  const NitroBuilder builder;
  NitroExpectation want = builder.Expectation();
  want.nonce = Bytes{1, 2};
  const NitroVerification result = CheckNitroDocument({}, want);
  EXPECT_EQ(Failed(result).size(), 13U);
  EXPECT_EQ(GotOf(result, NitroCheckId::kNonce), "none");
  EXPECT_EQ(GotOf(result, NitroCheckId::kAlgorithm),
            "not available: no envelope");
  for (const NitroCheckId id :
       {NitroCheckId::kRoot, NitroCheckId::kChain, NitroCheckId::kLeaf,
        NitroCheckId::kExtensions, NitroCheckId::kValidity,
        NitroCheckId::kRevocation}) {
    EXPECT_EQ(GotOf(result, id), "not available: no certificates")
        << ToString(id);
  }
}

TEST(NitroVerifierTest, RefusesBrokenChain) {
  NitroBuilder names;
  names.specs[2].issuer = "elsewhere";
  EXPECT_THAT(Failed(names), ElementsAre("chain"));

  NitroBuilder no_ca;
  no_ca.specs[2].ca = false;
  no_ca.specs[2].path_length = std::nullopt;
  EXPECT_THAT(Failed(no_ca), ElementsAre("chain"));

  NitroBuilder usage;
  usage.specs[1].key_usage = "digitalSignature";
  EXPECT_THAT(Failed(usage), ElementsAre("chain"));

  NitroBuilder length;
  length.specs[1].path_length = 1;  // two CAs follow
  EXPECT_THAT(Failed(length), ElementsAre("chain"));

  // Without the zone: the instance is not signed by the region.
  NitroBuilder skipped;
  skipped.specs[3].issuer = "region";
  skipped.specs.erase(skipped.specs.begin() + 2);
  EXPECT_THAT(Failed(skipped), ::testing::Contains("signature"));
}

TEST(NitroVerifierTest, RefusesSignerThatMayNotSign) {
  NitroBuilder ca;
  ca.specs[4].ca = true;
  EXPECT_THAT(Failed(ca), ElementsAre("signer's certificate"));
  NitroBuilder usage;
  usage.specs[4].key_usage = "keyAgreement";
  EXPECT_THAT(Failed(usage), ElementsAre("signer's certificate"));
  NitroBuilder none;
  none.specs[4].key_usage = "";
  EXPECT_THAT(Failed(none), ElementsAre("signer's certificate"));
}

TEST(NitroVerifierTest, RefusesCriticalExtensionThatIsNotUnderstood) {
  NitroBuilder builder;
  builder.specs[2].extensions = {
      {.oid = "2.5.29.30", .critical = true, .value = {0x30, 0}}};
  EXPECT_THAT(Failed(builder), ElementsAre("extensions"));
  builder.specs[2].extensions[0].critical = false;
  EXPECT_THAT(Failed(builder), IsEmpty());
}

TEST(NitroVerifierTest, BoundsTheAge) {
  const NitroBuilder builder;
  const Bytes bytes = builder.Build();
  NitroExpectation want = builder.Expectation();
  want.max_age = absl::Minutes(10);
  want.now = builder.timestamp + absl::Minutes(10);
  EXPECT_THAT(VerifyNitroDocument(bytes, want), IsOk());
  want.now += absl::Seconds(1);
  EXPECT_THAT(Failed(CheckNitroDocument(bytes, want)), ElementsAre("age"));
  EXPECT_THAT(VerifyNitroDocument(bytes, want),
              StatusIs(kPrecondition, HasSubstr("have a new one made")));
  want.now = builder.timestamp - absl::Minutes(5);
  EXPECT_THAT(VerifyNitroDocument(bytes, want), IsOk());
  want.now -= absl::Seconds(1);
  EXPECT_THAT(Failed(CheckNitroDocument(bytes, want)), ElementsAre("age"));
}

TEST(NitroVerifierTest, CertificatesMustBeValidWhenTheDocumentWasMade) {
  NitroBuilder expired;
  expired.specs[1].not_after = expired.timestamp - absl::Seconds(1);
  EXPECT_THAT(Failed(expired), ElementsAre("validity"));
  NitroBuilder early;
  early.specs[4].not_before = early.timestamp + absl::Seconds(1);
  EXPECT_THAT(Failed(early), ElementsAre("validity"));
  // An owner who allows documents of last month gets them checked at their own
  // time.
  NitroBuilder old;
  NitroExpectation want = old.Expectation();
  want.now += absl::Hours(24 * 30);
  want.max_age = absl::Hours(24 * 31);
  EXPECT_THAT(VerifyNitroDocument(old.Build(), want), IsOk());
}

TEST(NitroVerifierTest, ComparesTheNonce) {
  NitroBuilder builder;
  NitroExpectation want = builder.Expectation();
  want.nonce = Bytes{1, 2};
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)),
              ElementsAre("nonce"));
  builder.nonce = Bytes{1, 2, 3};
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)),
              ElementsAre("nonce"));
  builder.nonce = Bytes{};
  want.nonce = Bytes{};
  EXPECT_THAT(Failed(CheckNitroDocument(builder.Build(), want)),
              ElementsAre("nonce"));
}

class NitroVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
  static NitroExpectation At(const nlohmann::json& entry) {
    NitroExpectation want;
    want.now =
        absl::FromUnixMillis(entry["expect"]["timestamp_ms"].get<int64_t>());
    return want;
  }
};

// Every document of the manifest. A derived one has the time of its origin in
// it, which its verdict does not depend on.
TEST_F(NitroVectorsTest, EveryDocumentGetsItsVerdict) {
  size_t valid = 0;
  for (const nlohmann::json& entry : VectorEntries("nitro/")) {
    const std::string path = entry["path"];
    if (!path.ends_with(".cose")) {
      continue;
    }
    SCOPED_TRACE(path);
    if (!entry["verdict"].get<std::string>().starts_with("valid")) {
      NitroExpectation want;
      want.now = absl::FromUnixSeconds(1770113522);
      want.max_age = absl::Hours(24 * 365 * 100);
      EXPECT_THAT(Failed(CheckNitroDocument(ReadVector(path), want)),
                  ::testing::Contains("signature"));
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const VerifiedNitroDocument document,
                         VerifyNitroDocument(ReadVector(path), At(entry)));
    const nlohmann::json& want = entry["expect"];
    EXPECT_EQ(document.module_id(), want["module_id"]);
    EXPECT_EQ(document.kind() == NitroKind::kNitroTpm,
              want["pcr_field"] == "nitrotpm_pcrs");
    EXPECT_EQ(document.pcrs().size(), want["pcrs"].size());
    for (const auto& [index, value] : document.pcrs()) {
      EXPECT_EQ(HexEncode(value), want["pcrs"][std::to_string(index)]);
    }
    for (const auto& [name, got] :
         {std::pair{"nonce_hex", document.nonce()},
          std::pair{"user_data_hex", document.user_data()},
          std::pair{"public_key_hex", document.public_key()}}) {
      EXPECT_EQ(got.has_value(), want[name].is_string()) << name;
      if (got.has_value() && want[name].is_string()) {
        EXPECT_EQ(HexEncode(*got), want[name]) << name;
      }
    }
    ++valid;
  }
  EXPECT_GE(valid, 3U);
}

TEST_F(NitroVectorsTest, PinnedRootIsTheShippedOne) {
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate root,
                       crypto::Certificate::FromDer(PemToDer(
                           ReadVector("nitro/aws-nitro-root-g1.pem"))));
  EXPECT_EQ(root.SpkiFingerprint(), kNitroRootG1Spki);
}

// Every octet of a document is signed, compared or makes it unreadable, but
// for the signature of the root, which is pinned by its key, and what a tag
// could add.
TEST_F(NitroVectorsTest, ChangedDocumentsAreRefused) {
  for (const nlohmann::json& entry : VectorEntries("nitro/nitrotpm-2026")) {
    const Bytes genuine = ReadVector(entry["path"]);
    const NitroExpectation want = At(entry);
    for (size_t i = 0; i < genuine.size(); i += 3) {
      Bytes bytes = genuine;
      bytes[i] ^= static_cast<uint8_t>(1U << (i % 8));
      EXPECT_FALSE(CheckNitroDocument(bytes, want).document.has_value()) << i;
    }
    for (size_t size = 0; size < genuine.size(); size += 97) {
      EXPECT_FALSE(CheckNitroDocument(std::span(genuine).first(size), want)
                       .document.has_value());
    }
  }
}

}  // namespace
}  // namespace constellation::attestation
