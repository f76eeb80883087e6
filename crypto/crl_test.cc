// SPDX-License-Identifier: Apache-2.0
#include "crypto/crl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::Der;
using testing::DerNumber;
using testing::DerSequence;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MakeCrl;
using testing::TestCrl;
using testing::TestKey;
using testing::TestScheme;
using testing::WithBitFlipped;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

class RevocationListTest : public ::testing::Test {
 protected:
  static const TestKey& Key() {
    static const TestKey& key =
        *new TestKey(TestKey::GenerateEc(EcCurve::kP384));
    return key;
  }
  static Bytes DerOf(const std::function<void(TestCrl&)>& change) {
    TestCrl fields;
    fields.revoked = {{2, 0, 1}, {0, 0xff}};
    change(fields);
    return MakeCrl(fields, Key(), TestScheme::kEcdsaSha384);
  }
  static absl::StatusOr<RevocationList> Make(
      const std::function<void(TestCrl&)>& change) {
    return RevocationList::FromDer(DerOf(change));
  }
  const Bytes der_ = DerOf([](TestCrl&) {});
  const RevocationList list_ = RevocationList::FromDer(der_).value();
};

TEST_F(RevocationListTest, GivesItsFields) {
  EXPECT_EQ(list_.der(), der_);
  EXPECT_EQ(list_.Issuer(), "CN=issuer,O=Test");
  EXPECT_EQ(HexEncode(list_.issuer_name()),
            HexEncode(testing::DerName("issuer")));
  EXPECT_EQ(list_.ThisUpdate(), absl::FromUnixSeconds(1577836800));
  EXPECT_EQ(list_.NextUpdate(), absl::FromUnixSeconds(2524608000));
  ASSERT_TRUE(list_.crl_number().has_value());
  EXPECT_THAT(*list_.crl_number(), ElementsAre(1));
  EXPECT_EQ(list_.revoked_count(), 2U);
}

TEST_F(RevocationListTest, FindsSerialNumbers) {
  EXPECT_TRUE(list_.IsRevoked(Bytes{2, 0, 1}));
  EXPECT_TRUE(list_.IsRevoked(Bytes{0, 0xff}));
  EXPECT_FALSE(list_.IsRevoked(Bytes{2, 0, 2}));
  EXPECT_FALSE(list_.IsRevoked(Bytes{2, 0}));
  EXPECT_FALSE(list_.IsRevoked({}));
}

TEST_F(RevocationListTest, OptionalFieldsMayBeAbsent) {
  ASSERT_OK_AND_ASSIGN(const RevocationList bare, Make([](TestCrl& fields) {
                         fields.revoked.clear();
                         fields.next_update.reset();
                         fields.number.reset();
                       }));
  EXPECT_EQ(bare.revoked_count(), 0U);
  EXPECT_FALSE(bare.IsRevoked(Bytes{1}));
  EXPECT_EQ(bare.NextUpdate(), std::nullopt);
  EXPECT_EQ(bare.crl_number(), std::nullopt);
  EXPECT_THAT(bare.CheckValidAt(absl::FromUnixSeconds(9999999999)), IsOk());
}

TEST_F(RevocationListTest, VerifiesItsIssuer) {
  EXPECT_THAT(list_.VerifySignedBy(Key().Public()), IsOk());
  EXPECT_THAT(
      list_.VerifySignedBy(TestKey::GenerateEc(EcCurve::kP384).Public()),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("revocation list: signature: ")));
}

