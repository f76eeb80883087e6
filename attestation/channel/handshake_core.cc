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

// A step taken twice, or out of order, ends the handshake for good: the state
// is "failed" until the step itself has succeeded.
absl::Status HandshakeCore::BeginStep(State expected) {
  const State before = std::exchange(state_, State::kFailed);
  if (before != expected) {
    return Internal("attested channel: handshake step out of order");
  }
  return absl::OkStatus();
}

absl::StatusOr<HandshakeMessage> HandshakeCore::Begin() {
  if (role_ != Role::kClient) {
    return Internal("attested channel: a server does not begin");
  }
  RETURN_IF_ERROR(BeginStep(State::kStart));
  state_ = State::kAwaitsAnswer;
  return HandshakeMessage{.nonce = nonce_, .evidence = std::nullopt};
}

// The client verifies before it proves; the server proves first, because it has
// one message only to answer with.
absl::StatusOr<HandshakeMessage> HandshakeCore::Answer(
    const HandshakeMessage& message, std::span<const uint8_t> peer_spki) {
  const bool client = role_ == Role::kClient;
  RETURN_IF_ERROR(BeginStep(client ? State::kAwaitsAnswer : State::kStart));
  RETURN_IF_ERROR(SetPeer(peer_spki));
  if (client) {
    RETURN_IF_ERROR(VerifyPeer(message));
  } else if (message.evidence.has_value()) {
    return InvalidArgument(
        "attested channel: the first message holds evidence");
  }
  ASSIGN_OR_RETURN(std::optional<Evidence> evidence, Prove(message.nonce));
  state_ = !client && verify_ ? State::kAwaitsEvidence : State::kDone;
  return HandshakeMessage{.nonce = client ? Bytes() : nonce_,
                          .evidence = std::move(evidence)};
}

// Only after a refusal, and once: the state stays "failed", so nothing else can
// follow.
absl::StatusOr<HandshakeMessage> HandshakeCore::ProveAfterRefusal(
    std::span<const uint8_t> nonce) {
  if (role_ != Role::kClient || !refused_peer_ || nonce.empty()) {
    return FailedPrecondition("attested channel: no refusal to prove after");
  }
  refused_peer_ = false;
  ASSIGN_OR_RETURN(std::optional<Evidence> evidence, Prove(nonce));
  return HandshakeMessage{.nonce = Bytes(), .evidence = std::move(evidence)};
}

absl::Status HandshakeCore::Finish(const HandshakeMessage& message) {
  RETURN_IF_ERROR(BeginStep(State::kAwaitsEvidence));
  if (!message.nonce.empty()) {
    return InvalidArgument("attested channel: the last message holds a nonce");
  }
  RETURN_IF_ERROR(VerifyPeer(message));
  state_ = State::kDone;
  return absl::OkStatus();
}

// A peer with our own key is ourselves, reflected: its evidence would be ours.
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

// Evidence that nobody asked for is refused: it cannot be bound to a nonce of
// ours.
absl::Status HandshakeCore::VerifyPeer(const HandshakeMessage& message) {
  if (!verify_) {
    return message.evidence.has_value()
               ? InvalidArgument(
                     "attested channel: got evidence without asking for it")
               : absl::OkStatus();
  }
  if (!message.evidence.has_value()) {
    return Unauthenticated(
        "attested channel: asked the peer for evidence, got none");
  }
  absl::Status status = verify_(
      *message.evidence,
      ChannelBinding(Other(role_), peer_spki_, own_spki_, nonce_, context_));
  refused_peer_ = !status.ok();
  return status;
}

// No nonce, no evidence: the other side does not want any.
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
