// SPDX-License-Identifier: Apache-2.0
#include "keyservice/key_service.h"

#include <fmt/format.h>

#include <string>

#include "attestation/channel/transport/grpc_status.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::keyservice {
namespace {

using attestation::ToGrpcStatus;

// Domain separation: a signature made here is good for join logs and nothing
// else.
constexpr std::string_view kJoinLogTag = "constellation/v1/join-log";
constexpr size_t kMaxJoinLogEntry = size_t{64} << 10U;

// The response is gRPC's: the copy of the key in it is not wiped. It goes over
// a Unix socket to a process of the same machine.
absl::Status SetKey(const absl::StatusOr<SecretBytes>& key,
                    v1::DerivedKey& response) {
  RETURN_IF_ERROR(key.status());
  response.set_key(std::string(AsText(key->Expose())));
  return absl::OkStatus();
}

// The signing key is derived anew for each call and wiped after it.
absl::Status Sign(const crypto::KeyHierarchy& keys, const std::string& entry,
                  v1::Signature& response) {
  if (entry.empty() || entry.size() > kMaxJoinLogEntry) {
    return InvalidArgument(
        fmt::format("join log entry: want 1 to {} octets, got {}",
                    kMaxJoinLogEntry, entry.size()));
  }
  ASSIGN_OR_RETURN(const crypto::Ed25519Signer signer, keys.JoinLogSigner());
  std::string message(kJoinLogTag);
  message.push_back('\0');
  message += entry;
  ASSIGN_OR_RETURN(const crypto::Ed25519Signature signature,
                   signer.Sign(AsBytes(message)));
  response.set_signature(std::string(AsText(signature)));
  response.set_public_key(std::string(AsText(signer.public_key())));
  return absl::OkStatus();
}

}  // namespace

// The hierarchy checks that the UUID is a UUID.
grpc::Status KeyService::DeriveStateDiskKey(
    grpc::ServerContext* /*context*/,
    const v1::DeriveStateDiskKeyRequest* request, v1::DerivedKey* response) {
  return ToGrpcStatus(
      SetKey(keys_.StateDiskKey(request->disk_uuid()), *response));
}

// Volumes have names of Kubernetes, not UUIDs.
grpc::Status KeyService::DeriveVolumeKey(
    grpc::ServerContext* /*context*/, const v1::DeriveVolumeKeyRequest* request,
    v1::DerivedKey* response) {
  return ToGrpcStatus(SetKey(keys_.VolumeKey(request->volume_id()), *response));
}

// Public: a hash that PCR15 of every member shows.
grpc::Status KeyService::GetClusterId(
    grpc::ServerContext* /*context*/,
    const v1::GetClusterIdRequest* /*request*/, v1::ClusterId* response) {
  const absl::StatusOr<Bytes> id = keys_.ClusterId(measurement_salt_);
  if (id.ok()) {
    response->set_cluster_id(std::string(AsText(*id)));
  }
  return ToGrpcStatus(id.status());
}

grpc::Status KeyService::SignJoinLog(grpc::ServerContext* /*context*/,
                                     const v1::SignJoinLogRequest* request,
                                     v1::Signature* response) {
  return ToGrpcStatus(Sign(keys_, request->entry(), *response));
}

}  // namespace constellation::keyservice
