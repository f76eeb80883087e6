// SPDX-License-Identifier: Apache-2.0
#include "crypto/p256.h"

#include "common/testing/status_matchers.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(P256Test, PemRoundTrip) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key, P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const SecretBytes pem, key.ToPem());
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey again,
                       P256PrivateKey::FromPem(pem));
  EXPECT_EQ(key.PublicSpki(), again.PublicSpki());
}

TEST(P256Test, RefusesWhatIsNoP256Key) {
  EXPECT_THAT(P256PrivateKey::FromPem(SecretBytes(AsBytes("no key"))).status(),
              StatusIs(kInvalid));
  EXPECT_THAT(P256PrivateKey::FromPem(SecretBytes(size_t{16385})).status(),
              StatusIs(kInvalid));
}

TEST(CsrTest, SaysWhatItWasMadeFor) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key, P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const Bytes csr,
                       CreateCsr(key, "system:node:worker-0", "system:nodes"));
  ASSERT_OK_AND_ASSIGN(const CsrInfo info, VerifyCsr(csr));
  EXPECT_EQ(info.common_name, "system:node:worker-0");
  EXPECT_THAT(info.organisations, ElementsAre("system:nodes"));
  EXPECT_TRUE(info.is_p256);
  EXPECT_FALSE(info.has_extensions);
}

TEST(CsrTest, RefusesAChangedRequest) {
  ASSERT_OK_AND_ASSIGN(const P256PrivateKey key, P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const Bytes csr,
                       CreateCsr(key, "system:node:worker-0", "system:nodes"));
  Bytes changed = csr;
  const auto name =
      std::search(changed.begin(), changed.end(), AsBytes("worker-0").begin(),
                  AsBytes("worker-0").end());
  ASSERT_NE(name, changed.end());
  *name = 'W';
  EXPECT_THAT(VerifyCsr(changed), StatusIs(absl::StatusCode::kUnauthenticated));
  Bytes longer = csr;
  longer.push_back(0);
  EXPECT_THAT(VerifyCsr(longer), StatusIs(kInvalid));
  EXPECT_THAT(VerifyCsr(Bytes(csr.begin(), csr.end() - 1)), StatusIs(kInvalid));
  EXPECT_THAT(VerifyCsr(Bytes(8193)), StatusIs(kInvalid, HasSubstr("8192")));
}

TEST(PemTest, RoundTripAndRefusals) {
  const Bytes der(100, 7);
  const std::string pem = PemEncode("THING", der);
  EXPECT_EQ(*PemDecode("THING", "text before\n" + pem), der);
  EXPECT_THAT(PemDecode("OTHER", pem), StatusIs(kInvalid));
  EXPECT_THAT(PemDecode("THING", pem.substr(0, pem.size() - 10)),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::crypto
