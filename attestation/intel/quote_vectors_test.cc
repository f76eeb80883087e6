// SPDX-License-Identifier: Apache-2.0
// Real quotes of clouds and machines, with the verdicts that the manifest
// states: nothing here names a file of a kind that has more than one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/tcb_signer.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::AllIntelCollateral;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::IntelCollateralSet;
using ::constellation::testing::IntelQuoteEntries;
using ::constellation::testing::Intersect;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::Middle;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::TimeWindow;
using ::constellation::testing::VectorsFolder;
using ::constellation::testing::VectorWindow;

using Json = nlohmann::json;

std::string Failures(const std::vector<IntelCheck>& rows) {
  std::string text;
  for (const IntelCheck& row : rows) {
    if (!row.passed) {
      text += std::string(ToString(row.id)) + ": expected " + row.expected +
              ", got " + row.got + "\n";
    }
  }
  return text;
}

std::string PathOf(const Json& entry) {
  return entry["path"].get<std::string>();
}

template <size_t kSize>
std::string Hex(const std::array<uint8_t, kSize>& bytes) {
  return HexEncode(bytes);
}

std::string LittleEndianHex(uint64_t value) {
  std::string hex;
  for (int i = 0; i < 8; ++i) {
    const auto octet = static_cast<uint8_t>(value >> (8 * i));
    hex += HexEncode(std::span<const uint8_t>(&octet, 1));
  }
  return hex;
}

class QuoteVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
    ASSERT_FALSE(IntelQuoteEntries().empty());
  }
};

void ExpectEnclave(const EnclaveReport& report, const Json& want) {
  EXPECT_EQ(Hex(report.cpu_svn), want["cpusvn"]);
  EXPECT_EQ(Hex(report.misc_select), want["miscselect"]);
  EXPECT_EQ(Hex(report.attributes), want["attributes"]);
  EXPECT_EQ(Hex(report.mr_enclave), want["mrenclave"]);
  EXPECT_EQ(Hex(report.mr_signer), want["mrsigner"]);
  EXPECT_EQ(report.isv_prod_id, want["isvprodid"]);
  EXPECT_EQ(report.isv_svn, want["isvsvn"]);
  EXPECT_EQ(Hex(report.report_data), want["report_data"]);
}

void ExpectTd(const TdReport& report, const Json& want) {
  EXPECT_EQ(Hex(report.tee_tcb_svn), want["tee_tcb_svn"]);
  EXPECT_EQ(Hex(report.mr_seam), want["mrseam"]);
  EXPECT_EQ(Hex(report.mr_signer_seam), want["mrsignerseam"]);
  EXPECT_EQ(Hex(report.seam_attributes), want["seam_attributes"]);
  EXPECT_EQ(LittleEndianHex(report.td_attributes), want["td_attributes"]);
  EXPECT_EQ(LittleEndianHex(report.xfam), want["xfam"]);
  EXPECT_EQ(Hex(report.mr_td), want["mrtd"]);
  EXPECT_EQ(Hex(report.mr_config_id), want["mrconfigid"]);
  EXPECT_EQ(Hex(report.mr_owner), want["mrowner"]);
  EXPECT_EQ(Hex(report.mr_owner_config), want["mrownerconfig"]);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Hex(report.rtmr[i]), want["rtmr" + std::to_string(i)]);
  }
  EXPECT_EQ(Hex(report.report_data), want["report_data"]);
  EXPECT_EQ(report.tee_tcb_svn_2.has_value(), want.contains("tee_tcb_svn2"));
  if (want.contains("tee_tcb_svn2")) {
    EXPECT_EQ(Hex(*report.tee_tcb_svn_2), want["tee_tcb_svn2"]);
    EXPECT_EQ(Hex(*report.mr_service_td), want["mrservicetd"]);
  }
}

TEST_F(QuoteVectorsTest, HaveTheFieldsOfTheManifest) {
  for (const Json& entry : IntelQuoteEntries()) {
    SCOPED_TRACE(PathOf(entry));
    const Bytes bytes = ReadVector(PathOf(entry));
    ASSERT_OK_AND_ASSIGN(const IntelQuoteUnverified quote,
                         ParseIntelQuoteUnverified(bytes));
    const Json& want = entry["expect"];
    EXPECT_EQ(quote.version, want["version"]);
    EXPECT_EQ(quote.attestation_key_type, want["att_key_type"]);
    EXPECT_EQ(quote.tee,
              want["tee_type"] == "0x81" ? IntelTee::kTdx : IntelTee::kSgx);
    EXPECT_EQ(quote.qe_svn, want["qe_svn"]);
    EXPECT_EQ(quote.pce_svn, want["pce_svn"]);
    EXPECT_EQ(HexEncode(quote.qe_vendor), want["qe_vendor"]);
    EXPECT_EQ(HexEncode(quote.user_data), want["user_data"]);
    EXPECT_EQ(quote.trailing.size(), want["trailing"]);
    EXPECT_EQ(HexEncode(quote.qe_auth_data), want["auth_data"]);
    EXPECT_EQ(quote.certification_type, want["cert_type"]);
    EXPECT_EQ(quote.certification_data.size(), want["cert_size"]);
    ASSERT_OK_AND_ASSIGN(const EnclaveReport qe,
                         ParseEnclaveReportUnverified(quote.qe_report));
    ExpectEnclave(qe, want["qe"]);
    if (quote.tee == IntelTee::kTdx) {
      ASSERT_OK_AND_ASSIGN(const TdReport td,
                           ParseTdReportUnverified(quote.body));
      ExpectTd(td, want["body"]);
    } else {
      ASSERT_OK_AND_ASSIGN(const EnclaveReport enclave,
                           ParseEnclaveReportUnverified(quote.body));
      ExpectEnclave(enclave, want["body"]);
    }
  }
}

