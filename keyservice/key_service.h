// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KEYSERVICE_KEY_SERVICE_H_
#define CONSTELLATION_KEYSERVICE_KEY_SERVICE_H_

#include "common/hex.h"
#include "crypto/key_hierarchy.h"
#include "proto/keyservice.grpc.pb.h"

namespace constellation::keyservice {

// Derives keys for local callers (proto/keyservice.proto). Holds the master
// secret in memory; who may call is decided by the permissions of the socket.
// Thread-safe.
class KeyService final : public v1::KeyService::Service {
 public:
  // `measurement_salt`: 32 octets, what the cluster's ID is made from.
  KeyService(crypto::KeyHierarchy keys, Bytes measurement_salt)
      : keys_(std::move(keys)),
        measurement_salt_(std::move(measurement_salt)) {}

  // 32 octets. INVALID_ARGUMENT unless the id is a lower-case UUID.
  grpc::Status DeriveStateDiskKey(grpc::ServerContext* context,
                                  const v1::DeriveStateDiskKeyRequest* request,
                                  v1::DerivedKey* response) override;
  // 32 octets. INVALID_ARGUMENT unless crypto::IsVolumeId() takes the id.
  grpc::Status DeriveVolumeKey(grpc::ServerContext* context,
                               const v1::DeriveVolumeKeyRequest* request,
                               v1::DerivedKey* response) override;
  // 32 octets, the same in every call.
  grpc::Status GetClusterId(grpc::ServerContext* context,
                            const v1::GetClusterIdRequest* request,
                            v1::ClusterId* response) override;
  // INVALID_ARGUMENT for an empty entry or one of more than 64 KiB. What is
  // signed is "constellation/v1/join-log", a zero octet, then the entry.
  grpc::Status SignJoinLog(grpc::ServerContext* context,
                           const v1::SignJoinLogRequest* request,
                           v1::Signature* response) override;

 private:
  const crypto::KeyHierarchy keys_;
  const Bytes measurement_salt_;
};

}  // namespace constellation::keyservice

#endif  // CONSTELLATION_KEYSERVICE_KEY_SERVICE_H_
