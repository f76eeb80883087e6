// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_HANDSHAKE_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_HANDSHAKE_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <string_view>

#include "absl/status/status.h"
#include "attestation/channel/handshake_core.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/transport/grpc_status.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/tls_identity.h"

namespace constellation::attestation {

// Both functions attest a bidirectional gRPC stream whose messages have a
// field `attestation` of type AttestationMessage, before anything else is sent
// on it. `name` is the context of the binding: it names the RPC, and both ends
// must use the same. They block until the peer answers: a client sets a
// deadline on the call, a server cancels the call of a silent peer. Errors as
// HandshakeCore says; UNAVAILABLE if the stream breaks. After an error nothing
// may be sent or believed: a client calls EndFailedCall(), a server returns.

template <typename Incoming, typename Stream>
absl::StatusOr<HandshakeMessage> ReadHandshakeMessage(Stream& stream) {
  Incoming incoming;
  if (!stream.Read(&incoming)) {
    return Unavailable(
        "attested channel: the peer ended the stream during attestation");
  }
  if (!incoming.has_attestation()) {
    return InvalidArgument(
        "attested channel: want an attestation message, got another kind");
  }
  return MessageFromProto(incoming.attestation());
}

template <typename Outgoing, typename Stream>
absl::Status WriteHandshakeMessage(Stream& stream,
                                   const HandshakeMessage& message) {
  Outgoing outgoing;
  *outgoing.mutable_attestation() = MessageToProto(message);
  if (!stream.Write(outgoing)) {
    return Unavailable(
        "attested channel: the peer ended the stream during attestation");
  }
  return absl::OkStatus();
}

// Outgoing and Incoming are the stream's message types.
template <typename Outgoing, typename Incoming>
absl::Status HandshakeAsClient(
    grpc::ClientContext& context, const crypto::TlsIdentity& own,
    grpc::ClientReaderWriter<Outgoing, Incoming>& stream, std::string_view name,
    Attester* attester, const VerifyFn& verify) {
  HandshakeCore core(Role::kClient, own.spki_der, name, attester, verify);
  ASSIGN_OR_RETURN(const HandshakeMessage first, core.Begin());
  RETURN_IF_ERROR(WriteHandshakeMessage<Outgoing>(stream, first));
  ASSIGN_OR_RETURN(const HandshakeMessage answer,
                   ReadHandshakeMessage<Incoming>(stream));
  const absl::StatusOr<Bytes> peer = PeerSpki(*context.auth_context());
  const absl::StatusOr<HandshakeMessage> last =
      peer.ok() ? core.Answer(answer, *peer) : peer.status();
  if (!last.ok()) {
    const auto proof = core.ProveAfterRefusal(answer.nonce);
    if (proof.ok() && WriteHandshakeMessage<Outgoing>(stream, *proof).ok()) {
      stream.WritesDone();
      Incoming unread;
      stream.Read(&unread);  // until it has judged; what it says is not used
    }
    context.TryCancel();  // the server waits for something that never comes
    return last.status();
  }
  return answer.nonce.empty() ? absl::OkStatus()
                              : WriteHandshakeMessage<Outgoing>(stream, *last);
}

template <typename Outgoing, typename Incoming>
absl::Status HandshakeAsServer(
    grpc::ServerContext& context, const crypto::TlsIdentity& own,
    grpc::ServerReaderWriter<Outgoing, Incoming>& stream, std::string_view name,
    Attester* attester, const VerifyFn& verify) {
  HandshakeCore core(Role::kServer, own.spki_der, name, attester, verify);
  ASSIGN_OR_RETURN(const HandshakeMessage first,
                   ReadHandshakeMessage<Incoming>(stream));
  ASSIGN_OR_RETURN(const Bytes peer, PeerSpki(*context.auth_context()));
  ASSIGN_OR_RETURN(const HandshakeMessage answer, core.Answer(first, peer));
  RETURN_IF_ERROR(WriteHandshakeMessage<Outgoing>(stream, answer));
  if (!core.AwaitsEvidence()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const HandshakeMessage last,
                   ReadHandshakeMessage<Incoming>(stream));
  return core.Finish(last);
}

// Ends a client's call that failed on this side with `error`, and returns why
// it failed: `error`; or, if the stream broke (UNAVAILABLE), the reason that
// the server gave. Nothing that the server sent is looked at.
template <typename Outgoing, typename Incoming>
absl::Status EndFailedCall(grpc::ClientContext& context,
                           grpc::ClientReaderWriter<Outgoing, Incoming>& stream,
                           const absl::Status& error) {
  constexpr int kMaxUnread = 16;  // messages a server may have sent meanwhile
  Incoming unread;
  int count = 0;
  while (absl::IsUnavailable(error) && count < kMaxUnread &&
         stream.Read(&unread)) {
    ++count;
  }
  const bool ended = absl::IsUnavailable(error) && count < kMaxUnread;
  if (!ended) {
    context.TryCancel();
  }
  const absl::Status reason = FromGrpcStatus(stream.Finish());
  const bool gave_reason = ended && !reason.ok() && !absl::IsCancelled(reason);
  return gave_reason ? reason : error;
}

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_HANDSHAKE_H_
