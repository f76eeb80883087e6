// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_RECOVERY_SERVICE_H_
#define CONSTELLATION_DISK_MAPPER_RECOVERY_SERVICE_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "attestation/attester.h"
#include "crypto/tls_identity.h"
#include "disk-mapper/disk_unlocker.h"
#include "proto/recovery.grpc.pb.h"

namespace constellation::disk_mapper {

// The contract of proto/recovery.proto. The node proves itself; the caller
// shows the key of the disk and the measurement secret of its cluster, so that
// nobody can make the node a member of a cluster that is not his. Thread-safe;
// references outlive it.
class RecoveryService final : public v1::RecoveryService::Service {
 public:
  // A call takes at most `limit`; more than kMaxCalls at once are refused.
  static constexpr int kMaxCalls = 8;

  RecoveryService(DiskUnlocker& unlocker, attestation::Attester& attester,
                  crypto::TlsIdentity identity, absl::Duration limit)
      : unlocker_(unlocker),
        attester_(attester),
        identity_(std::move(identity)),
        limit_(limit) {}

  grpc::Status Recover(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::RecoverServerMessage,
                               v1::RecoverClientMessage>* stream) override;

 private:
  absl::Status RecoverImpl(
      grpc::ServerContext& context,
      grpc::ServerReaderWriter<v1::RecoverServerMessage,
                               v1::RecoverClientMessage>& stream);

  DiskUnlocker& unlocker_;
  attestation::Attester& attester_;
  const crypto::TlsIdentity identity_;
  const absl::Duration limit_;
  std::atomic<int> calls_ = 0;
};

// Serves it on `address` ("0.0.0.0:9999") until destroyed. Calls under way may
// end first.
class RecoveryServer final {
 public:
  // UNAVAILABLE if the port cannot be had.
  static absl::StatusOr<std::unique_ptr<RecoveryServer>> Start(
      const std::string& address, RecoveryService& service,
      const crypto::TlsIdentity& identity);
  RecoveryServer(const RecoveryServer&) = delete;
  RecoveryServer& operator=(const RecoveryServer&) = delete;
  ~RecoveryServer();

  int port() const { return port_; }

 private:
  RecoveryServer() = default;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_RECOVERY_SERVICE_H_
