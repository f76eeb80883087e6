// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/chain_revocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "attestation/tpm/testing/test_ca.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CaSpec;
using ::constellation::testing::CertificateSpec;
using ::constellation::testing::CrlSpec;
using ::constellation::testing::IsOk;
using ::constellation::testing::MakeCertificate;
using ::constellation::testing::MakeCrl;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TestKey;
using ::constellation::testing::TestKeyType;
using ::testing::HasSubstr;

constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
const absl::Time kNow = absl::FromUnixSeconds(1700000000);

const TestKey& RootKey() {
  static const TestKey& key = *new TestKey(TestKeyType::kP256);
  return key;
}
const TestKey& CaKey() {
  static const TestKey& key = *new TestKey(TestKeyType::kP384);
  return key;
}
const TestKey& LeafKey() {
  static const TestKey& key = *new TestKey(TestKeyType::kP256);
  return key;
}

crypto::Certificate Parsed(const Bytes& der) {
  return crypto::Certificate::FromDer(der).value();
}

// Root 1, intermediate 2, leaf 3.
class ChainRevocationTest : public ::testing::Test {
 protected:
  ChainRevocationTest() { Make(); }
  void Make() {
    root_spec_.serial = 1;
    ca_spec_.serial = 2;
    CertificateSpec leaf;
    leaf.issuer = "ca";
    leaf.serial = 3;
    chain_ = {Parsed(MakeCertificate(leaf, LeafKey(), CaKey())),
              Parsed(MakeCertificate(ca_spec_, CaKey(), RootKey())),
              Parsed(MakeCertificate(root_spec_, RootKey(), RootKey()))};
  }
  static crypto::RevocationList Listed(const CrlSpec& spec,
                                       const TestKey& key) {
    return crypto::RevocationList::FromDer(MakeCrl(spec, key)).value();
  }
  std::vector<const crypto::Certificate*> Chain() const {
    std::vector<const crypto::Certificate*> chain;
    for (const crypto::Certificate& certificate : chain_) {
      chain.push_back(&certificate);
    }
    return chain;
  }
  ChainRevocation Check() const {
    return CheckChainRevocation(Chain(), lists_, kNow);
  }
  RevocationRow Judge(bool required) const {
    return JudgeChainRevocation(Chain(), lists_, kNow, required);
  }

  CertificateSpec root_spec_ = CaSpec("root", "root");
  CertificateSpec ca_spec_ = CaSpec("ca", "root");
  std::vector<crypto::Certificate> chain_;
  std::vector<crypto::RevocationList> lists_;
};

TEST_F(ChainRevocationTest, WithoutListsNothingIsChecked) {
  EXPECT_THAT(Check().status, IsOk());
  EXPECT_EQ(Check().lists_used, 0U);
  EXPECT_THAT(CheckChainRevocation({}, {}, kNow).status, IsOk());
}

TEST_F(ChainRevocationTest, ListsOfOthersDoNotMatter) {
  lists_ = {Listed({.issuer = "somebody", .revoked = {1, 2, 3}}, RootKey())};
  EXPECT_THAT(Check().status, IsOk());
  EXPECT_EQ(Check().lists_used, 0U);
}

TEST_F(ChainRevocationTest, EveryLinkHasItsList) {
  lists_ = {Listed({.issuer = "ca", .revoked = {1, 2, 4}}, CaKey()),
            Listed({.issuer = "root", .revoked = {3}}, RootKey())};
  const ChainRevocation result = Check();
  EXPECT_THAT(result.status, IsOk());
  EXPECT_EQ(result.lists_used, 3U);  // the root's also for itself
}

TEST_F(ChainRevocationTest, ARevokedLeafIsRefused) {
  lists_ = {Listed({.issuer = "ca", .revoked = {9, 3}}, CaKey())};
  EXPECT_THAT(Check().status,
              StatusIs(kUnauthenticated,
                       HasSubstr("\"CN=leaf\" with serial number 03 is revoked "
                                 "by CN=ca")));
}

TEST_F(ChainRevocationTest, ARevokedIntermediateIsRefused) {
  lists_ = {Listed({.issuer = "root", .revoked = {2}}, RootKey())};
  EXPECT_THAT(Check().status,
              StatusIs(kUnauthenticated, HasSubstr("\"CN=ca\"")));
}

TEST_F(ChainRevocationTest, ARootMayRevokeItself) {
  lists_ = {Listed({.issuer = "root", .revoked = {1}}, RootKey())};
  EXPECT_THAT(Check().status,
              StatusIs(kUnauthenticated, HasSubstr("\"CN=root\"")));
}

// Whoever forges a list of the issuer's could else unrevoke, or revoke.
TEST_F(ChainRevocationTest, AListOfAnotherKeyIsNotBelieved) {
  for (const std::vector<long>& revoked :
       {std::vector<long>{}, std::vector<long>{3}}) {
    lists_ = {Listed({.issuer = "ca", .revoked = revoked}, RootKey())};
    EXPECT_THAT(Check().status,
                StatusIs(kUnauthenticated, HasSubstr("signature")));
  }
}

