// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_HANDSHAKE_CORE_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_HANDSHAKE_CORE_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/attester.h"
#include "attestation/channel/binding.h"
#include "attestation/evidence.h"
#include "common/hex.h"

namespace constellation::attestation {

// Judges the peer's evidence, which must cover `user_data`. OK accepts.
using VerifyFn = std::function<absl::Status(
    const Evidence& evidence, std::span<const uint8_t> user_data)>;

// One message of the attestation that opens a stream.
struct HandshakeMessage {
  Bytes nonce;  // kNonceSize octets, or empty: the sender wants no proof
  std::optional<Evidence> evidence;  // answers the receiver's nonce
};

// One side's state in the attestation of one stream, without transport:
//
//   client                                server
//   Begin()            -- nonce? -->      Answer()
//   Answer()           <-- evidence?, nonce? --
//                      -- evidence? -->   Finish()     (only if the server sent
//                      a nonce)
//
// Only after its last step may a side send anything worth stealing. Not
// thread-safe; used once.
//
// Codes: INVALID_ARGUMENT for a nonce of another length and for evidence or a
// nonce where none belongs, UNAUTHENTICATED if the peer gives no evidence
// although it was asked or if both ends have the same key (a reflection),
// FAILED_PRECONDITION if the peer demands proof that this side cannot give,
// INTERNAL if the steps are taken in another order (our bug); otherwise what
// the VerifyFn and the Attester say. After an error every step fails.
class HandshakeCore final {
 public:
  // `attester` may be null: this side proves nothing. `verify` may be empty:
  // this side demands nothing. `context` names the RPC; both ends must use the
  // same. The spans of the keys are DER SubjectPublicKeyInfo.
  HandshakeCore(Role role, Bytes own_spki, std::string_view context,
                Attester* attester, VerifyFn verify);

  // Client: the first message.
  absl::StatusOr<HandshakeMessage> Begin();

  // Answers the peer's message: the server its first, the client the server's.
  // The client has thereby verified the server. `peer_spki` is the key of the
  // peer's TLS certificate.
  absl::StatusOr<HandshakeMessage> Answer(const HandshakeMessage& message,
                                          std::span<const uint8_t> peer_spki);

  // Client, after Answer() failed because its VerifyFn refused the server: the
  // proof that the server asked for all the same, so that the server's owner
  // learns which node that was and what is wrong with it. Evidence is no
  // secret; the refusal stands, every other step still fails.
  // FAILED_PRECONDITION if nothing was refused or no proof asked for.
  absl::StatusOr<HandshakeMessage> ProveAfterRefusal(
      std::span<const uint8_t> nonce);

  // Server, after Answer(): whether a last message of the client must be
  // awaited, and its check.
  bool AwaitsEvidence() const { return state_ == State::kAwaitsEvidence; }
  absl::Status Finish(const HandshakeMessage& message);

 private:
  enum class State { kStart, kAwaitsAnswer, kAwaitsEvidence, kDone, kFailed };

  // Moves on from `expected`; until the step succeeds the state is kFailed.
  absl::Status BeginStep(State expected);
  absl::Status SetPeer(std::span<const uint8_t> peer_spki);
  absl::Status VerifyPeer(const HandshakeMessage& message);
  absl::StatusOr<std::optional<Evidence>> Prove(
      std::span<const uint8_t> nonce) const;

  Role role_;
  State state_ = State::kStart;
  Bytes own_spki_;
  Bytes peer_spki_;
  std::string context_;
  Attester* attester_;
  VerifyFn verify_;
  Bytes nonce_;
  bool refused_peer_ = false;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_HANDSHAKE_CORE_H_
