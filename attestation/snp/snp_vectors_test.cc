// SPDX-License-Identifier: Apache-2.0
// Real reports, certificates and revocation lists with known verdicts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "attestation/snp/certificate_table.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/snp_report.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"
#include "crypto/crl.h"
#include "crypto/der.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorEntries;
using nlohmann::json;

absl::Time TimeOf(const json& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text.get<std::string>(),
                              &time, &error))
      << error;
  return time;
}

crypto::Certificate CertificateIn(const std::string& name) {
  const Bytes octets = ReadVector(name);
  return name.ends_with(".pem")
             ? crypto::Certificate::FromPem(AsText(octets)).value()
             : crypto::Certificate::FromDer(octets).value();
}

std::string Lower(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(tolower(c));
  }
  return text;
}

// A genuine product's chain and list as they lie beside the reports.
struct Authorities {
  Bytes ark;
  Bytes ask;
  Bytes asvk;
  Bytes crl;
};

Authorities AuthoritiesOf(const std::string& product) {
  const std::string prefix = "snp/" + Lower(product);
  return {.ark = CertificateIn(prefix + "-ark.pem").der(),
          .ask = CertificateIn(prefix + "-ask.pem").der(),
          .asvk = CertificateIn(prefix + "-asvk.pem").der(),
          .crl = ReadVector(prefix + "-crl-2026-08.der")};
}

SnpVerificationInput InputOf(std::span<const uint8_t> report,
                             std::span<const uint8_t> signer,
                             const Authorities& authorities, bool vlek) {
  return {.report = report,
          .endorsements = {.signer = signer,
                           .intermediate =
                               vlek ? authorities.asvk : authorities.ask,
                           .root = authorities.ark,
                           .crl = {}},
          .options = {}};
}

std::string Failures(const SnpVerification& result) {
  std::string text;
  for (const SnpCheck& check : result.checks) {
    if (!check.passed) {
      text += std::string(ToString(check.id)) + ": expected " + check.expected +
              ", got " + check.got + "\n";
    }
  }
  return text;
}

class SnpVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!constellation::testing::VectorsFolder().has_value()) {
      GTEST_SKIP() << constellation::testing::kNoVectors;
    }
  }
};

bool IsReport(const json& entry) {
  return entry.contains("expect") && entry["expect"].contains("report") &&
         entry["size"] == kSnpReportSize;
}

TEST_F(SnpVectorsTest, EveryGenuineReportVerifies) {
  int count = 0;
  for (const json& entry : VectorEntries("snp/")) {
    if (!IsReport(entry) || entry["verdict"] != "valid signature") {
      continue;
    }
    const std::string name = entry["path"];
    const json& expect = entry["expect"];
    const Bytes report = ReadVector(name);
    const Authorities authorities = AuthoritiesOf(expect["product"]);
    const bool vlek = expect["report"]["signing_key"] == "VLEK";
    for (const std::string signer_name : expect["signers"]) {
      const Bytes signer = CertificateIn(signer_name).der();
      const SnpVerificationInput input =
          InputOf(report, signer, authorities, vlek);
      const absl::Time from = TimeOf(expect["verify_time_window"][0]);
      const absl::Time until = TimeOf(expect["verify_time_window"][1]);
      for (const absl::Time now : {from, until}) {
        const SnpVerification result = CheckSnp(input, now);
        ASSERT_TRUE(result.report.has_value()) << name << Failures(result);
        EXPECT_EQ(ToString(result.report->product()), expect["product"]);
        EXPECT_EQ(ToString(result.report->signer()),
                  expect["report"]["signing_key"]);
        EXPECT_TRUE(result.report->chain().root_is_built_in());
      }
      EXPECT_FALSE(CheckSnp(input, from - absl::Seconds(1)).report) << name;
      EXPECT_FALSE(CheckSnp(input, until + absl::Seconds(1)).report) << name;
      ++count;
    }
  }
  EXPECT_GE(count, 9);
}

