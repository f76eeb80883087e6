// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/binding.h"

#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kChannelTag = "constellation/v1/attested-channel";
constexpr std::string_view kVerificationTag = "constellation/v1/verification";

// Length (4 octets, big-endian), then the octets: no field can run into the
// next.
void AppendField(Bytes& buffer, std::span<const uint8_t> field) {
  const auto size = static_cast<uint32_t>(field.size());
  for (const uint32_t shift : {24U, 16U, 8U, 0U}) {
    buffer.push_back(static_cast<uint8_t>(size >> shift));
  }
  buffer.insert(buffer.end(), field.begin(), field.end());
}

}  // namespace

UserData ChannelBinding(Role attester_role,
                        std::span<const uint8_t> attester_spki,
                        std::span<const uint8_t> verifier_spki,
                        std::span<const uint8_t> nonce,
                        std::string_view context) {
  Bytes buffer;
  AppendField(buffer, AsBytes(kChannelTag));
  AppendField(buffer,
              AsBytes(attester_role == Role::kServer ? "server" : "client"));
  AppendField(buffer, crypto::Sha256(attester_spki));
  AppendField(buffer, crypto::Sha256(verifier_spki));
  AppendField(buffer, nonce);
  AppendField(buffer, AsBytes(context));
  return crypto::Sha512(buffer);
}

UserData VerificationBinding(std::span<const uint8_t> nonce,
                             std::string_view node_name) {
  Bytes buffer;
  AppendField(buffer, AsBytes(kVerificationTag));
  AppendField(buffer, nonce);
  AppendField(buffer, AsBytes(node_name));
  return crypto::Sha512(buffer);
}

}  // namespace constellation::attestation
