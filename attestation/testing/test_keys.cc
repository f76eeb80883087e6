// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/test_keys.h"

#include <algorithm>
#include <cstdlib>

#include "crypto/der.h"

namespace constellation::testing {
namespace {

using crypto::testing::TestKey;
using crypto::testing::TestScheme;

// DER numbers have a sign octet or lack leading zeros.
Bytes FixedSize(std::span<const uint8_t> number, size_t size) {
  while (!number.empty() && number[0] == 0) {
    number = number.subspan(1);
  }
  if (number.size() > size) {
    abort();
  }
  Bytes fixed(size - number.size());
  fixed.insert(fixed.end(), number.begin(), number.end());
  return fixed;
}

}  // namespace

crypto::testing::TestExtension InsecureTestComment() {
  return {.oid = {0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x0d},
          .critical = false,
          .value = crypto::testing::Der(crypto::kDerIa5String,
                                        AsBytes(kInsecureTest))};
}

RawEcdsa SignRaw(const TestKey& key, TestScheme scheme,
                 std::span<const uint8_t> message, size_t size) {
  const Bytes der = key.Sign(scheme, message);
  const auto numbers = crypto::ParseEcdsaSignature(der).value();
  return {.r = FixedSize(numbers.r, size), .s = FixedSize(numbers.s, size)};
}

Bytes SignRawJoined(const TestKey& key, TestScheme scheme,
                    std::span<const uint8_t> message, size_t size) {
  const RawEcdsa signature = SignRaw(key, scheme, message, size);
  return crypto::testing::Join({signature.r, signature.s});
}

Bytes PointOf(const TestKey& key, size_t size) {
  // An uncompressed point ends a SubjectPublicKeyInfo (RFC 5480).
  const Bytes spki = key.Spki();
  return {spki.end() - static_cast<ptrdiff_t>(2 * size), spki.end()};
}

Bytes ReversedPadded(std::span<const uint8_t> bytes, size_t size) {
  Bytes reversed(bytes.rbegin(), bytes.rend());
  reversed.resize(size);
  return reversed;
}

std::string PemOf(std::span<const uint8_t> der) {
  constexpr size_t kLine = 64;
  const std::string text = Base64Encode(der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (size_t at = 0; at < text.size(); at += kLine) {
    pem += text.substr(at, kLine) + "\n";
  }
  return pem + "-----END CERTIFICATE-----\n";
}

Bytes OidUnder(const Bytes& prefix, const std::vector<uint32_t>& arcs) {
  Bytes oid = prefix;
  for (const uint32_t arc : arcs) {
    if (arc >= 0x80) {
      oid.push_back(static_cast<uint8_t>(0x80U | arc >> 7U));
    }
    oid.push_back(static_cast<uint8_t>(arc & 0x7fU));
  }
  return oid;
}

}  // namespace constellation::testing
