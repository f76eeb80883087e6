// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/grpc_status.h"

#include <string>

#include "common/status.h"

namespace constellation::attestation {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  // Both enumerations are the canonical codes.
  return {static_cast<grpc::StatusCode>(status.raw_code()),
          std::string(Message(status))};
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()),
          status.error_message()};
}

}  // namespace constellation::attestation
