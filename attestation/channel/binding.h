// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_BINDING_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_BINDING_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "attestation/evidence.h"

namespace constellation::attestation {

// Which end of a connection the attester is.
enum class Role { kClient, kServer };

inline constexpr size_t kNonceSize = 32;

using UserData = std::array<uint8_t, kUserDataSize>;

// The user data of evidence that is bound to one connection and one purpose
// (docs/formats/attested-channel.md): SHA-512 over the length-prefixed fields
// tag, role of the attester, SHA-256 of the attester's SubjectPublicKeyInfo,
// SHA-256 of the verifier's, nonce, context. `context` names the RPC.
// Whoever relays evidence to another connection stands there with another key,
// so it does not fit.
UserData ChannelBinding(Role attester_role,
                        std::span<const uint8_t> attester_spki,
                        std::span<const uint8_t> verifier_spki,
                        std::span<const uint8_t> nonce,
                        std::string_view context);

// The user data of evidence that anybody may carry (VerificationService): no
// connection in it, but the node's claimed name. Another tag, so it never
// passes for a channel binding.
UserData VerificationBinding(std::span<const uint8_t> nonce,
                             std::string_view node_name);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_BINDING_H_