// Google has three intermediates with one name.
TEST_F(ChainRevocationTest, AnotherAuthorityOfTheSameNameDoesNotMatter) {
  lists_ = {Listed({.issuer = "ca", .revoked = {3}}, RootKey()),
            Listed({.issuer = "ca"}, CaKey())};
  EXPECT_THAT(Check().status, IsOk());
  EXPECT_EQ(Check().lists_used, 1U);
}

TEST_F(ChainRevocationTest, AnOldListHidesWhatWasRevokedSince) {
  lists_ = {Listed({.issuer = "ca",
                    .this_update = kNow - absl::Hours(48),
                    .next_update = kNow - absl::Seconds(1)},
                   CaKey())};
  EXPECT_THAT(Check().status, StatusIs(kPrecondition, HasSubstr("not valid")));
  EXPECT_EQ(Check().lists_used, 0U);
  lists_ = {Listed({.issuer = "ca",
                    .this_update = kNow + absl::Seconds(1),
                    .next_update = kNow + absl::Hours(48)},
                   CaKey())};
  EXPECT_THAT(Check().status, StatusIs(kPrecondition));
}

// A newer one beside it mends that; what an old one revoked stays revoked.
TEST_F(ChainRevocationTest, OneCurrentListIsEnough) {
  const CrlSpec old{.issuer = "ca",
                    .this_update = kNow - absl::Hours(48),
                    .next_update = kNow - absl::Hours(1)};
  lists_ = {Listed(old, CaKey()), Listed({.issuer = "ca"}, CaKey())};
  EXPECT_THAT(Check().status, IsOk());
  CrlSpec revoking = old;
  revoking.revoked = {3};
  lists_[0] = Listed(revoking, CaKey());
  EXPECT_THAT(Check().status, StatusIs(kUnauthenticated));
}

TEST_F(ChainRevocationTest, TheIssuerMustBeAllowedToSignLists) {
  ca_spec_.key_usage = "keyCertSign";
  Make();
  lists_ = {Listed({.issuer = "ca"}, CaKey())};
  EXPECT_THAT(Check().status,
              StatusIs(kUnauthenticated, HasSubstr("does not allow lists")));
}

// A chain may end at an intermediate that is pinned.
TEST_F(ChainRevocationTest, APinnedIntermediateIsNotLookedFor) {
  chain_.pop_back();
  lists_ = {Listed({.issuer = "root", .revoked = {2}}, RootKey()),
            Listed({.issuer = "ca"}, CaKey())};
  EXPECT_THAT(Check().status, IsOk());
  EXPECT_EQ(Check().lists_used, 1U);
}

// What was not checked is said, and fails where lists are demanded.
TEST_F(ChainRevocationTest, ADemandedListMustBeThere) {
  EXPECT_TRUE(Judge(false).passed);
  EXPECT_FALSE(Judge(false).checked);
  EXPECT_EQ(Judge(false).got, "not checked: no list is given");
  EXPECT_FALSE(Judge(true).passed);
  EXPECT_EQ(Judge(true).got, "not checked: no list is given");
  lists_ = {Listed({.issuer = "somebody"}, RootKey())};
  EXPECT_TRUE(Judge(false).passed);
  EXPECT_FALSE(Judge(true).passed);
  EXPECT_EQ(Judge(true).got, "not checked: none of 1 lists is of an issuer");
  lists_ = {Listed({.issuer = "root"}, RootKey())};
  EXPECT_TRUE(Judge(true).passed);
  EXPECT_TRUE(Judge(false).checked);
  EXPECT_EQ(Judge(true).got, "not in 2 lists");
}

// The leaf's certificate promises a list of "ca": one of the root's does not
// say anything about it.
TEST_F(ChainRevocationTest, EveryPromisedListMustBeThere) {
  CertificateSpec leaf;
  leaf.issuer = "ca";
  leaf.extensions = {
      {.oid = "2.5.29.31", .critical = false, .value = {0x30, 0x00}}};
  chain_[0] = Parsed(MakeCertificate(leaf, LeafKey(), CaKey()));
  lists_ = {Listed({.issuer = "root"}, RootKey())};
  EXPECT_EQ(Check().unlisted, "\"CN=leaf\"");
  EXPECT_TRUE(Judge(false).passed);
  EXPECT_FALSE(Judge(false).checked) << "only in part";
  EXPECT_FALSE(Judge(true).passed);
  EXPECT_EQ(Judge(true).got,
            "not in 2 lists; not checked for want of a list: \"CN=leaf\"");
  lists_.push_back(Listed({.issuer = "ca"}, CaKey()));
  EXPECT_EQ(Check().unlisted, "");
  EXPECT_TRUE(Judge(true).passed);
  EXPECT_EQ(Judge(true).got, "not in 3 lists");
}

TEST_F(ChainRevocationTest, ARevokedOneFailsWhetherListsAreDemandedOrNot) {
  lists_ = {Listed({.issuer = "ca", .revoked = {3}}, CaKey())};
  for (const bool required : {false, true}) {
    EXPECT_FALSE(Judge(required).passed);
    EXPECT_THAT(Judge(required).got, HasSubstr("is revoked by CN=ca"));
  }
}

}  // namespace
}  // namespace constellation::attestation