void ExpectPck(const PckExtension& pck, const Json& want) {
  EXPECT_EQ(Hex(pck.ppid), want["ppid"]);
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(pck.components[i], want["tcb"]["comps"][i]);
  }
  EXPECT_EQ(pck.pce_svn, want["tcb"]["pcesvn"]);
  EXPECT_EQ(Hex(pck.cpu_svn), want["tcb"]["cpusvn"]);
  EXPECT_EQ(Hex(pck.pce_id), want["pceid"]);
  EXPECT_EQ(Hex(pck.fmspc), want["fmspc"]);
  EXPECT_EQ("0" + std::to_string(static_cast<int>(pck.sgx_type)),
            want["sgxtype"]);
  EXPECT_EQ(pck.platform_instance_id.has_value(), want.contains("piid"));
  if (want.contains("piid")) {
    EXPECT_EQ(Hex(*pck.platform_instance_id), want["piid"]);
  }
  if (want.contains("config")) {
    EXPECT_EQ(pck.dynamic_platform, want["config"]["dynamicPlatform"]);
    EXPECT_EQ(pck.cached_keys, want["config"]["cachedKeys"]);
    EXPECT_EQ(pck.smt_enabled, want["config"]["smtEnabled"]);
  }
}

TEST_F(QuoteVectorsTest, AreAuthenticUnderThePinnedRoot) {
  for (const Json& entry : IntelQuoteEntries()) {
    SCOPED_TRACE(PathOf(entry));
    const TimeWindow window = *VectorWindow(entry["expect"]["pck_validity"]);
    const Bytes bytes = ReadVector(PathOf(entry));
    const IntelChainVerification result = CheckIntelQuoteChain(
        bytes, ProductionAnchors(), {.now = Middle(window)});
    ASSERT_TRUE(result.quote.has_value()) << Failures(result.checks);
    EXPECT_TRUE(result.quote->root().is_intel);
    EXPECT_EQ(result.quote->trailing_size(), entry["expect"]["trailing"]);
    ExpectPck(result.quote->pck(), entry["expect"]["pck"]);
    for (const absl::Time outside :
         {window.first - absl::Seconds(1), window.second + absl::Seconds(1)}) {
      const IntelChainVerification expired =
          CheckIntelQuoteChain(bytes, ProductionAnchors(), {.now = outside});
      EXPECT_FALSE(expired.quote.has_value());
      EXPECT_THAT(FirstFailure(expired.checks, "quote").code(),
                  absl::StatusCode::kFailedPrecondition);
    }
  }
}

void ExpectLevel(const std::optional<ReachedTcbLevel>& level,
                 const Json& want) {
  ASSERT_EQ(level.has_value(), !want.is_null());
  if (level.has_value()) {
    EXPECT_EQ(level->index, want["index"]);
    EXPECT_EQ(ToString(level->status), want["status"]);
    EXPECT_EQ(FormatCollateralTime(level->tcb_date), want["tcbDate"]);
  }
}

Json At(const Json& object, const char* key) {
  return object.contains(key) ? object[key] : Json();
}

void ExpectEvaluation(const TcbEvaluation& tcb, const Json& want) {
  const auto final = want["final"].get<std::string>();
  EXPECT_EQ(ToString(tcb.status), final.substr(0, final.find(' ')));
  ExpectLevel(tcb.sgx_level, At(want, "sgx_level"));
  ExpectLevel(tcb.tdx_level, At(want, "tdx_level"));
  if (want.contains("advisoryIDs")) {
    EXPECT_EQ(Json(tcb.advisories), want["advisoryIDs"]);
  }
  EXPECT_EQ(ToString(*tcb.qe_status), want["qe_identity"]["status"]);
  EXPECT_THAT(tcb.qe_identity, IsOk());
  const Json module = At(want, "tdx_module");
  if (module.contains("status")) {
    EXPECT_EQ(tcb.module_id, module["id"]);
    EXPECT_EQ(ToString(*tcb.module_status), module["status"]);
    EXPECT_EQ(Json(tcb.module_advisories), module["advisoryIDs"]);
  }
  if (!module.is_null()) {
    EXPECT_EQ(tcb.tdx_module.ok(), module["mrsigner_match"].get<bool>());
  }
}

