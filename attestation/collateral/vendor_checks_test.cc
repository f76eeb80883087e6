// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/vendor_checks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "attestation/collateral/curl_http_transport.h"
#include "attestation/collateral/testing/http_server.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/testing/test_platform.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/vectors.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::HttpAnswer;
using ::constellation::attestation::testing::MakeEvidence;
using ::constellation::attestation::testing::ScriptedAnswer;
using ::constellation::attestation::testing::TestHttpServer;
using ::constellation::attestation::testing::TestSnpEvidence;
using ::constellation::attestation::testing::TestSnpPlatform;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::IntelCollateralSet;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::Middle;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadTextVector;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Pem(const Bytes& der) {
  return "-----BEGIN CERTIFICATE-----\n" + Base64Encode(der) +
         "\n-----END CERTIFICATE-----\n";
}

// As a header has it.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

absl::StatusOr<CollateralFacts> Apply(const CollateralCheck& check,
                                      const Bytes& content, absl::Time now,
                                      const std::string& chain = "") {
  return check({.content = content, .issuer_chain = chain}, now);
}

// A vendor's service on loopback: path with query -> answer.
class Vendor final {
 public:
  std::map<std::string, std::string> answers;

  CollateralEndpoints endpoints() const {
    return {.amd_kds = server_.url(),
            .intel_pcs = server_.url(),
            .intel_root_crl = server_.url() + "/root"};
  }
  size_t requests() const { return server_.requests().size(); }

 private:
  TestHttpServer server_{
      [this](const std::string& target, const std::string&) -> ScriptedAnswer {
        const auto found = answers.find(target);
        return {found == answers.end() ? HttpAnswer(404, "") : found->second};
      }};
};

// Evidence below a test root, at the time that its makers use.
class SnpChecksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto chain = CheckSnpChain(evidence_.Input().endorsements,
                                     {.more_roots = evidence_.roots}, now_);
    ASSERT_TRUE(chain.chain != nullptr) << "clock of this test is wrong";
    facts_ = chain.chain->facts();
    request_.hardware_id = *facts_->hardware_id;
    request_.tcb = DecodeSnpTcb(facts_->tcb, SnpProduct::kMilan);
    request_.more_roots = evidence_.roots;
  }

  SnpCollateral Chain() const {
    return {.signer = {},
            .intermediate = evidence_.intermediate,
            .root = evidence_.root,
            .crl = evidence_.crl};
  }
  CollateralCheck CheckVcek() const {
    return VcekCheck(SnpProduct::kMilan, request_.hardware_id, request_.tcb,
                     Chain(), evidence_.roots);
  }
  // Publishes everything at `vendor_`.
  void Publish() {
    vendor_.answers["/vcek/v1/Milan/cert_chain"] =
        HttpAnswer(200, Pem(evidence_.intermediate) + Pem(evidence_.root));
    vendor_.answers["/vcek/v1/Milan/crl"] =
        HttpAnswer(200, AsText(evidence_.crl));
    const auto item = VcekItem(vendor_.endpoints(), SnpProduct::kMilan,
                               request_.hardware_id, request_.tcb);
    ASSERT_THAT(item, IsOk());
    vendor_.answers[item->url.substr(vendor_.endpoints().amd_kds.size())] =
        HttpAnswer(200, AsText(evidence_.signer));
  }

  const TestSnpEvidence evidence_ =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  const absl::Time now_ = absl::FromUnixSeconds(1767225600);  // 2026-01-01
  std::optional<SnpSignerFactsUnverified> facts_;
  SnpCollateralRequest request_;
  Vendor vendor_;
  FakeClock clock_{now_};
  CurlHttpTransport transport_{{.allow_plain_http = true}};
  CollateralFetcher fetcher_{&transport_, nullptr, nullptr, clock_};
};

