// SPDX-License-Identifier: Apache-2.0
// TCB info, enclave identity, and the envelope that both come in.
#include "attestation/intel/tcb_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IdentityText;
using ::constellation::testing::IntelTestIdentity;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TcbInfoText;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void ExpectRefused(const std::string& text, const char* why) {
  EXPECT_THAT(ParseTcbInfoUnverified(text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(TcbInfoTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const TcbInfo info,
                       ParseTcbInfoUnverified(TcbInfoText({})));
  EXPECT_EQ(info.version, 3U);
  EXPECT_EQ(info.tee, IntelTee::kTdx);
  EXPECT_EQ(info.issue_date, testing::kTestNotBefore);
  EXPECT_EQ(info.next_update, testing::kTestNotAfter);
  EXPECT_EQ(info.fmspc[1], 0x60);
  EXPECT_EQ(info.evaluation_data_number, 18U);
  ASSERT_EQ(info.levels.size(), 2U);
  EXPECT_EQ(info.levels[0].sgx_svns[7], 5);
  EXPECT_EQ(info.levels[0].tdx_svns[0], 7);
  EXPECT_EQ(info.levels[1].pce_svn, 5);
  EXPECT_EQ(info.levels[1].status, TcbStatus::kOutOfDate);
  EXPECT_EQ(info.levels[1].advisories[0], "INTEL-SA-00837");
  ASSERT_EQ(info.tdx_module_identities.size(), 1U);
  EXPECT_EQ(info.tdx_module_identities[0].id, "TDX_01");
  EXPECT_EQ(info.tdx_module_identities[0].levels[1].isv_svn, 3);
}

TEST(TcbInfoTest, HexCaseDoesNotMatter) {
  IntelTestTcbInfo fields;
  fields.fmspc = {0xab, 0xcd, 0xef, 0, 0, 0};
  const std::string text = TcbInfoText(fields);
  const bool lower = text.find("abcdef") != std::string::npos;
  const std::string other = lower ? Replaced(text, "abcdef", "AbCDeF")
                                  : Replaced(text, "ABCDEF", "abcdef");
  EXPECT_EQ(ParseTcbInfoUnverified(text)->fmspc,
            ParseTcbInfoUnverified(other)->fmspc);
}

TEST(TcbInfoTest, EveryFieldMustBeThere) {
  const std::string text = TcbInfoText({});
  for (const char* const name :
       {"version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType",
        "tcbEvaluationDataNumber", "tcbLevels", "tcbDate", "tcbStatus",
        "isvsvn", "mrsigner", "attributes", "attributesMask", "id"}) {
    const std::string key = "\"" + std::string(name) + "\":";
    EXPECT_FALSE(
        ParseTcbInfoUnverified(Replaced(text, key, "\"unknown\":")).ok())
        << name;
  }
  ExpectRefused(Replaced(text, "\"fmspc\":", "\"other\":"),
                "TCB info: fmspc is missing");
  ExpectRefused(Replaced(text, "\"pcesvn\":", "\"other\":"),
                "tcbLevels[0].tcb: want pcesvn and sgxtcbcomponents and "
                "tdxtcbcomponents for version 3, TDX");
  ExpectRefused(Replaced(text, "\"tdxtcbcomponents\":", "\"other\":"),
                "tcbLevels[0]");
  ExpectRefused(Replaced(text, "\"sgxtcbcomponents\":", "\"other\":"),
                "tcbLevels[0]");
  ExpectRefused(Replaced(text, "\"tdxModule\":", "\"other\":"),
                "does not fit id TDX");
}

// Of a value that could not be read, zeros would stay.
TEST(TcbInfoTest, RefusesModulesThatAreNoHex) {
  const std::string text = TcbInfoText({});
  for (const char* name : {"mrsigner", "attributes", "attributesMask"}) {
    const std::string key = "\"" + std::string(name) + "\":\"";
    const size_t at = text.find(key);
    ASSERT_NE(at, std::string::npos) << name;
    for (const char* digits : {"g0", "0g", "  ", "0x"}) {
      std::string damaged = text;
      damaged.replace(at + key.size(), 2, digits);
      ExpectRefused(damaged, "want hex digits, got something else");
    }
    std::string shorter = text;
    shorter.erase(at + key.size(), 2);
    ExpectRefused(shorter, " hex digits, got ");
  }
}

TEST(TcbInfoTest, RefusesValuesOutOfRange) {
  const std::string text = TcbInfoText({});
  ExpectRefused(Replaced(text, "\"version\":3", "\"version\":4"),
                "want 2 or 3, got 4");
  ExpectRefused(Replaced(text, "\"version\":3", "\"version\":2"),
                "must not have one");
  ExpectRefused(Replaced(text, "\"tcbType\":0", "\"tcbType\":1"), "tcbType");
  ExpectRefused(Replaced(text, "\"TDX\"", "\"SEV\""),
                "want \"SGX\" or \"TDX\", got \"SEV\"");
  ExpectRefused(Replaced(text, "\"TDX\"", "\"SGX\""), "does not fit id SGX");
  ExpectRefused(Replaced(text, "UpToDate", "Uptodate"), "is no TCB status");
  ExpectRefused(Replaced(text, "UpToDate", "TDRelaunchAdvised"),
                "is no TCB status");
  ExpectRefused(Replaced(text, "\"svn\":3", "\"svn\":65536"), "at most 65535");
  ExpectRefused(Replaced(text, "{\"svn\":3},", ""), "want 16 components");
  ExpectRefused(Replaced(text, "{\"svn\":3},", "{\"svn\":3},{\"svn\":3},"),
                "at most 16 elements");
  ExpectRefused(Replaced(text, "\"svn\":3", "\"sun\":3"), "svn is missing");
  ExpectRefused(Replaced(text, "00606a", "00606"), "hex digits");
  ExpectRefused(Replaced(text, "\"pceId\":\"0000\"", "\"pceId\":\"00x0\""),
                "pceId: want hex digits");
  ExpectRefused(text + "x", "want the end");
}

TEST(TcbInfoTest, RefusesModuleListedTwice) {
  IntelTestTcbInfo fields;
  fields.modules.push_back(fields.modules[0]);
  ExpectRefused(TcbInfoText(fields), "module TDX_01 is listed twice");
}

TEST(TcbInfoTest, BoundsItsLists) {
  IntelTestTcbInfo fields;
  fields.levels.resize(kMaxTcbLevels);
  EXPECT_THAT(ParseTcbInfoUnverified(TcbInfoText(fields)), IsOk());
  fields.levels.resize(kMaxTcbLevels + 1);
  ExpectRefused(TcbInfoText(fields), "at most 128 elements");
  fields.levels.resize(1);
  fields.levels[0].advisories.assign(kMaxAdvisories + 1, "INTEL-SA-1");
  ExpectRefused(TcbInfoText(fields), "at most 128 elements");
  fields.levels[0].advisories = {std::string(33, 'A')};
  ExpectRefused(TcbInfoText(fields), "advisory: want 8 to 32 characters");
  fields.levels[0].advisories = {"SA-1234"};
  ExpectRefused(TcbInfoText(fields), "advisory: want 8 to 32 characters");
  fields.levels[0].advisories.clear();
  fields.modules.clear();
  for (size_t i = 0; i <= kMaxModuleIdentities; ++i) {
    fields.modules.push_back({.id = "TDX_" + std::to_string(i)});
  }
  ExpectRefused(TcbInfoText(fields), "at most 32 elements");
}

TEST(TcbInfoTest, UnknownKeysAreSkipped) {
  const std::string text = Replaced(TcbInfoText({}), "{\"id\"",
                                    "{\"new\":{\"a\":[1,\"\\u0041\"]},\"id\"");
  EXPECT_THAT(ParseTcbInfoUnverified(text), IsOk());
}

TEST(TcbInfoTest, NeverCrashesOnChangedText) {
  const std::string good = TcbInfoText({});
  for (size_t i = 0; i < good.size(); ++i) {
    std::string text = good;
    text[i] = static_cast<char>(text[i] ^ (1 << (i % 7)));
    (void)ParseTcbInfoUnverified(text);
    EXPECT_FALSE(ParseTcbInfoUnverified(good.substr(0, i)).ok());
  }
}

// Version 2, as API v3 answers: numbered components, no id.
std::string Version2() {
  std::string tcb;
  for (int i = 1; i <= 16; ++i) {
    tcb += "\"sgxtcbcomp" + std::string(i < 10 ? "0" : "") + std::to_string(i) +
           "svn\":" + std::to_string(i * 3) + ",";
  }
  return "{\"version\":2,\"issueDate\":\"2025-01-01T00:00:00Z\",\"nextUpdate\":"
         "\"2025-02-01T00:00:00Z\",\"fmspc\":\"00606a000000\",\"pceId\":"
         "\"0000\","
         "\"tcbType\":0,\"tcbEvaluationDataNumber\":17,\"tcbLevels\":[{\"tcb\":"
         "{" +
         tcb +
         "\"pcesvn\":13},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":"
         "\"SWHardeningNeeded\"}]}";
}

TEST(TcbInfoTest, ReadsVersion2) {
  ASSERT_OK_AND_ASSIGN(const TcbInfo info, ParseTcbInfoUnverified(Version2()));
  EXPECT_EQ(info.version, 2U);
  EXPECT_EQ(info.tee, IntelTee::kSgx);
  EXPECT_FALSE(info.tdx_module.has_value());
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(info.levels[0].sgx_svns[i], (i + 1) * 3);
  }
  EXPECT_EQ(info.levels[0].status, TcbStatus::kSwHardeningNeeded);
}

TEST(TcbInfoTest, Version2NeedsEveryComponent) {
  for (int i = 1; i <= 16; ++i) {
    const std::string name = "sgxtcbcomp" + std::string(i < 10 ? "0" : "") +
                             std::to_string(i) + "svn";
    ExpectRefused(Replaced(Version2(), name, "sgxtcbcomp00svn"),
                  "want pcesvn and sgxtcbcomp01svn to sgxtcbcomp16svn for "
                  "version 2, SGX");
    ExpectRefused(Replaced(Version2(), name, "sgxtcbcomp17svn"), "want pcesvn");
  }
}

TEST(TcbInfoTest, VersionsDoNotMix) {
  ExpectRefused(Replaced(Version2(), "\"version\":2", "\"version\":3"),
                "version 3 must have one");
  ExpectRefused(
      Replaced(Version2(), "{\"version\":2", "{\"id\":\"SGX\",\"version\":3"),
      "want pcesvn and sgxtcbcomponents for version 3, SGX");
  ExpectRefused(Replaced(TcbInfoText({}),
                         "\"pcesvn\":", "\"sgxtcbcomp01svn\":1,\"pcesvn\":"),
                "tcbLevels[0].tcb");
}

TEST(EnclaveIdentityTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const EnclaveIdentity identity,
                       ParseEnclaveIdentityUnverified(IdentityText({})));
  EXPECT_EQ(identity.kind, EnclaveKind::kTdQe);
  EXPECT_EQ(identity.isv_prod_id, 2);
  EXPECT_EQ(identity.attributes[0], 0x11);
  EXPECT_EQ(identity.attributes_mask[0], 0xfb);
  EXPECT_EQ(identity.misc_select_mask[3], 0xff);
  EXPECT_EQ(identity.mr_signer[0], 0xdc);
  EXPECT_EQ(identity.levels[1].status, TcbStatus::kOutOfDate);
}