TEST_F(QuoteVectorsTest, HaveTheTcbStatusOfTheManifest) {
  int evaluated = 0;
  for (const Json& entry : IntelQuoteEntries()) {
    for (const auto& [name, want] :
         entry["expect"]["tcb_status_by_collateral"].items()) {
      SCOPED_TRACE(PathOf(entry) + " with " + name);
      const auto set = FindIntelCollateral(name);
      if (!set.has_value()) {
        continue;
      }
      const Bytes bytes = ReadVector(PathOf(entry));
      const auto result = CheckIntelQuoteChain(
          bytes, ProductionAnchors(),
          {.now = Middle(*VectorWindow(entry["expect"]["pck_validity"]))});
      ASSERT_TRUE(result.quote.has_value());
      ASSERT_OK_AND_ASSIGN(
          const SignedJsonUnverified info,
          ParseSignedJsonUnverified(set->collateral.tcb_info, "tcbInfo"));
      ASSERT_OK_AND_ASSIGN(const TcbInfo tcb_info,
                           ParseTcbInfoUnverified(info.body));
      ASSERT_OK_AND_ASSIGN(
          const SignedJsonUnverified identity,
          ParseSignedJsonUnverified(set->collateral.enclave_identity,
                                    "enclaveIdentity"));
      ASSERT_OK_AND_ASSIGN(const EnclaveIdentity enclave_identity,
                           ParseEnclaveIdentityUnverified(identity.body));
      ExpectEvaluation(EvaluateTcb(tcb_info, enclave_identity,
                                   {.pck = result.quote->pck(),
                                    .qe_report = result.quote->qe_report(),
                                    .td_report = result.quote->td_report()}),
                       want);
      ++evaluated;
    }
  }
  EXPECT_GT(evaluated, 20);
}

// Collateral is verified at an instant of its own window and then used at
// `now`, as a cache would.
IntelQuoteVerification CheckAt(const Bytes& quote,
                               const IntelCollateralSet& set, absl::Time now) {
  const IntelCollateralVerification collateral = CheckIntelCollateral(
      set.collateral, ProductionAnchors(), Middle(*set.window));
  EXPECT_TRUE(collateral.collateral.has_value())
      << set.name << Failures(collateral.checks);
  return CheckIntelQuote(quote, *collateral.collateral, ProductionAnchors(),
                         {.now = now});
}

TEST_F(QuoteVectorsTest, VerifyInsideTheirWindowAndNotOutside) {
  int verified = 0;
  for (const Json& entry : IntelQuoteEntries()) {
    for (const auto& [name, want] :
         entry["expect"]["tcb_status_by_collateral"].items()) {
      SCOPED_TRACE(PathOf(entry) + " with " + name);
      const auto set = FindIntelCollateral(name);
      if (!set.has_value() || !set->window.has_value()) {
        continue;
      }
      const Bytes quote = ReadVector(PathOf(entry));
      const auto window =
          Intersect(VectorWindow(At(want, "verify_time_window")), set->window);
      if (!window.has_value()) {
        EXPECT_FALSE(CheckAt(quote, *set, Middle(*set->window)).quote);
        continue;
      }
      const bool reaches_a_level =
          !want["final"].get<std::string>().starts_with("NotSupported");
      for (const absl::Time now :
           {window->first, Middle(*window), window->second}) {
        const IntelQuoteVerification result = CheckAt(quote, *set, now);
        EXPECT_EQ(result.quote.has_value(), reaches_a_level)
            << Failures(result.checks);
        ExpectEvaluation(*result.evaluation_unverified, want);
        ++verified;
      }
      EXPECT_FALSE(
          CheckAt(quote, *set, window->first - absl::Seconds(1)).quote);
      EXPECT_FALSE(
          CheckAt(quote, *set, window->second + absl::Seconds(1)).quote);
    }
  }
  EXPECT_GT(verified, 40);
}

TEST_F(QuoteVectorsTest, CollateralVerifiesOnlyInsideItsWindow) {
  for (const IntelCollateralSet& set : AllIntelCollateral()) {
    SCOPED_TRACE(set.name);
    const bool bad_signature = set.name.ends_with("badsig");
    if (!set.window.has_value() || bad_signature) {
      continue;
    }
    for (const absl::Time now :
         {set.window->first, Middle(*set.window), set.window->second}) {
      const auto result =
          CheckIntelCollateral(set.collateral, ProductionAnchors(), now);
      ASSERT_TRUE(result.collateral.has_value()) << Failures(result.checks);
      EXPECT_EQ(result.collateral->not_before(), set.window->first);
      EXPECT_EQ(result.collateral->expires_at(), set.window->second);
    }
    for (const absl::Time now : {set.window->first - absl::Seconds(1),
                                 set.window->second + absl::Seconds(1)}) {
      EXPECT_FALSE(
          CheckIntelCollateral(set.collateral, ProductionAnchors(), now)
              .collateral.has_value());
    }
  }
}

}  // namespace
}  // namespace constellation::attestation
