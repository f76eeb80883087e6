// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_GCP_TESTING_GCE_MACHINE_H_
#define CONSTELLATION_ATTESTATION_GCP_TESTING_GCE_MACHINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/gcp/gcp_verifier.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/testing/test_ca.h"
#include "common/hex.h"

namespace constellation::testing {

// The instance extension's value, field by field.
struct InstanceSpec {
  std::string zone = "europe-west3-b";
  uint64_t project_number = 117;
  std::string project_id = "my-project";
  uint64_t instance_id = 0x8000000000000001;
  std::string instance_name = "node-1";
  // Contents of the security properties; empty: none.
  Bytes properties = {0xa0, 3, 2, 1, 4, 0xa1, 3, 1, 1, 0xff, 0xa2, 3, 1, 1, 0};

  Bytes Build() const;
};

// A GCE machine of this process, with a Google of its own: valid evidence as
// Refresh() leaves it, to be spoilt afterwards.
struct GceMachine {
  GceMachine();

  // Makes certificates, log, registers and quote anew out of the fields.
  void Refresh();
  attestation::GcpEvidenceUnverified Evidence() const;
  attestation::GcpTrust Trust() const;
  // A list of its root or its intermediate; `spec.issuer` is set here.
  static crypto::RevocationList Listed(bool by_root, CrlSpec spec);

  static const QuoteSigner& Signer();

  InstanceSpec instance;
  CertificateSpec root, intermediate, leaf;
  // What the log has after the firmware's version: PCR, type, data.
  struct Event {
    uint32_t pcr = 0;
    uint32_t type = 0;
    std::string data;
  };
  std::vector<Event> events;

  Bytes leaf_der;
  std::vector<crypto::Certificate> candidates;
  Bytes event_log;
  Bytes nonce = Bytes(32, 0x33);
  Bytes pcr0, pcr10;
  Bytes attest, signature, ak;
};

// What the firmware writes about technology `number`.
std::string MarkerOf(uint8_t number);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_GCP_TESTING_GCE_MACHINE_H_
