// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_INIT_CALLER_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_INIT_CALLER_H_

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/sync_stream.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "bootstrapper/init_parameters.h"
#include "common/hex.h"
#include "crypto/tls_identity.h"
#include "proto/init.grpc.pb.h"

namespace constellation::bootstrapper::testing {

inline v1::InitRequest ToRequest(const InitParameters& parameters) {
  const auto text = [](std::span<const uint8_t> bytes) {
    return std::string(AsText(bytes));
  };
  v1::InitRequest request;
  request.set_init_secret(text(parameters.init_secret.Expose()));
  request.set_master_key(text(parameters.master_key.Expose()));
  request.set_master_salt(text(parameters.master_salt));
  request.set_measurement_salt(text(parameters.measurement_salt));
  request.set_cluster_name(parameters.cluster_name);
  request.set_kubernetes_version(parameters.kubernetes_version);
  for (const std::string& san : parameters.api_server_cert_sans) {
    request.add_api_server_cert_sans(san);
  }
  request.set_service_cidr(parameters.service_cidr);
  request.set_pod_cidr(parameters.pod_cidr);
  request.set_attestation_policy(parameters.attestation_policy);
  request.set_time_scale(parameters.time_scale);
  return request;
}

// One call of Init, as the owner's command makes it.
class InitCall final {
 public:
  using Stream =
      grpc::ClientReaderWriter<v1::InitClientMessage, v1::InitServerMessage>;

  InitCall(const std::string& address,
           absl::Duration limit = absl::Seconds(60)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + limit));
    const auto channel = grpc::CreateChannel(
        address, attestation::AttestedChannelCredentials(identity_));
    stub_ = v1::InitService::NewStub(channel);
    stream_ = stub_->Init(&context_);
  }

  absl::Status Handshake(const attestation::VerifyFn& verify) {
    return attestation::HandshakeAsClient(context_, identity_, *stream_, "init",
                                          nullptr, verify);
  }
  bool Send(const v1::InitClientMessage& message) {
    return stream_->Write(message);
  }
  void SendRequest(const InitParameters& parameters) {
    v1::InitClientMessage message;
    *message.mutable_request() = ToRequest(parameters);
    Send(message);
    stream_->WritesDone();
  }
  bool Read(v1::InitServerMessage& message) { return stream_->Read(&message); }

  // Reads on until the result; phases go to `phases`.
  absl::StatusOr<v1::InitResult> Result(std::vector<std::string>* phases) {
    v1::InitServerMessage message;
    while (stream_->Read(&message)) {
      if (message.has_result()) {
        stream_->Finish();
        return message.result();
      }
      if (phases != nullptr && message.has_progress() &&
          (phases->empty() || phases->back() != message.progress().phase())) {
        phases->push_back(message.progress().phase());
      }
    }
    return Finish();
  }

  absl::Status Finish() {
    return attestation::FromGrpcStatus(stream_->Finish());
  }
  void Cancel() { context_.TryCancel(); }

 private:
  const crypto::TlsIdentity identity_ = *crypto::CreateTlsIdentity();
  grpc::ClientContext context_;
  std::unique_ptr<v1::InitService::Stub> stub_;
  std::unique_ptr<Stream> stream_;
};

// The whole call: handshake with `verify`, request, result.
inline absl::StatusOr<v1::InitResult> CallInit(
    const std::string& address, const attestation::VerifyFn& verify,
    const InitParameters& parameters,
    std::vector<std::string>* phases = nullptr) {
  InitCall call(address);
  if (const absl::Status status = call.Handshake(verify); !status.ok()) {
    call.Cancel();
    return status;
  }
  call.SendRequest(parameters);
  return call.Result(phases);
}

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_INIT_CALLER_H_
