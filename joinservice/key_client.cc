// SPDX-License-Identifier: Apache-2.0
#include "joinservice/key_client.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "attestation/channel/transport/grpc_status.h"
#include "common/status.h"

namespace constellation::joinservice {
namespace {

// Deriving takes microseconds; the rest is for a service that restarts.
constexpr std::chrono::seconds kTimeout{10};
constexpr size_t kKeySize = 32;
constexpr size_t kClusterIdSize = 32;
constexpr int kMaxReplyBytes = 4096;

void Prepare(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
}

// Same codes; the message says who answered.
absl::Status ToStatus(const grpc::Status& status) {
  return Annotate(attestation::FromGrpcStatus(status), "key service");
}

}  // namespace

// Unix sockets need no TLS: only root reaches this one.
KeyClient::KeyClient(const std::string& socket_path) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  stub_ = v1::KeyService::NewStub(grpc::CreateCustomChannel(
      "unix:" + socket_path, grpc::experimental::LocalCredentials(UDS),
      arguments));
}

// The copy inside the reply is wiped. A key of another length would be a disk
// that nobody can open again.
absl::StatusOr<SecretBytes> KeyClient::StateDiskKey(
    std::string_view disk_uuid) {
  grpc::ClientContext context;
  Prepare(context);
  v1::DeriveStateDiskKeyRequest request;
  request.set_disk_uuid(std::string(disk_uuid));
  v1::DerivedKey reply;
  const grpc::Status status =
      stub_->DeriveStateDiskKey(&context, request, &reply);
  if (!status.ok()) return ToStatus(status);
  SecretBytes key(AsBytes(reply.key()));
  std::string& copy = *reply.mutable_key();
  Wipe({reinterpret_cast<uint8_t*>(copy.data()), copy.size()});
  if (key.size() != kKeySize) {
    return Internal(fmt::format("key service: key: want {} octets, got {}",
                                kKeySize, key.size()));
  }
  return key;
}

absl::StatusOr<Bytes> KeyClient::ClusterId() {
  grpc::ClientContext context;
  Prepare(context);
  v1::ClusterId reply;
  const grpc::Status status =
      stub_->GetClusterId(&context, v1::GetClusterIdRequest(), &reply);
  if (!status.ok()) return ToStatus(status);
  const std::span<const uint8_t> id = AsBytes(reply.cluster_id());
  if (id.size() != kClusterIdSize) {
    return Internal(
        fmt::format("key service: cluster ID: want {} octets, got {}",
                    kClusterIdSize, id.size()));
  }
  return Bytes(id.begin(), id.end());
}

}  // namespace constellation::joinservice
