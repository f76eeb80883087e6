// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_TEST_KEYS_H_
#define CONSTELLATION_ATTESTATION_TESTING_TEST_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/hex.h"
#include "crypto/testing/test_certificates.h"

// What the makers of test evidence share. For tests only: errors end the
// program.
namespace constellation::testing {

// In every test root, so that nobody takes one for real: in its common name, or
// where verifiers demand the vendor's name in a comment.
inline constexpr std::string_view kInsecureTest = "INSECURE TEST";

// The extension nsComment (2.16.840.1.113730.1.13) with that text.
crypto::testing::TestExtension InsecureTestComment();

// Both numbers of an ECDSA signature, big-endian, each `size` octets.
struct RawEcdsa {
  Bytes r;
  Bytes s;
};

// Signs `message`; `size` is 32 for P-256, 48 for P-384.
RawEcdsa SignRaw(const crypto::testing::TestKey& key,
                 crypto::testing::TestScheme scheme,
                 std::span<const uint8_t> message, size_t size);

// r || s.
Bytes SignRawJoined(const crypto::testing::TestKey& key,
                    crypto::testing::TestScheme scheme,
                    std::span<const uint8_t> message, size_t size);

// The affine point x || y of an EC key, 2 * `size` octets.
Bytes PointOf(const crypto::testing::TestKey& key, size_t size);

// `bytes` in reverse order, then zeros up to `size`: AMD's form of numbers.
Bytes ReversedPadded(std::span<const uint8_t> bytes, size_t size);

// A PEM block CERTIFICATE, lines of 64 characters, LF.
std::string PemOf(std::span<const uint8_t> der);

// OID contents: `prefix` and the given arcs, each below 16384.
Bytes OidUnder(const Bytes& prefix, const std::vector<uint32_t>& arcs);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_TEST_KEYS_H_
