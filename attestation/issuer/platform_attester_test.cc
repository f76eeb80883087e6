// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/platform_attester.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "attestation/azure/azure_verifier.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/collateral/testing/http_server.h"
#include "attestation/issuer/nsm_messages.h"
#include "attestation/issuer/testing/cloud_keys.h"
#include "attestation/issuer/testing/cloud_tpm.h"
#include "attestation/issuer/testing/fake_tsm.h"
#include "attestation/layer_binding.h"
#include "attestation/snp/certificate_table.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/tls_identity.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::CloudTpm;
using ::constellation::attestation::testing::EccKeyTemplate;
using ::constellation::attestation::testing::ExtendCommand;
using ::constellation::attestation::testing::FakeSnpReport;
using ::constellation::attestation::testing::FakeTdQuote;
using ::constellation::attestation::testing::FakeTsm;
using ::constellation::attestation::testing::HttpAnswer;
using ::constellation::attestation::testing::KeepKey;
using ::constellation::attestation::testing::RsaKeyTemplate;
using ::constellation::attestation::testing::ScriptedAnswer;
using ::constellation::attestation::testing::TestHttpServer;
using ::constellation::testing::Base64Url;
using ::constellation::testing::HclBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::RuntimeJson;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr char kTsmFolder[] = "/fake/report";
const Bytes kUserData(kUserDataSize, 0x3c);

// Octets that look like a certificate from outside.
Bytes LooksLikeDer(uint8_t fill) {
  Bytes der = {0x30, 0x82, 0x01, 0x00};
  der.insert(der.end(), 256, fill);
  return der;
}

Bytes DerOf(const std::string& pem) {
  const auto certificate = crypto::Certificate::FromPem(pem);
  EXPECT_TRUE(certificate.ok());
  return {certificate->der().begin(), certificate->der().end()};
}

// The quote's proof, or a failed test.
std::optional<VerifiedQuote> QuoteOf(const Evidence& evidence,
                                     const Bytes& user_data = kUserData) {
  const auto verified = VerifyQuote(
      evidence.tpm, QuoteQualifyingData(user_data, evidence.hardware_report));
  EXPECT_THAT(verified, IsOk());
  return verified.ok() ? std::make_optional(*verified) : std::nullopt;
}

// Whether `report_data` binds the evidence together.
void ExpectBound(std::span<const uint8_t> report_data, const Evidence& evidence,
                 const Bytes& user_data = kUserData) {
  const auto quote = QuoteOf(evidence, user_data);
  ASSERT_TRUE(quote.has_value());
  EXPECT_THAT(CheckHardwareReportData(report_data, quote->ak_name(),
                                      quote->pcrs(), user_data),
              IsOk());
}

class PlatformAttesterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    cloud_ = std::make_unique<CloudTpm>(
        swtpm_->tcti().substr(std::string("swtpm:path=").size()),
        dir_.Join("cloud"));
  }

  // Parts with a TPM; with a CPU that reports through `tsm`, if given.
  PlatformAttesterParts Parts(FakeTsm* tsm = nullptr) {
    PlatformAttesterParts parts;
    parts.variant = "test";
    parts.tpm = *GuestTpm::Open(cloud_->tcti());
    if (tsm != nullptr) {
      parts.hardware = std::make_unique<TsmReportProvider>(
          TsmReportOptions{.folder = kTsmFolder}, *tsm, clock_);
    }
    return parts;
  }
  absl::StatusOr<Evidence> Attest(PlatformAttesterParts parts,
                                  const Bytes& user_data = kUserData) {
    ASSIGN_OR_RETURN(const auto attester,
                     PlatformAttester::Create(std::move(parts), clock_));
    return attester->Attest(user_data);
  }

  // What CreatePlatformAttester() finds on a machine of this vendor.
  PlatformPaths Machine(const std::string& vendor,
                        const std::string& tag = "") {
    EXPECT_THAT(WriteFileAtomically(dir_.Join("sys_vendor"), vendor), IsOk());
    EXPECT_THAT(WriteFileAtomically(dir_.Join("chassis_asset_tag"), tag),
                IsOk());
    EXPECT_THAT(WriteFileAtomically(dir_.Join("log"), "event log"), IsOk());
    return {.dmi_folder = dir_.path(),
            .tsm_folder = dir_.Join("tsm"),
            .sev_guest = dir_.Join("sev"),
            .tdx_guest = dir_.Join("tdx"),
            .event_log = dir_.Join("log"),
            .ccel = dir_.Join("ccel"),
            .tcti = cloud_->tcti(),
            .azure_metadata = "http://127.0.0.1:1"};
  }
  PlatformPaths AzureMachine() {
    return Machine("Microsoft Corporation", "7783-7084-3265-9085-8269-3286-77");
  }

  // Puts Azure's paravisor into the TPM: key, report, and what it does when
  // user data are written.
  void AddParavisor(HclReportType type) {
    const Bytes area =
        KeepKey(cloud_->tcti(), RsaKeyTemplate(), kHclAttestationKey.handle);
    const auto key = ParsePublicAreaUnverified(area);
    ASSERT_THAT(key, IsOk());
    const auto refresh = [this, type,
                          modulus = key->rsa_modulus](const Bytes& user_data) {
      HclBuilder hcl(RuntimeJson(
          modulus, fmt::format(R"("user-data":"{}")", HexEncode(user_data))));
      hcl.type = type;
      cloud_->SetIndex(kHclReportIndex, hcl.Build());
    };
    refresh(Bytes(64));
    cloud_->on_write = [this, refresh](uint32_t index) {
      refresh(*cloud_->index(index));
    };
  }

  TempDir dir_;
  FakeClock clock_{absl::UnixEpoch()};
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<CloudTpm> cloud_;
};

