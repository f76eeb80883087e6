// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/cbor_reader.h"
#include "attestation/aws/nitro_document.h"
#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/azure/hcl_report.h"
#include "attestation/azure/runtime_data.h"
#include "attestation/azure/testing/azure_machine.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/gcp/instance_info.h"
#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/tpm/crl_location.h"
#include "attestation/tpm/testing/test_ca.h"
#include "attestation/tpm/tpm_structures.h"
#include "crypto/testing/test_certificates.h"
#include "crypto/x509.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using namespace attestation;  // NOLINT(build/namespaces): the parsers

void AddAzure(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_azure_fuzz";
  testing::AzureMachine machine;
  const auto add_report = [&](std::string_view name) {
    machine.Refresh();
    Add(seeds, kTarget, name, machine.hcl_report,
        ParseHclReportUnverified(machine.hcl_report).status());
  };
  add_report("snp");
  machine.hcl.version = 2;
  add_report("version2");
  machine.hcl.hash = HclHashType::kSha384;
  add_report("sha384");
  machine.hcl.type = HclReportType::kTdx;
  machine.hcl.size = 0;
  add_report("tdx");
  Add(seeds, kTarget, "runtime_data", TextBytes(machine.hcl.runtime_data),
      ParseRuntimeDataUnverified(AsBytes(machine.hcl.runtime_data)).status());
  Add(seeds, kTarget, "attest", machine.attest,
      ParseAttestUnverified(machine.attest).status());
}

// With one CRL distribution point (RFC 5280 4.2.1.13).
Bytes CertificateWithCrlUrl() {
  using crypto::testing::Der;
  using crypto::testing::DerSequence;
  const Bytes url =
      Der(0x86, AsBytes("http://privateca-content.example/crl.crl"));
  const Bytes point = DerSequence({Der(0xa0, Der(0xa0, url))});
  testing::CertificateSpec spec;
  spec.extensions = {
      {.oid = "2.5.29.31", .critical = false, .value = DerSequence({point})}};
  const testing::TestKey key(testing::TestKeyType::kP256);
  return testing::MakeCertificate(spec, key, key);
}

void AddGoogle(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_gcp_fuzz";
  const testing::GceMachine machine;
  Add(seeds, kTarget, "certificate", machine.leaf_der,
      GceInstanceOfUnverified(
          crypto::Certificate::FromDer(machine.leaf_der).value())
          .status());
  const Bytes listed = CertificateWithCrlUrl();
  Add(seeds, kTarget, "certificate_with_crl_url", listed,
      CrlUrlsOfUnverified(crypto::Certificate::FromDer(listed).value())
          .status());
  const Bytes instance = machine.instance.Build();
  Add(seeds, kTarget, "instance", instance,
      ParseGceInstanceUnverified(instance).status());
  Add(seeds, kTarget, "event_log", machine.event_log,
      ParseEventLogUnverified(machine.event_log).status());
  Add(seeds, kTarget, "attest", machine.attest,
      ParseAttestUnverified(machine.attest).status());
}

void AddNitro(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_nitro_fuzz";
  testing::NitroBuilder builder;
  const auto add = [&](std::string_view name) {
    const Bytes document = builder.Build();
    Add(seeds, kTarget, name, document,
        ParseCoseSign1Unverified(document).status());
  };
  add("enclave");
  const Bytes payload = builder.Payload();
  Add(seeds, kTarget, "payload", payload,
      ParseNitroDocumentUnverified(payload).status());
  builder.tagged = true;
  builder.user_data = Bytes(64, 1);
  builder.nonce = Bytes(32, 2);
  builder.public_key = Bytes(65, 4);
  add("tagged");
  builder.indefinite = true;
  add("indefinite");
  builder.pcrs_name = "nitrotpm_pcrs";
  builder.module_id = "i-0123456789abcdef0";
  add("nitro_tpm");
}

}  // namespace

void AddCloudEvidenceSeeds(std::vector<Seed>& seeds) {
  AddAzure(seeds);
  AddGoogle(seeds);
  AddNitro(seeds);
}

}  // namespace constellation::fuzz