TEST_F(SnpVectorsTest, EveryGenuineReportVerifiesWithItsRevocationList) {
  const absl::Time now =
      absl::FromCivil(absl::CivilDay(2026, 9, 1), absl::UTCTimeZone());
  int count = 0;
  for (const json& entry : VectorEntries("snp/")) {
    if (!IsReport(entry) || entry["verdict"] != "valid signature" ||
        TimeOf(entry["expect"]["verify_time_window"][1]) < now) {
      continue;
    }
    const json& expect = entry["expect"];
    const Bytes report = ReadVector(entry["path"]);
    const Bytes signer = CertificateIn(expect["signers"][0]).der();
    const Authorities authorities = AuthoritiesOf(expect["product"]);
    SnpVerificationInput input = InputOf(report, signer, authorities, false);
    input.options.crl_required = true;
    EXPECT_FALSE(CheckSnp(input, now).report) << "no list given";
    input.endorsements.crl = authorities.crl;
    const SnpVerification result = CheckSnp(input, now);
    EXPECT_TRUE(result.report.has_value()) << entry["path"] << Failures(result);
    EXPECT_FALSE(CheckSnp(input, now + absl::Hours(24 * 60)).report)
        << "an old list";
    ++count;
  }
  EXPECT_GE(count, 8);
}

TEST_F(SnpVectorsTest, ReportsGiveTheExpectedFields) {
  for (const json& entry : VectorEntries("snp/")) {
    if (!IsReport(entry)) {
      continue;
    }
    const std::string name = entry["path"];
    const json& expect = entry["expect"]["report"];
    ASSERT_OK_AND_ASSIGN(const SnpReportUnverified report,
                         SnpReportUnverified::Parse(ReadVector(name)));
    const auto hex = [&expect](const char* field) {
      return expect[field].get<std::string>();
    };
    EXPECT_EQ(report.version, expect["version"]) << name;
    EXPECT_EQ(report.guest_svn, expect["guest_svn"]) << name;
    EXPECT_EQ(report.policy.raw, std::stoull(hex("policy"), nullptr, 16));
    EXPECT_EQ(report.vmpl, expect["vmpl"].get<uint32_t>()) << name;
    EXPECT_EQ(report.platform_info.raw,
              std::stoull(hex("platform_info"), nullptr, 16));
    EXPECT_EQ(HexEncode(report.family_id), hex("family_id")) << name;
    EXPECT_EQ(HexEncode(report.image_id), hex("image_id")) << name;
    EXPECT_EQ(HexEncode(report.report_data), hex("report_data")) << name;
    EXPECT_EQ(HexEncode(report.measurement), hex("measurement")) << name;
    EXPECT_EQ(HexEncode(report.host_data), hex("host_data")) << name;
    EXPECT_EQ(HexEncode(report.id_key_digest), hex("id_key_digest")) << name;
    EXPECT_EQ(HexEncode(report.author_key_digest), hex("author_key_digest"));
    EXPECT_EQ(HexEncode(report.report_id), hex("report_id")) << name;
    EXPECT_EQ(HexEncode(report.report_id_ma), hex("report_id_ma")) << name;
    EXPECT_EQ(HexEncode(report.chip_id), hex("chip_id")) << name;
    EXPECT_EQ(HexEncode(report.current_tcb), hex("current_tcb")) << name;
    EXPECT_EQ(HexEncode(report.reported_tcb), hex("reported_tcb")) << name;
    EXPECT_EQ(HexEncode(report.committed_tcb), hex("committed_tcb")) << name;
    EXPECT_EQ(HexEncode(report.launch_tcb), hex("launch_tcb")) << name;
    const SnpCpuid cpuid = report.cpuid.value_or(SnpCpuid());
    EXPECT_EQ(HexEncode(Bytes{cpuid.family, cpuid.model, cpuid.stepping}),
              hex("fms"));
    EXPECT_EQ(ToString(report.signing_key), hex("signing_key")) << name;
    EXPECT_EQ(report.policy.debug_allowed(), expect["debug_allowed"]) << name;
    const SnpProduct product =
        SnpProductFromName(entry["expect"]["product"].get<std::string>())
            .value();
    for (const auto& [tcb_name, parts] : expect["tcb_parts"].items()) {
      const SnpTcb tcb =
          DecodeSnpTcb(tcb_name == "current_tcb"     ? report.current_tcb
                       : tcb_name == "reported_tcb"  ? report.reported_tcb
                       : tcb_name == "committed_tcb" ? report.committed_tcb
                                                     : report.launch_tcb,
                       product);
      EXPECT_EQ(tcb.boot_loader, parts["bootloader"]) << name;
      EXPECT_EQ(tcb.tee, parts["tee"]) << name;
      EXPECT_EQ(tcb.snp, parts["snp"]) << name;
      EXPECT_EQ(tcb.microcode, parts["microcode"]) << name;
      EXPECT_EQ(tcb.fmc.has_value(), parts.contains("fmc")) << name;
      if (parts.contains("fmc")) {
        EXPECT_EQ(*tcb.fmc, parts["fmc"]) << name;
      }
    }
  }
}

