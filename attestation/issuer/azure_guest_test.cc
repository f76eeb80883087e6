// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/azure_guest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "attestation/azure/hcl_report.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/collateral/curl_http_transport.h"
#include "attestation/collateral/testing/http_server.h"
#include "attestation/issuer/testing/cloud_tpm.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/testing/vectors.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/tls_identity.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::CloudTpm;
using ::constellation::attestation::testing::HttpAnswer;
using ::constellation::attestation::testing::TestHttpServer;
using ::constellation::testing::HclBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::RuntimeJson;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::constellation::testing::VectorsFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

ReportData Data() {
  ReportData data;
  data.fill(0xa5);
  return data;
}

// An HCL report that shows `user_data`.
Bytes ReportFor(const Bytes& user_data) {
  return HclBuilder(
             RuntimeJson(Bytes(256, 0xc1), fmt::format(R"("user-data":"{}")",
                                                       HexEncode(user_data))))
      .Build();
}

class HclReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    cloud_ = std::make_unique<CloudTpm>(
        swtpm_->tcti().substr(std::string("swtpm:path=").size()),
        dir_.Join("cloud"));
    cloud_->SetIndex(kHclReportIndex, ReportFor(Bytes(64)));
  }
  absl::StatusOr<Bytes> Read() {
    ASSIGN_OR_RETURN(const auto tpm, GuestTpm::Open(cloud_->tcti()));
    return ReadHclReport(*tpm, clock_, Data());
  }
  // What the paravisor does when user data are written.
  void Refresh(uint32_t index) {
    EXPECT_EQ(index, kHclUserDataIndex);
    cloud_->SetIndex(kHclReportIndex, ReportFor(*cloud_->index(index)));
  }

  TempDir dir_;
  FakeClock clock_{absl::UnixEpoch()};
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<CloudTpm> cloud_;
};

TEST_F(HclReportTest, WritesUserDataAndReadsTheReportMadeForThem) {
  cloud_->on_write = [this](uint32_t index) { Refresh(index); };
  const ReportData data = Data();
  EXPECT_THAT(Read(), IsOkAndHolds(ReportFor(Bytes(data.begin(), data.end()))));
  EXPECT_EQ(cloud_->index(kHclUserDataIndex)->size(), 64U)
      << "defined because it was missing";
  EXPECT_EQ(clock_.Now(), absl::UnixEpoch());
  cloud_->SetIndex(kHclUserDataIndex, Bytes(64), CloudTpm::kByIndex);
  EXPECT_THAT(Read(), IsOk()) << "and used if it was there";
}

TEST_F(HclReportTest, WaitsForAParavisorThatLagsBehind) {
  int reads = 0;
  // Each wait of the reader is a chance for the paravisor.
  class LateClock final : public Clock {
   public:
    explicit LateClock(std::function<void()> on_sleep)
        : on_sleep_(std::move(on_sleep)) {}
    absl::Time Now() const override { return absl::UnixEpoch(); }
    void Sleep(absl::Duration) override { on_sleep_(); }

   private:
    std::function<void()> on_sleep_;
  } clock([&] {
    if (++reads == 3) {
      Refresh(kHclUserDataIndex);
    }
  });
  ASSERT_OK_AND_ASSIGN(const auto tpm, GuestTpm::Open(cloud_->tcti()));
  EXPECT_THAT(ReadHclReport(*tpm, clock, Data()), IsOk());
  EXPECT_EQ(reads, 3);
}

TEST_F(HclReportTest, GivesUpOnOldUserData) {
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("shows other user data")));
  EXPECT_EQ(clock_.Now() - absl::UnixEpoch(), absl::Milliseconds(7 * 500));
}

TEST_F(HclReportTest, AcceptsParavisorWithoutUserData) {
  const Bytes old = HclBuilder(RuntimeJson(Bytes(256, 0xc1), "")).Build();
  cloud_->SetIndex(kHclReportIndex, old);
  EXPECT_THAT(Read(), IsOkAndHolds(old));
}

// Such a report cannot show that it is an old one.
TEST_F(HclReportTest, UserDataThatCannotBeWrittenAreAnError) {
  cloud_->SetIndex(kHclReportIndex,
                   HclBuilder(RuntimeJson(Bytes(256, 0xc1), "")).Build());
  cloud_->SetIndex(kHclUserDataIndex, Bytes(10), CloudTpm::kByIndex);
  EXPECT_FALSE(Read().ok());
}