TEST(EnclaveIdentityTest, EveryFieldMustBeThere) {
  const std::string text = IdentityText({});
  for (const char* const name :
       {"id", "version", "issueDate", "nextUpdate", "tcbEvaluationDataNumber",
        "miscselect", "miscselectMask", "attributes", "attributesMask",
        "mrsigner", "isvprodid", "tcbLevels", "isvsvn", "tcbStatus"}) {
    const std::string key = "\"" + std::string(name) + "\":";
    EXPECT_THAT(
        ParseEnclaveIdentityUnverified(Replaced(text, key, "\"unknown\":")),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(std::string(name) + " is missing")));
  }
}

TEST(EnclaveIdentityTest, RefusesOtherVersionsAndKinds) {
  const std::string text = IdentityText({});
  for (const char* const version : {"0", "1", "3", "\"2\""}) {
    EXPECT_FALSE(ParseEnclaveIdentityUnverified(
                     Replaced(text, "\"version\":2",
                              std::string("\"version\":") + version))
                     .ok());
  }
  EXPECT_THAT(
      ParseEnclaveIdentityUnverified(Replaced(text, "TD_QE", "PCE")),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("want \"QE\", \"TD_QE\" or \"QVE\", got \"PCE\"")));
  IntelTestIdentity fields;
  fields.misc_select = "000000";
  EXPECT_FALSE(ParseEnclaveIdentityUnverified(IdentityText(fields)).ok());
}

