// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/runtime_data.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/azure/hcl_report.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::Base64Url;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::RuntimeJson;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<RuntimeDataUnverified> Parse(std::string_view json) {
  return ParseRuntimeDataUnverified(AsBytes(json));
}

const Bytes& Modulus() {
  static const Bytes& modulus = *new Bytes(256, 0xfb);
  return modulus;
}

TEST(RuntimeDataTest, ReadsEveryClaim) {
  ASSERT_OK_AND_ASSIGN(const RuntimeDataUnverified data,
                       Parse(RuntimeJson(Modulus(), R"("vm-configuration":{
        "console-enabled":true,"secure-boot":false,"tpm-enabled":true,
        "tpm-persisted":false,"filtered-vpci-devices-allowed":true,
        "current-time":1678652405,"root-cert-thumbprint":"abc",
        "vmUniqueId":"BAEFD3E1-184B"},"user-data":")" + std::string(128, 'A') +
                                                        '"')));
  ASSERT_EQ(data.keys.size(), 1U);
  EXPECT_EQ(data.keys[0].modulus, Modulus());
  EXPECT_EQ(data.keys[0].exponent, 65537U);
  EXPECT_THAT(data.keys[0].operations, ElementsAre("sign"));
  EXPECT_EQ(data.FindKey("HCLAkPub"), data.keys.data());
  EXPECT_EQ(data.FindKey("HCLEkPub"), nullptr);
  EXPECT_EQ(data.configuration.console_enabled, true);
  EXPECT_EQ(data.configuration.secure_boot, false);
  EXPECT_EQ(data.configuration.tpm_enabled, true);
  EXPECT_EQ(data.configuration.tpm_persisted, false);
  EXPECT_EQ(data.configuration.filtered_vpci_devices_allowed, true);
  EXPECT_EQ(data.configuration.current_time, 1678652405U);
  EXPECT_EQ(data.configuration.root_cert_thumbprint, "abc");
  EXPECT_EQ(data.configuration.vm_unique_id, "baefd3e1-184b");
  EXPECT_EQ(data.user_data, Bytes(64, 0xaa));
}

TEST(RuntimeDataTest, ClaimsMayBeMissingOrNew) {
  ASSERT_OK_AND_ASSIGN(
      const RuntimeDataUnverified data,
      Parse(RuntimeJson(Modulus(), R"("new":[1,{"a":null}])")));
  EXPECT_FALSE(data.configuration.secure_boot.has_value());
  EXPECT_TRUE(data.configuration.vm_unique_id.empty());
  EXPECT_FALSE(data.user_data.has_value());
}

struct Case {
  const char* json;
  const char* message;
};

class BadRuntimeDataTest : public ::testing::TestWithParam<Case> {};

TEST_P(BadRuntimeDataTest, IsRefused) {
  EXPECT_THAT(Parse(GetParam().json),
              StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

#define KEY(fields) R"({"keys":[{)" fields "}]}"
#define GOOD_KEY R"("kid":"k","kty":"RSA","e":"AQAB","n":"AQAB")"

INSTANTIATE_TEST_SUITE_P(
    Documents, BadRuntimeDataTest,
    ::testing::Values(
        Case{"", "it is not JSON"}, Case{"{} ", "keys: want an array"},
        Case{"[]", "document: want an object, got array"},
        Case{"{\"keys\":[]}}", "it is not JSON"},
        Case{R"({"keys":[],"keys":[]})", "given twice in one object"},
        Case{R"({"keys":[],"a":{"b":1,"b":2}})", "given twice in one object"},
        Case{R"({"keys":{}})", "keys: want an array of at most 8, got object"},
        Case{R"({"keys":[1,2,3,4,5,6,7,8,9]})", "an array of at most 8"},
        Case{R"({"keys":[1]})", "keys[0]: want an object, got number"},
        Case{R"({"keys":[],"a":[[[[[[[[[]]]]]]]]]})",
             "nesting: want at most 8"},
        Case{KEY(R"("kty":"RSA")"), "keys[0].kid: want a string, got null"},
        Case{KEY(R"("kid":1)"), "keys[0].kid: want a string, got number"},
        Case{KEY(R"("kid":"k","kty":"EC")"), "keys[0].kty: want RSA, got EC"},
        Case{KEY(R"("kid":"k\u0001","kty":"RSA")"), "printable characters"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"AQAB")"), "keys[0].n: want"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"AQAB","n":"A+AB")"),
             "base64url"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"AQAB","n":"AQA=")"),
             "base64url"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"AQAB","n":"AQABA")"), "base64"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"","n":"AQAB")"),
             "keys[0].e: want 1 to 4 octets"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"AAEAAQ","n":"AQAB")"),
             "without leading zero"},
        Case{KEY(R"("kid":"k","kty":"RSA","e":"AQABAQAB","n":"AQAB")"),
             "1 to 4 octets"},
        Case{KEY(GOOD_KEY R"(,"key_ops":"sign")"), "keys[0].key_ops"},
        Case{KEY(GOOD_KEY R"(,"key_ops":[1])"), "key_ops: want strings"},
        Case{KEY(GOOD_KEY R"(,"key_ops":["","","","","","","","",""])"),
             "key_ops: want a short array"},
        Case{R"({"keys":[{)" GOOD_KEY "},{" GOOD_KEY "}]}",
             "keys[1].kid: k is given twice"},
        Case{R"({"keys":[],"vm-configuration":[]})", "want an object"},
        Case{R"({"keys":[],"vm-configuration":{"secure-boot":1}})",
             "vm-configuration.secure-boot: want true or false, got number"},
        Case{R"({"keys":[],"vm-configuration":{"current-time":-1}})",
             "current-time: want a whole number"},
        Case{R"({"keys":[],"vm-configuration":{"vmUniqueId":7}})",
             "vmUniqueId: want a string"},
        Case{R"({"keys":[],"user-data":"00"})", "want 128 hex digits, got 2"},
        Case{R"({"keys":[],"user-data":7})", "user-data: want a string"}));

