// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/certificate_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/tpm/testing/test_ca.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CaSpec;
using ::constellation::testing::CertificateSpec;
using ::constellation::testing::IsOk;
using ::constellation::testing::MakeCertificate;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TestKey;
using ::constellation::testing::TestKeyType;
using ::testing::HasSubstr;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

const TestKey& Key() {
  static const TestKey& key = *new TestKey(TestKeyType::kP256);
  return key;
}

crypto::Certificate Make(const CertificateSpec& spec) {
  return *crypto::Certificate::FromDer(MakeCertificate(spec, Key(), Key()));
}

CertificateSpec Leaf() {
  CertificateSpec spec;
  spec.issuer = "ca";
  return spec;
}

TEST(CheckMayIssueTest, CaMayIssueWhatNamesIt) {
  EXPECT_THAT(CheckMayIssue(Make(CaSpec("ca", "root")), Make(Leaf()), 0),
              IsOk());
  // Whoever signed: that is another check.
  const TestKey other(TestKeyType::kP256);
  const auto ca = *crypto::Certificate::FromDer(
      MakeCertificate(CaSpec("ca", "root"), other, other));
  EXPECT_THAT(CheckMayIssue(ca, Make(Leaf()), 0), IsOk());
}

TEST(CheckMayIssueTest, NamesMustChain) {
  EXPECT_THAT(
      CheckMayIssue(Make(CaSpec("cb", "root")), Make(Leaf()), 0),
      StatusIs(kPrecondition,
               HasSubstr("\"CN=leaf\" under \"CN=cb\": it names another")));
}

TEST(CheckMayIssueTest, IssuerMustBeCa) {
  CertificateSpec spec = CaSpec("ca", "root");
  spec.ca = false;
  EXPECT_THAT(CheckMayIssue(Make(spec), Make(Leaf()), 0),
              StatusIs(kPrecondition, HasSubstr("the issuer is no CA")));
}

TEST(CheckMayIssueTest, IssuerMustBeForCertificates) {
  for (const char* usage : {"cRLSign", "digitalSignature", ""}) {
    CertificateSpec spec = CaSpec("ca", "root");
    spec.key_usage = usage;
    EXPECT_THAT(CheckMayIssue(Make(spec), Make(Leaf()), 0),
                StatusIs(kPrecondition, HasSubstr("lacks keyCertSign")))
        << usage;
  }
}

TEST(CheckMayIssueTest, PathLengthCountsTheCasBelow) {
  for (int length = 0; length < 3; ++length) {
    const auto ca = Make(CaSpec("ca", "root", length));
    for (size_t below = 0; below < 4; ++below) {
      EXPECT_EQ(CheckMayIssue(ca, Make(Leaf()), below).ok(),
                below <= static_cast<size_t>(length));
    }
  }
  EXPECT_THAT(CheckMayIssue(Make(CaSpec("ca", "root")), Make(Leaf()), 9),
              IsOk());
  EXPECT_THAT(
      CheckMayIssue(Make(CaSpec("ca", "root", 1)), Make(Leaf()), 2),
      StatusIs(kPrecondition, HasSubstr("path length is 1, 2 CAs follow")));
}

struct Usage {
  const char* usage;
  const char* problem;  // empty: none
};

class CheckSigningLeafTest : public ::testing::TestWithParam<Usage> {};

TEST_P(CheckSigningLeafTest, LooksAtItsUse) {
  CertificateSpec spec = Leaf();
  spec.key_usage = GetParam().usage;
  const absl::Status status = CheckSigningLeaf(Make(spec));
  if (std::string(GetParam().problem).empty()) {
    EXPECT_THAT(status, IsOk());
    return;
  }
  EXPECT_THAT(status, StatusIs(kPrecondition, HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Bits, CheckSigningLeafTest,
    ::testing::Values(
        Usage{"digitalSignature", ""},
        Usage{"digitalSignature,nonRepudiation", ""},
        Usage{"digitalSignature,cRLSign", ""},
        Usage{"", "lacks digitalSignature"},
        Usage{"nonRepudiation", "lacks digitalSignature"},
        Usage{"digitalSignature,keyCertSign", "has keyCertSign"},
        Usage{"digitalSignature,keyEncipherment", "for encryption too"},
        Usage{"digitalSignature,dataEncipherment", "for encryption too"},
        Usage{"digitalSignature,keyAgreement", "for encryption too"}));

TEST(CheckSigningLeafTest, CaIsNoLeaf) {
  CertificateSpec spec = Leaf();
  spec.ca = true;
  EXPECT_THAT(CheckSigningLeaf(Make(spec)),
              StatusIs(kPrecondition, HasSubstr("it is a CA's")));
}

TEST(CheckCriticalExtensionsTest, OnlyUnknownCriticalOnesMatter) {
  CertificateSpec spec = Leaf();
  EXPECT_THAT(CheckCriticalExtensions(Make(spec)), IsOk());
  spec.extensions = {{.oid = "2.5.29.17", .critical = true, .value = {0x30, 0}},
                     {.oid = "2.5.29.37", .critical = true, .value = {0x30, 0}},
                     {.oid = "2.5.29.30", .critical = false, .value = {5, 0}}};
  EXPECT_THAT(CheckCriticalExtensions(Make(spec)), IsOk());
  spec.extensions[2].critical = true;
  EXPECT_THAT(CheckCriticalExtensions(Make(spec)),
              StatusIs(kPrecondition,
                       HasSubstr("critical extension 2.5.29.30 is not")));
}

TEST(KeyIdTest, AreReadWhereTheyAre) {
  const auto ca = Make(CaSpec("ca", "ca"));
  EXPECT_EQ(SubjectKeyId(ca).size(), 20U);
  EXPECT_TRUE(std::ranges::equal(AuthorityKeyId(ca), SubjectKeyId(ca)));
  CertificateSpec without = Leaf();
  without.key_ids = false;
  EXPECT_TRUE(SubjectKeyId(Make(without)).empty());
  EXPECT_TRUE(AuthorityKeyId(Make(without)).empty());
}

TEST(KeyIdTest, MalformedOnesAreNone) {
  for (const Bytes& value :
       {Bytes{}, Bytes{5, 0}, Bytes{0x30, 9}, Bytes{0x30, 0},
        Bytes{0x30, 2, 0x81, 0}, Bytes{0x30, 2, 0x80, 7}}) {
    CertificateSpec spec = Leaf();
    spec.key_ids = false;
    spec.extensions = {{.oid = "2.5.29.35", .critical = false, .value = value},
                       {.oid = "2.5.29.14", .critical = false, .value = value}};
    EXPECT_TRUE(AuthorityKeyId(Make(spec)).empty());
    EXPECT_TRUE(SubjectKeyId(Make(spec)).empty());
  }
}

}  // namespace
}  // namespace constellation::attestation
