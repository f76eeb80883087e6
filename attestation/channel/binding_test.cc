// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/binding.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <utility>

#include "attestation/channel/verification_binding.h"
#include "common/hex.h"
#include "crypto/testing/octets.h"

namespace constellation::attestation {
namespace {

using crypto::testing::Counting;
using crypto::testing::WithBitFlipped;

const Bytes kServerSpki = Counting(0, 91);
const Bytes kClientSpki = Counting(100, 91);
const Bytes kNonce = Counting(0, 32);

UserData Server() {
  return ChannelBinding(Role::kServer, kServerSpki, kClientSpki, kNonce,
                        "init");
}

// Computed by another implementation of docs/formats/attested-channel.md.
TEST(ChannelBindingTest, MatchesTheFormat) {
  EXPECT_EQ(HexEncode(Server()),
            "a8b1e298dd6600bc85d2b6f6345fed7bf968c5c683e63740f68a356e5f01b168"
            "01ab0ee79ce0abd82c95ed27a26659fe34a9ff7ba207bc0e365e31ab55c77791");
  EXPECT_EQ(HexEncode(ChannelBinding(Role::kClient, kServerSpki, kClientSpki,
                                     kNonce, "init")),
            "28e0a546aef074605c8c6b592db9c8847e43074fb094165c7e9f542e5bb0c243"
            "01985334aa3a0946f55b46870027471e52ae725ccb9725e5aca6eb1d61c1d8fe");
}

TEST(ChannelBindingTest, DependsOnTheRole) {
  EXPECT_NE(
      ChannelBinding(Role::kClient, kServerSpki, kClientSpki, kNonce, "init"),
      Server());
}

TEST(ChannelBindingTest, DependsOnTheOrderOfTheKeys) {
  EXPECT_NE(
      ChannelBinding(Role::kServer, kClientSpki, kServerSpki, kNonce, "init"),
      Server());
}

// What a reflection would need: the peer's evidence in the peer's role.
TEST(ChannelBindingTest, OtherSidesEvidenceIsAnother) {
  EXPECT_NE(
      ChannelBinding(Role::kClient, kClientSpki, kServerSpki, kNonce, "init"),
      Server());
}

TEST(ChannelBindingTest, DependsOnEveryOctetOfTheAttestersKey) {
  for (size_t i = 0; i < kServerSpki.size(); ++i) {
    EXPECT_NE(ChannelBinding(Role::kServer, WithBitFlipped(kServerSpki, i),
                             kClientSpki, kNonce, "init"),
              Server())
        << i;
  }
}

TEST(ChannelBindingTest, DependsOnEveryOctetOfTheVerifiersKey) {
  for (size_t i = 0; i < kClientSpki.size(); ++i) {
    EXPECT_NE(ChannelBinding(Role::kServer, kServerSpki,
                             WithBitFlipped(kClientSpki, i), kNonce, "init"),
              Server())
        << i;
  }
}

TEST(ChannelBindingTest, DependsOnEveryOctetOfTheNonce) {
  for (size_t i = 0; i < kNonce.size(); ++i) {
    EXPECT_NE(ChannelBinding(Role::kServer, kServerSpki, kClientSpki,
                             WithBitFlipped(kNonce, i), "init"),
              Server())
        << i;
  }
}

TEST(ChannelBindingTest, DependsOnTheContext) {
  std::set<UserData> distinct;
  for (const std::string_view context :
       {"", "init", "join", "rejoin", "recover", "init/", "init/00"}) {
    EXPECT_TRUE(distinct
                    .insert(ChannelBinding(Role::kServer, kServerSpki,
                                           kClientSpki, kNonce, context))
                    .second)
        << context;
  }
}

// The length before every field keeps two different inputs from giving the same
// octets.
TEST(ChannelBindingTest, FieldsDoNotRunIntoEachOther) {
  Bytes longer = kNonce;
  longer.push_back('i');
  EXPECT_NE(
      ChannelBinding(Role::kServer, kServerSpki, kClientSpki, longer, "nit"),
      Server());
  const Bytes shorter(kNonce.begin(), kNonce.end() - 1);
  EXPECT_NE(ChannelBinding(Role::kServer, kServerSpki, kClientSpki, shorter,
                           std::string("\x1f", 1) + "init"),
            Server());
}

TEST(VerificationBindingTest, MatchesTheFormat) {
  EXPECT_EQ(HexEncode(VerificationBinding(kNonce, "node-1")),
            "65dbbc9f004838ebea34784b4adc4acc0e9a6aa06f12458971b119313a7bd559"
            "bf1d02a4f79b59ec8f2cbfa90f31e202774f00caddb70a259dd2a2a01502d7f5");
}

TEST(VerificationBindingTest, DependsOnEveryOctetOfTheNonce) {
  const UserData data = VerificationBinding(kNonce, "node-1");
  for (size_t i = 0; i < kNonce.size(); ++i) {
    EXPECT_NE(VerificationBinding(WithBitFlipped(kNonce, i), "node-1"), data)
        << i;
  }
}

TEST(VerificationBindingTest, DependsOnTheNodesName) {
  std::set<UserData> distinct;
  for (const std::string_view name : {"", "node-1", "node-2", "node-10"}) {
    EXPECT_TRUE(distinct.insert(VerificationBinding(kNonce, name)).second);
  }
}

// Evidence that anybody may fetch must never open a channel.
TEST(VerificationBindingTest, IsNoChannelBinding) {
  const UserData data = VerificationBinding(kNonce, "init");
  for (const Role role : {Role::kClient, Role::kServer}) {
    EXPECT_NE(ChannelBinding(role, {}, {}, kNonce, "init"), data);
  }
}

}  // namespace
}  // namespace constellation::attestation