TEST_F(HclReportTest, RefusesReportsThatDoNotParse) {
  Bytes bad = ReportFor(Bytes(64));
  bad[0] ^= 1U;
  cloud_->SetIndex(kHclReportIndex, bad);
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(HclReportTest, OtherMachinesHaveNone) {
  cloud_.reset();
  ASSERT_OK_AND_ASSIGN(const auto tpm, GuestTpm::Open(swtpm_->tcti()));
  EXPECT_THAT(ReadHclReport(*tpm, clock_, Data()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(tpm->ReadNv(kHclUserDataIndex),
              StatusIs(absl::StatusCode::kNotFound))
      << "nothing may be defined on a machine that is not Azure's";
}

TEST_F(HclReportTest, ReadsReportsOfRealMachines) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  for (const char* name :
       {"snp-milan-v2-hcl-report", "snp-milan-v2-2048byte-hcl-report",
        "snp-genoa-v3-hcl-report", "tdx-hcl-report"}) {
    const Bytes report = ReadVector(fmt::format("azure/{}.bin", name));
    cloud_->SetIndex(kHclReportIndex, report);
    const absl::StatusOr<Bytes> read = Read();
    // Reports of paravisors that show user data are refused: not ours.
    if (read.ok()) {
      EXPECT_EQ(*read, report) << name;
    } else {
      EXPECT_THAT(read, StatusIs(absl::StatusCode::kUnavailable)) << name;
    }
  }
}

class AzureMetadataTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<Bytes>> Certificates(const std::string& octets) {
    const TestHttpServer server({{octets}});
    auto result = AzureMetadata(transport_, server.url()).SnpCertificates();
    requests_ = server.requests();
    return result;
  }
  absl::StatusOr<Bytes> Quote(const std::string& octets,
                              const Bytes& td_report = Bytes(1024, 0x81)) {
    const TestHttpServer server({{octets}});
    auto result = AzureMetadata(transport_, server.url()).TdQuote(td_report);
    requests_ = server.requests();
    return result;
  }

  CurlHttpTransport transport_{{.allow_plain_http = true}};
  std::vector<std::string> requests_;
};

std::string FreshCertificate() {
  return crypto::CreateTlsIdentity()->certificate_pem;
}

Bytes DerOf(const std::string& pem) {
  const auto certificate = crypto::Certificate::FromPem(pem);
  EXPECT_TRUE(certificate.ok());
  return {certificate->der().begin(), certificate->der().end()};
}

TEST_F(AzureMetadataTest, GetsTheHostsCertificatesLeafFirst) {
  const std::string leaf = FreshCertificate();
  const std::string ask = FreshCertificate();
  const std::string ark = FreshCertificate();
  const Json answer = {{"vcekCert", leaf},
                       {"tcbm", "DB18000000000004"},
                       {"certificateChain", ask + ark},
                       {"cacheControl", "86400"}};
  EXPECT_THAT(Certificates(HttpAnswer(200, answer.dump())),
              IsOkAndHolds(ElementsAre(DerOf(leaf), DerOf(ask), DerOf(ark))));
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_THAT(requests_[0],
              AllOf(HasSubstr("GET /metadata/THIM/amd/certification "),
                    HasSubstr("Metadata: true\r\n")));
}

TEST_F(AzureMetadataTest, RefusesHostileCertificateAnswers) {
  const std::string pem = FreshCertificate();
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += pem;
  }
  std::string deep;
  for (int i = 0; i < 10'000; ++i) {  // less than an answer may have
    deep += "{\"a\":";
  }
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("<html>"),
        std::string("{}"), deep, Json{{"vcekCert", pem}}.dump(),
        Json{{"vcekCert", 7}, {"certificateChain", pem}}.dump(),
        Json{{"vcekCert", ""}, {"certificateChain", ""}}.dump(),
        Json{{"vcekCert", "text"}, {"certificateChain", "text"}}.dump(),
        Json{{"vcekCert", pem}, {"certificateChain", many}}.dump(),
        Json{{"vcekCert",
              "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
             {"certificateChain", pem}}
            .dump(),
        std::string(70'000, ' ')}) {
    EXPECT_THAT(Certificates(HttpAnswer(200, body)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << body.substr(0, 100);
  }
  Json nested = {{"vcekCert", pem}, {"certificateChain", pem}};
  EXPECT_THAT(Certificates(HttpAnswer(200, nested.dump())), IsOk());
  nested["more"] = Json::parse("[[[[1]]]]");
  for (const std::string& body : {std::string("[]"), deep, nested.dump()}) {
    EXPECT_THAT(Certificates(HttpAnswer(200, body)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want a JSON object")));
  }
}

TEST_F(AzureMetadataTest, TellsTemporaryFailuresFromOthers) {
  EXPECT_THAT(Certificates(HttpAnswer(429, "")),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Certificates(HttpAnswer(503, "")),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Certificates(HttpAnswer(404, "")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Certificates(HttpAnswer(400, "")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Certificates(HttpAnswer(302, "", "Location: http://127.0.0.1:1/\r\n")),
      StatusIs(absl::StatusCode::kInvalidArgument))
      << "the metadata service does not redirect";
  EXPECT_THAT(Certificates("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(AzureMetadataTest, GetsQuoteForTheReport) {
  Bytes td_report(1024);
  for (size_t i = 0; i < td_report.size(); ++i) {
    td_report[i] = static_cast<uint8_t>(i * 255);
  }
  const Bytes quote(5006, 0xfb);
  const Json answer = {{"quote", constellation::testing::Base64Url(quote)}};
  EXPECT_THAT(Quote(HttpAnswer(200, answer.dump()), td_report),
              IsOkAndHolds(quote));
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_THAT(requests_[0], AllOf(HasSubstr("POST /acc/tdquote "),
                                  HasSubstr("Content-Type: application/json")));
  const Json request =
      Json::parse(requests_[0].substr(requests_[0].find("\r\n\r\n") + 4));
  EXPECT_EQ(request["report"], constellation::testing::Base64Url(td_report));
}

TEST_F(AzureMetadataTest, AcceptsPaddedQuote) {
  const Bytes quote(5008, 1);  // not a multiple of three
  std::string text = constellation::testing::Base64Url(quote) + "=";
  EXPECT_THAT(Quote(HttpAnswer(200, Json{{"quote", text}}.dump())),
              IsOkAndHolds(quote));
}

TEST_F(AzureMetadataTest, RefusesHostileQuoteAnswers) {
  for (const std::string& body :
       {std::string("{}"), Json{{"quote", 7}}.dump(),
        Json{{"quote", ""}}.dump(), Json{{"quote", "AAAA"}}.dump(),
        Json{{"quote", "****"}}.dump(),
        Json{{"quote", std::string(2000, '=')}}.dump()}) {
    EXPECT_THAT(Quote(HttpAnswer(200, body)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << body;
  }
}

}  // namespace
}  // namespace constellation::attestation
