// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_TESTING_CLOUD_KEYS_H_
#define CONSTELLATION_ATTESTATION_ISSUER_TESTING_CLOUD_KEYS_H_

#include <cstdint>
#include <string>

#include "common/hex.h"

// Keys that clouds put into their vTPMs, for tests.
namespace constellation::attestation::testing {

// TPMT_PUBLIC of a restricted signing key: RSA-2048 with RSASSA and SHA-256, or
// ECC P-256 with ECDSA and SHA-256, with `unique` octets that make it another
// key than ours.
Bytes RsaKeyTemplate();
Bytes EccKeyTemplate(uint8_t unique = 0x47);

// Makes an endorsement primary of `key_template` in the TPM at `tcti` and keeps
// it at `handle`, as a cloud's firmware does; returns its TPMT_PUBLIC. Fails
// the test if the TPM does.
Bytes KeepKey(const std::string& tcti, const Bytes& key_template,
              uint32_t handle);

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_ISSUER_TESTING_CLOUD_KEYS_H_