TEST_F(PlatformAttesterTest, BindsSnpReportAndQuote) {
  const SnpCertificateTableUnverified certificates{};
  const Bytes vcek = LooksLikeDer(1);
  const Bytes ask = LooksLikeDer(2);
  const Bytes ark = LooksLikeDer(3);
  SnpCertificateTableUnverified table = certificates;
  table.ark = ark;
  table.ask = ask;
  table.vcek = vcek;
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport,
              BuildSnpCertificateTable(table));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, Attest(Parts(&tsm)));
  EXPECT_EQ(evidence.variant, "test");
  ASSERT_EQ(evidence.hardware_report.size(), 0x4a0U);
  ExpectBound(std::span(evidence.hardware_report).subspan(0x50, 64), evidence);
  EXPECT_THAT(evidence.endorsements, ElementsAre(vcek, ask, ark));
  EXPECT_FALSE(evidence.tpm.ek_certificate.empty());
}

TEST_F(PlatformAttesterTest, BindsTdQuoteAndQuote) {
  FakeTsm tsm(kTsmFolder, "tdx_guest", FakeTdQuote);
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, Attest(Parts(&tsm)));
  ExpectBound(std::span(evidence.hardware_report).subspan(48 + 520, 64),
              evidence);
  EXPECT_THAT(evidence.endorsements, IsEmpty());
}

TEST_F(PlatformAttesterTest, EveryCallMakesFreshEvidence) {
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport);
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       PlatformAttester::Create(Parts(&tsm), clock_));
  for (uint8_t i = 0; i < 3; ++i) {
    const Bytes user_data(kUserDataSize, i);
    ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(user_data));
    ExpectBound(std::span(evidence.hardware_report).subspan(0x50, 64), evidence,
                user_data);
  }
  EXPECT_EQ(tsm.made(), 3);
}

TEST_F(PlatformAttesterTest, OrdinaryMachineHasAQuoteOnly) {
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, Attest(Parts()));
  EXPECT_THAT(evidence.hardware_report, IsEmpty());
  EXPECT_TRUE(QuoteOf(evidence).has_value());
}

TEST_F(PlatformAttesterTest, RefusesUserDataOfAnotherLength) {
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport);
  for (const size_t size : {0U, 63U, 65U}) {
    EXPECT_THAT(Attest(Parts(&tsm), Bytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(tsm.made(), 0);
}

TEST_F(PlatformAttesterTest, BeginsAnewIfRegistersChange) {
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport);
  int disturbances = 2;
  cloud_->inject = [&](uint32_t code) -> std::vector<Bytes> {
    constexpr uint32_t kQuote = 0x158;
    return code == kQuote && disturbances-- > 0
               ? std::vector<Bytes>{ExtendCommand(7)}
               : std::vector<Bytes>();
  };
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, Attest(Parts(&tsm)));
  ExpectBound(std::span(evidence.hardware_report).subspan(0x50, 64), evidence);
  EXPECT_EQ(tsm.made(), 3)
      << "the report must cover the registers of the quote";
  disturbances = 1000;
  EXPECT_THAT(Attest(Parts(&tsm)), StatusIs(absl::StatusCode::kUnavailable,
                                            HasSubstr("PCRs changed")));
}

TEST_F(PlatformAttesterTest, UnusableCertificateTableIsLeftOut) {
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport, Bytes(100, 0xee));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, Attest(Parts(&tsm)));
  EXPECT_THAT(evidence.endorsements, IsEmpty());
}

TEST_F(PlatformAttesterTest, FailsWithTheHardware) {
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport);
  tsm.fault = [](const std::string& operation) {
    return operation == "read outblob" ? ErrnoStatus(EIO, "read", "outblob")
                                       : absl::OkStatus();
  };
  EXPECT_THAT(Attest(Parts(&tsm)), StatusIs(absl::StatusCode::kDataLoss))
      << "never evidence without the hardware that there is";
}

