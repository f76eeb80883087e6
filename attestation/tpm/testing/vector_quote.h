// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TESTING_VECTOR_QUOTE_H_
#define CONSTELLATION_ATTESTATION_TPM_TESTING_VECTOR_QUOTE_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "attestation/tpm/pcr_quote.h"
#include "common/hex.h"

namespace constellation::testing {

// A quote of the vector folder with what lies beside it.
struct VectorQuote {
  std::string path;  // of the TPMS_ATTEST
  Bytes attest;
  Bytes signature;
  Bytes ak;  // TPMT_PUBLIC if there is one, else SubjectPublicKeyInfo
  Bytes nonce;
  uint16_t bank = 0;
  std::vector<std::pair<uint32_t, Bytes>> registers;
  bool valid = false;  // what the manifest says

  // Refers to this object.
  attestation::PcrQuoteUnverified View() const;
};

// The quote of a manifest entry whose path ends in ".attest.bin". Key and
// values are looked for under the names that the folder uses; what is not there
// stays empty.
VectorQuote LoadVectorQuote(const nlohmann::json& entry);
// All of them.
std::vector<VectorQuote> VectorQuotes(const std::string& prefix);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TPM_TESTING_VECTOR_QUOTE_H_