// Every certificate of the manifest beside every report that it did not sign.
TEST_F(SnpVectorsTest, NoReportVerifiesWithAnotherCertificate) {
  for (const json& entry : VectorEntries("snp/")) {
    if (!IsReport(entry)) {
      continue;
    }
    const json& expect = entry["expect"];
    const Bytes report = ReadVector(entry["path"]);
    for (const json& other : VectorEntries("snp/")) {
      const std::string name = other["path"];
      if (!other.contains("expect") ||
          !other["expect"].contains("amd_extensions_raw_hex")) {
        continue;
      }
      const auto& signers = expect["signers"];
      if (std::find(signers.begin(), signers.end(), name) != signers.end()) {
        continue;
      }
      const crypto::Certificate signer = CertificateIn(name);
      const Authorities authorities = AuthoritiesOf(expect["product"]);
      for (const bool vlek : {false, true}) {
        EXPECT_FALSE(CheckSnp(InputOf(report, signer.der(), authorities, vlek),
                              signer.NotBefore().value() + absl::Hours(1))
                         .report)
            << entry["path"] << name;
      }
    }
  }
}

TEST_F(SnpVectorsTest, WhatMustBeRejectedIs) {
  int count = 0;
  for (const json& entry : VectorEntries("snp/")) {
    if (!entry["verdict"].get<std::string>().starts_with("must be rejected")) {
      continue;
    }
    const Bytes octets = ReadVector(entry["path"]);
    const Authorities authorities = AuthoritiesOf("Milan");
    const Bytes signer = CertificateIn("snp/milan-virtee-vcek.der").der();
    const SnpVerification result =
        CheckSnp(InputOf(octets, signer, authorities, false), absl::Now());
    EXPECT_FALSE(result.report.has_value()) << entry["path"];
    ++count;
  }
  EXPECT_GE(count, 2);
}

TEST_F(SnpVectorsTest, CertificatesGiveTheExpectedFacts) {
  int count = 0;
  for (const json& entry : VectorEntries("snp/")) {
    if (!entry.contains("expect") || !entry["expect"].contains("cert")) {
      continue;
    }
    const std::string name = entry["path"];
    const json& expect = entry["expect"]["cert"];
    const crypto::Certificate certificate = CertificateIn(name);
    EXPECT_EQ(certificate.NotBefore().value(), TimeOf(expect["validity"][0]));
    EXPECT_EQ(certificate.NotAfter().value(), TimeOf(expect["validity"][1]));
    EXPECT_EQ(HexEncode(certificate.SpkiFingerprint()), expect["spki_sha256"]);
    EXPECT_EQ(crypto::DerUnsigned(certificate.serial(), "serial").value(),
              std::stoull(expect["serial"].get<std::string>(), nullptr, 16));
    EXPECT_EQ(certificate.Subject(), expect["subject"]);
    EXPECT_EQ(certificate.Issuer(), expect["issuer"]);
    ++count;
    if (!entry["expect"].contains("amd_extensions_raw_hex")) {
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const auto facts,
                         SnpSignerFactsUnverified::From(certificate));
    const json& amd = entry["expect"]["amd_extensions_raw_hex"];
    const auto level = [&amd](const char* field) {
      const Bytes der = HexDecode(amd[field].get<std::string>()).value();
      return crypto::DerUnsigned(std::span(der).subspan(2), field).value();
    };
    const SnpTcb tcb = DecodeSnpTcb(facts.tcb, facts.product);
    EXPECT_EQ(tcb.boot_loader, level("blSPL")) << name;
    EXPECT_EQ(tcb.tee, level("teeSPL")) << name;
    EXPECT_EQ(tcb.snp, level("snpSPL")) << name;
    EXPECT_EQ(tcb.microcode, level("ucodeSPL")) << name;
    EXPECT_EQ(facts.structure_version, level("structVersion")) << name;
    EXPECT_EQ(facts.hardware_id.has_value(), amd.contains("hwID")) << name;
    if (facts.hardware_id.has_value()) {
      EXPECT_TRUE(amd["hwID"].get<std::string>().ends_with(
          HexEncode(*facts.hardware_id)))
          << name;
    }
    EXPECT_EQ(facts.csp_id.has_value(), amd.contains("csp_id")) << name;
  }
  EXPECT_GE(count, 20);
}