TEST_F(SnpChecksTest, ChainMustEndAtAPinnedRoot) {
  const std::string pem = Pem(evidence_.intermediate) + Pem(evidence_.root);
  const Bytes content(pem.begin(), pem.end());
  EXPECT_THAT(Apply(AmdCertChainCheck(SnpProduct::kMilan, evidence_.roots),
                    content, now_),
              IsOk());
  EXPECT_THAT(Apply(AmdCertChainCheck(SnpProduct::kMilan), content, now_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want a pinned key")));
  EXPECT_THAT(Apply(AmdCertChainCheck(SnpProduct::kGenoa, evidence_.roots),
                    content, now_),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "root of another product";
}

TEST_F(SnpChecksTest, ChainMustBeTwoCertificatesInOrder) {
  const CollateralCheck check =
      AmdCertChainCheck(SnpProduct::kMilan, evidence_.roots);
  for (const std::string& pem :
       {Pem(evidence_.root), Pem(evidence_.root) + Pem(evidence_.intermediate),
        Pem(evidence_.intermediate) + Pem(evidence_.root) + Pem(evidence_.root),
        Pem(evidence_.signer) + Pem(evidence_.root), std::string()}) {
    EXPECT_FALSE(Apply(check, {pem.begin(), pem.end()}, now_).ok());
  }
}

TEST_F(SnpChecksTest, RevocationListMustBeTheRoots) {
  ASSERT_OK_AND_ASSIGN(const CollateralFacts facts,
                       Apply(AmdCrlCheck(evidence_.root), evidence_.crl, now_));
  EXPECT_LE(facts.issued, now_);
  EXPECT_GE(facts.not_after, now_);
  EXPECT_FALSE(
      Apply(AmdCrlCheck(evidence_.intermediate), evidence_.crl, now_).ok());
  Bytes forged = evidence_.crl;
  forged.back() ^= 1U;
  EXPECT_FALSE(Apply(AmdCrlCheck(evidence_.root), forged, now_).ok());
}

TEST_F(SnpChecksTest, VcekMustBeOfThisChipAndTcb) {
  EXPECT_THAT(Apply(CheckVcek(), evidence_.signer, now_), IsOk());
  Bytes other_chip = request_.hardware_id;
  other_chip[0] ^= 1U;
  EXPECT_THAT(
      Apply(VcekCheck(SnpProduct::kMilan, other_chip, request_.tcb, Chain(),
                      evidence_.roots),
            evidence_.signer, now_),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("got another's")));
  SnpTcb other_tcb = request_.tcb;
  ++other_tcb.microcode;
  EXPECT_THAT(Apply(VcekCheck(SnpProduct::kMilan, request_.hardware_id,
                              other_tcb, Chain(), evidence_.roots),
                    evidence_.signer, now_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want the VCEK for boot loader")));
  EXPECT_THAT(Apply(VcekCheck(SnpProduct::kMilan, request_.hardware_id,
                              request_.tcb, Chain()),
                    evidence_.signer, now_),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "the test root was not named";
}

TEST_F(SnpChecksTest, NoFlippedBitOfTheVcekPasses) {
  for (size_t i = 0; i < evidence_.signer.size(); i += 3) {
    Bytes forged = evidence_.signer;
    forged[i] ^= static_cast<uint8_t>(1U << (i % 8));
    EXPECT_FALSE(Apply(CheckVcek(), forged, now_).ok()) << i;
  }
}

TEST_F(SnpChecksTest, FetchesAllThatAReportNeeds) {
  Publish();
  ASSERT_OK_AND_ASSIGN(
      const SnpCollateral got,
      FetchSnpCollateral(fetcher_, vendor_.endpoints(), request_));
  EXPECT_EQ(got.signer, evidence_.signer);
  EXPECT_EQ(got.crl, evidence_.crl);
  EXPECT_THAT(VerifySnp({.report = evidence_.report,
                         .endorsements = got.Endorsements(),
                         .options = {.more_roots = evidence_.roots,
                                     .crl_required = true}},
                        now_),
              IsOk());
}

TEST_F(SnpChecksTest, EvidenceSavesRequests) {
  Publish();
  request_.crl = false;
  const std::vector<Bytes> given = {evidence_.signer, Bytes{1, 2},
                                    evidence_.root, evidence_.intermediate};
  ASSERT_OK_AND_ASSIGN(
      const SnpCollateral got,
      FetchSnpCollateral(fetcher_, vendor_.endpoints(), request_, given));
  EXPECT_EQ(got.signer, evidence_.signer);
  EXPECT_EQ(got.root, evidence_.root);
  EXPECT_EQ(vendor_.requests(), 0U);
}

TEST_F(SnpChecksTest, ForgedEvidenceCostsRequestsOnly) {
  Publish();
  Bytes signer = evidence_.signer;
  signer[signer.size() - 5] ^= 1U;
  Bytes root = evidence_.root;
  root[root.size() - 5] ^= 1U;
  ASSERT_OK_AND_ASSIGN(
      const SnpCollateral got,
      FetchSnpCollateral(
          fetcher_, vendor_.endpoints(), request_,
          std::vector<Bytes>{signer, evidence_.intermediate, root}));
  EXPECT_EQ(got.signer, evidence_.signer);
  EXPECT_EQ(got.root, evidence_.root);
  EXPECT_EQ(vendor_.requests(), 3U);
}

TEST_F(SnpChecksTest, NamesWhatTheVendorDoesNotHave) {
  EXPECT_THAT(FetchSnpCollateral(fetcher_, vendor_.endpoints(), request_),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("AMD vcek certificate chain of Milan")));
  Publish();
  clock_.Advance(absl::Minutes(5));
  request_.tcb.microcode ^= 1U;
  EXPECT_THAT(
      FetchSnpCollateral(fetcher_, vendor_.endpoints(), request_),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("VCEK of Milan chip")));
}

TEST(VlekTest, MustComeWithTheEvidence) {
  const TestSnpEvidence evidence = MakeEvidence(
      TestSnpPlatform::Create(SnpProduct::kMilan, SnpSigningKey::kVlek));
  FakeClock clock(absl::FromUnixSeconds(1767225600));
  CollateralFetcher fetcher(nullptr, nullptr, nullptr, clock);
  SnpCollateralRequest request;
  request.kind = AmdKeyKind::kVlek;
  request.crl = false;
  request.more_roots = evidence.roots;
  const std::vector<Bytes> chain = {evidence.intermediate, evidence.root};
  EXPECT_THAT(FetchSnpCollateral(fetcher, {}, request, chain),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("must come with the evidence")));
  std::vector<Bytes> whole = chain;
  whole.push_back(evidence.signer);
  ASSERT_OK_AND_ASSIGN(const SnpCollateral got,
                       FetchSnpCollateral(fetcher, {}, request, whole));
  EXPECT_EQ(got.signer, evidence.signer);
  whole.back()[evidence.signer.size() - 5] ^= 1U;
  EXPECT_THAT(FetchSnpCollateral(fetcher, {}, request, whole),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(AmdVectorsTest, GenuineCollateralOfEveryProductPasses) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  const absl::Time now = absl::FromUnixSeconds(1788220800);  // 2026-09-01
  for (const auto& [name, product] : {std::pair("milan", SnpProduct::kMilan),
                                      std::pair("genoa", SnpProduct::kGenoa),
                                      std::pair("turin", SnpProduct::kTurin)}) {
    const std::string pem =
        ReadTextVector(fmt::format("snp/{}-ask.pem", name)) +
        ReadTextVector(fmt::format("snp/{}-ark.pem", name));
    EXPECT_THAT(
        Apply(AmdCertChainCheck(product), {pem.begin(), pem.end()}, now),
        IsOk());
    const Bytes crl = ReadVector(fmt::format("snp/{}-crl-2026-08.der", name));
    ASSERT_OK_AND_ASSIGN(const auto chain,
                         crypto::Certificate::ListFromPem(pem, 2));
    const Bytes root(chain[1].der().begin(), chain[1].der().end());
    ASSERT_OK_AND_ASSIGN(const CollateralFacts facts,
                         Apply(AmdCrlCheck(root), crl, now));
    EXPECT_THAT(CheckFresh(facts, now, name), IsOk());
  }
}

// Intel's own collateral of one day.
class IntelChecksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
    auto set = FindIntelCollateral("tdx/collateral/50806f-2026-03");
    ASSERT_TRUE(set.has_value());
    set_ = *std::move(set);
    now_ = Middle(*set_.window);
    clock_.Advance(now_ - clock_.Now());
    ca_chain_ = ReadTextVector("tdx/intel-sgx-pck-platform-ca.pem") +
                ReadTextVector("tdx/intel-sgx-root-ca.pem");
  }

  // Whether the service's PCK CRL is the platform CA's or the processor's.
  PckCa Ca() {
    return Apply(PckCrlCheck(ProductionAnchors(), PckCa::kPlatform),
                 set_.collateral.pck_crl, now_, ca_chain_)
                   .ok()
               ? PckCa::kPlatform
               : PckCa::kProcessor;
  }
  void Publish() {
    const IntelCollateral& all = set_.collateral;
    const std::string signer = Escaped(all.tcb_signing_chain);
    vendor_.answers["/tdx/certification/v4/tcb?fmspc=50806f000000"] =
        HttpAnswer(200, all.tcb_info,
                   "TCB-Info-Issuer-Chain: " + signer + "\r\n");
    vendor_.answers["/tdx/certification/v4/qe/identity"] =
        HttpAnswer(200, all.enclave_identity,
                   "SGX-Enclave-Identity-Issuer-Chain: " + signer + "\r\n");
    vendor_.answers["/sgx/certification/v4/pckcrl?ca=platform&encoding=der"] =
        HttpAnswer(200, AsText(all.pck_crl),
                   "SGX-PCK-CRL-Issuer-Chain: " + Escaped(ca_chain_) + "\r\n");
    vendor_.answers["/root"] = HttpAnswer(200, HexEncode(all.root_crl));
  }

  IntelCollateralSet set_;
  absl::Time now_;
  std::string ca_chain_;
  const Bytes fmspc_ = {0x50, 0x80, 0x6f, 0, 0, 0};
  Vendor vendor_;
  FakeClock clock_{absl::UnixEpoch()};
  CurlHttpTransport transport_{{.allow_plain_http = true}};
  CollateralFetcher fetcher_{&transport_, nullptr, nullptr, clock_};
};

TEST_F(IntelChecksTest, FetchesAllThatAQuoteNeeds) {
  if (Ca() != PckCa::kPlatform) {
    GTEST_SKIP() << "this set is of the processor CA";
  }
  Publish();
  ASSERT_OK_AND_ASSIGN(
      const IntelCollateral got,
      FetchIntelCollateral(fetcher_, vendor_.endpoints(), IntelTee::kTdx,
                           fmspc_, PckCa::kPlatform, ProductionAnchors()));
  EXPECT_EQ(got.tcb_info, set_.collateral.tcb_info);
  EXPECT_THAT(VerifyIntelCollateral(got, ProductionAnchors(), now_), IsOk());
  EXPECT_EQ(vendor_.requests(), 4U);
}

TEST_F(IntelChecksTest, DocumentsMustBeOfWhatWasAsked) {
  const Bytes tcb_info(set_.collateral.tcb_info.begin(),
                       set_.collateral.tcb_info.end());
  const Bytes identity(set_.collateral.enclave_identity.begin(),
                       set_.collateral.enclave_identity.end());
  const std::string& chain = set_.collateral.tcb_signing_chain;
  const IntelTrustAnchors& anchors = ProductionAnchors();
  EXPECT_THAT(Apply(TcbInfoCheck(anchors, IntelTee::kTdx, fmspc_), tcb_info,
                    now_, chain),
              IsOk());
  EXPECT_THAT(
      Apply(QeIdentityCheck(anchors, IntelTee::kTdx), identity, now_, chain),
      IsOk());
  EXPECT_THAT(Apply(TcbInfoCheck(anchors, IntelTee::kTdx, Bytes(6, 1)),
                    tcb_info, now_, chain),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want TCB info of TDX 010101010101")));
  EXPECT_FALSE(Apply(TcbInfoCheck(anchors, IntelTee::kSgx, fmspc_), tcb_info,
                     now_, chain)
                   .ok());
  EXPECT_THAT(
      Apply(QeIdentityCheck(anchors, IntelTee::kSgx), identity, now_, chain),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("want identity of QE, got that of TD_QE")));
  EXPECT_FALSE(Apply(TcbInfoCheck(anchors, IntelTee::kTdx, fmspc_), identity,
                     now_, chain)
                   .ok());
  EXPECT_FALSE(Apply(TcbInfoCheck(anchors, IntelTee::kTdx, fmspc_), tcb_info,
                     now_, ca_chain_)
                   .ok())
      << "signed by another";
  EXPECT_FALSE(
      Apply(TcbInfoCheck(anchors, IntelTee::kTdx, fmspc_), tcb_info, now_)
          .ok());
}

TEST(EvaluationNumbersCheckTest, MustBeSignedAndOfTheKindThatWasAsked) {
  const IntelSigner& signer = IntelSigner::Get();
  const auto anchors = IntelTrustAnchors::Create(
      std::vector{*crypto::Certificate::FromDer(signer.root())});
  ASSERT_THAT(anchors, IsOk());
  const absl::Time now = absl::FromUnixSeconds(1767225600);  // 2026-01-01
  const std::string text = signer.SignCollateral(
      "tcbEvaluationDataNumbers",
      R"({"id":"TDX","version":1,"issueDate":"2025-12-31T00:00:00Z",)"
      R"("nextUpdate":"2026-01-31T00:00:00Z","tcbEvalNumbers":[)"
      R"({"tcbEvaluationDataNumber":19,"tcbRecoveryEventDate":)"
      R"("2025-12-01T00:00:00Z","tcbDate":"2025-11-01T00:00:00Z"}]})");
  const Bytes content(text.begin(), text.end());
  const std::string chain = Pem(signer.tcb_signing()) + Pem(signer.root());
  ASSERT_OK_AND_ASSIGN(const CollateralFacts facts,
                       Apply(EvaluationNumbersCheck(*anchors, IntelTee::kTdx),
                             content, now, chain));
  EXPECT_EQ(absl::FormatTime(facts.not_after, absl::UTCTimeZone()),
            "2026-01-31T00:00:00+00:00");
  EXPECT_THAT(Apply(EvaluationNumbersCheck(*anchors, IntelTee::kSgx), content,
                    now, chain),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want evaluation data numbers of SGX")));
  EXPECT_FALSE(
      Apply(EvaluationNumbersCheck(ProductionAnchors(), IntelTee::kTdx),
            content, now, chain)
          .ok());
  for (size_t i = 0; i < content.size(); i += 5) {
    Bytes forged = content;
    forged[i] ^= 1U;
    EXPECT_FALSE(Apply(EvaluationNumbersCheck(*anchors, IntelTee::kTdx), forged,
                       now, chain)
                     .ok())
        << i;
  }
}

TEST_F(IntelChecksTest, NoFlippedBitOfADocumentPasses) {
  const CollateralCheck check =
      TcbInfoCheck(ProductionAnchors(), IntelTee::kTdx, fmspc_);
  const std::string& text = set_.collateral.tcb_info;
  int passed = 0;
  for (size_t i = 0; i < text.size(); i += 41) {
    Bytes forged(text.begin(), text.end());
    forged[i] ^= static_cast<uint8_t>(1U << (i % 7));
    passed += Apply(check, forged, now_, set_.collateral.tcb_signing_chain).ok()
                  ? 1
                  : 0;
  }
  // Hex digits of the signature count the same in both cases.
  EXPECT_LE(passed, 2);
}

TEST_F(IntelChecksTest, RevocationListsMustBeTheirIssuers) {
  const IntelTrustAnchors& anchors = ProductionAnchors();
  const IntelCollateral& all = set_.collateral;
  EXPECT_THAT(Apply(IntelRootCrlCheck(anchors), all.root_crl, now_), IsOk());
  EXPECT_FALSE(Apply(IntelRootCrlCheck(anchors), all.pck_crl, now_).ok());
  const PckCa ca = Ca();
  const PckCa other =
      ca == PckCa::kPlatform ? PckCa::kProcessor : PckCa::kPlatform;
  const std::string chain =
      ReadTextVector(ca == PckCa::kPlatform
                         ? "tdx/intel-sgx-pck-platform-ca.pem"
                         : "tdx/intel-sgx-pck-processor-ca.pem") +
      ReadTextVector("tdx/intel-sgx-root-ca.pem");
  EXPECT_THAT(Apply(PckCrlCheck(anchors, ca), all.pck_crl, now_, chain),
              IsOk());
  EXPECT_THAT(Apply(PckCrlCheck(anchors, other), all.pck_crl, now_, chain),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_FALSE(Apply(PckCrlCheck(anchors, ca), all.root_crl, now_, chain).ok());
  EXPECT_FALSE(Apply(PckCrlCheck(anchors, ca), all.pck_crl, now_).ok());
}

}  // namespace
}  // namespace constellation::attestation
