// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TESTING_QUOTE_SIGNER_H_
#define CONSTELLATION_ATTESTATION_TPM_TESTING_QUOTE_SIGNER_H_

#include <cstdint>
#include <memory>
#include <span>

#include "common/hex.h"

namespace constellation::testing {

// What kind of attestation key signs.
enum class SignerKind { kRsassa, kRsapss, kP256, kP384 };

// A TPM's attestation key in this process, in every form in which verifiers
// meet keys and signatures. `hash` is a TPM_ALG_ID. Not thread-safe.
class QuoteSigner final {
 public:
  QuoteSigner(SignerKind kind, uint16_t hash);
  ~QuoteSigner();

  // The key: TPMT_PUBLIC, SubjectPublicKeyInfo, point (EC only), modulus and
  // coordinates as they are (RSA only: modulus).
  Bytes Tpmt(uint32_t attributes = 0x00050072) const;
  Bytes Spki() const;
  Bytes Point() const;
  Bytes Modulus() const;

  // A signature over `message`: bare RSA octets or DER ECDSA, and the same as
  // TPMT_SIGNATURE.
  Bytes Sign(std::span<const uint8_t> message) const;
  Bytes SignTpmt(std::span<const uint8_t> message) const;

 private:
  struct Key;
  bool rsa() const;
  const SignerKind kind_;
  const uint16_t hash_;
  std::unique_ptr<Key> key_;
};

// The first block of a PEM file as DER; ends the program if there is none.
Bytes PemToDer(std::span<const uint8_t> pem);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TPM_TESTING_QUOTE_SIGNER_H_