TEST(SignedJsonTest, FindsTheExactText) {
  const std::string signature(128, 'a');
  const std::string text =
      " { \"x\" : {\"a\" : 1 } , \"signature\":\"" + signature + "\"}\n";
  ASSERT_OK_AND_ASSIGN(const SignedJsonUnverified parsed,
                       ParseSignedJsonUnverified(text, "x"));
  EXPECT_EQ(parsed.body, "{\"a\" : 1 }");
  EXPECT_EQ(parsed.signature[63], 0xaa);
  const std::string swapped =
      "{\"signature\":\"" + signature + "\",\"x\":{\"a\":2}}";
  EXPECT_EQ(ParseSignedJsonUnverified(swapped, "x")->body, "{\"a\":2}");
}

TEST(SignedJsonTest, RefusesAnythingElse) {
  const std::string end = ",\"signature\":\"" + std::string(128, '0') + "\"}";
  const auto refuses = [](const std::string& text, const char* why) {
    EXPECT_THAT(ParseSignedJsonUnverified(text, "x"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refuses("{\"x\":{}}", "x: signature is missing");
  refuses("{" + end.substr(1), "x: x is missing");
  refuses("{\"y\":{}" + end, "unknown key \"y\"");
  refuses("{\"x\":{},\"x\":{}" + end, "given twice");
  refuses("{\"x\":{}" + end + "{}", "want the end");
  refuses("{\"x\":{},\"signature\":\"00\"}", "want 128 hex digits");
  refuses("[]", "want an object");
  refuses(
      "{\"x\":{\"" + std::string(kMaxCollateralJsonSize, 'a') + "\":1}" + end,
      "want at most 65536 bytes");
}

TEST(CollateralTimeTest, AcceptsOnlyTimesThatExist) {
  EXPECT_EQ(ParseCollateralTime("2025-02-26T10:37:20Z").value(),
            absl::FromUnixSeconds(1740566240));
  EXPECT_THAT(ParseCollateralTime("2024-02-29T23:59:59Z"), IsOk());
  for (const char* const text :
       {"2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
        "2025-04-31T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z",
        "2025-01-01T00:00:60Z", "2025-01-01T00:00:00", "2025-01-01 00:00:00Z",
        "2025-01-01T00:00:00+00:00", "2025-1-01T00:00:00Z", "", "today",
        "2025-01-01T00:00:00.5Z"}) {
    EXPECT_FALSE(ParseCollateralTime(text).ok()) << text;
  }
}

TEST(TcbInfoVectorsTest, HaveTheFieldsOfTheManifest) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int read = 0;
  for (const auto& entry : testing::VectorEntries("")) {
    const auto path = entry["path"].get<std::string>();
    if (!entry.contains("expect") || !entry["expect"].contains("fmspc") ||
        !path.ends_with("tcbinfo.json")) {
      continue;
    }
    SCOPED_TRACE(path);
    const std::string text = testing::ReadTextVector(path);
    ASSERT_OK_AND_ASSIGN(const SignedJsonUnverified document,
                         ParseSignedJsonUnverified(text, "tcbInfo"));
    ASSERT_OK_AND_ASSIGN(const TcbInfo info,
                         ParseTcbInfoUnverified(document.body));
    const auto& want = entry["expect"];
    EXPECT_EQ(info.version, want["version"]);
    EXPECT_EQ(HexEncode(info.fmspc), want["fmspc"]);
    EXPECT_EQ(info.levels.size(), want["levels"]);
    EXPECT_EQ(info.evaluation_data_number, want["tcbEvaluationDataNumber"]);
    EXPECT_EQ(
        info.issue_date,
        ParseCollateralTime(want["issueDate"].get<std::string>()).value());
    ++read;
  }
  EXPECT_GT(read, 10);
}

}  // namespace
}  // namespace constellation::attestation