TEST(RuntimeDataTest, RefusesSizeNulAndText) {
  EXPECT_THAT(Parse(std::string(8193, ' ')),
              StatusIs(kInvalid, HasSubstr("at most 8192 bytes")));
  EXPECT_THAT(Parse(std::string_view("{\"keys\":[]}\0{}", 14)),
              StatusIs(kInvalid, HasSubstr("NUL")));
  EXPECT_THAT(
      Parse(R"({"keys":[],"user-data":")" + std::string(128, 'x') + "\"}"),
      StatusIs(kInvalid, HasSubstr("hex digits")));
}

// The guest's host may put any text there; it ends in rows and logs.
TEST(RuntimeDataTest, TextsAreShort) {
  const auto key = [](const std::string& id, const std::string& n) {
    return R"({"keys":[{"kid":")" + id + R"(","kty":"RSA","e":"AQAB","n":")" +
           n + "\"}]}";
  };
  const auto claim = [](const std::string& name, size_t size) {
    return R"({"keys":[],"vm-configuration":{")" + name + "\":\"" +
           std::string(size, 'x') + "\"}}";
  };
  EXPECT_THAT(Parse(key(std::string(128, 'k'), std::string(684, 'A'))), IsOk());
  for (const char* name : {"root-cert-thumbprint", "vmUniqueId"}) {
    EXPECT_THAT(Parse(claim(name, 128)), IsOk());
    EXPECT_THAT(
        Parse(claim(name, 129)),
        StatusIs(kInvalid,
                 HasSubstr(std::string(name) +
                           ": want at most 128 printable characters, got 129")))
        << name;
  }
  EXPECT_THAT(Parse(key(std::string(129, 'k'), "AQAB")),
              StatusIs(kInvalid, HasSubstr("keys[0].kid: want at most 128 "
                                           "printable characters, got 129")));
  EXPECT_THAT(Parse(key("k", std::string(688, 'A'))),
              StatusIs(kInvalid, HasSubstr("keys[0].n: want at most 684 "
                                           "printable characters, got 688")));
}

TEST(RuntimeDataTest, KeyMustBeUsable) {
  RuntimeKeyUnverified key{
      .id = "k", .operations = {}, .modulus = Bytes(255, 0x81), .exponent = 3};
  EXPECT_THAT(ToPublicKey(key), StatusIs(kInvalid));
  key.modulus = Bytes(256, 0x81);
  EXPECT_THAT(ToPublicKey(key), IsOk());
  key.exponent = 2;
  EXPECT_THAT(ToPublicKey(key), StatusIs(kInvalid));
}

TEST(Base64UrlTest, DecodesEveryLength) {
  for (size_t size = 0; size < 70; ++size) {
    Bytes octets(size);
    for (size_t i = 0; i < size; ++i) {
      octets[i] = static_cast<uint8_t>(i * 37 + size);
    }
    ASSERT_OK_AND_ASSIGN(const Bytes got, Base64UrlDecode(Base64Url(octets)));
    EXPECT_EQ(got, octets);
  }
  EXPECT_THAT(Base64UrlDecode("AB"), StatusIs(kInvalid));  // trailing bits
  for (const char* other : {"AB/D", "AB+D", "ABCD===="}) {
    EXPECT_THAT(Base64UrlDecode(other), StatusIs(kInvalid)) << other;
  }
}

TEST(RuntimeDataVectorsTest, HaveTheClaimsOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  size_t seen = 0;
  for (const nlohmann::json& entry : VectorEntries("azure/")) {
    const std::string path = entry["path"];
    if (!path.ends_with("hcl-report.bin")) {
      continue;
    }
    SCOPED_TRACE(path);
    const Bytes bytes = ReadVector(path);
    ASSERT_OK_AND_ASSIGN(const HclReportUnverified report,
                         ParseHclReportUnverified(bytes));
    ASSERT_OK_AND_ASSIGN(const RuntimeDataUnverified data,
                         ParseRuntimeDataUnverified(report.runtime_data));
    ASSERT_NE(data.FindKey(kHclAttestationKeyId), nullptr);
    EXPECT_THAT(ToPublicKey(*data.FindKey(kHclAttestationKeyId)), IsOk());
    EXPECT_EQ(data.configuration.secure_boot, true);
    const nlohmann::json& want = entry["expect"];
    if (want.contains("key_ids")) {
      EXPECT_EQ(data.keys.size(), want["key_ids"].size());
      EXPECT_EQ(HexEncode(data.user_data.value_or(Bytes())).size(), 128U);
    }
    ++seen;
  }
  EXPECT_GE(seen, 6U);
}

}  // namespace
}  // namespace constellation::attestation
