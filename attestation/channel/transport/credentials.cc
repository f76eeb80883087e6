// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/credentials.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "attestation/channel/transport/grpc_status.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

using grpc::experimental::IdentityKeyCertPair;
using grpc::experimental::StaticDataCertificateProvider;

// What gRPC takes from the environment only. It reads these variables once,
// when first used; so they are set before main(), while there is one thread.
const bool kGrpcConfigured = [] {
  // TLS 1.3 only. There is no option for it, but the list of cipher suites
  // governs TLS 1.2 alone: a list of which no TLS 1.2 connection can use
  // anything (PSK suites, without a PSK) leaves TLS 1.3.
  // Strangers must not fill the log with handshakes that fail; whoever looks
  // for a fault may set the verbosity.
  if (setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", 1) != 0 ||
      setenv("GRPC_VERBOSITY", "NONE", 0) != 0) {
    std::abort();
  }
  return true;
}();

std::shared_ptr<StaticDataCertificateProvider> Provider(
    const crypto::TlsIdentity& identity) {
  // A root list that is never consulted: gRPC wants one with a verifier set.
  return std::make_shared<StaticDataCertificateProvider>(
      identity.certificate_pem,
      std::vector<IdentityKeyCertPair>{
          {identity.private_key_pem, identity.certificate_pem}});
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> AttestedServerCredentials(
    const crypto::TlsIdentity& identity) {
  grpc::experimental::TlsServerCredentialsOptions options(Provider(identity));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> AttestedChannelCredentials(
    const crypto::TlsIdentity& identity) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Provider(identity));
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  return grpc::experimental::TlsCredentials(options);
}

std::shared_ptr<grpc::Channel> AttestedChannel(
    const std::string& address, const crypto::TlsIdentity& identity) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // whatever the environment
  // The name in every certificate: names mean nothing here, but servers log an
  // error for each one that they do not know.
  arguments.SetSslTargetNameOverride(crypto::kTlsIdentityName);
  return grpc::CreateCustomChannel(
      address, AttestedChannelCredentials(identity), arguments);
}

absl::StatusOr<Bytes> PeerSpki(const grpc::AuthContext& context) {
  const std::vector<grpc::string_ref> certificates =
      context.FindPropertyValues("x509_pem_cert");
  if (certificates.empty()) {
    return Unauthenticated("attested channel: the peer has no TLS certificate");
  }
  return crypto::SpkiOfCertificatePem(
      {certificates.front().data(), certificates.front().size()});
}

}  // namespace constellation::attestation
