// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/vendor_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const CollateralEndpoints kMirror = {
    .amd_kds = "https://kds.example",
    .intel_pcs = "https://pcs.example",
    .intel_root_crl = "https://root.example/x"};
const Bytes kChip(64, 0xab);

std::string Times(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

TEST(VendorItemsTest, VcekOfMilanHasDecimalLevels) {
  ASSERT_OK_AND_ASSIGN(
      const CollateralItem item,
      VcekItem(
          kMirror, SnpProduct::kMilan, kChip,
          {.fmc = {}, .boot_loader = 3, .tee = 0, .snp = 8, .microcode = 115}));
  EXPECT_EQ(item.url, "https://kds.example/vcek/v1/Milan/" + Times("ab", 64) +
                          "?blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115");
  EXPECT_EQ(item.format, CollateralFormat::kDer);
  EXPECT_TRUE(item.paced);
  EXPECT_THAT(item.what, HasSubstr("VCEK of Milan chip abababababababab"));
}

TEST(VendorItemsTest, VcekOfTurinHasShortIdAndFmcFirst) {
  Bytes id(64, 0);
  for (size_t i = 0; i < 8; ++i) {
    id[i] = static_cast<uint8_t>(i + 1);
  }
  const SnpTcb tcb{
      .fmc = 9, .boot_loader = 1, .tee = 2, .snp = 3, .microcode = 255};
  for (const std::span<const uint8_t> given :
       {std::span<const uint8_t>(id), std::span<const uint8_t>(id).first(8)}) {
    ASSERT_OK_AND_ASSIGN(const CollateralItem item,
                         VcekItem(kMirror, SnpProduct::kTurin, given, tcb));
    EXPECT_EQ(item.url,
              "https://kds.example/vcek/v1/Turin/0102030405060708"
              "?fmcSPL=9&blSPL=1&teeSPL=2&snpSPL=3&ucodeSPL=255");
  }
}

TEST(VendorItemsTest, RefusesChipIdThatDoesNotFitTheProduct) {
  EXPECT_THAT(VcekItem(kMirror, SnpProduct::kMilan, Bytes(8, 1), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 64 bytes, got 8")));
  EXPECT_THAT(VcekItem(kMirror, SnpProduct::kTurin, kChip, {.fmc = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 8 bytes, got 64")));
}

TEST(VendorItemsTest, RefusesMaskedChipId) {
  EXPECT_THAT(VcekItem(kMirror, SnpProduct::kGenoa, Bytes(64, 0), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("must come with the evidence")));
}

TEST(VendorItemsTest, RefusesFmcLevelWhereThereIsNone) {
  EXPECT_THAT(VcekItem(kMirror, SnpProduct::kGenoa, kChip, {.fmc = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VcekItem(kMirror, SnpProduct::kTurin, Bytes(8, 1), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want an FMC level")));
}

TEST(VendorItemsTest, AmdChainsAndRevocationLists) {
  EXPECT_EQ(
      AmdCertChainItem(kMirror, AmdKeyKind::kVlek, SnpProduct::kGenoa).url,
      "https://kds.example/vlek/v1/Genoa/cert_chain");
  EXPECT_EQ(
      AmdCertChainItem(kMirror, AmdKeyKind::kVcek, SnpProduct::kTurin).url,
      "https://kds.example/vcek/v1/Turin/cert_chain");
  EXPECT_EQ(AmdCrlItem(kMirror, AmdKeyKind::kVcek, SnpProduct::kMilan).url,
            "https://kds.example/vcek/v1/Milan/crl");
}

TEST(VendorItemsTest, IntelDocuments) {
  const Bytes fmspc = {0x50, 0x80, 0x6f, 0, 0, 0};
  ASSERT_OK_AND_ASSIGN(const CollateralItem tcb,
                       TcbInfoItem(kMirror, IntelTee::kTdx, fmspc));
  EXPECT_EQ(tcb.url,
            "https://pcs.example/tdx/certification/v4/tcb?fmspc=50806f000000");
  EXPECT_EQ(tcb.issuer_chain_header, "tcb-info-issuer-chain");
  const CollateralItem qe = QeIdentityItem(kMirror, IntelTee::kSgx);
  EXPECT_EQ(qe.url, "https://pcs.example/sgx/certification/v4/qe/identity");
  EXPECT_EQ(qe.issuer_chain_header, "sgx-enclave-identity-issuer-chain");
  const CollateralItem numbers = EvaluationNumbersItem(kMirror, IntelTee::kTdx);
  EXPECT_EQ(
      numbers.url,
      "https://pcs.example/tdx/certification/v4/tcbevaluationdatanumbers");
  EXPECT_EQ(numbers.issuer_chain_header,
            "tcb-evaluation-data-numbers-issuer-chain");
  const CollateralItem crl = PckCrlItem(kMirror, PckCa::kProcessor);
  EXPECT_EQ(crl.url,
            "https://pcs.example/sgx/certification/v4/pckcrl"
            "?ca=processor&encoding=der");
  EXPECT_EQ(crl.issuer_chain_header, "sgx-pck-crl-issuer-chain");
  EXPECT_EQ(IntelRootCrlItem(kMirror).url, "https://root.example/x");
  EXPECT_THAT(TcbInfoItem(kMirror, IntelTee::kSgx, kChip),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(VendorItemsTest, KeysAreDistinctAndTheSameForEveryMirror) {
  const CollateralEndpoints vendors;
  const Bytes fmspc(6, 1);
  std::set<std::string> keys;
  const auto expect = [&keys](const CollateralItem& a,
                              const CollateralItem& b) {
    EXPECT_EQ(a.key, b.key);
    EXPECT_NE(a.url, b.url);
    EXPECT_TRUE(keys.insert(a.key).second) << a.key;
  };
  for (const auto product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    for (const auto kind : {AmdKeyKind::kVcek, AmdKeyKind::kVlek}) {
      expect(AmdCertChainItem(vendors, kind, product),
             AmdCertChainItem(kMirror, kind, product));
      expect(AmdCrlItem(vendors, kind, product),
             AmdCrlItem(kMirror, kind, product));
    }
  }
  for (const auto tee : {IntelTee::kSgx, IntelTee::kTdx}) {
    expect(*TcbInfoItem(vendors, tee, fmspc),
           *TcbInfoItem(kMirror, tee, fmspc));
    expect(QeIdentityItem(vendors, tee), QeIdentityItem(kMirror, tee));
    expect(EvaluationNumbersItem(vendors, tee),
           EvaluationNumbersItem(kMirror, tee));
  }
  for (const auto ca : {PckCa::kPlatform, PckCa::kProcessor}) {
    expect(PckCrlItem(vendors, ca), PckCrlItem(kMirror, ca));
  }
  expect(IntelRootCrlItem(vendors), IntelRootCrlItem(kMirror));
  expect(*VcekItem(vendors, SnpProduct::kMilan, kChip, {}),
         *VcekItem(kMirror, SnpProduct::kMilan, kChip, {}));
  expect(
      *VcekItem(
          vendors, SnpProduct::kMilan, kChip,
          SnpTcb{
              .fmc = {}, .boot_loader = 0, .tee = 0, .snp = 0, .microcode = 1}),
      *VcekItem(kMirror, SnpProduct::kMilan, kChip,
                SnpTcb{.fmc = {},
                       .boot_loader = 0,
                       .tee = 0,
                       .snp = 0,
                       .microcode = 1}));
}

TEST(VendorItemsTest, IssuerUrlsOnlyAtKnownHosts) {
  const std::vector<std::string_view> hosts = {"pki.example",
                                               ".bucket.example"};
  for (const char* url :
       {"http://pki.example/a.crt", "https://pki.example/a.crt",
        "http://x-1.bucket.example/a/b.crt"}) {
    EXPECT_THAT(IssuerItem(url, hosts), IsOk()) << url;
  }
  const std::string too_long = "http://pki.example/" + std::string(400, 'a');
  for (const std::string& url :
       {std::string("http://evil.example/a.crt"),
        std::string("http://pki.example.evil.example/"),
        std::string("http://pki.example:8080/"),
        std::string("http://pki.example@evil.example/"),
        std::string("http://evil.example/pki.example"),
        std::string("http://evil.example?.bucket.example"),
        std::string("http://evil.example#.bucket.example"),
        std::string("http://evil.example\\.bucket.example/"),
        // Their ends are those of a known host.
        std::string("http://evil.example@x.bucket.example/"),
        std::string("http://evil.example:80@x.bucket.example/"),
        std::string("http://evil.example:80.bucket.example/"),
        std::string("http://evil.example%2f.bucket.example/"),
        std::string("http://evil.example;.bucket.example/"),
        std::string("http://[::1].bucket.example/"),
        std::string("http://X.bucket.example/"),
        std::string("http://.bucket.example/"),
        std::string("http://169.254.169.254/"),
        std::string("http://[::1]/.bucket.example"),
        std::string("file:///pki.example"), std::string("ldap://pki.example/"),
        std::string("http://PKI.example/"),
        std::string("http://pki.example/ x"),
        std::string("http://pki.example/\r\nHost: evil"), std::string(""),
        std::string("http://"), too_long}) {
    EXPECT_THAT(IssuerItem(url, hosts),
                StatusIs(absl::StatusCode::kPermissionDenied))
        << url;
  }
}

// As the certificates in the vectors name them.
TEST(VendorItemsTest, RevocationListsOnlyAtTheirCloudsHosts) {
  const std::string_view google[] = {
      "http://privateca-content-62d71773-0000-21da-852e-f4f5e80d7778.storage."
      "googleapis.com/032bf9d39db4fa06aade/crl.crl",
      "https://pki.goog/cloud_integrity/tpm_ek_intermediate_3.crl"};
  const std::string_view amazon[] = {
      "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/ab4960cc.crl",
      "http://crl-us-east-1-aws-nitro-enclaves.s3.us-east-1.amazonaws.com/crl/"
      "2a531136.crl"};
  for (const std::string_view url : google) {
    EXPECT_THAT(CloudCrlItem(CloudAuthority::kGoogle, url), IsOk()) << url;
    EXPECT_FALSE(CloudCrlItem(CloudAuthority::kAmazon, url).ok()) << url;
  }
  for (const std::string_view url : amazon) {
    ASSERT_OK_AND_ASSIGN(const CollateralItem item,
                         CloudCrlItem(CloudAuthority::kAmazon, url));
    EXPECT_EQ(item.key, "aws/crl/" + std::string(url));
    EXPECT_EQ(item.url, url);
    EXPECT_EQ(item.format, CollateralFormat::kCrl);
    EXPECT_EQ(item.max_size, size_t{1} << 20U);
    EXPECT_TRUE(item.plain_http);
    EXPECT_FALSE(item.redirects);
    EXPECT_FALSE(CloudCrlItem(CloudAuthority::kGoogle, url).ok()) << url;
  }
  for (const char* host :
       {"amazonaws.com", "s3.amazonaws.com", "evil.s3.amazonaws.com",
        "aws-nitro-enclaves-crl.s3.amazonaws.com.evil.example",
        "aws-nitro-enclaves-crl.s3.amazonaws.com:80",
        "u@aws-nitro-enclaves-crl.s3.amazonaws.com",
        "crl-us-east-1-aws-nitro-enclaves.s3.us-west-2.amazonaws.com",
        "crl--aws-nitro-enclaves.s3..amazonaws.com",
        "crl-a.b-aws-nitro-enclaves.s3.a.b.amazonaws.com",
        "crl-us-east-1-aws-nitro-enclaves.s3.us-east-1.example.com",
        "crl-us-east-1.s3.us-east-1.amazonaws.com", "crl-.amazonaws.com",
        "xcrl-us-east-1-aws-nitro-enclaves.s3.us-east-1.amazonaws.com",
        "169.254.169.254", "pki.goog.evil.example", ""}) {
    for (const CloudAuthority authority :
         {CloudAuthority::kGoogle, CloudAuthority::kAmazon}) {
      EXPECT_THAT(
          CloudCrlItem(authority, "http://" + std::string(host) + "/a.crl"),
          StatusIs(absl::StatusCode::kPermissionDenied))
          << host;
    }
  }
  EXPECT_FALSE(CloudCrlItem(CloudAuthority::kGoogle,
                            "ldap://pki.goog/cn=root?certificateRevocationList")
                   .ok());
}

TEST(VendorItemsTest, DefaultsAreTheVendorsOverTls) {
  const CollateralEndpoints vendors;
  EXPECT_THAT(vendors.amd_kds, StartsWith("https://"));
  EXPECT_THAT(vendors.intel_pcs, StartsWith("https://"));
  EXPECT_THAT(vendors.intel_root_crl, StartsWith("https://"));
  EXPECT_THAT(vendors.intel_root_crl, EndsWith(".der"));
  EXPECT_FALSE(GoogleIssuerHosts().empty());
}

}  // namespace
}  // namespace constellation::attestation