TEST_F(PlatformAttesterTest, NitroDocumentCoversKeyAndQuote) {
  Bytes request;
  cloud_->nsm = [&request](const Bytes& contents) {
    request = contents;
    const std::string answer = std::string("\xa1\x6b") + "Attestation" +
                               "\xa1\x68" + "document" + "\x44\x84\x01\x02\x03";
    return Bytes(answer.begin(), answer.end());
  };
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(Machine("Amazon EC2"), clock_));
  EXPECT_EQ(attester->variant(), "aws-nitro-tpm");
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_TRUE(QuoteOf(evidence).has_value());
  EXPECT_THAT(evidence.endorsements, ElementsAre(Bytes{0x84, 1, 2, 3}));
  const auto key = ParsePublicAreaUnverified(evidence.tpm.ak_public);
  ASSERT_THAT(key, IsOk());
  Bytes point = {0x04};
  point.insert(point.end(), key->ecc_x.begin(), key->ecc_x.end());
  point.insert(point.end(), key->ecc_y.begin(), key->ecc_y.end());
  ASSERT_EQ(point.size(), 65U);
  const crypto::Sha256Digest nonce = QuoteQualifyingData(kUserData, {});
  ASSERT_OK_AND_ASSIGN(const Bytes expected,
                       EncodeNsmRequest({.user_data = kUserData,
                                         .nonce = {nonce.begin(), nonce.end()},
                                         .public_key = point}));
  ASSERT_GE(request.size(), expected.size());
  request.resize(expected.size());
  EXPECT_EQ(request, expected);
}

TEST_F(PlatformAttesterTest, NitroDocumentMayBeMissingBesideHardwareOnly) {
  PlatformAttesterParts parts = Parts();
  parts.nitro_tpm = true;
  EXPECT_THAT(Attest(std::move(parts)), StatusIs(absl::StatusCode::kNotFound));
  FakeTsm tsm(kTsmFolder, "sev_guest", FakeSnpReport);
  parts = Parts(&tsm);
  parts.nitro_tpm = true;
  EXPECT_THAT(Attest(std::move(parts)), IsOk());
  cloud_->nsm = [](const Bytes&) { return Bytes{0x00}; };
  parts = Parts(&tsm);
  parts.nitro_tpm = true;
  EXPECT_THAT(Attest(std::move(parts)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(PlatformAttesterTest, GcpQuotesWithItsCertifiedKey) {
  const Bytes certificate = LooksLikeDer(9);
  Bytes padded = certificate;
  padded.resize(1000);  // NV indices may be longer
  cloud_->SetIndex(kGcpEccCertificateIndex, padded);
  cloud_->SetIndex(kGcpEccTemplateIndex, EccKeyTemplate());
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(Machine("Google"), clock_));
  EXPECT_EQ(attester->variant(), "gcp-sev-es");
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_TRUE(QuoteOf(evidence).has_value());
  EXPECT_THAT(evidence.endorsements, ElementsAre(certificate));
  EXPECT_EQ(AsText(evidence.tpm.event_log), "event log");
}

TEST_F(PlatformAttesterTest, GcpFallsBackToItsRsaKey) {
  cloud_->SetIndex(kGcpEccCertificateIndex, LooksLikeDer(1));  // no template
  cloud_->SetIndex(kGcpRsaCertificateIndex, LooksLikeDer(2));
  cloud_->SetIndex(kGcpRsaTemplateIndex, RsaKeyTemplate());
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(Machine("Google"), clock_));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(evidence.endorsements, ElementsAre(LooksLikeDer(2)));
  const auto key = ParsePublicAreaUnverified(evidence.tpm.ak_public);
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->type, kTpmAlgRsa);
}

TEST_F(PlatformAttesterTest, GcpWithoutCertificateUsesOurKey) {
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(Machine("Google"), clock_));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(evidence.endorsements, IsEmpty());
  EXPECT_TRUE(QuoteOf(evidence).has_value());
}

