// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_CREDENTIALS_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_CREDENTIALS_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "crypto/tls_identity.h"

namespace constellation::attestation {

// TLS credentials that carry a key and check NOTHING: neither chain nor name
// nor date. Safe only for streams that begin with HandshakeAsClient() or
// HandshakeAsServer(), or for data that needs no trust in its carrier. TLS 1.3
// only: a program that links this restricts all its gRPC connections to it, and
// keeps gRPC from logging unless GRPC_VERBOSITY says otherwise.
std::shared_ptr<grpc::ServerCredentials> AttestedServerCredentials(
    const crypto::TlsIdentity& identity);
std::shared_ptr<grpc::ChannelCredentials> AttestedChannelCredentials(
    const crypto::TlsIdentity& identity);

// A connection of its own to `address` (host:port) with such credentials and
// the limits of attested streams. It shares nothing with other channels, so
// nothing is remembered of peers that were refused. Connects when first used.
std::shared_ptr<grpc::Channel> AttestedChannel(
    const std::string& address, const crypto::TlsIdentity& identity);

// The DER SubjectPublicKeyInfo of the peer's TLS certificate. UNAUTHENTICATED
// if it showed none.
absl::StatusOr<Bytes> PeerSpki(const grpc::AuthContext& context);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_CREDENTIALS_H_
