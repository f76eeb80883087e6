// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/handshake_core.h"

#include <fmt/format.h>

#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::attestation {
namespace {

Role Other(Role role) {
  return role == Role::kClient ? Role::kServer : Role::kClient;
}

}  // namespace

HandshakeCore::HandshakeCore(Role role, Bytes own_spki,
                             std::string_view context, Attester* attester,
                             VerifyFn verify)
    : role_(role),
      own_spki_(std::move(own_spki)),
      context_(context),
      attester_(attester),
      verify_(std::move(verify)),
      nonce_(verify_ ? crypto::RandomBytes(kNonceSize) : Bytes()) {}

HandshakeMessage HandshakeCore::Begin() {
  return {.nonce = nonce_, .evidence = std::nullopt};
}

absl::StatusOr<HandshakeMessage> HandshakeCore::Answer(
    const HandshakeMessage& message, std::span<const uint8_t> peer_spki) {
  RETURN_IF_ERROR(SetPeer(peer_spki));
  if (role_ == Role::kClient) {
    // The client proves itself only to a server that has proved itself.
    RETURN_IF_ERROR(VerifyPeer(message));
  }
  ASSIGN_OR_RETURN(std::optional<Evidence> evidence, Prove(message.nonce));
  return HandshakeMessage{.nonce = role_ == Role::kServer ? nonce_ : Bytes(),
                          .evidence = std::move(evidence)};
}

absl::Status HandshakeCore::Finish(const HandshakeMessage& message) {
  return VerifyPeer(message);
}

absl::Status HandshakeCore::SetPeer(std::span<const uint8_t> peer_spki) {
  if (peer_spki.empty()) {
    return Unauthenticated("attested channel: the peer has no TLS certificate");
  }
  peer_spki_.assign(peer_spki.begin(), peer_spki.end());
  if (peer_spki_ == own_spki_) {
    return Unauthenticated(
        "attested channel: the peer uses this side's own key");
  }
  return absl::OkStatus();
}

absl::Status HandshakeCore::VerifyPeer(const HandshakeMessage& message) const {
  if (!verify_) {
    return absl::OkStatus();
  }
  if (!message.evidence.has_value()) {
    return Unauthenticated(
        "attested channel: asked the peer for evidence, got none");
  }
  return verify_(
      *message.evidence,
      ChannelBinding(Other(role_), peer_spki_, own_spki_, nonce_, context_));
}

absl::StatusOr<std::optional<Evidence>> HandshakeCore::Prove(
    std::span<const uint8_t> nonce) const {
  if (nonce.empty()) {
    return std::optional<Evidence>();
  }
  if (nonce.size() != kNonceSize) {
    return InvalidArgument(
        fmt::format("attested channel: want a nonce of {} octets, got {}",
                    kNonceSize, nonce.size()));
  }
  if (attester_ == nullptr) {
    return FailedPrecondition(
        "attested channel: the peer demands evidence, this side has none");
  }
  ASSIGN_OR_RETURN(Evidence evidence,
                   attester_->Attest(ChannelBinding(
                       role_, own_spki_, peer_spki_, nonce, context_)));
  return std::optional<Evidence>(std::move(evidence));
}

}  // namespace constellation::attestation
