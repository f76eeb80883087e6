// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AWS_TESTING_NITRO_BUILDER_H_
#define CONSTELLATION_ATTESTATION_AWS_TESTING_NITRO_BUILDER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "attestation/aws/nitro_verifier.h"
#include "attestation/tpm/testing/test_ca.h"
#include "common/hex.h"

namespace constellation::testing {

// Appends CBOR, in the shortest form.
class CborWriter final {
 public:
  CborWriter& Head(uint8_t major, uint64_t argument);
  CborWriter& Unsigned(uint64_t value) { return Head(0, value); }
  CborWriter& Negative(uint64_t minus_one_minus) {
    return Head(1, minus_one_minus);
  }
  CborWriter& Octets(const Bytes& octets);
  CborWriter& Text(std::string_view text);
  CborWriter& Array(uint64_t count) { return Head(4, count); }
  CborWriter& Map(uint64_t count) { return Head(5, count); }
  CborWriter& Raw(const Bytes& octets);
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// A Nitro hypervisor of this process, with its own root: valid documents as
// Build() makes them, to be spoilt field by field before.
struct NitroBuilder {
  NitroBuilder();

  // Root, region, zone, instance; then the signer.
  std::vector<CertificateSpec> specs;
  absl::Time timestamp = absl::FromUnixSeconds(1700000000);
  std::string module_id = "i-0123-enc4567";
  std::string digest = "SHA384";
  std::string pcrs_name = "pcrs";
  std::map<uint32_t, Bytes> pcrs;
  std::optional<Bytes> public_key, user_data, nonce;
  bool indefinite = false;  // form of the payload's map
  uint64_t algorithm = 34;  // -1 minus it: -35
  Bytes unprotected{0xa0};  // an empty map
  bool tagged = false;      // with tag 18
  size_t sign_with = 4;     // index of the key that signs the document
  std::optional<Bytes> signer_spki = {};  // another key in the last certificate
  std::optional<size_t> forged = {};  // index of a certificate nobody signed

  Bytes Payload() const;
  Bytes Build() const;
  Bytes Certificate(size_t index) const;
  // Trusts this builder's root, at the document's time.
  attestation::NitroExpectation Expectation() const;
  // A list of the authority `index`; `spec.issuer` is set here.
  crypto::RevocationList Listed(size_t index, CrlSpec spec) const;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_AWS_TESTING_NITRO_BUILDER_H_
