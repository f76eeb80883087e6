// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/signed_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "attestation/tpm/testing/test_ca.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/p256.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr std::string_view kFile =
    R"({"version":1, "profiles":[], "enrolledTPMs":[]})";

SecretBytes PrivatePem(const crypto::P256PrivateKey& key) {
  return key.ToPem().value();
}
std::string PublicPem(const crypto::P256PrivateKey& key) {
  return crypto::PemEncode("PUBLIC KEY", key.PublicSpki());
}

class SignedPolicyTest : public ::testing::Test {
 protected:
  const crypto::P256PrivateKey key_ =
      crypto::P256PrivateKey::Generate().value();
  const std::string public_key_ = PublicPem(key_);
  const std::string signature_ = SignPolicy(kFile, PrivatePem(key_)).value();
};

TEST_F(SignedPolicyTest, AcceptsWhatWasSigned) {
  ASSERT_OK_AND_ASSIGN(const SignedPolicy policy,
                       SignedPolicy::Verify(kFile, signature_, public_key_));
  EXPECT_TRUE(policy.policy().profiles().empty());
  EXPECT_THAT(
      SignedPolicy::Verify(kFile, " \n" + signature_ + "\r\n", public_key_),
      IsOk());
}

TEST_F(SignedPolicyTest, RefusesEveryOtherOctetOfTheFile) {
  for (size_t i = 0; i < kFile.size(); ++i) {
    std::string changed(kFile);
    changed[i] = changed[i] == ' ' ? '\t' : ' ';
    EXPECT_THAT(SignedPolicy::Verify(changed, signature_, public_key_),
                StatusIs(absl::StatusCode::kUnauthenticated,
                         HasSubstr("not this key's over this file")));
  }
  EXPECT_THAT(
      SignedPolicy::Verify(std::string(kFile) + "\n", signature_, public_key_),
      StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(SignedPolicyTest, RefusesEveryChangedBitOfTheSignature) {
  const Bytes der =
      Base64Decode(
          std::string_view(signature_).substr(0, signature_.size() - 1))
          .value();
  for (size_t bit = 0; bit < der.size() * 8; ++bit) {
    Bytes changed = der;
    changed[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    EXPECT_FALSE(
        SignedPolicy::Verify(kFile, Base64Encode(changed), public_key_).ok())
        << bit;
  }
}

TEST_F(SignedPolicyTest, RefusesAnotherKey) {
  const crypto::P256PrivateKey other =
      crypto::P256PrivateKey::Generate().value();
  EXPECT_THAT(SignedPolicy::Verify(kFile, signature_, PublicPem(other)),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("not this key's over this file")));
}

TEST_F(SignedPolicyTest, RefusesWhatIsNoSignatureOrKey) {
  const std::string sizes =
      "signature of the policy: want 1 to 256 characters of base64, got ";
  const std::pair<std::string, std::string> signatures[] = {
      {"", sizes + "0"},
      {" \n", sizes + "0"},
      {std::string(257, 'A'), sizes + "257"},
      {std::string(300, 'A'), sizes + "300"},
      {"!", "signature of the policy: "},
      {"AAAA", "signature of the policy: "},
      {std::string(256, 'A'), "signature of the policy: "},
      {signature_ + "AAAA", "signature of the policy: "}};
  for (const auto& [signature, why] : signatures) {
    EXPECT_THAT(SignedPolicy::Verify(kFile, signature, public_key_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << signature;
  }
  const std::string most = "public key: want at most 4096 octets of PEM, got ";
  const std::pair<std::string, std::string> keys[] = {
      {"", ""},
      {"key", ""},
      {std::string(5000, '-'), most + "5000"},
      {crypto::PemEncode("CERTIFICATE", key_.PublicSpki()), ""},
      {crypto::PemEncode("PUBLIC KEY", Bytes(8, 0x30)), ""},
      {public_key_ + std::string(4097 - public_key_.size(), '\n'),
       most + "4097"}};
  for (const auto& [key, why] : keys) {
    EXPECT_THAT(SignedPolicy::Verify(kFile, signature_, key),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << key;
  }
}

// Nobody can choose a weaker kind of key, or another scheme, for the verifier.
TEST_F(SignedPolicyTest, RefusesOtherKindsOfKey) {
  for (const auto type : {constellation::testing::TestKeyType::kP384,
                          constellation::testing::TestKeyType::kRsa}) {
    const constellation::testing::TestKey other(type);
    EXPECT_THAT(
        SignedPolicy::Verify(kFile, signature_,
                             crypto::PemEncode("PUBLIC KEY", other.Spki())),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("want a P-256 key")));
  }
}

// A signature does not make a policy valid, and what is not valid is not
// signed.
TEST_F(SignedPolicyTest, RefusesWhatIsNoPolicy) {
  EXPECT_THAT(SignPolicy("{}", PrivatePem(key_)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SignPolicy(kFile, SecretBytes(AsBytes("no key"))),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// The format of `openssl dgst -sha256 -sign` and of `cosign sign-blob --key`
// (which is base64 of the same): each side accepts what the other made.
TEST_F(SignedPolicyTest, AgreesWithOpenssl) {
  if (std::system("openssl version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "no openssl program";
  }
  char folder[] = "/tmp/signed-policy-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::filesystem::path path(folder);
  const auto write = [&](const char* name, std::string_view text) {
    EXPECT_THAT(WriteFileAtomically((path / name).string(), text, 0600),
                IsOk());
  };
  const auto run = [&](const std::string& command) {
    return std::system(
        ("cd " + path.string() + " && " + command + " > log 2>&1").c_str());
  };
  write("policy.json", kFile);
  write("public.pem", public_key_);
  write("private.pem", AsText(PrivatePem(key_).Expose()));
  write("policy.json.sig", signature_);
  EXPECT_EQ(run("openssl base64 -d -A -in policy.json.sig -out der && "
                "openssl dgst -sha256 -verify public.pem -signature der "
                "policy.json"),
            0);
  EXPECT_EQ(run("openssl dgst -sha256 -sign private.pem -out theirs "
                "policy.json && openssl base64 -A -in theirs -out theirs.b64"),
            0);
  ASSERT_OK_AND_ASSIGN(const std::string theirs,
                       ReadFile((path / "theirs.b64").string(), 4096));
  EXPECT_THAT(SignedPolicy::Verify(kFile, theirs, public_key_), IsOk());
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace constellation::attestation
