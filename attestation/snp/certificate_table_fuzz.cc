// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "attestation/snp/certificate_table.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/snp_chain.h"

// Any table gives certificates or a status, and those a chain that is refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace ca = constellation::attestation;
  const auto table =
      ca::SnpCertificateTableUnverified::Parse(std::span(data, size));
  if (!table.ok()) {
    return 0;
  }
  const auto certificate =
      constellation::crypto::Certificate::FromDer(table->vcek);
  if (certificate.ok()) {
    (void)ca::SnpSignerFactsUnverified::From(*certificate);
  }
  const ca::SnpEndorsements endorsements{.signer = table->vcek,
                                         .intermediate = table->ask,
                                         .root = table->ark,
                                         .crl = table->vlek};
  (void)ca::CheckSnpChain(endorsements, {}, absl::UnixEpoch());
  return 0;
}