TEST_F(RevocationListTest, IsValidBetweenItsDates) {
  EXPECT_THAT(list_.CheckValidAt(list_.ThisUpdate()), IsOk());
  EXPECT_THAT(list_.CheckValidAt(*list_.NextUpdate()), IsOk());
  EXPECT_THAT(
      list_.CheckValidAt(list_.ThisUpdate() - absl::Seconds(1)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("revocation list of CN=issuer,O=Test: not valid "
                         "before 2020-01-01T00:00:00Z")));
  EXPECT_THAT(list_.CheckValidAt(*list_.NextUpdate() + absl::Seconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not valid after 2050-01-01T00:00:00Z")));
}

TEST_F(RevocationListTest, ReadsPem) {
  ASSERT_OK_AND_ASSIGN(const RevocationList list,
                       RevocationList::FromPem(PemEncode("X509 CRL", der_)));
  EXPECT_EQ(list.der(), der_);
  EXPECT_THAT(RevocationList::FromPem("x"), StatusIs(kInvalid));
}

TEST_F(RevocationListTest, RejectsUnknownCriticalExtensions) {
  // 2.5.29.28, issuing distribution point: the list is a part only.
  const auto with = [](bool critical) {
    return [critical](TestCrl& fields) {
      fields.extensions = {{.oid = {0x55, 0x1d, 0x1c},
                            .critical = critical,
                            .value = DerSequence({})}};
    };
  };
  EXPECT_THAT(Make(with(false)), IsOk());
  EXPECT_THAT(Make(with(true)),
              StatusIs(kInvalid, HasSubstr("critical extension 2.5.29.28 is "
                                           "not understood")));
}

// A critical one of an entry may say that the entry is of another issuer
// (2.5.29.29), as indirect lists have them.
TEST_F(RevocationListTest, RejectsUnknownCriticalExtensionsOfEntries) {
  const auto with = [](const Bytes& oid, bool critical) {
    return [oid, critical](TestCrl& fields) {
      fields.revoked = {{3}};
      fields.entry_extensions = {
          {.oid = oid, .critical = critical, .value = DerSequence({})}};
    };
  };
  const Bytes reason = {0x55, 0x1d, 0x15};
  const Bytes issuer = {0x55, 0x1d, 0x1d};
  ASSERT_OK_AND_ASSIGN(const RevocationList list, Make(with(reason, false)));
  EXPECT_TRUE(list.IsRevoked(Bytes{3}));
  EXPECT_THAT(Make(with(issuer, true)),
              StatusIs(kInvalid, HasSubstr("critical extension 2.5.29.29 is "
                                           "not understood")));
}

TEST_F(RevocationListTest, RejectsTwoNumbers) {
  EXPECT_THAT(Make([](TestCrl& fields) {
                fields.extensions = {{.oid = {0x55, 0x1d, 0x14},
                                      .critical = false,
                                      .value = DerNumber(2)}};
              }),
              StatusIs(kInvalid, HasSubstr("CRL number: occurs twice")));
}

TEST_F(RevocationListTest, RejectsTwoSignatureAlgorithms) {
  EXPECT_THAT(Make([](TestCrl& fields) {
                fields.inner_algorithm =
                    testing::AlgorithmOf(TestScheme::kEcdsaSha256);
              }),
              StatusIs(kInvalid, HasSubstr("differs from the outer one")));
}

TEST_F(RevocationListTest, RejectsMalformedEntries) {
  EXPECT_THAT(Make([](TestCrl& fields) { fields.revoked = {{}}; }),
              StatusIs(kInvalid, HasSubstr("entry: serial")));
  EXPECT_THAT(Make([](TestCrl& fields) {
                fields.revoked = {{0, 1}};
              }),
              StatusIs(kInvalid, HasSubstr("entry: serial")));
}

TEST_F(RevocationListTest, RejectsEveryTruncation) {
  for (size_t size = 0; size < der_.size(); ++size) {
    EXPECT_THAT(RevocationList::FromDer(std::span(der_).first(size)),
                StatusIs(kInvalid))
        << size;
  }
}

TEST_F(RevocationListTest, RejectsTrailingOctets) {
  Bytes der = der_;
  der.push_back(0);
  EXPECT_THAT(RevocationList::FromDer(der), StatusIs(kInvalid));
}

TEST_F(RevocationListTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(RevocationList::FromDer(Bytes((1U << 20U) + 1)),
              StatusIs(kInvalid, HasSubstr("at most 1048576 octets")));
}

TEST_F(RevocationListTest, RejectsEveryFlippedOctet) {
  const PublicKey key = Key().Public();
  for (size_t i = 0; i < der_.size(); ++i) {
    const absl::StatusOr<RevocationList> spoilt =
        RevocationList::FromDer(WithBitFlipped(der_, i));
    EXPECT_FALSE(spoilt.ok() && spoilt->VerifySignedBy(key).ok()) << i;
  }
}

}  // namespace
}  // namespace constellation::crypto
