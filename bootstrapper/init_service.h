// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_INIT_SERVICE_H_
#define CONSTELLATION_BOOTSTRAPPER_INIT_SERVICE_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/attester.h"
#include "bootstrapper/init_runs.h"
#include "crypto/tls_identity.h"
#include "proto/init.grpc.pb.h"

namespace constellation::bootstrapper {

// gRPC adapter of InitRuns: proves the node, converts, streams progress.
// Thread-safe.
class InitService final : public v1::InitService::Service {
 public:
  using Stream =
      grpc::ServerReaderWriter<v1::InitServerMessage, v1::InitClientMessage>;

  // `runs` and `attester` outlive it. A caller that has not sent its request
  // after `request_limit` is cut off.
  InitService(InitRuns& runs, attestation::Attester& attester,
              crypto::TlsIdentity identity, absl::Duration request_limit)
      : runs_(runs),
        attester_(attester),
        identity_(std::move(identity)),
        request_limit_(request_limit) {}

  grpc::Status Init(grpc::ServerContext* context, Stream* stream) override;

  const crypto::TlsIdentity& identity() const { return identity_; }

 private:
  absl::Status InitImpl(grpc::ServerContext& context, Stream& stream);
  absl::StatusOr<InitParameters> ReadRequest(grpc::ServerContext& context,
                                             Stream& stream);

  InitRuns& runs_;
  attestation::Attester& attester_;
  const crypto::TlsIdentity identity_;
  const absl::Duration request_limit_;
};

// Serves `service` at `address` ("0.0.0.0:9000"), with bounded memory, threads
// and message sizes. UNAVAILABLE if the address cannot be had. `port` receives
// the port if it is not null.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartInitServer(
    InitService& service, const std::string& address, int* port = nullptr);

// Takes the secrets out of `request`: what stays in it is overwritten. Sizes
// and syntax are not checked.
InitParameters TakeParameters(v1::InitRequest& request);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_INIT_SERVICE_H_