TEST_F(PlatformAttesterTest, GcpWithRubbishForACertificateFails) {
  cloud_->SetIndex(kGcpEccCertificateIndex, Bytes(100, 0xff));
  cloud_->SetIndex(kGcpEccTemplateIndex, EccKeyTemplate());
  EXPECT_THAT(CreatePlatformAttester(Machine("Google"), clock_),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(PlatformAttesterTest, AzureSnpEvidenceVerifies) {
  AddParavisor(HclReportType::kSnp);
  const std::string vcek = crypto::CreateTlsIdentity()->certificate_pem;
  const std::string ask = crypto::CreateTlsIdentity()->certificate_pem;
  const TestHttpServer metadata({{HttpAnswer(
      200, Json{{"vcekCert", vcek}, {"certificateChain", ask}}.dump())}});
  PlatformPaths paths = AzureMachine();
  paths.azure_metadata = metadata.url();
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(paths, clock_));
  EXPECT_EQ(attester->variant(), "azure-sev-snp");
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
    EXPECT_THAT(evidence.endorsements, ElementsAre(DerOf(vcek), DerOf(ask)));
    ASSERT_OK_AND_ASSIGN(const HclReportUnverified hcl,
                         ParseHclReportUnverified(evidence.hardware_report));
    std::vector<RegisterView> registers;
    for (const PcrValue& pcr : evidence.tpm.pcrs) {
      registers.push_back({pcr.index, pcr.sha256});
    }
    ASSERT_OK_AND_ASSIGN(
        const VerifiedAzure machine,
        VerifyAzure(
            {.hcl_report = evidence.hardware_report,
             .quote = {.attest = evidence.tpm.attest,
                       .signature = evidence.tpm.signature,
                       .ak = evidence.tpm.ak_public,
                       .bank = kTpmAlgSha256,
                       .registers = registers}},
            {.type = HclReportType::kSnp, .report_data = hcl.report_data},
            QuoteQualifyingData(kUserData, evidence.hardware_report)));
    ASSERT_TRUE(machine.runtime_data().user_data.has_value());
    ExpectBound(*machine.runtime_data().user_data, evidence);
  }
  EXPECT_THAT(metadata.requests(), SizeIs(1)) << "certificates do not change";
}

TEST_F(PlatformAttesterTest, AzureSnpWithoutMetadataHasNoCertificates) {
  AddParavisor(HclReportType::kSnp);
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(AzureMachine(), clock_));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(evidence.endorsements, IsEmpty());
  EXPECT_TRUE(QuoteOf(evidence).has_value());
}

TEST_F(PlatformAttesterTest, AzureTdxBringsTheTdQuote) {
  AddParavisor(HclReportType::kTdx);
  const Bytes td_quote = FakeTdQuote(Bytes(64, 1));
  Json request;
  const TestHttpServer metadata(
      [&](const std::string&, const std::string& octets) -> ScriptedAnswer {
        request = Json::parse(octets.substr(octets.find("\r\n\r\n") + 4),
                              nullptr, false);
        return {HttpAnswer(200, Json{{"quote", Base64Url(td_quote)}}.dump())};
      });
  PlatformPaths paths = AzureMachine();
  paths.azure_metadata = metadata.url();
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(paths, clock_));
  EXPECT_EQ(attester->variant(), "azure-tdx");
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(evidence.endorsements, ElementsAre(td_quote));
  ASSERT_OK_AND_ASSIGN(const HclReportUnverified hcl,
                       ParseHclReportUnverified(evidence.hardware_report));
  EXPECT_EQ(request["report"], Base64Url({hcl.hardware_report.begin(),
                                          hcl.hardware_report.end()}));
  EXPECT_TRUE(QuoteOf(evidence).has_value());
}

TEST_F(PlatformAttesterTest, AzureTdxWithoutQuoteIsNoEvidence) {
  AddParavisor(HclReportType::kTdx);
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(AzureMachine(), clock_));
  EXPECT_THAT(attester->Attest(kUserData),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(PlatformAttesterTest, AzureWithoutParavisorHasAQuoteOnly) {
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(AzureMachine(), clock_));
  EXPECT_EQ(attester->variant(), "azure-trustedlaunch");
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(evidence.hardware_report, IsEmpty());
  EXPECT_TRUE(QuoteOf(evidence).has_value());
}

TEST_F(PlatformAttesterTest, ReadsTheLogOfTdxBesideTheTpms) {
  auto tsm = std::make_unique<FakeTsm>(kTsmFolder, "tdx_guest", FakeTdQuote);
  PlatformAttesterParts parts = Parts(tsm.get());
  parts.variant = "qemu-tdx";
  parts.event_log = {1, 2};
  parts.cc_event_log = {3, 4, 5};
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       PlatformAttester::Create(std::move(parts), clock_));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_EQ(evidence.tpm.event_log, Bytes({1, 2}));
  EXPECT_EQ(evidence.cc_event_log, Bytes({3, 4, 5}));
}

TEST_F(PlatformAttesterTest, ADeviceWithoutDriverGivesNoEvidence) {
  PlatformPaths paths = Machine("QEMU");
  ASSERT_THAT(WriteFileAtomically(paths.tdx_guest, ""), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto attester,
                       CreatePlatformAttester(paths, clock_));
  EXPECT_EQ(attester->variant(), "qemu-tdx");
  EXPECT_THAT(attester->Attest(kUserData),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PlatformAttesterTest, UnknownMachineIsNotFound) {
  EXPECT_THAT(CreatePlatformAttester(Machine("Dell Inc."), clock_),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::attestation