TEST_F(SnpVectorsTest, ChainsOfTheVendorListBothCertificates) {
  for (const json& entry : VectorEntries("snp/")) {
    if (entry["verdict"] != "valid chain") {
      continue;
    }
    const Bytes pem = ReadVector(entry["path"]);
    ASSERT_OK_AND_ASSIGN(const std::vector<crypto::Certificate> list,
                         crypto::Certificate::ListFromPem(AsText(pem), 4));
    ASSERT_EQ(list.size(), 2U);
    EXPECT_THAT(list[0].VerifySignedBy(list[1]), IsOk());
    EXPECT_THAT(list[1].VerifySignedBy(list[1]), IsOk());
    const SnpEndorsements found = SelectSnpEndorsements(list);
    EXPECT_EQ(found.intermediate.data(), list[0].der().data());
    EXPECT_EQ(found.root.data(), list[1].der().data());
    EXPECT_TRUE(found.signer.empty());
  }
}

TEST_F(SnpVectorsTest, RevocationListsGiveTheExpectedFields) {
  int count = 0;
  for (const json& entry : VectorEntries("snp/")) {
    if (!entry["verdict"].get<std::string>().starts_with("valid CRL")) {
      continue;
    }
    const std::string name = entry["path"];
    const json& expect = entry["expect"];
    ASSERT_OK_AND_ASSIGN(const auto list,
                         crypto::RevocationList::FromDer(ReadVector(name)));
    EXPECT_EQ(list.ThisUpdate(), TimeOf(expect["this_update"]));
    EXPECT_EQ(list.NextUpdate(), TimeOf(expect["next_update"]));
    EXPECT_EQ(crypto::DerUnsigned(*list.crl_number(), "number").value(),
              expect["crl_number"]);
    EXPECT_EQ(list.revoked_count(), expect["revoked_serials"].size());
    for (const std::string serial : expect["revoked_serials"]) {
      const std::string digits = serial.substr(2);
      EXPECT_TRUE(list.IsRevoked(
          HexDecode(digits.size() % 2 == 0 ? digits : "0" + digits).value()));
    }
    const std::string ark = name.substr(0, name.find('-')) + "-ark.pem";
    EXPECT_THAT(list.VerifySignedBy(CertificateIn(ark).Key().value()), IsOk());
    ++count;
  }
  EXPECT_GE(count, 3);
}

TEST_F(SnpVectorsTest, TheKernelsAnswerHoldsAReport) {
  for (const json& entry : VectorEntries("snp/")) {
    if (!entry.contains("expect") ||
        !entry["expect"].contains("report_offset")) {
      continue;
    }
    const Bytes response = ReadVector(entry["path"]);
    ASSERT_OK_AND_ASSIGN(const auto octets, UnwrapSnpReportResponse(response));
    EXPECT_EQ(octets.data() - response.data(),
              entry["expect"]["report_offset"]);
    ASSERT_OK_AND_ASSIGN(const auto report, SnpReportUnverified::Parse(octets));
    EXPECT_EQ(HexEncode(report.measurement),
              entry["expect"]["report"]["measurement"]);
  }
}

// Reports inside what an Azure paravisor keeps: 32 octets of header before.
TEST_F(SnpVectorsTest, ReportsOfAzureVerify) {
  int count = 0;
  for (const json& entry : VectorEntries("azure/snp-")) {
    const std::string name = entry["path"];
    const size_t end = name.rfind("-vcek.der");
    if (end == std::string::npos) {
      continue;
    }
    const Bytes hcl = ReadVector(name.substr(0, end) + "-hcl-report.bin");
    const crypto::Certificate signer = CertificateIn(name);
    const auto facts = SnpSignerFactsUnverified::From(signer);
    ASSERT_THAT(facts, IsOk());
    const Authorities authorities =
        AuthoritiesOf(std::string(ToString(facts->product)));
    const SnpVerification result =
        CheckSnp(InputOf(std::span(hcl).subspan(32, kSnpReportSize),
                         signer.der(), authorities, false),
                 signer.NotAfter().value());
    EXPECT_TRUE(result.report.has_value()) << name << Failures(result);
    ++count;
  }
  EXPECT_GE(count, 4);
}

TEST_F(SnpVectorsTest, TheCertificateTableCompletesAReport) {
  const Bytes table = ReadVector("snp/derived-milan-virtee-certtable.bin");
  const Bytes report = ReadVector("snp/milan-v2-virtee-report.bin");
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SnpCertificateTableUnverified::Parse(table));
  const SnpVerificationInput input{.report = report,
                                   .endorsements = {.signer = found.vcek,
                                                    .intermediate = found.ask,
                                                    .root = found.ark,
                                                    .crl = {}},
                                   .options = {}};
  EXPECT_THAT(VerifySnp(input, TimeOf("2026-09-01T00:00:00Z")), IsOk());
}

}  // namespace
}  // namespace constellation::attestation
