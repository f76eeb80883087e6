// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_GRPC_STATUS_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace constellation::attestation {

// Messages on attested streams are at most this long, in both directions.
inline constexpr int kMaxMessageBytes = 4 << 20;

// Same code, same message.
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_GRPC_STATUS_H_
