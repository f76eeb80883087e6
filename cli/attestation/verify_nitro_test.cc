// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "attestation/aws/testing/nitro_builder.h"
#include "cli/testing/evidence_case.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::CrlSpec;
using ::constellation::testing::NitroBuilder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class VerifyNitroTest : public testing::EvidenceCase {
 protected:
  VerifyNitroTest() {
    context_.now = builder_.timestamp;
    Trust(builder_.Certificate(0));
  }

  FileUnit Verify() {
    EvidenceSet set;
    set.Add("document", builder_.Build(), true);
    for (const crypto::RevocationList& list : given_) {
      set.Add("list", list.der(), true);
    }
    for (const crypto::RevocationList& list : kept_) {
      set.Add("kept list", list.der(), false);
    }
    VerifyContext context{.set = set,
                          .now = context_.now,
                          .nonce = context_.nonce,
                          .insecure_roots = context_.insecure_roots,
                          .profile = context_.profile};
    return Only(VerifyNitroFiles(context));
  }
  void UsePolicy() {
    profile_.name = "enclave";
    attestation::AwsProfile& aws = profile_.aws.emplace();
    aws.policy.any_pcrs = true;
    aws.insecure_roots = builder_.Expectation().roots;
    context_.insecure_roots.clear();
    context_.profile = &profile_;
    builder_.nonce = Bytes(20, 9);
    context_.nonce = builder_.nonce;
  }

  // Root, region, zone, instance, signer: serial number 7, all of them.
  crypto::RevocationList Of(size_t issuer, CrlSpec spec) const {
    return builder_.Listed(issuer, std::move(spec));
  }
  CrlSpec Expired() const {
    return {.next_update = builder_.timestamp - absl::Seconds(1)};
  }

  NitroBuilder builder_;
  std::vector<crypto::RevocationList> given_, kept_;
};

TEST_F(VerifyNitroTest, AGoodDocumentPasses) {
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kPassed);
  EXPECT_THAT(Infos(unit), Contains("Nitro: nonce"));
}

TEST_F(VerifyNitroTest, RootsOfStrangersAreRefused) {
  context_.insecure_roots.clear();
  EXPECT_THAT(Failed(Verify()), Contains("Nitro: root"));
}

TEST_F(VerifyNitroTest, AnotherKeysSignatureIsRefused) {
  builder_.sign_with = 3;
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: signature"));
}

TEST_F(VerifyNitroTest, TheNonceIsCompared) {
  builder_.nonce = Bytes(20, 9);
  context_.nonce = Bytes(20, 9);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  context_.nonce = Bytes(20, 8);
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: nonce"));
}

// Zero registers say that the memory can be read from outside.
TEST_F(VerifyNitroTest, DebugEnclavesAreNamedAndRefusedByAPolicy) {
  for (const uint32_t index : {0U, 1U, 2U}) {
    builder_.pcrs[index] = Bytes(48, 0);
  }
  EXPECT_THAT(Infos(Verify()), Contains("Nitro: debug mode"));
  UsePolicy();
  EXPECT_THAT(Failed(Verify()), Not(IsEmpty()));
  profile_.aws->policy.allow_debug = true;
  EXPECT_THAT(Failed(Verify()), IsEmpty());
}

TEST_F(VerifyNitroTest, ThePolicyIsHeldAgainstTheDocument) {
  UsePolicy();
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  profile_.aws->policy.module_ids = {"i-0123-enc0000"};
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro policy: module"));
}

TEST_F(VerifyNitroTest, OldDocumentsAreRefused) {
  context_.now = builder_.timestamp + absl::Minutes(6);
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: age"));
  UsePolicy();
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: age"));
  profile_.aws->max_age = absl::Minutes(7);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

TEST_F(VerifyNitroTest, AProfileWithoutDemandsRefuses) {
  UsePolicy();
  Trust(builder_.Certificate(0));
  profile_.aws.reset();
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: policy"));
}

// Also without a policy: what the files or the folder have of lists counts.
TEST_F(VerifyNitroTest, RevokedSignersAreRefused) {
  for (std::vector<crypto::RevocationList>* lists : {&given_, &kept_}) {
    for (size_t issuer = 0; issuer < 4; ++issuer) {
      *lists = {Of(issuer, {.revoked = {7}})};
      EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: revocation")) << issuer;
      *lists = {Of(issuer, {.revoked = {8}})};
      EXPECT_THAT(Failed(Verify()), IsEmpty()) << issuer;
    }
    lists->clear();
  }
}

TEST_F(VerifyNitroTest, OldListsAreRefusedAndOldKeptOnesLeftOut) {
  given_ = {Of(2, Expired())};
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: revocation"));
  kept_ = std::exchange(given_, {});
  EXPECT_THAT(Failed(Verify()), IsEmpty());
  EXPECT_THAT(Got(Verify(), "revocation"),
              HasSubstr("not checked: no list is given"));
  EXPECT_THAT(Infos(Verify()), Contains("Nitro: revocation"));
  CrlSpec revoking = Expired();
  revoking.revoked = {7};
  kept_ = {Of(2, revoking)};
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: revocation"))
      << "what was revoked stays revoked";
}

// A folder has lists of many authorities, some under one name.
TEST_F(VerifyNitroTest, KeptListsOfOtherAuthoritiesAreLeftOut) {
  NitroBuilder renamed = builder_;
  renamed.specs[1].name = builder_.specs[2].name;
  kept_ = {renamed.Listed(1, {.revoked = {7}})};
  EXPECT_THAT(Failed(Verify()), IsEmpty());
  given_ = std::exchange(kept_, {});
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: revocation"))
      << "a list that was given must be its issuer's";
}

TEST_F(VerifyNitroTest, APolicyMayDemandLists) {
  UsePolicy();
  profile_.aws->require_revocation_list = true;
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: revocation"));
  kept_ = {Of(2, Expired())};
  EXPECT_THAT(Failed(Verify()), ElementsAre("Nitro: revocation"));
  kept_ = {Of(2, {})};
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

}  // namespace
}  // namespace constellation::cli
